"""Measures one fault after the other while a pipeline fails: how late the channel gets the news, and how often.

    python -m bench.catch_up

The bot runs as its own process with its own Redis and its normal timers. It reads each pipeline twice a second, so
that the fault dominates the measurement. If a fault lasts, the time counts from its end.
"""

import asyncio
import os
import signal
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.progress import track
from rich.table import Table

from sandbox.goldrush_faults import Fault as ApiFault
from sandbox.goldrush_faults import FaultKind as ApiFaultKind
from sandbox.slack.faults import Fault, FaultKind, Moment
from tests.journey.rig import ALERTS, Rig, rigged
from tests.journey.valkey import Valkey

POST, HISTORY = "chat.postMessage", "conversations.history"
PATIENCE_SECONDS = 150.0
REPEATS_SECONDS = 12.0  # the time to wait for a repeated message
LASTS_SECONDS = 10.0


@dataclass
class Routing:
    rig: Rig
    valkey: Valkey
    name: str = ""

    def fails(self) -> None:
        self.rig.set_phase(self.name, "FAILED")

    def news(self) -> list[float]:
        """Returns the times at which Slack accepted a message with the news."""
        accepted = self.rig.sandbox.slack.accepted
        ours = [call for call in accepted if call.method == POST and call.channel == ALERTS and call.thread_ts is None]
        return [our.at for our in ours if f"{self.name} failed" in our.text]

    async def until_news(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await self.rig.sandbox.until(self.news, seconds)


Happens = Callable[[Routing], Awaitable[None]]
"""Makes the pipeline fail and returns the time at which the fault ended."""


def _slack(fault: Fault) -> Happens:
    async def happens(routing: Routing) -> None:
        routing.rig.sandbox.slack.set_fault(POST, replace(fault))
        routing.fails()

    return happens


async def _nothing(routing: Routing) -> None:
    routing.fails()


async def _killed_while_sending(routing: Routing) -> None:
    routing.rig.sandbox.slack.set_fault(POST, Fault(kind=FaultKind.HANG, when=Moment.AFTER, times=1))
    routing.fails()
    await routing.until_news(PATIENCE_SECONDS)
    await routing.rig.kill()
    await routing.rig.start()


async def _killed_before_it_is_read(routing: Routing) -> None:
    await routing.rig.kill()
    routing.fails()
    await asyncio.sleep(LASTS_SECONDS)
    await routing.rig.start()


async def _slack_away(routing: Routing) -> None:
    routing.rig.sandbox.slack.set_fault("*", Fault(kind=FaultKind.RESET))
    routing.fails()
    await asyncio.sleep(6 * LASTS_SECONDS)
    routing.rig.sandbox.slack.faults.clear()


async def _history_away(routing: Routing) -> None:
    routing.rig.sandbox.slack.set_fault(HISTORY, Fault(kind=FaultKind.ERROR, error="missing_scope"))
    routing.rig.sandbox.slack.set_fault(POST, Fault(kind=FaultKind.RESET, times=1))
    routing.fails()


async def _redis_killed(routing: Routing) -> None:
    await routing.valkey.kill()
    routing.fails()
    await asyncio.sleep(LASTS_SECONDS)
    await routing.valkey.start()


async def _redis_forgets(routing: Routing) -> None:
    routing.fails()
    await routing.valkey.forget(2.0)


async def _goldrush_away(routing: Routing) -> None:
    routing.rig.sandbox.goldrush.set_fault(ApiFault(kind=ApiFaultKind.BAD_GATEWAY))
    routing.fails()
    await asyncio.sleep(LASTS_SECONDS)
    routing.rig.sandbox.goldrush.faults.clear()


async def _frozen(routing: Routing) -> None:
    assert routing.rig.process is not None
    os.kill(routing.rig.process.pid, signal.SIGSTOP)
    routing.fails()
    await asyncio.sleep(2 * LASTS_SECONDS)
    os.kill(routing.rig.process.pid, signal.SIGCONT)


FAULTS: dict[str, Happens] = {
    "none": _nothing,
    "Slack 500, posted": _slack(Fault(kind=FaultKind.SERVER_ERROR, when=Moment.AFTER, times=1)),
    "Slack 500, not posted": _slack(Fault(kind=FaultKind.SERVER_ERROR, times=1)),
    "connection reset, posted": _slack(Fault(kind=FaultKind.RESET, when=Moment.AFTER, times=1)),
    "Slack silent, not posted": _slack(Fault(kind=FaultKind.HANG, times=1)),
    "Slack silent, lands 3 s late": _slack(Fault(kind=FaultKind.LAND_LATE, seconds=3.0, times=1)),
    "429, Retry-After 5": _slack(Fault(kind=FaultKind.THROTTLED, retry_after=5, times=1)),
    "429, yet posted": _slack(Fault(kind=FaultKind.THROTTLED, when=Moment.AFTER, retry_after=5, times=1)),
    "fate unknown, history unreadable": _history_away,
    "Slack away for 60 s": _slack_away,
    "bot killed while sending, started again": _killed_while_sending,
    "bot down for 10 s": _killed_before_it_is_read,
    "bot frozen for 20 s": _frozen,
    "Redis killed, back after 10 s": _redis_killed,
    "Redis loses its last 2 s": _redis_forgets,
    "GoldRush 502 for 10 s": _goldrush_away,
}


async def measure(out: Console) -> None:
    table = Table("fault", "news after s", "times")
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        valkey = await stack.enter_async_context(Valkey(scratch / "redis"))
        rig = await stack.enter_async_context(rigged(scratch, settings={"REDIS_URL": valkey.url}))
        routing = Routing(rig, valkey)
        names = {fault: f"case-{number:02}" for number, fault in enumerate(FAULTS)}
        for name in names.values():
            rig.sandbox.goldrush.add(name=name)
        await rig.ask("list case")
        await rig.ask("watch case-*")
        await rig.reads(4 * len(names))
        for fault, happens in track(FAULTS.items(), console=Console(stderr=True)):
            routing.name = names[fault]
            table.add_row(fault, *await _measured(routing, happens))
    out.print(table)


async def _measured(routing: Routing, happens: Happens) -> tuple[str, str]:
    began = monotonic()
    await happens(routing)
    fixed = monotonic()
    await routing.until_news(PATIENCE_SECONDS)
    news = routing.news()
    await asyncio.sleep(REPEATS_SECONDS)
    routing.rig.sandbox.slack.faults.clear()
    routing.rig.set_phase(routing.name, "RUNNING")
    await routing.rig.reads(40)
    if not news:
        return "never", "0"
    since = fixed if fixed - began > 1.0 else began
    return f"{max(0.0, news[0] - since):.1f}", str(len(routing.news()))


if __name__ == "__main__":
    asyncio.run(measure(Console(width=100)))
