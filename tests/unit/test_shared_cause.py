"""What failures of a group share, and how their card says it: nothing that no log said."""

from dataclasses import replace

import pytest

from bot.domain.card import Card, Group
from bot.domain.causes import CAUSES
from bot.domain.diagnosis import Diagnosis, LogOutcome
from bot.domain.episode import EpisodeOutcome
from bot.domain.log_lines import Excerpt
from bot.domain.note import Guidance, Note, NoteKind
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.shared_cause import shared_cause
from bot.domain.transition import Event, PipelineState, Reach
from tests.builders import ALERTS, ANN, a_card, a_pipeline, an_episode, an_observation, at
from tests.unit.rendering import says, shown, valid

REFUSED = "2026-11-24T12:00:02Z ERROR dial tcp 10.0.3.17:5432: connect: connection refused <!channel>"

# One letter is one failure: U unreachable, S schema, K an unknown cause, each with one error. V unreachable with
# another error, X an unknown cause with another error. N no log yet, E a log without an error, - no diagnosis yet,
# O a diagnosis of an earlier failure.
_NAMED = {
    "U": ("unreachable", "f1"),
    "V": ("unreachable", "f2"),
    "S": ("schema", "f3"),
    "K": ("unknown", "f4"),
    "X": ("unknown", "f5"),
    "B": ("unknown", ""),
}


def a_diagnosis(letter: str) -> Diagnosis | None:
    began_at = an_episode().began_at
    match letter:
        case "-":
            return None
        case "N":
            return Diagnosis(at=at(8), began_at=began_at, log=LogOutcome.NOT_YET)
        case "E":
            return Diagnosis(at=at(8), began_at=began_at, log=LogOutcome.READ)
        case "O":
            return replace(named("U"), began_at=at(-1000))
        case _:
            return named(letter)


def named(letter: str) -> Diagnosis:
    cause, fingerprint = _NAMED[letter]
    excerpt = Excerpt(pod="p", lines=(REFUSED,), error=REFUSED)
    began_at = an_episode().began_at
    return Diagnosis(
        at=at(8), began_at=began_at, log=LogOutcome.READ, cause=cause, fingerprint=fingerprint, excerpt=excerpt
    )


def failures(letters: str, *, destinations: str = "", kind: str = "postgres", projects: str = "") -> list[Card]:
    """Without places, each failure has its own."""
    alphabet = "abcdefghijklmnop"
    cards = []
    for number, letter in enumerate(letters):
        listed = a_pipeline(
            f"orders-{number}", pipeline_id=PipelineId(f"pipe_{number:04}"), project=(projects or alphabet)[number]
        )
        pipeline = replace(listed, destination=(destinations or alphabet)[number], destination_type=kind)
        cards.append(a_card(replace(an_episode(), diagnosis=a_diagnosis(letter)), pipeline=pipeline))
    return cards


def text(cards: list[Card]) -> list[str]:
    return valid(shown(Group(key="s" * 32, channel=ALERTS, cards=tuple(cards)))).text.split("\n")


@pytest.mark.parametrize(
    ("letters", "cause", "alike", "unread"),
    [
        ("UUUUUUU", "unreachable", 7, 0),
        ("UUUUU--", "unreachable", 5, 2),
        ("UUUUUNE", "unreachable", 5, 2),
        ("UUUVVSS", "unreachable", 5, 0),
        ("UVUV", "unreachable", 4, 0),
        ("UU-", "unreachable", 2, 1),
        ("KKKK", "unknown", 4, 0),
        ("KKKS", "unknown", 3, 0),
        ("UUOO-", None, 0, 0),
        ("UUSS", None, 0, 0),
        ("KXKX", None, 0, 0),
        ("BBBB", None, 0, 0),
        ("NNNN", None, 0, 0),
        ("EEEE", None, 0, 0),
        ("----", None, 0, 0),
        ("U---", None, 0, 0),
        ("U", None, 0, 0),
        ("", None, 0, 0),
    ],
)
def test_a_cause_is_shared_by_more_than_half_and_read_in_their_logs(
    letters: str, cause: str | None, alike: int, unread: int
) -> None:
    shared = shared_cause([card.episode for card in failures(letters)])
    if cause is None:
        assert shared is None
        return
    assert shared
    assert (shared.cause.slug, shared.alike, shared.total, shared.unread) == (cause, alike, len(letters), unread)
    assert shared.of_all == (alike == len(letters))


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.slug)
def test_each_cause_can_be_shared(cause: object) -> None:
    slug = getattr(cause, "slug", "")
    cards = [
        replace(card, episode=replace(card.episode, diagnosis=replace(named("K"), cause=slug)))
        for card in failures("KKKK")
    ]
    shared = shared_cause([card.episode for card in cards])
    assert shared
    assert shared.cause == cause
    assert "4 pipelines failed" in text(cards)[0]


