"""Which roles nobody plays, as each process notices it."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

import pytest
import redis.asyncio

from bot.coordination.role_watch import RoleWatch
from bot.domain.presence import ANNOUNCE_SECONDS, Announced, ReadingSource
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import EventRecord, subscribed
from bot.ports.telemetry.process import ReaderIdle, ReaderServing, RolesComplete, RolesMissing
from bot.readers.scheduler_watch import SchedulerWatch
from bot.store.presence import RedisPresence
from bot.store.scripts import Scripts
from tests.builders import TEAM
from tests.fakes import FakeClock

SOURCE = ReadingSource(url="https://api.example.com/", fingerprint="1-abc")


@dataclass
class Lead:
    """Implements `LeadershipStatus`."""

    is_leader: bool = True
    lease: None = None


class FailingPresence(RedisPresence):
    """Fails while Redis is `away`, for every process alike."""

    away = False

    async def announce(self, roles: Collection[str], source: ReadingSource | None = None) -> Announced:
        if FailingPresence.away:
            raise StoreAway("away")
        return await super().announce(roles, source)


def watch(client: redis.asyncio.Redis, clock: FakeClock, *roles: str) -> RoleWatch:
    return RoleWatch(
        presence=FailingPresence(Scripts(client, TEAM), clock),
        roles=roles,
        source=SOURCE,
        leadership=Lead(is_leader="scheduler" in roles),
        clock=clock,
    )


def reader(client: redis.asyncio.Redis, clock: FakeClock, source: ReadingSource = SOURCE) -> SchedulerWatch:
    return SchedulerWatch(presence=FailingPresence(Scripts(client, TEAM), clock), source=source, team=TEAM, clock=clock)


async def checked(clock: FakeClock, watches: Collection[RoleWatch | SchedulerWatch], seconds: float) -> None:
    for _ in range(int(seconds / ANNOUNCE_SECONDS)):
        for one in watches:
            with suppress(StoreAway):
                await one.check()
        await clock.pass_time(ANNOUNCE_SECONDS)


async def test_a_role_that_nobody_plays_is_reported_once_and_when_it_is_back(any_redis: redis.asyncio.Redis) -> None:
    clock, records = FakeClock(), list[EventRecord]()
    scheduler, slack = watch(any_redis, clock, "scheduler", "reader"), watch(any_redis, clock, "slack")
    sender = watch(any_redis, clock, "sender")
    with subscribed(records.append):
        await checked(clock, [scheduler, slack, sender], 60)
        assert records == []
        await checked(clock, [scheduler, slack], 60)
        assert [record.roles for record in records if isinstance(record, RolesMissing)] == [("sender",), ("sender",)]
        assert slack.is_missing("sender")
        assert slack.problem is not None
        assert slack.problem.endswith(": no message reaches Slack")
        await checked(clock, [sender, scheduler, slack], 10)
    assert sum(isinstance(record, RolesComplete) for record in records) == 2
    assert slack.problem is None


async def test_a_new_process_gives_the_others_time_to_start(any_redis: redis.asyncio.Redis) -> None:
    clock = FakeClock()
    await checked(clock, [watch(any_redis, clock, "sender")], 10)
    await clock.pass_time(3600)
    slack = watch(any_redis, clock, "slack")
    await checked(clock, [slack], 20)
    assert slack.problem is None
    await checked(clock, [slack], 10)
    assert slack.is_missing("sender")
    assert slack.is_missing("scheduler")
    assert not slack.is_missing("slack")


async def test_an_emptied_redis_alone_makes_nobody_missing(any_redis: redis.asyncio.Redis) -> None:
    clock = FakeClock()
    everybody = [watch(any_redis, clock, "scheduler", "reader", "slack"), watch(any_redis, clock, "sender")]
    await checked(clock, everybody, 30)
    await any_redis.flushall()
    await checked(clock, everybody, 10)
    assert [one.problem for one in everybody] == [None, None]


async def outage(
    clock: FakeClock, watches: Collection[RoleWatch | SchedulerWatch], seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis is away, and then back."""
    with monkeypatch.context() as patch:
        patch.setattr(FailingPresence, "away", True)
        await checked(clock, watches, seconds)


