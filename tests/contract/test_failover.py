"""A server that is no longer the primary is left, and its address is resolved again: over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import redis.asyncio
from redis.exceptions import RedisError

from bot.domain.watch import TeamId
from bot.store.connect import connect
from bot.store.scripts import Scripts
from sandbox.redis_faults import RedisActKind, RedisStandIn
from sandbox.redis_proxy import read_frame

TEAM = TeamId("T1")


@dataclass
class TwoServers:
    """Behind one address: the first connections reach a server that answers `refusal`, later ones a good one."""

    refusal: bytes
    connections_to_old: int = 3
    requests: list[str] = field(default_factory=list)
    opened: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        old = self.opened <= self.connections_to_old
        try:
            while request := await read_frame(reader):
                writer.write(self._answer(request.upper(), old=old))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, request: bytes, *, old: bool) -> bytes:
        if any(word in request for word in (b"HELLO", b"CLIENT", b"AUTH")):
            return b"-ERR unknown command\r\n" if b"HELLO" in request else b"+OK\r\n"
        if b"PING" in request:
            return b"+PONG\r\n"
        self.requests.append("old" if old else "new")
        return b"-" + self.refusal + b"\r\n" if old else b"+OK\r\n"


@asynccontextmanager
async def answering(refusal: str, connections_to_old: int = 3) -> AsyncIterator[tuple[TwoServers, redis.asyncio.Redis]]:
    servers = TwoServers(refusal.encode(), connections_to_old)
    listener = await asyncio.start_server(servers.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with connect(f"redis://127.0.0.1:{port}/0?protocol=2", answer_seconds=60) as client:
        yield servers, client
    listener.close()


REFUSALS = [
    "READONLY You can't write against a read only replica.",
    "ERR Error running script (call to f_1): @user_script:1: -READONLY You can't write against a read only replica.",
    "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "CLUSTERDOWN The cluster is down",
    "NOREPLICAS Not enough good replicas to write.",
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
    "NOAUTH Authentication required.",
    "TRYAGAIN Multiple keys request during rehashing of slot",
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda text: text[:30])
async def test_the_next_connection_is_asked_within_the_same_call(refusal: str) -> None:
    async with answering(refusal, connections_to_old=1) as (servers, client):
        assert await client.set("key", "value")
    assert servers.requests == ["old", "new"]


async def test_every_other_connection_to_that_server_is_left_too() -> None:
    async with answering(REFUSALS[0]) as (servers, client):
        await asyncio.gather(*(client.ping() for _ in range(3)))
        assert servers.opened == 3
        await asyncio.gather(*(client.set("key", "value") for _ in range(3)), return_exceptions=True)
        servers.requests.clear()
        await asyncio.gather(*(client.set("key", "value") for _ in range(3)))
    assert servers.requests == ["new"] * 3


async def test_while_the_address_leads_to_the_old_server_each_call_resolves_it_again() -> None:
    async with answering(REFUSALS[0], connections_to_old=6) as (servers, client):
        for _ in range(3):
            with pytest.raises(RedisError, match="read only replica"):
                await client.set("key", "value")
        assert await client.set("key", "value")
    assert servers.opened == 7


@pytest.mark.parametrize(
    "refusal", ["WRONGTYPE Operation against a key", "OOM command not allowed", "ERR syntax error"]
)
async def test_another_refusal_costs_no_connection(refusal: str) -> None:
    async with answering(refusal) as (servers, client):
        for _ in range(3):
            with pytest.raises(RedisError):
                await client.set("key", "value")
    assert servers.opened == 1


async def test_a_planned_failover_of_a_real_server_costs_no_write() -> None:
    """The old primary lives on as a replica, and the connections to it stay open."""
    async with RedisStandIn.start() as stand_in, connect(stand_in.url) as client:
        scripts = Scripts(client, TEAM)
        await scripts.greet()
        await asyncio.gather(*(client.set(f"warm-{n}", n) for n in range(5)))
        await stand_in.act(RedisActKind.DEMOTED)
        assert await client.incr("count") == 1
        assert (await client.info("replication"))["role"] == "master"
        assert await client.get("warm-4") == b"4"
        assert await scripts.run("lease", [scripts.keys.lease("reader")], ["me", 1000]) == 1
