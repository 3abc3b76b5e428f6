"""How soon work goes on after `kill -9` of the scheduler and of a reader, and that nothing is lost or repeated.

    python -m bench --only kills

Two schedulers, two readers, a `slack` and a `sender` process read 200 pipelines at 100 requests a second. Pipelines
fail right after each kill, and again later. Each channel has to tell of each failure once.
"""

import asyncio
import json
import re
import signal
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import cast

import redis.asyncio

from bench.bot_process import command
from bench.experiment import Experiment, Measurement, Results, Row, Run, at_most
from bench.fake_goldrush import pipeline_id
from bench.fleet import Fleet, fleet
from bot.domain.watch import TeamId
from bot.readers.broker import GROUP
from bot.readers.wire import Batch, source_of
from bot.slack.render.cards import POSSIBLE_REPEAT
from bot.store.keys import Keys
from bot.store.leases import LEADER_LEASE_SECONDS
from sandbox.slack.directory import TEAM_ID
from tests.journey.rig import ALERTS, ANN, TEAM, Rig
from tests.journey.roles import Processes, split

PIPELINES = 200
RATE = 100
FAILURES = 10  # at once, and as many again after SETTLED_SECONDS
SETTLED_SECONDS = 3.0  # by then readers have ended the reads of a dead scheduler
FROZEN_SECONDS = 0.3  # a batch for each reader comes within this time
QUIET_SECONDS = 5.0  # for a repeat to show
PATIENCE = 60.0
STANDBY_SECONDS = LEADER_LEASE_SECONDS + 2.0  # docs/deploying.md promises it
READER_SECONDS = 15.0
_Entry = tuple[bytes, dict[bytes, bytes]]
_FAILED = re.compile(r"(fleet-\d+) failed")

STANDBY = Row(
    name="kills-standby",
    label="G9",
    what="`kill -9` of the active scheduler: the standby's first read",
    against="the lease and 2 s",
    goal=at_most(1.0),
)
ROUND = Row(
    name="kills-round",
    label="G9",
    what="the same: every pipeline was read again",
    against="the lease and 2 s, then one round at the budget",
)
READER = Row(
    name="kills-reader",
    label="G9",
    what="`kill -9` of a reader in mid-batch: its whole batch was read again",
    against="the limit",
    goal=at_most(1.0),
)


@dataclass(frozen=True, slots=True)
class Bot:
    """The bot as several processes, its fleet, and the failures so far."""

    processes: Processes
    fleet: Fleet
    failed: set[int] = field(default_factory=set)

    @property
    def slack(self) -> Rig:
        return self.processes["slack"]

    async def fail_more(self) -> None:
        """The next pipelines fail."""
        numbers = range(len(self.failed), len(self.failed) + FAILURES)
        await self.fleet.set_phase(numbers, "FAILED")
        self.failed.update(numbers)

    async def seconds_until_read(self, numbers: Collection[int], killed_at: float) -> list[float]:
        """The seconds from the kill to the next read of each of these pipelines, in order."""
        running = [number for number in numbers if number not in self.failed]
        failed = [number for number in numbers if number in self.failed]
        began = monotonic()
        for same, phase in ((running, "RUNNING"), (failed, "FAILED")):  # so GoldRush notes the next read
            if same:
                await self.fleet.set_phase(same, phase)
        async with asyncio.timeout(PATIENCE):
            while True:
                noticed = (await self.fleet.report()).noticed
                read = [noticed[number][1] for number in numbers if number in noticed and noticed[number][0] >= began]
                if len(read) == len(numbers):
                    return sorted(at - killed_at for at in read)
                await asyncio.sleep(0.1)

    async def seconds_until_posted(self, killed_at: float) -> float:
        """The seconds from the kill until each channel has each failure."""
        channels = [ALERTS, TEAM, await self.slack.direct(ANN)]
        await self.processes.sandbox.until(
            lambda: all(self._failures_in(name) >= self._names for name in channels), PATIENCE
        )
        return monotonic() - killed_at

    @property
    def _names(self) -> set[str]:
        return {self.fleet.name(number) for number in self.failed}

    def _failures_in(self, channel: str) -> set[str]:
        return set(_failures(message.text for message in self.slack.sandbox.slack.messages(channel)))

    async def assert_nothing_repeated(self) -> None:
        """The bot deletes a repeat that it knows of, so a deletion counts as one."""
        slack = self.slack.sandbox.slack
        for channel in (ALERTS, TEAM, await self.slack.direct(ANN)):
            texts = [message.text for root in slack.messages(channel) for message in (root, *root.replies)]
            assert not [text for text in texts if POSSIBLE_REPEAT in text]
            counts = _failures(message.text for message in slack.messages(channel))
            assert counts == Counter(self._names), f"{channel}: {counts - Counter(self._names)}"
        assert not [call for call in slack.calls if call.method == "chat.delete"], "a message was deleted"


def _failures(texts: Iterable[str]) -> Counter[str]:
    return Counter(name for text in texts for name in _FAILED.findall(text))


