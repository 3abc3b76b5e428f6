"""A world for the crash test: the sandbox's Slack and GoldRush, a Redis, and bots that die and restart."""

import asyncio
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from multiprocessing.process import BaseProcess
from pathlib import Path

from sandbox.child_processes import end_with_parent
from sandbox.demo import environment
from sandbox.ports import free_port
from sandbox.server import Sandbox
from sandbox.slack.delivery import Ack
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.messages import Message
from tests.journey.valkey import Valkey
from tests.proofs.cpu_waits import CpuWaits
from tests.proofs.crash_points import DIED, run_bot
from tests.proofs.logs import crashes_in
from tests.proofs.messages import delivery_key
from tests.proofs.oracle import CALL, Change, SlackMessage, Verdict, judge
from tests.proofs.traffic import Call, Promise, judge_traffic

CHANNELS = ("C0ALERTS", "C0TEAM")
READS = 4  # each phase is read this often before it changes: a crash or a lost leadership may waste one read
PATIENCE = 60.0
DRAINED_SECONDS = 18.0
OLDEST_SECONDS = 4.0
BACK_SECONDS = 3.0  # until reads resume after an outage: a dead bot's leadership (2.5 s), and a start
QUIET_WITHIN_SECONDS = 2.0  # after the last report
JITTER_SECONDS = 0.3  # on a busy machine the log may record a request this late
TICK_SECONDS = 0.05
REQUESTS_PER_SECOND = 15.0
SECOND = 0.1  # a tenth: see crash_points.py

SETTINGS = {
    "PIPELINE_BOT_STEADY_SECONDS": "0.3",
    "PIPELINE_BOT_TRANSIENT_SECONDS": "0.3",
    "PIPELINE_BOT_AT_REST_SECONDS": "0.3",
    "PIPELINE_BOT_REQUESTS_PER_SECOND": str(REQUESTS_PER_SECOND),
    "PIPELINE_BOT_READ_TIMEOUT_SECONDS": "2",
    "PIPELINE_BOT_COMMANDS_PER_MINUTE": "10000",
}

EXPECTED_EXITS = (DIED, -signal.SIGKILL, -signal.SIGTERM, 0)
"""Exit codes that are no fault: a planned crash, a kill, or a stop."""
STARTS_SECONDS = 10.0  # a bot that loses Redis during its start may end with an error

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.proofs.preloaded"])


