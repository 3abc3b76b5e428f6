"""What the operator hears about the promised age of readings."""

import pytest

from bot.domain.cadence import Cadence
from bot.monitoring.budget import Budget
from bot.monitoring.promise import STABLE_SECONDS, Promise
from bot.ports.telemetry.monitoring import PollingSlow
from tests.fakes import FakeClock


class Fleet:
    """A repository of which only the number of polled pipelines counts."""

    def __init__(self) -> None:
        self.pollable: range = range(0)


def test_the_operator_hears_once_that_many_pipelines_share_a_small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[PollingSlow] = []
    monkeypatch.setattr("bot.monitoring.promise.emit", events.append)
    fleet, now = Fleet(), 0.0
    promise = Promise(repository=fleet, budget=Budget(4.0, FakeClock()), cadence=Cadence())  # type: ignore[arg-type]

    def pass_time(pipelines: int, seconds: float) -> list[int]:
        nonlocal now
        fleet.pollable = range(pipelines)
        until = now + seconds
        while now < until:
            promise.report_slow(now)
            now += 1.0
        return [event.pipelines for event in events]

    assert pass_time(400, 100) == []  # 300 s
    for pipelines in range(400, 3000, 100):
        assert pass_time(pipelines, 2) == []  # the listing is under way
    assert pass_time(3000, STABLE_SECONDS + 5) == [3000]
    assert pass_time(3100, 3600) == [3000]
    assert pass_time(6000, 3600) == [3000, 6000]
    assert pass_time(100, 3600) == [3000, 6000]
    assert pass_time(6000, 3600) == [3000, 6000, 6000]
    first = events[0]
    assert (first.requests_per_second, first.each_read_every_seconds, first.promised_seconds) == (4.0, 750, 2250)
    assert first.fix == "PIPELINE_BOT_REQUESTS_PER_SECOND=50 would make it 60 s"


def test_a_long_promise_that_the_operator_chose_is_no_small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[PollingSlow] = []
    monkeypatch.setattr("bot.monitoring.promise.emit", events.append)
    fleet, cadence = Fleet(), Cadence(promised_seconds=600)
    promise = Promise(repository=fleet, budget=Budget(4.0, FakeClock()), cadence=cadence)  # type: ignore[arg-type]
    fleet.pollable = range(20)  # each is read every 5 s
    for second in range(100):
        promise.report_slow(float(second))
    assert events == []
    fleet.pollable = range(3000)
    for second in range(100, 200):
        promise.report_slow(float(second))
    assert [event.pipelines for event in events] == [3000]
