"""Two bots on one Redis: the reading bot knows the other bot's changes."""

import redis.asyncio

from bot.domain.answer import AcknowledgeFate
from bot.domain.plan import Plan
from bot.domain.subscription import Wish
from bot.ports.lease_store import Lease
from tests.builders import ALERTS, ANN, TEAM
from tests.service.test_poller import FAILED, LIVE, ONE, Bot, pipelines, running, subscribe


async def both(reader: Bot, other: Bot, seconds: int) -> None:
    for _ in range(seconds):
        await reader.poll(1)
        await other.heartbeat.beat()


async def test_a_failure_is_reported_after_another_bot_unwatched_and_rewatched_it(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with (
        running(fake_redis, *pipelines(1)) as reader,
        running(fake_redis, clock=reader.clock, api=reader.api) as other,
    ):
        await other.catalogue.refresh()
        await reader.watch(ONE)
        await both(reader, other, 5)
        reader.api.statuses[ONE] = FAILED
        await both(reader, other, 20)
        await other.requests.subscriptions.unwatch(ALERTS, None, ANN)
        before = await reader.cards()
        await both(reader, other, 20)
        await subscribe(other.requests.subscriptions, ALERTS, [ONE], Wish(by=ANN))
        await both(reader, other, 20)
        assert len(before) == 1
        assert len(await reader.cards()) == 2
        assert reader.leadership.is_leader
        assert not other.leadership.is_leader


async def test_a_click_does_not_acknowledge_a_failure_that_began_during_it(fake_redis: redis.asyncio.Redis) -> None:
    async with (
        running(fake_redis, *pipelines(1)) as reader,
        running(fake_redis, clock=reader.clock, api=reader.api) as other,
    ):
        await other.catalogue.refresh()
        await reader.watch(ONE)
        await both(reader, other, 5)
        reader.api.statuses[ONE] = FAILED
        await both(reader, other, 20)
        shown = reader.repository.record(ONE).episode
        assert shown
        commit = other.store.commit

        async def late(plan: Plan, watches_version: int, lease: Lease | None = None) -> bool:
            other.store.commit = commit  # type: ignore[method-assign]
            for status, seconds in ((LIVE, 700), (FAILED, 20)):  # calm for so long that the next failure is a new story
                reader.api.statuses[ONE] = status
                await reader.poll(seconds)
            return await commit(plan, watches_version, lease)

        other.store.commit = late  # type: ignore[method-assign]
        answer = await other.requests.acknowledgements.acknowledge(ALERTS, ONE, shown.key(TEAM, ALERTS), ANN)
        now = (await reader.store.record(ONE)).episode
        assert answer.fate is AcknowledgeFate.OVER
        assert now
        assert now.identity != shown.identity
        assert now.acknowledged is None
