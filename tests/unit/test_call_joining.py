"""Repeated calls go out together, and steps that call other people keep their time."""

from bot.domain.call_joining import JOINS_WITHIN, calls_due, joining
from bot.domain.episode import Acknowledgement, Episode
from bot.domain.on_call_setup import SavedPolicy
from bot.domain.plan import Plan
from bot.domain.watch import Target
from tests.builders import ANN, at
from tests.unit.test_pages import DATA, MINUTE, PAGE_ANN, PAGE_BOB, a_policy, acknowledged, failed, routing, served


def episode_of(plan: Plan) -> Episode:
    assert plan.record.episode
    return plan.record.episode


def of_watch(*targets: Target) -> Episode:
    """Called at 12:00:01; the next calls are due 5 and 10 minutes later."""
    return episode_of(failed(routing(*targets)))


def of_policy(policy: SavedPolicy, steps: int) -> Episode:
    """So many steps are over; the next one is due 10 minutes later."""
    who = routing(DATA, setup=[policy])
    plan = failed(who)
    for _ in range(steps - 1):
        plan = served(plan.record, who)
    return episode_of(plan)


NOW = at(1 + 5 * MINUTE)


def test_a_repeated_call_joins_one_to_the_same_people() -> None:
    calls = calls_due(of_watch(PAGE_ANN), NOW)
    early = joining(of_watch(PAGE_ANN), calls, NOW - JOINS_WITHIN)
    assert early
    assert [page.next_at for page in early.pages] == [NOW - JOINS_WITHIN]


def test_a_repeated_call_that_is_due_later_waits() -> None:
    calls = calls_due(of_watch(PAGE_ANN), NOW)
    assert joining(of_watch(PAGE_ANN), calls, NOW - 1.5 * JOINS_WITHIN) is None


def test_a_call_to_other_people_waits() -> None:
    calls = calls_due(of_watch(PAGE_ANN), NOW)
    assert joining(of_watch(PAGE_BOB), calls, NOW) is None
    assert joining(of_watch(PAGE_ANN, PAGE_BOB), calls, NOW) is None


def test_a_step_that_calls_its_people_for_the_first_time_waits() -> None:
    policy = a_policy([PAGE_ANN], [PAGE_BOB], rounds=1)
    step, repeat = of_policy(policy, 1), of_policy(policy, 2)
    now = at(1 + 10 * MINUTE)
    assert joining(step, calls_due(step, now), now) is None
    later = at(1 + 20 * MINUTE)
    assert joining(repeat, calls_due(repeat, later), later)


def test_the_last_word_of_a_page_waits() -> None:
    """Nobody answered: that calls the policy of the operator, and comes on time."""
    over = of_policy(a_policy([PAGE_ANN]), 1)
    assert calls_due(over, at(3600)) == frozenset()
    assert joining(over, calls_due(of_watch(PAGE_ANN), at(3600)), at(3600)) is None


def test_an_acknowledged_failure_joins_no_call() -> None:
    who = routing(PAGE_ANN)
    promised = episode_of(acknowledged(failed(who).record, who, seconds=60, until=NOW))
    assert promised.acknowledged == Acknowledgement(by=ANN, at=at(60), name="Ann", until=NOW)
    assert joining(promised, calls_due(of_watch(PAGE_ANN), NOW), NOW) is None
