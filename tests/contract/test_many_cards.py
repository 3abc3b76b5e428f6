"""A burst of failures has thousands of cards. The store reads and writes many at once, and decodes each once."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest
import redis.asyncio

from bot.delivery.choose_next import LaneSnapshot
from bot.domain.backlog import Backlog, Grouping, GroupRule
from bot.domain.card import Pointer, SyncGroup
from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import Acknowledgement
from bot.domain.failure_groups import MOST_MEMBERS
from bot.domain.grouping import regroup
from bot.domain.observation import PipelineId
from bot.domain.page_plan import plan_acknowledgement
from bot.domain.phase import Phase
from bot.domain.plan import Plan, Record, plan_reading
from bot.domain.summary import Digest
from bot.domain.watch import ChannelId
from bot.ports.lease_store import READER
from bot.ports.outbox import DeliveryResult, ResultKind
from bot.ports.store_errors import StoreRolledBack
from bot.store import losses
from tests.builders import ANN, TEAM, a_delivery, a_pipeline, a_routing, a_watch, an_observation, at
from tests.fakes import FakeClock
from tests.stores import WholeStore, feed, pages

CHANNELS = [ChannelId(f"C0{number:02}") for number in range(20)]
ONE, TWO = CHANNELS[:2]


def failing(number: int = 1) -> Plan:
    """A failure that every channel watches."""
    pipeline = a_pipeline(f"orders-{number}", pipeline_id=PipelineId(f"pipe_{number}"))
    routing = a_routing(*(a_watch(pipeline.id, channel=channel) for channel in CHANNELS), pipeline=pipeline)
    observation = an_observation(Phase.FAILED, 1, ready=0, pipeline_id=pipeline.id)
    return plan_reading(Record(pipeline_id=pipeline.id), observation, routing)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(any_redis: redis.asyncio.Redis, clock: FakeClock) -> WholeStore:
    return WholeStore(any_redis, TEAM, clock)


async def commands(client: redis.asyncio.Redis) -> Counter[str]:
    """How often Valkey has run each command, those inside scripts included."""
    try:
        stats = await client.info("commandstats")
    except redis.ResponseError:
        pytest.skip("fakeredis does not count commands")
    return Counter({name.removeprefix("cmdstat_"): row["calls"] for name, row in stats.items()})


async def test_a_card_is_decoded_once(store: WholeStore) -> None:
    plan = failing()
    await store.commit(plan, 0)
    key = plan.cards[0].key
    (first,) = (await store.cards([key])).values()
    (again,) = (await store.cards([key])).values()
    assert first.content == plan.cards[0]
    assert again is first


async def test_the_cards_of_one_episode_share_what_they_have_in_common(store: WholeStore) -> None:
    plan = failing()
    await store.commit(plan, 0)
    cards = (await store.cards([card.key for card in plan.cards])).values()
    assert [card.content for card in cards] == list(plan.cards)
    assert len({id(card.content.episode) for card in cards}) == 1


async def test_new_progress_keeps_the_decoded_content(store: WholeStore) -> None:
    await store.commit(failing(), 0)
    row = (await store.owed(ONE))[0]
    before = (await store.cards([row.id]))[row.id]
    redraw = Message(id=row.id, receiver=row.receiver, priority=row.message.priority, body=row.body, made_at=at(9))
    result = DeliveryResult(kind=ResultKind.POSTED, redraw=redraw, message_id="7.0", shown={row.id: before.revision})
    assert await store.settle(row, await store.leased(pages(ONE)), result)
    after = (await store.cards([row.id]))[row.id]
    assert (after.message_id, after.shown_revision) == ("7.0", before.revision)
    assert after.content is before.content


async def test_a_new_revision_is_decoded(store: WholeStore) -> None:
    plan = failing()
    await store.commit(plan, 0)
    key = plan.cards[0].key
    before = (await store.cards([key]))[key]
    record = await store.record(plan.record.pipeline_id)
    acknowledged = plan_acknowledgement(
        record, a_routing(a_watch(record.pipeline_id, channel=ONE)), Acknowledgement(by=ANN, at=at(5))
    )
    assert acknowledged is not None
    await store.commit(acknowledged, 0)
    after = (await store.cards([key]))[key]
    assert after.revision == before.revision + 1
    assert after.content.episode.acknowledged


async def test_a_new_content_of_the_same_revision_is_decoded(store: WholeStore) -> None:
    """A rollback may lose a revision, and another bot may write it again with another content."""
    plan = failing()
    await store.commit(plan, 0)
    key = plan.cards[0].key
    await store.cards([key])
    other = replace(plan.cards[0], stands_in_for=(TWO,))
    await store.commit(replace(plan, record=await store.record(plan.record.pipeline_id), cards=(other,)), 0)
    assert (await store.cards([key]))[key].content == other


async def test_a_failure_in_twenty_channels_takes_few_commands(
    store: WholeStore, any_redis: redis.asyncio.Redis
) -> None:
    await store.commit(failing(1), 0)
    before = await commands(any_redis)
    await store.commit(failing(2), 0)
    made = await commands(any_redis) - before
    assert made["zadd"] == len(CHANNELS)
    assert made.total() - made["zadd"] < 25, made


async def test_a_group_takes_as_few_commands_as_one_card(store: WholeStore, any_redis: redis.asyncio.Redis) -> None:
    keys = []
    for number in range(30):
        plan = failing(number)
        await store.commit(plan, 0)
        keys.append(next(card.key for card in plan.cards if card.channel == ONE))
    lease = await store.leased(pages(ONE))
    grouping = regroup(Backlog(TEAM, await store.owed(ONE), await store.cards(keys), now=at(9)))
    assert grouping is not None
    before = await commands(any_redis)
    assert await store.regroup(grouping, pages(ONE), lease)
    shown = {card.content.key: card.revision for card in await store.group(grouping.row.id)}
    redraw = replace(grouping.row.message, made_at=at(9))
    result = DeliveryResult(kind=ResultKind.POSTED, redraw=redraw, message_id="7.0", shown=shown)
    assert len(shown) == 30
    assert await store.settle(grouping.row, lease, result)
    assert (await commands(any_redis) - before).total() < 50


async def a_group(store: WholeStore, *numbers: int) -> str:
    """Forms the next group of ONE's pages, or extends the one that waits. Returns its key."""
    for number in numbers:
        await store.commit(failing(number), 0)
    snapshot = await LaneSnapshot.read(store, store, pages(ONE), at(0))
    grouping = regroup(snapshot.backlog(at(9), None, rule=GroupRule()))
    assert grouping is not None
    lease = await store.leased(pages(ONE))
    assert await store.regroup(grouping, pages(ONE), lease)
    await store.release(lease)
    return grouping.row.id


