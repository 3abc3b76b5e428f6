"""A diagnosis goes on the cards that a failure has, below them in the threads, and nowhere else."""

from dataclasses import replace

import pytest

from bot.domain.card import ThreadEntry
from bot.domain.delivery import Priority
from bot.domain.diagnosis import Diagnosis, LeftOut, LogOutcome
from bot.domain.diagnosis_plan import plan_diagnosed
from bot.domain.log_lines import Excerpt
from bot.domain.phase import Phase
from bot.domain.plan import Record, plan_reading
from bot.domain.transition import Event
from bot.domain.watch import ChannelId
from bot.slack.render.diagnosis import over_line
from tests.builders import ALERTS, ORDERS, a_person, a_routing, a_watch, an_observation, at

OTHER, DIRECT = ChannelId("C0OTHER"), ChannelId("D0ANN")
ROUTING = a_routing(
    a_watch(ORDERS, targets=(a_person("U0ANN", direct=DIRECT),)),
    replace(a_watch(ORDERS, channel=OTHER), events=frozenset({Event.PAUSED})),
)
FOUND = Diagnosis(at=at(8), began_at=at(5), log=LogOutcome.READ, cause="schema", fingerprint="0123456789abcdef")


def failed_at(second: int) -> Record:
    record = Record(pipeline_id=ORDERS)
    for reading in (an_observation(Phase.RUNNING, 0), an_observation(Phase.FAILED, second)):
        record = plan_reading(record, reading, ROUTING).record
    return record


def test_a_diagnosis_goes_to_each_card_and_its_thread() -> None:
    plan = plan_diagnosed(failed_at(5), ROUTING, FOUND)
    assert plan
    assert {card.channel for card in plan.cards} == {ALERTS, DIRECT}
    assert all(card.episode.diagnosis == FOUND for card in plan.cards)
    entries = [message for message in plan.messages if isinstance(message.body, ThreadEntry)]
    assert {message.receiver.id for message in entries} == {ALERTS, DIRECT}
    for message in entries:
        assert isinstance(message.body, ThreadEntry)
        assert message.body.diagnosis == FOUND
        assert not message.body.broadcast
    assert {message.priority for message in plan.messages} == {Priority.UPDATE}


def test_a_diagnosis_pages_nobody_and_is_no_change_of_the_pipeline() -> None:
    record = failed_at(5)
    plan = plan_diagnosed(record, ROUTING, FOUND)
    assert plan
    assert plan.transitions == ()
    assert plan.skips == ()
    assert record.episode
    assert plan.record.episode
    assert plan.record.episode.pages == record.episode.pages


@pytest.mark.parametrize("began", [4, 6])
def test_a_diagnosis_of_another_failure_changes_nothing(began: int) -> None:
    assert plan_diagnosed(failed_at(5), ROUTING, replace(FOUND, began_at=at(began))) is None


def test_a_diagnosis_of_a_failure_that_is_over_changes_nothing() -> None:
    record = plan_reading(failed_at(5), an_observation(Phase.RUNNING, 7), ROUTING).record
    assert plan_diagnosed(record, ROUTING, FOUND) is None


def test_a_failure_whose_channels_hear_of_nothing_keeps_its_diagnosis() -> None:
    quiet = a_routing(replace(a_watch(ORDERS), events=frozenset({Event.PAUSED})))
    record = Record(pipeline_id=ORDERS)
    for reading in (an_observation(Phase.RUNNING, 0), an_observation(Phase.FAILED, 5)):
        record = plan_reading(record, reading, quiet).record
    plan = plan_diagnosed(record, quiet, FOUND)
    assert plan
    assert plan.messages == ()
    assert plan.record.episode
    assert plan.record.episode.diagnosis == FOUND


def recovered_at(second: int, diagnosis: Diagnosis) -> Record:
    plan = plan_diagnosed(failed_at(5), ROUTING, diagnosis)
    assert plan
    return plan_reading(plan.record, an_observation(Phase.RUNNING, second), ROUTING).record


def test_a_log_that_came_after_the_recovery_goes_to_the_thread_before_the_end() -> None:
    record = recovered_at(20, replace(FOUND, log=LogOutcome.NOT_YET, cause="", fingerprint=""))
    late = replace(FOUND, at=at(25), excerpt=Excerpt(pod="", lines=("ERROR no table",), error="ERROR no table"))
    plan = plan_diagnosed(record, ROUTING, late)
    assert plan
    assert plan.record.episode
    assert record.episode
    assert plan.record.episode.timeline[-1] == record.episode.timeline[-1]
    assert plan.record.episode.timeline[-2].events == (Event.DIAGNOSED,)
    (in_alerts,) = [card for card in plan.cards if card.channel == ALERTS]
    assert "Cause: " in over_line(in_alerts.episode)
    assert Priority.FAILURE not in {message.priority for message in plan.messages}
    assert plan.transitions == ()
    assert plan.record.episode.pages == record.episode.pages
    assert plan_diagnosed(plan.record, ROUTING, replace(late, at=at(30))) is None


@pytest.mark.parametrize("log", [LogOutcome.READ, LogOutcome.UNREADABLE])
def test_a_failure_that_recovered_with_another_outcome_of_its_log_stays_as_it_is(log: LogOutcome) -> None:
    record = recovered_at(20, replace(FOUND, log=log))
    assert plan_diagnosed(record, ROUTING, replace(FOUND, at=at(25), cause="unreachable")) is None


def test_a_check_without_changes_updates_the_card_and_not_the_thread() -> None:
    unchecked = replace(FOUND, left_out=(LeftOut.CHANGES,))
    first = plan_diagnosed(failed_at(5), ROUTING, unchecked)
    assert first
    assert plan_diagnosed(first.record, ROUTING, replace(unchecked, at=at(20))) is None
    settled = plan_diagnosed(first.record, ROUTING, replace(FOUND, at=at(30), compared_since=at(-60)))
    assert settled
    assert {card.channel for card in settled.cards} == {ALERTS, DIRECT}
    assert not any(isinstance(message.body, ThreadEntry) for message in settled.messages)
