"""Groups: one card and one page for many failures, however they come, and acknowledgements of single members."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import redis.asyncio

from bot.delivery.choose_next import LaneSnapshot
from bot.domain.answer import AcknowledgeAllAnswer, AcknowledgeAnswer, AcknowledgeFate
from bot.domain.backlog import GroupRule
from bot.domain.body import Content
from bot.domain.card import Card, Group, MovedCard, TimelineBatch
from bot.domain.delivery import Delivery, RefusalKind, Refused, Unknown
from bot.domain.episode import Acknowledgement
from bot.domain.failure_groups import GROWS_FOR, MOST_MEMBERS
from bot.domain.grouping import regroup
from bot.domain.notice import Notice
from bot.domain.observation import PipelineId
from bot.domain.page_plan import plan_acknowledgement
from bot.domain.phase import Phase
from bot.domain.plan import Record, plan_reading
from bot.domain.watch import ChannelId, Target
from bot.ports.pipeline_api import Status
from bot.ports.rate_limits import Method
from bot.slack.outbound.limits import SLACK_LIMITS
from bot.slack.render.renderer import Renderer
from tests.builders import ALERTS, ANN, TEAM, a_delivery, a_person, a_pipeline, a_routing, a_watch, an_observation, at
from tests.fakes import FakeChat, FakeClock
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


async def fail_paging(store: WholeStore, number: int, *targets: Target, direct: bool = False) -> None:
    """The failure pages these people in the channel; `direct`: by a direct message too."""
    pipeline = a_pipeline(f"orders-{number}", pipeline_id=PipelineId(f"pipe_{number:04}"))
    watch = a_watch(pipeline.id, targets=targets)
    observation = an_observation(Phase.FAILED, number, ready=0, pipeline_id=pipeline.id)
    plan = plan_reading(Record(pipeline_id=pipeline.id), observation, a_routing(watch, pipeline=pipeline))
    messages = plan.messages if direct else tuple(row for row in plan.messages if row.receiver.id == ALERTS)
    assert await store.commit(replace(plan, messages=messages), 0)


def text(content: Content, delivery: Delivery | None = None) -> str:
    return LOOK.content(content, delivery or a_delivery(), at(0)).text


def names(content: Content) -> list[str]:
    assert isinstance(content, Group)
    return [card.pipeline.name for card in content.cards]


def shown(chat: FakeChat) -> dict[str, Content]:
    """The current content of each message in the channel, by its id, in order of posting."""
    posted = {chat.there[delivery.id]: content for delivery, content, parent in chat.posts if parent is None}
    return posted | {message_id: content for _, content, message_id in chat.updates}


async def test_the_first_failure_is_posted_at_once_and_grows_into_the_group(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    async with sending(store, chat, clock):
        await fail(store, 1)
        await clock.pass_time(1)
        assert [type(content) for _, content, _ in chat.posts] == [Card]
        for number in range(2, 201):
            await fail(store, number)
        await clock.pass_time(5)
        assert len(chat.posts) == 1
        assert len(chat.updates) == 1
        (content,) = shown(chat).values()
        assert len(names(content)) == 200
        assert text(content).startswith("200 pipelines failed")
    assert await store.lanes_with_work() == ()


@pytest.mark.parametrize("apart", [3.0, 9.0])
async def test_three_failures_keep_their_cards_until_the_fourth_comes(
    store: WholeStore, chat: FakeChat, clock: FakeClock, apart: float
) -> None:
    async with sending(store, chat, clock):
        for number in (1, 2, 3):
            await fail(store, number)
            await clock.pass_time(apart)
        assert [type(content) for content in shown(chat).values()] == [Card] * 3
        await fail(store, 4)
        await clock.pass_time(5)
    assert len(chat.posts) == 3
    first, *others = shown(chat).values()
    assert names(first) == [f"orders-{number}" for number in (1, 2, 3, 4)]
    assert [type(content) for content in others] == [MovedCard] * 2
    assert "orders-2 failed at" in text(others[0])
    assert "part of the group above" in text(others[0])


async def test_failures_far_apart_keep_their_cards(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
    async with sending(store, chat, clock):
        for number in range(1, 9):
            await fail(store, number)
            await clock.pass_time(15.1)
    assert [type(content) for content in shown(chat).values()] == [Card] * 8


async def test_failures_that_wait_at_once_are_one_new_message(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    await group(store, 300)
    async with sending(store, chat, clock):
        await clock.pass_time(20)
    (content,) = [content for _, content, _ in chat.posts]
    assert len(names(content)) == 300
    assert chat.updates == []
    assert await store.lanes_with_work() == ()


async def test_a_full_group_is_followed_by_another(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
    await group(store, MOST_MEMBERS + 10)
    async with sending(store, chat, clock):
        await clock.pass_time(20)
    assert [len(names(content)) for content in shown(chat).values()] == [MOST_MEMBERS, 10]


async def test_a_group_takes_failures_until_none_came_for_a_while(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    await group(store, 4)
    async with sending(store, chat, clock):
        await clock.pass_time(29)
        await fail(store, 5)
        await clock.pass_time(29)
        await fail(store, 6)
        await clock.pass_time(31)
        await fail(store, 7)
        await clock.pass_time(5)
    content, later = shown(chat).values()
    assert len(names(content)) == 6
    assert isinstance(later, Card)


async def test_a_group_takes_no_more_after_ten_minutes(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
    """An update pings nobody, so a long trickle of failures must not hide in one message."""
    await group(store, 4)
    async with sending(store, chat, clock):
        for number in range(5, 40):
            await clock.pass_time(20)
            await fail(store, number)
        await clock.pass_time(5)
    first, *others = shown(chat).values()
    assert len(names(first)) == 4 + GROWS_FOR.seconds // 20
    assert others
    assert all(isinstance(content, Card) for content in others)


async def test_a_closed_group_takes_no_new_failure(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
    await group(store, 4)
    async with sending(store, chat, clock):
        await clock.pass_time(2)
        for number in range(1, 5):
            await change(store, number, 20 + number)
        await clock.pass_time(5)
        await fail(store, 5)
        await clock.pass_time(5)
    assert [type(content) for content in shown(chat).values()] == [Group, Card]


async def test_the_channel_sees_that_a_pipeline_of_the_group_fails_again(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    await group(store, 4)
    async with sending(store, chat, clock):
        await clock.pass_time(2)
        await change(store, 1, 10)
        await clock.pass_time(5)
        await change(store, 1, 17, Phase.FAILED)
        await clock.pass_time(5)
    (content,) = shown(chat).values()
    assert len(names(content)) == 4
    replies = [content for _, content, parent in chat.posts if parent and isinstance(content, TimelineBatch)]
    assert [reply.broadcast for reply in replies] == [False, True]


async def test_a_group_that_grows_during_an_update_is_updated_again(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    """The update under way keeps the next one out of the outbox: both have the same id."""

    async def grow() -> None:
        if chat.updates:
            del store.first["settle"]
            await fail(store, 21)
            await form_groups(store, clock)

    await group(store, 4)
    async with sending(store, chat, clock):
        await clock.pass_time(5)
    await fail(store, 11)
    store.first["settle"] = grow
    async with sending(store, chat, clock):
        await clock.pass_time(30)
    (content,) = shown(chat).values()
    assert len(names(content)) == 6
    assert await store.lanes_with_work() == ()


async def test_a_card_that_joins_a_group_during_its_update_is_shown_by_the_group(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    async def join() -> None:
        if chat.updates:
            del store.first["settle"]
            for number in (2, 3, 4):
                await fail(store, number)
            await form_groups(store, clock)

    await fail(store)
    async with sending(store, chat, clock):
        await clock.pass_time(5)
        store.first["settle"] = join
        await acknowledge(store)
        await clock.pass_time(30)
    (content,) = shown(chat).values()
    assert len(names(content)) == 4
    assert await store.lanes_with_work() == ()


async def form_groups(store: WholeStore, clock: FakeClock) -> None:
    """As the worker of the pages' lane does."""
    lane = pages(ALERTS)
    lease = await store.leased(lane)
    rule = GroupRule()
    while True:
        snapshot = await LaneSnapshot.read(store, store, lane, clock.now() - rule.within)
        grouping = regroup(snapshot.backlog(clock.now(), None, rule=rule))
        if grouping is None:
            break
        assert await store.regroup(grouping, lane, lease)
    await store.release(lease)


