"""The port of metrics and probes, over real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from bot.http.connection_limit import ConnectionLimits
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import KeyRejected
from bot.ports.telemetry.process import Ready
from bot.telemetry.server import LIMITS, observed
from bot.telemetry.sources import Sources
from tests.exported import full_sources

SOON = 0.2
READY = Ready(team="T1", role="all", transport="socket")


@asynccontextmanager
async def served(sources: Sources | None = None, limits: ConnectionLimits = LIMITS) -> AsyncIterator[str]:
    async with observed(sources or full_sources(), 0, "127.0.0.1", limits) as port:
        yield f"http://127.0.0.1:{port}"


async def got(url: str, **headers: str) -> tuple[int, str, str]:
    """Status, type and text of an answer."""
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status, response.headers["Content-Type"], await response.text()


async def test_a_scrape_gets_the_text_format() -> None:
    async with served() as url:
        status, content_type, text = await got(f"{url}/metrics")
    assert (status, content_type.split(";")[0]) == (200, "text/plain")
    assert 'pipeline_bot_reads_total{outcome="ok"} 0.0' in text
    assert "pipeline_bot_leader 1.0" in text
    assert "process_resident_memory_bytes" in text


async def test_prometheus_gets_the_format_that_it_asks_for() -> None:
    async with served() as url:
        _, content_type, text = await got(f"{url}/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


async def test_events_are_counted_while_the_port_is_open() -> None:
    async with served() as url:
        emit(KeyRejected(problem="401"))
        _, _, text = await got(f"{url}/metrics")
    assert 'pipeline_bot_events_total{event="key_rejected"} 1.0' in text


async def test_the_probes_answer_200_or_say_what_is_wrong() -> None:
    async with served() as url:
        status, _, text = await got(f"{url}/readyz")
        assert (status, '"ready": false' in text, "still starting" in text) == (503, True, True)
        emit(READY)
        assert (await got(f"{url}/readyz"))[0] == 200
        assert (await got(f"{url}/livez"))[0] == 200


async def test_a_stalled_watchdog_fails_the_live_probe() -> None:
    async with served(Sources(watchdog_age=lambda: 60.0)) as url:
        status, _, text = await got(f"{url}/livez")
    assert (status, "the watchdog has not run for 60 s" in text) == (503, True)


async def test_a_probe_shows_no_secret() -> None:
    async def problem() -> str | None:
        return "cannot reach redis://:pass-word@localhost:6379"

    async with served(Sources(store_problem=problem)) as url:
        _, _, text = await got(f"{url}/readyz")
    assert "pass-word" not in text


async def test_only_these_three_pages_exist() -> None:
    async with served() as url, aiohttp.ClientSession() as session:
        assert (await got(f"{url}/"))[0] == 404
        async with session.post(f"{url}/metrics", data=b"x") as response:
            assert response.status == 405


@pytest.mark.parametrize("first", [b"", b"G", b"GET /metrics HTTP/1.1\r\nHost: x\r\n", b"\x16\x03\x01"])
async def test_a_head_that_never_ends_closes_the_connection(first: bytes) -> None:
    async with served(limits=ConnectionLimits(head=SOON)) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
        writer.write(first)
        async with asyncio.timeout(60):
            await reader.read()
        writer.close()
        assert (await got(f"{url}/livez"))[0] == 200


async def test_a_huge_head_is_refused() -> None:
    async with served() as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rsplit(":", 1)[1]))
        writer.write(b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 100_000 + b"\r\n\r\n")
        async with asyncio.timeout(60):
            answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.0 400")


async def test_idle_connections_leave_room_for_prometheus() -> None:
    async with served(limits=ConnectionLimits(connections=4, head=60.0)) as url:
        port = int(url.rsplit(":", 1)[1])
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        assert (await got(f"{url}/metrics"))[0] == 200
        for _, writer in idle:
            writer.close()


async def test_a_port_in_use_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        async with observed(Sources(), taken.getsockname()[1], "127.0.0.1"):
            pass
