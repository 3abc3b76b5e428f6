"""The bot's own monitoring over fakeredis. It checks each observation and renders each delivery for Slack."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import fakeredis

from bot.coordination.leadership import Leadership
from bot.domain.cadence import Cadence
from bot.domain.card import SyncCard, ThreadEntry
from bot.domain.phase import Phase
from bot.domain.watch import API_PIPELINE_ID
from bot.monitoring.budget import LONGEST_HOLD_SECONDS, Budget
from bot.monitoring.monitoring import Monitoring
from bot.monitoring.scheduler import Scheduler
from bot.ports.pipeline_api import PipelineApi
from bot.state.repository import Repository
from tests.builders import ALERTS, ORDERS, TEAM, a_message, a_watch
from tests.fake_details import FakeDetails, at_once
from tests.fakes import FakeClock
from tests.stores import WholeStore
from tests.unit.rendering import shown, valid


@dataclass(slots=True)
class Reader:
    scheduler: Scheduler
    repository: Repository
    leadership: Leadership
    store: WholeStore
    clock: FakeClock

    async def read(self) -> bool:
        """Returns whether the read was an observation, not a failed read. No earlier Retry-After is in force."""
        self.clock.seconds += 2 * LONGEST_HOLD_SECONDS
        await self.leadership.acquire()
        return await self.scheduler.read_now(ORDERS) is None

    async def check(self) -> None:
        """Checks the state after a good answer. An `AssertionError` says what was lost or cannot be rendered."""
        records = await self.store.records()
        phases = {
            pipeline_id: record.state.phase for pipeline_id, record in records.items() if pipeline_id != API_PIPELINE_ID
        }
        assert phases == {ORDERS: Phase.RUNNING}, "what was read is not kept"
        assert (await self.store.watches()).in_channel(ALERTS) == (a_watch(),), "a watch is lost"
        rows = await self.store.owed(ALERTS)
        cards = await self.store.cards([row.body.card_key for row in rows if isinstance(row.body, SyncCard)])
        for card in cards.values():
            valid(shown(card.content))
        for row in rows:
            if isinstance(row.body, ThreadEntry):
                valid(shown(row.body))


@asynccontextmanager
async def a_reader(api: PipelineApi) -> AsyncIterator[Reader]:
    clock, redis = FakeClock(), fakeredis.FakeAsyncRedis()
    store = WholeStore(redis, TEAM, clock)
    await store.add_watches([a_watch()], a_message())
    repository = Repository(store, asyncio.Event())
    await repository.load()
    leadership = Leadership(store, clock)
    scheduler = Monitoring(
        api=api,
        details=FakeDetails(),
        in_thread=at_once,
        repository=repository,
        budget=Budget(4.0, clock),
        clock=clock,
        cadence=Cadence(),
        leadership=leadership,
        slots=1,
    ).scheduler
    scheduler.take_over(1, late=False)
    stopped = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(scheduler.run(stopped))
        await asyncio.sleep(0)
        yield Reader(scheduler=scheduler, repository=repository, leadership=leadership, store=store, clock=clock)
        stopped.set()
    await redis.aclose()
