"""Builds what reads for a scheduler in another process, and what hands reads to such processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self
from uuid import uuid4

from bot.clock import StoreClock
from bot.domain.presence import ANNOUNCE_SECONDS
from bot.domain.watch import TeamId
from bot.goldrush.client import Client
from bot.jobs import Jobs, PeriodicJob
from bot.monitoring.local_readers import LocalReaders
from bot.readers.batch_reader import BatchReader, Room
from bot.readers.broker import KEEP_SECONDS, BatchBroker
from bot.readers.remote import RemoteReaders
from bot.readers.scheduler_watch import SchedulerWatch
from bot.settings import Settings
from bot.store.clock import RedisClock
from bot.store.keys import Keys
from bot.store.presence import RedisPresence
from bot.store.scripts import Scripts
from bot.workspace.base import Base, Shared
from bot.workspace.presence import reading_source


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingProcess:
    """Reads for the scheduler of one workspace. Needs neither Slack nor the workspace's data."""

    reader: BatchReader
    jobs: Jobs

    @classmethod
    async def open(cls, shared: Shared, api: Client, team: TeamId) -> Self:
        """
        Raises:
            StoreAway: the store went away meanwhile.
        """
        redis, slots = shared.redis, shared.read_slots
        scripts = Scripts(redis, team)
        clock = await StoreClock.start(RedisClock(scripts))
        room = Room(slots)
        broker = BatchBroker(redis, _stream(shared.settings, team), room.wait)
        readers = LocalReaders(api=api, clock=clock)
        watch = SchedulerWatch(
            presence=RedisPresence(scripts, clock), source=reading_source(shared.settings), team=team, clock=clock
        )
        shared.sources.reader_problem = lambda: watch.problem
        await watch.check()
        reader = BatchReader(redis=redis, broker=broker, room=room, readers=readers, clock=clock, slots=slots)
        loops = (
            PeriodicJob("clock", clock.follow, 2.0),
            PeriodicJob("keep_batches", broker.keep, KEEP_SECONDS),
            PeriodicJob("scheduler_watch", watch.check, ANNOUNCE_SECONDS),
        )
        jobs = Jobs(None, loops)
        shared.sources.add_watchdog(jobs.watchdog_age)
        return cls(reader=reader, jobs=jobs)

    @asynccontextmanager
    async def running(self, stopped: asyncio.Event) -> AsyncIterator[None]:
        """Reads until `stopped` is set. At the end, it waits for the batches in progress."""
        async with asyncio.TaskGroup() as tasks, self.jobs.running():
            reading = tasks.create_task(self.reader.run(stopped), name="reader")
            yield
            await reading


def remote_readers(base: Base) -> RemoteReaders:
    """Hands the reads of the scheduler to other processes."""
    settings, redis = base.settings, base.shared.redis
    return RemoteReaders(
        redis=redis,
        broker=BatchBroker(redis, _stream(settings, base.identity.team)),
        results=Keys(base.identity.team).read_results(uuid4().hex),
        clock=base.clock,
        read_seconds=settings.read_timeout_seconds,
        rate=lambda: base.budget.rate,
    )


def _stream(settings: Settings, team: TeamId) -> str:
    return Keys(team).reads(reading_source(settings).fingerprint)
