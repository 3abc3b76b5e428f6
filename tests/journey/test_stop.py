"""On SIGTERM the bot finishes its work within ten seconds, releases its leases, and exits with 0."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from time import monotonic

import pytest
import redis.asyncio

from sandbox.goldrush_faults import Fault as GoldRushFault
from sandbox.goldrush_faults import FaultKind as GoldRushFaultKind
from sandbox.server import Sandbox
from sandbox.slack.faults import Fault, FaultKind
from tests.journey.rig import ALERTS, PATIENCE, TEAM, Rig, rigged
from tests.journey.valkey import Valkey

pytestmark = pytest.mark.journey

WITHIN_SECONDS = 30.0  # for a busy machine; a bot that waited for a hanging service would wait for ever
LANE_FULL = 40


@contextmanager
def frozen(valkey: Valkey) -> Iterator[None]:
    """Freezes Redis: it accepts connections and commands, but answers nothing."""
    assert valkey._process is not None
    valkey._process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        valkey._process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def a_bot(tmp_path: Path, *, http: bool = False) -> AsyncIterator[tuple[Rig, Valkey]]:
    settings = {"PIPELINE_BOT_CATALOGUE_SECONDS": "1"}
    async with (
        Valkey(tmp_path / "valkey") as valkey,
        rigged(tmp_path, http=http, settings=settings | {"REDIS_URL": valkey.url}) as rig,
    ):
        for number in range(LANE_FULL):
            rig.sandbox.goldrush.add(name=f"fleet-{number:02}", project="fleet")
        await rig.ask("watch * page @bob")
        await rig.card("added a watch")
        await rig.reads(60)
        yield rig, valkey


async def keys(valkey: Valkey, pattern: str) -> list[str]:
    async with redis.asyncio.Redis.from_url(valkey.url, decode_responses=True) as client:
        return [str(key) for key in await client.keys(pattern)]


async def under_way(valkey: Valkey) -> bool:
    """True while a call to Slack has no known outcome."""
    async with redis.asyncio.Redis.from_url(valkey.url, decode_responses=True) as client:
        rows = [row for name in await client.keys("*:deliveries") for row in await client.hvals(str(name))]
        return any('"sending"' in row for row in rows)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.02)


async def stopped(rig: Rig, *, signals: int = 1) -> None:
    """Asserts that the bot stops in time, exits with 0, and logs no traceback."""
    assert rig.process is not None
    began = monotonic()
    for _ in range(signals):
        rig.process.terminate()
        await asyncio.sleep(0.1)
    assert await asyncio.wait_for(rig.process.wait(), 60) == 0
    assert monotonic() - began < WITHIN_SECONDS
    log = rig.log.read_text()
    assert "Traceback" not in log
    assert '"event": "stopped"' in log.splitlines()[-1]


def posts(rig: Rig, *words: str, channel: str = ALERTS) -> int:
    return sum(all(word in message.text for word in words) for message in rig.sandbox.slack.messages(channel))


@pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])
async def test_stop_while_idle(tmp_path: Path, *, http: bool) -> None:
    async with a_bot(tmp_path, http=http) as (rig, valkey):
        await stopped(rig, signals=2)
        assert await keys(valkey, "*:lease:*") == []


async def test_stop_twice_while_slack_hangs_and_the_next_bot_delivers_once(tmp_path: Path) -> None:
    async with a_bot(tmp_path) as (rig, valkey):
        rig.sandbox.slack.set_fault("*", Fault(kind=FaultKind.HANG))
        rig.set_phase("orders-eu", "FAILED")
        await until(lambda: under_way(valkey))
        await stopped(rig, signals=2)
        assert await keys(valkey, "*:lease:*") == []
        rig.sandbox.slack.faults.clear()
        await rig.start()
        await rig.card("orders-eu failed", "Since")
        await rig.ask("watches")
        assert posts(rig, "orders-eu failed") == 1


async def test_stop_while_goldrush_hangs(tmp_path: Path) -> None:
    async with a_bot(tmp_path) as (rig, valkey):
        rig.sandbox.goldrush.set_fault(GoldRushFault(kind=GoldRushFaultKind.HANG))
        await asyncio.sleep(1)
        await stopped(rig)
        assert await keys(valkey, "*:lease:*") == []


async def test_stop_while_redis_hangs_and_the_next_bot_delivers_once(tmp_path: Path) -> None:
    async with a_bot(tmp_path) as (rig, valkey):
        with frozen(valkey):
            rig.set_phase("orders-eu", "FAILED")
            await asyncio.sleep(1)
            await stopped(rig)
        await rig.start()
        await rig.card("orders-eu failed", "Since")
        assert posts(rig, "orders-eu failed") == 1


async def test_stop_while_everything_hangs(tmp_path: Path) -> None:
    async with a_bot(tmp_path) as (rig, valkey):
        rig.sandbox.slack.set_fault("*", Fault(kind=FaultKind.HANG))
        rig.sandbox.goldrush.set_fault(GoldRushFault(kind=GoldRushFaultKind.HANG))
        await asyncio.sleep(2)
        with frozen(valkey):
            await stopped(rig)


async def test_stop_with_a_full_lane_loses_and_repeats_nothing(tmp_path: Path) -> None:
    async with a_bot(tmp_path) as (rig, valkey):
        await rig.ask("watch fleet-*", channel=TEAM)
        await rig.card("added a watch", channel=TEAM)
        for number in range(LANE_FULL):
            rig.set_phase(f"fleet-{number:02}", "PAUSED")
        await rig.sandbox.until(lambda: posts(rig, "PAUSED", channel=TEAM) >= 1, PATIENCE)
        await stopped(rig)
        assert await keys(valkey, "*:lease:*") == []
        await rig.start()

        def everything() -> bool:
            texts = "\n".join(message.text for message in rig.sandbox.slack.messages(TEAM))
            return all(f"fleet-{number:02}" in texts for number in range(LANE_FULL))

        await rig.sandbox.until(everything, 60)
        roots = [message.text for message in rig.sandbox.slack.messages(TEAM)[1:]]
        for number in range(LANE_FULL):
            assert sum(f"fleet-{number:02}" in root for root in roots) == 1


@pytest.mark.parametrize("hangs", ["Redis", "Slack"])
async def test_stop_during_startup_while_a_dependency_hangs(tmp_path: Path, hangs: str) -> None:
    async with Valkey(tmp_path / "valkey") as valkey, Sandbox.start() as sandbox:
        rig = Rig(sandbox, tmp_path / "data", http=False, settings={"REDIS_URL": valkey.url})
        if hangs == "Slack":
            sandbox.slack.set_fault("*", Fault(kind=FaultKind.HANG))
        with frozen(valkey) if hangs == "Redis" else nullcontext():
            starting = asyncio.create_task(rig.start())
            await until(lambda: logged(rig, "store_away" if hangs == "Redis" else "slack_away"))
            starting.cancel()
            await stopped(rig)


async def test_stop_while_the_embedded_store_hangs(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.ask("watch orders-eu")
        _, store = await embedded_store(rig)
        os.kill(store, signal.SIGSTOP)
        try:
            await stopped(rig)
        finally:
            os.kill(store, signal.SIGCONT)


@pytest.mark.parametrize("whole", [True, False], ids=["every process", "the store alone"])
async def test_stop_with_the_embedded_store_at_the_same_moment(tmp_path: Path, *, whole: bool) -> None:
    """Service managers send SIGTERM to every process of the service. A killed store is no fault of the bot either."""
    async with rigged(tmp_path) as rig:
        await rig.ask("watch orders-eu")
        assert rig.process is not None
        keeper, store = await embedded_store(rig)
        if whole:
            os.kill(keeper, signal.SIGTERM)
            os.kill(store, signal.SIGTERM)
        else:
            os.kill(store, signal.SIGKILL)
        await stopped(rig)
        if whole:
            assert '"event": "store_away"' not in rig.log.read_text()
        await until(lambda: is_gone(keeper, store))
        await rig.start()
        assert "orders-eu" in await rig.ask("watches")


async def embedded_store(rig: Rig) -> tuple[int, int]:
    """The processes of the store's keeper and of the store."""
    async with redis.asyncio.Redis.from_url(f"unix://{rig.data_dir / 'valkey.sock'}") as client:
        store = int((await client.info("server"))["process_id"])
    parents = re.search(r"^PPid:\s*(\d+)$", Path(f"/proc/{store}/status").read_text(), re.MULTILINE)
    assert parents is not None
    return int(parents[1]), store


