"""Several stories in one message: groups, lines that waited, and catching up."""

import json
import re
from dataclasses import replace
from itertools import count

import pytest

from bot.domain.body import Content
from bot.domain.card import Card, Group, ThreadEntry, TimelineBatch
from bot.domain.delivery import Delay
from bot.domain.episode import Acknowledgement, Episode, EpisodeOutcome, TimelineEntry
from bot.domain.failure_groups import MOST_MEMBERS
from bot.domain.note import Guidance, Note, NoteKind
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import Record
from bot.domain.postmortem import is_group_due
from bot.domain.summary import Digest, DigestEntry, HeldPages
from bot.domain.transition import Event, PipelineState, Reach, ReadGap
from bot.domain.watch import Target, TargetKind, UserId
from bot.slack.mrkdwn import time_of_day
from bot.slack.render import phrases
from bot.slack.render.group_card import MOST_ROWS
from bot.slack.render.renderer import Renderer
from tests.builders import (
    ALERTS,
    ANN,
    a_card,
    a_delivery,
    a_person,
    a_pipeline,
    a_usergroup,
    an_episode,
    an_observation,
    at,
)
from tests.unit.rendering import LOOK, buttons, says, shown, tells_all, valid
from tests.unit.test_notices import a_missed

PAGED = (a_person(), a_usergroup(), Target(kind=TargetKind.HERE))


def a_group(*cards: Card) -> Group:
    pipelines = (a_pipeline(f"orders-{number}", pipeline_id=PipelineId(f"pipe_{number + 1:04}")) for number in count())
    unlike = (replace(card, pipeline=pipeline) for card, pipeline in zip(cards, pipelines, strict=False))
    return Group(key="s" * 32, channel=ALERTS, cards=tuple(unlike))


OPEN = replace(a_card(), targets=PAGED)
ANSWERED = replace(
    OPEN,
    episode=replace(an_episode(), acknowledged=Acknowledgement(by=UserId("U0BOB"), at=at(9), name="Bob", place="#ops")),
)
OVER = replace(OPEN, episode=replace(an_episode(), closed_at=at(91), outcome=EpisodeOutcome.RECOVERED))


def a_gap_in(card: Card) -> Card:
    last = replace(card.episode.timeline[-1], gap=ReadGap(since=at(2), until=at(89)))
    return replace(card, episode=replace(card.episode, timeline=(*card.episode.timeline[:-1], last)))


UNWATCHED = replace(OPEN, episode=replace(an_episode(), closed_at=at(91), outcome=EpisodeOutcome.UNWATCHED))


@pytest.mark.parametrize(
    ("group", "words", "calls"),
    [
        (a_group(OPEN, OPEN, OPEN), ["3 pipelines failed", "orders-0 failed", "orders-2 failed"], True),
        (
            a_group(OPEN, ANSWERED, OVER),
            ["2 of 3 pipelines are still failing", "· :eyes: Bob in #ops", "orders-2 recovered after 1 min 30 s"],
            True,
        ),
        (
            a_group(OPEN, a_gap_in(OVER)),
            ["orders-1 recovered after 1 min 30 s (not read from <!date", "to <!date"],
            True,
        ),
        (a_group(ANSWERED, ANSWERED), ["2 pipelines failed", "2 acknowledged"], False),
        (a_group(OVER, OVER), ["All 2 pipelines have recovered, the last after 1 min 30 s · <!date"], False),
        (
            a_group(UNWATCHED, UNWATCHED),
            [
                "2 pipelines that failed are no longer watched here. This channel gets no further updates",
                "orders-0 is no longer watched, last seen FAILED",
            ],
            False,
        ),
        (
            a_group(OVER, UNWATCHED),
            ["1 of 2 pipelines is no longer failing: recovered. 1 is no longer watched · <!date"],
            False,
        ),
        (
            a_group(OPEN, UNWATCHED, OVER),
            ["1 of 3 pipelines is still failing", "1 recovered · 1 no longer watched"],
            True,
        ),
    ],
)
def test_a_group_tells_of_each_and_calls_while_one_is_unanswered(group: Group, words: list[str], calls: bool) -> None:
    message = valid(shown(group))
    for word in words:
        assert word in "\n".join([message.text, *says(message)])
    assert ("<@U0ANN> <!subteam^S0ONCALL> <!here> please take a look" in message.text) == calls
    made = buttons(message)
    drafts = ["Draft postmortem"] if is_group_due(group.cards) else []
    assert set(made) == {f"Show all {len(group.cards)}", *(["Acknowledge all"] if calls else []), *drafts}
    assert all(button.facts == {"group": group.key} for button in made.values())


