"""The budget of requests: routes that slow down alone, and what people leave for the polling."""

import pytest

from bot.monitoring.budget import PEOPLES_BURST_SECONDS, RESERVED_SHARE, Budget, Route
from tests.fakes import FakeClock

RATE = 4.0


def taken(budget: Budget, clock: FakeClock, route: Route, seconds: float) -> int:
    number = 0
    for _ in range(round(seconds / 0.25)):
        number += budget.try_take(route)
        clock.seconds += 0.25
    return number


def test_polling_alone_gets_the_whole_budget() -> None:
    clock = FakeClock()
    budget = Budget(RATE, clock)
    assert taken(budget, clock, Route.STATUS, 100) == pytest.approx(RATE * 100, abs=RATE)
    assert budget.polling_rate == RATE


def test_a_429_slows_down_its_own_route_only() -> None:
    clock = FakeClock()
    budget = Budget(RATE, clock)
    for _ in range(5):
        budget.throttled(Route.LISTING, 0.0)
    assert budget.rate == RATE
    for _ in range(5):
        budget.throttled(Route.STATUS, 0.0)
    assert budget.rate == pytest.approx(RATE * 0.85**5)
    clock.seconds += 1.0
    assert taken(budget, clock, Route.STATUS, 10) <= RATE * 10 * 0.6
    clock.seconds += 100.0
    assert budget.rate == RATE


def test_repeated_429s_leave_a_tenth_of_the_rate() -> None:
    budget = Budget(RATE, FakeClock())
    for _ in range(50):
        budget.throttled(Route.STATUS, 0.0)
    assert budget.rate == pytest.approx(RATE / 10)


async def test_polling_plans_with_what_people_leave() -> None:
    clock = FakeClock()
    budget = Budget(RATE, clock)
    for _ in range(60):
        await budget.take(Route.STATUS, 0.0)
        clock.seconds += 2.0
    assert budget.polling_rate == pytest.approx(RATE - 0.5, abs=0.05)
    clock.seconds += 300.0
    assert budget.polling_rate == pytest.approx(RATE, abs=0.01)


async def test_people_never_take_more_than_their_share_from_a_polling_that_needs_it() -> None:
    clock = FakeClock()
    budget = Budget(RATE, clock)
    people = 0
    for _ in range(400):
        while budget.try_take(Route.STATUS):
            pass
        people += await budget.take(Route.STATUS, 0.0)
        clock.seconds += 0.25
    assert people <= 100 * RATE * RESERVED_SHARE + RATE * PEOPLES_BURST_SECONDS
    assert budget.polling_rate >= RATE * (1 - RESERVED_SHARE)


def test_logs_get_half_of_peoples_share_while_the_polling_needs_all() -> None:
    clock = FakeClock()
    budget, spare, polled = Budget(RATE, clock), 0, 0
    for _ in range(1200):
        while budget.try_take(Route.STATUS):
            polled += 1
        spare += budget.try_take_spare(Route.LOGS)
        clock.seconds += 0.25
    assert 0 < spare <= RESERVED_SHARE * RATE * 300 + RATE * PEOPLES_BURST_SECONDS
    assert polled >= (1 - RESERVED_SHARE) * RATE * 300 - RATE


def test_a_small_budget_leaves_something_for_what_can_wait() -> None:
    clock = FakeClock()
    budget, spare = Budget(0.2, clock), 0
    for _ in range(4800):
        budget.try_take(Route.STATUS)
        spare += budget.try_take_spare(Route.LOGS)
        clock.seconds += 0.25
    assert spare >= 10
