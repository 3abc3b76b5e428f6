"""How much one person may ask, and how much is worked on at once."""

import asyncio

import pytest

from bot.domain.watch import UserId
from bot.slack.inbound import person_limits
from bot.slack.inbound.person_limits import CHANGE_COSTS, TOLD_EVERY_SECONDS, BusyError, CommandSlots, PersonLimits
from tests.fakes import FakeClock, settle

ANN, BOB = UserId("U0ANN"), UserId("U0BOB")
PER_MINUTE = 30
BURST = 20


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def taken(limits: PersonLimits, person: UserId, times: int, cost: float = 1.0) -> int:
    return sum(limits.take(person, cost) is None for _ in range(times))


def test_a_burst_is_taken_and_then_so_many_a_minute(clock: FakeClock) -> None:
    limits = PersonLimits(clock, PER_MINUTE)
    assert taken(limits, ANN, 100) == BURST
    clock.seconds += 60
    assert taken(limits, ANN, 100) == BURST
    clock.seconds += 10
    assert taken(limits, ANN, 100) == 5


def test_a_steady_pace_is_never_refused(clock: FakeClock) -> None:
    limits = PersonLimits(clock, PER_MINUTE)
    for _ in range(300):
        assert limits.take(ANN) is None
        clock.seconds += 60 / PER_MINUTE


def test_each_person_has_their_own_limit(clock: FakeClock) -> None:
    limits = PersonLimits(clock, PER_MINUTE)
    taken(limits, ANN, 1000)
    assert taken(limits, BOB, 100) == BURST


def test_a_flood_is_answered_once_and_says_when_to_try_again(clock: FakeClock) -> None:
    limits = PersonLimits(clock, PER_MINUTE)
    taken(limits, ANN, BURST)
    refused = [limits.take(ANN) for _ in range(100)]
    assert [refusal.tell for refusal in refused if refusal] == [True, *[False] * 99]
    assert refused[0]
    refusal = refused[0].refusal
    assert "Nothing was changed" in refusal.reason
    assert refusal.hint is not None
    assert refusal.hint.startswith("Wait 5 s, then try again.")
    assert "20 at once, then 30 a minute" in refusal.hint
    clock.seconds += 5
    assert limits.take(ANN) is None


@pytest.mark.parametrize("per_minute", [1, 2, 30, 600])
@pytest.mark.parametrize("cost", [1.0, CHANGE_COSTS])
def test_a_change_after_the_wait_that_the_refusal_names_is_accepted(
    clock: FakeClock, per_minute: int, cost: float
) -> None:
    """Questions cost less than changes, and the person may wait for either."""
    limits = PersonLimits(clock, per_minute)
    while (refused := limits.take(ANN, cost)) is None:
        pass
    assert refused.tell
    clock.seconds += refused.seconds
    assert limits.take(ANN, CHANGE_COSTS) is None


def test_a_request_refused_after_the_wait_is_answered_again(clock: FakeClock) -> None:
    """Others of the same person may take what came back meanwhile."""
    limits = PersonLimits(clock, PER_MINUTE)
    taken(limits, ANN, BURST)
    refused = limits.take(ANN)
    assert refused
    clock.seconds += refused.seconds
    taken(limits, ANN, 2)
    again = limits.take(ANN)
    assert again
    assert again.tell


def test_a_long_flood_is_refused_now_and_then(clock: FakeClock) -> None:
    limits = PersonLimits(clock, PER_MINUTE)
    warnings = 0
    for _ in range(600):  # ten a second, for a minute
        refused = limits.take(ANN)
        warnings += bool(refused and refused.tell)
        clock.seconds += 0.1
    assert warnings <= 60 / TOLD_EVERY_SECONDS + 1


def test_changes_count_twice(clock: FakeClock) -> None:
    limits = PersonLimits(clock, PER_MINUTE)
    assert taken(limits, ANN, 100, CHANGE_COSTS) == BURST / CHANGE_COSTS


def test_a_small_limit_still_lets_changes_through(clock: FakeClock) -> None:
    limits = PersonLimits(clock, 1)
    assert taken(limits, ANN, 10, CHANGE_COSTS) == 1


def test_the_buckets_do_not_grow_without_end(clock: FakeClock) -> None:
    limits = PersonLimits(clock, PER_MINUTE)
    for number in range(person_limits.MOST_PEOPLE + 500):
        limits.take(UserId(f"U{number}"))
    assert len(limits._buckets) == person_limits.MOST_PEOPLE


async def test_one_person_works_on_two_at_once_and_others_do_not_wait() -> None:
    slots, go, under_way = CommandSlots(per_person=2, in_all=3), asyncio.Event(), list[UserId]()

    async def work(person: UserId) -> None:
        async with slots.taken(person):
            under_way.append(person)
            await go.wait()

    tasks = [asyncio.create_task(work(user_id)) for user_id in (ANN, ANN, ANN, ANN, BOB)]
    await settle()
    assert under_way == [ANN, ANN, BOB]
    go.set()
    await asyncio.gather(*tasks)
    assert under_way.count(ANN) == 4
    assert slots._slots == {}


async def test_a_command_without_a_slot_is_refused_in_time() -> None:
    slots = CommandSlots(per_person=1, in_all=1)
    async with slots.taken(ANN):
        for person in (ANN, BOB):
            with pytest.raises(BusyError):
                async with slots.taken(person, wait_seconds=0.01):
                    pass
    async with slots.taken(BOB, wait_seconds=0.01):
        pass
    assert slots._slots == {}


async def test_a_command_that_gives_up_holds_no_slot() -> None:
    slots = CommandSlots(per_person=1, in_all=1)
    async with slots.taken(ANN):
        waiting = asyncio.create_task(_enter(slots, BOB))
        await settle()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with slots.taken(BOB, wait_seconds=0.01):
        pass


async def _enter(slots: CommandSlots, person: UserId) -> None:
    async with slots.taken(person):
        pass
