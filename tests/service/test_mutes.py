"""People mute pipelines, plan maintenance and set quiet hours. The end comes by itself, once, on any bot."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import redis.asyncio

from bot.domain.answer import RefusalAnswer
from bot.domain.card import SyncCard
from bot.domain.delivery import Delivery
from bot.domain.notice import Notice, NoticeKind
from bot.domain.phase import Phase
from bot.domain.silence import EVERY_DAY, LONGEST_MUTE, MOST_SILENCES, WHOLE_CHANNEL, SilenceNote, WeeklyHours
from bot.domain.silence_answer import Author, MaintenanceWish, MuteWish, SilenceAnswer
from bot.domain.summary import Digest, DigestEntry
from bot.domain.transition import Event
from bot.domain.wall_clock import NamedMoment
from bot.domain.watch import ChannelId
from bot.ports.pipeline_api import Status
from bot.requests.setup_changes import SetupChanges
from bot.requests.silence_ends import SilenceEnds
from tests.builders import ALERTS, ANN, at
from tests.service.test_poller import FAILED, ONE, TWO, Bot, pipelines, running, watch

OTHER = ChannelId("C0OTHER")
PAUSED = Status(phase=Phase.PAUSED, replicas=1, ready=0)
RUNNING = Status(phase=Phase.RUNNING, replicas=1, ready=1)
ANN_IN_ALERTS = Author(channel=ALERTS, by=ANN, name="Ann", zone=ZoneInfo("Europe/Berlin"))
FOR_A_MINUTE = MuteWish(until=NamedMoment(after=timedelta(minutes=1)), why="we deploy")


def ends_of(bot: Bot) -> SilenceEnds:
    changes = SetupChanges(repository=bot.repository, setup_store=bot.store, clock=bot.clock)
    return SilenceEnds(repository=bot.repository, changes=changes, clock=bot.clock)


async def pass_seconds(bot: Bot, seconds: float, ends: SilenceEnds | None = None) -> None:
    """The bot polls and follows the silences."""
    ends = ends or ends_of(bot)
    for _ in range(round(seconds)):
        await bot.poll(1)
        await ends.follow()


async def mute(bot: Bot, *references: str, wish: MuteWish = FOR_A_MINUTE) -> SilenceAnswer:
    answer = await bot.requests.mutes.mute(ANN_IN_ALERTS, references, wish)
    assert isinstance(answer, SilenceAnswer)
    return answer


async def owed(bot: Bot, channel: ChannelId = ALERTS) -> Sequence[Delivery]:
    return await bot.store.owed(channel)


async def digests(bot: Bot, channel: ChannelId = ALERTS) -> list[DigestEntry]:
    bodies = [row.body for row in await owed(bot, channel)]
    return [entry for body in bodies if isinstance(body, Digest) for entry in body.entries]


async def announced(bot: Bot) -> list[tuple[NoticeKind, tuple[SilenceNote, ...]]]:
    notices = [row.body for row in await owed(bot) if isinstance(row.body, Notice)]
    return [(notice.kind, notice.silences) for notice in notices if notice.silences]


async def test_a_muted_failure_is_silent_here_and_loud_elsewhere_until_the_mute_ends(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-*")
        await watch(bot, "orders-*", channel=OTHER)
        await bot.poll(10)
        await mute(bot, "orders-1")
        bot.api.statuses[ONE] = FAILED
        await pass_seconds(bot, 50)
        assert await bot.cards() == []
        assert await bot.cards(OTHER) == ["orders-1 failure"]
        await pass_seconds(bot, 15)
        assert await bot.cards() == ["orders-1 failure"]
        assert await digests(bot) == []
        assert bot.repository.watches.setup.rows == ()
        before = list(await owed(bot))
        await pass_seconds(bot, 60)
        assert list(await owed(bot)) == before


async def test_the_digest_comes_once_though_the_bot_restarts(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await watch(bot, "orders-*")
        await bot.poll(10)
        await mute(bot, WHOLE_CHANNEL)
        for status in (FAILED, RUNNING):
            bot.api.statuses[ONE] = status
            await pass_seconds(bot, 15)
        assert await digests(bot) == []
        clock, api = bot.clock, bot.api
    async with running(fake_redis, *pipelines(2), clock=clock, api=api) as bot:
        assert bot.repository.with_held_news == {ONE}
        await pass_seconds(bot, 60)
        (entry,) = await digests(bot)
        assert (entry.counts[Event.FAILED], entry.counts[Event.RECOVERED]) == (1, 1)
        assert await bot.cards() == []
    async with running(fake_redis, *pipelines(2), clock=clock, api=api) as bot:
        await pass_seconds(bot, 60)
        assert len(await digests(bot)) == 1


async def test_a_bot_that_dies_between_the_mutes_end_and_the_digest_leaves_it_to_the_next(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-*")
        await bot.poll(10)
        await mute(bot, "orders-1")
        for status in (PAUSED, RUNNING):
            bot.api.statuses[ONE] = status
            await bot.poll(15)
        await bot.requests.mutes.unmute(ANN_IN_ALERTS, None)  # and dies before it follows
        clock, api = bot.clock, bot.api
    async with running(fake_redis, *pipelines(1), clock=clock, api=api) as bot:
        assert await digests(bot) == []
        await pass_seconds(bot, 3)
        assert len(await digests(bot)) == 1


async def test_two_bots_release_the_same_news_once(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-*")
        await bot.poll(10)
        await mute(bot, "orders-1")
        bot.api.statuses[ONE] = PAUSED
        await bot.poll(15)
        async with running(fake_redis, *pipelines(1), clock=bot.clock, api=bot.api) as other:
            await bot.requests.mutes.unmute(ANN_IN_ALERTS, ["orders-1"])
            await other.repository.catch_up()
            await ends_of(bot).follow()
            await ends_of(other).follow()
            assert len(await digests(bot)) == 1


async def test_a_mute_until_live_ends_after_the_pipeline_was_live_for_so_long(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-*")
        bot.api.statuses[ONE] = FAILED
        await bot.poll(10)
        ends = ends_of(bot)
        await mute(bot, "orders-1", wish=MuteWish(live_for=timedelta(minutes=1)))
        await pass_seconds(bot, 90, ends)
        assert len(bot.repository.watches.setup.rows) == 1
        bot.api.statuses[ONE] = RUNNING
        await pass_seconds(bot, 55, ends)
        assert len(bot.repository.watches.setup.rows) == 1
        await pass_seconds(bot, 30, ends)
        assert not bot.repository.watches.setup.rows
        (entry,) = await digests(bot)
        assert entry.counts[Event.RECOVERED] == 1


async def test_a_mute_until_live_waits_for_a_failure_that_shows_as_stopped(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await watch(bot, "orders-*")
        bot.api.statuses[ONE] = FAILED
        await bot.poll(10)
        bot.api.statuses[ONE] = replace(PAUSED, phase=Phase.STOPPED)
        ends = ends_of(bot)
        await mute(bot, WHOLE_CHANNEL, wish=MuteWish(live_for=timedelta(minutes=1)))
        await pass_seconds(bot, 120, ends)
        assert len(bot.repository.watches.setup.rows) == 1
        bot.api.statuses[ONE] = PAUSED
        await pass_seconds(bot, 120, ends)
        assert not bot.repository.watches.setup.rows


async def test_the_card_shows_the_mute_until_it_ends(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-*")
        bot.api.statuses[ONE] = FAILED
        await bot.poll(10)

        async def shown() -> SilenceNote | None:
            (row,) = [row for row in await owed(bot) if isinstance(row.body, SyncCard)]
            return (await bot.store.cards([row.id]))[row.id].content.silence

        assert await shown() is None
        answer = await mute(bot, "orders-1")
        assert [pipeline.name for pipeline in answer.failed] == ["orders-1"]
        await ends_of(bot).follow()
        note = await shown()
        assert note
        assert (note.by_name, note.why, note.until) == ("Ann", "we deploy", answer.made[0].until)
        await bot.requests.mutes.unmute(ANN_IN_ALERTS, ["orders-1"])
        await ends_of(bot).follow()
        assert await shown() is None
        (entry,) = await digests(bot)
        assert entry.counts == {}


async def test_quiet_hours_hold_back_a_pause_until_the_morning(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await watch(bot, "orders-*")
        await bot.poll(10)
        now = bot.clock.now()
        end = (now + timedelta(minutes=2)).replace(second=0)
        hours = WeeklyHours(days=EVERY_DAY, start=now.replace(second=0).time(), end=end.time(), zone="UTC")
        await bot.requests.mutes.set_quiet_hours(ANN_IN_ALERTS, hours)
        bot.api.statuses[ONE] = PAUSED
        await pass_seconds(bot, 20)
        assert await bot.cards() == []
        bot.api.statuses[TWO] = FAILED
        await pass_seconds(bot, 10)
        assert await bot.cards() == ["orders-2 failure"]
        await pass_seconds(bot, 120)
        assert [entry.pipeline.name for entry in await digests(bot)] == ["orders-1"]
        assert len(bot.repository.watches.setup.rows) == 1


# --- commands --------------------------------------------------------------------------------------------------------


async def test_changes_are_announced_with_their_author(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await watch(bot, "orders-*")
        await mute(bot, "orders-1", "orders-*")
        ended = await bot.requests.mutes.unmute(ANN_IN_ALERTS, ["orders-1"])
        assert isinstance(ended, SilenceAnswer)
        assert [note.name for note in ended.wider] == ["orders-*"]
        found = await announced(bot)
        assert [(kind, [note.name for note in notes]) for kind, notes in found] == [
            (NoticeKind.SILENCED, ["orders-1", "orders-*"]),
            (NoticeKind.UNSILENCED, ["orders-1"]),
        ]
        entries = (await bot.store.audit()).entries
        assert [(entry.subject, entry.label, bool(entry.after)) for entry in entries if entry.subject == "mute"] == [
            ("mute", "orders-1", False),
            ("mute", "orders-*", True),
            ("mute", "orders-1", True),
        ]


@pytest.mark.parametrize("references", [["orders-1", "nothing"], ["orders-1", "bills-*"]])
async def test_all_or_nothing(fake_redis: redis.asyncio.Redis, references: list[str]) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-*")
        answer = await mute(bot, *references)
        assert answer.unresolved or answer.unwatched
        assert bot.repository.watches.setup.rows == ()


async def test_a_channel_that_watches_nothing_has_nothing_to_mute(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-*", channel=OTHER)
        assert (await mute(bot, "orders-1")).unwatched == ("orders-1",)


@pytest.mark.parametrize(
    "wish",
    [
        MuteWish(until=NamedMoment(after=LONGEST_MUTE + timedelta(minutes=1))),
        MuteWish(until=NamedMoment(exact=at(-1))),
    ],
)
async def test_a_mute_is_neither_over_nor_for_ever(fake_redis: redis.asyncio.Redis, wish: MuteWish) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-*")
        assert isinstance(await bot.requests.mutes.mute(ANN_IN_ALERTS, ["orders-1"], wish), RefusalAnswer)


async def test_a_channel_has_a_limited_number_of_silences(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-*")
        many = [f"orders-{'*' * number}" for number in range(1, MOST_SILENCES + 1)]
        assert len((await mute(bot, *many)).made) == MOST_SILENCES
        assert isinstance(await bot.requests.mutes.mute(ANN_IN_ALERTS, ["orders-1"], FOR_A_MINUTE), RefusalAnswer)
        assert len((await mute(bot, "orders-*")).made) == 1  # replaces one


async def test_maintenance_is_listed_before_it_begins_and_removable(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-*")
        start, end = NamedMoment(after=timedelta(hours=1)), NamedMoment(after=timedelta(hours=4))
        wish = MaintenanceWish(start=start, end=end, why="new disks")
        await bot.requests.mutes.plan_maintenance(ANN_IN_ALERTS, ["orders-*"], wish)
        (note,) = bot.requests.mutes.listed(ALERTS).silences
        assert note.start == bot.clock.now() + timedelta(hours=1)
        assert note.until == note.start + timedelta(hours=4)
        await bot.requests.mutes.end_maintenance(ANN_IN_ALERTS, ["orders-*"])
        assert bot.requests.mutes.listed(ALERTS).silences == ()


async def test_maintenance_that_begins_in_the_skipped_hour_is_no_day_longer(fake_redis: redis.asyncio.Redis) -> None:
    """On that Sunday, clocks in Berlin go from 02:00 to 03:00. Its rest is from 03:00 to 03:15."""
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-*")
        start = NamedMoment(day=date(2030, 3, 31), clock_time=time(2, 30))
        wish = MaintenanceWish(start=start, end=NamedMoment(clock_time=time(3, 15)))
        await bot.requests.mutes.plan_maintenance(ANN_IN_ALERTS, ["orders-*"], wish)
        (note,) = bot.requests.mutes.listed(ALERTS).silences
        assert note.start == datetime(2030, 3, 31, 1, tzinfo=UTC)
        assert note.until == note.start + timedelta(minutes=15)


async def test_weekly_maintenance_stays_after_its_end(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-*")
        hours = WeeklyHours(days=(5,), start=time(22), end=time(2), zone="Europe/Berlin")
        await bot.requests.mutes.plan_maintenance(ANN_IN_ALERTS, ["orders-*"], MaintenanceWish(hours=hours))
        await pass_seconds(bot, 5)
        (note,) = bot.requests.mutes.listed(ALERTS).silences
        assert note.start
        assert note.start.astimezone(ZoneInfo("Europe/Berlin")).strftime("%a %H:%M") == "Sat 22:00"
