"""Finds the server that takes the writes: the primary that Sentinel names, or the owner of one slot of a cluster.

A workspace's keys lie in one slot, so one server holds all of them. The bot talks to this server only, with the same
commands as to a Redis without a cluster. `failover` makes it look again.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, cast

import redis.asyncio
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.cluster import parse_cluster_slots
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from bot.redis_address import RedisAddress, RedisNode
from bot.store.failover import Generation
from bot.store.problem import Problem, Weight


class LookupFailedError(RedisConnectionError):
    """No node names a server that takes the writes."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


class ServerLookup:
    """Asks the nodes of an address in turn, until one names a server."""

    def __init__(self, address: RedisAddress, answer_seconds: float) -> None:
        self._address = address
        self._answer_seconds = answer_seconds
        self._nodes = list(address.nodes)

    async def server(self) -> RedisNode:
        """
        Raises:
            RedisError, OSError: no node names one; `probe.connection_problem` says whether waiting helps.
        """
        failures: list[RedisError | OSError] = []
        for node in tuple(self._nodes):
            self._ask_last(node)
            try:
                async with self._client(node) as client:
                    return await self._ask(client, node)
            except (RedisError, OSError) as exc:
                failures.append(exc)
        raise next((exc for exc in failures if isinstance(exc, LookupFailedError)), failures[-1])

    def _ask_last(self, node: RedisNode) -> None:
        """Puts the node last in the next lookup: it may be cut off from the others, so that its view is outdated.

        Another lookup may have forgotten the node meanwhile: each connection of the pool looks its server up.
        """
        if node in self._nodes:
            self._nodes.remove(node)
            self._nodes.append(node)

    @abstractmethod
    async def _ask(self, client: redis.asyncio.Redis, node: RedisNode) -> RedisNode: ...

    def _client(self, node: RedisNode) -> redis.asyncio.Redis:
        """A client of one node, for one question."""
        seconds = self._answer_seconds
        client = redis.asyncio.Redis.from_url(
            self._address.url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), 0)
        )
        client.connection_pool.connection_kwargs.update(host=node.host, port=node.port, **self._login())
        return client

    def _login(self) -> Mapping[str, str | int | None]:
        return {}

    def _learn(self, nodes: Iterable[RedisNode]) -> None:
        """Replaces the nodes that an earlier answer named. Those of the address stay."""
        known = {*self._address.nodes, *nodes}
        self._nodes = [*(node for node in self._nodes if node in known), *known.difference(self._nodes)]


class SentinelLookup(ServerLookup):
    """The primary of a service."""

    async def _ask(self, client: redis.asyncio.Redis, node: RedisNode) -> RedisNode:  # noqa: ARG002
        try:
            services = cast("dict[str, dict[str, object]]", await client.sentinel_masters())
        except AuthenticationError as exc:
            raise LookupFailedError(_SENTINEL_LOGIN) from exc
        except NoPermissionError as exc:
            raise LookupFailedError(_SENTINEL_PERMISSION) from exc
        except ResponseError as exc:
            if "unknown command" in str(exc).lower():
                raise LookupFailedError(_NO_SENTINEL) from exc
            raise
        state = services.get(self._address.service)
        if state is None:
            raise LookupFailedError(_UNKNOWN_SERVICE)
        if not state["is_master"] or state["is_sdown"] or state["is_odown"]:
            raise LookupFailedError(_NO_PRIMARY)
        return RedisNode(str(state["ip"]), int(str(state["port"])))

    def _login(self) -> Mapping[str, str | int | None]:
        """The Sentinels have their own users, and no databases."""
        return {"db": 0, "username": None, "password": None, **self._address.sentinel_login}


class ClusterLookup(ServerLookup):
    """The owner of one slot."""

    def __init__(self, address: RedisAddress, answer_seconds: float, slot: int) -> None:
        super().__init__(address, answer_seconds)
        self._slot = slot

    async def _ask(self, client: redis.asyncio.Redis, node: RedisNode) -> RedisNode:
        try:
            answer = await client.execute_command("CLUSTER SLOTS")  # type: ignore[no-untyped-call]
        except ResponseError as exc:
            if "cluster support disabled" in str(exc):
                raise LookupFailedError(_NO_CLUSTER) from exc
            if "unknown command" in str(exc).lower():
                raise LookupFailedError(_SENTINEL_INSTEAD) from exc
            raise
        owners = parse_cluster_slots(answer, current_host=node.host)
        servers = [(span, RedisNode(*owner["primary"])) for span, owner in owners.items()]
        self._learn(server for _, server in servers)
        for (first, last), server in servers:
            if first <= self._slot <= last:
                return server
        raise LookupFailedError(_NO_OWNER)


def with_lookup(
    base: type[AbstractConnection], lookup: ServerLookup, generation: Generation
) -> type[AbstractConnection]:
    """A connection class that looks its server up before each connect."""

    class LookedUp(base):  # type: ignore[misc, valid-type]  # with or without TLS
        async def connect_check_health(self, *args: Any, **options: Any) -> None:
            if not self.is_connected:
                server = await lookup.server()
                generation.leads_to(server)
                self.host, self.port = server
            await super().connect_check_health(*args, **options)

    return cast("type[AbstractConnection]", LookedUp)


_SENTINEL_LOGIN = Problem(
    "Store login",
    Weight.FATAL,
    "Sentinel refuses user or password",
    "check ?sentinel_password=… and ?sentinel_username=… in REDIS_URL; the login before the @ is for the servers",
)
_SENTINEL_PERMISSION = Problem(
    "Store permissions",
    Weight.FATAL,
    "this user may not ask Sentinel for its services",
    "on each Sentinel: ACL SETUSER NAME +sentinel|masters",
)
_NO_SENTINEL = Problem(
    "Store",
    Weight.FATAL,
    "REDIS_URL names no Sentinel, but a Redis server",
    "give the addresses of the Sentinels, or write redis:// or redis+cluster://",
)
_UNKNOWN_SERVICE = Problem(
    "Store",
    Weight.FATAL,
    "Sentinel does not know the service of REDIS_URL",
    "check the name after the hosts: redis-cli -p 26379 SENTINEL MASTERS lists all names",
)
_NO_PRIMARY = Problem(
    "Store",
    Weight.WAITS,
    "Sentinel sees no primary that answers",
    "start the primary, or wait for Sentinel's failover",
)
_NO_CLUSTER = Problem(
    "Store",
    Weight.FATAL,
    "REDIS_URL names a server without cluster mode",
    "write redis:// instead of redis+cluster://",
)
_SENTINEL_INSTEAD = Problem(
    "Store",
    Weight.FATAL,
    "REDIS_URL names no node of a cluster",
    "for a Sentinel write redis+sentinel://HOST:26379/SERVICE",
)
_NO_OWNER = Problem(
    "Store",
    Weight.WAITS,
    "no server of the cluster owns this workspace's slot",
    "assign all slots: redis-cli --cluster fix HOST:PORT",
)
