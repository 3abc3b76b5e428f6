"""A channel that Slack gives another id: what goes with it, over a real Valkey and over fakeredis alike."""

import random
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise

import pytest
import redis.asyncio

from bot.domain.backlog import Backlog
from bot.domain.card import Notice, Recheck, SyncCard, ThreadEntry
from bot.domain.delivery import Delivery, State, in_slack
from bot.domain.grouping import regroup
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import Record, plan_acknowledgement, plan_reading
from bot.domain.watch import ChannelId, SuspendReason, Target, TargetKind
from bot.ports.store_errors import StoreAway
from bot.ports.watch_store import Watches
from tests.builders import ALERTS, ANN, ORDERS, TEAM, a_routing, a_watch, an_observation, at, changed
from tests.contract.test_store import an_announcement, ended, failing
from tests.fakes import FakeClock
from tests.stores import WholeStore, feed, pages

OTHER, NEW = ChannelId("C0OTHER"), ChannelId("C0NEW")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(any_redis: redis.asyncio.Redis, clock: FakeClock) -> WholeStore:
    return WholeStore(any_redis, TEAM, clock)


async def test_a_rename_moves_open_cards_and_watches(store: WholeStore) -> None:
    watch = a_watch()
    await store.add_watches([watch], an_announcement())
    await store.commit(failing(), 1)
    lease = await store.leased(pages(ALERTS))
    (row, announced) = await store.owed(ALERTS)
    assert await store.settle(row, lease, ended(row))
    with pytest.raises(StoreAway):  # somebody sends there
        await store.rename_channel(ALERTS, NEW)
    await store.release(lease)
    await store.rest(ALERTS, SuspendReason.ARCHIVED, an_announcement("told", OTHER))
    assert await store.rename_channel(ALERTS, NEW) == 1
    assert await store.rename_channel(ALERTS, NEW) == 0
    watches = await store.watches()
    assert watches.all == (replace(watch, channel=NEW),)
    assert watches.suspended == {NEW: SuspendReason.ARCHIVED}
    assert await store.owed(ALERTS) == ()
    assert [(delivery.id, delivery.lane) for delivery in await store.owed(NEW)] == [(announced.id, feed(NEW))]
    assert await store.suspended_lanes() == (feed(NEW),)
    assert await store.last_id(pages(NEW)) == "17.5"
    record = await store.record(ORDERS)
    acknowledged = plan_acknowledgement(record, a_routing(a_watch(channel=NEW)), ANN, at(5))
    assert acknowledged is not None
    assert [card.channel for card in acknowledged.cards] == [NEW]
    assert await store.commit(acknowledged, watches.version)
    assert acknowledged.cards[0].key == row.id  # by which it is found in Slack, and which its button carries
    (card,) = (await store.cards([row.id])).values()
    assert (card.message_id, card.shown_revision, card.revision) == ("17.5", 1, 2)  # an update of the card that stands


async def test_a_new_id_is_kept_until_all_has_gone_there(store: WholeStore) -> None:
    for _ in range(2):  # Slack may tell twice, also later
        await store.keep_rename(ALERTS, NEW, "1.0")
        assert await store.renames() == {ALERTS: NEW}
        lease = await store.leased(feed(ALERTS))
        with pytest.raises(StoreAway):
            await store.rename_channel(ALERTS, NEW)
        assert await store.renames() == {ALERTS: NEW}
        await store.release(lease)
        await store.rename_channel(ALERTS, NEW)
        assert await store.renames() == {}


