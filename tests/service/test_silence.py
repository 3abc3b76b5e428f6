"""The dead man's switch over Redis, with an in-memory Slack and a fake clock."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count

import pytest
import redis.asyncio

from bot.coordination.leadership import Leadership
from bot.coordination.scheduled import CHECK_SECONDS, LIST_SECONDS, ScheduledBackups
from bot.coordination.silence import DeadMansSwitch
from bot.coordination.vital_signs import VitalSigns
from bot.domain.backup import POSTPONE_BELOW, WARNING_AFTER, EscalationBackup, SilenceWarning, WantedMessage
from bot.domain.notice import Notice, NoticeKind
from bot.domain.watch import ChannelId
from bot.ports.lease_store import ACTIVE_SENDER
from bot.ports.scheduled_messages import NotScheduled
from bot.ports.store_errors import StoreAway
from tests.builders import TEAM, a_message
from tests.fakes import FakeClock
from tests.scheduled import FakeScheduled
from tests.stores import WholeStore

OPS = ChannelId("C0OPS")


@dataclass
class Sender:
    """A process that sends, and perhaps reads."""

    store: WholeStore
    chat: FakeScheduled
    clock: FakeClock
    right: Leadership
    backups: ScheduledBackups
    pages: list[WantedMessage]
    reads: bool = True

    async def live(self, seconds: float) -> None:
        for _ in range(round(seconds / CHECK_SECONDS)):
            await self.right.acquire()
            if self.reads:
                await self.store.record_heartbeat(self.clock.now(), "run")
            await self.backups.check()
            await self.be_dead(CHECK_SECONDS)

    async def be_dead(self, seconds: float) -> None:
        await self.clock.pass_time(seconds)
        self.chat.post_due()

    async def notices(self) -> list[Notice]:
        return [row.body for row in await self.store.owed(OPS) if isinstance(row.body, Notice)]


def a_sender(fake_redis: redis.asyncio.Redis, before: Sender | None = None, operator: ChannelId | None = OPS) -> Sender:
    clock = before.clock if before else FakeClock()
    store = WholeStore(fake_redis, TEAM, clock)
    chat = before.chat if before else FakeScheduled(clock)
    right = Leadership(store, clock, ACTIVE_SENDER)
    signs = VitalSigns(heartbeats=store, outbox=store.outbox_figures, clock=clock)
    switch = DeadMansSwitch(operator=operator, vital_signs=signs, clock=clock, team=TEAM)
    pages = list[WantedMessage]()
    backups = ScheduledBackups(
        chat=chat, store=store, clock=clock, sending_right=right, switch=switch, pages=lambda: pages, lanes=store
    )
    return Sender(store, chat, clock, right, backups, pages)


async def test_a_living_bot_warns_nobody_and_calls_slack_seldom(fake_redis: redis.asyncio.Redis) -> None:
    sender = a_sender(fake_redis)
    await sender.live(3600)
    assert sender.chat.posted == []
    assert len(sender.chat.pending) == 1
    period = WARNING_AFTER - POSTPONE_BELOW
    assert sender.chat.calls.count("schedule") <= timedelta(hours=1) / period + 1
    assert sender.chat.calls.count("delete") <= timedelta(hours=1) / period
    assert sender.chat.calls.count("list") <= 3600 / LIST_SECONDS + 1


async def test_a_dead_bot_is_reported_within_ten_minutes(fake_redis: redis.asyncio.Redis) -> None:
    sender = a_sender(fake_redis)
    await sender.live(1000)
    died = sender.clock.now()
    await sender.be_dead(3600)
    ((row, content),) = sender.chat.posted
    assert isinstance(content, SilenceWarning)
    assert content.since <= died <= row.post_at <= died + WARNING_AFTER
    assert row.channel == OPS


async def test_a_bot_that_does_not_read_is_silent(fake_redis: redis.asyncio.Redis) -> None:
    sender = a_sender(fake_redis)
    await sender.live(60)
    sender.reads = False
    await sender.live(900)
    assert len(sender.chat.posted) == 1
    assert sender.chat.pending == {}


async def test_a_restart_or_another_sender_goes_on_with_the_same_switch(fake_redis: redis.asyncio.Redis) -> None:
    first = a_sender(fake_redis)
    await first.live(100)
    second = a_sender(fake_redis, first)
    await first.right.release()
    await second.live(600)
    assert len(second.chat.pending) == 1
    assert second.chat.posted == []


async def test_a_standby_sender_schedules_nothing(fake_redis: redis.asyncio.Redis) -> None:
    active = a_sender(fake_redis)
    await active.live(60)
    standby = a_sender(fake_redis, active)
    calls = len(active.chat.calls)
    await standby.backups.check()
    assert len(active.chat.calls) == calls


async def test_a_crash_before_the_id_is_stored_leaves_no_second_switch(fake_redis: redis.asyncio.Redis) -> None:
    first = a_sender(fake_redis)
    await first.live(5)
    first.store.away_once("save_scheduled")
    with pytest.raises(Exception, match="no answer"):
        await first.live(600)
    assert len(first.chat.pending) == 2
    second = a_sender(fake_redis, first)
    await first.right.release()
    await second.live(15)
    assert len(second.chat.pending) == 1
    await second.live(1200)
    assert second.chat.posted == []


async def test_a_store_that_was_away_for_the_id_leaves_no_second_switch(fake_redis: redis.asyncio.Redis) -> None:
    sender = a_sender(fake_redis)
    await sender.live(5)
    sender.store.away_once("save_scheduled")
    with pytest.raises(StoreAway):
        await sender.live(600)
    await sender.live(1200)  # the job goes on
    assert sender.chat.posted == []
    assert len(sender.chat.pending) == 1


async def test_a_lost_id_leaves_no_second_switch(fake_redis: redis.asyncio.Redis) -> None:
    sender = a_sender(fake_redis)
    await sender.live(120)
    await fake_redis.delete(sender.store._keys["scheduled"])
    await sender.live(1200)
    assert sender.chat.posted == []
    assert len(sender.chat.pending) == 1


async def test_a_call_without_an_answer_leaves_no_second_switch(fake_redis: redis.asyncio.Redis) -> None:
    sender = a_sender(fake_redis)
    sender.chat.refusals = [NotScheduled(error="no answer", unknown=True)]
    await sender.live(1200)
    assert sender.chat.posted == []
    assert len(sender.chat.pending) == 1


async def test_without_an_operator_channel_the_switch_goes(fake_redis: redis.asyncio.Redis) -> None:
    with_channel = a_sender(fake_redis)
    await with_channel.live(60)
    without = a_sender(fake_redis, with_channel, operator=None)
    await with_channel.right.release()
    await without.live(60)
    assert without.chat.pending == {}


async def test_a_refused_token_costs_one_call_a_minute(fake_redis: redis.asyncio.Redis) -> None:
    sender = a_sender(fake_redis)
    sender.chat.refusals = [NotScheduled(error="token_revoked", unauthorized=True)] * 100
    await sender.live(600)
    assert sender.chat.calls.count("schedule") <= 10


async def test_slacks_pause_is_obeyed(fake_redis: redis.asyncio.Redis) -> None:
    sender = a_sender(fake_redis)
    sender.chat.refusals = [NotScheduled(error="ratelimited", retry_after=timedelta(seconds=30))]
    await sender.live(30)
    assert sender.chat.calls == ["list", "schedule"]
    await sender.live(5)
    assert sender.chat.calls == ["list", "schedule", "schedule"]


async def test_the_end_of_a_silence_is_announced_once(fake_redis: redis.asyncio.Redis) -> None:
    """Nobody read, but no gap was reported: `PIPELINE_BOT_BLIND_SECONDS` may be an hour."""
    sender = a_sender(fake_redis)
    await sender.live(60)
    sender.reads = False
    await sender.live(900)
    assert await sender.notices() == []
    sender.reads = True
    await sender.live(60)
    (notice,) = await sender.notices()
    (posted, _) = sender.chat.posted[0]
    assert (notice.kind, notice.since) == (NoticeKind.HEARD, posted.made_at)
    assert len(sender.chat.pending) == 1


async def test_a_jump_of_the_bots_time_is_no_silence(fake_redis: redis.asyncio.Redis) -> None:
    """Slack has not posted the warning: its own clock did not jump."""
    sender = a_sender(fake_redis)
    sender.pages.append(a_backup(sender, 30))
    await sender.live(60)
    await sender.clock.pass_time(3600)
    sender.chat.postpone(3600)
    sender.pages.clear()
    await sender.live(900)
    assert await sender.notices() == []
    assert sender.chat.posted == []
    assert len(sender.chat.pending) == 1


async def test_a_gap_that_the_heartbeat_reported_needs_no_second_notice(fake_redis: redis.asyncio.Redis) -> None:
    sender = a_sender(fake_redis)
    await sender.live(60)
    await sender.be_dead(900)
    await sender.store.record_heartbeat(sender.clock.now(), "run", reports_gap=True)
    again = a_sender(fake_redis, sender)
    await again.live(60)
    assert await again.notices() == []
    assert len(again.chat.posted) == 1


async def test_a_message_that_somebody_deleted_is_scheduled_again(fake_redis: redis.asyncio.Redis) -> None:
    first = a_sender(fake_redis)
    await first.live(120)
    first.chat.pending.clear()
    second = a_sender(fake_redis, first)
    await first.right.release()
    await second.live(10)
    assert len(second.chat.pending) == 1


# --- kills at every call ----------------------------------------------------------------------------------------------


class KilledError(Exception):
    """The process ends here."""


def kill_at(sender: Sender, number: int, *, after: bool) -> None:
    """Ends the process at its call with this number, to Slack or of a write to Redis: before or after its effect."""
    calls = count(1)

    def killing(call: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        async def called(*args: object) -> object:
            is_last = next(calls) == number
            if is_last and not after:
                raise KilledError
            answer = await call(*args)
            if is_last:
                raise KilledError
            return answer

        return called

    for owner, names in (
        (sender.backups._chat, ("schedule", "delete", "listed")),
        (sender.backups._store, ("save_scheduled", "forget_scheduled")),
    ):
        for name in names:
            vars(owner)[name] = killing(getattr(owner, name))


def revive(chat: FakeScheduled) -> None:
    """Slack itself was not killed."""
    for name in ("schedule", "delete", "listed"):
        vars(chat).pop(name, None)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 15))
async def test_a_kill_at_any_call_warns_nobody_and_leaves_one_switch(
    fake_redis: redis.asyncio.Redis, number: int, *, after: bool
) -> None:
    first = a_sender(fake_redis)
    first.pages.append(a_backup(first, 30))
    kill_at(first, number, after=after)
    with pytest.raises(KilledError):
        await first.live(1800)
    revive(first.chat)
    second = a_sender(fake_redis, first)
    await first.right.release()
    await second.live(1200)
    assert second.chat.posted == []
    assert len(second.chat.pending) == 1  # nobody wants the backup any more


# --- the backups of pages ---------------------------------------------------------------------------------------------


def a_backup(sender: Sender, minutes: float, key: str = "page:1", fingerprint: str = "") -> WantedMessage:
    post_at = sender.clock.now().replace(microsecond=0) + timedelta(minutes=minutes)
    return WantedMessage(
        key=key,
        channel=OPS,
        post_at=post_at,
        not_before=post_at,
        content=EscalationBackup(steps=()),
        fingerprint=fingerprint,
    )


async def test_a_backup_goes_when_its_step_is_delivered(fake_redis: redis.asyncio.Redis) -> None:
    sender = a_sender(fake_redis, operator=None)
    sender.pages.append(a_backup(sender, 8))
    await sender.live(60)
    assert len(sender.chat.pending) == 1
    sender.pages.clear()
    await sender.live(10)
    assert sender.chat.pending == {}


async def test_a_backup_stays_while_pages_of_its_channel_wait(fake_redis: redis.asyncio.Redis) -> None:
    sender = a_sender(fake_redis, operator=None)
    sender.pages.append(a_backup(sender, 8))
    await sender.live(10)
    await sender.store.enqueue([a_message("page", channel=OPS, made_at=sender.clock.now())])
    sender.pages.clear()
    await sender.live(600)
    assert len(sender.chat.posted) == 1


async def test_a_changed_backup_replaces_the_old_one(fake_redis: redis.asyncio.Redis) -> None:
    sender = a_sender(fake_redis, operator=None)
    sender.pages.append(a_backup(sender, 8))
    await sender.live(10)
    sender.pages[:] = [replace(sender.pages[0], fingerprint="one more pipeline")]
    await sender.live(15)
    assert len(sender.chat.pending) == 1
    assert sender.chat.calls.count("schedule") == 2


async def test_many_backups_keep_slacks_limits(fake_redis: redis.asyncio.Redis) -> None:
    sender = a_sender(fake_redis, operator=None)
    sender.pages += [a_backup(sender, 30, key=f"page:{number}") for number in range(60)]
    await sender.live(60)
    assert sender.chat.calls.count("schedule") <= 50
    await sender.live(120)
    assert len(sender.chat.pending) == 60
