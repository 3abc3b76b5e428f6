"""A Redis for the bot behind a proxy, and the faults of both."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sandbox.background import Background
from sandbox.redis_proxy import RedisProxy, WireFault, WireFaultKind
from sandbox.redis_server import RedisServer
from sandbox.slack.directory import TEAM_ID

FULL_BYTES = "1"
TIME_KEY = f"pipeline-bot:{{{TEAM_ID}}}:clock"
SET_TIME = """
local time = redis.call('TIME')
local microseconds = string.format('%.0f', time[1] * 1000000 + time[2])
return redis.call('HSET', KEYS[1], 'latest', ARGV[1], 'clock', microseconds)
"""


class ServerFaultKind(StrEnum):
    """Active until it is fixed or ends by itself."""

    KILLED = "killed"
    """kill -9. The server restarts after `seconds`, or when fixed."""
    STALLED = "stalled"
    """Like DEBUG SLEEP: the server accepts connections and answers nothing for `seconds`."""
    PAUSED = "paused"
    """CLIENT PAUSE, as during a failover: writes and scripts wait for `seconds`, and reads get answers."""
    FULL = "full"
    """maxmemory is reached: every write gets `-OOM`."""


class RedisActKind(StrEnum):
    """A single act, which leaves nothing to fix."""

    RESET = "reset"
    """Every connection is reset."""
    RESTARTED = "restarted"
    """Kill and restart. No data is lost, but the run id changes."""
    EMPTIED = "emptied"
    """FLUSHALL."""
    SCRIPTS_FORGOTTEN = "scripts_forgotten"
    """SCRIPT FLUSH: the next EVALSHA gets `-NOSCRIPT`."""
    ROLLED_BACK = "rolled_back"
    """Restored from a copy that is `seconds` old."""
    PROMOTED = "promoted"
    """A copy that lacks the last `seconds` takes over."""
    DEMOTED = "demoted"
    """A planned failover: a replica takes over, and nothing is lost. The old primary becomes its replica and keeps the
    open connections; new ones reach the new primary."""


DEFAULT_SECONDS = {
    ServerFaultKind.STALLED: 5.0,
    ServerFaultKind.PAUSED: 5.0,
    RedisActKind.ROLLED_BACK: 10.0,
    RedisActKind.PROMOTED: 1.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveFault:
    kind: WireFaultKind | ServerFaultKind
    seconds: float | None
    times: int | None = None


class RedisStandIn:
    """Create one with `start`. Bots connect to `url`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._copies = 0
        self._demoted: list[RedisServer] = []
        self._server = RedisServer(directory / "0")
        self._proxy = RedisProxy(self._server.port)
        self._of_server: dict[ServerFaultKind, float | None] = {}
        self._background = Background()
        self._one_at_a_time = asyncio.Lock()
        self.on_change: Callable[[], None] = lambda: None

    @classmethod
    @asynccontextmanager
    async def start(cls) -> AsyncIterator["RedisStandIn"]:
        """The data is gone when the block ends."""
        with tempfile.TemporaryDirectory(prefix="sandbox-redis-") as directory:
            stand_in = cls(Path(directory))
            try:
                await stand_in._server.start()
                await stand_in._proxy.listen()
                yield stand_in
            finally:
                await stand_in._background.close()
                await stand_in._proxy.hang_up()
                for server in (stand_in._server, *stand_in._demoted):
                    await server.close()

    @property
    def url(self) -> str:
        return self._proxy.url

    def active_faults(self) -> list[ActiveFault]:
        wire = self._proxy.fault
        of_wire = [ActiveFault(kind=wire.kind, seconds=wire.seconds, times=wire.times)] if wire is not None else []
        return [*of_wire, *(ActiveFault(kind=kind, seconds=seconds) for kind, seconds in self._of_server.items())]

    async def set_bots_time(self, at: float) -> None:
        """Writes the time that the bots of the workspace share, in seconds since 1970. They never go back."""
        await self._server.ask("EVAL", SET_TIME, "1", TIME_KEY, f"{at * 1_000_000:.0f}")

    async def break_wire(self, fault: WireFault) -> None:
        """A new fault of the connection replaces the old one."""
        async with self._one_at_a_time:
            await self._proxy.strike(fault)
        self.on_change()

    async def break_server(self, kind: ServerFaultKind, seconds: float | None = None) -> None:
        seconds = DEFAULT_SECONDS.get(kind) if seconds is None else seconds
        async with self._one_at_a_time:
            match kind:
                case ServerFaultKind.KILLED:
                    await self._server.kill()
                    await self._proxy.hang_up()
                case ServerFaultKind.STALLED:
                    self._server.stall()
                case ServerFaultKind.PAUSED:
                    await self._server.ask("CLIENT", "PAUSE", str(int((seconds or 0.0) * 1000)), "WRITE")
                case ServerFaultKind.FULL:
                    await self._server.ask("CONFIG", "SET", "maxmemory", FULL_BYTES)
            self._of_server[kind] = seconds
        if seconds is not None:
            self._background.start(self._fix_after(kind, seconds))
        self.on_change()

    async def act(self, kind: RedisActKind, seconds: float | None = None) -> None:
        seconds = DEFAULT_SECONDS.get(kind, 0.0) if seconds is None else seconds
        async with self._one_at_a_time:
            match kind:
                case RedisActKind.RESET:
                    await self._proxy.reset()
                case RedisActKind.RESTARTED:
                    await self._server.kill()
                    await self._server.start()
                    await self._begun_anew()
                case RedisActKind.EMPTIED:
                    await self._server.ask("FLUSHALL")
                case RedisActKind.SCRIPTS_FORGOTTEN:
                    await self._server.ask("SCRIPT", "FLUSH")
                case RedisActKind.ROLLED_BACK:
                    await self._server.cut_back(seconds)
                    await self._begun_anew()
                case RedisActKind.PROMOTED:
                    await self._promote(seconds)
                    await self._begun_anew()
                case RedisActKind.DEMOTED:
                    await self._demote()
        self.on_change()

    async def fix(self, kind: WireFaultKind | ServerFaultKind | None = None) -> None:
        """Fixes one kind of fault, or all of them."""
        async with self._one_at_a_time:
            wire = self._proxy.fault
            if wire is not None and kind in (None, wire.kind):
                await self._proxy.strike(None)
            for server_fault_kind in [
                server_fault_kind for server_fault_kind in self._of_server if kind in (None, server_fault_kind)
            ]:
                await self._fix_server(server_fault_kind)
        self.on_change()

    async def _fix_server(self, kind: ServerFaultKind) -> None:
        match kind:
            case ServerFaultKind.KILLED:
                await self._server.start()
                await self._proxy.strike(self._proxy.fault)
            case ServerFaultKind.STALLED:
                self._server.go_on()
            case ServerFaultKind.PAUSED:
                await self._server.ask("CLIENT", "UNPAUSE")
            case ServerFaultKind.FULL:
                await self._server.ask("CONFIG", "SET", "maxmemory", "0")
        self._of_server.pop(kind, None)

    async def _fix_after(self, kind: ServerFaultKind, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.fix(kind)

    async def _begun_anew(self) -> None:
        """Another process answers. The faults and connections of the process before are gone."""
        self._of_server.clear()
        await self._proxy.reset()
        await self._proxy.strike(self._proxy.fault)

    async def _demote(self) -> None:
        await self._fix_all_of_server()
        copy = await self._copy()
        await self._server.hand_over(copy)
        self._demoted.append(self._server)
        self._server = copy
        self._proxy.upstream_port = copy.port

    async def _fix_all_of_server(self) -> None:
        """A server that hangs or is full cannot hand over."""
        for server_fault_kind in list(self._of_server):
            await self._fix_server(server_fault_kind)

    async def _copy(self) -> RedisServer:
        self._copies += 1
        copy = RedisServer(self._directory / str(self._copies))
        await copy.start()
        return copy

    async def _promote(self, seconds: float) -> None:
        copy = await self._copy()
        await copy.follow(self._server)
        await copy.be_primary()
        await asyncio.sleep(seconds)
        before, self._server = self._server, copy
        self._proxy.upstream_port = copy.port
        await before.close()
