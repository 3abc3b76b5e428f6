"""The setup and the audit log, over every Redis alike."""

from dataclasses import replace
from datetime import date, time, timedelta

import pytest
import redis.asyncio

from bot.domain.on_call_setup import (
    WORKSPACE,
    DefaultPolicy,
    SavedOverride,
    SavedPolicy,
    SavedRotation,
    SavedSchedule,
    SavedShadow,
    policy_named,
)
from bot.domain.rotation import TurnUnit
from bot.domain.setup import NO_SETUP, SetupRow
from tests.builders import ALERTS, ANN, TEAM, a_message, a_person, a_setup_change, a_watch, at, saved_policy
from tests.fakes import FakeClock
from tests.proofs.differential_store import DifferentialStore
from tests.proofs.memory import Disk, MemoryStore
from tests.stores import WholeStore, pages

BERLIN = SavedRotation(
    people=(a_person("U0ANN"), a_person("U0BOB")),
    every=1,
    unit=TurnUnit.WEEKS,
    handover=time(9),
    anchor=date(2026, 11, 23),
    zone="Europe/Berlin",
)
ROWS: tuple[SetupRow, ...] = (
    saved_policy(),
    SavedSchedule(name="data", rotation=BERLIN, made_by=ANN, made_at=at(0)),
    SavedOverride(
        schedule="data", person=a_person("U0BOB"), start=at(0), end=at(60), why="dentist", made_by=ANN, made_at=at(0)
    ),
    SavedShadow(schedule="data", person=a_person("U0CAROL"), start=at(0), end=at(60), made_by=ANN, made_at=at(0)),
    DefaultPolicy(scope=WORKSPACE, policy="data", made_by=ANN, made_at=at(0)),
    DefaultPolicy(scope=ALERTS, policy="data", made_by=ANN, made_at=at(0)),
)


@pytest.fixture
def store(any_redis: redis.asyncio.Redis) -> WholeStore:
    return WholeStore(any_redis, TEAM, FakeClock())


async def test_every_kind_of_row_is_read_with_the_watches(store: WholeStore) -> None:
    assert (await store.watches()).setup == NO_SETUP
    assert await store.change_setup(a_setup_change(0, *ROWS))
    watches = await store.watches()
    assert set(watches.setup.rows) == set(ROWS)
    assert watches.version == 1
    policy = policy_named(watches.setup, "DATA")
    assert policy is not None
    assert policy.steps[0].wait == timedelta(minutes=5)


async def test_the_changes_after_a_position_bring_the_setup(store: WholeStore) -> None:
    await store.add_watches([a_watch()], a_message("announced"))
    position = (await store.watches()).position
    await store.change_setup(a_setup_change(1, saved_policy()))
    changes = await store.watch_changes(position)
    assert changes is not None
    assert (changes.version, changes.setup.all(SavedPolicy)) == (2, (saved_policy(),))


async def test_a_change_planned_on_an_older_setup_is_refused_whole(store: WholeStore) -> None:
    await store.change_setup(a_setup_change(0, saved_policy()))
    late = replace(a_setup_change(0, saved_policy("other")), announcements=(a_message("announced"),))
    assert not await store.change_setup(late)
    assert (await store.watches()).setup.rows == (saved_policy(),)
    assert await store.owed(ALERTS) == ()
    assert len((await store.audit()).entries) == 1


async def test_a_change_announces_and_is_recorded_in_the_same_step(store: WholeStore) -> None:
    await store.change_setup(a_setup_change(0, saved_policy()))
    removal = a_setup_change(1, removed=[saved_policy()])
    assert await store.change_setup(replace(removal, announcements=(a_message("announced"),)))
    assert (await store.watches()).setup == NO_SETUP
    assert [delivery.id for delivery in await store.owed(ALERTS)] == ["announced"]
    last, first = (await store.audit()).entries
    assert (first.subject, first.label, first.by, first.before, first.after) == (
        "policy",
        "data",
        ANN,
        "",
        "@ann wait 5m",
    )
    assert (last.before, last.after) == ("@ann wait 5m", "")


async def test_the_audit_log_is_read_in_pages(store: WholeStore) -> None:
    for number in range(5):
        await store.change_setup(a_setup_change(number, saved_policy(f"p{number}")))
    first = await store.audit(count=2)
    second = await store.audit(first.older, count=2)
    third = await store.audit(second.older, count=2)
    labels = [[entry.label for entry in page.entries] for page in (first, second, third)]
    assert labels == [["p4", "p3"], ["p2", "p1"], ["p0"]]
    assert third.older == ""


async def test_the_memory_store_changes_the_setup_like_redis(store: WholeStore) -> None:
    """Each answer of both stores is compared."""

    async def at_once() -> None: ...

    clock, disk = FakeClock(), Disk()
    both = DifferentialStore(store, MemoryStore(lambda: disk, TEAM, clock, 1, at_once))
    await both.add_watches([a_watch()], a_message("announced"))
    position = (await both.watches()).position
    change = replace(a_setup_change(1, *ROWS), announcements=(a_message("changed"),))
    assert await both.change_setup(change)
    assert not await both.change_setup(change)
    assert await both.change_setup(a_setup_change(2, saved_policy("other"), removed=ROWS[1:2]))
    assert (await both.watches()).version == 3
    assert len((await both.watch_changes(position)).setup.rows) == len(ROWS)
    assert len(await both.deliveries(pages(ALERTS))) == 2


async def test_the_audit_log_drops_what_is_older_than_90_days(store: WholeStore) -> None:
    old = "1000-0"
    await store._redis.xadd(store._keys["audit"], {"entry": "of long ago"}, id=old)
    await store.change_setup(a_setup_change(0, saved_policy()))
    assert [entry.label for entry in (await store.audit()).entries] == ["data"]
