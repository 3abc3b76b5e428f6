"""Which node a lookup asks, and which connections leave a server: over stub lookups and real servers."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis.asyncio
from redis.exceptions import ConnectionError as RedisConnectionError

from bot.redis_address import RedisNode, parse_redis_url
from bot.store.failover import Generation, with_failover_check
from bot.store.lookup import LookupFailedError, ServerLookup, with_lookup
from bot.store.problem import Problem, Weight
from tests.journey.valkey import Valkey

URL = "redis+sentinel://a:1,b:2,c:3/pipelines"


class Named(ServerLookup):
    """Each node names `server`; those in `away` do not answer."""

    def __init__(self, url: str) -> None:
        super().__init__(parse_redis_url(url), answer_seconds=2)
        self.server_now = RedisNode("primary", 6379)
        self.away: dict[str, Exception] = {}
        self.asked: list[str] = []

    async def _ask(self, client: redis.asyncio.Redis, node: RedisNode) -> RedisNode:
        self.asked.append(node.host)
        await asyncio.sleep(0)  # other lookups run while this one waits
        self._learn([])  # the nodes of a cluster name the others; this one names none
        if node.host in self.away:
            raise self.away[node.host]
        return self.server_now


async def test_a_node_is_asked_last_in_the_lookup_after_its_own() -> None:
    """A node that is cut off from the others would name the same wrong server each time."""
    lookup = Named(URL)
    for _ in range(4):
        assert await lookup.server() == lookup.server_now
    assert lookup.asked == ["a", "b", "c", "a"]


async def test_nodes_that_do_not_answer_are_passed_over() -> None:
    lookup = Named(URL)
    lookup.away = {"a": RedisConnectionError("no answer"), "b": TimeoutError()}
    assert await lookup.server() == lookup.server_now
    assert lookup.asked == ["a", "b", "c"]


async def test_a_failure_with_advice_is_raised_before_others() -> None:
    lookup = Named(URL)
    problem = Problem("Store", Weight.FATAL, "the service is unknown", "write its name")
    lookup.away = {"a": RedisConnectionError("1"), "b": LookupFailedError(problem), "c": RedisConnectionError("3")}
    with pytest.raises(LookupFailedError) as raised:
        await lookup.server()
    assert raised.value.problem == problem


async def test_lookups_at_once_may_forget_a_node_that_another_still_has_to_ask() -> None:
    """Each connection of a pool looks the server up. While a cluster fails over, its nodes name others each time."""
    lookup = Named(URL)
    left = RedisNode("left", 4)
    lookup._learn([left])
    lookup.away = {node: RedisConnectionError("no answer") for node in ("a", "b", "c")}
    servers = await asyncio.gather(*(lookup.server() for _ in range(3)))
    assert servers == [lookup.server_now] * 3


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[Valkey, Valkey]]:
    async with Valkey(tmp_path / "one") as one, Valkey(tmp_path / "two") as two:
        yield one, two


async def test_once_a_lookup_names_another_server_every_connection_leaves_the_old_one(
    two: tuple[Valkey, Valkey],
) -> None:
    """The old server goes on, and refuses nothing."""
    ports = [int(server.url.rpartition(":")[2].removesuffix("/0")) for server in two]
    lookup = Named(URL)
    lookup.server_now = RedisNode("127.0.0.1", ports[0])
    generation = Generation()
    client = redis.asyncio.Redis.from_url("redis://nowhere")
    pool = client.connection_pool
    pool.connection_class = with_lookup(with_failover_check(pool.connection_class, generation), lookup, generation)
    async with client:
        assert await ports_reached(client) == {ports[0]}
        lookup.server_now = RedisNode("127.0.0.1", ports[1])
        assert await ports_reached(client) == {ports[0]}  # no connection was lost, so none looks again
        broken = await pool.get_connection()  # type: ignore[no-untyped-call]
        await broken.disconnect()
        await pool.release(broken)
        await client.ping()
        assert await ports_reached(client) == {ports[1]}


async def ports_reached(client: redis.asyncio.Redis) -> set[int]:
    answers = await asyncio.gather(*(client.info("server") for _ in range(4)))
    return {int(answer["tcp_port"]) for answer in answers}