async def test_a_known_group_shows_changes_by_another_process(
    store: WholeStore, any_redis: redis.asyncio.Redis, clock: FakeClock
) -> None:
    other = WholeStore(any_redis, TEAM, clock)
    key = await a_group(other, 3, 1, 2, 5)
    for members in ([1, 2, 3, 5], [0, 1, 2, 3, 4, 5]):
        if len(members) > 4:
            assert await a_group(other, 4, 0) == key
        known = await store.group(key)
        assert [card.content.pipeline.name for card in known] == [f"orders-{number}" for number in members]
        assert await store.group(key) is known
        assert (await store.groups([key]))[key].size == len(members)
    record = await other.record(PipelineId("pipe_1"))
    pipeline = (await store.group(key))[1].content.pipeline
    routing = a_routing(a_watch(record.pipeline_id, channel=ONE), pipeline=pipeline)
    acknowledged = plan_acknowledgement(record, routing, Acknowledgement(by=ANN, at=at(5)))
    assert acknowledged is not None
    assert await other.commit(acknowledged, 0)
    changed = await store.group(key)
    assert [bool(card.content.episode.acknowledged) for card in changed] == [False, True, *[False] * 4]


async def test_a_group_shows_a_lost_card_as_soon_as_it_is_back(
    store: WholeStore, any_redis: redis.asyncio.Redis, clock: FakeClock
) -> None:
    key = await a_group(store, 1, 2, 3, 4)
    lost = store._keys.card((await store.group(key))[0].content.key)
    content = await any_redis.getdel(lost)
    assert content is not None
    other = WholeStore(any_redis, TEAM, clock)
    for _ in range(2):
        assert len(await other.group(key)) == 3
        assert (await other.groups([key]))[key].size == 4
    await any_redis.set(lost, content)
    assert len(await other.group(key)) == 4


