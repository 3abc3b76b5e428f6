"""When each pipeline is due. No clock: every test says what time it is."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cadence import Cadence, Pace
from bot.domain.failure_rates import Track
from bot.domain.observation import PipelineId
from bot.monitoring.due_times import NEVER, DueTimes, Newcomer

DAY = 86_400.0


def ids(number: int, first: int = 0) -> list[PipelineId]:
    return [PipelineId(f"pipe_{n:05}") for n in range(first, first + number)]


def fleet(number: int, rate: float, pace: Pace = Pace.STEADY) -> DueTimes:
    due = DueTimes(Cadence())
    due.fit(rate, Cadence().promised(number, rate), 0.0)
    due.add([Newcomer(pipeline_id, pace) for pipeline_id in ids(number)], 0.0)
    return due


def poll(due: DueTimes, rate: float, since: float, until: float) -> list[tuple[float, PipelineId]]:
    """Reads as the budget allows, one read at a time."""
    reads, now = [], since
    while now < until:
        if (pipeline_id := due.take_next(now)) is not None:
            reads.append((now, pipeline_id))
            due.mark_read(pipeline_id, Pace.STEADY, now)
        now += 1 / rate
    return reads


@pytest.mark.parametrize(("number", "period"), [(20, 5.0), (60, 15.0), (300, 75.0)])
def test_equal_pipelines_are_read_at_even_intervals_that_use_the_budget(number: int, period: float) -> None:
    due = fleet(number, 4.0)
    poll(due, 4.0, 0.0, 300.0)
    reads = poll(due, 4.0, 300.0, 900.0)
    at: dict[PipelineId, list[float]] = {}
    for moment, pipeline_id in reads:
        at.setdefault(pipeline_id, []).append(moment)
    gaps = [later - earlier for times in at.values() for earlier, later in pairwise(times)]
    assert max(gaps) <= period * 1.02 + 0.25
    assert min(gaps) >= period * 0.98 - 0.25


def test_the_first_reads_are_spread_and_none_is_read_twice() -> None:
    due = fleet(300, 4.0)
    reads = poll(due, 4.0, 0.0, 74.0)
    assert len(reads) == len({pipeline_id for _, pipeline_id in reads}) == 296


def test_the_first_reads_begin_with_the_urgent_and_then_the_oldest() -> None:
    due = DueTimes(Cadence())
    due.fit(1.0, 60.0, 0.0)
    one, two, three, four = ids(4)
    newcomers = [
        Newcomer(one, Pace.STEADY, age=20.0),
        Newcomer(two, Pace.STEADY, age=50.0),
        Newcomer(three, Pace.AT_REST),
        Newcomer(four, Pace.TRANSIENT, age=6.0),
    ]
    due.add(newcomers, 0.0)
    assert [pipeline_id for _, pipeline_id in poll(due, 1.0, 0.0, 4.0)] == [four, three, two, one]


def test_a_pipeline_that_a_person_has_just_read_waits_for_its_turn() -> None:
    due = DueTimes(Cadence())
    due.fit(4.0, 60.0, 0.0)
    due.add([Newcomer(ids(1)[0], Pace.STEADY, age=1.0)], 0.0)
    assert due.next_due() == 4.0


def test_when_the_budget_shrinks_or_grows_all_due_times_follow_at_once() -> None:
    due = fleet(300, 4.0)
    poll(due, 4.0, 0.0, 150.0)
    due.fit(40.0, 60.0, 150.0)
    assert len(poll(due, 40.0, 150.0, 160.0)) >= 350
    due.fit(1.0, 225.0, 160.0)
    assert len(poll(due, 40.0, 160.0, 260.0)) <= 110


def test_a_pipeline_that_is_read_early_is_not_read_again_at_its_old_time() -> None:
    due = fleet(2, 4.0)
    one, two = (due.take_next(0.0), due.take_next(0.25))
    assert one
    assert two
    for pipeline_id in (one, two):
        due.mark_read(pipeline_id, Pace.STEADY, 0.25)
    due.take(one, 3.0)
    due.mark_read(one, Pace.STEADY, 3.0)
    assert [pipeline_id for _, pipeline_id in poll(due, 4.0, 4.0, 7.0)] == [two]


def test_a_pipeline_under_way_or_dropped_is_not_due() -> None:
    due = fleet(1, 4.0)
    (one,) = ids(1)
    assert due.take_next(0.0) == one
    assert due.take_next(100.0) is None
    assert due.compare(frozenset()) == (set(), {one})
    due.drop([one])
    due.mark_read(one, Pace.STEADY, 100.0)
    assert due.next_due() == NEVER


def test_a_retry_comes_after_a_second_and_costs_a_tenth_of_the_budget() -> None:
    due = fleet(100, 4.0)
    poll(due, 4.0, 0.0, 100.0)
    failed = [pipeline_id for pipeline_id in (due.take_next(101.0) for _ in range(4)) if pipeline_id]
    for pipeline_id in failed[:1]:
        due.mark_read(pipeline_id, Pace.RETRY, 101.0)
    due.fit(4.0, 75.0, 101.0)
    assert due.period(failed[0]) == pytest.approx(2.5)  # a tenth of 4 a second pays for no more


@pytest.mark.parametrize(("pace", "seconds"), [(Pace.RETRY, 1.0), (Pace.TRANSIENT, 3.0)])
def test_a_pipeline_that_was_read_early_is_followed_up_as_soon_as_any_other(pace: Pace, seconds: float) -> None:
    due = fleet(600, 10.0)
    poll(due, 10.0, 0.0, 120.0)
    early = [due.take_next(120.0) for _ in range(300)][-1]
    assert early
    due.mark_read(early, pace, 120.0)
    assert due.period(early) == pytest.approx(seconds)
    assert early in {pipeline_id for _, pipeline_id in poll(due, 10.0, 120.1, 120.2 + seconds)}


def test_neighbours_of_a_failure_are_read_within_seconds() -> None:
    due = fleet(300, 4.0)
    poll(due, 4.0, 0.0, 150.0)
    neighbours = set(ids(20, first=140))
    due.hasten(neighbours, 150.0)
    seen = {pipeline_id for _, pipeline_id in poll(due, 4.0, 150.0, 157.0)}
    assert neighbours == seen & neighbours
    rest = Counter(pipeline_id for _, pipeline_id in poll(due, 4.0, 157.0, 240.0))
    assert len(rest) >= 299


def test_a_burst_in_a_large_group_leaves_the_others_half_of_the_budget() -> None:
    due = fleet(1000, 4.0)
    poll(due, 4.0, 0.0, 250.0)
    group = set(ids(500, first=500))
    seen: Counter[bool] = Counter()
    for start in range(250, 350, 5):
        due.hasten(group, float(start))
        seen.update(pipeline_id in group for _, pipeline_id in poll(due, 4.0, start, start + 5))
    assert seen[False] >= 100


def test_a_burst_delays_no_neighbour_with_a_short_period() -> None:
    due = DueTimes(Cadence(steady_seconds=0.5))
    due.fit(8.0, 60.0, 0.0)
    due.add([Newcomer(pipeline_id, Pace.STEADY) for pipeline_id in ids(2)], 0.0)
    poll(due, 8.0, 0.0, 2.0)
    due.hasten(ids(2), 2.0)
    assert {pipeline_id for _, pipeline_id in poll(due, 8.0, 2.0, 3.0)} == set(ids(2))


def test_a_burst_delays_no_retry() -> None:
    due = fleet(20, 4.0)
    poll(due, 4.0, 0.0, 24.0)
    failed = due.take_next(24.0)
    assert failed
    due.mark_read(failed, Pace.RETRY, 24.0)
    due.hasten([failed], 24.0)
    assert failed in {pipeline_id for _, pipeline_id in poll(due, 4.0, 24.25, 28.0)}


def test_a_burst_in_a_large_group_delays_no_neighbour_that_is_due() -> None:
    due = fleet(300, 4.0)
    poll(due, 4.0, 0.0, 150.0)
    due.hasten(ids(300), 150.0)
    reads = poll(due, 4.0, 150.0, 230.0)
    assert {pipeline_id for _, pipeline_id in reads} == set(ids(300))


def test_a_burst_brings_first_reads_forward() -> None:
    due = fleet(300, 4.0)
    poll(due, 4.0, 0.0, 10.0)
    last = set(ids(10, first=290))
    due.hasten(last, 10.0)
    assert last <= {pipeline_id for _, pipeline_id in poll(due, 4.0, 10.0, 16.0)}


def test_pipelines_that_fail_often_are_read_more_often() -> None:
    due = DueTimes(Cadence())
    due.fit(4.0, 225.0, 0.0)
    often, seldom = Track(30, 30 * DAY), Track(3, 30 * DAY)
    tracks = {pipeline_id: often if n < 30 else seldom for n, pipeline_id in enumerate(ids(300))}
    due.add([Newcomer(pipeline_id, Pace.STEADY, track=track) for pipeline_id, track in tracks.items()], 0.0)
    for start in range(0, 400, 10):
        due.fit(4.0, 225.0, float(start))
        poll(due, 4.0, start, start + 10)
    first, last = ids(300)[0], ids(300)[-1]
    slow, fast = due.period(last), due.period(first)
    assert slow
    assert fast
    assert slow / fast == pytest.approx(10**0.5, rel=0.2)
    assert slow <= 225


def test_readings_become_late_only_after_the_promised_age() -> None:
    due = fleet(20, 4.0)
    poll(due, 4.0, 0.0, 30.0)
    assert not due.is_any_late(80.0)
    assert due.is_any_late(91.0)


@given(st.lists(st.tuples(st.sampled_from(Pace), st.integers(0, 30)), min_size=1, max_size=60))
def test_every_polled_pipeline_waits_or_is_under_way(steps: list[tuple[Pace, int]]) -> None:
    due = fleet(10, 4.0)
    now, under_way = 0.0, []
    for pace, wait in steps:
        now += wait
        if (pipeline_id := due.take_next(now)) is not None:
            under_way.append(pipeline_id)
        if len(under_way) > 3 or wait > 15:
            for read in under_way:
                due.mark_read(read, pace, now)
            under_way.clear()
        due.fit(4.0, 60.0, now)
    for read in under_way:
        due.mark_read(read, Pace.STEADY, now)
    found = {due.take_next(now + 10_000) for _ in range(10)}
    assert found == set(ids(10))


def test_no_read_of_the_budget_is_left_while_a_pipeline_may_be_read() -> None:
    """Not even while the pipeline with the earliest deadline may not be read yet."""
    due = DueTimes(Cadence())
    tracks = [Track(failures=20 if number < 10 else 1, seconds=30 * DAY) for number in range(100)]
    due.fit(4 / 3, 225.0, 0.0)
    due.add([Newcomer(one, Pace.STEADY, track=track) for one, track in zip(ids(100), tracks, strict=True)], 0.0)
    for moment in range(0, 600, 60):
        due.fit(4 / 3, 225.0, moment)
        poll(due, 4 / 3, moment, moment + 60.0)
    assert len(poll(due, 4 / 3, 600.0, 4200.0)) >= 4790  # of 4800


def test_newcomers_in_parts_are_spread_like_all_at_once() -> None:
    newcomers = [Newcomer(pipeline_id, Pace.STEADY, age=60.0) for pipeline_id in ids(40)]
    whole, parts = (DueTimes(Cadence()) for _ in range(2))
    for due in (whole, parts):
        due.fit(4.0, 60.0, 0.0)
    whole.add(newcomers, 0.0)
    parts.expect(40, 0.0)
    assert len(parts) == 40
    for first in range(0, 40, 10):
        parts.add(newcomers[first : first + 10], 0.1 * first)
    assert len(parts) == 40
    assert poll(parts, 4.0, 4.0, 60.0) == poll(whole, 4.0, 4.0, 60.0)


def test_an_expected_newcomer_has_its_share_of_the_budget() -> None:
    due = fleet(10, rate=1.0)
    assert due.period(ids(1)[0]) == 10.0
    due.expect(10, 0.0)
    due.fit(1.0, 60.0, 0.0)
    assert due.period(ids(1)[0]) == 20.0
