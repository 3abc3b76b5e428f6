"""Readers in other processes over each kind of Redis: killed readers, and failovers in mid-batch."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis.asyncio

from bot.domain.observation import PipelineId
from bot.ports.pipeline_api import Status
from bot.readers import remote as remote_module
from bot.store.connect import connected
from tests.builders import TEAM
from tests.contract.test_readers import STREAM, Pool, a_pool, hasty, until
from tests.redis_groups import Cluster, Processes, SentinelGroup, any_server

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("hasty", "_slow_machine")]
NAMES = tuple(f"pipe_{number}" for number in range(6))
PATIENCE = 120

__all__ = ["hasty"]


@pytest.fixture
def _slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No read goes back unread because this machine is slow."""
    monkeypatch.setattr(remote_module, "BEGIN_SECONDS", 60.0)


@pytest.fixture(params=["redis7", "cluster", "sentinel"])
def a_redis(request: pytest.FixtureRequest) -> redis.asyncio.Redis:
    client: redis.asyncio.Redis = request.getfixturevalue(request.param)
    return client


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(any_server(), tmp_path / "servers") as running:
        yield running


async def test_a_reader_killed_in_mid_batch_leaves_the_rest_to_another(a_redis: redis.asyncio.Redis) -> None:
    async with a_pool(a_redis) as pool:
        dying = pool.add_reader()
        answer, held = dying.status, asyncio.Event()

        async def status(pipeline_id: PipelineId) -> Status:
            if pipeline_id in NAMES[3:]:
                await held.wait()
            return await answer(pipeline_id)

        dying.status = status  # type: ignore[method-assign]
        requests = pool.read(*NAMES)
        await pool.returned(3)
        pool.freeze(0)
        heir = pool.add_reader()
        await pool.returned(len(NAMES))
        held.set()
        assert [heir.reads[name] for name in NAMES[3:]] == [1, 1, 1]
        assert sorted(result.request.sequence for result in pool.results) == [one.sequence for one in requests]


async def in_mid_batch(pool: Pool, fail_over: Callable[[], None]) -> None:
    """A failover while one reader holds a batch. Every read comes back once; the scheduler starts lost ones again."""
    pool.remote.lost_after = 3.0
    reader = pool.add_reader()
    reader.free.clear()
    pool.read(*NAMES)
    await until(lambda: len(reader.reads) == len(NAMES))
    await asyncio.to_thread(fail_over)
    reader.free.set()
    async with asyncio.timeout(PATIENCE):
        while missing := set(NAMES) - {result.request.pipeline_id for result in pool.results}:
            if not pool.remote._sent and not pool.remote._waiting:
                pool.read(*sorted(missing))
            await asyncio.sleep(0.05)
    assert Counter(result.request.pipeline_id for result in pool.results) == Counter(NAMES)


async def test_a_planned_failover_of_a_cluster_in_mid_batch_loses_no_read(processes: Processes) -> None:
    cluster = Cluster(processes, replicas=1)
    replica = cluster.replica_of(cluster.owner(STREAM))
    async with connected(cluster.url, TEAM) as client, a_pool(client) as pool:
        await in_mid_batch(pool, lambda: cluster.fail_over_to(replica))
        assert (await client.info("server"))["tcp_port"] == replica.port


async def test_a_killed_primary_behind_sentinel_in_mid_batch_loses_no_read(processes: Processes) -> None:
    group = SentinelGroup(processes, replicas=1)
    group.until_watched()
    before = group.primary()
    async with connected(group.url, TEAM) as client, a_pool(client) as pool:
        await in_mid_batch(pool, before.kill)
        assert (await client.info("server"))["tcp_port"] != before.port