UNKNOWN = replace(OPEN, episode=replace(an_episode(), first_seen=True))
UNKNOWN_OVER = replace(OVER, episode=replace(OVER.episode, first_seen=True))


@pytest.mark.parametrize(
    ("group", "head", "expected"),
    [
        (a_group(OPEN, OPEN), "2 pipelines failed", ""),
        (a_group(UNKNOWN, UNKNOWN), "2 pipelines failed", "They had already failed"),
        (a_group(UNKNOWN, UNKNOWN, OPEN), "3 pipelines failed", "2 of them had already failed"),
        (a_group(UNKNOWN, OVER), "1 of 2 pipelines is still failing", "1 of them had already failed"),
        (
            a_group(UNKNOWN_OVER, UNKNOWN_OVER),
            "All 2 pipelines have recovered, the last after at least",
            "They had already failed",
        ),
    ],
)
def test_a_group_of_first_readings_does_not_claim_new_failures(group: Group, head: str, expected: str) -> None:
    text = tells_all(valid(shown(group))).text
    assert text.startswith(head)
    assert expected in text
    assert ("already" in text) == bool(expected)


def test_a_group_without_a_known_start_claims_no_length() -> None:
    assert re.search(r"Since <!date[^>]*> or earlier", valid(shown(a_group(OPEN, UNKNOWN))).text)
    over = tells_all(valid(shown(a_group(OVER, UNKNOWN_OVER)))).text
    assert "All 2 pipelines have recovered, the last after at least 1 min 30 s" in over
    assert "orders-0 recovered after 1 min 30 s" in over
    assert "orders-1 recovered after at least 1 min 30 s" in over


def some_lines(count: int = 3) -> tuple[ThreadEntry, ...]:
    return tuple(
        ThreadEntry(card_key="k", pipeline=a_pipeline(f"orders-{number}"), entry=an_episode().timeline[0])
        for number in range(count)
    )


@pytest.mark.parametrize(
    ("of_group", "broadcast", "named"),
    [(True, False, True), (True, True, True), (False, True, True), (False, False, False)],
)
def test_lines_name_their_pipelines_in_a_group_thread(of_group: bool, broadcast: bool, named: bool) -> None:
    batch = TimelineBatch(thread_key="s", of_group=of_group, entries=some_lines(), broadcast=broadcast)
    text = tells_all(valid(shown(batch))).text
    assert text.split("\n") == [f"orders-{number} failed: 0 of 1 ready"[0 if named else 9 :] for number in range(3)]


def test_a_long_batch_counts_its_middle() -> None:
    batch = TimelineBatch(thread_key="s", of_group=False, entries=some_lines(4), left_out=70)
    first, second, middle, *_ = tells_all(valid(shown(batch))).text.split("\n")
    assert first == second == "failed: 0 of 1 ready"
    assert middle == "… 70 more changes …"
    assert "more changes" not in shown(replace(batch, left_out=0)).text


def test_a_digest_shows_each_pipelines_changes_and_state() -> None:
    entries = (a_missed("zebra", failed=3, recovered=3), a_missed("Apple", until=200, restarted=1))
    head, apart, *rows = tells_all(valid(shown(Digest(key="k", entries=entries)))).text.split("\n")
    assert head.startswith("Catching up on 2 pipelines, from <!date^1795435201^")
    assert " to <!date^1795435400^" in head
    assert [row.split(" · last seen RUNNING ")[0] for row in rows] == [
        "• Apple restarted",
        "• zebra failed 3×, recovered 3×",
    ]
    assert apart == "This is what happened in between. Pipelines that are failed now have their own messages."
    assert "on 1 pipeline, " in shown(Digest(key="k", entries=entries[:1])).text


def test_a_digest_row_does_not_look_like_the_current_state() -> None:
    """It comes below the failures that are open: a green dot beside a red one would be taken for news."""
    message = shown(Digest(key="k", entries=(a_missed("orders", failed=2, recovered=2, live=2),)))
    assert "circle" not in str(message.blocks)
    assert "orders failed 2×, recovered 2× · last seen RUNNING" in message.text


def test_a_digest_shows_the_state_at_the_time_of_sending() -> None:
    state = PipelineState(observation=an_observation(Phase.FAILED, 5), since=at(50))
    renderer = replace(LOOK, record=lambda pipeline_id: Record(pipeline_id=pipeline_id, state=state))
    digest = Digest(key="k", entries=(a_missed("orders", failed=2, recovered=2, until=40),))
    assert (
        f"recovered 2× · last seen FAILED at {time_of_day(at(50))}"
        in renderer.content(digest, a_delivery(), at(60)).text
    )
    held = HeldPages(key="k", limit=1, entries=digest.entries)
    assert "last seen FAILED" in renderer.content(held, a_delivery(), at(60)).text


