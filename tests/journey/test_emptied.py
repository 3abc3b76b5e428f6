"""Somebody empties Redis under a running bot. The bot reports the loss, and the next failure gets a new card."""

from pathlib import Path

import pytest
import redis.asyncio

from tests.journey.rig import ALERTS, TEAM, rigged
from tests.journey.valkey import Valkey

pytestmark = pytest.mark.journey


@pytest.mark.parametrize("failed_meanwhile", [False, True], ids=["fails then", "has failed already"])
async def test_the_next_failure_of_the_same_deployment_gets_a_new_card(
    tmp_path: Path, *, failed_meanwhile: bool
) -> None:
    async with Valkey(tmp_path / "valkey") as valkey, rigged(tmp_path, settings={"REDIS_URL": valkey.url}) as rig:
        await rig.ask("watch orders-eu")
        await rig.card("added a watch")
        await rig.reads(4)
        rig.set_phase("orders-eu", "FAILED")
        first = await rig.card("orders-eu failed", "Since")
        rig.set_phase("orders-eu", "RUNNING")
        await rig.thread(first, "recovered")
        store = redis.asyncio.Redis.from_url(valkey.url)
        await store.flushall()
        await store.aclose()
        await rig.card("My database")
        if failed_meanwhile:
            rig.set_phase("orders-eu", "FAILED")
        await rig.ask("watch orders-eu")
        if not failed_meanwhile:
            await rig.reads(4)
            rig.set_phase("orders-eu", "FAILED")
        second = await rig.card("orders-eu failed", "Since")
        assert second.ts != first.ts
        assert "recovered after" in first.text
        cards = [
            message
            for message in rig.sandbox.slack.messages(ALERTS)
            if "failed" in message.text and "Since" in message.text
        ]
        assert cards == [second]


async def test_a_bot_starts_without_any_single_key_and_reports_the_loss(tmp_path: Path) -> None:
    settings = {"OPERATOR_CHANNEL": TEAM}
    async with (
        Valkey(tmp_path / "valkey") as valkey,
        rigged(tmp_path, settings=settings | {"REDIS_URL": valkey.url}) as rig,
    ):
        await rig.ask("watch orders-eu")
        await rig.reads(4)
        rig.set_phase("orders-eu", "FAILED")
        await rig.card("orders-eu failed", "Since")
        for name in ("versions", "records"):
            await rig.kill()
            store = redis.asyncio.Redis.from_url(valkey.url)
            (key,) = await store.keys(f"pipeline-bot:*:{name}")
            assert await store.delete(key) == 1
            await store.aclose()
            await rig.start()
            await rig.card("My database (Redis) lost part", f"`{name}`", channel=TEAM)
        assert "FAILED" in await rig.ask("status orders-eu")
