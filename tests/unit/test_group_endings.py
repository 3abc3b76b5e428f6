"""The messages of a group whose failures ended in several ways: each says only what is true of all that it counts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.card import Card, Group, ThreadEntry, TimelineBatch
from bot.domain.episode import EpisodeOutcome, TimelineEntry
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import Record
from bot.domain.transition import Event, PipelineState
from bot.domain.watch import UserId
from bot.slack.render.group_card import MOST_ROWS
from bot.slack.render.renderer import Renderer
from tests.builders import ALERTS, a_card, a_delivery, a_pipeline, an_episode, an_observation, at
from tests.unit.rendering import LOOK, tells_all, valid

R, P, S, F, U, OPEN = "recovered", "paused", "stopped", "finished", "unwatched", "open"
_PHASES = {R: Phase.RUNNING, P: Phase.PAUSED, S: Phase.STOPPED, F: Phase.STOPPED}


def a_member(number: int, end: str) -> Card:
    """A failure that ended like this, or that goes on."""
    pipeline = a_pipeline(f"orders-{number}", pipeline_id=PipelineId(f"pipe_{number:04}"))
    card = a_card(replace(an_episode(), pipeline_id=pipeline.id), pipeline=pipeline)
    if end == OPEN:
        return card
    if end == U:
        unwatched = replace(card.episode, closed_at=at(91), outcome=EpisodeOutcome.UNWATCHED)
        return replace(card, episode=unwatched)
    phase = _PHASES[end]
    outcome = EpisodeOutcome.RECOVERED if end == R else EpisodeOutcome.ON_PURPOSE
    events = (Event.FINISHED,) if end == F else ()
    last = replace(card.episode.timeline[0], revision=2, at=at(91), phase=phase, events=events, downtime_seconds=90.0)
    episode = replace(card.episode, closed_at=at(91), outcome=outcome, timeline=(*card.episode.timeline, last))
    return replace(card, episode=episode, state=PipelineState(observation=an_observation(phase), since=at(91)))


def a_group(*ends: str) -> Group:
    return Group(key="s" * 32, channel=ALERTS, cards=tuple(a_member(*end) for end in enumerate(ends)))


def text_of(group: Group, look: Renderer = LOOK) -> str:
    return valid(look.content(group, a_delivery(), at(0))).text


@pytest.mark.parametrize(
    ("ends", "head"),
    [
        ((R, R, R, R), "All 4 pipelines have recovered, the last after 1 min 30 s"),
        ((R, R, R, P), "4 pipelines are no longer failing: 3 recovered, 1 paused"),
        ((R, S, S, P), "4 pipelines are no longer failing: 1 recovered, 1 paused, 2 stopped"),
        ((R, F, F), "3 pipelines are no longer failing: 1 recovered, 2 finished"),
        ((S, S), "2 pipelines are no longer failing: 2 stopped"),
        ((P,), "1 pipeline is no longer failing: paused"),
        ((R, P, U), "2 of 3 pipelines are no longer failing: 1 recovered, 1 paused. 1 is no longer watched"),
        ((R, R, U), "2 of 3 pipelines are no longer failing: 2 recovered. 1 is no longer watched"),
        ((P, U), "1 of 2 pipelines is no longer failing: paused. 1 is no longer watched"),
        ((OPEN, R, P), "1 of 3 pipelines is still failing"),
    ],
)
def test_the_headline_names_each_ending(ends: Sequence[str], head: str) -> None:
    text = text_of(a_group(*ends))
    assert text.startswith(head)


def test_the_counts_of_an_open_group_name_each_ending() -> None:
    text = text_of(a_group(OPEN, R, R, P, S))
    assert " · 2 recovered · 1 paused · 1 stopped" in text


def test_a_large_group_lists_each_ending_under_its_own_symbol() -> None:
    group = a_group(*[R] * MOST_ROWS, P, S)
    shown = str(LOOK.content(group, a_delivery(), at(0)).blocks).replace(r"\xa0", " ")
    assert f":large_green_circle: {MOST_ROWS} recovered: orders-0" in shown
    assert f":double_vertical_bar: 1 paused: orders-{MOST_ROWS}" in shown
    assert f":black_square_for_stop: 1 stopped: orders-{MOST_ROWS + 1}" in shown


def failing_again(*numbers: int) -> Renderer:
    """These pipelines have failed again, in a message of their own."""
    failing = {PipelineId(f"pipe_{number:04}") for number in numbers}

    def record(pipeline_id: PipelineId) -> Record:
        if pipeline_id not in failing:
            return Record(pipeline_id=pipeline_id)
        again = replace(an_episode(), pipeline_id=pipeline_id, identity="failure|x#2", opened_at=at(700))
        return Record(pipeline_id=pipeline_id, episode=again)

    return replace(LOOK, record=record)


def test_a_group_does_not_say_that_all_recovered_after_one_failed_again() -> None:
    text = text_of(a_group(R, R, R), failing_again(1))
    assert text.startswith("3 pipelines stopped failing: 3 recovered. But 1 failed again")
    assert "orders-1 recovered after 1 min 30 s, but failed again at" in text
    assert "orders-0 recovered after 1 min 30 s\n" in text


def test_the_line_for_a_whole_group_does_not_say_that_all_recovered_after_one_failed_again() -> None:
    members = a_group(R, R, R).cards
    entries = tuple(
        ThreadEntry(
            card_key=card.key,
            pipeline=card.pipeline,
            entry=replace(card.episode.timeline[-1], events=(Event.RUNNING, Event.LIVE, Event.RECOVERED)),
        )
        for card in members
    )
    batch = TimelineBatch(
        thread_key="s",
        of_group=True,
        entries=entries[:2],
        broadcast=True,
        all_recovered=3,
        members=tuple(card.pipeline.id for card in members),
    )
    whole = tells_all(valid(LOOK.content(batch, a_delivery(), at(0)))).text
    assert whole.startswith("All 3 pipelines have recovered")
    other = tells_all(valid(failing_again(2).content(batch, a_delivery(), at(0)))).text
    assert other == "orders-0, orders-1 recovered, the last after 1 min 30 s"
    own = tells_all(valid(failing_again(0).content(batch, a_delivery(), at(0)))).text
    assert "orders-0 recovered after 1 min 30 s, but failed again at" in own
    assert "orders-1 recovered after 1 min 30 s" in own


# --- what people did -------------------------------------------------------------------------------------------------


def acted(number: int, event: Event, **more: Any) -> ThreadEntry:
    card = a_member(number, OPEN)
    entry = TimelineEntry(revision=2, at=at(9), events=(event,), by=UserId("U0BOB"), name="Bob", **more)
    return ThreadEntry(card_key=card.key, pipeline=card.pipeline, entry=entry)


@pytest.mark.parametrize(
    ("event", "more", "words"),
    [
        (Event.ACKNOWLEDGED, {}, "Bob acknowledged 2: orders-0, orders-1"),
        (Event.ACKNOWLEDGED, {"remark": "looking"}, "Bob acknowledged 2 (“looking”): orders-0, orders-1"),
        (Event.ACKNOWLEDGED, {"instead_of": "Ann"}, "Bob took over 2 from Ann: orders-0, orders-1"),
        (Event.ACKNOWLEDGED, {"promised_until": at(600), "snoozed": True}, "Bob snoozed 2 until <!date"),
        (Event.RESOLVED, {}, "Bob ended the paging for 2: orders-0, orders-1"),
        (Event.PROMISE_MISSED, {"snoozed": True}, "The snooze of Bob is over for 2: orders-0, orders-1"),
    ],
)
def test_one_line_for_what_a_person_did_to_several(event: Event, more: dict[str, Any], words: str) -> None:
    entries = (acted(0, event, **more), acted(1, event, **more))
    text = valid(LOOK.content(TimelineBatch(thread_key="s", of_group=True, entries=entries), a_delivery(), at(0))).text
    assert text.startswith(words)


def test_different_actions_of_a_person_keep_their_own_lines() -> None:
    entries = (acted(0, Event.ACKNOWLEDGED), acted(1, Event.RESOLVED))
    text = valid(LOOK.content(TimelineBatch(thread_key="s", of_group=True, entries=entries), a_delivery(), at(0))).text
    assert "orders-0 acknowledged by Bob" in text
    assert "The paging for orders-1 was ended by Bob" in text