# RUNNING is told by what comes of it, or as the last phase.
@pytest.mark.parametrize("event", [kind for kind in Event if kind is not Event.RUNNING])
def test_a_digest_counts_every_kind_of_event(event: Event) -> None:
    line = TimelineEntry(revision=1, at=at(1), events=(event,), phase=Phase.RUNNING)
    entry = DigestEntry(pipeline=a_pipeline(), counts={event: 2}, since=at(1), until=at(1), last=line)
    assert (
        f"orders-eu {event.value.replace('_', ' ')} 2× · last seen RUNNING"
        in shown(Digest(key="k", entries=(entry,))).text
    )


def test_an_acknowledgement_does_not_say_that_a_pipeline_was_never_read() -> None:
    line = TimelineEntry(revision=2, at=at(9), events=(Event.ACKNOWLEDGED,), by=ANN)
    entry = DigestEntry(pipeline=a_pipeline(), counts={Event.ACKNOWLEDGED: 1}, since=at(9), until=at(9), last=line)
    text = tells_all(valid(shown(Digest(key="k", entries=(entry,))))).text
    assert "orders-eu acknowledged · last change at <!date^1795435209^" in text
    assert "not read" not in text


SEVERAL: tuple[Content, ...] = (
    a_group(OPEN, ANSWERED, OVER),
    TimelineBatch(thread_key="s", of_group=True, entries=some_lines()),
    TimelineBatch(thread_key="s", of_group=False, entries=some_lines(), left_out=9, broadcast=True),
    Digest(key="k", entries=(a_missed(failed=1),)),
)


@pytest.mark.parametrize("content", SEVERAL)
@pytest.mark.parametrize("delay", [None, *Delay])
def test_late_or_perhaps_twice_it_says_so(content: Content, delay: Delay | None) -> None:
    on_time = shown(content, late=29, delay=delay).text
    assert "Told" not in on_time
    assert "repeat" not in on_time
    text = tells_all(valid(shown(content, late=120, delay=delay, possible_repeat=True))).text
    assert "Late by 2 min" in text
    assert f", because {phrases.DELAYS[delay] if delay else 'other messages went first'}." in text
    assert "Possible repeat" in text


def test_a_group_has_buttons_for_all_and_for_the_members() -> None:
    group = a_group(OPEN, ANSWERED, OVER, OPEN)
    made = buttons(valid(shown(group)))
    assert set(made) == {"Acknowledge all", "Show all 4"}
    assert set(buttons(valid(shown(a_group(ANSWERED, OVER))))) == {"Show all 2"}


@pytest.mark.parametrize(
    ("destinations", "projects", "words"),
    [
        ("aaaa", "pppp", "In common: all write to one destination, all are in project p"),
        ("abcd", "pppq", ""),
        ("aaaab", "pqrst", "In common: 4 of 5 write to one destination"),
        ("aaabb", "ppppp", "In common: all are in project p"),
        ("    ", "    ", ""),
    ],
)
def test_a_group_leads_with_what_its_failures_share(destinations: str, projects: str, words: str) -> None:
    cards = [
        replace(OPEN, pipeline=replace(a_pipeline(project=project.strip()), destination=destination.strip()))
        for destination, project in zip(destinations, projects, strict=True)
    ]
    named = (
        replace(card, pipeline=replace(card.pipeline, id=PipelineId(f"pipe_{number}")))
        for number, card in enumerate(cards)
    )
    lines = valid(shown(Group(key="s" * 32, channel=ALERTS, cards=tuple(named)))).text.split("\n")
    assert (lines[1] if words else "") == words
    assert any("In common" in line for line in lines) == bool(words)


def test_a_group_that_cannot_be_read_says_so() -> None:
    unreadable = replace(OPEN, state=replace(OPEN.state, reach=Reach.UNREACHABLE))
    assert "the GoldRush API may be down" in valid(shown(a_group(unreadable, unreadable))).text
    assert "API" not in valid(shown(a_group(unreadable, OPEN))).text


def test_a_large_group_lists_some_pipelines_and_counts_the_others() -> None:
    cards = (*[OPEN] * 150, *[ANSWERED] * 47, *[OVER] * 3)
    message = valid(shown(a_group(*cards)))
    text = message.text
    assert text.startswith("197 of 200 pipelines are still failing")
    assert "47 acknowledged · 3 recovered" in text
    rows = [line for line in "\n".join(says(message)).split("\n") if line.startswith(":red_circle:")]
    assert len(rows) == 1 + MOST_ROWS
    assert "and 189 more: " in text
    assert " … and 177 more" in text
    assert "3 recovered: orders-197, orders-198, orders-199" in text
    assert list(buttons(message)) == ["Acknowledge all", "Show all 200"]


