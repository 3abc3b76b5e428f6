"""A proxy between a Redis and its client, and the faults of such a connection.

The proxy knows only the protocol. It passes one command at a time, as Redis runs them, and no messages that a server
pushes (subscriptions). https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

HOST = "127.0.0.1"
GONE_CHECK_SECONDS = 0.05


class WireFaultKind(StrEnum):
    SLOW = "slow"
    """Each command waits `seconds` before it reaches the server."""
    DRIP = "drip"
    """Each answer comes one byte at a time, `seconds` apart."""
    SILENT = "silent"
    """Half-open: the proxy accepts commands and connections, but runs and answers nothing."""
    LOST_REPLY = "lost_reply"
    """The server runs the command, but the client gets a reset."""
    REFUSED = "refused"
    """Nothing listens: open connections are reset, new ones are refused."""
    LOADING = "loading"
    """The server is loading its data: every command gets `-LOADING`."""
    MISCONF = "misconf"
    """The disk is full: every command that may write gets `-MISCONF`."""


DEFAULT_SECONDS = {WireFaultKind.SLOW: 0.5, WireFaultKind.DRIP: 0.05}

LOADING = b"-LOADING Redis is loading the dataset in memory\r\n"
MISCONF = b"-MISCONF Errors writing to the AOF file: No space left on device\r\n"
READS = frozenset(
    b"AUTH HELLO SELECT QUIT CLIENT CONFIG COMMAND INFO TIME ROLE ECHO DBSIZE SCRIPT MULTI EXEC DISCARD "
    b"GET MGET STRLEN EXISTS TTL PTTL TYPE KEYS SCAN HGET HMGET HGETALL HLEN HKEYS HVALS HEXISTS HSCAN "
    b"ZRANGE ZRANGEBYSCORE ZREVRANGE ZSCORE ZCARD ZCOUNT SMEMBERS SISMEMBER SCARD LLEN LRANGE XLEN XRANGE "
    b"EVAL_RO EVALSHA_RO".split()
)
"""The commands that work with a full disk. Redis counts every script, and PING, as a write."""


@dataclass(slots=True, kw_only=True)
class WireFault:
    kind: WireFaultKind
    seconds: float | None = None
    times: int | None = None
    """The number of commands it still affects; None means until it is fixed."""

    @property
    def wait(self) -> float:
        return DEFAULT_SECONDS.get(self.kind, 0.0) if self.seconds is None else self.seconds


class RedisProxy:
    """Listens on one port, and passes commands on to its current server."""

    def __init__(self, upstream_port: int) -> None:
        self.upstream_port = upstream_port
        self.port = 0
        self.fault: WireFault | None = None
        self._listener: asyncio.Server | None = None
        self._lines: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    async def listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._accept, HOST, self.port)
            self.port = self._listener.sockets[0].getsockname()[1]

    async def hang_up(self) -> None:
        """Stops listening, and resets the open connections."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        await self.reset()

    async def reset(self) -> None:
        """Every connection ends with an RST."""
        tasks = [task for task in self._lines if task is not None]
        for task in tasks:
            abort(self._lines[task])
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def strike(self, fault: WireFault | None) -> None:
        """Sets the one fault; None fixes it. Connections that went silent are cut, because their commands are lost."""
        before, self.fault = self.fault, fault
        if fault is not None and fault.kind is WireFaultKind.REFUSED:
            await self.hang_up()
            return
        if before is not None and before.kind is WireFaultKind.SILENT:
            await self.reset()
        await self.listen()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._lines[task] = writer
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            abort(writer)  # one end closed, so the other one does too
        except asyncio.CancelledError:
            pass  # reset() has cut it already
        finally:
            del self._lines[task]
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, upstream_writer = await asyncio.open_connection(HOST, self.upstream_port)
        try:
            while request := await read_frame(reader):
                fault = self._take()
                answer = own_answer(fault, request)
                if answer is None:
                    await self._delay(fault)
                    upstream_writer.write(request)
                    answer = await self._answer(upstream, reader)
                await self._hand_over(fault, answer, writer)
        finally:
            upstream_writer.close()

    async def _answer(self, upstream: asyncio.StreamReader, client: asyncio.StreamReader) -> bytes:
        """If the client hangs up before the answer, so does the proxy. The server drops commands not yet begun."""
        coming = asyncio.ensure_future(read_frame(upstream))
        try:
            while not coming.done():
                await asyncio.wait({coming}, timeout=GONE_CHECK_SECONDS)
                if client.at_eof():
                    raise ConnectionResetError
            return coming.result()
        finally:
            coming.cancel()

    def _take(self) -> WireFault | None:
        fault = self.fault
        if fault is not None and fault.times is not None:
            fault.times -= 1
            if fault.times <= 0:
                self.fault = None
        return fault

    async def _delay(self, fault: WireFault | None) -> None:
        if fault is not None and fault.kind is WireFaultKind.SILENT:
            await asyncio.Event().wait()  # until it is cut
        if fault is not None and fault.kind is WireFaultKind.SLOW:
            await asyncio.sleep(fault.wait)

    async def _hand_over(self, fault: WireFault | None, answer: bytes, writer: asyncio.StreamWriter) -> None:
        if fault is not None and fault.kind is WireFaultKind.LOST_REPLY:
            raise ConnectionResetError
        if fault is None or fault.kind is not WireFaultKind.DRIP:
            writer.write(answer)
            await writer.drain()
            return
        for byte in answer:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(fault.wait)


def own_answer(fault: WireFault | None, request: bytes) -> bytes | None:
    """The error that a server in this state would send. The proxy sends it in the server's place."""
    if fault is not None and fault.kind is WireFaultKind.LOADING:
        return LOADING
    if fault is not None and fault.kind is WireFaultKind.MISCONF and command_of(request) not in READS:
        return MISCONF
    return None


def command_of(request: bytes) -> bytes:
    """`*2 $3 GET $5 watch` or, as people type it, `GET watch`."""
    words = request.split(b"\r\n")
    return (words[2] if request.startswith(b"*") else words[0].split(b" ")[0]).upper()


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """One whole command or answer, unchanged.

    Raises:
        asyncio.IncompleteReadError: the other end has closed.
    """
    line = await reader.readuntil(b"\r\n")
    kind, rest = line[:1], line[1:-2]
    if kind in (b"$", b"=", b"!"):
        return line if int(rest) < 0 else line + await reader.readexactly(int(rest) + 2)
    if kind in (b"*", b"~", b"%"):
        count = int(rest) * (2 if kind == b"%" else 1)
        return line + b"".join([await read_frame(reader) for _ in range(count)])
    return line


def abort(writer: asyncio.StreamWriter) -> None:
    """An RST: a socket that lingers for 0 seconds is reset when closed."""
    connection = writer.get_extra_info("socket")
    if connection is not None:
        with suppress(OSError):  # it is closed already
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
