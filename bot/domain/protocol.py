"""Decides the next step of a delivery, so that its message arrives once. Pure: makes no calls.

A post need not have an idempotency key (a chat's has none). So if the fate of a message is unknown, the bot looks it up
before it sends it again. The lookup waits until the first request can no longer land.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from bot.domain.body import Recheck
from bot.domain.delivery import (
    Absent,
    Attempt,
    AttemptState,
    Delay,
    Delivery,
    Found,
    LaneKind,
    LookupResult,
    Outcome,
    Posted,
    RefusalKind,
    Refused,
    Unknown,
    Unreadable,
)
from bot.domain.settlement import Again, Done, Drop, Find, Gone, Ownership, Send, Settlement, Step, Suspend, Wait
from bot.domain.watch import SuspendReason

LANDS_WITHIN = timedelta(seconds=8)  # the request's own deadline (5 s), and a margin for a request still in flight
STRAGGLES_FOR = timedelta(seconds=3)  # a previous owner's request may still land after its lease ran out
CLOCKS_DIFFER = timedelta(minutes=2)  # a lookup starts this much before the message's own time
CLOCKS_DIFFER_AT_MOST = timedelta(hours=1)  # and never earlier than this
RECREATED_WITHIN = timedelta(minutes=10)  # after a loss: the readings have recreated lost messages by then
LOOKUP_INTERVAL = timedelta(seconds=3)
LOOKUPS = 2  # a message that so many lookups don't find was not posted
RECHECK_AFTER = timedelta(seconds=60)  # by then every earlier attempt has landed or never will
RECHECKS = 5
UNREADABLE_FOR = timedelta(seconds=60)  # then a repeat is better than silence
PAGE_UNREADABLE_FOR = timedelta(seconds=5)
PATIENCE_DOUBLES = 2  # beyond that, one more repeat is better than a later page
BACKOFF = timedelta(seconds=2)
LONGEST_BACKOFF = timedelta(seconds=30)  # while the whole service is away, the rate limiter spaces the calls
PAGE_LONGEST_BACKOFF = timedelta(seconds=5)


def decide(delivery: Delivery, now: datetime, ownership: Ownership, *, idempotent: bool) -> Step:
    """The next step: wait, look the message up, or send it.

    `idempotent`: a repeat is harmless (an update of a posted card), so no lookup is needed.
    """
    if delivery.not_before and delivery.not_before > now:
        return Wait(delivery.not_before)
    if idempotent:
        return Send()
    if (
        delivery.attempt.state is AttemptState.QUEUED
        and not in_doubt(delivery, ownership.doubt_since)
        and not _may_look_again(delivery, now)
    ):
        return Send()
    if (
        ownership.doubt_since and ownership.doubt_since + LANDS_WITHIN > now
    ):  # a forgotten request may still be in flight
        return Wait(ownership.doubt_since + LANDS_WITHIN)
    if delivery.attempt.state is AttemptState.QUEUED:
        return Find()
    if delivery.attempt.lease == ownership.lease:
        quiet_at = (delivery.attempt.sent_at or now) + LANDS_WITHIN
    else:  # another owner sent it, perhaps late in its lease
        quiet_at = ownership.since + STRAGGLES_FOR
    return Wait(quiet_at) if quiet_at > now else Find()


def in_doubt(delivery: Delivery, doubt_since: datetime | None) -> bool:
    """True if the receiver may have the message although the store lost the record.

    After a rollback, new rows are suspect too: the next reading recreates lost ones.
    """
    if doubt_since is None or delivery.message.made_at > doubt_since + RECREATED_WITHIN:
        return False
    return delivery.attempt.checked_at is None or delivery.attempt.checked_at <= doubt_since


def _may_look_again(delivery: Delivery, now: datetime) -> bool:
    """The lookups failed and the send had to wait: by now a lookup may succeed."""
    return sends_without_lookup(delivery) and (
        delivery.attempt.checked_at is None or now - delivery.attempt.checked_at > LOOKUP_INTERVAL
    )


def sends_without_lookup(delivery: Delivery) -> bool:
    """True if the next attempt needs no lookup, because the lookups failed for too long."""
    return delivery.attempt.state is AttemptState.QUEUED and delivery.attempt.possible_repeat


def as_sending(delivery: Delivery, now: datetime, ownership: Ownership, parent_id: str | None = None) -> Delivery:
    """The row to write before the call: a worker that finds it later looks the message up before it resends."""
    attempt = delivery.attempt
    return delivery.with_attempt(
        replace(
            attempt,
            state=AttemptState.SENDING,
            count=attempt.count + 1,
            blind_count=attempt.blind_count + attempt.possible_repeat,
            sent_at=now,
            lease=ownership.lease,
            parent_id=parent_id,
            after_id=attempt.after_id or ("" if attempt.count else ownership.last_id),
            lookups=0,
            checked_at=None,
        )
    )


def after_send(delivery: Delivery, outcome: Outcome, now: datetime) -> Settlement:
    """What follows from the service's answer to an attempt."""
    match outcome:
        case Posted(message_id):
            return Done(message_id, recheck=delivery.attempt.uncertain)
        case Unknown():
            return _again(delivery, delivery.attempt, not_before=now + _backoff(delivery), delay=Delay.NO_ANSWER)
        case Refused(kind=RefusalKind.RATE_LIMITED, retry_after=wait):
            # The service may ask for a pause and still post. The row stays SENDING, so one lookup precedes the resend.
            later = now + (wait or timedelta(seconds=1))
            return _again(delivery, delivery.attempt, lookups=LOOKUPS - 1, not_before=later, delay=Delay.RATE_LIMITED)
        case Refused(kind=RefusalKind.CHANNEL, suspend=reason):
            # The suspension may fail, for example while the makers cannot be reached. So back off.
            waiting = delivery.with_attempt(
                replace(_queued(delivery, now), not_before=now + _backoff(delivery), delay=Delay.SUSPENDED)
            )
            return Suspend(waiting, reason or SuspendReason.NOT_FOUND)
        case Refused(kind=RefusalKind.CONTENT, error=error):
            if delivery.attempt.plain:
                return Drop(f"even the plain text was refused: {error}")
            return _again(delivery, _queued(delivery, now), plain=True)
        case Refused(kind=RefusalKind.CARD_GONE, error=error):
            return Gone(error)
        case Refused(kind=kind, retry_after=wait):
            later = now + max(wait or timedelta(), _backoff(delivery))
            delay = Delay.NOT_REACHED if kind is RefusalKind.NOT_SENT else Delay.REFUSED
            plain = delivery.attempt.plain or kind is RefusalKind.OTHER  # the formatting may be the fault
            return _again(delivery, _queued(delivery, now), not_before=later, delay=delay, plain=plain)
        case _ as unreachable:
            assert_never(unreachable)


