"""The store's promises, over a real Valkey and over fakeredis alike."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest
import redis.asyncio

from bot.domain.backlog import Backlog
from bot.domain.card import SyncCard, ThreadEntry
from bot.domain.delivery import AttemptState, Delivery, Lane, Message, Priority, in_slack
from bot.domain.episode import Acknowledgement
from bot.domain.grouping import regroup
from bot.domain.notice import Notice, NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.page_plan import plan_acknowledgement
from bot.domain.phase import Phase
from bot.domain.plan import Plan, Record, plan_reading
from bot.domain.routing import Routing
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, SuspendReason, TeamId, UserId
from bot.ports.interaction_store import Interaction
from bot.ports.lease_store import READER
from bot.ports.outbox import DeliveryResult, ResultKind
from bot.ports.store_errors import LeadershipLost, StoreAway
from bot.state.repository import Repository
from bot.store.channels import TRIAL_SECONDS
from bot.store.connect import connect
from bot.store.lanes import LEASE_SECONDS
from tests.builders import ALERTS, ANN, ORDERS, TEAM, a_pipeline, a_routing, a_watch, an_observation, at, changed
from tests.fakes import FakeClock
from tests.proofs.differential_store import DifferentialStore
from tests.proofs.memory import Disk, MemoryStore
from tests.stores import WholeStore, feed, pages

OTHER = ChannelId("C0OTHER")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(any_redis: redis.asyncio.Redis, clock: FakeClock) -> WholeStore:
    return WholeStore(any_redis, TEAM, clock)


def failing(record: Record | None = None, read: int = 1) -> Plan:
    observation = an_observation(Phase.FAILED, read, ready=0)
    return plan_reading(record or Record(pipeline_id=ORDERS), observation, a_routing())


def an_announcement(key: str = "hello", channel: ChannelId = ALERTS) -> Message:
    notice = Notice(kind=NoticeKind.WATCHING, at=at(0), by=ANN, watches=(a_watch(),))
    return Message(id=key, receiver=in_slack(TEAM, channel), priority=Priority.UPDATE, body=notice, made_at=at(0))


def ended(row: Delivery, **shown: int) -> DeliveryResult:
    afresh = replace(row.message, priority=Priority.UPDATE, made_at=at(9))
    return DeliveryResult(kind=ResultKind.POSTED, redraw=afresh, message_id="17.5", shown={row.id: 1} | shown)


async def test_watches_survive_and_are_counted(store: WholeStore) -> None:
    watch = a_watch(events=frozenset({Event.FAILED}))
    assert await store.add_watches([watch], an_announcement()) == 1
    watches = await store.watches()
    assert watches.all == (watch,)
    assert await store.add_watches([watch], an_announcement("again")) == 0
    assert (await store.watches()).version == watches.version
    assert [delivery.id for delivery in await store.owed(ALERTS)] == ["hello"]
    assert await store.remove_watches([watch.id], an_announcement("bye")) == 1
    assert await store.remove_watches([watch.id], an_announcement("bye again")) == 0
    assert (await store.watches()).all == ()


async def test_a_record_and_its_deliveries_are_one_write(store: WholeStore) -> None:
    plan = failing()
    assert await store.commit(plan, 0)
    stored = await store.record(ORDERS)
    assert stored == replace(plan.record, version=1)
    assert await store.records() == {ORDERS: stored}
    assert tuple(delivery.message for delivery in await store.owed(ALERTS)) == plan.messages
    assert await store.lanes_with_work() == (pages(ALERTS),)
    (card,) = (await store.cards([plan.cards[0].key])).values()
    assert (card.content, card.revision, card.message_id) == (plan.cards[0], 1, None)


async def test_a_plan_made_from_an_older_state_is_refused_whole(store: WholeStore) -> None:
    assert await store.commit(failing(), 0)
    assert not await store.commit(failing(read=2), 0)
    assert len(await store.owed(ALERTS)) == 1
    await store.add_watches([a_watch(channel=OTHER)], an_announcement(channel=OTHER))
    later = plan_acknowledgement(await store.record(ORDERS), a_routing(), Acknowledgement(by=ANN, at=at(5)))
    assert later is not None
    assert not await store.commit(later, 0)  # planned without the new watch
    assert await store.commit(later, 1)


async def test_one_of_two_concurrent_commits_wins(store: WholeStore) -> None:
    won = await asyncio.gather(*(store.commit(failing(read=n), 0) for n in range(1, 9)))
    assert sum(won) == 1
    assert len(await store.owed(ALERTS)) == 1


async def test_a_reading_of_a_former_leader_is_refused(store: WholeStore) -> None:
    """A leader that was frozen past its lease may still have a write on its way to Redis."""
    former = await store.acquire_lease(READER)
    assert former is not None
    await store.release_lease(former)
    with pytest.raises(LeadershipLost):
        await store.commit(failing(), 0, former)
    leader = await store.acquire_lease(READER)
    with pytest.raises(LeadershipLost):
        await store.commit(failing(), 0, former)
    assert await store.owed(ALERTS) == ()
    assert await store.commit(failing(), 0, leader)
    assert len(await store.owed(ALERTS)) == 1


async def test_a_lost_lease_stops_only_the_readings_that_wait_with_it(store: WholeStore) -> None:
    former = await store.acquire_lease(READER)
    assert former is not None
    await store.release_lease(former)
    plans = [Plan(record=Record(pipeline_id=PipelineId(f"pipe_{number}"))) for number in range(6)]
    leases = [None, former] * 3
    ends = await asyncio.gather(
        *(store.commit(plan, 0, lease) for plan, lease in zip(plans, leases, strict=True)), return_exceptions=True
    )
    assert [end if end is True else type(end) for end in ends] == [True, LeadershipLost] * 3


async def test_a_leader_plans_once_after_it_has_lost_its_lease(store: WholeStore) -> None:
    former = await store.acquire_lease(READER)
    assert former is not None
    await store.release_lease(former)
    repository, plans = Repository(store, asyncio.Event()), []

    def make(record: Record, _: Routing) -> Plan:
        plans.append(failing(record))
        return plans[-1]

    with pytest.raises(LeadershipLost, match="lease"):
        await repository.write(ORDERS, make, lease=former)
    assert len(plans) == 1


async def test_a_changing_card_is_owed_once(store: WholeStore) -> None:
    await store.commit(failing(), 0)
    record = await store.record(ORDERS)
    deploying = plan_reading(record, an_observation(Phase.DEPLOYING, 2, ready=0), a_routing())
    await store.commit(deploying, 0)
    rows = await store.owed(ALERTS)
    assert [type(row.body) for row in rows] == [SyncCard, ThreadEntry]


async def test_only_the_holder_of_a_lease_writes(store: WholeStore, clock: FakeClock) -> None:
    await store.commit(failing(), 0)
    (row,) = await store.owed(ALERTS)
    lease = await store.leased(pages(ALERTS))
    assert lease.expires == clock.monotonic() + LEASE_SECONDS
    assert await store.lease(pages(ALERTS)) is None
    assert await store.lease(pages(ALERTS), lease) == lease
    stranger = replace(lease, token="another")
    sending = changed(row, state=AttemptState.SENDING, count=1, sent_at=at(3))
    assert not await store.write(sending, stranger)
    assert await store.write(sending, lease)
    assert await store.owed(ALERTS) == (sending,)
    assert not await store.settle(sending, stranger, ended(row))
    await store.release(stranger)
    assert await store.lease(pages(ALERTS)) is None
    await store.release(lease)
    assert (await store.leased(pages(ALERTS))).token != lease.token


async def test_a_lease_that_ran_out_begins_again(store: WholeStore, clock: FakeClock) -> None:
    """Another worker may have had the lane meanwhile, and its request may still be in flight."""
    lease = await store.leased(pages(ALERTS))
    await clock.pass_time(LEASE_SECONDS - 1)
    extended = await store.lease(pages(ALERTS), lease)
    assert extended
    assert extended.since == lease.since
    await clock.pass_time(LEASE_SECONDS + 1)
    renewed = await store.lease(pages(ALERTS), extended)
    assert renewed
    assert renewed.since == clock.now() > lease.since


async def test_a_posted_delivery_leaves_the_outbox(store: WholeStore) -> None:
    await store.commit(failing(), 0)
    (row,) = await store.owed(ALERTS)
    lease = await store.leased(pages(ALERTS))
    assert await store.settle(row, lease, ended(row))
    assert await store.owed(ALERTS) == ()
    assert await store.lanes_with_work() == ()
    (card,) = (await store.cards([row.id])).values()
    assert (card.message_id, card.shown_revision) == ("17.5", 1)


async def test_a_card_that_moved_on_while_it_was_sent_stays_owed(store: WholeStore) -> None:
    await store.commit(failing(), 0)
    (row,) = await store.owed(ALERTS)
    lease = await store.leased(pages(ALERTS))
    await store.write(changed(row, state=AttemptState.SENDING, count=3, sent_at=at(1)), lease)
    acknowledged = plan_acknowledgement(await store.record(ORDERS), a_routing(), Acknowledgement(by=ANN, at=at(5)))
    assert acknowledged is not None
    await store.commit(acknowledged, 0)
    assert await store.settle(row, lease, ended(row))
    rows = {delivery.id: delivery for delivery in await store.owed(ALERTS)}
    assert (rows[row.id].attempt.state, rows[row.id].attempt.count) == (AttemptState.QUEUED, 0)
    lease = await store.leased(feed(ALERTS))
    assert await store.settle(rows[row.id], lease, replace(ended(row), shown={row.id: 2}))
    assert row.id not in {delivery.id for delivery in await store.owed(ALERTS)}


@pytest.mark.parametrize("removed", [True, False])
async def test_a_dropped_card_that_moved_on_stays_owed_too(store: WholeStore, *, removed: bool) -> None:
    await store.commit(failing(), 0)
    (row,) = await store.owed(ALERTS)
    lease = await store.leased(pages(ALERTS))
    acknowledged = plan_acknowledgement(await store.record(ORDERS), a_routing(), Acknowledgement(by=ANN, at=at(5)))
    assert acknowledged is not None
    await store.commit(acknowledged, 0)
    kind = ResultKind.REMOVED if removed else ResultKind.UNCHANGED
    await store.settle(row, lease, replace(ended(row), kind=kind))
    assert row.id in {delivery.id for delivery in await store.owed(ALERTS)}
    lease = await store.leased(feed(ALERTS))
    (row,) = (delivery for delivery in await store.owed(ALERTS) if delivery.id == row.id)
    await store.settle(row, lease, replace(ended(row), kind=kind, shown={row.id: 2}))
    assert row.id not in {delivery.id for delivery in await store.owed(ALERTS)}
    (card,) = (await store.cards([row.id])).values()
    assert card.removed is removed


async def test_a_dropped_line_stays_dropped_after_its_card_changes(store: WholeStore) -> None:
    await store.commit(failing(), 0)
    acknowledged = plan_acknowledgement(await store.record(ORDERS), a_routing(), Acknowledgement(by=ANN, at=at(5)))
    assert acknowledged is not None
    await store.commit(acknowledged, 0)
    lease = await store.leased(feed(ALERTS))
    line = next(delivery for delivery in await store.owed(ALERTS) if isinstance(delivery.body, ThreadEntry))
    assert await store.settle(line, lease, replace(ended(line), kind=ResultKind.UNCHANGED, shown={}))
    assert line.id not in {delivery.id for delivery in await store.owed(ALERTS)}


async def test_regrouping_replaces_rows_and_assigns_their_cards(store: WholeStore) -> None:
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
    assert not await store.regroup(grouping, pages(ALERTS), replace(lease, token="another"))
    assert await store.regroup(grouping, pages(ALERTS), lease)
    (row,) = await store.owed(ALERTS)
    assert row == grouping.row
    cards = await store.group(grouping.row.id)
    assert {card.content.key for card in cards} == set(keys)
    assert {card.group for card in cards} == {grouping.row.id}
    shown = {card.content.key: card.revision for card in cards}
    moved_on = plan_acknowledgement(
        await store.record(PipelineId("pipe_0")), a_routing(), Acknowledgement(by=ANN, at=at(5))
    )
    assert moved_on is not None
    await store.commit(moved_on, 0)
    assert await store.settle(row, lease, replace(ended(row), message_id="9.0", shown=shown, group=row.id))
    assert {card.message_id for card in await store.group(grouping.row.id)} == {"9.0"}
    assert row.id in {delivery.id for delivery in await store.owed(ALERTS)}  # one of its cards moved on


async def test_a_suspended_channel_stays_suspended_until_it_is_resumed(store: WholeStore) -> None:
    await store.commit(failing(), 0)
    direct = ChannelId("D0ANN")
    announcement = an_announcement("parked", direct)
    assert await store.suspend_now(ALERTS, SuspendReason.ARCHIVED, announcement)
    assert not await store.suspend_now(ALERTS, SuspendReason.ARCHIVED, an_announcement("twice", direct))
    assert (await store.watches()).suspended == {ALERTS: SuspendReason.ARCHIVED}
    assert await store.lanes_with_work() == (feed(direct),)
    assert len(await store.owed(direct)) == 1
    assert len(await store.owed(ALERTS)) == 1  # nothing is lost
    assert await store.resume(ALERTS)
    assert set(await store.lanes_with_work()) == {pages(ALERTS), feed(direct)}
    assert not await store.resume(ALERTS)


async def test_a_suspension_needs_the_current_watches(store: WholeStore) -> None:
    anew = replace(a_watch(), made_by=UserId("U0BOB"), made_at=at(60))
    announcements, read = [an_announcement("parked", OTHER)], [(await store.watches()).in_channel(ALERTS)]
    for number, watches in enumerate(([a_watch()], [a_watch("pipe_2")], [anew])):
        assert await store.add_watches(watches, an_announcement(f"{number}"))
        read.append((await store.watches()).in_channel(ALERTS))
    assert await store.remove_watches([anew.id], an_announcement("bye"))
    for outdated in read:
        assert await store.suspend(ALERTS, SuspendReason.ARCHIVED, announcements, outdated) is None
    assert (await store.watches()).suspended == {}
    assert await store.owed(OTHER) == ()
    assert (
        await store.suspend(ALERTS, SuspendReason.ARCHIVED, announcements, (await store.watches()).in_channel(ALERTS))
        == 1
    )


async def test_a_change_in_another_channel_does_not_stop_a_suspension(store: WholeStore) -> None:
    await store.add_watches([a_watch()], an_announcement())
    read = (await store.watches()).in_channel(ALERTS)
    named_after_it = replace(a_watch(f'","channel":"{ALERTS}"', channel=OTHER), label=ALERTS)
    await store.add_watches([named_after_it], an_announcement("other", OTHER))
    await store.suspend_now(OTHER, SuspendReason.ARCHIVED)
    version = await store.watches_version()
    assert (
        await store.suspend(ALERTS, SuspendReason.ARCHIVED, [an_announcement("parked", ChannelId("D0ANN"))], read) == 1
    )
    assert await store.watches_version() > version  # what is planned on the watches takes note of it


async def test_a_new_watch_resumes_a_suspended_channel(store: WholeStore) -> None:
    await store.suspend_now(ALERTS, SuspendReason.NOT_IN_CHANNEL)
    await store.add_watches([a_watch()], an_announcement())
    assert (await store.watches()).suspended == {}
    assert await store.resumed_at(in_slack(TEAM, ALERTS)) == at(0)


async def test_when_a_channel_woke_is_kept(store: WholeStore, clock: FakeClock) -> None:
    await store.add_watches([a_watch()], an_announcement())
    assert not await store.resume(ALERTS)
    assert await store.resumed_at(in_slack(TEAM, ALERTS)) is None  # it never rested
    await store.suspend_now(ALERTS, SuspendReason.NOT_IN_CHANNEL)
    await clock.pass_time(60)
    assert await store.resume(ALERTS)
    await store.remove_watches([a_watch().id], an_announcement("bye"))
    assert await store.resumed_at(in_slack(TEAM, ALERTS)) == at(60)


async def test_makers_get_one_suspension_notice_from_two_bots(
    store: WholeStore, any_redis: redis.asyncio.Redis, clock: FakeClock
) -> None:
    other, direct = WholeStore(any_redis, TEAM, clock), ChannelId("D0ANN")
    assert await store.suspend_now(ALERTS, SuspendReason.RESTRICTED, an_announcement("1", direct)) == 1
    for number, bot in enumerate((other, store, other)):
        assert await bot.resume(ALERTS, on_trial=True)
        assert await bot.suspend_now(ALERTS, SuspendReason.RESTRICTED, an_announcement(f"again {number}", direct)) == 0
    await store.resume(ALERTS, on_trial=True)
    assert await store.suspend_now(ALERTS, SuspendReason.ARCHIVED, an_announcement("2", direct)) == 1
    await store.resume(ALERTS)
    assert await store.suspend_now(ALERTS, SuspendReason.ARCHIVED, an_announcement("3", direct)) == 1
    await store.add_watches([a_watch()], an_announcement())
    assert await store.suspend_now(ALERTS, SuspendReason.ARCHIVED, an_announcement("4", direct)) == 1
    assert [row.id for row in await store.owed(direct)] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("lane", [pages(ALERTS), feed(ALERTS)])
async def test_a_delivered_message_makes_the_next_suspension_news(store: WholeStore, lane: Lane) -> None:
    await store.commit(failing(), 0)
    await store.enqueue([an_announcement()])
    assert await store.suspend_now(ALERTS, SuspendReason.RESTRICTED, an_announcement("1", OTHER)) == 1
    await store.resume(ALERTS, on_trial=True)
    (row,) = await store.deliveries(lane)
    assert await store.settle(row, await store.leased(lane), ended(row))
    assert await store.suspend_now(ALERTS, SuspendReason.RESTRICTED, an_announcement("2", OTHER)) == 1


async def test_a_suspension_notice_is_remembered_for_a_day_on_trial(
    store: WholeStore, any_redis: redis.asyncio.Redis
) -> None:
    key = store._keys.suspend_notice(ALERTS)
    for _ in range(2):
        await store.suspend_now(ALERTS, SuspendReason.RESTRICTED)
        assert await any_redis.ttl(key) == -1
        await store.resume(ALERTS, on_trial=True)
        assert TRIAL_SECONDS - 60 < await any_redis.ttl(key) <= TRIAL_SECONDS


async def test_the_memory_store_remembers_suspension_notices_like_redis(
    any_redis: redis.asyncio.Redis, clock: FakeClock
) -> None:
    async def at_once() -> None: ...

    disk = Disk()
    real, memory = WholeStore(any_redis, TEAM, clock), MemoryStore(lambda: disk, TEAM, clock, 1, at_once)
    differential, numbers = DifferentialStore(real, memory), itertools.count()
    for reason, on_trial in itertools.product(SuspendReason, (True, False)):
        for read in ([a_watch()], [], []):
            await differential.suspend(ALERTS, reason, [an_announcement(f"{next(numbers)}", OTHER)], read)
            await differential.resume(ALERTS, on_trial=on_trial)
    await differential.add_watches([a_watch()], an_announcement())
    last = [an_announcement("last", OTHER)]
    await differential.suspend(ALERTS, SuspendReason.RESTRICTED, last, [a_watch()])
    assert len(await differential.deliveries(feed(OTHER))) == 9
    await clock.pass_time(TRIAL_SECONDS)
    await memory.resume(ALERTS, on_trial=True)
    await clock.pass_time(TRIAL_SECONDS)
    later = [an_announcement("a day later", OTHER)]
    assert await memory.suspend(ALERTS, SuspendReason.RESTRICTED, later, [a_watch()]) == 1


async def test_an_interaction_is_added_once(store: WholeStore) -> None:
    one, two = (Interaction(team=TEAM, id=f"click {n}", kind="click", at=at(n), payload={"user": ANN}) for n in (1, 2))
    assert await store.add_interaction(one)
    assert not await store.add_interaction(one)
    assert await store.add_interaction(two)
    assert await store.unfinished_interactions() == (one, two)
    await store.finish_interaction(one)
    assert await store.unfinished_interactions() == (two,)
    assert not await store.add_interaction(one)
    assert await store.unfinished_interactions() == (two,)


async def test_workspaces_live_side_by_side_each_in_one_slot(
    store: WholeStore, any_redis: redis.asyncio.Redis, clock: FakeClock
) -> None:
    other = WholeStore(any_redis, TeamId("T0OTHER"), clock)
    await store.commit(failing(), 0)
    await store.add_watches([a_watch()], an_announcement())
    assert await other.records() == {}
    assert (await other.watches()).all == ()
    assert await other.lanes_with_work() == ()
    keys = [str(key) for key in await any_redis.keys("*")]
    assert all(f"{{{TEAM}}}" in key for key in keys)


async def test_deliveries_and_interactions_carry_their_team_without_storing_it(
    any_redis: redis.asyncio.Redis, clock: FakeClock
) -> None:
    """The team is in every key. Two teams may get equal rows, and the bot caches decoded ones."""
    message = an_announcement()
    for team in (TEAM, TeamId("T0OTHER")):
        store = WholeStore(any_redis, team, clock)
        await store.enqueue([replace(message, receiver=in_slack(team, ALERTS))])
        (lane,) = await store.lanes_with_work()
        (row,) = await store.deliveries(lane)
        assert lane.receiver.team == row.receiver.team == team
        click = Interaction(team=team, id="click", kind="click", at=at(0), payload={})
        assert await store.add_interaction(click)
        assert await store.unfinished_interactions() == (click,)
        keys = store._keys
        rows = [*await any_redis.hvals(keys["deliveries"]), *await any_redis.hvals(keys["interactions"])]
        assert not any(b"team" in stored_row for stored_row in rows)


async def test_a_store_refuses_a_delivery_of_another_team(store: WholeStore) -> None:
    with pytest.raises(ValueError, match="T0OTHER"):
        await store.enqueue([replace(an_announcement(), receiver=in_slack(TeamId("T0OTHER"), ALERTS))])
    assert await store.lanes_with_work() == ()


async def test_epochs_grow_and_the_catalogue_is_kept(store: WholeStore) -> None:
    assert await store.next_epoch() < await store.next_epoch()
    assert await store.catalogue() == {}
    await store.save_pipelines([a_pipeline()])
    assert await store.catalogue() == {ORDERS: a_pipeline()}


async def test_a_phase_of_the_future_survives_the_store(store: WholeStore) -> None:
    plan = plan_reading(Record(pipeline_id=ORDERS), an_observation(Phase("Hibernating")), a_routing())
    await store.commit(plan, 0)
    phase = (await store.record(ORDERS)).state.phase
    assert phase is not None
    assert (str(phase), phase.known) == ("Hibernating", False)


async def test_a_store_that_is_away_says_so() -> None:
    client = connect("redis://127.0.0.1:1")
    store = WholeStore(client, TEAM, FakeClock())
    with pytest.raises(StoreAway, match="does not answer"):
        await store.watches()
    with pytest.raises(StoreAway):
        await store.commit(failing(), 0)
    await client.aclose()


async def test_a_write_whose_answer_comes_after_a_greeting_is_counted_once(store: WholeStore) -> None:
    """The bot greets the store anew when it accepts a loss. Its lanes go on writing meanwhile."""
    await store.last_heartbeat()
    run = store._scripts.run

    async def greeted_first(script: str, keys: Sequence[str], args: Sequence[str | int | bytes]) -> int:
        answer = await run(script, keys, args)
        store._scripts.run = run  # type: ignore[method-assign]
        await store._scripts.greet()
        return answer

    store._scripts.run = greeted_first  # type: ignore[method-assign]
    await store.enqueue([an_announcement("one")])
    await store.enqueue([an_announcement("two")])
    assert len(await store.owed(ALERTS)) == 2