@dataclass
class World:
    sandbox: Sandbox
    valkey: Valkey
    directory: Path
    names: list[str]
    bots: list[BaseProcess] = field(default_factory=list)
    roles: tuple[str, ...] = ("all",)
    """Each of them is played by at least one process."""
    role_of: dict[str, str] = field(default_factory=dict)
    """By the name of the process."""
    watched: dict[str, list[str]] = field(default_factory=dict)
    """The watched pipelines of each channel."""
    deaths: list[str] = field(default_factory=list)
    """Unplanned ends of bots."""
    began: list[float] = field(default_factory=list)
    """Start times of the bots. A bot's index is its name."""
    ended: dict[int, float] = field(default_factory=dict)
    """End times of the bots that have ended, by name."""
    late: list[tuple[float, float]] = field(default_factory=list)
    """The spans in which readings may be late. Time in which a process waits for a CPU counts as such."""
    cpu_waits: CpuWaits = field(default_factory=CpuWaits)
    stalls: list[tuple[float, float]] = field(default_factory=list)
    """The spans in which the sandbox stood still because other processes used the machine."""
    excused: set[str] = field(default_factory=set)
    """Bots that ended with an error because Redis was away during their start."""
    still: asyncio.Lock = field(default_factory=asyncio.Lock)
    """While somebody holds this lock, no phase changes."""

    @property
    def now(self) -> float:
        """Seconds on the clock of both sandbox logs."""
        return self.sandbox.slack.clock.monotonic()

    # --- bots ------------------------------------------------------------------------------------------------------

    def start_bot(self, crash_at: int = 0, role: str | None = None) -> BaseProcess:
        """Starts one process. Its role is the first one that nobody plays, unless `role` says otherwise."""
        role = role or next(iter(self.missing_roles()), self.roles[0])
        env = environment(self.sandbox.url, self.directory) | SETTINGS
        del env["SLACK_APP_TOKEN"]
        env |= {
            "SLACK_SIGNING_SECRET": "sandbox-signing-secret",
            "PORT": str(free_port()),
            "REDIS_URL": self.valkey.url,
            "PIPELINE_BOT_ROLE": role,
            "PIPELINE_BOT_TEAM": TEAM_ID,
        }
        if role in {"all", "slack"}:
            self.sandbox.slack.request_url = f"http://127.0.0.1:{env['PORT']}/slack/events"
        self.counter = PROCESSES.Value("q", 0, lock=False)
        name = str(len(self.began))
        log = str(self.directory / f"bot-{name}.log")
        bot = PROCESSES.Process(target=run_bot, args=(env, log, name, crash_at, self.counter), name=name, daemon=True)
        bot.start()
        assert bot.pid is not None
        end_with_parent(bot.pid)
        self.bots.append(bot)
        self.role_of[name] = role
        self.began.append(self.now)
        return bot

    def missing_roles(self) -> list[str]:
        played = {self.role_of[bot.name] for bot in self.bots}
        return [role for role in self.roles if role not in played]

    async def has_ended(self, bot: BaseProcess) -> None:
        async with asyncio.timeout(PATIENCE):
            while bot.is_alive():
                await asyncio.sleep(0.01)

    @asynccontextmanager
    async def kept_alive(self) -> AsyncIterator[None]:
        """Restarts the bot whenever it has died."""

        async def keep() -> None:
            while True:
                for bot in [process for process in self.bots if not process.is_alive()]:
                    self._record_end(bot)
                for role in self.missing_roles():
                    self.start_bot(role=role)
                await asyncio.sleep(0.02)

        keeper = asyncio.create_task(keep())
        try:
            yield
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    def _record_end(self, bot: BaseProcess) -> None:
        self.bots.remove(bot)
        self.ended[int(bot.name)] = self.now
        self.late.append((self.now, self.now + BACK_SECONDS))
        if bot.exitcode in EXPECTED_EXITS:
            return
        if time.monotonic() - self.valkey.killed_at > STARTS_SECONDS:
            self.deaths.append(f"bot-{bot.name} died by itself: exit code {bot.exitcode}")
        self.excused.add(bot.name)

    async def stop(self, bot: BaseProcess) -> None:
        """Stops the bot cleanly, so that another bot may read at once."""
        bot.terminate()
        await self.has_ended(bot)
        self._record_end(bot)

    async def freeze(self, bot: BaseProcess, seconds: float) -> None:
        assert bot.pid is not None
        with suppress(ProcessLookupError), self.reading_is_late():
            os.kill(bot.pid, signal.SIGSTOP)
            await asyncio.sleep(seconds)
            os.kill(bot.pid, signal.SIGCONT)

    @contextmanager
    def reading_is_late(self) -> Iterator[None]:
        """Allows late readings within the block and until reads resume."""
        since = self.now
        try:
            yield
        finally:
            self.late.append((since, self.now + BACK_SECONDS))

    # --- changes -----------------------------------------------------------------------------------------------------

    def set_phase(self, name: str, phase: str) -> None:
        self.sandbox.goldrush.set_phase(self._id(name), phase)

    def _id(self, name: str) -> str:
        return next(pipeline.id for pipeline in self.sandbox.goldrush.pipelines.values() if pipeline.name == name)

    async def retry_until_heard(
        self, gesture: Callable[[], Awaitable[Ack]], done: Callable[[], bool] = lambda: False
    ) -> None:
        """Repeats a person's gesture until the bot acknowledges it or `done` is true."""
        async with asyncio.timeout(PATIENCE):
            while not done() and not (await gesture()).ok:
                await asyncio.sleep(0.1)

    async def reads(self, name: str, count: int) -> None:
        """Waits until the bot has read this pipeline's phase `count` more times."""
        pipeline_id = self._id(name)
        requests = self.sandbox.goldrush.requests
        first = len(requests)
        async with asyncio.timeout(PATIENCE):
            while True:
                of_phase = [request for request in requests[first:] if request.path.endswith(f"/{pipeline_id}/status/")]
                if sum(request.status == 200 for request in of_phase) >= count:
                    return
                await asyncio.sleep(0.02)

    async def reported_or_read(self, names: Sequence[str], count: int) -> None:
        """Waits until the bot has reported all changes, or has read each of `names` `count` more times."""
        reading = asyncio.create_task(self._all_read(names, count))
        reporting = asyncio.create_task(self._all_reported())
        await asyncio.wait({reading, reporting}, return_when=asyncio.FIRST_COMPLETED)
        first = reporting if reporting.done() else reading
        reporting.cancel()
        reading.cancel()
        await asyncio.gather(reporting, reading, return_exceptions=True)
        await first

    async def _all_read(self, names: Sequence[str], count: int) -> None:
        await asyncio.gather(*(self.reads(name, count) for name in names))

    # --- verdict -----------------------------------------------------------------------------------------------------

    def verdict(self) -> Verdict:
        names = {pipeline.id: pipeline.name for pipeline in self.sandbox.goldrush.pipelines.values()}
        moved = [change for change in self.sandbox.goldrush.changes if change.kind.value == "moved"]
        happened = [Change(names[change.pipeline_id], str(change.phase)) for change in moved]
        slack = self.sandbox.slack
        came = {call.ts: call.text for call in reversed(slack.accepted) if call.method == "chat.postMessage"}
        verdict = Verdict()
        for channel, watched in self.watched.items():
            channel_messages = [_slack_message(message, came) for message in slack.messages(channel)]
            judge([change for change in happened if change.pipeline in watched], {channel: channel_messages}, verdict)
        verdict.repeated += self._repeated_pages()
        return verdict

    def _repeated_pages(self) -> list[str]:
        """Each call appears once, and so does each message to a person. It may admit to be a possible repeat."""
        pages = (
            (channel, delivery_key(message.metadata))
            for channel in self.sandbox.slack.directory.channels
            for root in self.sandbox.slack.messages(channel)
            for message in (root, *root.replies)
            if (channel.startswith("D") or CALL.search(message.text)) and "Possible repeat" not in message.text
        )
        return [
            f"{channel} got the page {key} {times}×"
            for (channel, key), times in Counter(pages).items()
            if key and times > 1
        ]

    def crashed(self) -> list[str]:
        """Returns the unplanned ends of bots, and the crashed tasks in their logs."""
        logs = [self.directory / f"bot-{name}.log" for name in range(len(self.began)) if str(name) not in self.excused]
        return [*self.deaths, *(why for log in logs if log.exists() for why in crashes_in(log))]

    def traffic(self, calm_from: float = inf) -> list[str]:
        """Judges all calls to Slack and GoldRush until now (I5 to I8).

        I8 is judged here only after `calm_from`. Before that, `settled` judges it by waiting no longer than promised.

        Readings may be late (I7) while a bot is frozen, Redis is away or GoldRush fails, and `BACK_SECONDS` after. The
        same holds after the end of a bot, and while a process waits for a CPU. A fault of Slack never excuses a late
        reading.
        """
        promise = Promise(
            budget=REQUESTS_PER_SECOND,
            oldest=OLDEST_SECONDS,
            calm_from=calm_from,
            drained_within=QUIET_WITHIN_SECONDS,
            spacing=SECOND,
            jitter=JITTER_SECONDS,
            late=self.late,
            ended=self.ended,
            until=self.now,
        )
        calls = [
            Call(
                life=int(call.agent),
                method="post" if call.method == "chat.postMessage" else call.method,
                channel=call.channel or "",
                at=call.asked_at,
                until=call.at,
                wait=float(call.retry_after or 0),
                log_delay=self._log_delay(call.asked_at),
            )
            for call in self.sandbox.slack.calls
        ]
        reads: dict[str, list[float]] = {}
        for request in self.sandbox.goldrush.requests:
            if request.pipeline_id and request.path.endswith("/status/"):
                reads.setdefault(request.pipeline_id, []).append(request.at)
        accepted_at = [call.at for call in self.sandbox.slack.accepted]
        return judge_traffic(calls, reads, self.began, accepted_at, promise)

    def _log_delay(self, at: float) -> float:
        """Returns how late the log may be: a stalled sandbox records requests only after the stall."""
        return max((at - since for since, until in self.stalls if since < at < until + 2 * TICK_SECONDS), default=0.0)

    async def watch_for_stalls(self) -> None:
        while True:
            since = self.now
            await asyncio.sleep(TICK_SECONDS)
            self._excuse_cpu_wait(since)
            if self.now - since > TICK_SECONDS + JITTER_SECONDS / 3:
                self.stalls.append((since, self.now))

    def _excuse_cpu_wait(self, since: float) -> None:
        """One reading takes the bots, Valkey and the sandbox, one after the other. So their waits add up."""
        pids = [os.getpid(), self.valkey.pid, *(bot.pid for bot in self.bots if bot.pid is not None)]
        waited = self.cpu_waits.since_last(pids)
        if waited > 0:
            self.late.append((since, min(self.now, since + waited)))

    async def settled(self) -> Verdict:
        """Waits until the bot has reported everything, at most `DRAINED_SECONDS` (I8), and returns the verdict.

        It judges again once every straggler must have landed, because a late message would be a repeat.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAINED_SECONDS):
                await self._all_reported()
                await asyncio.sleep(8 * SECOND)
        return self.verdict()

    async def _all_reported(self) -> None:
        judged_at = -1
        while True:
            if judged_at != (judged_at := len(self.sandbox.slack.accepted)) and not self.verdict().faults:
                return
            await asyncio.sleep(0.02)


def _slack_message(message: Message, came: Mapping[str, str]) -> SlackMessage:
    """`came` holds the original text of each message."""
    replies = tuple(_slack_message(reply, came) for reply in message.replies)
    return SlackMessage(message.ts, message.text, replies, came.get(message.ts, ""), message.broadcast)


@asynccontextmanager
async def a_world(
    directory: Path, pipelines: int, chance: random.Random, roles: tuple[str, ...] = ("all",)
) -> AsyncIterator[World]:
    async with Valkey(directory / "redis") as valkey, Sandbox.start() as sandbox:
        sandbox.goldrush.rate_limit = None
        sandbox.goldrush.pipelines.clear()
        sandbox.goldrush.changes.clear()
        sandbox.slack.limits.enabled = False
        names = [f"{chance.choice(('orders', 'swaps', 'fills', 'users'))}-{number:02}" for number in range(pipelines)]
        for name in names:
            sandbox.goldrush.add(name=name)
        world = World(sandbox, valkey, directory, names, roles=roles, watched=dict.fromkeys(CHANNELS, names))
        watch = asyncio.create_task(world.watch_for_stalls())
        try:
            for role in roles:
                world.start_bot(role=role)
            await _watched(world)
            yield world
        finally:
            watch.cancel()
            for bot in world.bots:
                bot.kill()
                await world.has_ended(bot)


async def _watched(world: World) -> None:
    """Waits until both channels watch everything and the bot has read every pipeline."""
    slack = world.sandbox.slack
    async with asyncio.timeout(PATIENCE):
        for channel in CHANNELS:
            while not (await slack.run_command("U0ANN", channel, "/pipeline", "watch * page @ann")).ok:
                await asyncio.sleep(0.05)
            await world.sandbox.until(lambda: slack.messages(channel), PATIENCE)  # noqa: B023
    await asyncio.gather(*(world.reads(name, 2) for name in world.names))
