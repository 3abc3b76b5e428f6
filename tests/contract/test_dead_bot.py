"""A bot that dies at 3 a.m. during an escalation, and stays dead for an hour: who hears of it, and from whom.

The bot's clock and Slack's are one, and a test moves it. docs/reliability.md has the table of the long test.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

import redis.asyncio

from bot.coordination.leadership import Leadership
from bot.coordination.scheduled import CHECK_SECONDS, ScheduledBackups
from bot.coordination.sign_of_life import PING_EVERY_SECONDS, SignOfLife
from bot.coordination.silence import DeadMansSwitch
from bot.coordination.vital_signs import VitalSigns
from bot.delivery.dispatcher import Dispatcher
from bot.delivery.lane_services import LaneServices
from bot.delivery.suspensions import Suspensions
from bot.domain.body import Content
from bot.domain.delivery import SLACK, Delivery, Lookup, LookupResult, Outcome, Receiver, ReceiverKind, in_slack
from bot.domain.escalation import Policy, PolicyStep
from bot.domain.on_call_setup import SavedPolicy
from bot.domain.setup_change import SetupChange, SetupEdit
from bot.domain.watch import ChannelId, Target, TargetKind, TeamId
from bot.monitoring.scheduler import TICK_SECONDS
from bot.pagers.pagers import Pagers
from bot.paging.backups import PageBackups
from bot.paging.timers import PageTimers
from bot.ports.chat import Chat
from bot.ports.lease_store import ACTIVE_SENDER
from bot.slack.outbound.calls import web_client
from bot.slack.outbound.chat import SlackChat
from bot.slack.outbound.directory import Directory
from bot.slack.outbound.scheduled import SlackScheduledMessages
from bot.slack.render.backups import render_backup
from bot.slack.render.renderer import Renderer
from sandbox.clock import Clock
from sandbox.server import Sandbox
from sandbox.slack.directory import BOT_USER, TEAM_ID, ChannelKind
from tests.builders import a_message, a_watch
from tests.carriers import by_slack
from tests.contract.office import ALERTS, ANN, BOB, CAROL
from tests.fakes import FakeApi, FakeClock, settle
from tests.service.test_poller import FAILED, LIVE, ONE, Bot, pipelines, running

T = TypeVar("T")
OPS = ChannelId("C0TEAM")
THREE = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
LOOK = Renderer(command="/pipeline", platform_url="https://goldrush.dev/platform/")
TEAM = TeamId(TEAM_ID)


@dataclass(frozen=True)
class SameClock(Clock):
    """The sandbox's clock shows the bot's time."""

    clock: FakeClock

    def now(self) -> float:
        return self.clock.now().timestamp()

    def monotonic(self) -> float:
        return self.clock.monotonic()


class CallsUnderWay:
    """Counts the calls to services, so that the clock waits for them."""

    def __init__(self) -> None:
        self._count = 0
        self.none = asyncio.Event()
        self.none.set()

    async def during(self, call: Awaitable[T]) -> T:
        self._count += 1
        self.none.clear()
        try:
            return await call
        finally:
            self._count -= 1
            if not self._count:
                self.none.set()


class Death(StrEnum):
    """When the process dies during its next message."""

    BEFORE_CALL = "the message is written, and not sent"
    AFTER_CALL = "the service took the message, and nobody saw its answer"


class MortalChat:
    """The process can die during a call."""

    def __init__(self, chat: Chat, calls: CallsUnderWay) -> None:
        self._chat = chat
        self._calls = calls
        self.death: Death | None = None
        self.died = asyncio.Event()

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:
        return await self._message(self._chat.post(delivery, content, parent_id=parent_id, now=now))

    async def update(self, delivery: Delivery, content: Content, *, message_id: str, now: datetime) -> Outcome:
        return await self._message(self._chat.update(delivery, content, message_id=message_id, now=now))

    async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
        return await self._calls.during(self._chat.find(lookups))

    async def delete(self, receiver: Receiver, message_id: str) -> bool:
        return await self._calls.during(self._chat.delete(receiver, message_id))

    async def _message(self, call: Coroutine[Any, Any, Outcome]) -> Outcome:
        if self.death is Death.BEFORE_CALL:
            call.close()
            await self._die()
        outcome = await self._calls.during(call)
        if self.death is Death.AFTER_CALL:
            await self._die()
        return outcome

    async def _die(self) -> None:
        self.died.set()
        await asyncio.Event().wait()


class PingCounter:
    """An outside watchdog."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.last_ping: datetime | None = None

    async def ping(self) -> None:
        self.last_ping = self._clock.now()


