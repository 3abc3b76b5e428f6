"""A group of failures that outgrows one message: totals, and acknowledgements of single members."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
import redis.asyncio

from bot.delivery.choose_next import LaneSnapshot
from bot.domain.answer import AcknowledgeAllAnswer, AcknowledgeAnswer, AcknowledgeFate
from bot.domain.card import Group, Notice, SyncCard, SyncGroup, TimelineBatch
from bot.domain.delivery import Lane, LaneKind, RefusalKind, Refused, in_slack
from bot.domain.grouping import regroup
from bot.domain.phase import Phase
from bot.domain.watch import ChannelId
from bot.ports.outbox import DeliveryResult, ResultKind
from bot.ports.pipeline_api import Status
from bot.ports.rate_limits import Method
from bot.slack.outbound.limits import SLACK_LIMITS
from bot.slack.render.renderer import Renderer
from bot.store.lanes import LEASE_SECONDS
from tests.builders import ALERTS, ANN, TEAM, a_delivery, at
from tests.fakes import FakeChat, FakeClock, settle
from tests.service.test_dispatcher import acknowledge, announce, change, fail, group, sending
from tests.service.test_heartbeat import whole
from tests.service.test_poller import FAILED
from tests.stores import WholeStore, pages

WAIT = timedelta(seconds=10)  # all failures still wait for delivery
RUNNING = Status(phase=Phase.RUNNING, replicas=1, ready=1)
LOOK = Renderer(command="/pipeline", platform_url="https://goldrush.dev/platform/")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def chat() -> FakeChat:
    return FakeChat()


@pytest.fixture
def store(fake_redis: redis.asyncio.Redis, clock: FakeClock) -> WholeStore:
    return WholeStore(fake_redis, TEAM, clock)


def heads(chat: FakeChat) -> list[str]:
    """Returns the current heading of each group message, in order of posting."""
    last = {delivery.id: content for delivery, content, _ in chat.posts if isinstance(content, Group)}
    for _, content, _ in chat.updates:
        if isinstance(content, Group):
            last[content.key] = content
    texts = [LOOK.content(content, a_delivery(), at(0)).text.split("\n")[0] for content in last.values()]
    return [
        text.replace("have failed", "failed at once") for text in texts
    ]  # the first reading already shows the failures


async def test_each_message_of_a_group_states_the_total(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
    await group(store, 70)
    async with sending(store, chat, clock):
        await clock.pass_time(6)
    assert heads(chat) == [
        "70 pipelines failed at once, 30 of them in this message",
        "30 more pipelines failed, 70 in all",
        "10 more pipelines failed, 70 in all",
    ]


async def test_three_hundred_are_one_group(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
    await group(store, 300)
    async with sending(store, chat, clock):
        await clock.pass_time(20)
    first, *others = heads(chat)
    assert first == "300 pipelines failed at once, 30 of them in this message"
    assert others == ["30 more pipelines failed, 300 in all"] * 9


async def test_a_worker_whose_lease_runs_short_while_it_reads_the_burst_makes_no_call(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    """The lane's next owner could post the same message before the call of this worker arrives."""

    async def slow() -> None:
        del store.first["burst_of"]
        clock.seconds += LEASE_SECONDS - 1

    await group(store, 3)
    store.first["burst_of"] = slow
    async with sending(store, chat, clock):
        await settle()
        assert chat.posts == []
        await clock.pass_time(10)
    assert len(chat.posts) == 1
    assert chat.lookups > 0  # the next owner first looked whether the message was posted


