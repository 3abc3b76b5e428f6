"""Drills over Redis and the real outbox, with an in-memory Slack and a fake clock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
import redis.asyncio

from bot.coordination.drill_reports import GIVE_UP_AFTER, REPORT_SECONDS, DrillReports
from bot.domain.delivery import Delivery, Outcome, RefusalKind, Refused, Unreadable
from bot.domain.drill import PATIENCE, PAUSE, Drill
from bot.domain.notice import Notice, NoticeKind
from bot.domain.watch import ChannelId, Target, TargetKind, UserId
from bot.ports.chat import ChatAway
from bot.requests.drills import UnknownPolicyError
from bot.slack.render.notices import render_notice
from bot.slack.render.render_context import RenderContext
from tests.builders import ALERTS, ANN, TEAM, a_message, a_watch
from tests.service.test_heartbeat import Whole, whole

BOB = Target(kind=TargetKind.USER, id="U0BOB", direct=ChannelId("D0BOB"), label="@bob")
HERE = Target(kind=TargetKind.HERE)
LOOK = RenderContext("https://goldrush.dev/platform/", "/pipeline")


class Leading:
    is_leader = True
    lease = None


@dataclass
class World:
    whole: Whole
    reports: DrillReports

    async def start(self) -> Drill:
        drills = self.whole.bot.requests.drills
        drill = await drills.start(await drills.plan(ALERTS, ""), ANN, "Ann")
        assert drill is not None
        return drill

    async def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds / REPORT_SECONDS)):
            await self.whole.bot.clock.pass_time(REPORT_SECONDS)
            await self.reports.report()

    async def running(self) -> tuple[Drill, ...]:
        return tuple(drill for drill in await self.whole.bot.store.drills() if not drill.is_reported)

    def shown(self, channel: ChannelId) -> str:
        """The channel's last message about a drill, as text."""
        sent = [*self.whole.chat.posts, *self.whole.chat.updates]
        notices = [content for row, content, _ in sent if row.receiver.id == channel and isinstance(content, Notice)]
        last = [notice for notice in notices if notice.kind is NoticeKind.DRILL][-1]
        return render_notice(last, Delivery(message=a_message(channel=channel)), LOOK).text

    def posts(self, channel: ChannelId) -> int:
        return sum(row.receiver.id == channel for row, _, _ in self.whole.chat.posts)


@asynccontextmanager
async def world(fake_redis: redis.asyncio.Redis, *targets: Target) -> AsyncIterator[World]:
    async with whole(fake_redis) as bot:
        await bot.bot.store.add_watches([a_watch(targets=targets)], a_message("announcement"))
        await bot.bot.repository.refresh_watches()
        await bot.bot.clock.pass_time(5)
        reports = DrillReports(
            store=bot.bot.store, chat=bot.chat, sending_right=Leading(), clock=bot.bot.clock, team=TEAM
        )
        yield World(bot, reports)


async def test_a_drill_reports_each_way_in_one_message(fake_redis: redis.asyncio.Redis) -> None:
    async with world(fake_redis, BOB, HERE) as it:
        before = it.posts(ALERTS)
        await it.start()
        await it.pass_time(10)
        assert it.posts(ALERTS) == before + 1
        text = it.shown(ALERTS)
        assert text.startswith("DRILL — nothing is wrong.")
        assert "@bob: accepted after" in text
        assert "Not tested: here" in text
        assert "Verdict: passed. All 2 ways work." in text
        assert "there is nothing to do" in it.shown(ChannelId("D0BOB"))
        assert await it.running() == ()
        assert it.whole.posted() == []  # no card


async def test_a_way_that_does_not_work_fails_the_drill_in_time(fake_redis: redis.asyncio.Redis) -> None:
    async with world(fake_redis, BOB) as it:
        refused: Outcome = Refused(kind=RefusalKind.RATE_LIMITED, error="ratelimited", retry_after=timedelta(hours=1))
        await it.start()
        it.whole.chat.answers = [(refused, False)] * 2
        await it.pass_time(PATIENCE.total_seconds() + GIVE_UP_AFTER.total_seconds() + 10)
        assert await it.running() == ()


async def test_a_channel_has_one_drill_in_five_minutes(fake_redis: redis.asyncio.Redis) -> None:
    async with world(fake_redis, BOB) as it:
        await it.start()
        drills = it.whole.bot.requests.drills
        assert await drills.start(await drills.plan(ALERTS, ""), ANN, "Ann") is None
        await it.pass_time(10)
        assert await drills.start(await drills.plan(ALERTS, ""), ANN, "Ann") is None
        await it.pass_time(PAUSE.total_seconds())
        await it.start()


async def test_another_sender_finishes_the_drill_of_a_dead_one(fake_redis: redis.asyncio.Redis) -> None:
    async with world(fake_redis, BOB) as it:
        await it.start()
        await it.whole.bot.clock.pass_time(PATIENCE.total_seconds() + 60)  # nobody reports
        other = DrillReports(
            store=it.whole.bot.store,
            chat=it.whole.chat,
            sending_right=Leading(),
            clock=it.whole.bot.clock,
            team=TEAM,
        )
        await other.report()
        assert "Verdict: passed." in it.shown(ALERTS)
        assert await it.running() == ()


async def test_a_message_that_nobody_can_find_gets_a_second_one_with_the_verdict(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with world(fake_redis, BOB) as it:
        before = it.posts(ALERTS)
        await it.start()
        it.whole.chat.results = [Unreadable("missing_scope: metadata.message:read")] * 10
        await it.pass_time(10)
        assert await it.running() == ()
        assert it.posts(ALERTS) == before + 2
        assert "Verdict: passed." in it.shown(ALERTS)


async def test_a_drill_tells_a_silent_slack_from_a_person_without_direct_messages(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async def away(_: UserId) -> ChannelId | None:
        raise ChatAway("ratelimited")

    async with world(fake_redis, Target(kind=TargetKind.USER, id="U0CAL", label="@cal")) as it:
        it.whole.bot.requests.drills._conversations.opens = away  # type: ignore[attr-defined]
        await it.start()
        await it.pass_time(10)
        assert "@cal: refused (Slack didn't answer when I opened the conversation)" in it.shown(ALERTS)


async def test_a_person_without_direct_messages_fails_the_drill(fake_redis: redis.asyncio.Redis) -> None:
    cal = Target(kind=TargetKind.USER, id="U0CAL", label="@cal")

    async def none(_: UserId) -> ChannelId | None:
        return None

    async with world(fake_redis, cal) as it:
        it.whole.bot.requests.drills._conversations.opens = none  # type: ignore[attr-defined]
        await it.start()
        await it.pass_time(10)
        assert "@cal: refused (Slack allows no direct messages)" in it.shown(ALERTS)
        assert "Verdict: failed. 1 of 2 ways don't work: @cal." in it.shown(ALERTS)


async def test_an_unknown_policy_starts_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with world(fake_redis, BOB) as it:
        with pytest.raises(UnknownPolicyError):
            await it.whole.bot.requests.drills.plan(ALERTS, "nowhere")
