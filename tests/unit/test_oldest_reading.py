"""The oldest reading is found without asking for all of them each time."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.observation import PipelineId
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
