"""A planned failover of Redis: behind a fixed address, by Sentinel, and in a cluster.

The old primary becomes a replica, and the bot's connections to it may stay open.
"""

import asyncio
from pathlib import Path

import pytest

from sandbox.redis_faults import RedisActKind, RedisStandIn
from tests.journey.rig import Rig, rigged
from tests.redis_groups import Cluster, Processes, SentinelGroup, any_server

pytestmark = pytest.mark.journey


async def test_a_failure_right_after_a_failover_is_reported(tmp_path: Path) -> None:
    async with RedisStandIn.start() as store, rigged(tmp_path, settings={"REDIS_URL": store.url}) as rig:
        await watching(rig)
        await store.act(RedisActKind.DEMOTED)
        await failure_is_reported(rig)


async def test_a_failure_right_after_a_failover_by_sentinel_is_reported(tmp_path: Path) -> None:
    with Processes(any_server(), tmp_path / "servers") as processes:
        group = SentinelGroup(processes)
        group.until_watched()
        async with rigged(tmp_path, settings={"REDIS_URL": group.url}) as rig:
            await watching(rig)
            await asyncio.to_thread(group.fail_over)
            await failure_is_reported(rig)


async def test_a_failure_right_after_a_failover_in_a_cluster_is_reported(tmp_path: Path) -> None:
    with Processes(any_server(), tmp_path / "servers") as processes:
        cluster = Cluster(processes, replicas=1)
        async with rigged(tmp_path, settings={"REDIS_URL": cluster.url}) as rig:
            await watching(rig)
            replica = cluster.replica_of(cluster.owner("{T0SANDBOX}"))
            await asyncio.to_thread(cluster.fail_over_to, replica)
            await failure_is_reported(rig)


async def watching(rig: Rig) -> None:
    await rig.ask("watch orders-eu")
    await rig.reads(4)


async def failure_is_reported(rig: Rig) -> None:
    rig.set_phase("orders-eu", "FAILED")
    await rig.card("orders-eu failed", "Since")
    assert "orders-eu" in await rig.ask("watches")
