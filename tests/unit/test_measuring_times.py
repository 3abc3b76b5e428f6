"""Measurements are evenly spread, and take a tenth of the budget at most."""

from collections import Counter

from bot.domain.observation import PipelineId
from bot.monitoring.measuring_times import MeasuringTimes


def fleet(number: int) -> set[PipelineId]:
    return {PipelineId(f"pipe_{n:04}") for n in range(number)}


def run(times: MeasuringTimes, begin: int, end: int, *, at_rest: frozenset[PipelineId] = frozenset()) -> Counter[int]:
    """The measurements in each second."""
    counts: Counter[int] = Counter()
    for second in range(begin, end):
        while (pipeline_id := times.next(second)) is not None:
            times.postpone(second, measured=pipeline_id not in at_rest)
            counts[second] += pipeline_id not in at_rest
    return counts


def test_each_pipeline_is_measured_every_five_minutes() -> None:
    times = MeasuringTimes(300, 4.0, 0)
    times.follow(fleet(60), 0)
    assert sum(run(times, 0, 3600).values()) == 60 * 12
    assert not times.is_stretched


def test_measurements_of_a_large_fleet_take_a_tenth_of_the_budget() -> None:
    times = MeasuringTimes(300, 4.0, 0)
    times.follow(fleet(1000), 0)
    counts = run(times, 0, 3600)
    assert sum(counts.values()) <= 3600 * 0.4 + 2
    assert max(counts.values()) <= 2
    assert times.is_stretched
    assert times.period == 2500


def test_pipelines_at_rest_leave_their_share_to_others() -> None:
    times = MeasuringTimes(300, 1.0, 0)
    times.follow(fleet(60), 0)
    run(times, 0, 700, at_rest=frozenset(fleet(60) - fleet(30)))
    assert times.measured == 30
    assert times.period == 300


def test_a_pipeline_that_nobody_watches_is_dropped() -> None:
    times = MeasuringTimes(300, 4.0, 0)
    times.follow(fleet(10), 0)
    times.follow(fleet(1), 10)
    assert sum(run(times, 10, 3610).values()) == 12


def test_an_idle_hour_is_not_made_up_for_at_once() -> None:
    times = MeasuringTimes(300, 4.0, 0)
    times.follow(fleet(100), 0)
    assert run(times, 3600, 3601)[3600] <= 2
