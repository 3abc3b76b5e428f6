"""A Redis connection that the other end resets: the next command connects again, on every Python."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator

import pytest

from bot.store.connect import connect

TURNS = range(6)  # of the event loop, between the reset and the next command


class Resetting:
    """A server that answers every command with OK, and resets its connections when it is told to."""

    def __init__(self) -> None:
        self._writers: list[asyncio.StreamWriter] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        while arguments := await reader.readline():
            for _ in range(2 * int(arguments[1:])):
                await reader.readline()
            writer.write(b"+OK\r\n")

    def reset(self) -> None:
        for writer in self._writers:
            linger = struct.pack("ii", 1, 0)  # for 0 seconds: closing sends an RST
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        self._writers.clear()


@pytest.fixture
async def resetting() -> AsyncIterator[Resetting]:
    resetting = Resetting()
    server = await asyncio.start_server(resetting.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    resetting.url = f"redis://{host}:{port}/0"
    yield resetting
    server.close()
    resetting.reset()
    await asyncio.sleep(0)  # the connections learn of it


@pytest.mark.parametrize("turns", TURNS)
async def test_the_next_command_connects_again(resetting: Resetting, turns: int) -> None:
    """A hang would be a timeout of Redis's client, which is an error here too."""
    client = connect(resetting.url)
    for _ in range(5):
        assert await client.echo("1") == b"OK"
        resetting.reset()
        for _ in range(turns):
            await asyncio.sleep(0)
    assert await client.echo("2") == b"OK"
    await client.aclose()
