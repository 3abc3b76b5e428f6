"""Work on a large fleet leaves the event loop its turns: leases, heartbeats and acknowledgements go on meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import redis.asyncio

from bot.coordination import heartbeat
from bot.monitoring import newcomers, polled_fleet
from bot.state import oldest_reading
from bot.state.repository import Repository
from tests.builders import a_message, a_watch, at
from tests.service.test_poller import ONE, Bot, pipelines, running, watch

AT_ONCE = 5
FLEET = 60


class Steps:
    """Counts calls between two turns of the event loop."""

    def __init__(self) -> None:
        self._calls = self.total = self.most = 0

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: object, **named: object) -> object:
            self._calls += 1
            self.total += 1
            self.most = max(self.most, self._calls)
            return function(*arguments, **named)

        return call

    @asynccontextmanager
    async def between_turns(self) -> AsyncIterator[None]:
        """By a callback, not a task: the shuffled loop delays some steps of tasks."""
        loop = asyncio.get_running_loop()
        handles: list[asyncio.Handle] = []

        def turn() -> None:
            self._calls = 0
            handles[:] = [loop.call_soon(turn)]

        turn()
        self.total = self.most = 0
        try:
            yield
        finally:
            handles[0].cancel()


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newcomers, "AT_ONCE", AT_ONCE)
    monkeypatch.setattr(polled_fleet, "AT_ONCE", AT_ONCE)
    monkeypatch.setattr(oldest_reading, "SORTED_AT_ONCE", AT_ONCE)


def counted(bot: Bot, monkeypatch: pytest.MonkeyPatch, *names: str) -> Steps:
    steps = Steps()
    for name in names:
        monkeypatch.setattr(bot.repository, name, steps.counted(getattr(bot.repository, name)))
    return steps


async def test_a_bot_that_takes_over_begins_to_poll_some_pipelines_at_a_time(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(fake_redis, *pipelines(FLEET)) as bot:
        await watch(bot, "orders-*")
        bot.scheduler.take_over(bot.scheduler.epoch + 2, late=False)
        steps = counted(bot, monkeypatch, "last_read_at")
        async with steps.between_turns():
            await bot.scheduler.tick()
        assert steps.total >= FLEET
        assert steps.most <= 2 * AT_ONCE
        assert bot.scheduler.unread_since(0.0) == bot.repository.pollable
        assert len(bot.scheduler._fleet.due) == len(bot.scheduler._fleet.due._entries) == FLEET


async def test_the_end_of_a_large_watch_stops_the_reads_at_once(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(fake_redis, *pipelines(FLEET)) as bot:
        await watch(bot, "orders-*")
        await bot.poll(20)
        dropped = Steps()
        monkeypatch.setattr(bot.scheduler._fleet, "_forget", dropped.counted(bot.recorder.forget))
        bot.repository._polled.unwatch_all(set(bot.repository.pollable), ())
        before = len(bot.api.reads)
        bot.clock.seconds += 5  # all are due, and the lease lasts
        bot.scheduler._start_due()
        async with dropped.between_turns():
            await bot.scheduler.tick()
        assert len(bot.api.reads) == before
        assert (dropped.total, dropped.most) == (FLEET, AT_ONCE)
        assert len(bot.scheduler._fleet.due) == 0


async def test_pipelines_that_are_watched_again_before_they_are_dropped_are_still_read(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(FLEET)) as bot:
        await watch(bot, "orders-*")
        await bot.poll(20)
        watched = set(bot.repository.pollable)
        bot.repository._polled.unwatch_all(watched, ())
        bot.clock.seconds += 5  # all are due
        bot.scheduler._start_due()  # takes some that nobody watches
        bot.repository._polled.watch_all(watched, ())
        before = len(bot.api.reads)
        await bot.poll(60)
        assert set(bot.api.reads[before:]) == watched


async def test_the_heartbeat_of_a_new_leader_asks_for_some_readings_at_a_time(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        running(fake_redis, *pipelines(FLEET)) as one,
        running(fake_redis, clock=one.clock, api=one.api) as two,
    ):
        await watch(one, "orders-*")
        await one.poll(40)
        await two.heartbeat.beat()
        await one.leadership.release()
        steps = Steps()
        monkeypatch.setattr(two.repository._records, "read_at", steps.counted(two.repository._records.read_at))
        monkeypatch.setattr(two.repository._records, "of", steps.counted(two.repository._records.of))
        async with steps.between_turns():
            await two.heartbeat.beat()
            assert two.leadership.is_leader
            assert steps.total == 0  # what the leader before recorded still holds
            await two.heartbeat.beat()
        assert steps.total >= FLEET
        assert steps.most <= 3 * AT_ONCE


async def test_a_watch_and_its_pipeline_share_the_text_of_the_name(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await bot.catalogue.refresh()
        label = "".join(["orders", "-1"])  # a text of its own
        await bot.store.add_watches([replace(a_watch(ONE), label=label)], a_message("made"))
        repository = Repository(bot.store, asyncio.Event())
        await repository.load()
        (made,) = repository.watches
        assert made.label is repository.pipeline(ONE).name


async def test_the_report_of_a_gap_asks_for_some_pipelines_at_a_time(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "ASKED_AT_ONCE", AT_ONCE)
    async with running(fake_redis, *pipelines(FLEET)) as bot:
        await watch(bot, "orders-*")
        await bot.poll(20)
        steps = counted(bot, monkeypatch, "episode")
        async with steps.between_turns():
            assert await bot.heartbeat._missed_since(at(0)) == ()
        assert (steps.total, steps.most) == (FLEET, AT_ONCE)