def after_lookup(delivery: Delivery, lookup_result: LookupResult, now: datetime, ownership: Ownership) -> Settlement:
    """What follows from a lookup of a message of unknown fate."""
    match lookup_result:
        case Found(message_ids, group):
            return Done(message_ids[0], found=True, group=group, repeats=message_ids[1:])
        case Absent() if delivery.attempt.lookups + 1 >= LOOKUPS or delivery.attempt.state is AttemptState.QUEUED:
            # The lookup covered every earlier attempt, so none of them has landed.
            queued = _queued(delivery, now)
            return _again(delivery, queued, uncertain=_may_be_posted(delivery), possible_repeat=False, blind_count=0)
        case Absent():
            return _again(
                delivery, delivery.attempt, lookups=delivery.attempt.lookups + 1, not_before=now + LOOKUP_INTERVAL
            )
        case Unreadable(retry_after=wait, lost=lost):
            patience = patience_with(delivery, lost=lost)
            if sends_without_lookup(delivery) or now - _lookups_since(delivery, ownership) >= LANDS_WITHIN + patience:
                return _again(
                    delivery, _queued(delivery, now), uncertain=_may_be_posted(delivery), possible_repeat=True
                )
            return _again(delivery, delivery.attempt, not_before=now + min(wait or LOOKUP_INTERVAL, patience))
        case _ as unreachable:
            assert_never(unreachable)