async def _kill_scheduler(bot: Bot) -> tuple[float, float, float]:
    """The seconds until the standby's first read, until every pipeline was read, and until Slack has the failures."""
    await bot.processes["scheduler"].kill()
    killed_at = monotonic()
    await bot.fail_more()
    await asyncio.sleep(SETTLED_SECONDS)
    await bot.fail_more()
    read = await bot.seconds_until_read(range(PIPELINES), killed_at)
    return read[0], read[-1], await bot.seconds_until_posted(killed_at)


async def _kill_reader(bot: Bot, consumer: bytes) -> tuple[int, float, float]:
    """The number of reads in the dead reader's hands; the seconds until the last was made, and Slack has the failures.

    The reader freezes for a moment before its death, so that the batch in its hands is known.
    """
    held = await _frozen_with_batch(bot, consumer)
    await bot.processes["reader"].kill()
    killed_at = monotonic()
    await bot.fail_more()
    read = await bot.seconds_until_read(held, killed_at)
    await bot.fail_more()
    return len(held), read[-1], await bot.seconds_until_posted(killed_at)


async def _frozen_with_batch(bot: Bot, consumer: bytes) -> Collection[int]:
    """Freezes the reader and returns the pipelines in its hands: at least a batch that it got while frozen."""
    numbers = {pipeline_id(number): number for number in range(PIPELINES)}
    stream, process = _stream(bot), bot.processes["reader"].process
    assert process is not None
    async with _store(bot) as store, asyncio.timeout(PATIENCE):
        while True:
            process.send_signal(signal.SIGSTOP)
            before = await _pending(store, stream, consumer)
            await asyncio.sleep(FROZEN_SECONDS)
            if (ids := await _pending(store, stream, consumer)) - before:
                break
            process.send_signal(signal.SIGCONT)  # it was not waiting for a batch just then
            await asyncio.sleep(FROZEN_SECONDS)
        found = [entry for name in ids for entry in cast("list[_Entry]", await store.xrange(stream, name, name))]
    batches = [Batch.of(json.loads(fields[b"data"])["args"]) for _, fields in found]
    return {numbers[name] for batch in batches for name in batch.pipelines}


async def _pending(store: "redis.asyncio.Redis", stream: str, consumer: bytes) -> set[bytes]:
    found = await store.xpending_range(stream, GROUP, "-", "+", 100, consumer)
    return {cast("bytes", entry["message_id"]) for entry in found}


async def _consumer(bot: Bot) -> bytes:
    """The only reader's name in Redis."""
    async with _store(bot) as store, asyncio.timeout(PATIENCE):
        while not (consumers := await store.xinfo_consumers(_stream(bot), GROUP)):  # noqa: ASYNC110 (another process)
            await asyncio.sleep(0.1)
    return cast("bytes", consumers[0]["name"])


def _stream(bot: Bot) -> str:
    return Keys(TeamId(TEAM_ID)).reads(source_of(f"{bot.fleet.url}/", "demo-service-key"))


def _store(bot: Bot) -> "redis.asyncio.Redis":
    return redis.asyncio.from_url(bot.processes.valkey.url)


async def measure(run: Run) -> Results:
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        async with fleet(PIPELINES) as served:
            settings = {"GOLDRUSH_API_URL": served.url, "PIPELINE_BOT_REQUESTS_PER_SECOND": str(RATE)}
            run.tell("start")
            async with split(Path(scratch), "scheduler", "scheduler-2", "reader", settings=settings) as processes:
                bot = Bot(processes, served)
                consumer = await _consumer(bot)
                for name in ("reader-2", "slack", "sender"):
                    await processes.start(name)
                for channel, text in ((ALERTS, "list"), (ALERTS, "watch * page @ann"), (TEAM, "watch *")):
                    await command(bot.slack, channel, text)
                await served.until_read(PIPELINES)
                run.tell("scheduler killed")
                first, last, scheduler_posted = await _kill_scheduler(bot)
                run.tell("reader killed")
                held, reader, reader_posted = await _kill_reader(bot, consumer)
                run.tell("nothing repeated")
                await asyncio.sleep(QUIET_SECONDS)
                await bot.assert_nothing_repeated()
    once = f"{len(bot.failed)} failures posted once in each channel"
    return {
        STANDBY.name: Measurement(value=first, peer=STANDBY_SECONDS, unit="s", note=once),
        ROUND.name: Measurement(
            value=last,
            peer=STANDBY_SECONDS + PIPELINES / RATE,
            unit="s",
            note=f"Slack has the failures after {scheduler_posted:.1f} s",
        ),
        READER.name: Measurement(
            value=reader,
            peer=READER_SECONDS,
            unit="s",
            note=f"{held} reads; Slack has the failures after {reader_posted:.1f} s",
        ),
    }


EXPERIMENT = Experiment(name="kills", rows=(STANDBY, ROUND, READER), measure=measure, in_quick=False)
