"""The oldest reading is found without asking for all of them each time."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.observation import PipelineId
from bot.state import oldest_reading
from bot.state.oldest_reading import OldestReading
from tests.builders import at

IDS = [PipelineId(f"pipe_{number}") for number in range(4)]


class Readings(dict[PipelineId, datetime]):
    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.oldest = OldestReading(self.read_at, self.keys)

    def read_at(self, pipeline_id: PipelineId) -> datetime | None:
        self.asked += 1
        return self.get(pipeline_id)


@given(st.lists(st.tuples(st.sampled_from(IDS), st.none() | st.integers(0, 9), st.booleans()), max_size=40))
def test_it_is_the_oldest_of_all_even_if_the_clock_is_set_back(
    steps: list[tuple[PipelineId, int | None, bool]],
) -> None:
    readings = Readings()
    for pipeline_id, seconds, asks in steps:
        if seconds is None:
            readings.pop(pipeline_id, None)
        else:
            before = readings.get(pipeline_id)
            readings[pipeline_id] = at(seconds)
            if before is None or at(seconds) < before:  # a later reading needs no `add`
                readings.oldest.add(pipeline_id)
        if asks:
            assert readings.oldest.find() == min(readings.values(), default=None)


def test_each_reading_costs_a_few_questions() -> None:
    readings = Readings()
    fleet = [PipelineId(f"pipe_{number}") for number in range(500)]
    for number in range(5000):
        readings[fleet[number % 500]] = at(number)
        readings.oldest.find()
    assert readings.asked < 10 * 5000


def test_a_fleet_at_rest_is_asked_for_once() -> None:
    readings = Readings()
    oldest = OldestReading(readings.read_at, lambda: IDS)
    for _ in range(100):
        assert oldest.find() is None
    assert readings.asked == len(IDS)
    readings[IDS[0]] = at(5)
    oldest.add(IDS[0])
    assert oldest.find() == at(5)


def test_other_work_runs_while_a_large_fleet_is_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oldest_reading, "SORTED_AT_ONCE", 10)
    readings = Readings()
    fleet = [PipelineId(f"pipe_{number}") for number in range(100)]
    readings.update({pipeline_id: at(100 + number) for number, pipeline_id in enumerate(fleet)})
    longest = 0
    for step in readings.oldest.sort():
        assert step is None
        longest, readings.asked = max(longest, readings.asked), 0
    assert longest == 10
    assert readings.oldest.find() == at(100)
    assert readings.asked < 10


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 14), st.integers(0, 20)), max_size=12),
)
def test_readings_made_during_a_sort_count(before: list[int], during: list[tuple[int, int]]) -> None:
    readings = Readings()
    readings.update({PipelineId(f"pipe_{number}"): at(seconds) for number, seconds in enumerate(before)})
    changes = iter(during)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oldest_reading, "SORTED_AT_ONCE", 2)
        for _ in readings.oldest.sort():
            if change := next(changes, None):
                number, seconds = change
                pipeline_id = PipelineId(f"pipe_{number}")
                known = readings.get(pipeline_id)
                readings[pipeline_id] = at(max(seconds, 9) if known else seconds)
                if known is None:
                    readings.oldest.add(pipeline_id)
        for _ in range(20):
            assert readings.oldest.find() == min(readings.values())
            readings[min(readings, key=readings.__getitem__)] = at(30)


def test_a_sort_that_a_reset_interrupts_leaves_nothing_behind() -> None:
    readings = Readings()
    readings.update({pipeline_id: at(1) for pipeline_id in IDS})
    sort = readings.oldest.sort()
    next(sort)
    readings.oldest.reset()
    readings.update({pipeline_id: at(2) for pipeline_id in IDS})
    assert list(sort) == []
    assert readings.oldest.find() == at(2)
