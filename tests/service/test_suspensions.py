"""Suspended channels lose no delivery. Their backlog stays bounded and keeps its order until they resume."""

import asyncio
import itertools

import pytest
import redis.asyncio

from bot.delivery.suspensions import Suspensions
from bot.domain.alias import IdChange
from bot.domain.card import Card
from bot.domain.delivery import RefusalKind, Refused, in_slack
from bot.domain.notice import Notice, NoticeKind
from bot.domain.watch import ChannelId, SuspendReason, UserId
from bot.ports.chat import ChatAway
from bot.ports.store_errors import StoreAway
from bot.slack.permissions import Asker
from bot.slack.render.renderer import Renderer
from bot.slack.router import Router
from bot.state.repository import Repository
from tests.builders import ALERTS, ANN, TEAM, a_watch
from tests.contract.test_store import an_announcement
from tests.permissions import services_of
from tests.service.test_heartbeat import FALLBACK, Whole, whole
from tests.service.test_poller import FAILED, LIVE, ONE, OTHER, TWO
from tests.stores import WholeStore

BOB = UserId("U0BOB")
NOWHERE = "http://127.0.0.1:1/api/"
LOOK = Renderer(command="/pipeline", platform_url="https://goldrush.dev/platform/")
ARCHIVED = Refused(kind=RefusalKind.CHANNEL, error="is_archived", suspend=SuspendReason.ARCHIVED)
NOT_FOUND = Refused(kind=RefusalKind.CHANNEL, error="channel_not_found", suspend=SuspendReason.NOT_FOUND)
READ_ONLY = Refused(
    kind=RefusalKind.CHANNEL, error="restricted_action_read_only_channel", suspend=SuspendReason.RESTRICTED
)


def posted_in(world: Whole, channel: ChannelId) -> list[str]:
    """Returns the texts posted in the channel, cards and replies, in order."""
    posts = [(row, content) for row, content, _ in world.chat.posts if row.receiver.id == channel]
    return [
        LOOK.content(content, row, row.message.made_at).text
        for row, content in posts
        if not isinstance(content, Notice)
    ]


async def flap(world: Whole, times: int) -> None:
    for status in itertools.islice(itertools.cycle((FAILED, LIVE)), times):
        for pipeline in (ONE, TWO):
            world.bot.api.statuses[pipeline] = status
        await world.bot.poll(20)


async def test_a_suspended_channels_deliveries_go_out_in_order_on_resume(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(20)
        world.chat.answers = [(ARCHIVED, False)]
        for status in (FAILED, LIVE, FAILED):
            world.bot.api.statuses[ONE] = status
            await world.bot.poll(20)
        assert posted_in(world, ALERTS) == []
        assert len(world.notices(NoticeKind.SUSPENDED)) == 1
        owed = await world.bot.store.owed(ALERTS)
        assert owed
        await world.suspensions.resume(in_slack(TEAM, ALERTS))
        await world.bot.poll(60)
        card, end, again = posted_in(world, ALERTS)
        assert "pipe_0001 failed again" in card
        assert "Since" in card
        assert end.startswith("recovered after ")  # only in the thread: a broadcast would name the pipeline
        assert again.startswith("failed again, ")
        assert [row.id for row in await world.bot.store.owed(ALERTS)] == []


async def test_a_suspended_channels_backlog_stays_bounded(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE, TWO)
        await world.bot.poll(20)
        await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.ARCHIVED)
        sizes = []
        for _ in range(4):
            await flap(world, 20)
            await world.bot.poll(31)
            sizes.append(len(await world.bot.store.owed(ALERTS)))
        assert max(sizes) < 30
        assert sizes[-1] <= sizes[0] + 4
        await world.suspensions.resume(in_slack(TEAM, ALERTS))
        await world.bot.poll(120)
        assert await world.bot.store.owed(ALERTS) == ()
        assert len(posted_in(world, ALERTS)) < 30


async def test_other_channels_receive_everything_meanwhile(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.watch(ONE, channel=OTHER)
        await world.bot.poll(20)
        await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.ARCHIVED)
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(20)
        assert len(posted_in(world, OTHER)) == 1
        assert posted_in(world, ALERTS) == []


async def test_a_second_refusal_after_resume_does_not_notify_the_maker_again(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(10)  # no delivery may go out between resume and suspension
        await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.RESTRICTED)
        await world.suspensions.resume(in_slack(TEAM, ALERTS))
        await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.RESTRICTED)
        await world.bot.poll(10)
        assert len(world.notices(NoticeKind.SUSPENDED)) == 1
        await world.suspensions.resume(in_slack(TEAM, ALERTS))
        await world.suspensions.suspend(
            in_slack(TEAM, ALERTS), SuspendReason.ARCHIVED
        )  # another reason does notify the maker
        await world.bot.poll(10)
        assert len(world.notices(NoticeKind.SUSPENDED)) == 2


