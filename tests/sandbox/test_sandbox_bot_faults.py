"""A real process freezes, dies, or gets another wall clock, without its cooperation."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from sandbox.bot_faults import BotFaultKind, BotProcess, ClockFaultKind
from sandbox.child_processes import end_with_parent
from sandbox.clock import Clock
from sandbox.wall_clock import ClockOffset

PROGRAM = """
import json, sys, time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pydantic import BaseModel

class Seen(BaseModel):
    at: datetime

first = time.monotonic()
for line in sys.stdin:
    now = datetime.now(UTC)
    print(json.dumps({
        "time": time.time(),
        "ns": time.time_ns() / 1e9,
        "now": now.timestamp(),
        "today": datetime.today().timestamp(),
        "utc": now.isoformat(),
        "gmtime": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
        "sane": isinstance(now, datetime) and isinstance(now + timedelta(1), datetime)
                and Seen(at=now).at == now and datetime.fromisoformat(now.isoformat()) == now
                and isinstance(Seen(at=now.isoformat()).at, datetime),
        "monotonic": time.monotonic() - first,
        "argv": sys.argv,
    }), flush=True)
"""


class Program:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def look(self, seconds: float = 60.0) -> Any:
        """The times that the program reads."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        async with asyncio.timeout(seconds):
            return json.loads(await self.process.stdout.readline())


@asynccontextmanager
async def a_program(tmp_path: Path, clock_offset: ClockOffset) -> AsyncIterator[Program]:
    (tmp_path / "program.py").write_text(PROGRAM)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.wall_clock", str(clock_offset.path), "program", "one", "two"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    end_with_parent(process.pid)
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def right() -> float:
    return Clock().now()


async def test_the_wall_clock_is_put_forward_and_back_under_a_running_program(tmp_path: Path) -> None:
    clock_offset = ClockOffset(tmp_path / "hands")
    async with a_program(tmp_path, clock_offset) as program:
        at_first = await program.look()
        assert at_first["argv"][-2:] == ["one", "two"]
        for seconds in (0.0, 3600.0, -3600.0, 86400.0, -86400.0, -1.0, 0.0):
            clock_offset.turn_to(seconds)
            before = right()
            reading = await program.look()
            after = right()
            for clock in ("time", "ns", "now", "today"):
                assert before - 0.1 <= reading[clock] - seconds <= after + 0.1, clock
            assert abs(datetime.fromisoformat(reading["utc"]).timestamp() - reading["time"]) < 1
            assert abs(datetime.fromisoformat(reading["gmtime"] + "+00:00").timestamp() - reading["time"]) < 2
            assert reading["sane"]
            assert 0 <= reading["monotonic"] < 300, "nobody can set that one"


async def test_a_frozen_program_continues_when_its_time_is_up(tmp_path: Path) -> None:
    async with a_program(tmp_path, ClockOffset(tmp_path / "hands")) as program:
        await program.look()
        bot = BotProcess(program.process, ClockOffset(tmp_path / "others"))
        began = monotonic()
        bot.freeze(0.5)
        assert [active_fault.kind for active_fault in bot.active_faults()] == [BotFaultKind.FROZEN]
        await program.look()
        assert monotonic() - began >= 0.5
        assert bot.active_faults() == []
        bot.freeze(60)
        bot.fix()
        await program.look()


async def test_a_second_freeze_lasts_its_full_time(tmp_path: Path) -> None:
    async with a_program(tmp_path, ClockOffset(tmp_path / "hands")) as program:
        await program.look()
        bot = BotProcess(program.process, ClockOffset(tmp_path / "others"))
        began = monotonic()
        bot.freeze(0.1)
        bot.freeze(0.6)
        await program.look()
        assert monotonic() - began >= 0.6


async def test_a_killed_program_is_down_until_it_may_live_again(tmp_path: Path) -> None:
    clock_offset = ClockOffset(tmp_path / "hands")
    async with a_program(tmp_path, clock_offset) as first, a_program(tmp_path, clock_offset) as second:
        await first.look()
        bot = BotProcess(first.process, clock_offset)
        bot.freeze(60)
        bot.kill()
        await bot.ended()
        assert not bot.alive
        assert bot.last_end == "kill -9"
        assert [(active_fault.kind, active_fault.seconds) for active_fault in bot.active_faults()] == [
            (BotFaultKind.KILLED, None)
        ]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bot.fixed(), 0.1)
        bot.fix()
        assert bot.active_faults() == []
        assert bot.killed, "until it is started again, it is known why it ended"
        await asyncio.wait_for(bot.fixed(), 5)
        bot.started_again(second.process)
        assert (bot.alive, bot.killed, bot.starts) == (True, False, 2)


async def test_a_killed_program_may_live_again_when_its_time_is_up(tmp_path: Path) -> None:
    async with a_program(tmp_path, ClockOffset(tmp_path / "hands")) as program:
        bot = BotProcess(program.process, ClockOffset(tmp_path / "others"))
        began = monotonic()
        bot.kill(0.5)
        await asyncio.wait_for(bot.fixed(), 5)
        assert monotonic() - began >= 0.5
        assert bot.active_faults() == []


async def test_a_frozen_program_is_woken_for_its_goodbye(tmp_path: Path) -> None:
    async with a_program(tmp_path, ClockOffset(tmp_path / "hands")) as program:
        await program.look()
        bot = BotProcess(program.process, ClockOffset(tmp_path / "others"))
        bot.freeze(60)
        bot.fix()
        program.process.terminate()
        async with asyncio.timeout(60):
            await bot.ended()
        assert bot.last_end == "kill -15"
        bot.freeze(60)  # no process is left to freeze
        bot.fix()


async def test_the_clock_is_a_fault_in_force_until_it_is_right_again(tmp_path: Path) -> None:
    news: list[str] = []
    clock_offset = ClockOffset(tmp_path / "hands")
    async with a_program(tmp_path, clock_offset) as program:
        bot = BotProcess(program.process, clock_offset)
        bot.on_change = lambda: news.append("changed")
        bot.set_clock(-3600)
        assert [(active_fault.kind, active_fault.seconds) for active_fault in bot.active_faults()] == [
            (ClockFaultKind.OFF, -3600.0)
        ]
        assert (await program.look())["time"] < right() - 3590
        bot.set_clock(0)
        assert bot.active_faults() == []
    assert len(news) == 2