@dataclass
class Process:
    """A whole bot, up to the moment of its death."""

    bot: Bot
    calls: CallsUnderWay
    chats: Mapping[ReceiverKind, MortalChat]
    right: Leadership
    backups: ScheduledBackups
    timers: PageTimers
    sign_of_life: SignOfLife

    @property
    def died(self) -> bool:
        return any(chat.died.is_set() for chat in self.chats.values())

    async def live(self, seconds: float) -> None:
        for second in range(round(seconds)):
            if second % 2 == 0:
                await self.bot.heartbeat.beat()
            await self.timers.serve()
            for _ in range(round(1 / TICK_SECONDS)):
                await self.bot.scheduler.tick()
                await self.bot.clock.pass_time(TICK_SECONDS)
                while not self.calls.none.is_set():
                    await self.calls.none.wait()
                    await settle()
                if self.died:
                    return
            if second % CHECK_SECONDS == 0:
                await self.backups.check()
            if second % PING_EVERY_SECONDS == 0:
                await self.sign_of_life.give()


@asynccontextmanager
async def process(
    fake_redis: redis.asyncio.Redis,
    sandbox: Sandbox,
    api: FakeApi,
    clock: FakeClock,
    watchdog: PingCounter,
    pagers: Pagers | None = None,
) -> AsyncIterator[Process]:
    client, calls = web_client("xoxb-sandbox", f"{sandbox.url}/api/"), CallsUnderWay()
    outside = pagers.carriers(clock) if pagers else {}
    chats = {kind: MortalChat(carrier.chat, calls) for kind, carrier in outside.items()}
    chats[SLACK] = MortalChat(SlackChat(client, LOOK.content, BOT_USER), calls)
    carriers = {kind: replace(carrier, chat=chats[kind]) for kind, carrier in outside.items()}
    kinds = {name: kind for name in pagers.names if (kind := pagers.kind(name))} if pagers else {}
    async with running(fake_redis, clock=clock, operator=OPS, api=api, team=TEAM, pagers=kinds) as bot:
        wake = asyncio.Event()
        suspensions = Suspensions(
            store=bot.store,
            repository=bot.repository,
            conversations=Directory(client, clock, TEAM),
            clock=clock,
            wake=wake,
            fallback=None,
        )
        right = Leadership(bot.store, clock, ACTIVE_SENDER)
        services = LaneServices(
            store=bot.store,
            clock=clock,
            doubt=bot.doubt,
            sending_right=right,
            carriers={**by_slack(chats[SLACK], clock, suspensions), **carriers},
        )
        signs = VitalSigns(heartbeats=bot.store, outbox=bot.store.outbox_figures, clock=clock)
        backups = ScheduledBackups(
            chat=SlackScheduledMessages(client, partial(render_backup, render_context=LOOK.render_context)),
            store=bot.store,
            clock=clock,
            sending_right=right,
            switch=DeadMansSwitch(operator=OPS, vital_signs=signs, clock=clock, team=TEAM),
            pages=PageBackups(bot.repository, clock).wanted,
            lanes=bot.store,
        )
        sending = asyncio.create_task(Dispatcher(services, wake).run())
        try:
            yield Process(
                bot,
                calls,
                chats,
                right,
                backups,
                PageTimers(bot.repository, bot.leadership, clock),
                SignOfLife(watchdog=watchdog, vital_signs=signs, sending_right=right),
            )
        finally:
            sending.cancel()  # as `kill -9` does: it releases no lease
            await asyncio.gather(sending, return_exceptions=True)


async def be_dead(fake_redis: redis.asyncio.Redis, sandbox: Sandbox, clock: FakeClock, minutes: int) -> None:
    """Its leases expire. This Redis counts real time, so they end by hand."""
    await fake_redis.delete(*[name async for name in fake_redis.scan_iter("*:lease:*")])
    for _ in range(minutes * 2):
        await clock.pass_time(30)
        sandbox.slack.post_due()


_DIAGNOSIS = re.compile(r"Cause|GoldRush has no log|I couldn't read its log|I haven't read its log")


def heard_from(sandbox: Sandbox) -> list[str]:
    """Every new message but diagnoses: the minute, the sender, the place and the people it mentions.

    Sorted, because lanes don't wait for each other. A diagnosis may or may not come before the bot dies.
    """
    lines = []
    for write in sandbox.slack.accepted:
        if write.method in {"chat.postMessage", "chat.scheduleMessage"} and not _DIAGNOSIS.match(write.text):
            at = datetime.fromtimestamp(float(write.ts), UTC)
            by = "Slack" if write.method == "chat.scheduleMessage" else "bot"
            channel = sandbox.slack.directory.channels[write.channel]
            people = [member for member in channel.members if member != BOT_USER]
            where = people[0] if channel.kind is ChannelKind.IM else channel.id
            mentioned = sorted(set(re.findall(r"<[@!](U\w+|here)", f"{write.text} {write.blocks}")))
            lines.append(" ".join([f"{at:%H:%M}", by, where, *mentioned]))
    return sorted(lines)


