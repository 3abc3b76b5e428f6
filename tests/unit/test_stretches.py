from datetime import timedelta
from itertools import pairwise

from hypothesis import given

from bot.domain.episode import Acknowledgement
from bot.domain.history import Stretch, stretch_of
from bot.domain.observation import Reading
from bot.domain.page_plan import plan_acknowledgement
from bot.domain.phase import Phase
from bot.domain.plan import Plan, Record, plan_forgotten, plan_reading
from bot.domain.transition import Actor, Event, PipelineState
from tests.builders import ALERTS, ANN, ORDERS, a_failed_read, a_routing, a_watch, an_observation, at
from tests.unit.test_transition import readings

GAP = timedelta(seconds=60)
RUNNING, FAILED = Phase.RUNNING, Phase.FAILED


def plans(*observed: Reading) -> list[Plan]:
    record, made = Record(pipeline_id=ORDERS), []
    for reading in observed:
        made.append(plan_reading(record, reading, a_routing(a_watch()), GAP))
        record = made[-1].record
    return made


def stretches(*observed: Reading) -> list[Stretch]:
    return [plan.stretch for plan in plans(*observed) if plan.stretch]


def live(since: float, until: float) -> Stretch:
    return Stretch(live=True, since=at(since), until=at(until))


def not_live(since: float, until: float) -> Stretch:
    return Stretch(live=False, since=at(since), until=at(until))


def test_a_stretch_lasts_until_the_reading_that_shows_its_end() -> None:
    observed = (an_observation(RUNNING, 1), an_observation(RUNNING, 20), an_observation(FAILED, 30, ready=0))
    assert stretches(*observed) == [live(1, 30)]
    assert stretches(*observed, an_observation(RUNNING, 50)) == [live(1, 30), not_live(30, 50)]


def test_a_steady_pipeline_ends_no_stretch() -> None:
    assert stretches(an_observation(RUNNING, 1), an_observation(RUNNING, 20), an_observation(RUNNING, 40)) == []


def test_a_gap_of_the_readings_ends_a_stretch_at_the_last_reading_before_it() -> None:
    made = plans(an_observation(RUNNING, 1), an_observation(RUNNING, 20), an_observation(RUNNING, 200))
    assert [plan.stretch for plan in made] == [None, None, live(1, 20)]
    assert stretch_of(made[-1].record.state) == live(200, 200)


def test_the_end_of_the_last_watch_ends_the_stretch() -> None:
    record = plans(an_observation(RUNNING, 1), an_observation(RUNNING, 20))[-1].record
    assert plan_forgotten(record, a_routing(), at(30)).stretch == live(1, 20)
    assert stretch_of(PipelineState()) is None


def test_a_person_s_act_is_a_transition_with_its_actor() -> None:
    record = plans(an_observation(FAILED, 1, ready=0))[-1].record
    plan = plan_acknowledgement(
        record, a_routing(a_watch()), Acknowledgement(by=ANN, at=at(5), name="Ann", place="#alerts", channel=ALERTS)
    )
    assert plan
    (act,) = plan.transitions
    assert (act.event, act.at, act.phase) == (Event.ACKNOWLEDGED, at(5), FAILED)
    assert act.actor == Actor(id=ANN, name="Ann", place="#alerts", channel=ALERTS)


@given(readings)
def test_stretches_never_overlap_and_end_at_the_latest_reading(observed: list[Reading]) -> None:
    made = plans(*observed)
    ended = [plan.stretch for plan in made if plan.stretch]
    last = stretch_of(made[-1].record.state) if made else None
    assert all(stretch.since <= stretch.until for stretch in ended)
    assert all(one.until <= other.since for one, other in pairwise([*ended, *([last] if last else [])]))
    observation = made[-1].record.state.observation if made else None
    assert last is None or (observation and last.until == observation.observed_at)


def test_failed_reads_in_between_end_no_stretch() -> None:
    observed = (an_observation(RUNNING, 1), a_failed_read(5), a_failed_read(6), an_observation(RUNNING, 10))
    assert stretches(*observed) == []
