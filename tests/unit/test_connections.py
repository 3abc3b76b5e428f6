"""Connections to GoldRush: nobody shares one, a warm one is used first, and those too many do not stay."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import httpx

from bot.goldrush.connections import IDLE_SECONDS, Connections
from tests.proofs.virtual import VirtualLoop


def on_virtual_time(course: Coroutine[Any, Any, None]) -> None:
    loop = VirtualLoop()
    try:
        loop.run_until_complete(course)
    finally:
        loop.close()


def test_connections_are_exclusive_and_last_used_first() -> None:
    async def course() -> None:
        connections = Connections(httpx.AsyncClient)
        first, second = await connections.acquire(), await connections.acquire()
        assert first is not second
        connections.release(first)
        connections.release(second)
        assert await connections.acquire() is second
        assert await connections.acquire() is first
        await connections.close()
        assert first.is_closed
        assert second.is_closed

    on_virtual_time(course())


def test_idle_connections_close_during_use_of_another() -> None:
    async def course() -> None:
        connections = Connections(httpx.AsyncClient)
        burst = [await connections.acquire() for _ in range(40)]
        for client in burst:
            connections.release(client)
        used = burst[-1]
        for _ in range(int(IDLE_SECONDS) + 2):
            used = await connections.acquire()
            await asyncio.sleep(1)
            connections.release(used)
        assert [client.is_closed for client in burst].count(False) == 1
        assert not used.is_closed
        await connections.close()

    on_virtual_time(course())
