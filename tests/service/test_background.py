"""A diagnosis says what somebody changed before the failure, and when its error came before."""

from dataclasses import replace
from datetime import timedelta

import redis.asyncio

from bot.domain.configuration import Configuration, Part
from bot.domain.diagnosis import Diagnosis, LeftOut
from bot.domain.observation import PipelineId
from bot.ports.pipeline_api import Unavailable
from tests.fake_details import FakeDetails
from tests.service.test_diagnoses import diagnosis
from tests.service.test_poller import FAILED, LIVE, ONE, TWO, Bot, pipelines, running

BEFORE, AFTER = (
    Configuration(hashes={Part.TRANSFORM: "", "transform:trades": digest}, shows_transforms=True) for digest in "ab"
)


async def listed(bot: Bot) -> None:
    bot.api.configurations[ONE] = BEFORE
    await bot.watch(ONE, TWO)
    await bot.poll(6)
    await bot.catalogue.refresh()
    await bot.poll(6)


async def fail(bot: Bot, pipeline_id: PipelineId) -> Diagnosis:
    bot.api.statuses[pipeline_id] = FAILED
    await bot.poll(6)
    found = diagnosis(bot, pipeline_id)
    assert found is not None
    return found


async def test_an_edit_of_just_before_the_failure_is_named(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2), details=FakeDetails()) as bot:
        await listed(bot)
        edited_at = bot.clock.now()
        bot.api.configurations[ONE] = replace(AFTER, updated_at=edited_at)
        await bot.poll(3)
        found = await fail(bot, ONE)
        (change,) = found.changes
        assert [(part.part, part.table) for part in change.parts] == [(Part.TRANSFORM, "trades")]
        assert (change.at, change.exact) == (edited_at, True)
        assert bot.details.times("configuration") == 1


async def test_an_edit_is_named_although_the_polling_needs_every_request(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(40), rate=4.0, details=FakeDetails()) as bot:
        bot.api.configurations[ONE] = BEFORE
        await bot.catalogue.refresh()
        await bot.watch("orders-*")
        await bot.poll(30)
        await bot.catalogue.refresh()
        await bot.poll(30)
        edited_at = bot.clock.now()
        bot.api.configurations[ONE] = replace(AFTER, updated_at=edited_at)
        await bot.poll(12)
        bot.api.statuses[ONE] = FAILED
        await bot.poll(60)
        found = diagnosis(bot, ONE)
        assert found is not None
        assert [change.at for change in found.changes] == [edited_at]


async def test_an_object_that_cannot_be_read_costs_only_the_latest_edit(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2), details=FakeDetails()) as bot:
        await listed(bot)
        bot.api.configurations[ONE] = AFTER
        await bot.catalogue.refresh()
        bot.details.no_configuration = Unavailable("GoldRush didn't answer within 5 s.")
        await bot.poll(3)
        found = await fail(bot, ONE)
        assert (len(found.changes), found.compared_since, found.left_out) == (1, None, (LeftOut.CHANGES,))


async def test_an_edit_is_added_once_the_pipeline_object_can_be_read(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2), details=FakeDetails()) as bot:
        await listed(bot)
        bot.api.configurations[ONE] = AFTER
        bot.details.no_configuration = Unavailable("GoldRush didn't answer within 5 s.")
        await fail(bot, ONE)
        bot.details.no_configuration = None
        await bot.poll(60)
        found = diagnosis(bot, ONE)
        assert found is not None
        assert (len(found.changes), found.left_out) == (1, ())
        assert found.compared_since is not None


async def test_nothing_is_compared_with_a_configuration_from_after_the_failure(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(2), details=FakeDetails()) as bot:
        bot.api.configurations[ONE] = BEFORE
        await bot.watch(ONE)
        await bot.poll(6)
        found = await fail(bot, ONE)
        assert (found.changes, found.compared_since, found.left_out) == ((), None, ())


async def test_an_unchanged_pipeline_has_no_change(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2), details=FakeDetails()) as bot:
        await listed(bot)
        found = await fail(bot, ONE)
        assert found.changes == ()
        assert found.compared_since is not None
        assert found.compared_since < found.began_at


async def test_the_error_is_recognised_on_another_pipeline(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2), details=FakeDetails()) as bot:
        await listed(bot)
        first = await fail(bot, ONE)
        assert first.seen is None
        bot.api.statuses[ONE] = LIVE
        await bot.poll(30)
        bot.clock.seconds += 2 * 3600
        await bot.poll(30)
        seen = (await fail(bot, TWO)).seen
        assert seen is not None
        assert (seen.name, seen.at, seen.occurrences) == ("orders-1", first.began_at, 1)
        assert seen.recovered_after is not None
        assert timedelta(0) < seen.recovered_after < timedelta(minutes=1)


async def test_after_a_restart_the_bot_still_knows_both(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2), details=FakeDetails()) as bot:
        await listed(bot)
        await fail(bot, ONE)
        bot.api.statuses[ONE] = LIVE
        await bot.poll(30)
        clock = bot.clock
    clock.seconds += 2 * 3600
    async with running(fake_redis, *pipelines(2), clock=clock, details=FakeDetails()) as second:
        second.api.configurations[ONE] = AFTER
        await second.poll(30)
        await second.catalogue.refresh()
        await second.poll(6)
        found = await fail(second, ONE)
        assert found.seen is not None
        assert found.seen.name == ""
        assert len(found.changes) == 1