async def is_gone(*processes: int) -> bool:
    return not any(Path(f"/proc/{process}").exists() for process in processes)


DEAF = """
import asyncio, contextlib
from bot.delivery.dispatcher import Dispatcher

async def run(self):
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.1)

Dispatcher.run = run
"""
"""A task that swallows every cancellation, as a library may do."""
STUCK_THREAD = """
import asyncio, threading
from bot.delivery.dispatcher import Dispatcher

async def run(self):
    await asyncio.to_thread(threading.Event().wait)

Dispatcher.run = run
"""
"""A thread that never ends, as a name lookup may do for minutes."""
RUN = "import runpy\nrunpy.run_module('bot.cli', run_name='__main__')\n"


@pytest.mark.parametrize("fault", [DEAF, STUCK_THREAD], ids=["deaf", "stuck thread"])
async def test_stop_while_a_task_or_a_thread_never_ends(tmp_path: Path, fault: str) -> None:
    async with Sandbox.start() as sandbox:
        rig = Rig(sandbox, tmp_path / "data", http=False, program=("-c", fault + RUN))
        await rig.start()
        await stopped(rig)
        assert '"event": "stopped_midway"' in rig.log.read_text()


async def logged(rig: Rig, event: str) -> bool:
    return rig.log.is_file() and f'"event": "{event}"' in rig.log.read_text()