async def posted_as_single(store: WholeStore, number: int, message_id: str) -> str:
    """Posts a failure's card in ONE, as its lane does. Returns its key."""
    await store.commit(failing(number), 0)
    (row,) = await store.deliveries(pages(ONE))
    lease = await store.leased(pages(ONE))
    result = DeliveryResult(
        kind=ResultKind.POSTED, redraw=row.message, message_id=message_id, shown={row.id: 1}, failure_at=at(5)
    )
    assert await store.settle(row, lease, result)
    await store.release(lease)
    return row.id


async def test_cards_that_were_posted_move_into_the_message_of_the_first(store: WholeStore) -> None:
    first = await posted_as_single(store, 1, "1.0")
    second = await posted_as_single(store, 2, "2.0")
    assert await store.recent_failures(in_slack(TEAM, ONE), at(0)) == (first, second)
    assert await store.recent_failures(in_slack(TEAM, ONE), at(6)) == ()
    assert await a_group(store, 3, 4) == first
    group = (await store.groups([first]))[first]
    assert (group.message_id, group.size) == ("1.0", 4)
    assert {(card.message_id, card.group) for card in group.cards} == {("1.0", first)}
    assert [card.shown_revision for card in group.cards] == [0, 0, -1, -1]  # two of them are no news
    assert await store.deliveries(pages(ONE)) == ()
    bodies = [row.body for row in await store.deliveries(feed(ONE))]
    assert bodies == [SyncGroup(first), Pointer(card_key=second, message_id="2.0")]
    assert await store.recent_failures(in_slack(TEAM, ONE), at(0)) == (first,)


@pytest.mark.parametrize("in_group", [True, False])
async def test_a_message_that_ends_late_shows_what_joined_meanwhile(store: WholeStore, *, in_group: bool) -> None:
    """The update of a card, or of a smaller group, was under way."""
    first = await posted_as_single(store, 1, "1.0")
    await a_group(store, 2, 3, 4)
    (update,) = await store.deliveries(feed(ONE))
    lease = await store.leased(feed(ONE))
    shown = {first: 1}
    result = DeliveryResult(kind=ResultKind.POSTED, redraw=update.message, message_id="1.0", shown=shown)
    assert await store.settle(update, lease, replace(result, group=first, size=3) if in_group else result)
    (again,) = await store.deliveries(feed(ONE))
    assert again.body == SyncGroup(first)
    every = {card.content.key: card.revision for card in await store.group(first)}
    assert await store.settle(again, lease, replace(result, group=first, size=4, shown=every))
    assert await store.deliveries(feed(ONE)) == ()


async def test_a_card_found_in_a_group_takes_the_first_card_along(store: WholeStore) -> None:
    """After Redis lost the group, it is rebuilt from what Slack shows."""
    first = await posted_as_single(store, 1, "1.0")
    await store.commit(failing(2), 0)
    (row,) = await store.deliveries(pages(ONE))
    lease = await store.leased(pages(ONE))
    result = DeliveryResult(
        kind=ResultKind.POSTED, redraw=row.message, message_id="1.0", shown={row.id: 0}, group=first
    )
    assert await store.settle(row, lease, result)
    group = (await store.groups([first]))[first]
    assert {card.content.key for card in group.cards} == {first, row.id}
    assert {card.group for card in group.cards} == {first}


async def test_an_unchanged_lane_takes_three_calls(store: WholeStore, any_redis: redis.asyncio.Redis) -> None:
    keys = [await a_group(store, *range(MOST_MEMBERS)), await a_group(store, *range(1000, 1030))]

    async def read() -> None:
        assert len(await store.deliveries(pages(ONE))) == 2
        assert [group.size for group in (await store.groups(keys)).values()] == [MOST_MEMBERS, 30]

    await read()
    before = await commands(any_redis)
    await read()
    made = await commands(any_redis) - before - Counter({"info": 1})
    assert made == Counter({"evalsha": 1, "zrange": 1, "hmget": 1, "mget": 1})


