"""Takes REDIS_URL apart: which servers it names, and how to find the one that takes the writes.

`settings.redis_address` checks the address; this module relies on that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode

SCHEMES = ("redis", "rediss", "unix")
SENTINEL_SCHEMES = ("redis+sentinel", "rediss+sentinel")
CLUSTER_SCHEMES = ("redis+cluster", "rediss+cluster")
SENTINEL_LOGIN = ("sentinel_username", "sentinel_password")
REDIS_PORT, SENTINEL_PORT = 6379, 26379


class RedisKind(Enum):
    """What the hosts of an address are."""

    SERVER = "server"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


class RedisNode(NamedTuple):
    """One server, or one Sentinel."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """A valid REDIS_URL. Its text form shows no secret."""

    kind: RedisKind
    url: str = field(repr=False)
    """An address of one server (`redis://`, `rediss://`, `unix://`) with login, database and TLS options.

    For a Sentinel or a cluster its host is the first node of the address.
    """
    nodes: tuple[RedisNode, ...] = ()
    """The Sentinels, or some nodes of the cluster; empty for one server."""
    service: str = ""
    """The name by which the Sentinels know the primary; empty without Sentinel."""
    sentinel_login: Mapping[str, str] = field(default_factory=dict, repr=False)
    """`username` and `password` for the Sentinels themselves, as far as given."""


class UrlParts(NamedTuple):
    """The parts of an address with any number of hosts, still encoded."""

    scheme: str
    login: str
    """`user:password`; empty without one."""
    hosts: tuple[str, ...]
    path: str
    """Without the slash at its beginning."""
    query: str


def split_url(url: str) -> UrlParts:
    """Splits any text that contains `://`. Checks nothing."""
    scheme, _, rest = url.partition("://")
    before, _, query = rest.partition("?")
    authority, _, path = before.partition("/")
    login, _, hosts = authority.rpartition("@")
    return UrlParts(scheme, login, tuple(hosts.split(",")), path, query)


def parse_redis_url(url: str) -> RedisAddress:
    """`url` is a valid address."""
    parts = split_url(url)
    if parts.scheme in SCHEMES:
        return RedisAddress(RedisKind.SERVER, url)
    options = parse_qsl(parts.query, keep_blank_values=True)
    if parts.scheme in CLUSTER_SCHEMES:
        nodes = tuple(_node(host, REDIS_PORT) for host in parts.hosts)
        return RedisAddress(RedisKind.CLUSTER, _of_one_server(parts, nodes[0], options), nodes)
    nodes = tuple(_node(host, SENTINEL_PORT) for host in parts.hosts)
    login = {name.removeprefix("sentinel_"): value for name, value in options if name in SENTINEL_LOGIN}
    others = [(name, value) for name, value in options if name not in SENTINEL_LOGIN]
    url = _of_one_server(parts, nodes[0], others)
    return RedisAddress(RedisKind.SENTINEL, url, nodes, unquote(parts.path), login)


def _node(text: str, default_port: int) -> RedisNode:
    """`host`, `host:port`, `[address]` or `[address]:port`."""
    host, _, port = text.rpartition(":") if ":" in text and not text.endswith("]") else (text, "", "")
    return RedisNode(host.strip("[]"), int(port or default_port))


def _of_one_server(parts: UrlParts, node: RedisNode, options: list[tuple[str, str]]) -> str:
    scheme = parts.scheme.partition("+")[0]
    login = f"{parts.login}@" if parts.login else ""
    query = f"?{urlencode(options)}" if options else ""
    return f"{scheme}://{login}{node}{query}"
