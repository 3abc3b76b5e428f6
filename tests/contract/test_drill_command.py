"""The command `drill` against the whole of Slack's sandbox."""

import redis.asyncio

from bot.slack.render import action_ids
from tests.contract.office import ALERTS, ANN, GUEST, office
from tests.service.test_poller import ONE


async def test_a_drill_asks_before_it_sends_anything(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await it.type(f"watch {ONE} page @bob")
        before = len(await it.bot.store.owed(ALERTS))
        question = await it.type("drill")
        assert "DRILL — nothing is wrong" in question
        assert "@bob, by direct message" in question
        assert len(await it.bot.store.owed(ALERTS)) == before
        assert "The drill runs." in await it.click(action_ids.CONFIRM, {"asked": "drill", "at": ""})
        assert len(await it.bot.store.owed(ALERTS)) == before + 1
        assert "A drill runs here, or ran in the last 5 min." in await it.click(
            action_ids.CONFIRM, {"asked": "drill", "at": ""}
        )


async def test_a_drill_needs_the_permission_to_change_watches(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        assert "Only full members of this workspace can change" in await it.type("drill", user=GUEST)
        assert await it.bot.store.drills() == ()


async def test_an_unknown_policy_is_named(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        answer = await it.type("drill nowhere", user=ANN)
        assert "There is no policy called nowhere. Nothing was sent." in answer.replace("*", "")