def test_each_member_of_a_group_links_to_its_page() -> None:
    known = says(valid(shown(a_group(OPEN, OPEN))))
    for number in (1, 2):
        assert sum(text.count(f"https://goldrush.dev/platform/?pipeline=pipe_000{number}|Open>") for text in known) == 1
    unknown = Renderer(command="/pipeline", platform_url="https://goldrush.dev/platform/")
    text = "".join(says(unknown.content(a_group(OPEN, OPEN), a_delivery(), at(0))))
    assert text.count("<https://goldrush.dev/platform/|Open GoldRush Platform>") == 1


def test_slack_accepts_the_largest_group() -> None:
    worst = [
        replace(
            OPEN,
            key=f"{number:032}",
            pipeline=a_pipeline("&\N{WHALE}" * 60, pipeline_id=PipelineId("\N{WHALE}" * 59 + f"{number}")),
        )
        for number in range(MOST_MEMBERS)
    ]
    message = valid(shown(Group(key="s" * 32, channel=ALERTS, cards=tuple(worst))))
    assert len(json.dumps(message.blocks, ensure_ascii=False)) < 12_000


@pytest.mark.parametrize(
    ("again", "head"),
    [
        (an_episode(), "1 of 2 pipelines is still failing"),
        (replace(an_episode(), closed_at=at(95), outcome=EpisodeOutcome.RECOVERED), "All 2 pipelines have recovered"),
    ],
)
def test_a_group_counts_a_pipeline_that_failed_twice_once(again: Episode, head: str) -> None:
    other = replace(OVER, pipeline=a_pipeline("orders-us", pipeline_id=PipelineId("pipe_us")))
    newer = replace(OPEN, episode=replace(again, identity="failure|x#2", opened_at=at(92)))
    text = shown(Group(key="s" * 32, channel=ALERTS, cards=(OVER, newer, other))).text
    assert text.startswith(head)


def test_the_recovery_of_a_whole_group_is_one_line() -> None:
    ended = replace(
        an_episode().timeline[0],
        events=(Event.RUNNING, Event.LIVE, Event.RECOVERED),
        phase=Phase.RUNNING,
        downtime_seconds=90.0,
    )
    entries = tuple(ThreadEntry(card_key="k", pipeline=a_pipeline(f"orders-{n}"), entry=ended) for n in range(3))
    lines = TimelineBatch(thread_key="s", of_group=True, entries=entries, broadcast=True, all_recovered=3)
    everyone = tells_all(valid(shown(lines))).text
    assert everyone == "All 3 pipelines have recovered, the last after 1 min 30 s: orders-0, orders-1, orders-2"
    last = tells_all(valid(shown(replace(lines, all_recovered=5)))).text
    assert last == "All 5 pipelines have recovered, the last 3 after up to 1 min 30 s: orders-0, orders-1, orders-2"
    some = tells_all(valid(shown(replace(lines, broadcast=False, all_recovered=0)))).text
    assert some == "orders-0, orders-1, orders-2 recovered, the last after 1 min 30 s"
    one = tells_all(valid(shown(replace(lines, entries=entries[:1], all_recovered=0)))).text
    assert one == "orders-0 recovered after 1 min 30 s"
    slowest = tells_all(valid(shown(replace(lines, entries=entries[:1], all_recovered=4)))).text
    assert slowest == "All 4 pipelines have recovered, the last after 1 min 30 s: orders-0"


def test_a_group_shows_the_runbooks_of_most_of_its_members() -> None:
    def note(number: int) -> Note:
        return Note(kind=NoteKind.NOTE, reference="*", text=f"look at {number}", by=ANN, at=at(0))

    members = [replace(OPEN, guidance=Guidance(note=note(number // 3))) for number in range(12)]
    text = valid(shown(a_group(*members))).text
    assert [f"“look at {number}”" in text for number in range(4)] == [True, True, True, False]
    assert text.count("for 3 of 12 pipelines") == 3


@pytest.mark.parametrize(("of_all", "owner"), [(True, ""), (False, " · for orders-0")])
def test_a_group_names_the_pipelines_of_a_runbook(*, of_all: bool, owner: str) -> None:
    note = Note(kind=NoteKind.NOTE, reference="*", text="restart the sink", by=ANN, at=at(0))
    other = replace(OPEN, guidance=Guidance(note=note)) if of_all else OPEN
    text = valid(shown(a_group(replace(OPEN, guidance=Guidance(note=note)), other))).text
    assert any(line.endswith(f"“restart the sink”{owner}") for line in text.splitlines()), text