def person(sandbox: Sandbox, user: str, name: str) -> Target:
    direct = ChannelId(sandbox.slack.directory.open_im(user)[0].id)
    return Target(kind=TargetKind.USER, id=user, direct=direct, label=f"@{name}")


async def set_up(sandbox: Sandbox, bot: Bot, *waits: tuple[Target, int]) -> None:
    """Ann, then Bob after 10 min, then Carol after 15 min, then everyone here. `waits`: other steps, in minutes."""
    people = (person(sandbox, ANN, "ann"), 10), (person(sandbox, BOB, "bob"), 15), (person(sandbox, CAROL, "carol"), 15)
    waits = waits or people
    steps = tuple(PolicyStep(targets=(target,), wait=timedelta(minutes=minutes)) for target, minutes in waits)
    policy = Policy(name="data", steps=steps, last_resort=(Target(kind=TargetKind.HERE),))
    saved = SavedPolicy(policy=policy, made_by=ANN, made_at=bot.clock.now())
    edit = SetupEdit(before=None, after=saved)
    await bot.store.change_setup(
        SetupChange(version=bot.repository.watches.version, by=ANN, at=bot.clock.now(), edits=(edit,))
    )
    await bot.repository.refresh_watches()
    watch = a_watch(ONE, channel=ALERTS, targets=(Target(kind=TargetKind.POLICY, id="data"),))
    await bot.store.add_watches(
        [watch], replace(a_message("hello", made_at=bot.clock.now()), receiver=in_slack(TEAM, ALERTS))
    )
    await bot.repository.refresh_watches()


@asynccontextmanager
async def night(fake_redis: redis.asyncio.Redis) -> AsyncIterator[tuple[Sandbox, FakeClock, FakeApi, PingCounter]]:
    clock = FakeClock(THREE - timedelta(minutes=5))
    async with Sandbox.start(clock=SameClock(clock)) as sandbox:
        yield sandbox, clock, FakeApi(*pipelines(1)), PingCounter(clock)


async def test_a_bot_is_dead_for_an_hour_during_an_escalation(fake_redis: redis.asyncio.Redis) -> None:
    async with night(fake_redis) as (sandbox, clock, api, watchdog):
        async with process(fake_redis, sandbox, api, clock, watchdog) as first:
            await set_up(sandbox, first.bot)
            await first.live(300)
            api.statuses[ONE] = FAILED
            await first.live(240)
            assert len(sandbox.slack.scheduled.pending(ALERTS)) == 3
        await be_dead(fake_redis, sandbox, clock, 60)
        assert watchdog.last_ping
        assert watchdog.last_ping < THREE + timedelta(minutes=4)
        async with process(fake_redis, sandbox, api, clock, watchdog) as second:
            await second.live(60)
            api.statuses[ONE] = LIVE
            await second.live(60)
        assert heard_from(sandbox) == [
            "03:00 bot C0ALERTS U0ANN",
            "03:00 bot U0ANN",
            "03:13 Slack C0ALERTS U0BOB",
            "03:13 Slack C0TEAM",
            "03:28 Slack C0ALERTS U0CAROL",
            "03:43 Slack C0ALERTS here",
            "04:04 bot C0ALERTS U0BOB",
            "04:04 bot C0TEAM",
            "04:04 bot U0BOB",
            "04:05 bot C0ALERTS",
            "04:05 bot U0ANN",
            "04:05 bot U0BOB",
        ]
        assert sandbox.slack.scheduled.pending(ALERTS) == []
        assert len(sandbox.slack.scheduled.pending(OPS)) == 1


async def test_an_acknowledgement_deletes_the_backups(fake_redis: redis.asyncio.Redis) -> None:
    async with (
        night(fake_redis) as (sandbox, clock, api, watchdog),
        process(fake_redis, sandbox, api, clock, watchdog) as it,
    ):
        await set_up(sandbox, it.bot)
        await it.live(30)
        api.statuses[ONE] = FAILED
        await it.live(60)
        assert len(sandbox.slack.scheduled.pending(ALERTS)) == 3
        episode = it.bot.repository.record(ONE).episode
        assert episode
        card = next(key for key, channel in episode.cards.items() if channel == ALERTS)
        await it.bot.requests.acknowledgements.acknowledge(ALERTS, ONE, card, BOB, name="Bob", place="")
        await it.live(20)
        assert sandbox.slack.scheduled.pending(ALERTS) == []


async def test_a_step_that_the_bot_delivers_deletes_its_backup(fake_redis: redis.asyncio.Redis) -> None:
    async with (
        night(fake_redis) as (sandbox, clock, api, watchdog),
        process(fake_redis, sandbox, api, clock, watchdog) as it,
    ):
        await set_up(sandbox, it.bot)
        await it.live(30)
        api.statuses[ONE] = FAILED
        await it.live(11 * 60)
        assert [text for text in heard_from(sandbox) if "Slack" in text] == []
        assert len(sandbox.slack.scheduled.pending(ALERTS)) == 2
