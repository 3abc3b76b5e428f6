"""A delivery's next step: what is decided before a call, after it, and after a look; and which row goes first."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st

from bot.domain.body import Body
from bot.domain.card import SyncCard, SyncGroup, ThreadEntry, TimelineBatch
from bot.domain.delivery import (
    Absent,
    AttemptState,
    Delay,
    Delivery,
    Found,
    Lane,
    LaneKind,
    LookupResult,
    Posted,
    Priority,
    RefusalKind,
    Refused,
    Unknown,
    Unreadable,
    in_slack,
)
from bot.domain.lane_order import in_order, thread_of
from bot.domain.notice import Notice, NoticeKind
from bot.domain.protocol import (
    CLOCKS_DIFFER,
    CLOCKS_DIFFER_AT_MOST,
    LANDS_WITHIN,
    LONGEST_BACKOFF,
    LOOKUP_INTERVAL,
    LOOKUPS,
    PAGE_LONGEST_BACKOFF,
    PAGE_UNREADABLE_FOR,
    RECHECK_AFTER,
    RECHECKS,
    STRAGGLES_FOR,
    UNREADABLE_FOR,
    after_lookup,
    after_recheck,
    after_send,
    as_sending,
    decide,
    in_doubt,
    lookup_start,
)
from bot.domain.settlement import Again, Done, Drop, Find, Gone, Ownership, Send, Step, Suspend, Wait
from bot.domain.watch import SuspendReason, TeamId
from tests.builders import ALERTS, TEAM, a_delivery, a_pipeline, an_episode, at, changed
from tests.fakes import NOON

QUEUED = a_delivery()
SENDING = a_delivery(state=AttemptState.SENDING, sent_at=NOON, count=1, lease="ours")
OURS = Ownership(since=at(-60), lease="ours")
ANOTHER = Ownership(since=NOON, lease="another")
LANDED = NOON + LANDS_WITHIN
STRAGGLED = NOON + STRAGGLES_FOR
SECOND = timedelta(seconds=1)


def in_doubt_since(moment: datetime, ownership: Ownership = OURS) -> Ownership:
    return replace(ownership, doubt_since=moment)


# --- before ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delivery", "now", "step"),
    [
        (QUEUED, NOON, Send()),
        (changed(QUEUED, not_before=at(5)), at(4), Wait(at(5))),
        (changed(QUEUED, not_before=at(5)), at(5), Send()),
        (SENDING, NOON, Wait(LANDED)),
        (SENDING, LANDED - SECOND, Wait(LANDED)),
        (SENDING, LANDED, Find()),
        (changed(SENDING, not_before=at(60)), at(30), Wait(at(60))),
        (changed(SENDING, not_before=at(5)), at(5), Wait(LANDED)),
        (changed(SENDING, not_before=at(60)), at(60), Find()),
        (changed(SENDING, sent_at=None), NOON, Wait(LANDED)),  # when it was sent is not known: from now on
    ],
)
def test_next_action_of_a_delivery(delivery: Delivery, now: datetime, step: Step) -> None:
    assert decide(delivery, now, OURS, idempotent=False) == step


@pytest.mark.parametrize(
    ("delivery", "now", "ownership", "step"),
    [
        # The other owner lost the lane when it became ours, and may have sent late in its lease.
        (SENDING, NOON, ANOTHER, Wait(STRAGGLED)),
        (SENDING, STRAGGLED, ANOTHER, Find()),
        (changed(SENDING, sent_at=at(3600)), STRAGGLED, ANOTHER, Find()),
        (changed(SENDING, sent_at=at(-3600)), NOON, ANOTHER, Wait(STRAGGLED)),
        (changed(SENDING, lease=""), STRAGGLED, ANOTHER, Find()),
    ],
)
def test_the_wait_for_another_owners_call_starts_with_our_lease(
    delivery: Delivery, now: datetime, ownership: Ownership, step: Step
) -> None:
    assert decide(delivery, now, ownership, idempotent=False) == step


@pytest.mark.parametrize(
    ("delivery", "now", "step"),
    [
        (QUEUED, NOON, Wait(LANDED)),  # a request may be under way that the store knows nothing of
        (QUEUED, LANDED, Find()),
        (changed(QUEUED, checked_at=at(-1)), LANDED, Find()),
        (changed(QUEUED, checked_at=NOON), LANDED, Find()),
        (changed(QUEUED, checked_at=at(9)), at(9), Send()),  # looked for since
        (changed(QUEUED, not_before=at(60)), LANDED, Wait(at(60))),
        (SENDING, NOON, Wait(LANDED)),
        (changed(SENDING, sent_at=at(-60)), NOON, Wait(LANDED)),
        (SENDING, LANDED, Find()),
        (changed(SENDING, checked_at=at(9)), at(9), Find()),
    ],
)
def test_in_doubt_every_delivery_is_looked_up_first(delivery: Delivery, now: datetime, step: Step) -> None:
    assert decide(delivery, now, in_doubt_since(NOON), idempotent=False) == step


@pytest.mark.parametrize("ownership", [OURS, ANOTHER, in_doubt_since(NOON)])
@pytest.mark.parametrize("delivery", [QUEUED, SENDING, changed(SENDING, uncertain=True)])
def test_an_update_of_a_card_that_is_there_may_be_repeated_at_once(delivery: Delivery, ownership: Ownership) -> None:
    assert decide(delivery, NOON, ownership, idempotent=True) == Send()
    held_back = changed(delivery, not_before=at(5))
    assert decide(held_back, at(4), ownership, idempotent=True) == Wait(at(5))


def test_a_sending_row_records_time_lease_and_predecessor() -> None:
    before = changed(QUEUED, lookups=1, checked_at=at(3))
    ownership = replace(OURS, last_id="17.5")
    assert as_sending(before, at(5), ownership) == changed(
        before,
        state=AttemptState.SENDING,
        count=1,
        sent_at=at(5),
        lease="ours",
        after_id="17.5",
        lookups=0,
        checked_at=None,
    )
    again = changed(before, count=1, uncertain=True)
    assert (
        as_sending(changed(again, after_id="3.0"), at(5), ownership).attempt.after_id == "3.0"
    )  # the first try can stand before 17.5
    assert as_sending(again, at(5), ownership).attempt.blind_count == 0
    assert as_sending(changed(again, possible_repeat=True), at(5), ownership).attempt.blind_count == 1
    assert (
        as_sending(again, at(5), ownership).attempt.after_id == ""
    )  # also where nobody knew of a message before the first try


@pytest.mark.parametrize(
    ("delivery", "seconds"),
    [
        (QUEUED, 0),
        (changed(QUEUED, made_at=at(5)), 5),
        (changed(QUEUED, made_at=at(5), sent_at=at(60)), 5),
        (changed(QUEUED, made_at=at(60), sent_at=at(90), earliest=at(-600)), -600),
    ],
)
def test_a_lookup_starts_before_the_content_was_known(delivery: Delivery, seconds: float) -> None:
    assert lookup_start(delivery) == f"{(at(seconds) - CLOCKS_DIFFER).timestamp():.6f}"
    assert lookup_start(changed(delivery, after_id="1795435200.000100")) == "1795435200.000100"
    long_ago = changed(delivery, after_id="1700000000.000100")
    assert lookup_start(long_ago) == f"{(at(seconds) - CLOCKS_DIFFER_AT_MOST).timestamp():.6f}"


moments = st.floats(0, 10_000).map(at)
maybe_moments = st.one_of(st.none(), moments)
holds = st.builds(
    Ownership,
    since=moments,
    lease=st.sampled_from(["ours", "another"]),
    doubt_since=maybe_moments,
    last_id=st.just("1.0"),
)
deliveries = st.builds(
    a_delivery,
    priority=st.sampled_from(Priority),
    state=st.sampled_from(AttemptState),
    count=st.integers(0, 100),
    sent_at=maybe_moments,
    lease=st.sampled_from(["", "ours", "another"]),
    lookups=st.integers(0, LOOKUPS - 1),
    checked_at=maybe_moments,
    not_before=maybe_moments,
    plain=st.booleans(),
    uncertain=st.booleans(),
    possible_repeat=st.booleans(),
)


@given_any(deliveries, moments, holds)
def test_a_possibly_posted_message_is_never_sent_without_a_lookup(
    delivery: Delivery, now: datetime, ownership: Ownership
) -> None:
    step = decide(delivery, now, ownership, idempotent=False)
    if delivery.attempt.state is AttemptState.SENDING:
        assert not isinstance(step, Send)
    if ownership.doubt_since and (
        delivery.attempt.checked_at is None or delivery.attempt.checked_at <= ownership.doubt_since
    ):
        assert not isinstance(step, Send)
    if isinstance(step, Wait):
        assert step.until > now


@given_any(deliveries, moments, holds)
def test_no_lookup_runs_while_the_request_may_still_land(
    delivery: Delivery, now: datetime, ownership: Ownership
) -> None:
    sent_at = delivery.attempt.sent_at or now  # the sender of the attempt says when
    delivery = changed(delivery, sent_at=sent_at)
    step = decide(delivery, now, ownership, idempotent=False)
    while isinstance(step, Wait):
        now = step.until
        step = decide(delivery, now, ownership, idempotent=False)
    if step == Send():
        return
    assert not ownership.doubt_since or now >= ownership.doubt_since + LANDS_WITHIN
    if delivery.attempt.state is AttemptState.SENDING and delivery.attempt.lease == ownership.lease:
        assert now >= sent_at + LANDS_WITHIN
    elif delivery.attempt.state is AttemptState.SENDING:
        assert now >= ownership.since + STRAGGLES_FOR


# --- after a call ----------------------------------------------------------------------------------------------------


def refused(
    kind: RefusalKind, error: str = "x", wait: float | None = None, suspend: SuspendReason | None = None
) -> Refused:
    retry_after = timedelta(seconds=wait) if wait is not None else None
    return Refused(kind=kind, error=error, retry_after=retry_after, suspend=suspend)


AGAIN = changed(SENDING, state=AttemptState.QUEUED, checked_at=NOON)
TIMES_OF_BACKOFF = [(1, 2), (2, 4), (3, 8), (4, 16), (5, 30), (12, 30), (1000, 30)]
LIMITED = changed(SENDING, lookups=LOOKUPS - 1, delay=Delay.RATE_LIMITED)
SUSPENDED = changed(AGAIN, delay=Delay.SUSPENDED, not_before=at(2))


@pytest.mark.parametrize(
    ("outcome", "settlement"),
    [
        (Posted("1.0"), Done("1.0")),
        (Unknown("timeout"), Again(changed(SENDING, not_before=at(2), delay=Delay.NO_ANSWER))),
        (refused(RefusalKind.RATE_LIMITED, wait=30), Again(changed(LIMITED, not_before=at(30)))),
        (refused(RefusalKind.RATE_LIMITED), Again(changed(LIMITED, not_before=at(1)))),
        (refused(RefusalKind.CHANNEL, suspend=SuspendReason.ARCHIVED), Suspend(SUSPENDED, SuspendReason.ARCHIVED)),
        (refused(RefusalKind.CHANNEL), Suspend(SUSPENDED, SuspendReason.NOT_FOUND)),
        (refused(RefusalKind.CONTENT), Again(changed(AGAIN, plain=True))),
        (refused(RefusalKind.CARD_GONE, "message_not_found"), Gone("message_not_found")),
        (refused(RefusalKind.WORKSPACE), Again(changed(AGAIN, not_before=at(2), delay=Delay.REFUSED))),
        (refused(RefusalKind.WORKSPACE, wait=60), Again(changed(AGAIN, not_before=at(60), delay=Delay.REFUSED))),
        (refused(RefusalKind.NOT_SENT), Again(changed(AGAIN, not_before=at(2), delay=Delay.NOT_REACHED))),
        (refused(RefusalKind.NOT_SENT, wait=1), Again(changed(AGAIN, not_before=at(2), delay=Delay.NOT_REACHED))),
    ],
)
def test_settlement_after_an_outcome(outcome: Posted | Refused | Unknown, settlement: object) -> None:
    assert after_send(SENDING, outcome, NOON) == settlement


def test_a_resend_after_a_failed_lookup_schedules_a_recheck() -> None:
    assert after_send(changed(SENDING, uncertain=True), Posted("2.0"), NOON) == Done("2.0", recheck=True)


def test_a_message_refused_as_plain_text_is_dropped() -> None:
    settlement = after_send(changed(SENDING, plain=True), refused(RefusalKind.CONTENT, "no_text"), NOON)
    assert settlement == Drop("even the plain text was refused: no_text")


@pytest.mark.parametrize(("attempts", "seconds"), TIMES_OF_BACKOFF)
@pytest.mark.parametrize("outcome", [Unknown("reset"), refused(RefusalKind.NOT_SENT), refused(RefusalKind.WORKSPACE)])
def test_it_waits_ever_longer_and_never_too_long(outcome: Refused | Unknown, attempts: int, seconds: float) -> None:
    for priority in Priority:
        settlement = after_send(changed(SENDING, count=attempts, priority=priority), outcome, NOON)
        assert isinstance(settlement, Again)
        longest = LONGEST_BACKOFF if priority > Priority.FAILURE else PAGE_LONGEST_BACKOFF
        assert settlement.delivery.not_before == min(at(seconds), NOON + longest)


outcomes = st.one_of(
    st.just(Posted("1.0")),
    st.builds(Unknown, st.text()),
    st.builds(
        Refused,
        kind=st.sampled_from(RefusalKind),
        error=st.text(),
        retry_after=st.one_of(st.none(), st.timedeltas(timedelta(), timedelta(hours=1))),
        suspend=st.one_of(st.none(), st.sampled_from(SuspendReason)),
    ),
)


@given_any(deliveries, outcomes, moments)
def test_only_a_definite_refusal_allows_a_resend_without_lookup(
    delivery: Delivery, outcome: Posted | Refused | Unknown, now: datetime
) -> None:
    given_away = as_sending(delivery, now, OURS)
    settlement = after_send(given_away, outcome, now)
    if isinstance(settlement, Again):
        definite = isinstance(outcome, Refused) and outcome.kind is not RefusalKind.RATE_LIMITED
        assert (settlement.delivery.attempt.state is AttemptState.QUEUED) == definite
    if isinstance(settlement, Again | Suspend):
        attempt = given_away.attempt
        unchanged = {name: getattr(attempt, name) for name in ("state", "plain", "lookups", "checked_at", "delay")}
        same = changed(settlement.delivery, not_before=attempt.not_before, **unchanged)
        assert same == given_away  # the rest of the row is as it was


# --- after a look ----------------------------------------------------------------------------------------------------

PAGE = changed(SENDING, priority=Priority.PAGE)
CARD = changed(SENDING, priority=Priority.FAILURE)
UPDATED = changed(SENDING, priority=Priority.UPDATE)
UNREADABLE = Unreadable("missing_scope")
NO_ANSWER = Unreadable("timeout", lost=True)


def once_more(delivery: Delivery, now: datetime, *, repeat: bool = False) -> Again:
    """It may be sent again, and an earlier try may yet land."""
    queued = changed(delivery, state=AttemptState.QUEUED, lookups=0, not_before=None, checked_at=now, uncertain=True)
    return Again(changed(queued, possible_repeat=repeat))


@pytest.mark.parametrize(
    ("delivery", "lookup_result", "now", "settlement"),
    [
        (SENDING, Found(("1.0",)), LANDED, Done("1.0", found=True)),
        (SENDING, Found(("1.0", "2.0", "3.0")), LANDED, Done("1.0", found=True, repeats=("2.0", "3.0"))),
        (SENDING, Found(("1.0",), group="s"), LANDED, Done("1.0", found=True, group="s")),
        (SENDING, Absent(), LANDED, Again(changed(SENDING, lookups=1, not_before=LANDED + LOOKUP_INTERVAL))),
        (changed(SENDING, lookups=1), Absent(), LANDED, once_more(SENDING, LANDED)),
        (
            changed(SENDING, lookups=1, possible_repeat=True),
            Absent(),
            LANDED,
            once_more(SENDING, LANDED),
        ),
        # In doubt only: nobody gave it away that we know of, and one look is enough.
        (QUEUED, Absent(), LANDED, Again(changed(QUEUED, checked_at=LANDED))),
        (changed(QUEUED, uncertain=True), Absent(), LANDED, Again(changed(QUEUED, checked_at=LANDED, uncertain=True))),
        (QUEUED, Found(("1.0",)), LANDED, Done("1.0", found=True)),
        # A history that cannot be read is waited for: for a page not long.
        (UPDATED, UNREADABLE, LANDED, Again(changed(UPDATED, not_before=LANDED + LOOKUP_INTERVAL))),
        (UPDATED, Unreadable("x", 30 * SECOND), LANDED, Again(changed(UPDATED, not_before=LANDED + 30 * SECOND))),
        (UPDATED, Unreadable("x", 90 * SECOND), LANDED, Again(changed(UPDATED, not_before=LANDED + UNREADABLE_FOR))),
        (
            UPDATED,
            UNREADABLE,
            LANDED + UNREADABLE_FOR - SECOND,
            Again(changed(UPDATED, not_before=LANDED + UNREADABLE_FOR - SECOND + LOOKUP_INTERVAL)),
        ),
        (
            UPDATED,
            UNREADABLE,
            LANDED + UNREADABLE_FOR,
            once_more(UPDATED, LANDED + UNREADABLE_FOR, repeat=True),
        ),
        *(
            case
            for page in (PAGE, CARD)
            for case in (
                (page, UNREADABLE, LANDED, Again(changed(page, not_before=LANDED + LOOKUP_INTERVAL))),
                (
                    page,
                    Unreadable("x", 90 * SECOND),
                    LANDED,
                    Again(changed(page, not_before=LANDED + PAGE_UNREADABLE_FOR)),
                ),
                (
                    page,
                    UNREADABLE,
                    LANDED + PAGE_UNREADABLE_FOR,
                    once_more(page, LANDED + PAGE_UNREADABLE_FOR, repeat=True),
                ),
                # Where Slack gives no answer at all, it would hardly take a message either.
                (
                    page,
                    NO_ANSWER,
                    LANDED + UNREADABLE_FOR - SECOND,
                    Again(changed(page, not_before=LANDED + UNREADABLE_FOR - SECOND + LOOKUP_INTERVAL)),
                ),
                (
                    page,
                    NO_ANSWER,
                    LANDED + UNREADABLE_FOR,
                    once_more(page, LANDED + UNREADABLE_FOR, repeat=True),
                ),
            )
        ),
    ],
)
def test_settlement_after_a_lookup(
    delivery: Delivery, lookup_result: LookupResult, now: datetime, settlement: object
) -> None:
    assert after_lookup(delivery, lookup_result, now, OURS) == settlement


def blind(times: int, row: Delivery = CARD) -> Delivery:
    """Tried blindly so many times already, the last of them without an answer."""
    return changed(row, count=20 + times, uncertain=True, possible_repeat=times > 0, blind_count=times)


@pytest.mark.parametrize("lookup_result", [UNREADABLE, NO_ANSWER])
@pytest.mark.parametrize(("times", "doubled"), [(0, 1), (1, 2), (2, 4), (3, 4), (60, 4)])
def test_each_blind_try_without_an_answer_doubles_the_patience(
    times: int, doubled: int, lookup_result: Unreadable
) -> None:
    row, first = blind(times), UNREADABLE_FOR if lookup_result.lost else PAGE_UNREADABLE_FOR
    early = after_lookup(row, lookup_result, LANDED + doubled * first - SECOND, OURS)
    assert early == Again(changed(row, not_before=LANDED + doubled * first - SECOND + LOOKUP_INTERVAL))
    late = LANDED + doubled * first
    assert after_lookup(row, lookup_result, late, OURS) == once_more(row, late, repeat=True)


def test_a_given_up_message_is_sent_after_one_more_failed_lookup() -> None:
    row = changed(blind(7), state=AttemptState.QUEUED, checked_at=LANDED)
    assert after_lookup(row, NO_ANSWER, LANDED, OURS) == once_more(row, LANDED, repeat=True)


@pytest.mark.parametrize("row", [QUEUED, CARD])
@pytest.mark.parametrize("ownership", [replace(ANOTHER, since=at(3600)), in_doubt_since(at(3600))])
def test_the_patience_starts_with_the_first_possible_lookup(row: Delivery, ownership: Ownership) -> None:
    for seconds, repeat in ((0.0, False), (4.9, False), (5.0, True)):
        settlement = after_lookup(row, UNREADABLE, LANDED + timedelta(seconds=3600 + seconds), ownership)
        assert isinstance(settlement, Again)
        assert settlement.delivery.attempt.possible_repeat is repeat


GIVEN_UP = changed(CARD, state=AttemptState.QUEUED, uncertain=True, possible_repeat=True, checked_at=LANDED)


@pytest.mark.parametrize(
    ("delivery", "seconds", "step"),
    [
        (GIVEN_UP, 0.0, Send()),
        (GIVEN_UP, 3.0, Send()),
        (GIVEN_UP, 3.1, Find()),
        (changed(GIVEN_UP, not_before=LANDED + 5 * SECOND), 3.1, Wait(LANDED + 5 * SECOND)),
        (changed(GIVEN_UP, possible_repeat=False), 3600.0, Send()),  # it was seen that it is not there
        (changed(GIVEN_UP, checked_at=None), 0.0, Find()),
    ],
)
def test_an_unread_given_up_message_is_sent_or_looked_up_again(delivery: Delivery, seconds: float, step: Step) -> None:
    assert decide(delivery, LANDED + timedelta(seconds=seconds), OURS, idempotent=False) == step


def test_once_it_can_be_read_that_it_is_not_there_it_is_no_possible_repeat() -> None:
    now = LANDED + 60 * SECOND
    assert after_lookup(GIVEN_UP, Absent(), now, OURS) == Again(
        changed(GIVEN_UP, checked_at=now, possible_repeat=False)
    )


@pytest.mark.parametrize(
    ("lookups", "lookup_result", "settlement"),
    [
        (0, Found(("1.0",)), Done("1.0", found=True)),
        (0, Found(("1.0", "2.0")), Done("1.0", found=True, repeats=("2.0",))),
        (0, Absent(), Drop("it is not there any more")),
        (0, UNREADABLE, Again(changed(QUEUED, lookups=1, not_before=NOON + RECHECK_AFTER))),
        (RECHECKS - 2, UNREADABLE, Again(changed(QUEUED, lookups=RECHECKS - 1, not_before=NOON + RECHECK_AFTER))),
        (RECHECKS - 1, UNREADABLE, Drop("it could not be looked for again: missing_scope")),
    ],
)
def test_settlement_after_a_recheck(lookups: int, lookup_result: LookupResult, settlement: object) -> None:
    assert after_recheck(changed(QUEUED, lookups=lookups), lookup_result, NOON) == settlement


@pytest.mark.parametrize(
    ("checked", "doubt", "doubted"),
    [(None, None, False), (5, None, False), (None, 5, True), (4, 5, True), (5, 5, True), (6, 5, False)],
)
def test_a_lookup_after_the_rollback_ends_the_doubt(checked: float | None, doubt: float | None, doubted: bool) -> None:
    delivery = changed(QUEUED, checked_at=None if checked is None else at(checked))
    assert in_doubt(delivery, None if doubt is None else at(doubt)) is doubted


@pytest.mark.parametrize(("made", "doubted"), [(-86_400, True), (0, True), (600, True), (601, False)])
def test_a_delivery_from_before_the_rollback_stays_in_doubt(made: float, doubted: bool) -> None:
    """And what was made soon after: it may be what a forgotten reading told already."""
    assert in_doubt(changed(QUEUED, made_at=at(made)), at(0)) is doubted


@pytest.mark.parametrize("priority", Priority)
def test_pages_and_failures_have_a_lane_of_their_own(priority: Priority) -> None:
    kind = LaneKind.PAGES if priority in {Priority.PAGE, Priority.FAILURE} else LaneKind.FEED
    lane = changed(QUEUED, priority=priority).lane
    assert lane == Lane(kind, in_slack(TEAM, ALERTS))
    assert lane.name == f"{kind.value}:C0ALERTS"


def test_two_teams_never_share_a_lane() -> None:
    elsewhere = changed(QUEUED, receiver=in_slack(TeamId("T0OTHER"), ALERTS))
    assert elsewhere.lane != QUEUED.lane
    assert Lane.from_name(TEAM, QUEUED.lane.name) == QUEUED.lane


results = st.lists(
    st.one_of(
        st.just(Absent()),
        st.builds(Unreadable, st.just("x"), st.one_of(st.none(), st.timedeltas(timedelta(), timedelta(hours=1)))),
        st.just(NO_ANSWER),
    ),
    min_size=200,
    max_size=200,
)


@given_any(results, st.sampled_from(Priority), st.sampled_from([OURS, ANOTHER, in_doubt_since(NOON)]))
def test_a_resend_comes_within_bounds_for_any_lookups(
    lookups: list[LookupResult], priority: Priority, ownership: Ownership
) -> None:
    delivery, now = changed(SENDING, priority=priority), NOON
    answered = delivery.lane.kind is LaneKind.PAGES and NO_ANSWER not in lookups
    patience = PAGE_UNREADABLE_FOR if answered else UNREADABLE_FOR
    absent = 0
    for lookup_result in lookups:
        step = decide(delivery, now, ownership, idempotent=False)
        while isinstance(step, Wait):
            now = step.until
            step = decide(delivery, now, ownership, idempotent=False)
        if isinstance(step, Send):
            break
        settlement = after_lookup(delivery, lookup_result, now, ownership)
        assert isinstance(settlement, Again)
        delivery = settlement.delivery
        absent += isinstance(lookup_result, Absent)
    assert decide(delivery, now, ownership, idempotent=False) == Send()
    assert delivery.attempt.uncertain
    assert delivery.attempt.possible_repeat or absent >= LOOKUPS
    assert now - LANDED <= 2 * patience + LOOKUP_INTERVAL


# --- which goes first ------------------------------------------------------------------------------------------------


def a_line(story: str) -> ThreadEntry:
    return ThreadEntry(card_key=story, pipeline=a_pipeline(), entry=an_episode().timeline[0])


def after(story: str, row: Delivery) -> Delivery:
    return changed(row, after_card=story)


def rows(*specs: tuple[str, Body, Priority]) -> list[Delivery]:
    return [a_delivery(name, body, priority=priority) for name, body, priority in specs]


def order(deliveries: list[Delivery], posted: Mapping[str, bool]) -> list[str]:
    return [row.id for row in in_order(deliveries, posted)]


NOTICE = Notice(kind=NoticeKind.WATCHING, at=NOON)
PAGING, FAILURE, RECOVERY, UPDATE = Priority


@pytest.mark.parametrize(
    ("specs", "posted", "wanted"),
    [
        ([], {}, []),
        (
            [("old", SyncCard("old"), UPDATE), ("new", SyncCard("new"), FAILURE), ("page", SyncCard("page"), PAGING)],
            {},
            ["page", "new", "old"],
        ),
        ([("a", SyncCard("a"), FAILURE), ("b", SyncCard("b"), FAILURE)], {}, ["a", "b"]),
        ([("1", a_line("a"), UPDATE), ("2", a_line("a"), UPDATE)], {"a": True}, ["1"]),
        ([("1", a_line("a"), UPDATE)], {"a": False}, []),
        ([("1", a_line("a"), UPDATE)], {}, []),
        ([("1", a_line("a"), UPDATE), ("a", SyncCard("a"), UPDATE)], {"a": True}, ["a", "1"]),
        ([("n", NOTICE, UPDATE), ("a", SyncCard("a"), UPDATE)], {}, ["a", "n"]),
        (
            [("1", a_line("a"), UPDATE), ("2", a_line("b"), UPDATE), ("3", a_line("b"), RECOVERY)],
            {"a": True, "b": True},
            ["2", "1"],  # the end of b hurries its story on, and comes last in it
        ),
        (
            [
                ("s", SyncGroup("s"), UPDATE),
                ("1", TimelineBatch(thread_key="s", of_group=True, entries=()), UPDATE),
                ("a", SyncCard("a"), FAILURE),
            ],
            {"s": True},
            ["a", "s", "1"],
        ),
    ],
)
def test_the_order_of_rows(specs: list[tuple[str, Body, Priority]], posted: dict[str, bool], wanted: list[str]) -> None:
    assert order(rows(*specs), posted) == wanted


@pytest.mark.parametrize(
    ("priority", "posted", "wanted"),
    [
        (UPDATE, {}, ["b", "c"]),  # of which nothing is known: there is nothing to wait for
        (UPDATE, {"a": False}, ["c"]),
        (UPDATE, {"a": True}, ["b", "c"]),
        (RECOVERY, {"a": False}, ["c"]),
        (FAILURE, {"a": False}, ["b", "c"]),  # a page waits for no story
        (PAGING, {"a": False}, ["b", "c"]),
    ],
)
def test_an_episode_waits_for_the_one_before_it_unless_it_pages(
    priority: Priority, posted: dict[str, bool], wanted: list[str]
) -> None:
    later, another = rows(("b", SyncCard("b"), priority), ("c", SyncCard("c"), UPDATE))
    assert order([after("a", later), another], posted) == wanted


@pytest.mark.parametrize("of_group", [None, False, True])
@pytest.mark.parametrize(
    ("priority", "wanted"), [(UPDATE, ["1", "c"]), (RECOVERY, ["1", "c"]), (PAGING, ["b", "1", "c"])]
)
def test_an_episode_waits_for_the_lines_of_the_one_before_unless_it_pages(
    priority: Priority, wanted: list[str], *, of_group: bool | None
) -> None:
    line: ThreadEntry | TimelineBatch = a_line("a")
    if of_group is not None:
        line = TimelineBatch(thread_key="s" if of_group else "a", of_group=of_group, entries=(a_line("a"),))
    deliveries = rows(("1", line, RECOVERY), ("b", SyncCard("b"), priority), ("c", SyncCard("c"), UPDATE))
    assert order([deliveries[0], after("a", deliveries[1]), deliveries[2]], {"a": True, "s": True}) == wanted


stories = st.sampled_from(["a", "b", "c"])
bodies = st.one_of(
    stories.map(SyncCard),
    stories.map(SyncGroup),
    stories.map(a_line),
    stories.map(lambda story: TimelineBatch(thread_key=story, of_group=True, entries=())),
    st.just(NOTICE),
)
outboxes = st.lists(st.tuples(bodies, st.sampled_from(Priority)), max_size=15).map(
    lambda contents: rows(*((f"{place}", body, priority) for place, (body, priority) in enumerate(contents)))
)


@given_any(outboxes, st.dictionaries(stories, st.booleans()))
def test_lines_follow_their_card_and_urgent_messages_go_first(
    deliveries: list[Delivery], posted: dict[str, bool]
) -> None:
    ordered = in_order(deliveries, posted)
    lines = [row for row in ordered if thread_of(row.body) is not None]
    oldest: dict[str, Delivery] = {}
    for row in deliveries:
        oldest.setdefault(thread_of(row.body) or "", row)
    # Of each story whose card is there its oldest line, and no other; of the rest everything.
    assert {thread_of(row.body) for row in lines} == {
        story for row in deliveries if (story := thread_of(row.body)) and posted.get(story)
    }
    assert all(row is oldest[thread_of(row.body) or ""] for row in lines)
    assert len(ordered) - len(lines) == sum(thread_of(row.body) is None for row in deliveries)

    def urgency(row: Delivery) -> Priority:
        story = thread_of(row.body)
        return min(
            delivery.message.priority
            for delivery in deliveries
            if delivery is row or (story and thread_of(delivery.body) == story)
        )

    ranks = [(urgency(row), not isinstance(row.body, SyncCard | SyncGroup)) for row in ordered]
    assert ranks == sorted(ranks)


@given_any(outboxes)
def test_a_whole_outbox_is_sent_in_order(outbox: list[Delivery]) -> None:
    """Taken one after the other, every row comes, and the lines of a story in their order."""
    unsent, sent = list(outbox), list[Delivery]()
    while unsent:
        first = in_order(unsent, dict.fromkeys("abc", True))[0]
        sent.append(first)
        unsent.remove(first)
    for story in "abc":
        assert [row for row in sent if thread_of(row.body) == story] == [
            row for row in outbox if thread_of(row.body) == story
        ]