async def test_a_rename_moves_unsent_messages_once(store: WholeStore) -> None:
    await store.add_watches([a_watch()], an_announcement())
    await store.commit(failing(), 1)
    await store.rename_channel(ALERTS, NEW)
    acknowledged = plan_acknowledgement(await store.record(ORDERS), a_routing(a_watch(channel=NEW)), ANN, at(5))
    assert acknowledged is not None
    assert await store.commit(acknowledged, 2)
    rows = await store.owed(NEW)
    assert [type(row.body) for row in rows] == [SyncCard, Notice, ThreadEntry]
    assert {row.receiver.channel for row in rows} == {NEW}
    key = acknowledged.cards[0].key
    assert [row.body.card_key for row in rows if isinstance(row.body, SyncCard | ThreadEntry)] == [key, key]
    (card,) = (await store.cards([key])).values()
    assert (card.message_id, card.content.channel) == (None, NEW)


async def test_a_rename_keeps_the_lookup_keys_of_messages_under_way(store: WholeStore) -> None:
    await store.commit(failing(), 0)
    lease = await store.leased(pages(ALERTS))
    (row,) = await store.owed(ALERTS)
    under_way = changed(row, state=State.SENDING, lease=lease.token)
    assert await store.write(under_way, lease)
    recheck = replace(an_announcement("recheck"), body=Recheck(of=row.id, shows=(row.id,)))
    await store.enqueue([recheck])
    await store.release(lease)
    await store.rename_channel(ALERTS, NEW)
    assert await store.owed(NEW) == (changed(under_way, channel=NEW), changed(Delivery(message=recheck), channel=NEW))


async def test_a_failure_posted_during_a_rename_moves_too(any_redis: redis.asyncio.Redis, clock: FakeClock) -> None:
    class ReadsRightBefore(WholeStore):
        async def watches(self) -> Watches:
            before = await super().watches()
            assert await self.commit(failing(), before.version)
            return before

    store = WholeStore(any_redis, TEAM, clock)
    await ReadsRightBefore(any_redis, TEAM, clock).rename_channel(ALERTS, NEW)
    assert [row.receiver.channel for row in await store.owed(NEW)] == [NEW]
    record = await store.record(ORDERS)
    assert record.version == 2
    assert record.episode is not None
    assert list(record.episode.cards.values()) == [NEW]


async def test_a_watch_that_the_new_id_has_already_stays_as_it_is(store: WholeStore) -> None:
    await store.add_watches([a_watch(), a_watch("pipe_2")], an_announcement())
    newer = a_watch(channel=NEW, targets=(Target(kind=TargetKind.HERE),))
    await store.add_watches([newer], an_announcement("newer", NEW))
    await store.rename_channel(ALERTS, NEW)
    assert set((await store.watches()).all) == {newer, a_watch("pipe_2", channel=NEW)}


async def test_of_a_failure_that_both_ids_had_a_card_of_both_are_drawn_on(store: WholeStore) -> None:
    both = a_routing(a_watch(), a_watch(channel=NEW))
    plan = plan_reading(Record(pipeline_id=ORDERS), an_observation(Phase.FAILED, 1, ready=0), both)
    assert await store.commit(plan, 0)
    await store.rename_channel(ALERTS, NEW)
    assert {row.id for row in await store.owed(NEW)} == {card.key for card in plan.cards}
    acknowledged = plan_acknowledgement(await store.record(ORDERS), a_routing(a_watch(channel=NEW)), ANN, at(5))
    assert acknowledged is not None
    assert [(card.key, card.channel) for card in acknowledged.cards] == [(card.key, NEW) for card in plan.cards]


async def test_cards_of_a_group_stay_in_it_under_the_new_id(store: WholeStore) -> None:
    keys = []
    for number in range(6):
        pipeline_id = PipelineId(f"pipe_{number}")
        observation = an_observation(Phase.FAILED, 1, ready=0, pipeline_id=pipeline_id)
        plan = plan_reading(Record(pipeline_id=pipeline_id), observation, a_routing())
        assert await store.commit(plan, 0)
        keys.append(plan.cards[0].key)
    lease = await store.leased(pages(ALERTS))
    grouping = regroup(Backlog(TEAM, await store.owed(ALERTS), await store.cards(keys), {}))
    assert grouping is not None
    assert await store.regroup(grouping, pages(ALERTS), lease)
    await store.release(lease)
    await store.rename_channel(ALERTS, NEW)
    (row,) = await store.owed(NEW)
    assert row.body == grouping.row.body
    assert {card.content.key for card in await store.group(row.id)} == set(keys)


