"""Commands never delay readings or alerts, however many people send. A virtual clock measures it."""

import asyncio
from collections import defaultdict

import pytest
import redis.asyncio

from bot.domain.cadence import Cadence
from bot.domain.observation import PipelineId
from bot.monitoring.budget import PEOPLES_BURST_SECONDS, RESERVED_SHARE, Budget, Route
from bot.monitoring.people_slots import MOST_AT_ONCE, PeopleSlots
from bot.monitoring.scheduler import TICK_SECONDS
from tests.builders import ALERTS
from tests.fakes import FakeClock, settle
from tests.service.test_poller import FAILED, Bot, pipelines, running

RATE = 4.0
WATCHED, KNOWN = 45, 240
PERIOD = max(Cadence().steady_seconds, WATCHED / (RATE * (1 - RESERVED_SHARE)))


def ids(first: int, last: int) -> list[PipelineId]:
    return [PipelineId(f"pipe_{number:04}") for number in range(first, last + 1)]


class Readings:
    """The read times of each pipeline."""

    def __init__(self, bot: Bot) -> None:
        self.at: dict[PipelineId, list[float]] = defaultdict(list)
        self._bot = bot
        self._seen = len(bot.api.reads)

    async def poll(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_SECONDS)):
            await self._bot.poll(TICK_SECONDS)
            for pipeline_id in self._bot.api.reads[self._seen :]:
                self.at[pipeline_id].append(self._bot.clock.monotonic())
            self._seen = len(self._bot.api.reads)

    def longest_pause(self, of: list[PipelineId]) -> float:
        return max(
            later - earlier
            for pipeline_id in of
            for earlier, later in zip(self.at[pipeline_id], self.at[pipeline_id][1:], strict=False)
        )


async def under_load(bot: Bot, readings: Readings, names: list[str], *, times: int, every: float) -> None:
    asking = []
    for _ in range(times):
        asking.append(asyncio.create_task(bot.requests.queries.status(ALERTS, names)))
        await readings.poll(every)
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)


async def prepared(bot: Bot) -> Readings:
    await bot.catalogue.refresh()
    await bot.watch(*ids(1, WATCHED))
    await bot.poll(2 * PERIOD)
    return Readings(bot)


@pytest.mark.parametrize(
    "names",
    [
        [f"orders-{number}" for number in range(WATCHED - 4, KNOWN)],
        [f"nosuch-{number}" for number in range(199)],
        ["orders-*"] * 199,
        [],
    ],
    ids=["known", "unknown", "patterns", "none"],
)
async def test_eight_commands_of_199_names_do_not_delay_polling(
    fake_redis: redis.asyncio.Redis, names: list[str]
) -> None:
    async with running(fake_redis, *pipelines(KNOWN), rate=RATE) as bot:
        readings = await prepared(bot)
        await under_load(bot, readings, names, times=8, every=2)
        await readings.poll(2 * PERIOD)
    assert readings.longest_pause(ids(1, WATCHED)) <= PERIOD + PEOPLES_BURST_SECONDS + 2


async def test_commands_do_not_delay_noticing_a_failure(fake_redis: redis.asyncio.Redis) -> None:
    names = [f"orders-{number}" for number in range(WATCHED + 1, KNOWN)]
    async with running(fake_redis, *pipelines(KNOWN), rate=RATE) as bot:
        readings = await prepared(bot)
        for pipeline_id in ids(1, 3):
            bot.api.statuses[pipeline_id] = FAILED
        await under_load(bot, readings, names, times=round(PERIOD / 2) + 2, every=2)
        cards = await bot.cards()
    assert sorted(cards) == [f"orders-{number} failure" for number in (1, 2, 3)]


async def test_slow_reads_for_people_take_no_polling_slot(fake_redis: redis.asyncio.Redis) -> None:
    unwatched = ids(WATCHED + 1, KNOWN)
    async with running(fake_redis, *pipelines(KNOWN), rate=100.0) as bot:
        readings = await prepared(bot)
        never = asyncio.Event()
        bot.api.gate = lambda pipeline_id: never if pipeline_id in unwatched else None
        asking = [asyncio.create_task(bot.scheduler.read_now(pipeline_id)) for pipeline_id in unwatched]
        await readings.poll(2 * Cadence().steady_seconds + 2)
        assert len([pipeline_id for pipeline_id in bot.api.reads if pipeline_id in unwatched]) == MOST_AT_ONCE
        assert readings.longest_pause(ids(1, WATCHED)) <= Cadence().steady_seconds + 1
        for task in asking:
            task.cancel()
        never.set()
        await asyncio.gather(*asking, return_exceptions=True)


async def test_people_get_the_budget_that_polling_leaves(fake_redis: redis.asyncio.Redis) -> None:
    clock = FakeClock()
    budget = Budget(RATE, clock)
    taken = 0
    for _ in range(40):  # ten seconds in which nothing is due
        while await budget.take(Route.STATUS, 0.0):
            taken += 1
        clock.seconds += TICK_SECONDS
    assert taken >= RATE * 10


async def test_people_keep_their_share_while_polling_is_at_its_limit() -> None:
    clock = FakeClock()
    budget = Budget(RATE, clock)
    people = polling = 0
    for _ in range(4 * 100):
        while budget.try_take(Route.STATUS):
            polling += 1
        while await budget.take(Route.STATUS, 0.0):
            people += 1
        clock.seconds += TICK_SECONDS
    assert people >= 0.1 * RATE * 100
    assert polling >= 0.8 * RATE * 100


async def test_reads_for_people_wait_for_a_slot_and_free_it() -> None:
    people = PeopleSlots(most=1)
    one, two = PipelineId("one"), PipelineId("two")
    async with people.slot(one) as slot:
        slot.assign()
    waiting = asyncio.create_task(_enter(people, two))
    await settle()
    assert not waiting.done()
    people.ended(two)  # the reads by polling
    await settle()
    assert not waiting.done()
    people.ended(one)
    await waiting
    assert len(people) == 0
    await _enter(people, two)


async def test_a_read_that_another_request_began_frees_its_slot() -> None:
    people = PeopleSlots(most=2)
    async with people.slot(PipelineId("one")) as slot:
        slot.assign()
    await _enter(people, PipelineId("one"))
    people.ended(PipelineId("one"))
    for _ in range(3):
        await asyncio.gather(_enter(people, PipelineId("a")), _enter(people, PipelineId("b")))


async def _enter(people: PeopleSlots, pipeline_id: PipelineId) -> None:
    async with people.slot(pipeline_id):
        pass
