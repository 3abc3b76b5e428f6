"""The composition root in this process: how it ends."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Never

import pytest

from bot.app import CLOSE_SECONDS, LAST_SECONDS, STOP_TIMEOUT_SECONDS, run
from bot.cli import EXIT_SECONDS
from bot.delivery.dispatcher import Dispatcher
from bot.monitoring.scheduler import Scheduler
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import EventRecord, subscribed
from bot.ports.telemetry.process import DescriptorsShort
from bot.settings import Settings
from bot.store.leader_calls import LeaderCalls
from sandbox.demo import environment
from sandbox.server import Sandbox
from tests.journey.valkey import Valkey


def test_shutdown_abandons_hanging_tasks_within_ten_seconds() -> None:
    assert STOP_TIMEOUT_SECONDS + LAST_SECONDS + CLOSE_SECONDS + EXIT_SECONDS < 10


async def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: asyncio.Event) -> None:
    async with Sandbox.start() as sandbox, Valkey(tmp_path / "valkey") as valkey:
        given = environment(sandbox.url, tmp_path) | {"REDIS_URL": valkey.url}
        for name, value in given.items() - os.environ.items():
            monkeypatch.setenv(name, value)
        await run(Settings.load(None), stopped)


async def test_a_store_failure_that_ends_the_process_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_: Dispatcher) -> Never:
        raise StoreAway("it is gone")

    monkeypatch.setattr(Dispatcher, "run", away)
    stopped = asyncio.Event()
    with pytest.raises(ExceptionGroup) as raised:
        await running(tmp_path, monkeypatch, stopped)
    assert raised.group_contains(StoreAway, match="it is gone")
    assert not stopped.is_set()  # whoever reads it reads that nobody asked


async def test_a_failure_ends_parts_that_swallow_their_cancellation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """redis-py does so now and then. They end by their signal, or the process would live on and do nothing."""
    sending, calling, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def fails(*_: object) -> Never:
        await sending.wait()
        await calling.wait()
        raise StoreAway("it is gone")

    async def deaf_call(*_: object) -> tuple[()]:
        calling.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.05)
        return ()

    async def deaf_sender(_: Dispatcher) -> None:
        sending.set()
        while not ended.is_set():
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)

    monkeypatch.setattr(Scheduler, "run", fails)
    monkeypatch.setattr(LeaderCalls, "_taken", deaf_call)
    monkeypatch.setattr(Dispatcher, "run", deaf_sender)
    monkeypatch.setattr(Dispatcher, "stop", lambda _: ended.set())
    with pytest.raises(ExceptionGroup) as raised:
        await running(tmp_path, monkeypatch, asyncio.Event())
    assert raised.group_contains(StoreAway, match="it is gone")


async def test_the_start_warns_of_too_few_descriptors_for_the_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records: list[EventRecord] = []
    stopped = asyncio.Event()

    async def stop(_: Dispatcher) -> None:
        stopped.set()

    monkeypatch.setattr(Dispatcher, "run", stop)
    monkeypatch.setattr("bot.app.descriptor_limit", lambda: 1024)
    monkeypatch.setenv("PIPELINE_BOT_REQUESTS_PER_SECOND", "2500")
    with subscribed(records.append):
        await running(tmp_path, monkeypatch, stopped)
    (short,) = (record for record in records if isinstance(record, DescriptorsShort))
    assert "reads at once, not 12500" in short.problem


async def test_a_store_that_goes_away_after_a_stop_was_asked_for_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = asyncio.Event()

    async def away(*_: Any) -> Never:
        stopped.set()
        await asyncio.sleep(0)
        raise StoreAway("it is gone")

    monkeypatch.setattr(Dispatcher, "run", away)
    await running(tmp_path, monkeypatch, stopped)