@pytest.mark.parametrize("command", ["", "status", "watches"])
async def test_a_command_in_a_suspended_channel_tries_it_at_once(fake_redis: redis.asyncio.Redis, command: str) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(20)
        clock = world.bot.clock
        router = Router(services_of(world.bot.requests, clock))
        world.chat.answers = [(READ_ONLY, False)]
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(20)
        for answers in ([(READ_ONLY, False)], []):  # still read-only at first, then writable
            world.chat.answers = [*answers]
            assert (await world.bot.store.watches()).suspended == {ALERTS: SuspendReason.RESTRICTED}
            reply = await router.typed(command, Asker(user=ANN, channel=ALERTS)).run()
            assert reply
            assert "I couldn't post here" in reply.message.text
            assert (await world.bot.store.watches()).suspended == {}
            await world.bot.poll(10)
        assert len(posted_in(world, ALERTS)) == 1
        assert len(world.notices(NoticeKind.SUSPENDED)) == 1  # its maker gets one notice


def another_bots(world: Whole) -> Suspensions:
    """Returns the suspensions of a bot that knows only the contents of Redis: another bot or a restarted one."""
    store = WholeStore(world.bot.store._redis, TEAM, world.bot.clock)
    return Suspensions(
        store=store,
        repository=Repository(store, asyncio.Event()),
        conversations=world.chat,
        clock=world.bot.clock,
        wake=asyncio.Event(),
        fallback=None,
    )


async def test_the_daily_trial_of_a_read_only_channel_notifies_nobody_again(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(10)
        await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.RESTRICTED)
        for _ in range(3):
            await world.bot.clock.pass_time(1)
            await world.suspensions.resume(in_slack(TEAM, ALERTS))
            await another_bots(world).suspend(in_slack(TEAM, ALERTS), SuspendReason.RESTRICTED)
            await another_bots(world).resume(in_slack(TEAM, ALERTS))
            await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.RESTRICTED)
        await world.bot.poll(10)
        assert len(world.notices(NoticeKind.SUSPENDED)) == 1


async def test_a_suspension_after_a_delivered_message_notifies_the_maker_again(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(10)
        await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.RESTRICTED)
        await world.suspensions.resume(in_slack(TEAM, ALERTS))
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(20)
        assert len(posted_in(world, ALERTS)) == 1
        await another_bots(world).suspend(in_slack(TEAM, ALERTS), SuspendReason.RESTRICTED)
        await world.bot.poll(10)
        assert len(world.notices(NoticeKind.SUSPENDED)) == 2


async def test_a_new_watch_in_a_suspended_channel_notifies_its_maker(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis) as world:
        for reference in (ONE, TWO):
            world.chat.answers = [(READ_ONLY, False)]
            await world.bot.watch(reference)
            await world.bot.poll(10)
        assert len(world.notices(NoticeKind.SUSPENDED)) == 2


async def test_notified_makers_are_remembered_when_the_store_goes_away(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(10)
        await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.RESTRICTED)
        await world.suspensions.resume(in_slack(TEAM, ALERTS))
        world.bot.store.away_once("suspend")
        with pytest.raises(StoreAway):
            await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.RESTRICTED)
        await world.bot.clock.pass_time(1)
        await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.RESTRICTED)
        await world.bot.poll(10)
        assert len(world.notices(NoticeKind.SUSPENDED)) == 1


async def test_a_suspended_fallback_is_not_named(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis, fallback=FALLBACK) as world:
        await world.bot.watch(ONE)
        await world.suspensions.suspend(in_slack(TEAM, FALLBACK), SuspendReason.ARCHIVED)
        await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.ARCHIVED)
        await world.bot.poll(10)
        (notice,) = world.notices(NoticeKind.SUSPENDED)
        assert notice.instead is None
        assert "hears" not in LOOK.content(notice, world.chat.posts[0][0], notice.at).text