@pytest.mark.parametrize("emptied", [False, True])
async def test_an_outage_of_redis_makes_nobody_missing(
    any_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch, *, emptied: bool
) -> None:
    """The first to come back finds only old announcements: nobody could announce itself."""
    clock, records = FakeClock(), list[EventRecord]()
    scheduler, one = watch(any_redis, clock, "scheduler"), reader(any_redis, clock)
    others = [watch(any_redis, clock, "slack"), watch(any_redis, clock, "sender")]
    everybody: list[RoleWatch | SchedulerWatch] = [scheduler, one, *others]
    await checked(clock, everybody, 30)
    with subscribed(records.append):
        await outage(clock, everybody, 40, monkeypatch)
        if emptied:
            await any_redis.flushall()
        await checked(clock, [one], 10)
        await checked(clock, [scheduler, one], 5)
        await checked(clock, everybody, 30)
    assert records == []
    assert (scheduler.problem, one.problem) == (None, None)


async def test_a_role_that_stays_away_after_an_outage_is_missing_after_the_grace(
    any_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, records = FakeClock(), list[EventRecord]()
    slack, sender = watch(any_redis, clock, "slack"), watch(any_redis, clock, "sender")
    scheduler, one = watch(any_redis, clock, "scheduler"), reader(any_redis, clock)
    await checked(clock, [scheduler, one, slack, sender], 30)
    with subscribed(records.append):
        await outage(clock, [one, slack], 40, monkeypatch)
        await checked(clock, [one, slack], 20)
        assert records == []
        await checked(clock, [one, slack], 10)
    assert slack.problem is not None
    assert "no process with the role sender has run for 30 s" in slack.problem
    assert [type(record) for record in records] == [ReaderIdle, RolesMissing]


async def test_an_outage_hides_no_role_that_was_missing_before(
    any_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, records = FakeClock(), list[EventRecord]()
    slack, one = watch(any_redis, clock, "slack"), reader(any_redis, clock)
    await checked(clock, [watch(any_redis, clock, "scheduler")], 5)
    await checked(clock, [slack, one], 40)
    assert slack.is_missing("scheduler")
    assert one.problem is not None
    with subscribed(records.append):
        await outage(clock, [slack, one], 40, monkeypatch)
        await checked(clock, [slack, one], 20)
    assert records == []
    assert slack.is_missing("scheduler")
    assert "no scheduler" in one.problem


async def test_a_reader_that_starts_after_an_outage_gives_the_scheduler_time(any_redis: redis.asyncio.Redis) -> None:
    clock, records = FakeClock(), list[EventRecord]()
    scheduler = watch(any_redis, clock, "scheduler", "slack", "sender")
    await checked(clock, [scheduler], 5)
    await clock.pass_time(50)
    one = reader(any_redis, clock)
    with subscribed(records.append):
        await checked(clock, [one], 5)
        await checked(clock, [scheduler, one], 5)
    assert [type(record) for record in records] == [ReaderServing]


@pytest.mark.parametrize("reads", ["{", "1", "null", "[1]", "{}"])
async def test_a_damaged_announcement_is_replaced_by_the_next(any_redis: redis.asyncio.Redis, reads: str) -> None:
    clock = FakeClock()
    key = Scripts(any_redis, TEAM).keys["alive"]
    await any_redis.hset(key, mapping={"sender": "noon", "reads": reads, "unknown": "1"})
    presence = RedisPresence(Scripts(any_redis, TEAM), clock)
    assert (await presence.announce(())).seen == {}
    announced = await presence.announce(["sender"], SOURCE)
    assert announced.seen == {"sender": clock.now()}
    assert (announced.source, announced.source_at) == (SOURCE, clock.now())


async def test_a_reader_is_idle_until_a_scheduler_reads_the_same(any_redis: redis.asyncio.Redis) -> None:
    clock, records = FakeClock(), list[EventRecord]()
    scheduler, one = watch(any_redis, clock, "scheduler", "slack", "sender"), reader(any_redis, clock)
    with subscribed(records.append):
        await checked(clock, [one], 10)
        assert one.problem is not None
        assert "no scheduler" in one.problem
        await checked(clock, [scheduler, one], 40)
        assert one.problem is None
        assert scheduler.problem is None
        await checked(clock, [one], 60)
        assert one.problem is not None
    kinds = [type(record) for record in records if isinstance(record, ReaderIdle | ReaderServing)]
    assert kinds == [ReaderIdle, ReaderServing, ReaderIdle]


async def test_a_reader_that_gets_nothing_does_not_count_as_one(any_redis: redis.asyncio.Redis) -> None:
    clock = FakeClock()
    scheduler = watch(any_redis, clock, "scheduler", "slack", "sender")
    other_key = reader(any_redis, clock, ReadingSource(url=SOURCE.url, fingerprint="1-def"))
    await checked(clock, [scheduler, other_key], 60)
    assert scheduler.is_missing("reader")
    assert "GOLDRUSH_SERVICE_KEY" in (other_key.problem or "")