async def test_a_suspension_of_the_old_id_ends_with_the_rename(store: WholeStore, clock: FakeClock) -> None:
    await store.add_watches([a_watch()], an_announcement())
    await store.rest(ALERTS, SuspendReason.NOT_FOUND)
    await clock.pass_time(5)
    await store.rename_channel(ALERTS, NEW)
    assert (await store.watches()).suspended == {}
    assert await store.lanes_with_work() == (feed(NEW),)
    assert await store.resumed_at(in_slack(TEAM, NEW)) == at(5)  # what comes late says why
    assert await store.rest(NEW, SuspendReason.NOT_FOUND, an_announcement("of the new id", OTHER)) == 1  # is news


async def test_a_suspension_of_a_not_yet_known_id_ends(store: WholeStore) -> None:
    await store.rest(NEW, SuspendReason.NOT_FOUND)
    await store.rename_channel(ALERTS, NEW)
    assert (await store.watches()).suspended == {}


async def test_a_suspension_for_another_reason_moves_with_its_notice(store: WholeStore) -> None:
    await store.rest(ALERTS, SuspendReason.RESTRICTED)
    await store.rename_channel(ALERTS, NEW)
    assert (await store.watches()).suspended == {NEW: SuspendReason.RESTRICTED}
    await store.resume(NEW, on_trial=True)
    assert await store.rest(NEW, SuspendReason.RESTRICTED, an_announcement("told already", OTHER)) == 0


async def test_when_a_channel_woke_goes_along(store: WholeStore, clock: FakeClock) -> None:
    await store.rest(ALERTS, SuspendReason.RESTRICTED)
    await clock.pass_time(60)
    await store.resume(ALERTS)
    await clock.pass_time(60)
    await store.rename_channel(ALERTS, NEW)
    assert await store.resumed_at(in_slack(TEAM, NEW)) == at(60)
    assert await store.resumed_at(in_slack(TEAM, ALERTS)) is None


async def posts(store: WholeStore, channel: ChannelId, key: str, ts: str) -> None:
    await store.enqueue([an_announcement(key, channel)])
    lease = await store.leased(feed(channel))
    (row,) = await store.deliveries(feed(channel))
    assert await store.settle(row, lease, replace(ended(row), message_id=ts, shown={}))
    await store.release(lease)


async def test_a_repeated_rename_does_not_set_the_lane_back(store: WholeStore) -> None:
    await posts(store, ALERTS, "before", "17.5")
    await store.rename_channel(ALERTS, NEW)
    assert await store.last_id(feed(NEW)) == "17.5"
    assert await store.last_id(feed(ALERTS)) == ""
    await posts(store, NEW, "after", "23.5")
    await store.rename_channel(ALERTS, NEW)
    assert await store.last_id(feed(NEW)) == "23.5"


async def test_an_earlier_post_under_the_new_id_does_not_set_the_lane_back(store: WholeStore) -> None:
    await posts(store, ALERTS, "before", "17.5")
    await posts(store, NEW, "after", "23.5")
    await store.rename_channel(ALERTS, NEW)
    assert await store.last_id(feed(NEW)) == "23.5"


async def test_of_two_changes_in_a_row_the_later_may_be_done_first(store: WholeStore) -> None:
    last = ChannelId("C0LAST")
    await store.add_watches([a_watch()], an_announcement())
    await store.keep_rename(ALERTS, NEW, "1.0")
    lease = await store.leased(feed(ALERTS))
    await store.keep_rename(NEW, last, "2.0")
    await store.rename_channel(NEW, last)
    with pytest.raises(StoreAway):
        await store.rename_channel(ALERTS, NEW)
    await store.release(lease)
    with pytest.raises(StoreAway):  # read before the second change was told
        await store.rename_channel(ALERTS, NEW)
    await settle_renames(store)
    assert [watch.channel for watch in (await store.watches()).all] == [last]
    await store.keep_rename(ALERTS, NEW, "1.0")  # Slack tells the first once more
    assert await store.renames() == {ALERTS: last}


