"""Escalation of a page: steps, rounds, the last resort, acknowledgements, promises, and a property over all events."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.escalation import (
    FailedAgain,
    NotifyLastResort,
    NotifyStep,
    Page,
    PageAcknowledged,
    PageClosed,
    PageDecision,
    PageEffect,
    PageEvent,
    PageReason,
    PageResolved,
    PageStatus,
    Policy,
    PolicyStep,
    Reaches,
    ReportNobodyAnswered,
    StepReachedNobody,
    TimerDue,
    next_page,
    opened_page,
)
from bot.domain.watch import Target, TargetKind, UserId

BEGIN = datetime(2026, 3, 2, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ANN, BOB, CARL, BOSS = (Target(kind=TargetKind.USER, id=f"U0{name}") for name in ("ANN", "BOB", "CARL", "BOSS"))
ANN_ID, BOB_ID = UserId(ANN.id), UserId(BOB.id)
POLICY = Policy(
    name="data",
    steps=(PolicyStep(targets=(ANN,), wait=10 * MINUTE), PolicyStep(targets=(BOB, CARL), wait=5 * MINUTE)),
    rounds=1,
    last_resort=(BOSS,),
)


def everyone(_: Target) -> bool:
    return True


def without(*targets: Target) -> Reaches:
    return lambda target: target not in targets


def a_page(policy: Policy = POLICY) -> Page:
    return opened_page("episode:data", policy, BEGIN)


def timers(page: Page, reaches: Reaches = everyone, *, late: timedelta = timedelta()) -> list[tuple[float, PageEffect]]:
    """Serves each timer when it is due, until none is left. Returns the minute of each effect."""
    effects = []
    while page.next_at is not None:
        at = page.next_at + late
        decision = next_page(page, at, TimerDue(), reaches)
        effects += [((at - BEGIN) / MINUTE, effect) for effect in decision.effects]
        page = decision.page
    return effects


def after(page: Page, *events: tuple[float, PageEvent]) -> PageDecision:
    """The decision about the last of these events, each at its minute."""
    decision = PageDecision(page=page, reason=PageReason.NOT_DUE)
    for minute, event in events:
        decision = next_page(decision.page, BEGIN + minute * MINUTE, event, everyone)
    return decision


def test_an_unanswered_page_passes_all_steps_and_rounds_to_the_last_resort() -> None:
    assert timers(a_page()) == [
        (0, NotifyStep(attempt=0, position=0, targets=(ANN,))),
        (10, NotifyStep(attempt=0, position=1, targets=(BOB, CARL))),
        (15, NotifyStep(attempt=0, position=2, targets=(ANN,))),
        (25, NotifyStep(attempt=0, position=3, targets=(BOB, CARL))),
        (30, NotifyLastResort(attempt=0, targets=(BOSS,))),
    ]


def test_a_step_that_reaches_nobody_is_passed_over_at_once_and_reported_once() -> None:
    assert timers(a_page(), without(ANN)) == [
        (0, StepReachedNobody(attempt=0, position=0)),
        (0, NotifyStep(attempt=0, position=1, targets=(BOB, CARL))),
        (5, NotifyStep(attempt=0, position=3, targets=(BOB, CARL))),
        (10, NotifyLastResort(attempt=0, targets=(BOSS,))),
    ]


def test_a_step_notifies_only_the_targets_that_reach_somebody() -> None:
    steps = [effect for _, effect in timers(a_page(), without(BOB)) if isinstance(effect, NotifyStep)]
    assert [step.targets for step in steps] == [(ANN,), (CARL,), (ANN,), (CARL,)]


@pytest.mark.parametrize(
    ("policy", "reaches"),
    [
        (Policy(name="empty", steps=()), everyone),
        (POLICY, lambda _: False),
        (Policy(name="no last resort", steps=POLICY.steps), without(ANN, BOB, CARL)),
    ],
)
def test_a_page_that_reaches_nobody_is_reported_at_once(policy: Policy, reaches: Reaches) -> None:
    effects = timers(a_page(policy), reaches)
    assert effects[-1] == (0, ReportNobodyAnswered(attempt=0))


def test_a_late_timer_delays_the_following_steps_too() -> None:
    minutes = [minute for minute, _ in timers(a_page(), late=60 * MINUTE)]
    assert minutes == [60, 130, 195, 265, 330]


def test_a_timer_that_comes_early_or_twice_changes_nothing() -> None:
    page = after(a_page(), (0, TimerDue())).page
    for minute in (0, 9):
        decision = after(page, (minute, TimerDue()))
        assert (decision.page, decision.effects, decision.reason) == (page, (), PageReason.NOT_DUE)


def test_an_acknowledgement_stops_the_timers() -> None:
    decision = after(a_page(), (0, TimerDue()), (3, PageAcknowledged(by=ANN_ID)))
    assert (decision.page.status, decision.page.next_at) == (PageStatus.ACKNOWLEDGED, None)
    assert (decision.effects, decision.reason) == ((), PageReason.ACKNOWLEDGED)


def test_the_second_person_does_not_move_an_acknowledgement_unless_to_take_over() -> None:
    page = after(a_page(), (0, TimerDue()), (3, PageAcknowledged(by=ANN_ID))).page
    late = after(page, (4, PageAcknowledged(by=BOB_ID)))
    assert (late.page, late.reason) == (page, PageReason.ALREADY_ACKNOWLEDGED)
    moved = after(page, (4, PageAcknowledged(by=BOB_ID, takes_over=True)))
    assert (moved.page.acknowledged_by, moved.reason) == (BOB_ID, PageReason.TAKEN_OVER)


def test_a_missed_promise_restarts_the_escalation_with_new_ids() -> None:
    promise = PageAcknowledged(by=ANN_ID, promised_until=BEGIN + 20 * MINUTE)
    decision = after(a_page(), (0, TimerDue()), (3, promise), (20, TimerDue()))
    assert decision.effects == (NotifyStep(attempt=1, position=0, targets=(ANN,)),)
    assert decision.reason is PageReason.PROMISE_MISSED
    assert (decision.page.acknowledged_by, decision.page.next_at) == (None, BEGIN + 30 * MINUTE)


def test_a_promise_can_be_extended_and_withdrawn_by_the_same_person() -> None:
    first = PageAcknowledged(by=ANN_ID, promised_until=BEGIN + 20 * MINUTE)
    longer = PageAcknowledged(by=ANN_ID, promised_until=BEGIN + 40 * MINUTE)
    page = after(a_page(), (0, TimerDue()), (3, first), (15, longer)).page
    assert page.next_at == BEGIN + 40 * MINUTE
    assert after(page, (16, PageAcknowledged(by=ANN_ID))).page.next_at is None


def test_another_failure_restarts_an_acknowledged_or_exhausted_page_but_not_a_running_one() -> None:
    running = after(a_page(), (0, TimerDue())).page
    assert after(running, (1, FailedAgain())).page == running
    acknowledged = after(running, (1, PageAcknowledged(by=ANN_ID)), (2, FailedAgain()))
    assert acknowledged.effects == (NotifyStep(attempt=1, position=0, targets=(ANN,)),)
    exhausted = after(a_page(Policy(name="empty", steps=())), (0, TimerDue())).page
    assert after(exhausted, (1, FailedAgain())).effects == (ReportNobodyAnswered(attempt=1),)


def test_an_exhausted_page_can_still_be_acknowledged() -> None:
    exhausted = after(a_page(Policy(name="empty", steps=())), (0, TimerDue())).page
    assert exhausted.status is PageStatus.EXHAUSTED
    assert after(exhausted, (1, PageAcknowledged(by=ANN_ID))).page.status is PageStatus.ACKNOWLEDGED


def test_a_failure_soon_after_the_recovery_goes_on_with_an_escalation_that_nobody_answered() -> None:
    recovered = after(a_page(), (0, TimerDue()), (1, PageClosed())).page
    assert (recovered.status, recovered.next_at) == (PageStatus.CLOSED, None)
    again = after(recovered, (2, FailedAgain()))
    assert (again.effects, again.reason) == ((), PageReason.RESUMED)
    assert (again.page.status, again.page.next_at) == (PageStatus.ESCALATING, BEGIN + 11 * MINUTE)
    assert after(recovered, (30, FailedAgain())).page.next_at == BEGIN + 39 * MINUTE


def test_a_step_that_was_about_to_come_waits_a_minute_after_the_failure_came_back() -> None:
    recovered = after(a_page(), (0, TimerDue()), (10, PageClosed())).page
    assert after(recovered, (12, FailedAgain())).page.next_at == BEGIN + 13 * MINUTE


def test_a_failure_after_an_acknowledged_one_starts_the_escalation_again() -> None:
    recovered = after(a_page(), (0, TimerDue()), (1, PageAcknowledged(by=ANN_ID)), (2, PageClosed())).page
    assert after(recovered, (3, FailedAgain())).effects == (NotifyStep(attempt=1, position=0, targets=(ANN,)),)


def test_a_resolved_page_never_notifies_again() -> None:
    resolved = after(a_page(), (0, TimerDue()), (1, PageResolved())).page
    for event in (TimerDue(), FailedAgain(), PageAcknowledged(by=ANN_ID), PageClosed(), PageResolved()):
        decision = after(resolved, (2, event))
        assert (decision.page, decision.effects, decision.reason) == (resolved, (), PageReason.ALREADY_RESOLVED)


EVENTS = st.one_of(
    st.just(TimerDue()),
    st.just(FailedAgain()),
    st.just(PageClosed()),
    st.just(PageResolved()),
    st.builds(
        PageAcknowledged,
        by=st.sampled_from((ANN_ID, BOB_ID)),
        promised_until=st.none() | st.integers(0, 120).map(lambda minute: BEGIN + minute * MINUTE),
        takes_over=st.booleans(),
    ),
)
POLICIES = st.builds(
    Policy,
    name=st.just("data"),
    steps=st.lists(
        st.builds(
            PolicyStep,
            targets=st.lists(st.sampled_from((ANN, BOB, CARL)), max_size=2, unique=True).map(tuple),
            wait=st.integers(1, 30).map(lambda minutes: minutes * MINUTE),
        ),
        max_size=3,
    ).map(tuple),
    rounds=st.integers(0, 2),
    last_resort=st.sampled_from(((), (BOSS,))),
)


@given(
    policy=POLICIES,
    events=st.lists(st.tuples(st.integers(0, 20), EVENTS), max_size=25),
    unreachable=st.lists(st.sampled_from((ANN, BOB, CARL, BOSS)), max_size=4),
)
def test_a_page_notifies_in_order_and_never_ends_silently(
    policy: Policy, events: Sequence[tuple[int, PageEvent]], unreachable: list[Target]
) -> None:
    page, at, notified = a_page(policy), BEGIN, []
    for minutes, event in events:
        at += minutes * MINUTE
        decision = next_page(page, at, event, without(*unreachable))
        if page.status is PageStatus.RESOLVED:
            assert (decision.page, decision.effects) == (page, ())
        if page.status is PageStatus.CLOSED and not isinstance(event, FailedAgain | PageResolved):
            assert (decision.page, decision.effects) == (page, ())
        if isinstance(event, PageAcknowledged | PageClosed | PageResolved):
            assert decision.effects == ()
        timer_runs = decision.page.next_at is not None
        if decision.page.status is PageStatus.ESCALATING:
            assert timer_runs
        elif decision.page.status is not PageStatus.ACKNOWLEDGED:
            assert not timer_runs
        if decision.page.status is PageStatus.EXHAUSTED and page.status is not PageStatus.EXHAUSTED:
            assert isinstance(decision.effects[-1], NotifyLastResort | ReportNobodyAnswered)
        steps = [effect for effect in decision.effects if isinstance(effect, NotifyStep)]
        notified += [(step.attempt, step.position) for step in steps]
        assert len(steps) <= 1
        page = decision.page
    assert notified == sorted(set(notified))
