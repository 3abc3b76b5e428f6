"""A channel gets another id: what the store keeps, over a real Valkey and over fakeredis alike."""

from dataclasses import replace

import pytest
import redis.asyncio

from bot.domain.alias import IdChange
from bot.domain.delivery import in_slack
from bot.domain.watch import ChannelId, SuspendReason, Target, TargetKind
from bot.ports.store_errors import StoreAway, StoreRolledBack
from bot.ports.watch_store import Watches
from tests.builders import ALERTS, TEAM, a_watch, at
from tests.contract.test_store import an_announcement, failing
from tests.fakes import FakeClock
from tests.stores import WholeStore, feed

OTHER, NEW, LAST = ChannelId("C0OTHER"), ChannelId("C0NEW"), ChannelId("C0LAST")
CHANGE = IdChange(ALERTS, NEW, "1.0")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(any_redis: redis.asyncio.Redis, clock: FakeClock) -> WholeStore:
    return WholeStore(any_redis, TEAM, clock)


async def test_the_rows_of_a_channel_stay_where_they_are(store: WholeStore) -> None:
    await store.add_watches([a_watch()], an_announcement())
    await store.commit(failing(), 1)
    lease = await store.leased(feed(ALERTS))  # a sender is at work
    before = await store.owed(ALERTS), (await store.watches()).all, await store.records()
    assert await store.change_ids([CHANGE])
    assert (await store.owed(ALERTS), (await store.watches()).all, await store.records()) == before
    assert await store.owed(NEW) == ()
    await store.release(lease)
    aliases = await store.aliases()
    assert [aliases.stable(channel) for channel in (ALERTS, NEW)] == [ALERTS, ALERTS]
    assert [aliases.current(channel) for channel in (ALERTS, NEW)] == [NEW, NEW]


async def test_every_bot_knows_a_new_id(any_redis: redis.asyncio.Redis, clock: FakeClock, store: WholeStore) -> None:
    await store.change_ids([CHANGE])
    assert (await WholeStore(any_redis, TEAM, clock).aliases()).current(ALERTS) == NEW


async def test_a_repeated_change_writes_nothing(store: WholeStore) -> None:
    assert await store.change_ids([CHANGE])
    version = await store.watches_version()
    await store.suspend_now(ALERTS, SuspendReason.NOT_FOUND)  # the new id is gone too
    assert not await store.change_ids([CHANGE, CHANGE])
    assert not await store.change_ids([])
    assert await store.watches_version() == version + 1
    assert (await store.watches()).suspended == {ALERTS: SuspendReason.NOT_FOUND}


async def test_later_changes_lead_to_the_newest_id(store: WholeStore) -> None:
    await store.change_ids([CHANGE])
    await store.change_ids([IdChange(NEW, LAST, "2.0")])
    aliases = await store.aliases()
    assert [aliases.current(channel) for channel in (ALERTS, NEW, LAST)] == [LAST] * 3
    assert [aliases.stable(channel) for channel in (ALERTS, NEW, LAST)] == [ALERTS] * 3


@pytest.mark.parametrize("refused", [ALERTS, NEW])  # the old id, or the new one before Slack had it
async def test_a_channel_that_slack_did_not_find_resumes_under_its_new_id(
    store: WholeStore, clock: FakeClock, refused: ChannelId
) -> None:
    await store.add_watches([a_watch()], an_announcement())
    await store.suspend_now(refused, SuspendReason.NOT_FOUND)
    await clock.pass_time(5)
    await store.change_ids([CHANGE])
    assert (await store.watches()).suspended == {}
    assert await store.lanes_with_work() == (feed(ALERTS),)
    assert await store.resumed_at(in_slack(TEAM, refused)) == at(5)  # late messages say why
    assert await store.suspend_now(refused, SuspendReason.NOT_FOUND, an_announcement("again", OTHER)) == 1  # is news


async def test_a_suspension_for_another_reason_or_of_another_channel_stays(store: WholeStore) -> None:
    await store.suspend_now(ALERTS, SuspendReason.ARCHIVED)
    await store.suspend_now(OTHER, SuspendReason.NOT_FOUND)
    await store.change_ids([CHANGE])
    assert (await store.watches()).suspended == {ALERTS: SuspendReason.ARCHIVED, OTHER: SuspendReason.NOT_FOUND}


async def test_watches_made_under_the_new_id_before_the_announcement_join_the_others(store: WholeStore) -> None:
    early, same = a_watch("pipe_3", channel=NEW), a_watch(channel=NEW, targets=(Target(kind=TargetKind.HERE),))
    await store.add_watches([a_watch(), a_watch("pipe_2")], an_announcement())
    await store.add_watches([early, same], an_announcement("newer", NEW))
    await store.change_ids([CHANGE])
    watches = await store.watches()
    assert set(watches.all) == {a_watch(), a_watch("pipe_2"), replace(early, channel=ALERTS)}
    assert await store.remove_watches([watch.id for watch in watches.all], an_announcement("ended")) == 3
    assert (await store.watches()).all == ()
    assert [row.id for row in await store.owed(NEW)] == ["newer"]  # goes out too: Slack has one current id for both


async def test_a_watch_that_a_slow_request_made_under_the_new_id_joins_the_others_later(store: WholeStore) -> None:
    await store.change_ids([CHANGE])
    await store.add_watches([a_watch(channel=NEW)], an_announcement())
    assert not await store.change_ids([])
    assert (await store.watches()).all == (a_watch(),)


async def test_a_watch_made_meanwhile_is_not_lost(any_redis: redis.asyncio.Redis, clock: FakeClock) -> None:
    class ChangesOnce(WholeStore):
        done = False

        async def watches(self) -> Watches:
            before = await super().watches()
            if not self.done:
                self.done = True
                await WholeStore(any_redis, TEAM, clock).add_watches([a_watch(channel=NEW)], an_announcement())
            return before

    store = ChangesOnce(any_redis, TEAM, clock)
    assert await store.change_ids([CHANGE])
    assert (await store.watches()).all == (a_watch(),)


async def test_watches_that_always_change_leave_the_event_to_slack(
    any_redis: redis.asyncio.Redis, clock: FakeClock
) -> None:
    class AlwaysOld(WholeStore):
        async def watches(self) -> Watches:
            return replace(await super().watches(), version=99)

    store = AlwaysOld(any_redis, TEAM, clock)
    with pytest.raises(StoreAway):
        await store.change_ids([CHANGE])
    assert (await store.aliases()).by_id == {}


async def test_a_store_that_lost_writes_records_nothing(store: WholeStore) -> None:
    store.meet_another_server()
    with pytest.raises(StoreRolledBack):
        await store.change_ids([CHANGE])
    assert (await store.aliases()).by_id == {}
