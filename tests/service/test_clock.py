"""The bot's clock when somebody sets the wall clock."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from structlog.testing import capture_logs

from bot.clock import SLEW, SystemClock

HOUR, DAY = 3600.0, 86_400.0
STEPS = [-DAY, -HOUR, -30.0, 30.0, HOUR, DAY]


@dataclass
class Room:
    """Two clocks: a test may set the wall clock; the monotonic clock only advances."""

    wall: float = 1_800_000_000.0
    passed: float = 50.0

    def wait(self, seconds: float) -> None:
        self.wall += seconds
        self.passed += seconds

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall, lambda: self.passed)


def test_the_time_follows_the_wall_clock_until_somebody_sets_it() -> None:
    room = Room()
    clock = room.clock()
    for _ in range(1000):
        room.wait(0.7)
        assert clock.now() == datetime.fromtimestamp(room.wall, UTC)


@pytest.mark.parametrize("first", ["wall", "passing"])
def test_a_process_that_stood_still_does_not_report_a_clock_change(first: str) -> None:
    room = Room()
    stops: list[str] = []

    def look(name: str) -> float:
        if name in stops:
            stops.remove(name)
            room.wait(15)  # just before the check, and just after it
            reading = room.wall if name == "wall" else room.passed
            room.wait(15)
            return reading
        return room.wall if name == "wall" else room.passed

    clock = SystemClock(lambda: look("wall"), lambda: look("passing"))
    room.wait(1)
    stops.append(first)
    with capture_logs() as warnings:
        for _ in range(3):
            assert clock.now() == datetime.fromtimestamp(room.wall, UTC)
            room.wait(1)
    assert not stops
    assert warnings == []


@pytest.mark.parametrize("step", STEPS)
def test_a_clock_change_is_reported_once(step: float) -> None:
    room = Room()
    clock = room.clock()
    room.wall += step
    with capture_logs() as warnings:
        for _ in range(10):
            clock.now()
            room.wait(1)
    assert [(warning["event"], warning["seconds"]) for warning in warnings] == [("wall_clock_set", step)]


@pytest.mark.parametrize("step", STEPS)
def test_a_wait_is_off_by_at_most_a_tenth_after_any_clock_change(step: float) -> None:
    room = Room()
    clock = room.clock()
    for seconds in (0.25, 1.0, 30.0, 600.0):
        until = clock.now() + timedelta(seconds=seconds)
        room.wall += step
        waited = 0.0
        while clock.now() < until:
            room.wait(seconds / 100)
            waited += seconds / 100
        assert seconds / (1 + SLEW) * 0.98 <= waited <= seconds / (1 - SLEW) * 1.02


@pytest.mark.parametrize("step", STEPS)
def test_the_time_returns_to_the_wall_clock_and_never_runs_backwards(step: float) -> None:
    room = Room()
    clock = room.clock()
    room.wall += step
    before = clock.now()
    for _ in range(int(abs(step) / SLEW / 10) + 2):
        room.wait(10)
        now = clock.now()
        assert now > before
        before = now
    assert abs(clock.now().timestamp() - room.wall) < 0.001


@pytest.mark.parametrize("step", STEPS)
def test_due_times_do_not_depend_on_the_wall_clock(step: float) -> None:
    room = Room()
    clock = room.clock()
    room.wait(10)
    room.wall += step
    assert clock.monotonic() == 60.0


def test_the_clock_defaults_to_the_machines_clocks() -> None:
    clock = SystemClock()
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 1  # noqa: TID251 (it is what is tested)
    first, began = clock.monotonic(), monotonic()
    while monotonic() - began < 0.01:
        pass
    assert 0.009 < clock.monotonic() - first < 1