@pytest.mark.parametrize("done_at_once", [True, False])
async def test_a_channel_that_gets_its_old_id_back_is_there(store: WholeStore, *, done_at_once: bool) -> None:
    await store.add_watches([a_watch()], an_announcement())
    await store.keep_rename(ALERTS, NEW, "1.0")
    await store.rest(ALERTS, SuspendReason.NOT_FOUND)
    if done_at_once:
        await settle_renames(store)
    await store.keep_rename(NEW, ALERTS, "2.0")
    await store.keep_rename(ALERTS, NEW, "1.0")  # Slack tells the first once more
    await settle_renames(store)
    assert [watch.channel for watch in (await store.watches()).all] == [ALERTS]
    assert (await store.watches()).suspended == {}
    assert len(await store.owed(ALERTS)) == 1


async def test_a_repeated_rename_undoes_no_later_one(store: WholeStore) -> None:
    there, back = (ALERTS, NEW, "1.0"), (NEW, ALERTS, "2.0")
    for event in (there, back, (ALERTS, NEW, "3.0"), there, back):
        await store.keep_rename(*event)
    assert await store.renames() == {ALERTS: NEW}


async def settle_renames(store: WholeStore) -> None:
    """Nobody sends anything any more: one time suffices for each."""
    for old, new in (await store.renames()).items():
        await store.rename_channel(old, new)
    assert await store.renames() == {}


async def some_are_done(store: WholeStore, chance: random.Random) -> None:
    """In any order, and some not, since somebody sends there."""
    renames = list((await store.renames()).items())
    for old, new in chance.sample(renames, chance.randint(0, len(renames))):
        lease = await store.leased(feed(old)) if chance.random() < 0.4 else None
        with suppress(StoreAway):
            await store.rename_channel(old, new)
        if lease:
            await store.release(lease)


@pytest.mark.parametrize("comes_back", [True, False])
async def test_renames_in_any_order_end_at_the_newest_id(
    any_redis: redis.asyncio.Redis, clock: FakeClock, *, comes_back: bool
) -> None:
    """Where an id comes back, only the order in which it is told first can say which is the newest."""
    for seed in range(30):
        chance = random.Random(seed)  # noqa: S311
        await any_redis.flushall()
        store = WholeStore(any_redis, TEAM, clock)
        ids = [ChannelId(f"C0ID{number}") for number in range(5)]
        for number, channel in enumerate(ids):
            watch = a_watch(f"pipe_{number}", channel=channel)
            await store.add_watches([watch], an_announcement(f"of {channel}", channel))
        walk = [chance.choice(ids)]
        while len(walk) < 7 if comes_back else len(walk) < len(ids):
            walk.append(
                chance.choice([channel for channel in ids if channel not in (walk[-1:] if comes_back else walk)])
            )
        rename_events = [(old, new, f"{number}.0") for number, (old, new) in enumerate(pairwise(walk))]
        if not comes_back:
            chance.shuffle(rename_events)
        for number in range(len(rename_events)):
            again = chance.sample(rename_events[:number], min(number, chance.choice((0, 0, 1, 2))))
            for event in (rename_events[number], *again):
                await store.keep_rename(*event)
                await some_are_done(store, chance)
        await settle_renames(store)
        moved = [channel for channel in ids if channel in walk]
        owed = {row.id for row in await store.owed(walk[-1])}
        assert owed == {f"of {channel}" for channel in {*moved, walk[-1]}}, (seed, rename_events)
        where = {watch.reference: watch.channel for watch in (await store.watches()).all}
        assert where == {
            f"pipe_{number}": walk[-1] if channel in moved else channel for number, channel in enumerate(ids)
        }, (seed, rename_events)