HEALS, NEEDS = "GoldRush no longer retries it", "needs you"
AWAY = "the destination cannot be reached"
UNFIT = "the destination's table does not fit the pipeline's columns"


@pytest.mark.parametrize(
    ("letters", "places", "lines"),
    [
        (
            "UUUUUUU",
            {"destinations": "a" * 7},
            [f"7 pipelines failed, all writing to the same Postgres: {AWAY} · {HEALS}"],
        ),
        (
            "UUUU",
            {"destinations": "aaaa", "kind": "quill"},
            [f"4 pipelines failed, all writing to the same destination: {AWAY} · {HEALS}"],
        ),
        (
            "SSSS",
            {"destinations": "aaaa", "kind": "s3"},
            [f"4 pipelines failed, all writing to the same bucket: {UNFIT} · {NEEDS}"],
        ),
        ("SSSS", {"projects": "pppp"}, [f"4 pipelines failed, all in project p: {UNFIT} · {NEEDS}"]),
        (
            "UUUUU",
            {"destinations": "aaaab"},
            [f"5 pipelines failed: {AWAY} · {HEALS}", "In common: 4 of 5 write to one destination"],
        ),
        (
            "UUUUU--",
            {"destinations": "a" * 7},
            [
                "7 pipelines failed",
                f"Cause for 5 of 7: {AWAY} · {HEALS} · 2 not known yet",
                "In common: all write to one destination",
            ],
        ),
        ("KKKK", {}, ["4 pipelines failed: the same error, which I don't know · may need you"]),
        ("----", {"destinations": "aaaa"}, ["4 pipelines failed", "In common: all write to one destination"]),
        ("UUSS", {}, ["4 pipelines failed"]),
    ],
)
def test_the_card_leads_with_the_shared_cause(letters: str, places: dict[str, str], lines: list[str]) -> None:
    spoken = text(failures(letters, **places))
    assert spoken[: len(lines)] == lines


def recovered(cards: list[Card], *numbers: int) -> list[Card]:
    """The failures, of which these are over."""
    end = replace(
        an_episode().timeline[0],
        revision=2,
        at=at(91),
        phase=Phase.RUNNING,
        events=(Event.RECOVERED,),
        downtime_seconds=90,
    )
    ended = list(cards)
    for number in numbers:
        episode = cards[number].episode
        closed = replace(episode, closed_at=at(91), outcome=EpisodeOutcome.RECOVERED, timeline=(*episode.timeline, end))
        state = PipelineState(observation=an_observation(Phase.RUNNING), since=at(91))
        ended[number] = replace(cards[number], episode=closed, state=state)
    return ended


@pytest.mark.parametrize(
    ("letters", "over", "lines"),
    [
        ("UUUU", (0, 1, 2), [f"1 of 4 pipelines is still failing: {AWAY} · {HEALS}"]),
        ("UUUU", (0,), [f"3 of 4 pipelines are still failing: {AWAY} · {HEALS}"]),
        ("UUUS", (0, 1), ["2 of 4 pipelines are still failing", f"Cause for 3 of 4: {AWAY} · {HEALS}"]),
        ("UUU-", (0, 1, 2), ["1 of 4 pipelines is still failing", f"Cause for 3 of 4: {AWAY} · {HEALS} · 1 not"]),
        ("UUUS", (0, 1, 2), ["1 of 4 pipelines is still failing", "Since"]),
    ],
)
def test_the_cause_stays_while_failures_with_it_go_on(letters: str, over: tuple[int, ...], lines: list[str]) -> None:
    text_lines = text(recovered(failures(letters), *over))
    assert [line for line, shown_line in zip(lines, text_lines, strict=False) if not shown_line.startswith(line)] == []


