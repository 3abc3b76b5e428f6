"""Everything we say at its longest and ugliest passes the sandbox's validation, and no name pings anybody."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.answer import (
    AcknowledgeAllAnswer,
    AcknowledgeAnswer,
    AcknowledgeFate,
    Answer,
    HelpAnswer,
    ListAnswer,
    PipelineView,
    RefusalAnswer,
    StatusAnswer,
    UndoAnswer,
    UndoFate,
    UnmatchedAnswer,
    UnwatchAnswer,
    WatchAnswer,
    WatchedView,
    WatchesAnswer,
)
from bot.domain.body import Content
from bot.domain.card import Card, Group, ThreadEntry, TimelineBatch
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Delay
from bot.domain.episode import Acknowledgement, Episode, EpisodeKind, EpisodeOutcome, TimelineEntry
from bot.domain.names import AmbiguousReference, UnknownReference
from bot.domain.notice import Notice, NoticeKind, OpenFailure
from bot.domain.observation import PipelineId
from bot.domain.phase import Intent, Phase
from bot.domain.subscription import Edit
from bot.domain.summary import Digest, DigestEntry
from bot.domain.transition import SELECTABLE, Event, PipelineState, Reach
from bot.domain.watch import ChannelId, SuspendReason, Target, TargetKind, UserId, Watch
from bot.slack.feature import UsageError
from bot.slack.render.blocks import RenderedMessage
from bot.slack.render.saved_question import SavedQuestion
from sandbox.slack.blocks import check_message
from sandbox.slack.drafts import read_draft, refuse_too_much
from tests.builders import ALERTS, ANN, ORDERS, a_delivery, an_observation, at
from tests.routes import parse
from tests.unit.rendering import Rendering

LOOK = Rendering(command="/pipeline", platform_url="https://goldrush.dev/platform/?pipeline={pipeline_id}")
NASTY = [
    "n" * 300,
    "<!channel> & <b>bold</b>",
    "<@U0ANN> <!subteam^S0ONCALL> <!here|here>",
    "&amp;&lt;!channel&gt;" * 20,
    "*bold* _italic_ ~gone~ `code` ```block```",
    "🐳" * 150,
    "👩‍👩‍👧‍👦" * 60,
    "خط أنابيب الطلبات \u202e evil",
    "line\nbreak\r\n\ttab\x00nul\x1b[31m",
    "https://evil.example/?a=1&b=2",
    ":rotating_light: @here @channel #general",
    "\ud800 half",
    "",
    "   ",
    '"quoted" “curly”',
]
# Our own forms; whatever else is in pointed brackets came from outside unescaped.
OURS = re.compile(
    r"<(@U0[A-Z0-9]+|!subteam\^S0[A-Z0-9]+|!here|!channel|#[CDG]0[A-Z0-9]+|!date\^\d+\^[^|>]*\|[^<>]*"
    r"|https://goldrush\.dev/platform/[^|<>]*\|Open(?: in GoldRush| GoldRush Platform)?)>"
)

PINGS = re.compile(r"<@|<!subteam|<!here|<!channel|<!everyone")


def valid(message: RenderedMessage, *, mentions: bool = False, posted: bool = True) -> RenderedMessage:
    """What Slack would say of it, and what a reader must be safe from. `posted`: by chat.postMessage, which takes less
    than a `response_url`."""
    blocks = json.loads(json.dumps(list(message.blocks)))
    read_draft({"channel": "C0ALERTS", "text": message.text, "blocks": blocks})
    assert check_message(blocks) == []
    if posted:
        refuse_too_much(blocks)
    assert 0 < len(message.text) <= 4000
    for text in [message.text, *re.findall(r'"text": "((?:[^"\\]|\\.)*)"', json.dumps(blocks, ensure_ascii=False))]:
        outside = OURS.sub("", text)
        assert "<" not in outside, outside
        assert ">" not in outside, outside
        assert mentions or not PINGS.search(text), text
    return message


def a_pipeline_called(name: str, number: int = 1) -> Pipeline:
    return Pipeline(id=PipelineId(f"pipe_{number:027x}"), name=name, project=name, intent=Intent.RUNNING)


def a_standing(phase: str = "FAILED", reach: Reach = Reach.REACHABLE) -> PipelineState:
    observation = replace(an_observation(Phase(phase), ready=0, replicas=10**6), intent=None)
    return PipelineState(observation=observation, since=at(1), failed_since=at(1), reach=reach)


names = st.one_of(st.sampled_from(NASTY), st.text(max_size=300))
events = st.lists(st.sampled_from(Event), min_size=1, max_size=4, unique=True).map(tuple)
lines = st.builds(
    TimelineEntry,
    revision=st.integers(1, 99),
    at=st.just(at(5)),
    events=events,
    phase=st.one_of(st.none(), st.sampled_from(Phase), names.map(Phase)),
    ready=st.sampled_from([None, 0, 10**9]),
    replicas=st.sampled_from([None, 0, 10**9]),
    by=st.just(ANN),
    name=names,
    place=names,
    reason=names,
    downtime_seconds=st.sampled_from([None, 0.0, 10.0**9]),
)
answered = st.builds(Acknowledgement, by=st.just(ANN), at=st.just(at(3)), name=names, place=names)
episodes = st.builds(
    Episode,
    kind=st.sampled_from(EpisodeKind),
    pipeline_id=st.just(ORDERS),
    identity=st.just("x#1"),
    opened_at=st.just(at(1)),
    revision=st.integers(1, 10**6),
    timeline=st.lists(lines, max_size=40).map(tuple),
    acknowledged=st.one_of(st.none(), answered),
    first_seen=st.booleans(),
    closed_at=st.sampled_from([None, at(9), at(10.0**7)]),
    outcome=st.sampled_from([None, *EpisodeOutcome]),
)
targets = st.lists(
    st.one_of(
        st.builds(Target, kind=st.just(TargetKind.USER), id=st.just("U0ANN"), label=names),
        st.builds(Target, kind=st.just(TargetKind.USERGROUP), id=st.just("S0ONCALL"), label=names),
        st.sampled_from([Target(kind=TargetKind.HERE), Target(kind=TargetKind.CHANNEL)]),
    ),
    max_size=20,
).map(tuple)
standings = st.one_of(
    st.just(PipelineState()),
    st.builds(a_standing, st.one_of(st.sampled_from(Phase), names.filter(bool)), st.sampled_from(Reach)),
)
cards = st.builds(
    lambda name, episode, standing, targets: Card(
        key="k" * 32,
        channel=ALERTS,
        pipeline=a_pipeline_called(name),
        episode=episode,
        state=standing,
        targets=targets,
        stands_in_for=(ALERTS,) if len(targets) % 2 else (),
    ),
    names,
    episodes,
    standings,
    targets,
)


how_they_come = st.fixed_dictionaries(
    {
        "late": st.sampled_from([0.0, 10.0**6]),
        "delay": st.sampled_from([None, *Delay]),
        "earliest": st.sampled_from([None, at(-(10.0**6))]),
        "plain": st.booleans(),
        "possible_repeat": st.booleans(),
    }
)


def rendered(content: Content, late: float = 0.0, **fields: Any) -> RenderedMessage:
    delivery = a_delivery("k" * 32, Notice(kind=NoticeKind.SUSPENDED, at=at(0)), **fields)
    return LOOK.content(content, delivery, at(late))


@given(cards, how_they_come)
def test_cards(card: Card, how: dict[str, Any]) -> None:
    pages = card.episode.kind is EpisodeKind.FAILURE and card.episode.open and not card.episode.acknowledged
    valid(rendered(card, **how), mentions=pages)


@settings(max_examples=25)  # each is up to 30 cards
@given(st.lists(cards, min_size=1, max_size=30), how_they_come)
def test_groups(several: list[Card], how: dict[str, Any]) -> None:
    unlike = tuple(replace(card, key=f"{number:032}") for number, card in enumerate(several))
    valid(rendered(Group(key="s" * 32, channel=ALERTS, cards=unlike), **how), mentions=True)


gathered_lines = st.builds(
    lambda name, entries, of_group, broadcast, left_out: TimelineBatch(
        thread_key="s",
        of_group=of_group,
        entries=tuple(ThreadEntry(card_key="k", pipeline=a_pipeline_called(name), entry=line) for line in entries),
        left_out=left_out,
        broadcast=broadcast,
    ),
    names,
    st.lists(lines, min_size=1, max_size=30),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 1, 10**6]),
)


@given(gathered_lines, how_they_come)
def test_lines(batch: TimelineBatch, how: dict[str, Any]) -> None:
    for entry in batch.entries:
        valid(rendered(replace(entry, broadcast=batch.broadcast), **how))
    valid(rendered(batch, **how))


def a_missed(name: str, number: int, counts: dict[Event, int], last: TimelineEntry) -> DigestEntry:
    return DigestEntry(pipeline=a_pipeline_called(name, number), counts=counts, since=at(1), until=at(5), last=last)


missed = st.builds(
    a_missed, names, st.integers(1, 999), st.dictionaries(st.sampled_from(Event), st.sampled_from([1, 2, 99])), lines
)


@given(st.lists(missed, min_size=1, max_size=30), how_they_come)
def test_digests_fit_and_escape(entries: list[DigestEntry], how: dict[str, Any]) -> None:
    valid(rendered(Digest(key="k" * 32, entries=tuple(entries)), **how))


def a_watch_of(name: str, targets: tuple[Target, ...], channel: str = "C0ALERTS") -> Watch:
    return Watch(
        channel=ChannelId(channel),
        reference=name or "x",
        events=frozenset(SELECTABLE),
        targets=targets,
        made_by=UserId("U0ANN"),
        made_by_name=name,
        made_at=at(0),
        label=name,
    )


watches = st.lists(st.builds(a_watch_of, st.one_of(names, names.map(lambda name: f"{name}*")), targets), max_size=60)


notices = st.builds(
    Notice,
    kind=st.sampled_from(NoticeKind),
    at=st.just(at(0)),
    by=st.sampled_from([None, ANN]),
    by_name=names,
    watches=watches.map(tuple),
    before=watches.map(tuple),
    undo=st.sampled_from(["", "u" * 32]),
    targets=targets,
    failures=st.lists(
        st.builds(
            OpenFailure,
            pipeline=st.builds(a_pipeline_called, names),
            card_key=st.just("k" * 32),
            since=st.just(at(0)),
            first_seen=st.booleans(),
        ),
        max_size=30,
    ).map(tuple),
    channel=st.just(ALERTS),
    reason=st.sampled_from([None, *SuspendReason]),
    instead=st.sampled_from([None, ALERTS]),
    since=st.sampled_from([None, at(-(10.0**6))]),
    missed=st.lists(missed, max_size=60).map(tuple),
    unread=st.sampled_from([0, 1, 10**6]),
    channels=st.lists(st.just(ALERTS), max_size=120).map(tuple),
)


@given(notices, how_they_come)
def test_notices(notice: Notice, how: dict[str, Any]) -> None:
    mentioning = {NoticeKind.LATE_PAGE, NoticeKind.CALL_AGAIN, NoticeKind.GROUP_PAGE}
    valid(rendered(notice, **how), mentions=notice.kind in mentioning)


views = st.builds(
    lambda name, number, standing, problem: PipelineView(
        pipeline=a_pipeline_called(name, number),
        state=standing,
        watched_here=True,
        acknowledged=Acknowledgement(by=ANN, at=at(2), name=name, place=name),
        problem=problem,
    ),
    names,
    st.integers(1, 999),
    standings,
    st.one_of(st.none(), names),
)
many_views = st.lists(views, max_size=60).map(tuple)
unresolved = st.lists(
    st.one_of(
        st.builds(UnknownReference, names, st.lists(st.builds(a_pipeline_called, names), max_size=3).map(tuple)),
        st.builds(
            AmbiguousReference, names, st.lists(st.builds(a_pipeline_called, names), min_size=2, max_size=40).map(tuple)
        ),
    ),
    max_size=20,
).map(tuple)
answers = st.one_of(
    st.builds(StatusAnswer, views=many_views, unresolved=unresolved, whole_channel=st.booleans(), at=st.just(at(9))),
    st.builds(ListAnswer, views=many_views, words=names, at=st.just(at(9)), problem=st.one_of(st.none(), names)),
    st.builds(
        WatchAnswer,
        channel=st.just(ALERTS),
        edits=watches.map(lambda drawn: tuple(Edit(before=watch, after=watch) for watch in drawn)),
        undo=st.sampled_from(["", "u" * 32]),
        unchanged=watches.map(tuple),
        matched=many_views,
        unresolved=unresolved,
        at=st.just(at(9)),
    ),
    st.builds(
        UnwatchAnswer,
        channel=st.just(ALERTS),
        removed=watches.map(tuple),
        not_watched=st.lists(names, max_size=20).map(tuple),
        unresolved=st.one_of(st.just(()), unresolved),
        covered=st.lists(names, max_size=20).map(tuple),
        still_covered_by=watches.map(tuple),
        would_end=st.one_of(st.just(()), watches.map(tuple)),
        undo=st.sampled_from(["", "u" * 32]),
        at=st.just(at(9)),
    ),
    st.builds(
        UnmatchedAnswer,
        patterns=st.lists(names, min_size=1, max_size=20).map(tuple),
        nearest=st.lists(st.builds(a_pipeline_called, names), max_size=9).map(tuple),
        at=st.just(at(9)),
    ),
    st.builds(
        UndoAnswer,
        channel=st.just(ALERTS),
        fate=st.sampled_from(UndoFate),
        edits=watches.map(lambda drawn: tuple(Edit(before=watch) for watch in drawn)),
    ),
    st.builds(
        WatchesAnswer,
        channel=st.just(ALERTS),
        watches=st.lists(
            st.builds(
                WatchedView,
                watch=st.builds(a_watch_of, names, targets),
                covers=st.lists(views, max_size=3).map(tuple),
            ),
            max_size=60,
        ).map(tuple),
        suspended=st.sampled_from([None, *SuspendReason]),
        at=st.just(at(9)),
    ),
    st.builds(
        AcknowledgeAnswer,
        pipeline=st.builds(a_pipeline_called, names),
        fate=st.sampled_from(AcknowledgeFate),
        watched=st.booleans(),
        by=st.just(ANN),
        by_name=names,
    ),
    st.builds(AcknowledgeAllAnswer, acknowledged=st.integers(0, 30), known=st.integers(0, 30)),
    st.builds(HelpAnswer, topic=st.sampled_from([None, "watch", "nonsense"])),
)


@given(answers, st.builds(SavedQuestion, text=st.text(max_size=4000), page=st.integers(1, 4), shared=st.booleans()))
def test_answers(answer: Answer, question: SavedQuestion) -> None:
    valid(LOOK.answer(answer, question), posted=False)


@given(st.one_of(names, st.text(max_size=6000), st.text(alphabet='watch on page in "<>@#!^|, ', max_size=200)))
def test_a_mistyped_command_is_quoted_harmlessly(text: str) -> None:
    for typed in (text, f"watch x on {text}", f"watch x page {text}", f"watch x in {text}", f"watch {text} on failed"):
        command = parse(typed)
        if isinstance(command, UsageError):
            valid(LOOK.answer(RefusalAnswer(reason=command.message, command=command.hint), SavedQuestion()))


@pytest.mark.parametrize("name", NASTY)
def test_sixty_pipelines_of_the_ugliest_names_in_one_answer(name: str) -> None:
    views = tuple(PipelineView(pipeline=a_pipeline_called(name, number), state=a_standing()) for number in range(60))
    for page in (1, 2, 3):
        message = valid(
            LOOK.answer(StatusAnswer(views=views, whole_channel=True, at=at(99)), SavedQuestion(text="", page=page)),
            posted=False,
        )
        assert f"page {page} of 3" in message.text
        assert message.text.count("FAILED") == 20  # a reader of the text alone misses none


def test_a_group_of_twenty_long_names_tells_of_each_in_its_text() -> None:
    long_names = [f"{number:02} {'n' * 300}" for number in range(20)]
    episode = Episode(
        kind=EpisodeKind.FAILURE, pipeline_id=ORDERS, identity="x#1", opened_at=at(1) - timedelta(days=3), revision=1
    )
    cards = tuple(
        Card(
            key=name[:32],
            channel=ALERTS,
            pipeline=a_pipeline_called(name, number),
            episode=episode,
            state=a_standing(),
        )
        for number, name in enumerate(long_names)
    )
    text = valid(rendered(Group(key="s" * 32, channel=ALERTS, cards=cards))).text
    assert all(name[:10] in text for name in long_names)
