"""The dispatcher over an in-memory store, an in-memory Slack and a fake clock."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import redis.asyncio

from bot.coordination.leadership import Leadership
from bot.delivery.dispatcher import Dispatcher
from bot.delivery.doubt import Doubt
from bot.delivery.lane_services import LaneServices
from bot.delivery.suspensions import Suspensions
from bot.domain.card import Card, Group, ThreadEntry, TimelineBatch
from bot.domain.delivery import (
    Absent,
    AttemptState,
    Found,
    RefusalKind,
    Refused,
    Unknown,
    Unreadable,
)
from bot.domain.episode import Acknowledgement
from bot.domain.notice import Notice, NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.page_plan import plan_acknowledgement
from bot.domain.phase import Phase
from bot.domain.plan import Record, plan_reading
from bot.domain.watch import ChannelId, SuspendReason
from bot.ports.lease_store import ACTIVE_SENDER
from bot.ports.rate_limits import RateLimits
from bot.slack.outbound.limits import SLACK_LIMITS
from bot.state.repository import Repository
from tests.builders import ALERTS, ANN, ORDERS, TEAM, a_pipeline, a_routing, a_watch, an_observation, at, changed
from tests.carriers import by_slack
from tests.contract.test_store import an_announcement
from tests.fakes import FakeChat, FakeClock
from tests.stores import WholeStore, pages

OTHER = ChannelId("C0OTHER")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def chat() -> FakeChat:
    return FakeChat()


@pytest.fixture
def store(fake_redis: redis.asyncio.Redis, clock: FakeClock) -> WholeStore:
    return WholeStore(fake_redis, TEAM, clock)


@asynccontextmanager
async def sending(
    store: WholeStore,
    chat: FakeChat,
    clock: FakeClock,
    doubt: Doubt | None = None,
    *,
    limits: RateLimits = SLACK_LIMITS,
) -> AsyncIterator[None]:
    wake = asyncio.Event()
    suspensions = Suspensions(
        store=store, repository=Repository(store, wake), conversations=chat, clock=clock, wake=wake, fallback=None
    )
    around = LaneServices(
        store=store,
        clock=clock,
        doubt=doubt or Doubt(clock),
        sending_right=Leadership(store, clock, ACTIVE_SENDER),
        carriers=by_slack(chat, clock, suspensions, limits),
    )
    dispatcher = Dispatcher(around, wake)
    task = asyncio.create_task(dispatcher.run())
    yield
    dispatcher.stop()
    while not task.done():
        await clock.pass_time(1)
    await task


@pytest.fixture
def run(store: WholeStore, chat: FakeChat, clock: FakeClock) -> Callable[[float], "asyncio.Future[None]"]:
    """Runs a dispatcher for the given seconds, then stops it."""

    async def for_seconds(seconds: float) -> None:
        async with sending(store, chat, clock):
            await clock.pass_time(seconds)

    return lambda seconds: asyncio.ensure_future(for_seconds(seconds))


Run = Callable[[float], "asyncio.Future[None]"]


async def fail(store: WholeStore, number: int = 1, *channels: ChannelId) -> None:
    pipeline = a_pipeline(f"orders-{number}", pipeline_id=PipelineId(f"pipe_{number:04}"))
    record = Record(pipeline_id=pipeline.id)
    routing = a_routing(
        *(a_watch(pipeline.id, channel=channel) for channel in channels or (ALERTS,)), pipeline=pipeline
    )
    observation = an_observation(Phase.FAILED, number, ready=0, pipeline_id=pipeline.id)
    assert await store.commit(plan_reading(record, observation, routing), (await store.watches()).version)


async def announce(store: WholeStore, count: int, *channels: ChannelId) -> None:
    """Enqueues `count` unrelated messages for each channel."""
    for channel in channels:
        for number in range(count):
            watch = a_watch(f"pipe_{number}", channel=channel)
            assert await store.add_watches([watch], an_announcement(f"{channel} {number}", channel))


async def acknowledge(store: WholeStore) -> None:
    plan = plan_acknowledgement(await store.record(ORDERS), a_routing(), Acknowledgement(by=ANN, at=at(5)))
    assert plan is not None
    assert await store.commit(plan, 0)


async def idle(store: WholeStore) -> bool:
    return not await store.lanes_with_work()


async def test_a_failure_is_posted_then_updated_with_a_reply_in_its_thread(
    store: WholeStore, chat: FakeChat, run: Run
) -> None:
    await fail(store)
    await run(2)
    await acknowledge(store)
    await run(5)
    (card, content, _), (_, line, thread) = chat.posts
    assert isinstance(content, Card)
    assert isinstance(line, ThreadEntry)
    assert thread == chat.there[card.id]
    ((_, updated, ts),) = chat.updates
    assert isinstance(updated, Card)
    assert updated.episode.acknowledged
    assert ts == chat.there[card.id]
    assert await idle(store)


async def test_changes_before_the_first_post_are_one_message(store: WholeStore, chat: FakeChat, run: Run) -> None:
    await fail(store)
    await acknowledge(store)
    await run(5)
    assert [type(content) for _, content, _ in chat.posts] == [Card, ThreadEntry]
    assert chat.updates == []


async def test_each_channel_gets_one_message_a_second_independently(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    await announce(store, 5, ALERTS, OTHER)
    async with sending(store, chat, clock):
        counts = []
        for _ in range(6):
            await clock.pass_time(1)
            counts.append(len(chat.posts))
    assert counts[-1] == 10
    assert all(later - earlier <= 2 for earlier, later in itertools.pairwise(counts))
    assert counts[0] >= 2


@pytest.mark.parametrize("lands", [True, False])
async def test_an_unknown_outcome_is_looked_up_before_a_resend(
    store: WholeStore, chat: FakeChat, clock: FakeClock, *, lands: bool
) -> None:
    chat.answers = [(Unknown("timeout"), lands)]
    await fail(store)
    async with sending(store, chat, clock):
        await clock.pass_time(5)
        assert len(chat.posts) == lands  # too early: the first request may still land
        await clock.pass_time(80)
    assert len(chat.posts) == 1
    assert await idle(store)


async def test_a_delivery_left_by_a_killed_bot_is_looked_up_first(
    store: WholeStore, chat: FakeChat, clock: FakeClock, run: Run
) -> None:
    await fail(store)
    (row,) = await store.owed(ALERTS)
    lease = await store.leased(pages(ALERTS))
    await store.write(changed(row, state=AttemptState.SENDING, count=1, sent_at=clock.now()), lease)
    (card,) = (await store.cards([row.id])).values()
    chat.land("7.0", row, card.content)  # the first request had landed
    await store.release(lease)
    await run(30)
    assert chat.posts == []
    (card,) = (await store.cards([row.id])).values()
    assert card.message_id == "7.0"
    assert len(chat.updates) == 1  # redrawn, because the found message may show an older revision


async def test_the_later_of_two_messages_with_one_key_is_deleted(store: WholeStore, chat: FakeChat, run: Run) -> None:
    chat.answers = [(Unknown("reset"), True)]
    chat.results = [Found(("3.0", "4.0"))]
    await fail(store)
    await run(30)
    assert chat.deleted == ["4.0"]
    assert len(chat.posts) == 1


@pytest.mark.parametrize("keeps", [1, 2, 4])
async def test_a_duplicate_that_slack_keeps_is_deleted_at_a_later_lookup(
    store: WholeStore, chat: FakeChat, run: Run, keeps: int
) -> None:
    chat.answers = [(Unknown("reset"), True)]
    chat.results = [Found(("3.0", "4.0"))] * (keeps + 1)
    chat.keeps = keeps
    await fail(store)
    await run(30 + 70 * keeps)
    assert chat.deleted == ["4.0"]
    assert len(chat.posts) == 1


async def test_an_unreadable_history_leads_to_a_resend_that_says_so(
    store: WholeStore, chat: FakeChat, run: Run
) -> None:
    chat.answers = [(Unknown("timeout"), False)]
    chat.results = [Unreadable("missing_scope")] * 50
    await fail(store)
    await run(120)
    ((delivery, _, _),) = chat.posts
    assert delivery.attempt.possible_repeat


async def test_after_a_429_one_lookup_precedes_the_resend(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
    limited = Refused(kind=RefusalKind.RATE_LIMITED, error="ratelimited", retry_after=timedelta(seconds=30))
    chat.answers = [(limited, True)]  # Slack answered 429 but posted the message
    await fail(store)
    await fail(store, 2, OTHER)
    async with sending(store, chat, clock):
        await clock.pass_time(29)
        assert len(chat.posts) <= 2  # the limit covers the method in the whole workspace
        await clock.pass_time(20)
    assert len(chat.posts) == 2
    assert await idle(store)


async def test_a_refusing_channel_is_suspended_its_makers_notified_and_nothing_else_stops(
    store: WholeStore, chat: FakeChat, run: Run
) -> None:
    await store.add_watches([a_watch()], an_announcement())
    await run(2)
    chat.posts.clear()
    archived = Refused(kind=RefusalKind.CHANNEL, error="is_archived", suspend=SuspendReason.ARCHIVED)
    chat.answers = [(archived, False)]
    await fail(store)
    await run(5)
    await fail(store, 2, OTHER)
    await run(5)
    assert (await store.watches()).suspended == {ALERTS: SuspendReason.ARCHIVED}
    delivered = {delivery.receiver.id: content for delivery, content, _ in chat.posts}
    assert set(delivered) == {ChannelId(f"D{ANN}"), OTHER}
    notice = delivered[ChannelId(f"D{ANN}")]
    assert isinstance(notice, Notice)
    assert (notice.kind, notice.reason) == (NoticeKind.SUSPENDED, SuspendReason.ARCHIVED)
    await store.resume(ALERTS)
    await run(5)
    assert ALERTS in {delivery.receiver.id for delivery, _, _ in chat.posts}  # late, but delivered


async def test_blocks_that_slack_refuses_go_out_once_as_plain_text(store: WholeStore, chat: FakeChat, run: Run) -> None:
    invalid = Refused(kind=RefusalKind.CONTENT, error="invalid_blocks")
    chat.answers = [(invalid, False)]
    await fail(store)
    await run(5)
    ((delivery, _, _),) = chat.posts
    assert delivery.attempt.plain
    chat.answers = [(invalid, False), (invalid, False)]
    await fail(store, 2)
    await run(10)
    assert len(chat.posts) == 1
    assert await idle(store)


async def test_a_deleted_card_returns_with_the_next_change(store: WholeStore, chat: FakeChat, run: Run) -> None:
    await fail(store)
    await run(20)
    assert len(chat.posts) == 1  # without news the bot does not notice the deletion
    chat.answers = [(Refused(kind=RefusalKind.CARD_GONE, error="message_not_found"), False)]
    record = await store.record(ORDERS)
    assert await store.commit(plan_reading(record, an_observation(Phase.RUNNING, 9), a_routing()), 0)
    await run(10)
    (_, again, _), (_, end, _) = chat.posts[1:]
    assert isinstance(again, Card)
    assert not again.episode.open
    assert isinstance(end, ThreadEntry)
    assert end.broadcast
    assert await idle(store)


async def test_without_a_connection_the_message_is_tried_again(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    refused = Refused(kind=RefusalKind.NOT_SENT, error="no connection to Slack")
    chat.answers = [(refused, False)] * 3
    chat.results = [Absent()] * 9
    await fail(store)
    async with sending(store, chat, clock):
        await clock.pass_time(60)
    assert len(chat.posts) == 1
    assert len(chat.results) == 9  # nothing to look up


async def test_two_dispatchers_on_one_store_send_everything_once(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    await announce(store, 8, ALERTS, OTHER)
    async with sending(store, chat, clock), sending(store, chat, clock):
        await clock.pass_time(60)
    assert len(chat.posts) == 16
    assert len({delivery.id for delivery, _, _ in chat.posts}) == 16


# --- groups ----------------------------------------------------------------------------------------------------------


async def group(store: WholeStore, count: int) -> None:
    for number in range(1, count + 1):
        await fail(store, number)


async def change(store: WholeStore, number: int, read: int, phase: Phase = Phase.RUNNING) -> None:
    pipeline = a_pipeline(f"orders-{number}", pipeline_id=PipelineId(f"pipe_{number:04}"))
    routing = a_routing(a_watch(pipeline.id), pipeline=pipeline)
    observation = an_observation(phase, read, pipeline_id=pipeline.id)
    assert await store.commit(plan_reading(await store.record(pipeline.id), observation, routing), 0)


def groups(chat: FakeChat) -> list[set[str]]:
    """Returns the pipelines of each group message."""
    contents = [content for _, content, _ in chat.posts if isinstance(content, Group)]
    return [{card.pipeline.name for card in content.cards} for content in contents]


async def test_many_failures_at_once_are_one_message_that_lists_each(
    store: WholeStore, chat: FakeChat, run: Run
) -> None:
    await group(store, 70)
    await run(4)
    assert groups(chat) == [{f"orders-{number}" for number in range(1, 71)}]
    assert len(chat.posts) == 1
    assert await idle(store)


async def test_a_group_message_shows_its_members_and_broadcasts_its_end(
    store: WholeStore, chat: FakeChat, run: Run
) -> None:
    await group(store, 6)
    await run(2)
    for number in range(1, 6):
        await change(store, number, 100 + number)
    await run(5)
    (post, shown, _), (_, lines, thread) = chat.posts
    assert isinstance(shown, Group)
    assert isinstance(lines, TimelineBatch)
    assert thread == chat.there[post.id]
    assert len(lines.entries) == 5
    assert not lines.broadcast
    assert len(chat.updates) == 1
    await change(store, 6, 200)
    await run(5)
    last = chat.posts[-1][1]
    assert isinstance(last, TimelineBatch)
    assert last.broadcast
    _, shown, ts = chat.updates[-1]
    assert ts == chat.there[post.id]
    assert isinstance(shown, Group)
    assert not any(card.episode.open for card in shown.cards)
    assert await idle(store)


@pytest.mark.parametrize("lands", [True, False])
async def test_a_group_in_doubt_is_looked_up_and_redrawn_with_later_changes(
    store: WholeStore, chat: FakeChat, clock: FakeClock, *, lands: bool
) -> None:
    chat.answers = [(Unknown("timeout"), lands)]
    await group(store, 6)
    async with sending(store, chat, clock):
        await clock.pass_time(2)
        await change(store, 3, 100)
        await clock.pass_time(90)
    assert len(groups(chat)) == 1
    latest = [content for _, content, _ in (*chat.posts, *chat.updates) if isinstance(content, Group)][-1]
    assert sum(not card.episode.open for card in latest.cards) == 1
    assert await idle(store)


async def test_a_waiting_group_takes_in_later_failures(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
    await announce(store, 1, ALERTS)
    async with sending(store, chat, clock):
        await clock.pass_time(0.1)  # the channel already got its message for this second
        await group(store, 4)
        await clock.pass_time(0.6)
        for number in range(5, 8):
            await fail(store, number)
        await clock.pass_time(5)
    assert [len(failures) for failures in groups(chat)] == [7]
    assert await idle(store)


async def test_a_card_that_was_already_tried_joins_no_group(store: WholeStore, chat: FakeChat, run: Run) -> None:
    chat.answers = [(Unknown("timeout"), True)]
    await fail(store, 1)
    await run(1)
    for number in range(2, 9):
        await fail(store, number)
    await run(40)
    assert groups(chat) == [{f"orders-{number}" for number in range(2, 9)}]
    assert len(chat.posts) == 2


async def test_a_deleted_group_message_returns_with_the_next_change(
    store: WholeStore, chat: FakeChat, run: Run
) -> None:
    await group(store, 6)
    await run(2)
    chat.answers = [(Refused(kind=RefusalKind.CARD_GONE, error="message_not_found"), False)]
    await change(store, 1, 100, Phase.DEPLOYING)
    await run(10)
    assert len(groups(chat)) == 2
    assert await idle(store)
