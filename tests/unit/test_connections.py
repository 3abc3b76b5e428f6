"""Connections to GoldRush: nobody shares one, a warm one is used first, and those too many do not stay."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

import httpx

from bot.goldrush.connections import IDLE_SECONDS, Connections
from tests.proofs.virtual import VirtualLoop


class Connection(httpx.AsyncBaseTransport):
    def __init__(self, made: list["Connection"]) -> None:
        made.append(self)
        self.is_closed = False

    async def aclose(self) -> None:
        self.is_closed = True


def on_virtual_time(course: Coroutine[Any, Any, None]) -> None:
    loop = VirtualLoop()
    try:
        loop.run_until_complete(course)
    finally:
        loop.close()


def test_connections_are_exclusive_and_last_used_first() -> None:
    async def course() -> None:
        made: list[Connection] = []
        connections = Connections(partial(Connection, made))
        first, second = await connections.acquire(), await connections.acquire()
        assert first is not second
        connections.release(first)
        connections.release(second)
        assert await connections.acquire() is second
        assert await connections.acquire() is first
        await connections.close()
        assert [connection.is_closed for connection in made] == [True, True]

    on_virtual_time(course())


def test_idle_connections_close_during_use_of_another() -> None:
    async def course() -> None:
        made: list[Connection] = []
        connections = Connections(partial(Connection, made))
        burst = [await connections.acquire() for _ in range(40)]
        for connection in burst:
            connections.release(connection)
        for _ in range(int(IDLE_SECONDS) + 2):
            used = await connections.acquire()
            await asyncio.sleep(1)
            connections.release(used)
        assert [connection.is_closed for connection in made] == [True] * 39 + [False]
        await connections.close()

    on_virtual_time(course())


def test_one_transport_may_be_lent_to_many() -> None:
    async def course() -> None:
        shared = Connection([])
        connections = Connections(lambda: shared)
        both = [await connections.acquire(), await connections.acquire()]
        for connection in both:
            connections.release(connection)
        await connections.close()
        assert shared.is_closed

    on_virtual_time(course())