def test_the_rows_name_another_cause_than_that_of_those_that_recovered() -> None:
    spoken = "\n".join(text(recovered(failures("UUUS"), 0, 1, 2)))
    assert f"orders-3 failed · {UNFIT}" in spoken
    assert AWAY not in spoken


@pytest.mark.parametrize(
    ("letters", "line"),
    [
        ("UUUU", f"Cause: {AWAY}"),
        ("UUUS", f"Cause for 3 of 4: {AWAY}"),
        ("UUU-", f"Cause for 3 of 4: {AWAY}"),
        ("KKKK", "Cause: the same error, which I don't know"),
        ("UUSS", f"Causes: {AWAY} (2), {UNFIT} (2)"),
        ("----", ""),
    ],
)
def test_the_cause_stays_when_all_have_recovered(letters: str, line: str) -> None:
    cards = tuple(recovered(failures(letters), 0, 1, 2, 3))
    rendered = valid(shown(Group(key="s" * 32, channel=ALERTS, cards=cards)))
    assert rendered.text.startswith("All 4 pipelines have recovered")
    causes = [text for text in says(rendered) if text.replace("*", "").startswith("Cause")]
    assert causes == ([line] if line else [])
    assert ("connection refused" in str(rendered.blocks)) is line.startswith(("Cause:", "Cause for"))
    assert "connection refused" not in rendered.text
    assert HEALS not in rendered.text, "it is over"


def test_the_error_stands_in_code_and_never_in_a_notification() -> None:
    rendered = valid(shown(Group(key="s" * 32, channel=ALERTS, cards=tuple(failures("UUUU")))))
    assert "connection refused" not in rendered.text
    assert "connection refused" in str(rendered.blocks)
    assert "<!channel>" not in str(rendered.blocks)


def test_rows_leave_out_a_cause_that_the_headline_has() -> None:
    all_alike, most = "\n".join(text(failures("UUUU"))), "\n".join(text(failures("UUUUS-K")))
    assert all_alike.count("cannot be reached") == most.count("cannot be reached") == 1
    assert f"orders-4 failed · {UNFIT}" in most
    assert most.count("cause unknown") == 2


def test_the_first_step_follows_what_people_wrote_down() -> None:
    note = Note(kind=NoteKind.NOTE, reference="*", text="call the DBA", by=ANN, at=at(0))
    cards = [replace(card, guidance=Guidance(note=note)) for card in failures("UUU-")]
    lines = text(cards)
    step = next(number for number, line in enumerate(lines) if "destination runs" in line)
    advice = "check that the destination runs and lets GoldRush in, then resume the pipelines."
    assert lines[step].endswith(f"For 3 of 4: {advice}")
    assert any("call the DBA" in line for line in lines[:step])


def test_a_group_of_several_causes_shows_a_first_step_for_each() -> None:
    steps = [line for line in text(failures("UUSS")) if line.startswith("For ")]
    assert [step.partition(":")[0] for step in steps] == [
        "For 2 of 4, such as orders-0",
        "For 2 of 4, such as orders-2",
    ]
    assert "check that the destination runs" in steps[0]


def test_the_last_failure_of_a_group_shows_its_own_error_step_and_time() -> None:
    cards = recovered(failures("UUUS"), 0, 1, 2)
    diagnosis = cards[3].episode.diagnosis
    assert diagnosis
    diagnosis = replace(diagnosis, began_at=at(600))
    again = replace(cards[3].episode, latest_began_at=at(600), diagnosis=diagnosis)
    lines = text([*cards[:3], replace(cards[3], episode=again)])
    assert any(line.startswith("Since") and "12:10:00 UTC" in line for line in lines)
    assert any(line.startswith("Compare the table with the transform's columns") for line in lines)
    assert not any(line.startswith("For ") for line in lines)


def test_an_unreadable_api_is_named_beside_a_shared_cause() -> None:
    cards = [
        replace(card, state=replace(card.state, reach=Reach.UNREACHABLE))
        for card in failures("UUUU", destinations="aaaa")
    ]
    assert any("the GoldRush API may be down" in line for line in text(cards))