async def test_a_repeated_update_of_a_card_that_moved_does_not_overwrite_the_group(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    """Nobody knows whether the update of the single card arrived, so the bot repeats it."""
    await fail(store)
    async with sending(store, chat, clock):
        await clock.pass_time(5)
        chat.answers = [(Unknown("timeout"), False)]
        await acknowledge(store)
        await clock.pass_time(0.5)
        for number in (2, 3, 4):
            await fail(store, number)
        await clock.pass_time(30)
    (content,) = shown(chat).values()
    assert len(names(content)) == 4


async def test_a_late_copy_of_a_card_that_grew_into_a_group_is_deleted(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    await fail(store)
    chat.answers = [(Unknown("timeout"), False)]
    async with sending(store, chat, clock):
        await clock.pass_time(20)
        for number in (2, 3, 4):
            await fail(store, number)
        await clock.pass_time(5)
        card, content, _ = chat.posts[0]
        chat.land("9.000000", card, content)  # the first attempt
        await clock.pass_time(80)
    assert chat.deleted == ["9.000000"]
    stored = await store.group(card.id)
    assert len({member.message_id for member in stored}) == 1


async def acknowledge_failure(store: WholeStore, number: int) -> None:
    record = await store.record(PipelineId(f"pipe_{number:04}"))
    plan = plan_acknowledgement(record, a_routing(), Acknowledgement(by=ANN, at=at(5)))
    assert plan is not None
    assert await store.commit(plan, 0)


def page_notices(chat: FakeChat) -> list[Notice]:
    return [content for _, content, _ in chat.posts if isinstance(content, Notice)]


async def test_a_group_pages_new_people_soon_and_the_others_in_turn(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    ann, bob = a_person(), a_person("U0BOB")
    async with sending(store, chat, clock):
        await fail_paging(store, 1, ann)
        await clock.pass_time(1.1)
        for number in range(2, 20):
            await fail_paging(store, number, ann)
        await clock.pass_time(5)
        assert len(chat.posts) == 1
        for number in range(20, 30):
            await fail_paging(store, number, ann, bob)
        await clock.pass_time(10)
        (soon,) = page_notices(chat)
        assert soon.targets == (bob,)
        assert len(soon.failures) == 10
        assert "<@U0BOB> please take a look" in text(soon)
        assert "U0ANN" not in text(soon)
        await clock.pass_time(30)
    _, later = page_notices(chat)
    assert later.targets == (ann,)
    assert len(later.failures) == 28
    assert len(chat.posts) == 3


async def test_each_failure_that_joins_a_group_pages_within_half_a_minute(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    """An edit of the card pings nobody. A slow series must not call its people only by the repeated calls."""
    ann = a_person()
    failed_at: dict[str, datetime] = {}
    pinged_at: dict[str, datetime] = {}
    async with sending(store, chat, clock):
        for step in range(16 * 3 + 12):
            if step % 3 == 0 and len(failed_at) < 16:
                number = len(failed_at) + 1
                failed_at[f"orders-{number}"] = clock.now()
                await fail_paging(store, number, ann)
            await clock.pass_time(2.5)
            pinged_at |= {name: clock.now() for name in names_in_pings(chat) if name not in pinged_at}
    waits = {name: pinged_at[name] - failed for name, failed in failed_at.items()}
    assert max(waits.values()) <= timedelta(seconds=35)  # 30, and a step of this test
    assert sorted(names_in_pings(chat)) == sorted(failed_at)
    assert {notice.targets for notice in page_notices(chat)} == {(ann,)}
    assert len(page_notices(chat)) <= 7  # at most one in half a minute


def names_in_pings(chat: FakeChat) -> list[str]:
    """The pipelines of the new messages: an update pings nobody."""
    new = [content for _, content, _ in chat.posts]
    cards = [content.pipeline.name for content in new if isinstance(content, Card)]
    return [*cards, *(failure.pipeline.name for notice in page_notices(chat) for failure in notice.failures)]


async def test_a_page_of_a_group_leaves_out_failures_that_somebody_answered_meanwhile(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    ann = a_person()
    async with sending(store, chat, clock):
        for number in range(1, 7):
            await fail_paging(store, number, ann)
            await clock.pass_time(1)
        for number in (4, 5):
            await acknowledge_failure(store, number)
        await clock.pass_time(40)
    (page,) = page_notices(chat)
    assert [failure.pipeline.name for failure in page.failures] == ["orders-6"]


async def test_a_failure_that_joins_pages_nobody_twice_after_others_were_answered(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    """Both of its pages could take in the one that waits."""
    ann, carol = a_person(), a_person("U0CAROL")
    async with sending(store, chat, clock):
        for number in (1, 2, 3):
            await fail_paging(store, number, ann)
        await fail_paging(store, 4, carol)
        await clock.pass_time(5)
        await fail_paging(store, 5, ann)
        await clock.pass_time(5)
        for number in (1, 2, 3, 5):
            await acknowledge_failure(store, number)
        await fail_paging(store, 6, ann, carol)
        await clock.pass_time(40)
    paged = [target for notice in page_notices(chat) for target in notice.targets]
    assert sorted(paged, key=str) == sorted((ann, carol), key=str)


async def test_new_failures_page_again_after_the_others_are_acknowledged(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    """The person who acknowledged looks at the failures of then."""
    ann = a_person()
    async with sending(store, chat, clock):
        for number in range(1, 5):
            await fail_paging(store, number, ann)
        await clock.pass_time(5)
        for number in range(1, 5):
            await acknowledge_failure(store, number)
        await clock.pass_time(5)
        for number in (5, 6, 7):
            await fail_paging(store, number, ann)
        await clock.pass_time(10)
    assert [notice.targets for notice in page_notices(chat)] == [(ann,)]


async def test_a_person_gets_one_direct_message_for_a_group(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    direct = ChannelId("D0ANN")
    async with sending(store, chat, clock):
        for number in range(1, 40):
            await fail_paging(store, number, a_person(direct=direct), direct=True)
            await clock.pass_time(0.2)
        await clock.pass_time(10)
    sent = [content for delivery, content, _ in chat.posts if delivery.receiver.id == direct]
    assert len(sent) <= 3
    last = [content for delivery, content, _ in chat.updates if delivery.receiver.id == direct]
    assert max(len(names(content)) for content in last if isinstance(content, Group)) == 39


async def test_three_of_two_hundred_recover(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
    await group(store, 200)
    async with sending(store, chat, clock):
        await clock.pass_time(5)
        for number in (1, 2, 3):
            await change(store, number, 300)
        await clock.pass_time(5)
        (content,) = shown(chat).values()
        assert text(content).startswith("197 of 200 pipelines are still failing")
        assert "3 recovered: orders-1, orders-2, orders-3" in text(content)
        for number in range(4, 201):
            await change(store, number, 310)
        await clock.pass_time(20)
    (content,) = shown(chat).values()
    assert text(content).startswith("All 200 pipelines have recovered")
    ends = [(content, parent) for _, content, parent in chat.posts if isinstance(content, TimelineBatch)]
    assert [content.all_recovered for content, _ in ends if content.broadcast] == [200]
    assert len(chat.posts) <= 4  # the group, and its thread


async def test_a_failure_is_posted_while_slack_takes_no_updates(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    """Only an update would show it in the group, and that has to wait for a minute."""
    await group(store, 4)
    async with sending(store, chat, clock):
        await clock.pass_time(5)
        wait = timedelta(seconds=60)
        chat.answers = [(Refused(kind=RefusalKind.RATE_LIMITED, error="ratelimited", retry_after=wait), False)]
        await change(store, 1, 10)
        await clock.pass_time(3)
        await fail(store, 5)
        await clock.pass_time(3)
        assert [type(content) for content in shown(chat).values()] == [Group, Card]


async def test_a_group_whose_message_was_deleted_takes_no_more(
    store: WholeStore, chat: FakeChat, clock: FakeClock
) -> None:
    await group(store, 4)
    async with sending(store, chat, clock):
        await clock.pass_time(5)
        chat.answers = [(Refused(kind=RefusalKind.CARD_GONE, error="message_not_found"), False)]
        await change(store, 1, 10)
        await clock.pass_time(5)
        assert [len(names(content)) for _, content, _ in chat.posts if isinstance(content, Group)] == [4, 4]


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
        (burst,) = [content for content in shown(world.chat).values() if isinstance(content, Group)]
        answer = world.bot.requests.acknowledgements.acknowledge_member
        chosen = burst.cards[1]
        done = await answer(ALERTS, chosen.key, ANN)
        assert isinstance(done, AcknowledgeAnswer)
        assert (done.fate, done.pipeline.id) == (AcknowledgeFate.ACKNOWLEDGED, chosen.pipeline.id)
        await world.bot.poll(5)
        latest = [content for _, content, _ in world.chat.updates if isinstance(content, Group)][-1]
        assert [card.key for card in latest.cards if card.episode.acknowledged] == [chosen.key]

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
    assert len(posts) == len(channels)
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
