"""A store that loses data, a gap in polling, and a second bot, on a fake clock."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from bot.coordination.leadership import Leadership
from bot.delivery.dispatcher import Dispatcher
from bot.delivery.lane_services import LaneServices
from bot.delivery.suspensions import Suspensions
from bot.domain.card import Card, Group
from bot.domain.delivery import RefusalKind, Refused, in_slack
from bot.domain.note import Note, NoteKind
from bot.domain.notice import Notice, NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, SuspendReason, TeamId
from bot.ports.chat import ChatAway
from bot.ports.conversations import Memberships
from bot.ports.lease_store import ACTIVE_SENDER
from bot.ports.pipeline_api import Unavailable
from bot.ports.store_errors import StoreAway, StoreRolledBack
from bot.slack.render.renderer import Renderer
from tests.builders import ALERTS, ANN, TEAM, a_delivery, a_setup_change, at, saved_policy
from tests.carriers import by_slack
from tests.fakes import NO_MEMBERSHIPS, FakeApi, FakeChat, FakeClock
from tests.rollback import go_back, snapshot
from tests.service.test_poller import FAILED, LIVE, ONE, OPERATOR, OTHER, TWO, Bot, pipelines, running

FALLBACK = ChannelId("C0FALLBACK")
LOOK = Renderer(command="/pipeline", platform_url="https://goldrush.dev/platform/")


@dataclass
class Whole:
    """A bot that reads and sends."""

    bot: Bot
    chat: FakeChat
    suspensions: Suspensions

    def posted(self, kind: type[object] = Card) -> list[object]:
        return [content for _, content, _ in self.chat.posts if isinstance(content, kind)]

    def notices(self, kind: NoticeKind) -> list[Notice]:
        return [notice for notice in self.posted(Notice) if isinstance(notice, Notice) and notice.kind is kind]


@asynccontextmanager
async def whole(
    fake_redis: redis.asyncio.Redis,
    count: int = 2,
    *,
    operator: ChannelId | None = None,
    fallback: ChannelId | None = None,
    chat: FakeChat | None = None,
    before: Bot | None = None,
    clock: FakeClock | None = None,
    api: FakeApi | None = None,
    team: TeamId = TEAM,
    memberships: Memberships = NO_MEMBERSHIPS,
) -> AsyncIterator[Whole]:
    chat = chat or FakeChat()
    wake = asyncio.Event()
    known = () if before or api else pipelines(count)
    if before:
        clock, api = before.clock, before.api
    async with running(
        fake_redis,
        *known,
        operator=operator,
        fallback=fallback,
        clock=clock,
        api=api,
        memberships=memberships,
        team=team,
    ) as bot:
        suspensions = Suspensions(
            store=bot.store,
            repository=bot.repository,
            conversations=chat,
            clock=bot.clock,
            wake=wake,
            fallback=fallback,
        )
        around = LaneServices(
            store=bot.store,
            clock=bot.clock,
            doubt=bot.doubt,
            sending_right=Leadership(bot.store, bot.clock, ACTIVE_SENDER),
            carriers=by_slack(chat, bot.clock, suspensions),
        )
        dispatcher = Dispatcher(around, wake)
        sending = asyncio.create_task(dispatcher.run())
        yield Whole(bot, chat, suspensions)
        dispatcher.stop()
        while not sending.done():
            await bot.clock.pass_time(1)
        await sending


async def test_a_failure_is_not_posted_again_after_the_store_forgets_it(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE, TWO)
        await world.bot.poll(20)
        old = await snapshot(fake_redis)
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(20)
        assert len(world.posted()) == 1
        await go_back(fake_redis, old)
        await world.bot.poll(60)
        assert len(world.posted()) == 1
        world.bot.api.statuses[ONE] = LIVE  # the episode continues
        await world.bot.poll(40)
        assert len(world.posted()) == 1
        shown = world.chat.updates[-1][1]
        assert isinstance(shown, Card)
        assert not shown.episode.open


async def test_a_card_found_in_a_group_message_does_not_overwrite_the_group(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis, count=4) as world:
        statuses = world.bot.api.statuses
        await world.bot.watch(*statuses)
        await world.bot.poll(20)
        old = await snapshot(fake_redis)
        wait = Refused(kind=RefusalKind.RATE_LIMITED, error="ratelimited", retry_after=timedelta(seconds=30))
        world.chat.answers = [(wait, False)]  # the others have to wait and form a group
        statuses.update(dict.fromkeys(statuses, FAILED))
        await world.bot.poll(60)
        ((group, _, _),) = [post for post in world.chat.posts if isinstance(post[1], Group)]
        await go_back(fake_redis, old)
        await world.bot.poll(60)
        statuses.update(dict.fromkeys(statuses, LIVE))
        await world.bot.poll(60)
        assert len(world.posted(Group)) == 1
        drawn = [content for _, content, ts in world.chat.updates if ts == world.chat.there[group.id]]
        assert drawn
        assert all(isinstance(content, Group) for content in drawn)


async def test_nothing_is_sent_before_the_bot_notices_the_loss(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(20)
        world.bot.api.statuses[ONE] = FAILED
        world.chat.answers = [(Refused(kind=RefusalKind.NOT_SENT, error="no connection"), False)] * 3
        await world.bot.poll(16)
        old = await snapshot(fake_redis)
        await world.bot.poll(40)
        assert len(world.posted()) == 1
        posts = len(world.chat.posts)
        await go_back(fake_redis, old)
        await world.bot.clock.pass_time(30)  # the dispatcher runs, but no heartbeat has checked the store
        assert len(world.chat.posts) == posts
        await world.bot.poll(40)
        assert len(world.posted()) == 1


def assert_one_notice_each(world: Whole) -> None:
    """Asserts one notice for the operator and one for the channel, each with both lost watches."""
    notices = world.notices(NoticeKind.ROLLED_BACK)
    assert [{watch.reference for watch in notice.watches} for notice in notices] == [{ONE, TWO}] * 2


@pytest.mark.parametrize("operator", [OPERATOR, ALERTS, None])
async def test_lost_watches_are_announced_and_stay_lost(
    fake_redis: redis.asyncio.Redis, operator: ChannelId | None
) -> None:
    async with whole(fake_redis, operator=operator) as world:
        await world.bot.watch(ONE, TWO)
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(40)
        assert len(world.posted()) == 1
        await fake_redis.flushall()
        await world.bot.poll(40)
        notices = world.notices(NoticeKind.ROLLED_BACK)
        assert all({watch.reference for watch in notice.watches} == {ONE, TWO} for notice in notices)
        where = [delivery.receiver.id for delivery, content, _ in world.chat.posts if content in notices]
        assert sorted(where) == sorted({ALERTS, operator or ALERTS})
        assert (await world.bot.store.watches()).all == ()
        await world.bot.watch(ONE)
        await world.bot.poll(60)
        assert len(world.posted()) == 2  # the failure gets a new card


@pytest.mark.parametrize("outage", ["none", "over", "open"])
@pytest.mark.parametrize("bots", [1, 2])
async def test_after_redis_was_emptied_the_operator_gets_one_notice(
    fake_redis: redis.asyncio.Redis, outage: str, bots: int
) -> None:
    """The bot recreates keys itself. Their neighbours are not lost once more."""
    problem = Unavailable("GoldRush had an internal error (500).")
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(whole(fake_redis, operator=OPERATOR))
        await first.bot.watch(ONE, "orders-*")
        await first.bot.watch(TWO, channel=OTHER)
        await first.bot.poll(20)
        await first.suspensions.suspend(in_slack(TEAM, OTHER), SuspendReason.NOT_IN_CHANNEL)
        first.bot.api.statuses |= dict.fromkeys((ONE, TWO), FAILED)
        await first.bot.poll(60)
        if outage != "none":
            first.bot.api.statuses |= dict.fromkeys((ONE, TWO), problem)
            await first.bot.poll(60)
        if outage == "over":
            first.bot.api.statuses |= {ONE: LIVE, TWO: LIVE}
            await first.bot.poll(300)
        worlds = [first]
        if bots == 2:
            second = whole(fake_redis, operator=OPERATOR, before=first.bot, chat=first.chat)
            worlds.append(await stack.enter_async_context(second))
            await worlds[1].bot.poll(20)
        await fake_redis.flushall()
        for again in (False, True):
            if again:
                await first.bot.watch(ONE)
            for world in worlds * 3:
                await world.bot.poll(10)
        async with whole(fake_redis, operator=OPERATOR, before=first.bot, chat=first.chat) as later:
            await later.bot.poll(20)
        notices = [
            content.kind
            for delivery, content, _ in first.chat.posts
            if isinstance(content, Notice) and delivery.receiver.id == OPERATOR
        ]
    assert notices == [NoticeKind.ROLLED_BACK]


@pytest.mark.parametrize("operator", [OPERATOR, None])
@pytest.mark.parametrize("watched", [False, True])
async def test_lost_notes_are_announced(
    fake_redis: redis.asyncio.Redis, operator: ChannelId | None, *, watched: bool
) -> None:
    """Without an operator, the channels that lost watches get them. A note belongs to no channel."""
    note = Note(kind=NoteKind.NOTE, reference="orders-*", text="call Bob", by=ANN, at=at(0))
    runbook = Note(kind=NoteKind.RUNBOOK, reference=ONE, text="https://wiki.example.com/eu", by=ANN, at=at(0))
    async with whole(fake_redis, operator=operator) as world:
        if watched:
            await world.bot.watch(ONE)
        for lost_note in (note, runbook):
            assert await world.bot.store.set_note(lost_note)
        await world.bot.poll(20)
        await fake_redis.flushall()
        await world.bot.poll(40)
        announced_notes = {
            delivery.receiver.id: {lost_note.id for lost_note in content.notes}
            for delivery, content, _ in world.chat.posts
            if isinstance(content, Notice) and content.kind is NoticeKind.ROLLED_BACK
        }
    both = {note.id, runbook.id}
    channels = {ALERTS: set() if operator else both} if watched else {}
    assert announced_notes == channels | ({operator: both} if operator else {})


@pytest.mark.parametrize("key", ["watches", "notes", "setup"])
async def test_the_operator_gets_one_notice_of_lost_watches_or_notes(fake_redis: redis.asyncio.Redis, key: str) -> None:
    async with whole(fake_redis, operator=OPERATOR) as world:
        await world.bot.watch(ONE)
        await world.bot.store.set_note(Note(kind=NoteKind.NOTE, reference=ONE, text="call Bob", by=ANN, at=at(0)))
        await world.bot.store.change_setup(a_setup_change((await world.bot.store.watches()).version, saved_policy()))
        await world.bot.poll(20)
        await fake_redis.delete(f"pipeline-bot:{{{TEAM}}}:{key}")
        await world.bot.poll(40)
        notices = [
            content.kind
            for delivery, content, _ in world.chat.posts
            if isinstance(content, Notice) and delivery.receiver.id == OPERATOR
        ]
    assert notices == [NoticeKind.ROLLED_BACK]


async def test_after_redis_was_emptied_a_closed_outage_is_not_posted_again(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis, operator=OPERATOR) as world:
        await world.bot.watch(ONE, TWO)
        await world.bot.poll(20)
        world.bot.api.statuses |= dict.fromkeys((ONE, TWO), Unavailable("GoldRush had an internal error (500)."))
        await world.bot.poll(60)
        world.bot.api.statuses |= {ONE: LIVE, TWO: LIVE}
        await world.bot.poll(60)
        posts = [content for _, content, _ in world.chat.posts if isinstance(content, Card)]
        assert posts
        await fake_redis.flushall()
        await world.bot.poll(60)
        assert [content for _, content, _ in world.chat.posts if isinstance(content, Card)] == posts


async def test_after_redis_was_emptied_the_second_bot_posts_no_closed_outage_either(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis, operator=OPERATOR) as first:
        await first.bot.watch(ONE, TWO)
        await first.bot.poll(20)
        first.bot.api.statuses |= dict.fromkeys((ONE, TWO), Unavailable("GoldRush had an internal error (500)."))
        await first.bot.poll(60)
        first.bot.api.statuses |= {ONE: LIVE, TWO: LIVE}
        await first.bot.poll(300)
        async with whole(fake_redis, operator=OPERATOR, before=first.bot, chat=first.chat) as second:
            await second.bot.poll(20)
            posts = [content for _, content, _ in first.chat.posts if isinstance(content, Card)]
            await fake_redis.flushall()
            for _ in range(4):
                await first.bot.poll(10)
                await second.bot.poll(10)
        assert [content for _, content, _ in first.chat.posts if isinstance(content, Card)] == posts


async def test_after_redis_was_emptied_an_open_outage_gets_a_new_card_by_its_name(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis, operator=OPERATOR) as world:
        await world.bot.watch(ONE, TWO)
        await world.bot.poll(20)
        world.bot.api.statuses |= dict.fromkeys((ONE, TWO), Unavailable("GoldRush had an internal error (500)."))
        await world.bot.poll(60)
        await fake_redis.flushall()
        await world.bot.poll(60)
        cards = [content for _, content, _ in world.chat.posts if isinstance(content, Card)]
        assert {card.pipeline.name for card in cards} == {"GoldRush API"}
        assert Counter(card.channel for card in cards) == {ALERTS: 2, OPERATOR: 2}


@pytest.mark.parametrize("operator", [OPERATOR, None])
async def test_a_channel_learns_of_its_own_lost_watches_and_the_operator_of_all(
    fake_redis: redis.asyncio.Redis, operator: ChannelId | None
) -> None:
    async with whole(fake_redis, operator=operator) as world:
        await world.bot.watch(ONE)
        await world.bot.watch(TWO, channel=OTHER)
        await world.bot.poll(40)
        await fake_redis.flushall()
        await world.bot.poll(40)
        lost = world.notices(NoticeKind.ROLLED_BACK)
        by_channel = {delivery.receiver.id: content for delivery, content, _ in world.chat.posts if content in lost}
    assert {channel: {watch.reference for watch in notice.watches} for channel, notice in by_channel.items()} == {
        ALERTS: {ONE},
        OTHER: {TWO},
    } | ({operator: {ONE, TWO}} if operator else {})


async def test_an_emptied_store_is_doubted_by_the_first_bot_that_checks(fake_redis: redis.asyncio.Redis) -> None:
    """The scheduler and commands refresh the watches too, and more often than the heartbeat."""
    async with whole(fake_redis, operator=OPERATOR) as world:
        await world.bot.watch(ONE, TWO)
        await world.bot.poll(40)
        await fake_redis.flushall()
        for lookups in (world.bot.repository.refresh_watches, world.bot.repository.catch_up):
            with pytest.raises(StoreRolledBack):
                await lookups()
        await world.bot.poll(40)
        assert_one_notice_each(world)


async def test_one_of_two_bots_announces_the_loss(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis, operator=OPERATOR) as first:
        await first.bot.watch(ONE, TWO)
        await first.bot.poll(20)
        async with whole(fake_redis, operator=OPERATOR, before=first.bot, chat=first.chat) as second:
            await second.bot.poll(20)
            await fake_redis.flushall()
            for _ in range(4):
                await first.bot.poll(10)
                await second.bot.poll(10)
        assert_one_notice_each(first)


async def test_recovery_completes_even_if_the_store_goes_away_midway(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis, operator=OPERATOR) as world:
        await world.bot.watch(ONE, TWO)
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(40)
        await fake_redis.flushall()
        for method in ("records", "save_catalogue", "tell"):
            world.bot.store.away_once(method)
        for _ in range(5):
            with suppress(StoreAway):
                await world.bot.heartbeat.beat()
        await world.bot.poll(40)
        assert_one_notice_each(world)


# --- a store that was emptied while no bot ran ------------------------------------------------------------------------


class Whereabouts:
    """The channels that the bot is in. `away` counts the calls that Slack fails to answer."""

    def __init__(self, *channels: ChannelId, away: int = 0) -> None:
        self._channels = channels
        self._away = away
        self.queries = 0

    async def memberships(self) -> tuple[ChannelId, ...]:
        self.queries += 1
        if self.queries <= self._away:
            raise ChatAway("no answer")
        return self._channels


@pytest.mark.parametrize("away", [0, 3])
async def test_a_store_emptied_while_no_bot_ran_is_reported_and_a_failure_gets_a_new_card(
    fake_redis: redis.asyncio.Redis, away: int
) -> None:
    chat, where = FakeChat(), Whereabouts(ALERTS, OPERATOR, away=away)
    async with whole(fake_redis, operator=OPERATOR, chat=chat) as first:
        await first.bot.watch(ONE)
        first.bot.api.statuses[ONE] = FAILED
        await first.bot.poll(20)
    await fake_redis.flushall()
    async with whole(fake_redis, operator=OPERATOR, chat=chat, before=first.bot, memberships=where) as second:
        await second.bot.poll(20)
        (notice,) = second.notices(NoticeKind.EMPTY)
        assert notice.channels == (ALERTS,)
        assert [row.receiver.id for row, content, _ in chat.posts if content is notice] == [OPERATOR]
        assert (await second.bot.store.last_heartbeat()).doubt_since is None
        await second.bot.watch(ONE)
        await second.bot.poll(40)
        assert len(second.posted()) == 2
        assert not chat.updates
    async with whole(fake_redis, operator=OPERATOR, chat=chat, before=first.bot, memberships=where) as third:
        await third.bot.poll(20)
        assert len(third.notices(NoticeKind.EMPTY)) == 1
    assert where.queries == away + 1


async def test_a_possible_first_start_is_not_logged_as_an_error(fake_redis: redis.asyncio.Redis) -> None:
    with capture_logs() as logs:
        async with whole(fake_redis, operator=OPERATOR, memberships=Whereabouts(ALERTS)) as world:
            await world.bot.poll(20)
    assert [entry["log_level"] for entry in logs if entry["event"] == "store_empty"] == ["warning"]
    assert {entry["log_level"] for entry in logs} <= {"info", "warning"}


@pytest.mark.parametrize(
    ("operator", "where", "queries"),
    [(OPERATOR, Whereabouts(), 1), (OPERATOR, Whereabouts(OPERATOR), 1), (None, Whereabouts(ALERTS), 0)],
    ids=["in no channel", "in the operator's only", "nobody to tell"],
)
async def test_a_true_first_start_announces_nothing(
    fake_redis: redis.asyncio.Redis, operator: ChannelId | None, where: Whereabouts, queries: int
) -> None:
    async with whole(fake_redis, operator=operator, memberships=where) as world:
        await world.bot.poll(20)
        assert world.notices(NoticeKind.EMPTY) == []
        beat = await world.bot.store.last_heartbeat()
    assert beat.last_at is not None
    assert beat.doubt_since is None
    assert where.queries == queries


async def test_a_store_emptied_under_a_running_bot_is_announced_only_as_emptied(
    fake_redis: redis.asyncio.Redis,
) -> None:
    where = Whereabouts(OPERATOR)
    async with whole(fake_redis, operator=OPERATOR, memberships=where) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(20)
        where._channels = (ALERTS,)
        await fake_redis.flushall()
        await world.bot.poll(20)
        assert len(world.notices(NoticeKind.ROLLED_BACK)) == 2  # one for the channel and one for the operator
        assert world.notices(NoticeKind.EMPTY) == []


async def test_a_leadership_acquired_during_an_outage_starts_completely(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis) as first:
        await first.bot.watch(ONE, TWO)
        await first.bot.poll(20)
        await first.bot.leadership.release()
    async with whole(fake_redis, before=first.bot, chat=first.chat) as second:
        await second.bot.leadership.release()
        second.bot.scheduler.epoch = 0  # like a standby bot
        second.bot.store.away_once("last_heartbeat")
        with pytest.raises(StoreAway):
            await second.bot.heartbeat.beat()
        second.bot.api.statuses[ONE] = FAILED
        await second.bot.poll(40)
        assert len(second.posted()) == 1


async def test_a_long_absence_is_announced_with_the_changes_it_missed(fake_redis: redis.asyncio.Redis) -> None:
    chat = FakeChat()
    async with whole(fake_redis, operator=OPERATOR, chat=chat) as first:
        await first.bot.watch(ONE, TWO)
        await first.bot.poll(20)
    first.bot.api.statuses[ONE] = FAILED
    await first.bot.clock.pass_time(1800)
    async with whole(fake_redis, operator=OPERATOR, chat=chat, before=first.bot) as second:
        await second.bot.poll(30)
        (notice,) = second.notices(NoticeKind.BLIND)
        assert notice.since is not None
        assert (notice.at - notice.since).total_seconds() > 1800
        (missed,) = notice.missed
        assert missed.pipeline.id == ONE
        assert missed.counts == {Event.FAILED: 1}
        await second.bot.poll(60)
        assert len(second.notices(NoticeKind.BLIND)) == 1


async def test_an_absence_notice_states_its_times_and_its_changes(fake_redis: redis.asyncio.Redis) -> None:
    chat = FakeChat()
    async with whole(fake_redis, operator=OPERATOR, chat=chat) as first:
        await first.bot.watch(ONE, TWO)
        await first.bot.poll(20)
    last_sign = (await first.bot.store.last_heartbeat()).last_at
    assert last_sign is not None
    first.bot.api.statuses[ONE] = FAILED
    first.bot.api.statuses[TWO] = Unavailable("no answer within 5 s")
    await first.bot.clock.pass_time(30 * 3600)
    async with whole(fake_redis, operator=OPERATOR, chat=chat, before=first.bot) as second:
        await second.bot.poll(150)
    row, notice = next((row, content) for row, content, _ in chat.posts if content in second.notices(NoticeKind.BLIND))
    assert row.receiver.id == OPERATOR
    text = LOOK.content(notice, row, second.bot.clock.now()).text
    assert "I couldn't watch any pipelines for 1 day 6 h, " in text
    assert "2026-11-23 12:00" in text
    assert "2026-11-24 18:0" in text  # with its date, because the day changed
    assert "I may have missed changes that began and ended in that time. These have changed:" in text
    assert "pipe_0001 failed · last seen FAILED" in text
    assert "are unchanged" not in text


async def test_a_channel_learns_only_of_changes_to_its_own_pipelines(fake_redis: redis.asyncio.Redis) -> None:
    chat = FakeChat()
    three = PipelineId("pipe_0003")
    async with whole(fake_redis, count=3, chat=chat) as first:
        await first.bot.watch(ONE)
        await first.bot.watch(TWO, three, channel=OTHER)
        await first.bot.poll(20)
    first.bot.api.statuses |= {ONE: FAILED, TWO: FAILED}
    hangs = asyncio.Event()
    first.bot.api.gate = lambda pipeline: hangs if pipeline == three else None
    await first.bot.clock.pass_time(1800)
    async with whole(fake_redis, chat=chat, before=first.bot) as second:
        await second.bot.poll(150)
        rows = [(row, content) for row, content, _ in chat.posts if content in second.notices(NoticeKind.BLIND)]
        hangs.set()
    by_channel = {
        row.receiver.id: ([entry.pipeline.id for entry in notice.missed], notice.unread) for row, notice in rows
    }
    assert by_channel == {ALERTS: ([ONE], 0), OTHER: ([TWO], 1)}


@pytest.mark.parametrize(
    ("unread", "words"),
    [
        (0, "All of them are unchanged."),
        (1, "The ones I've read since are unchanged.\nI couldn't read 1 pipeline yet"),
    ],
)
def test_a_failed_read_claims_nothing(unread: int, words: str) -> None:
    notice = Notice(kind=NoticeKind.BLIND, at=at(1800), since=at(0), unread=unread)
    assert words in LOOK.content(notice, a_delivery(), at(1800)).text


# --- a card that comes late ------------------------------------------------------------------------------------------


def footnote(chat: FakeChat, world: Whole, channel: ChannelId = ALERTS) -> str:
    row, card = next(
        (row, card) for row, card, _ in chat.posts if isinstance(card, Card) and row.receiver.id == channel
    )
    text = LOOK.content(card, row, world.bot.clock.now()).text
    return next(line for line in text.splitlines() if line.startswith("Late by "))


SLOWED = Refused(kind=RefusalKind.RATE_LIMITED, error="ratelimited", retry_after=timedelta(seconds=90))


async def test_a_card_delayed_by_slack_says_when_it_was_read_and_delivered_and_why(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(20)
        await world.bot.clock.pass_time(40)  # the previous reading is over half a minute old
        world.bot.api.statuses[ONE] = FAILED
        world.chat.answers = [(SLOWED, False)]
        await world.bot.poll(120)
        text = footnote(world.chat, world)
    assert re.fullmatch(
        r"Late by [\dmins ]+: happened after <!date[^>]*>, read at <!date[^>]*>, posted at <!date[^>]*>, "
        r"because Slack asked me to wait \(429\)\.",
        text,
    )


async def test_a_card_behind_a_delayed_card_says_so_too(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.watch(TWO, channel=OTHER)
        await world.bot.poll(20)
        world.bot.api.statuses[ONE] = FAILED
        world.chat.answers = [(SLOWED, False)]
        await world.bot.poll(20)
        world.bot.api.statuses[TWO] = FAILED
        await world.bot.poll(120)
        assert "because Slack asked me to wait (429)." in footnote(world.chat, world, OTHER)


async def test_a_short_absence_is_not_announced(fake_redis: redis.asyncio.Redis) -> None:
    chat = FakeChat()
    async with whole(fake_redis, operator=OPERATOR, chat=chat) as first:
        await first.bot.watch(ONE)
        await first.bot.poll(20)
    await first.bot.clock.pass_time(60)
    async with whole(fake_redis, operator=OPERATOR, chat=chat, before=first.bot) as second:
        await second.bot.poll(60)
        assert second.notices(NoticeKind.BLIND) == []


async def test_a_process_that_stood_still_announces_it(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis, operator=OPERATOR) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(20)
        await world.bot.clock.pass_time(900)
        await world.bot.poll(60)
        assert len(world.notices(NoticeKind.BLIND)) == 1


async def test_the_fallback_receives_news_of_a_suspended_channel_until_it_resumes(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis, fallback=FALLBACK) as world:
        await world.bot.watch(ONE, TWO)
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(20)
        await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.ARCHIVED)
        await world.bot.poll(10)
        (notice,) = world.notices(NoticeKind.SUSPENDED)
        assert notice.instead == FALLBACK
        cards = [(row.receiver.id, content) for row, content, _ in world.chat.posts if isinstance(content, Card)]
        where = [(channel, card.pipeline.id) for channel, card in cards]
        assert where == [(ALERTS, ONE), (FALLBACK, ONE)]  # current failures open there at once
        world.bot.api.statuses[TWO] = FAILED
        await world.bot.poll(20)
        assert world.chat.posts[-1][0].receiver.id == FALLBACK
        await world.suspensions.resume(in_slack(TEAM, ALERTS))
        world.bot.api.statuses[TWO] = LIVE
        await world.bot.poll(40)
        assert {delivery.receiver.id for delivery, _, _ in world.chat.posts} == {
            ALERTS,
            FALLBACK,
            ChannelId(f"D{ANN}"),
        }
        assert (await world.bot.store.watches()).suspended == {}