async def test_a_maker_without_a_direct_channel_is_notified_later(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(20)
        requested: list[UserId] = []

        async def away(user: UserId) -> ChannelId | None:
            requested.append(user)
            if len(requested) < 3:
                raise ChatAway("no answer")
            return ChannelId(f"D{ANN}")

        world.chat.opens = away
        world.chat.answers = [(ARCHIVED, False)] * 3
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(60)
        assert len(world.notices(NoticeKind.SUSPENDED)) == 1
        assert (await world.bot.store.watches()).suspended == {ALERTS: SuspendReason.ARCHIVED}


async def test_a_channel_whose_makers_are_unreachable_is_tried_less_and_less_often(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(20)
        tries: list[float] = []

        async def away(user: UserId) -> ChannelId | None:
            tries.append(world.bot.clock.seconds)
            raise ChatAway("ratelimited")

        world.chat.opens = away
        world.chat.answers = [(ARCHIVED, False)] * 99
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(62)
        assert 5 < len(tries) < 15
        world.chat.opens = None
        world.chat.answers = [(ARCHIVED, False)]
        await world.bot.poll(6)
        assert (await world.bot.store.watches()).suspended == {ALERTS: SuspendReason.ARCHIVED}
        await world.suspensions.resume(in_slack(TEAM, ALERTS))
        await world.bot.poll(6)
        assert len(posted_in(world, ALERTS)) == 1


async def test_a_maker_who_joins_during_the_suspension_is_notified_too(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)

        async def meanwhile(user: UserId) -> ChannelId | None:
            world.chat.opens = None
            await world.bot.store.add_watches([a_watch(TWO, made_by=BOB)], an_announcement("Bob's"))
            return ChannelId(f"D{user}")

        world.chat.opens = meanwhile
        await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.RESTRICTED)
        assert (await world.bot.store.watches()).suspended == {ALERTS: SuspendReason.RESTRICTED}
        await world.bot.poll(10)
        assert {watch.made_by for notice in world.notices(NoticeKind.SUSPENDED) for watch in notice.watches} == {
            ANN,
            BOB,
        }


async def test_endless_new_watches_only_postpone_the_suspension(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        numbers = itertools.count()

        async def meanwhile(user: UserId) -> ChannelId | None:
            watch = a_watch(f"another-{(number := next(numbers))}", made_by=UserId(f"U{number}"))
            await world.bot.store.add_watches([watch], an_announcement(f"another {number}"))
            return ChannelId(f"D{user}")

        world.chat.opens = meanwhile
        with pytest.raises(StoreAway):
            await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.RESTRICTED)
        world.chat.opens = None
        assert (await world.bot.store.watches()).suspended == {}
        await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.RESTRICTED)
        assert (await world.bot.store.watches()).suspended == {ALERTS: SuspendReason.RESTRICTED}


@pytest.mark.parametrize("opens", [False, True], ids=["their maker is there", "their maker has left"])
async def test_many_channels_are_suspended_at_once_without_reading_all_watches(
    fake_redis: redis.asyncio.Redis, *, opens: bool
) -> None:
    async with whole(fake_redis) as world:
        names = [ChannelId(f"C{number:04}") for number in range(40)]
        for name in names:
            await world.bot.store.add_watches([a_watch(channel=name)], an_announcement(name, name))
        requested: list[UserId] = []

        async def direct(user: UserId) -> ChannelId | None:
            requested.append(user)
            await asyncio.sleep(0)
            return None if opens else ChannelId("D0ANN")

        async def read_all() -> None:
            raise AssertionError("100,000 watches take seconds")

        world.chat.opens = direct
        world.bot.store.first["watches"] = read_all
        await asyncio.gather(
            *(world.suspensions.suspend(in_slack(TEAM, name), SuspendReason.RESTRICTED) for name in names)
        )
        world.bot.store.first.clear()
        assert len(requested) == 40
        assert (await world.bot.store.watches()).suspended.keys() == set(names)


@pytest.mark.parametrize("later", [False, True])
async def test_a_message_late_after_a_suspension_says_so(fake_redis: redis.asyncio.Redis, *, later: bool) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(20)
        if later:
            await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.ARCHIVED)
        else:
            world.chat.answers = [(ARCHIVED, False)]
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(120)
        await world.suspensions.resume(in_slack(TEAM, ALERTS))
        await world.bot.poll(20)
        (row, card) = next((row, card) for row, card, _ in world.chat.posts if isinstance(card, Card))
        text = LOOK.content(card, row, world.bot.clock.now()).text
        assert "because I couldn't post here." in text


async def test_messages_refused_under_an_old_id_go_out_once_slack_announces_the_new_one(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(20)
        world.chat.answers = [(NOT_FOUND, False)]
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(20)
        assert (await world.bot.store.watches()).suspended == {ALERTS: SuspendReason.NOT_FOUND}
        await world.bot.store.change_ids([IdChange(ALERTS, ChannelId("C0NEW"), "1.0")])
        await world.bot.poll(2)
        assert (await world.bot.store.watches()).suspended == {}
        (text,) = posted_in(world, ALERTS)
        assert "pipe_0001 failed" in text
