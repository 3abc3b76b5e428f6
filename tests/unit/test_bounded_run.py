"""The progress of a bounded run, the time left, and the judgement on its end."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.bounded_run import LONGEST, BoundedRun, RunEnd, ended, progress
from bot.domain.catalogue import BlockRange
from bot.domain.measurement import Measurement
from tests.builders import at

BLOCKS = BlockRange(start=1_000, stop=11_000)
MINUTE = 60.0


def measured(minute: float, height: int | None, *, records: int | None = None, uid: str | None = None) -> Measurement:
    return Measurement(at=at(minute * MINUTE), uid=uid, records_consumed=records, last_block_height=height)


def hour(*heights: int | None) -> list[Measurement]:
    """Measured every five minutes, from noon on."""
    return [measured(5 * number, height) for number, height in enumerate(heights)]


def run_of(measurements: Sequence[Measurement], blocks: BlockRange = BLOCKS) -> BoundedRun:
    found = progress(blocks, measurements, measurements[-1].at)
    assert found
    return found


class TestProgress:
    def test_percent_and_the_time_left_at_an_even_pace(self) -> None:
        run = run_of(hour(1_000, 3_000, 5_000, 7_000))
        assert run.percent == 60
        assert run.seconds_left == 600.0
        assert (run.height, run.stop, run.at) == (7_000, 11_000, at(900))

    @pytest.mark.parametrize(
        ("height", "percent"),
        [(0, 0), (999, 0), (1_000, 0), (1_099, 0), (1_100, 1), (10_999, 99), (11_000, 100), (50_000, 100)],
    )
    def test_only_the_last_block_is_100_percent(self, height: int, percent: int) -> None:
        assert run_of([measured(0, height)]).percent == percent

    def test_without_the_first_block_there_is_a_time_left_and_no_percentage(self) -> None:
        run = run_of(hour(1_000, 3_000, 5_000, 7_000), BlockRange(stop=11_000))
        assert run.percent is None
        assert run.seconds_left == 600.0

    @pytest.mark.parametrize("measurements", [[], [measured(0, None)]], ids=["none", "without a height"])
    def test_no_height_is_no_progress(self, measurements: Sequence[Measurement]) -> None:
        assert progress(BLOCKS, measurements, at(0)) is None

    def test_beyond_the_end_nothing_is_left(self) -> None:
        assert run_of(hour(9_000, 10_000, 11_000, 12_000)).seconds_left == 0.0


class TestTimeLeft:
    @pytest.mark.parametrize(
        "heights",
        [
            pytest.param([5_000], id="one measurement"),
            pytest.param([4_000, 5_000], id="two measurements"),
            pytest.param([5_000, 5_000, 5_000, 5_000], id="at a standstill"),
            pytest.param([3_000, 4_000, 5_000, 5_000, 5_000], id="stands still since a while"),
            pytest.param([1_000, 1_000, 1_000, 2_000, 9_000], id="has just begun to move"),
            pytest.param([1_000, 5_000, 9_000, 9_100, 9_200], id="much slower than before"),
            pytest.param([9_000, 8_500, 8_400, 8_300], id="a chain that goes back"),
            pytest.param([4_000, 8_000, 2_000, 3_000], id="began again"),
        ],
    )
    def test_none_rather_than_a_wild_one(self, heights: list[int | None]) -> None:
        assert run_of(hour(*heights)).seconds_left is None

    def test_a_reorganised_chain_takes_some_blocks_back(self) -> None:
        assert run_of(hour(1_000, 3_000, 2_990, 5_000, 7_000)).seconds_left == pytest.approx(800.0, rel=0.01)

    def test_counts_since_the_worker_began_again(self) -> None:
        again = [*hour(7_000, 9_000), *(measured(10 + 5 * n, 1_000 + 500 * n) for n in range(4))]
        run = run_of(again)
        assert run.percent == 15
        assert run.seconds_left == pytest.approx(8_500 / 500 * 300)

    @pytest.mark.parametrize("sign", ["uid", "records"])
    def test_another_worker_begins_another_pace(self, sign: str) -> None:
        before = [measured(5 * n, 1_000 + 3_000 * n, uid="a", records=100 * n + 50) for n in range(3)]
        after = [
            measured(
                15 + 5 * n, 7_000 + 100 * n, uid="b" if sign == "uid" else "a", records=400 + n if sign == "uid" else n
            )
            for n in range(4)
        ]
        assert run_of([*before, *after]).seconds_left == pytest.approx(3_700 / 100 * 300)

    def test_an_old_measurement_says_nothing_about_the_time_left(self) -> None:
        measurements = hour(1_000, 3_000, 5_000, 7_000)
        run = progress(BLOCKS, measurements, at(15 * MINUTE + 1201))
        assert run
        assert run.percent == 60
        assert run.seconds_left is None

    def test_the_pace_is_that_of_the_latest_hour(self) -> None:
        slow_then_fast = [measured(5 * n, 1_000 + 10 * n) for n in range(12)]
        slow_then_fast += [measured(60 + 5 * n, 1_200 + 100 * n) for n in range(13)]
        assert run_of(slow_then_fast).seconds_left == pytest.approx((11_000 - 2_400) / 100 * 300)

    def test_too_long_a_time_is_none(self) -> None:
        assert run_of(hour(1, 2, 3, 4), BlockRange(stop=1_000_000)).seconds_left is None

    heights = st.lists(st.one_of(st.none(), st.integers(0, 30_000)), max_size=12)

    @given(heights, st.integers(1, 20_000), st.one_of(st.none(), st.integers(0, 20_000)), st.integers(0, 7_200))
    def test_is_never_wild(self, heights: list[int | None], stop: int, start: int | None, later: int) -> None:
        blocks = BlockRange(start=start if start is not None and start < stop else None, stop=stop)
        run = progress(blocks, hour(*heights), at(60 * MINUTE + later))
        if run is None:
            assert not any(height is not None for height in heights)
            return
        assert run.percent is None or 0 <= run.percent <= 100
        assert (run.percent == 100) <= (run.height >= stop)
        if run.seconds_left is not None:
            assert 0 <= run.seconds_left <= LONGEST.total_seconds()
            assert at(60 * MINUTE + later) - run.at <= timedelta(minutes=20)

    @given(st.integers(1, 500), st.integers(2, 11), st.integers(0, 100))
    def test_an_even_pace_is_hit(self, step: int, more: int, start: int) -> None:
        heights = [start + step * number for number in range(more + 1)]
        left = 50 * step
        run = run_of(hour(*heights), BlockRange(start=start, stop=heights[-1] + left))
        assert run.seconds_left == pytest.approx(50 * 300)


class TestEnded:
    before = hour(1_000, 3_000, 5_000, 7_000)

    def end(self, after: Measurement | None, before: Sequence[Measurement] | None = None) -> RunEnd | None:
        run = ended(BLOCKS, self.before if before is None else before, after)
        return run.end if run else None

    @pytest.mark.parametrize("height", [11_000, 11_001, 99_000])
    def test_the_last_block_or_a_later_one_is_finished(self, height: int) -> None:
        assert self.end(measured(16, height)) is RunEnd.FINISHED
        assert self.end(measured(16, height), before=[]) is RunEnd.FINISHED

    @pytest.mark.parametrize("height", [1_000, 7_000, 9_000])
    def test_a_lower_height_is_short(self, height: int) -> None:
        assert self.end(measured(16, height), before=[]) is RunEnd.SHORT
        run = ended(BLOCKS, [], measured(16, height))
        assert run
        assert run.is_short
        assert (run.height, run.stop) == (height, 11_000)

    def test_a_worker_without_records_says_nothing_alone(self) -> None:
        assert self.end(measured(16, 7_000, records=0), before=[]) is None

    def test_a_new_worker_that_goes_on_at_the_same_height_is_the_same_run(self) -> None:
        before = [measured(0, 7_000, records=900, uid="a")]
        assert self.end(measured(16, 7_000, records=0, uid="b"), before) is RunEnd.SHORT

    def test_a_reorganised_chain_is_no_new_run(self) -> None:
        assert self.end(measured(16, 6_950)) is RunEnd.SHORT

    def test_a_stored_height_at_the_end_is_finished(self) -> None:
        at_the_end = hour(7_000, 9_000, 11_000)
        assert self.end(None, at_the_end) is RunEnd.FINISHED
        assert self.end(measured(16, 0, records=0), at_the_end) is RunEnd.FINISHED
        assert self.end(measured(16, None), at_the_end) is RunEnd.FINISHED

    @pytest.mark.parametrize(
        "after",
        [
            pytest.param(None, id="no metrics"),
            pytest.param(measured(16, None), id="no height"),
            pytest.param(measured(16, 0), id="a new worker: height 0"),
            pytest.param(measured(16, 999), id="before the first block"),
            pytest.param(measured(16, 5_500), id="far back: it began again"),
            pytest.param(measured(16, 10_700), id="so near that its last minute may have finished it"),
        ],
    )
    def test_is_not_guessed(self, after: Measurement | None) -> None:
        assert self.end(after) is None

    @pytest.mark.parametrize(
        ("old", "new"), [({"uid": "a"}, {"uid": "b"}), ({"records": 70}, {"records": 3})], ids=["uid", "records"]
    )
    def test_an_earlier_run_that_finished_does_not_count(self, old: dict[str, str], new: dict[str, str]) -> None:
        earlier = [measured(0, 11_000, **old)]  # type: ignore[arg-type]
        assert self.end(measured(16, 3_000, **new), earlier) is None  # type: ignore[arg-type]

    def test_only_the_worker_that_stopped_counts(self) -> None:
        earlier = [measured(0, 11_000, uid="a")]
        assert ended(BLOCKS, earlier, None, uid="b") is None
        assert ended(BLOCKS, earlier, None, uid="a") is not None

    def test_only_the_latest_time_live_counts(self) -> None:
        earlier = [measured(0, 11_000)]
        assert ended(BLOCKS, earlier, None, live_since=at(1)) is None
        assert ended(BLOCKS, earlier, None, live_since=at(0)) is not None

    @given(st.lists(st.integers(0, 10_999), max_size=12), st.one_of(st.none(), st.integers(0, 10_999)))
    def test_a_run_that_never_reached_its_end_is_never_finished(self, heights: list[int], height: int | None) -> None:
        after = None if height is None else measured(61, height)
        assert self.end(after, hour(*heights)) in {None, RunEnd.SHORT}

    @given(st.lists(st.integers(0, 20_000), max_size=12), st.integers(11_000, 20_000))
    def test_a_run_at_its_end_never_pages(self, heights: list[int], height: int) -> None:
        assert self.end(measured(61, height), hour(*heights)) is RunEnd.FINISHED

    @given(st.lists(st.integers(0, 20_000), min_size=1, max_size=12))
    def test_without_metrics_nothing_pages(self, heights: list[int]) -> None:
        assert self.end(None, hour(*heights)) in {None, RunEnd.FINISHED}

    def test_measurements_in_any_order(self) -> None:
        run = progress(BLOCKS, self.before[::-1], self.before[-1].at)
        assert run == run_of(self.before)
        assert run == replace(run_of(self.before))