async def test_a_digest_may_replace_more_rows_than_lua_passes_to_one_command(
    store: WholeStore, any_redis: redis.asyncio.Redis
) -> None:
    """Lua's `unpack` passes about 8,000 values, a backlog may have more rows."""
    rows = tuple(a_delivery(f"{number:032}", channel=ONE, priority=Priority.RECOVERY) for number in range(9_000))
    keys = tuple(row.id for row in rows)
    await store.enqueue([row.message for row in rows])
    await any_redis.mset({store._keys.card(key): "{}" for key in keys})
    digest = a_delivery("digest", Digest(key="digest", entries=()), channel=ONE, priority=Priority.RECOVERY)
    grouping = Grouping(row=digest, replaced=rows, joins=keys[:1], forgets=keys[1:])
    assert await store.regroup(grouping, feed(ONE), await store.leased(feed(ONE)))
    assert [row.id for row in await store.owed(ONE)] == ["digest"]
    assert await any_redis.exists(*map(store._keys.card, keys)) == 1


async def test_lost_cards_are_found_in_turns_and_a_found_loss_is_looked_for_everywhere(
    store: WholeStore, any_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "CARDS_AT_ONCE", 10)
    plan = failing()
    await store.commit(plan, 0)
    await store.lost_keys((), ())
    keys = [card.key for card in plan.cards]
    await any_redis.delete(store._keys.card(keys[0]), store._keys.posted(keys[12]))
    assert [(await store.lost_keys(keys, ()))[1] for _ in range(2)] == [frozenset({keys[0], keys[12]})] * 2


async def test_failures_of_one_moment_share_a_step(store: WholeStore, any_redis: redis.asyncio.Redis) -> None:
    await store.commit(failing(0), 0)
    before = await commands(any_redis)
    assert all(await asyncio.gather(*(store.commit(failing(number), 0) for number in range(1, 13))))
    assert (await commands(any_redis) - before).total() < 12 * 10
    assert len(await store.owed(ONE)) == 13


async def test_readings_of_a_burst_wait_for_each_other(store: WholeStore, clock: FakeClock) -> None:
    """The first is written at once. A person's change waits for no reading."""
    store.gather_seconds = 0.1
    lease = await store.acquire_lease(READER)
    for burst in (1, 2):
        assert await store.commit(failing(10 * burst), 0, lease)
        later = []
        for number in range(1, 4):
            later.append(asyncio.create_task(store.commit(failing(10 * burst + number), 0, lease)))
            await clock.pass_time(0.02)
        assert not any(commit.done() for commit in later)
        await clock.pass_time(0.05)
        assert await asyncio.wait_for(asyncio.gather(*later), 60) == [True] * 3
        assert await store.commit(failing(10 * burst + 5), 0)
        await clock.pass_time(0.1)


async def test_plans_of_one_step_are_judged_one_by_one(store: WholeStore) -> None:
    stale = replace(failing(2), record=Record(pipeline_id=PipelineId("pipe_2"), version=7))
    plans = [failing(0), failing(1), stale, failing(1), failing(3)]
    assert await asyncio.gather(*(store.commit(plan, 0) for plan in plans)) == [True, True, False, False, True]
    assert set(await store.records()) == {f"pipe_{number}" for number in (0, 1, 3)}
    assert len(await store.owed(ONE)) == 3


async def test_a_step_that_fails_fails_for_each_of_its_plans(store: WholeStore) -> None:
    await store.last_heartbeat()
    store.meet_another_server()
    ended = await asyncio.gather(*(store.commit(failing(number), 0) for number in range(4)), return_exceptions=True)
    assert [type(end) for end in ended] == [StoreRolledBack] * 4
    assert await store.records() == {}


async def test_a_cancelled_plan_is_not_written_later(store: WholeStore) -> None:
    async with store._step:  # an earlier step is not over, so these wait together
        writes = [asyncio.create_task(store.commit(failing(number), 0)) for number in range(3)]
        await asyncio.sleep(0)
        writes[2].cancel()
        await asyncio.wait(writes[2:])
    assert await asyncio.gather(*writes[:2]) == [True, True]
    await store.commit(failing(4), 0)
    assert set(await store.records()) == {f"pipe_{number}" for number in (0, 1, 4)}