async def test_a_growing_group_updates_the_count_in_its_posted_messages(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    await group(store, 3)
    async with sending(store, chat, clock):
        await clock.pass_time(5)
    assert heads(chat) == ["3 pipelines failed at once"]
    for number in (11, 12, 13, 14):
        await fail(store, number)
    async with sending(store, chat, clock):
        await clock.pass_time(10)
    assert heads(chat) == [
        "7 pipelines failed at once, 3 of them in this message",
        "4 more pipelines failed, 7 in all",
    ]
    assert len(chat.posts) == 2
    assert await store.lanes_with_work() == ()


async def form_groups(store: WholeStore) -> None:
    """As a worker does that has to wait for the rate limits before it posts."""
    lane = pages(ALERTS)
    lease = await store.leased(lane)
    snapshot = await LaneSnapshot.read(store, store, lane)
    while grouping := regroup(snapshot.backlog(None, service_away=False)):
        assert await store.regroup(grouping, lane, lease)
        snapshot = snapshot.after(grouping) or await LaneSnapshot.read(store, store, lane)
    await store.release(lease)


async def test_a_failure_joining_a_waiting_group_updates_the_count_in_posted_messages(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    await group(store, 3)
    async with sending(store, chat, clock):
        await clock.pass_time(5)
    for number in (11, 12, 13):
        await fail(store, number)
    await form_groups(store)
    await end_updates(store)  # the first message already counts six
    await fail(store, 14)
    async with sending(store, chat, clock):
        await clock.pass_time(10)
    assert heads(chat) == [
        "7 pipelines failed at once, 3 of them in this message",
        "4 more pipelines failed, 7 in all",
    ]


async def end_updates(store: WholeStore) -> None:
    lane = Lane(LaneKind.FEED, in_slack(TEAM, ALERTS))
    lease = await store.leased(lane)
    rows = await store.deliveries(lane)
    assert [row.body for row in rows] == [SyncGroup(rows[0].id, grown=True)]
    result = DeliveryResult(kind=ResultKind.UNCHANGED, redraw=rows[0].message, shown={})
    assert await store.settle(rows[0], lease, result)
    await store.release(lease)


async def test_a_group_growing_during_an_update_of_a_message_updates_it_again(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    """The update under way keeps the next one out of the outbox: both have the same id."""

    async def grow() -> None:
        if chat.updates:
            del store.first["settle"]
            for number in (21, 22, 23, 24):
                await fail(store, number)
            await form_groups(store)

    await group(store, 3)
    async with sending(store, chat, clock):
        await clock.pass_time(5)
    for number in (11, 12, 13):
        await fail(store, number)
    store.first["settle"] = grow
    async with sending(store, chat, clock):
        await clock.pass_time(30)
    assert heads(chat) == [
        "10 pipelines failed at once, 3 of them in this message",
        "3 more pipelines failed, 10 in all",
        "4 more pipelines failed, 10 in all",
    ]
    assert await store.lanes_with_work() == ()


async def test_failures_after_a_quiet_period_form_a_new_group(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    await group(store, 3)
    async with sending(store, chat, clock):
        await clock.pass_time(601)
    for number in (11, 12, 13):
        await fail(store, number)
    async with sending(store, chat, clock):
        await clock.pass_time(10)
    assert heads(chat) == ["3 pipelines failed at once"] * 2
    assert chat.updates == []


async def test_the_end_of_a_group_is_reported_even_if_members_recover_one_by_one(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    await group(store, 4)
    async with sending(store, chat, clock):
        await clock.pass_time(6)
        for number in range(1, 5):
            await change(store, number, 10 * number)
            await clock.pass_time(10)
    ends = [(delivery, content) for delivery, content, _ in chat.posts if isinstance(content, TimelineBatch)]
    texts = [LOOK.content(content, delivery, delivery.message.made_at).text for delivery, content in ends]
    assert [content.broadcast for _, content in ends] == [False, False, False, True]
    assert texts[0].startswith("orders-1 recovered after ")
    assert texts[-1] == "All 4 pipelines have recovered, the last after at least 36 s: orders-4"


async def test_an_update_of_a_posted_message_is_not_late(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
    await group(store, 3)
    async with sending(store, chat, clock):
        await clock.pass_time(300)
        await change(store, 1, 10)  # the reading is minutes old
        await clock.pass_time(10)
    (delivery, content, _) = chat.updates[-1]
    assert "late" not in LOOK.content(content, delivery, clock.now()).text


async def test_acknowledging_one_member_leaves_the_others_open(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis, 4) as world:
        world.bot.api.statuses |= dict.fromkeys(world.bot.api.statuses, FAILED)
        world.chat.answers = [(Refused(kind=RefusalKind.RATE_LIMITED, error="ratelimited", retry_after=WAIT), False)]
        await world.bot.watch("*")
        await world.bot.catalogue.refresh()
        await world.bot.poll(20)
        (burst,) = [content for _, content, _ in world.chat.posts if isinstance(content, Group)]
        answer = world.bot.requests.acknowledgements.acknowledge_member
        chosen = burst.cards[1]
        done = await answer(ALERTS, chosen.key, ANN)
        assert isinstance(done, AcknowledgeAnswer)
        assert (done.fate, done.pipeline.id) == (AcknowledgeFate.ACKNOWLEDGED, chosen.pipeline.id)
        await world.bot.poll(5)
        shown = [content for _, content, _ in world.chat.updates if isinstance(content, Group)][-1]
        assert [card.key for card in shown.cards if card.episode.acknowledged] == [chosen.key]

        again = await answer(ALERTS, chosen.key, ANN)
        assert isinstance(again, AcknowledgeAnswer)
        assert again.fate is AcknowledgeFate.ALREADY_ACKNOWLEDGED
        world.bot.api.statuses[chosen.pipeline.id] = RUNNING
        await world.bot.poll(20)
        over = await answer(ALERTS, chosen.key, ANN)
        assert isinstance(over, AcknowledgeAnswer)
        assert over.fate is AcknowledgeFate.OVER
        assert await answer(ALERTS, "no such card", ANN) == AcknowledgeAllAnswer(acknowledged=0, known=0)


async def test_a_waiting_lane_is_read_again_only_before_it_sends(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    """Many lanes share the workspace's rate, so each of them waits far more often than it sends."""
    channels = [ChannelId(f"C0{number:02}") for number in range(10)]
    for number in range(70):
        await fail(store, number, *channels)
    reads = Counter[str]()

    async def count() -> None:
        reads["deliveries"] += 1

    store.first["deliveries"] = count
    slow = replace(SLACK_LIMITS, per_minute={**SLACK_LIMITS.per_minute, Method.POST: 30})
    async with sending(store, chat, clock, limits=slow):
        await clock.pass_time(50)
    posts = [content for _, content, _ in chat.posts]
    assert len(posts) == 30
    assert all(isinstance(content, Group) for content in posts)
    at_the_start_and_after_each_wait = 3 * len(channels)
    assert reads["deliveries"] <= len(posts) + at_the_start_and_after_each_wait


async def test_a_lane_that_waits_for_an_update_sends_a_new_card_at_once(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    await fail(store)
    slow = replace(SLACK_LIMITS, per_minute={**SLACK_LIMITS.per_minute, Method.UPDATE: 1})
    async with sending(store, chat, clock, limits=slow):
        await clock.pass_time(3)
        await acknowledge(store)  # an update, which has to wait
        await clock.pass_time(3)
        await announce(store, 1, ALERTS)
        await clock.pass_time(1.5)
        assert [type(content) for _, content, _ in chat.posts].count(Notice) == 1
        assert not chat.updates


@pytest.mark.parametrize("more", [1, 20])
async def test_a_worker_knows_the_lane_after_it_formed_a_group(store: WholeStore, more: int) -> None:
    lane = pages(ALERTS)
    lease = await store.leased(lane)
    await group(store, 40)
    formed = 0
    for first in (100, 200):
        snapshot = await LaneSnapshot.read(store, store, lane)
        while grouping := regroup(snapshot.backlog(None, service_away=False)):
            assert await store.regroup(grouping, lane, lease)
            after, read = snapshot.after(grouping), await LaneSnapshot.read(store, store, lane)
            assert after is not None
            formed += 1
            assert (after.rows, dict(after.groups)) == (read.rows, dict(read.groups))
            assert {
                row.id: after.cards.get(row.id) for row in after.rows if isinstance(row.body, SyncCard)
            } == read.cards
            snapshot = after
        for number in range(first, first + more):
            await fail(store, number)
    assert formed >= 3
