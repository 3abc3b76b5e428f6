"""A failure outlives its last watch: watched again, it keeps its begin and what people did about it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bot.domain.bounded_run import BoundedRun, RunEnd
from bot.domain.bounded_run_plan import plan_run_ended
from bot.domain.card import SyncCard
from bot.domain.catalogue import BlockRange
from bot.domain.episode import Acknowledgement
from bot.domain.left_failure import KEPT_FOR
from bot.domain.notice import Notice
from bot.domain.observation import Observation
from bot.domain.page_plan import plan_acknowledgement, plan_newly_named, plan_resolved, plan_timer
from bot.domain.phase import Intent, Phase
from bot.domain.plan import Plan, Record, plan_forgotten, plan_reading
from bot.domain.routing import Routing
from bot.store.codec import RECORD
from tests.builders import ALERTS, ANN, a_person, a_routing, a_watch, an_observation, at

BOB = a_person("U0BOB")
ROUTING = a_routing(a_watch(targets=(BOB,)))


def reads(record: Record, *readings: Observation) -> Plan:
    plan = Plan(record=record)
    for reading in readings:
        plan = plan_reading(plan.record, reading, ROUTING)
    return plan


def failed_at(second: int) -> Observation:
    return an_observation(Phase.FAILED, second, ready=0)


def a_failure() -> Record:
    return reads(Record(pipeline_id=failed_at(2).pipeline_id), an_observation(Phase.RUNNING, 1), failed_at(2)).record


def answered(make: Callable[[Record, Routing, Acknowledgement], Plan | None], answer: Acknowledgement) -> Record:
    plan = make(a_failure(), ROUTING, answer)
    assert plan
    return plan.record


def unwatched(record: Record) -> Record:
    """As the store keeps it while nobody watches."""
    return RECORD.decode(RECORD.encode(plan_forgotten(record, ROUTING, at(60)).record))


def conversations(plan: Plan) -> set[str]:
    return {message.receiver.id for message in plan.messages if isinstance(message.body, SyncCard | Notice)}


def live(record: Record, until: float) -> list[tuple[datetime, set[str]]]:
    """The calls of the timers."""
    calls = []
    while record.next_at and record.next_at <= at(until):
        now = record.next_at
        if (plan := plan_timer(record, ROUTING, now)) is None:
            break
        record = plan.record
        calls.append((now, conversations(plan)))
    return calls


def test_a_resolved_failure_calls_nobody_when_it_is_watched_again() -> None:
    record = answered(plan_resolved, Acknowledgement(by=ANN, at=at(5), name="Carol"))
    plan = reads(unwatched(record), failed_at(70))
    episode = plan.record.episode
    assert episode
    assert episode.resolved
    assert (episode.resolved.name, episode.began_at, episode.found_begun) == ("Carol", at(2), False)
    assert conversations(plan) == {ALERTS}
    assert [card.targets for card in plan.cards] == [()]
    assert plan.record.next_at is None
    assert plan_newly_named(plan.record, ROUTING, ALERTS) is None


def test_an_acknowledged_failure_calls_nobody() -> None:
    record = answered(plan_acknowledgement, Acknowledgement(by=ANN, at=at(5)))
    plan = reads(unwatched(record), failed_at(70))
    assert conversations(plan) == {ALERTS}
    assert [card.targets for card in plan.cards] == [()]
    assert live(plan.record, 9000) == []


@pytest.mark.parametrize("snoozed", [False, True], ids=["promise", "snooze"])
def test_a_promise_and_a_snooze_call_at_their_end(snoozed: bool) -> None:
    record = answered(plan_acknowledgement, Acknowledgement(by=ANN, at=at(5), until=at(600), snoozed=snoozed))
    plan = reads(unwatched(record), failed_at(70))
    assert conversations(plan) == {ALERTS}
    assert [moment for moment, _ in live(plan.record, 700)] == [at(600)]


def test_an_unanswered_failure_calls_again_and_keeps_its_begin() -> None:
    plan = reads(unwatched(a_failure()), failed_at(70))
    assert plan.record.episode
    assert (plan.record.episode.began_at, plan.record.episode.found_begun) == (at(2), False)
    state = plan.record.state
    assert (state.since, state.failed_since, state.first_seen) == (at(2), at(2), False), "as its card says"
    assert [card.targets for card in plan.cards if card.channel == ALERTS] == [(BOB,)]


@pytest.mark.parametrize(
    "readings",
    [
        pytest.param([an_observation(Phase.RUNNING, 70), failed_at(80)], id="it ran meanwhile"),
        pytest.param([an_observation(Phase.FAILED, 70, ready=0, uid="uid-2")], id="another worker"),
        pytest.param([an_observation(Phase.FAILED, 70, ready=0, start_time=at(65))], id="another start"),
        pytest.param([failed_at(61 + round(KEPT_FOR / timedelta(seconds=1)))], id="too late"),
    ],
)
def test_another_failure_pages_as_ever(readings: list[Observation]) -> None:
    record = answered(plan_resolved, Acknowledgement(by=ANN, at=at(5)))
    plan = reads(unwatched(record), *readings)
    episode = plan.record.episode
    assert episode
    assert (episode.resolved, episode.began_at) == (None, readings[-1].observed_at)
    assert [card.targets for card in plan.cards if card.channel == ALERTS] == [(BOB,)]
    assert plan.record.left is None


def test_a_second_unwatch_before_the_first_reading_forgets_nothing() -> None:
    record = answered(plan_resolved, Acknowledgement(by=ANN, at=at(5)))
    plan = reads(unwatched(unwatched(record)), failed_at(70))
    assert plan.record.episode
    assert plan.record.episode.resolved


def test_a_recovered_failure_is_not_kept() -> None:
    record = reads(a_failure(), an_observation(Phase.RUNNING, 10)).record
    assert unwatched(record).left is None


def a_run_at(height: int, second: int) -> BoundedRun:
    return BoundedRun(at=at(second), height=height, stop=5_000, start=1_000, end=RunEnd.SHORT)


def stopped_at(second: int) -> Observation:
    return replace(an_observation(Phase.STOPPED, second, ready=0, replicas=0, intent=Intent.RUNNING), bounded=True)


def judged(record: Record, height: int, second: int) -> Plan:
    since = record.state.since
    assert since
    plan = plan_run_ended(record, BOUNDED, a_run_at(height, second), since, at(second))
    assert plan
    return plan


BOUNDED = replace(
    ROUTING,
    pipeline=replace(ROUTING.pipeline, bounded=True, blocks=BlockRange(start=1_000, stop=5_000), intent=Intent.RUNNING),
)


def watched_again(*readings: Observation, twice: bool = False) -> Record:
    """A run that stopped short, which Ann has resolved, without a watch and with one again."""
    record = Record(pipeline_id=failed_at(2).pipeline_id)
    for reading in (an_observation(Phase.RUNNING, 1), stopped_at(2)):
        record = plan_reading(record, reading, BOUNDED).record
    plan = plan_resolved(judged(record, 1_200, 3).record, BOUNDED, Acknowledgement(by=ANN, at=at(5), name="Carol"))
    assert plan
    record = unwatched(plan.record)
    for reading in readings:
        record = RECORD.decode(RECORD.encode(plan_reading(record, reading, BOUNDED).record))
        record = plan_reading(unwatched(record), reading, BOUNDED).record if twice else record
    return record


@pytest.mark.parametrize("twice", [False, True], ids=["once", "left again before the judgement"])
def test_a_run_that_stopped_short_is_the_same_failure_at_the_same_block(twice: bool) -> None:
    plan = judged(watched_again(stopped_at(70), twice=twice), 1_200, 72)
    episode = plan.record.episode
    assert episode
    assert episode.resolved
    assert (episode.resolved.name, episode.began_at) == ("Carol", at(2))
    assert conversations(plan) == {ALERTS}
    assert plan.record.next_at is None
    assert plan.record.left is None


@pytest.mark.parametrize(
    ("readings", "height"),
    [
        pytest.param([stopped_at(70)], 1_300, id="another block"),
        pytest.param([an_observation(Phase.RUNNING, 70), stopped_at(80)], 1_200, id="it ran meanwhile"),
        pytest.param([stopped_at(61 + round(KEPT_FOR / timedelta(seconds=1)))], 1_200, id="too late"),
    ],
)
def test_another_stop_before_the_end_pages_as_ever(readings: list[Observation], height: int) -> None:
    plan = judged(watched_again(*readings), height, round((readings[-1].observed_at - at(0)).total_seconds()) + 2)
    episode = plan.record.episode
    assert episode
    assert episode.resolved is None
    assert [card.targets for card in plan.cards if card.channel == ALERTS] == [(BOB,)]


def test_a_run_that_finished_meanwhile_is_no_failure() -> None:
    record = watched_again(stopped_at(70))
    assert record.state.since
    finished = replace(a_run_at(5_000, 72), end=RunEnd.FINISHED)
    plan = plan_run_ended(record, BOUNDED, finished, record.state.since, at(72))
    assert plan
    assert plan.record.left is None
    assert plan.messages == ()
