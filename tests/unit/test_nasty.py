"""What `test_ugly` does not ask: the limit of a whole message, strange ids, crowds to page, a text that tells all."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.answer import (
    Answer,
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
from bot.domain.card import Card, Group, ThreadEntry, TimelineBatch
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Delay
from bot.domain.episode import Acknowledgement, Episode, EpisodeKind, EpisodeOutcome, TimelineEntry
from bot.domain.names import AmbiguousReference, UnknownReference
from bot.domain.notice import Notice, NoticeKind
from bot.domain.observation import Observation, PipelineId
from bot.domain.phase import Intent, Phase
from bot.domain.subscription import Edit
from bot.domain.summary import Digest, DigestEntry
from bot.domain.transition import SELECTABLE, Event, PipelineState, Reach
from bot.domain.watch import SuspendReason, Target, Watch
from bot.slack.render.saved_question import SavedQuestion
from tests.builders import ALERTS, ANN, a_card, a_person, a_watch, an_episode, an_observation, at
from tests.unit.rendering import LOOK, says, shown, tells_all, valid
from tests.unit.test_answers import a_view
from tests.unit.test_ugly import NASTY, answers, cards, lines

NAMES = [
    *NASTY,
    "<@U0EVIL> <!subteam^S0EVIL> <!everyone> <!here> <!channel>",
    "&" * 300,
    "_" * 300,
    ":" * 300,
    "a:red_circle:b :x: c",
    "\u2066\u202e\u061cgnitsop\u2069\u2068",
    "`*`*`*" * 50,
    "x|y>z<" * 50,
    "{name} {0} %s {pipeline_id}",
    "\u2028\u2029\x85",
    "… and more",
]
names = st.one_of(st.sampled_from(NAMES), st.text(max_size=300))
name_table = pytest.mark.parametrize("name", NAMES)
TELLS_WATCHES = (NoticeKind.WATCHING, NoticeKind.UNWATCHED, NoticeKind.SUSPENDED, NoticeKind.ROLLED_BACK)
CROWD = tuple(a_person(f"U1{place:04}") for place in range(1000))


def a_pipeline(name: str, number: int = 0) -> Pipeline:
    """The id is as strange as the name, but for what `goldrush.wire` lets through in none."""
    identity = f"{name}{number}"[-256:].encode(errors="ignore").decode()
    return Pipeline(id=PipelineId(identity), name=name, project=name, intent=Intent.PAUSED)


def a_standing(name: str, reach: Reach = Reach.REACHABLE) -> PipelineState:
    observation = replace(an_observation(Phase(name or "x"), ready=10**9, replicas=10**9), bounded=True)
    return PipelineState(observation=observation, since=at(1), reach=reach)


def a_line(name: str, number: int) -> TimelineEntry:
    event = list(Event)[number % len(Event)]
    return TimelineEntry(
        revision=number, at=at(number), events=(event,), phase=Phase(name or "x"), ready=10**9, replicas=10**9, by=ANN,
        reason=name, downtime_seconds=10.0**9,
    )  # fmt: skip


def a_story(kind: EpisodeKind, name: str) -> Episode:
    """The longest that is kept."""
    return replace(an_episode(kind, revision=10**6), timeline=tuple(a_line(name, number) for number in range(40)))


def ends(episode: Episode) -> list[Episode]:
    answered = Acknowledgement(by=ANN, at=at(3))
    return [
        episode,
        *(
            replace(episode, outcome=outcome, closed_at=at(10.0**8), acknowledged=answered)
            for outcome in EpisodeOutcome
        ),
    ]


@name_table
def test_every_kind_of_card(name: str) -> None:
    for kind in EpisodeKind:
        for episode in ends(a_story(kind, name)):
            for reach in Reach:
                card = replace(a_card(episode, pipeline=a_pipeline(name)), state=a_standing(name, reach))
                tells_all(valid(shown(card, late=10.0**7, possible_repeat=True)))


WORDIEST = Delay.SUSPENDED
WORST: dict[str, Any] = {"late": 10.0**7, "earliest": at(-(10.0**7)), "possible_repeat": True}


@name_table
def test_every_line(name: str) -> None:
    entries = tuple(
        ThreadEntry(card_key="k", pipeline=a_pipeline(name), entry=a_line(name, number), broadcast=True)
        for number in range(30)
    )
    for entry in entries:
        tells_all(valid(shown(entry, **WORST, delay=WORDIEST)))
    for of_group in (True, False):
        several = TimelineBatch(thread_key="s", of_group=of_group, entries=entries, left_out=10**6, broadcast=True)
        tells_all(valid(shown(several, **WORST, delay=WORDIEST)))


def a_missed(name: str, number: int) -> DigestEntry:
    """All that can be counted, as often as a long night makes it."""
    counts = dict.fromkeys(Event, 99)
    last = replace(a_line(name, number), by=None)
    return DigestEntry(pipeline=a_pipeline(name, number), counts=counts, since=at(0), until=at(number), last=last)


@name_table
def test_a_digest_of_thirty_fits(name: str) -> None:
    digest = Digest(key="k" * 32, entries=tuple(a_missed(name, number) for number in range(30)))
    tells_all(valid(shown(digest, **WORST, delay=WORDIEST)))


@pytest.mark.parametrize("delay", Delay)
def test_every_delay_fits_under_the_longest_name(delay: Delay) -> None:
    name = max(NAMES, key=len)
    line = ThreadEntry(card_key="k", pipeline=a_pipeline(name), entry=a_line(name, 1), broadcast=True)
    for body in (line, Digest(key="k" * 32, entries=(a_missed(name, 1),))):
        tells_all(valid(shown(body, **WORST, delay=delay)))


@name_table
def test_a_long_blindness_of_thirty(name: str) -> None:
    a_long_blindness(name, 30)


@pytest.mark.parametrize("number", [0, 1, 1000])
def test_a_long_blindness_of_few_or_many(number: int) -> None:
    a_long_blindness(max(NAMES, key=len), number)


def a_long_blindness(name: str, number: int) -> None:
    missed = tuple(a_missed(name, place) for place in range(number))
    notice = Notice(kind=NoticeKind.BLIND, at=at(10.0**7), since=at(0), missed=missed, unread=10**6)
    assert "I couldn't read 1,000,000 pipelines yet" in "\n".join(says(valid(shown(notice, **WORST))))


@pytest.mark.parametrize("number", [0, 1, 50, 1000])
def test_an_empty_memory_of_many_channels(number: int) -> None:
    notice = Notice(kind=NoticeKind.EMPTY, at=at(0), channels=(ALERTS,) * number)
    tells_all(valid(shown(notice, **WORST)))


@name_table
def test_groups_of_thirty(name: str) -> None:
    for episode in ends(a_story(EpisodeKind.FAILURE, name)):
        card = replace(a_card(episode, pipeline=a_pipeline(name)), state=a_standing(name), targets=CROWD[:50])
        group = Group(key="s" * 32, channel=ALERTS, cards=(replace(card, episode=an_episode()), *[card] * 29))
        for delay in Delay:
            valid(shown(group, **WORST, delay=delay))


def fifty_watches(name: str, targets: tuple[Target, ...]) -> tuple[Watch, ...]:
    return tuple(
        replace(a_watch(f"{name}{number}*" if number % 2 else f"{name}{number}"), label=name, targets=targets)
        for number in range(50)
    )


@name_table
def test_fifty_watches_with_a_crowd_to_page(name: str) -> None:
    fifty_with_a_crowd(name, CROWD[:20])


def test_fifty_watches_with_a_thousand_to_page() -> None:
    fifty_with_a_crowd(max(NAMES, key=len), CROWD)


def fifty_with_a_crowd(name: str, crowd: tuple[Target, ...]) -> None:
    watches = tuple(replace(watch, events=frozenset(SELECTABLE)) for watch in fifty_watches(name, crowd))
    for kind in TELLS_WATCHES:
        message = valid(shown(Notice(kind=kind, at=at(0), by=ANN, watches=watches, channel=ALERTS)))
        assert "all events" not in message.text
        assert "@u10000" in message.text  # at least one watch is told
        assert kind is not NoticeKind.SUSPENDED or "in another channel" in message.text
    views = tuple(WatchedView(watch=watch, covers=(a_view(name=name),) * 3) for watch in watches)
    edits = tuple(Edit(before=watch, after=watch) for watch in watches)
    for answer in (
        WatchAnswer(
            channel=ALERTS,
            edits=tuple(Edit(after=watch) for watch in watches),
            unchanged=watches,
            matched=(a_view(name=name),) * 60,
            at=at(9),
        ),
        UnwatchAnswer(channel=ALERTS, removed=watches, covered=(name,) * 50, still_covered_by=watches, at=at(9)),
        UnwatchAnswer(channel=ALERTS, removed=watches, not_watched=(name,) * 50, undo="u" * 32, at=at(9)),
        UnwatchAnswer(channel=ALERTS, would_end=watches, at=at(9)),
        UndoAnswer(channel=ALERTS, fate=UndoFate.DONE, edits=edits),
        UnmatchedAnswer(patterns=(name,) * 50, nearest=(a_pipeline(name),) * 3, at=at(9)),
        WatchesAnswer(channel=ALERTS, watches=views, suspended=SuspendReason.RESTRICTED, at=at(9)),
    ):
        tells_all(valid(LOOK.answer(answer, SavedQuestion(text=name)), posted=False))


@name_table
def test_sixty_pipelines_and_two_hundred_unknown_words(name: str) -> None:
    sixty = tuple(a_pipeline(name, number) for number in range(60))
    unclear: tuple[AmbiguousReference | UnknownReference, ...] = (
        AmbiguousReference(name, sixty),
        UnknownReference(name, sixty[:3]),
    ) * 100
    for number, few in ((0, unclear), (1, unclear[:3]), (60, ()), (60, unclear[:3])):
        found = tuple(
            replace(a_view(a_standing(name), name), pipeline=pipeline, problem=name) for pipeline in sixty[:number]
        )
        answer = StatusAnswer(views=found, unresolved=few, at=at(9))
        tells_all(valid(LOOK.answer(answer, SavedQuestion(text=name * 20)), posted=False))


@name_table
def test_a_wrong_command_is_quoted_harmlessly(name: str) -> None:
    for hint in ("", f"status {name}", f"WATCH {name}"):
        valid(LOOK.answer(RefusalAnswer(reason="No.", command=hint), SavedQuestion()), posted=False)


def test_a_reading_without_anything_in_it() -> None:
    bare = Observation(
        pipeline_id=PipelineId("p"), sequence=an_observation().sequence, observed_at=at(0), phase=Phase("x")
    )
    pipeline = Pipeline(id=PipelineId("p"), name="")
    for kind in EpisodeKind:
        for observation in (None, bare):
            episode = Episode(kind=kind, pipeline_id=pipeline.id, identity="x#1", opened_at=at(0))
            card = replace(a_card(episode, pipeline=pipeline), state=PipelineState(observation=observation))
            assert "(no name)" in tells_all(valid(shown(card))).text
    line = TimelineEntry(revision=1, at=at(0), events=())
    for event in Event:
        tells_all(
            valid(shown(ThreadEntry(card_key="k", pipeline=pipeline, entry=replace(line, events=(event,), by=ANN))))
        )


@given(cards, names)
def test_any_card_tells_all_in_its_text(card: Card, name: str) -> None:
    tells_all(valid(shown(replace(card, pipeline=a_pipeline(name)))))


@given(lines, names)
def test_any_line_tells_all_in_its_text(line: TimelineEntry, name: str) -> None:
    tells_all(valid(shown(ThreadEntry(card_key="k", pipeline=a_pipeline(name), entry=line, broadcast=True))))


@given(answers)
def test_any_answer_tells_all_in_its_text(answer: Answer) -> None:
    tells_all(valid(LOOK.answer(answer, SavedQuestion()), posted=False))
