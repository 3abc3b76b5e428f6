"""A planned failover of Redis. The old primary becomes a replica, and the bot's connections to it stay open."""

from pathlib import Path

import pytest

from sandbox.redis_faults import RedisActKind, RedisStandIn
from tests.journey.rig import rigged

pytestmark = pytest.mark.journey


async def test_a_failure_right_after_a_failover_is_reported(tmp_path: Path) -> None:
    async with RedisStandIn.start() as store, rigged(tmp_path, settings={"REDIS_URL": store.url}) as rig:
        await rig.ask("watch orders-eu")
        await rig.reads(4)
        await store.act(RedisActKind.DEMOTED)
        rig.set_phase("orders-eu", "FAILED")
        await rig.card("orders-eu failed", "Since")
        assert "orders-eu" in await rig.ask("watches")
