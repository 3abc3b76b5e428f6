"""A Redis Cluster: failovers and moved slots in the middle of writes, and clusters that are not whole."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.crc import key_slot

from bot.domain.watch import TeamId
from bot.forgetting import forget_team
from bot.ports.store_errors import StoreAway
from bot.store.connect import connect, connected
from bot.store.problem import Weight
from sandbox.ports import HOST, free_port
from tests.builders import TEAM, a_message
from tests.contract import probing
from tests.contract.probing import problems, starts
from tests.fakes import FakeClock
from tests.redis_groups import DURABLE, Cluster, Processes, ServerProcess, any_server
from tests.stores import WholeStore
from tests.writing import Writing

pytestmark = pytest.mark.servers
KEY = f"pipeline-bot:{{{TEAM}}}:schema"
SLOT = key_slot(KEY.encode())


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(any_server(), tmp_path / "servers") as running:
        yield running


@pytest.fixture
def cluster(processes: Processes) -> Cluster:
    return Cluster(processes)


@pytest.fixture
def copied(processes: Processes) -> Cluster:
    return Cluster(processes, replicas=1)


async def test_writes_go_on_after_a_planned_failover_and_nothing_is_lost(copied: Cluster) -> None:
    before = copied.owner(KEY)
    replica = copied.replica_of(before)
    async with connected(copied.url, TEAM) as client, Writing(WholeStore(client, TEAM, FakeClock())) as writing:
        await writing.more(20)
        await asyncio.gather(asyncio.to_thread(copied.fail_over_to, replica), writing.until_recovered())
        await writing.more(20)
        assert (await client.info("server"))["tcp_port"] == replica.port
        assert await writing.missing() == []


async def test_writes_go_on_after_the_owner_was_killed(copied: Cluster) -> None:
    before = copied.owner(KEY)
    replica = copied.replica_of(before)
    async with connected(copied.url, TEAM) as client, Writing(WholeStore(client, TEAM, FakeClock())) as writing:
        await writing.more(20)
        before.kill()
        await writing.until_recovered()
        await writing.more(20)
        assert (await client.info("server"))["tcp_port"] == replica.port


async def test_while_the_slot_moves_the_store_is_away_and_then_everything_is_there(cluster: Cluster) -> None:
    source = cluster.owner(KEY)
    target = next(node for node in cluster.masters if node is not source)
    async with connected(cluster.url, TEAM) as client:
        store = WholeStore(client, TEAM, FakeClock())
        async with Writing(store) as writing:
            await asyncio.gather(*(client.info("server") for _ in range(5)))  # idle connections to the old owner
            await writing.more(20)
            cluster.begin_to_move(SLOT, source, target)
            first, *others = source.ask("CLUSTER", "GETKEYSINSLOT", SLOT, 1000)
            cluster.move_keys([first], source, target)
            with pytest.raises(StoreAway):
                await store.enqueue([a_message("in between")])
            cluster.move_keys(others, source, target)
            cluster.end_to_move(SLOT, target)
            await writing.until_recovered()
            await writing.more(20)
            answers = await asyncio.gather(*(client.info("server") for _ in range(5)))
            assert {answer["tcp_port"] for answer in answers} == {target.port}
            assert await writing.missing() == []


async def test_other_nodes_are_asked_if_those_of_the_address_are_gone(copied: Cluster) -> None:
    named = next(node for node in copied.masters if node is not copied.owner(KEY))
    async with connected(f"redis+cluster://{HOST}:{named.port}", TEAM) as client:
        assert await client.set(KEY, 1)
        named.kill()
        await client.connection_pool.disconnect()
        assert await client.get(KEY) == b"1"


async def test_each_workspace_has_its_own_server(cluster_url: str) -> None:
    teams = {TeamId("T0TEST"), TeamId("T0ELSE"), TeamId("T0NEXT")}  # one on each of the three masters
    ports = set()
    for team in teams:
        async with connected(cluster_url, team) as client:
            await WholeStore(client, team, FakeClock()).next_epoch()
            ports.add((await client.info("server"))["tcp_port"])
    assert len(ports) == len(teams)


def test_a_client_without_a_workspace_is_refused(cluster_url: str) -> None:
    with pytest.raises(ValueError, match="its own slot"):
        connect(cluster_url)


async def test_a_workspace_is_forgotten_on_a_cluster(cluster_url: str) -> None:
    async with connected(cluster_url, TEAM) as client:
        await client.flushall()
        await WholeStore(client, TEAM, FakeClock()).next_epoch()
        lines: list[str] = []
        await forget_team(TEAM, url=cluster_url, data_dir=Path("x"), force=False, ask=None, say=lines.append)
        assert lines[-1].startswith("Deleted 1 key")
        assert await client.keys("*") == []


async def test_the_advised_permissions_are_enough(cluster: Cluster) -> None:
    for node in cluster.masters:
        rules = ("~pipeline-bot:*", "+@all", "-@dangerous", "+info")
        node.told("ACL", "SETUSER", "bot", "on", ">hush", *rules)
    assert await problems(cluster.url.replace("://", "://bot:hush@")) == []
    (problem,) = await problems(cluster.url.replace("://", "://bot:wrong@"))
    assert (problem.text, problem.weight) == ("Redis refuses user or password", Weight.FATAL)
    assert "wrong" not in (await starts(cluster.url.replace("://", "://bot:wrong@")) or "")


async def test_a_whole_cluster_has_no_problem(cluster_url: str) -> None:
    assert await problems(cluster_url) == []
    assert await starts(cluster_url) is None


async def test_while_nobody_owns_the_workspaces_slot_the_bot_waits_and_says_why(processes: Processes) -> None:
    node = lone_node(processes)
    own = key_slot(probing.TEAM.encode())
    node.told("CLUSTER", "ADDSLOTSRANGE", own + 1, own + 2)
    url = f"redis+cluster://{HOST}:{node.port}"
    (problem,) = await problems(url)
    assert (problem.weight, problem.text) == (
        Weight.WAITS,
        "no server of the cluster owns this workspace's slot",
    )
    assert await starts(url) is None


async def test_while_other_slots_are_missing_the_bot_waits(processes: Processes) -> None:
    node = lone_node(processes)
    node.told("CLUSTER", "ADDSLOTS", key_slot(probing.TEAM.encode()))
    url = f"redis+cluster://{HOST}:{node.port}"
    (problem,) = await problems(url)
    assert (problem.weight, problem.text) == (Weight.WAITS, "the cluster is down")
    assert await starts(url) is None


def lone_node(processes: Processes) -> ServerProcess:
    return processes.start(*DURABLE, "cluster-enabled yes", f"cluster-port {free_port()}")


async def test_while_the_cluster_does_not_answer_the_bot_waits() -> None:
    url = f"redis+cluster://{HOST}:{free_port()},{HOST}:{free_port()}"
    assert await problems(url) == []
    assert await starts(url) is None