def after_recheck(delivery: Delivery, lookup_result: LookupResult, now: datetime) -> Settlement:
    """What follows from the lookup of a recheck: it ends, or tries again."""
    match lookup_result:
        case Found(message_ids):
            return Done(message_ids[0], found=True, repeats=message_ids[1:])
        case Absent():
            return Drop("it is not there any more")
        case Unreadable(error) if delivery.attempt.lookups + 1 >= RECHECKS:
            return Drop(f"it could not be looked for again: {error}")
        case Unreadable():
            return _again(
                delivery, delivery.attempt, lookups=delivery.attempt.lookups + 1, not_before=now + RECHECK_AFTER
            )
        case _ as unreachable:
            assert_never(unreachable)


def after_failed_delete(delivery: Delivery, done: Done, now: datetime) -> Settlement:
    """A repeat could not be deleted: a recheck tries again, at most `RECHECKS` times."""
    if not isinstance(delivery.body, Recheck):
        return replace(done, recheck=True)
    if delivery.attempt.lookups + 1 >= RECHECKS:
        return done
    return _again(delivery, delivery.attempt, lookups=delivery.attempt.lookups + 1, not_before=now + RECHECK_AFTER)


def patience_with(delivery: Delivery, *, lost: bool) -> timedelta:
    """How long to wait for a history that cannot be read. Then the bot sends: a repeated page is better than none.

    `lost`: there is no answer at all. Then a post would hardly succeed either, so even a page waits longer. It does
    not wait forever, since only the history may hang. Each attempt without a lookup doubles the wait, up to a limit,
    because every one of them may have been posted.
    """
    first = PAGE_UNREADABLE_FOR if delivery.lane.kind is LaneKind.PAGES and not lost else UNREADABLE_FOR
    doubled: timedelta = first * 2 ** min(delivery.attempt.blind_count, PATIENCE_DOUBLES)
    return doubled


def _lookups_since(delivery: Delivery, ownership: Ownership) -> datetime:
    """The earliest time of a first lookup. Patience counts from here, so one failed lookup never exhausts it."""
    return max(
        filter(None, (delivery.attempt.sent_at or delivery.message.made_at, ownership.since, ownership.doubt_since))
    )


def lookup_start(delivery: Delivery) -> str:
    """Where a lookup starts: at the service's own timestamp if known, since its clock may differ from ours.

    It never starts long before the message was made, because the conversation may have grown since the lane's last
    message.
    """
    message, attempt = delivery.message, delivery.attempt
    since = min(filter(None, (message.earliest, message.made_at)))
    after_id = message.body.after_id if isinstance(message.body, Recheck) else attempt.after_id
    if after_id:
        return max(after_id, f"{(since - CLOCKS_DIFFER_AT_MOST).timestamp():.6f}", key=float)
    return f"{(since - CLOCKS_DIFFER).timestamp():.6f}"


def _may_be_posted(delivery: Delivery) -> bool:
    return delivery.attempt.uncertain or delivery.attempt.state is AttemptState.SENDING


def _again(delivery: Delivery, attempt: Attempt, **changes: Any) -> Again:
    return Again(delivery.with_attempt(replace(attempt, **changes)))


def _queued(delivery: Delivery, now: datetime) -> Attempt:
    """The attempt after a definite no: the message may be sent without another lookup."""
    return replace(delivery.attempt, state=AttemptState.QUEUED, lookups=0, checked_at=now, not_before=None)


def _backoff(delivery: Delivery) -> timedelta:
    doubled: timedelta = BACKOFF * 2 ** min(delivery.attempt.count - 1, 10)
    return min(doubled, PAGE_LONGEST_BACKOFF if delivery.lane.kind is LaneKind.PAGES else LONGEST_BACKOFF)
