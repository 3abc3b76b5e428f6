"""What to do about a delivery next. Decisions only; nobody is called here.

The protocol is one of looking back: Slack has no idempotency key for a post
(https://github.com/slackapi/slack-api-specs/issues/10), so a message whose fate is unknown is looked for before it is
sent again, and not before the first request can no longer land.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, assert_never

from bot.domain.card import Body, Recheck, SyncCard, SyncGroup, ThreadEntry, TimelineBatch
from bot.domain.delivery import (
    Absent,
    Again,
    Attempt,
    Delay,
    Delivery,
    Done,
    Drop,
    Find,
    Found,
    Gone,
    LaneKind,
    LookupResult,
    Outcome,
    Ownership,
    Posted,
    Priority,
    Refusal,
    Refused,
    Send,
    Settlement,
    State,
    Step,
    Suspend,
    Unknown,
    Unreadable,
    Wait,
)
from bot.domain.watch import SuspendReason

LANDS_WITHIN = timedelta(seconds=8)  # the request's own deadline (5 s) and what may still be under way behind it
STRAGGLES_FOR = timedelta(seconds=3)  # what an owner before us may still have under way when its lease has run out
CLOCKS_DIFFER = timedelta(minutes=2)
CLOCKS_DIFFER_AT_MOST = timedelta(hours=1)
RECREATED_WITHIN = timedelta(minutes=10)
LOOKUP_INTERVAL = timedelta(seconds=3)
LOOKUPS = 2
RECHECK_AFTER = timedelta(seconds=60)  # by then every earlier try has landed, if it ever does
RECHECKS = 5
UNREADABLE_FOR = timedelta(seconds=60)  # then a repeat is better than silence
PAGE_UNREADABLE_FOR = timedelta(seconds=5)
PATIENCE_DOUBLES = 2  # a page that comes later than that, where only the history hangs, is worse than one more repeat
BACKOFF = timedelta(seconds=2)
LONGEST_BACKOFF = timedelta(seconds=30)  # where Slack as a whole is away, its pace holds all back anyhow
PAGE_LONGEST_BACKOFF = timedelta(seconds=5)


def decide(delivery: Delivery, now: datetime, ownership: Ownership, *, idempotent: bool) -> Step:
    """`idempotent`: a repeat does no harm (an update of a card that is there), so there is nothing to look for."""
    until = _not_before(delivery, now, ownership)
    if until and until > now:
        return Wait(until)
    if idempotent:
        return Send()
    if (
        delivery.attempt.state is State.QUEUED
        and not in_doubt(delivery, ownership.doubt_since)
        and not _may_look_again(delivery, now)
    ):
        return Send()
    if (
        ownership.doubt_since and ownership.doubt_since + LANDS_WITHIN > now
    ):  # a request may be under way that nobody remembers
        return Wait(ownership.doubt_since + LANDS_WITHIN)
    if delivery.attempt.state is State.QUEUED:
        return Find()
    if delivery.attempt.lease == ownership.lease:
        quiet_at = (delivery.attempt.sent_at or now) + LANDS_WITHIN
    else:  # by another, whose clock may differ from ours
        quiet_at = ownership.since + STRAGGLES_FOR
    return Wait(quiet_at) if quiet_at > now else Find()


def in_doubt(delivery: Delivery, doubt_since: datetime | None) -> bool:
    """It may be there, though the store does not know of it. What a forgotten reading told is made anew by the next: so
    for a while what is newer than the loss is in doubt too."""
    if doubt_since is None or delivery.message.made_at > doubt_since + RECREATED_WITHIN:
        return False
    return delivery.attempt.checked_at is None or delivery.attempt.checked_at <= doubt_since


def _may_look_again(delivery: Delivery, now: datetime) -> bool:
    """It was given up unread, and could not be sent at once: by now Slack may let itself be read."""
    return sends_blind(delivery) and (
        delivery.attempt.checked_at is None or now - delivery.attempt.checked_at > LOOKUP_INTERVAL
    )


def sends_blind(delivery: Delivery) -> bool:
    """It is to be sent though nobody could look whether it is there."""
    return delivery.attempt.state is State.QUEUED and delivery.attempt.possible_repeat


def _not_before(delivery: Delivery, now: datetime, ownership: Ownership) -> datetime | None:
    """Where the clock was put back meanwhile, the wait that was set is counted from when the lane became ours."""
    if delivery.not_before and delivery.attempt.sent_at and now < delivery.attempt.sent_at:
        return min(delivery.not_before, ownership.since + (delivery.not_before - delivery.attempt.sent_at))
    return delivery.not_before


def as_sending(delivery: Delivery, now: datetime, ownership: Ownership) -> Delivery:
    """What is recorded before the call: whoever finds it so later looks before sending again."""
    attempt = delivery.attempt
    return delivery.after(
        replace(
            attempt,
            state=State.SENDING,
            count=attempt.count + 1,
            blind_count=attempt.blind_count + attempt.possible_repeat,
            sent_at=now,
            lease=ownership.lease,
            after_id=attempt.after_id or ("" if attempt.count else ownership.last_id),
            lookups=0,
            checked_at=None,
        )
    )


def after_send(delivery: Delivery, outcome: Outcome, now: datetime) -> Settlement:
    match outcome:
        case Posted(message_id):
            return Done(message_id, recheck=delivery.attempt.uncertain)
        case Unknown():
            return _again(delivery, delivery.attempt, not_before=now + _backoff(delivery), delay=Delay.NO_ANSWER)
        case Refused(kind=Refusal.RATE_LIMITED, retry_after=wait):
            # A 429 has been seen beside a message that did post: it stays SENDING, so the resend looks first, once.
            later = now + (wait or timedelta(seconds=1))
            return _again(delivery, delivery.attempt, lookups=LOOKUPS - 1, not_before=later, delay=Delay.RATE_LIMITED)
        case Refused(kind=Refusal.CHANNEL, suspend=reason):
            # Should it not come to rest yet, as while its makers cannot be asked for, it is not tried without a pause.
            waiting = delivery.after(
                replace(_queued(delivery, now), not_before=now + _backoff(delivery), delay=Delay.SUSPENDED)
            )
            return Suspend(waiting, reason or SuspendReason.NOT_FOUND)
        case Refused(kind=Refusal.CONTENT, error=error):
            if delivery.attempt.plain:
                return Drop(f"Slack refused even the plain text: {error}")
            return _again(delivery, _queued(delivery, now), plain=True)
        case Refused(kind=Refusal.CARD_GONE, error=error):
            return Gone(error)
        case Refused(kind=kind, retry_after=wait):
            later = now + max(wait or timedelta(), _backoff(delivery))
            delay = Delay.NOT_REACHED if kind is Refusal.NOT_SENT else Delay.REFUSED
            plain = delivery.attempt.plain or kind is Refusal.OTHER  # it may be what it looks like
            return _again(delivery, _queued(delivery, now), not_before=later, delay=delay, plain=plain)
        case _ as unreachable:
            assert_never(unreachable)


def after_lookup(delivery: Delivery, lookup_result: LookupResult, now: datetime, ownership: Ownership) -> Settlement:
    match lookup_result:
        case Found(message_id, group, came_at):
            return Done(message_id[0], found=True, group=group, repeats=message_id[1:], came_at=came_at)
        case Absent() if delivery.attempt.lookups + 1 >= LOOKUPS or delivery.attempt.state is State.QUEUED:
            # Absent where it was looked for: no earlier try is there either.
            queued = _queued(delivery, now)
            return _again(delivery, queued, uncertain=_may_be_posted(delivery), possible_repeat=False, blind_count=0)
        case Absent():
            return _again(
                delivery, delivery.attempt, lookups=delivery.attempt.lookups + 1, not_before=now + LOOKUP_INTERVAL
            )
        case Unreadable(retry_after=wait, lost=lost):
            patience = patience_with(delivery, lost=lost)
            if sends_blind(delivery) or now - _lookups_since(delivery, ownership) >= LANDS_WITHIN + patience:
                return _again(
                    delivery, _queued(delivery, now), uncertain=_may_be_posted(delivery), possible_repeat=True
                )
            return _again(delivery, delivery.attempt, not_before=now + min(wait or LOOKUP_INTERVAL, patience))
        case _ as unreachable:
            assert_never(unreachable)


def after_recheck(delivery: Delivery, lookup_result: LookupResult, now: datetime) -> Settlement:
    match lookup_result:
        case Found(message_id, _, came_at):
            return Done(message_id[0], found=True, repeats=message_id[1:], came_at=came_at)
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
    """It stands twice, and Slack would not take the later away: that is tried again, as often as is looked again."""
    if not isinstance(delivery.body, Recheck):
        return replace(done, recheck=True)
    if delivery.attempt.lookups + 1 >= RECHECKS:
        return done
    return _again(delivery, delivery.attempt, lookups=delivery.attempt.lookups + 1, not_before=now + RECHECK_AFTER)


def patience_with(delivery: Delivery, *, lost: bool) -> timedelta:
    """How long a history that cannot be read is waited for: a page that comes twice is better than one that does not
    come. `lost`: Slack gives no answer at all. Then it hardly takes a message either, and what is sent so is but one
    more whose fate is unknown: a page as well waits, though not for ever, since it may be the history alone that hangs.
    Each blind try that had no answer either doubles it: Slack may take them all, and each would stand till it answers.
    """
    first = PAGE_UNREADABLE_FOR if delivery.lane.kind is LaneKind.PAGES and not lost else UNREADABLE_FOR
    doubled: timedelta = first * 2 ** min(delivery.attempt.blind_count, PATIENCE_DOUBLES)
    return doubled


def _lookups_since(delivery: Delivery, ownership: Ownership) -> datetime:
    """Before this nobody looked for it: however long it is owed, it is not given up at the first look."""
    return max(
        filter(None, (delivery.attempt.sent_at or delivery.message.made_at, ownership.since, ownership.doubt_since))
    )


def oldest(delivery: Delivery) -> str:
    """Where to begin to look: Slack's own stamp where one is known, since its clock and ours differ; but not from long
    before it was made: much may have been written since the lane's last message."""
    message, attempt = delivery.message, delivery.attempt
    since = min(filter(None, (attempt.sent_at, message.earliest, message.made_at)))
    after_id = message.body.after_id if isinstance(message.body, Recheck) else attempt.after_id
    if after_id:
        return max(after_id, f"{(since - CLOCKS_DIFFER_AT_MOST).timestamp():.6f}", key=float)
    return f"{(since - CLOCKS_DIFFER).timestamp():.6f}"


def _may_be_posted(delivery: Delivery) -> bool:
    return delivery.attempt.uncertain or delivery.attempt.state is State.SENDING


def _again(delivery: Delivery, attempt: Attempt, **changes: Any) -> Again:
    return Again(delivery.after(replace(attempt, **changes)))


def _queued(delivery: Delivery, now: datetime) -> Attempt:
    """It is not there: it may be given (again), without another look."""
    return replace(delivery.attempt, state=State.QUEUED, lookups=0, checked_at=now, not_before=None)


def _backoff(delivery: Delivery) -> timedelta:
    doubled: timedelta = BACKOFF * 2 ** min(delivery.attempt.count - 1, 10)
    return min(doubled, PAGE_LONGEST_BACKOFF if delivery.lane.kind is LaneKind.PAGES else LONGEST_BACKOFF)


def in_order(rows: Iterable[Delivery], posted: Mapping[str, bool]) -> tuple[Delivery, ...]:
    """The rows of one lane that may be worked on, most urgent first. `rows` come oldest first.

    A story waits for the one before it, and for all its lines. A line waits for its card (`posted` tells which are
    there) and for the lines before it: it never overtakes its own story, though a more urgent story overtakes it.
    """
    rows = list(rows)
    unfinished = {key for row in rows for key in _entry_cards(row.body)}
    firsts: dict[str, Delivery] = {}
    urgency: dict[str, Priority] = {}
    others: list[Delivery] = []
    for row in rows:
        thread_key = thread_of(row.body)
        if row.lane.kind is LaneKind.FEED and (
            row.message.after_card in unfinished or not posted.get(row.message.after_card, True)
        ):
            continue
        if thread_key is None:
            others.append(row)
        elif posted.get(thread_key, False):
            firsts.setdefault(thread_key, row)
            urgency[thread_key] = min(row.message.priority, urgency.get(thread_key, row.message.priority))
    ready = [(row.message.priority, row) for row in others] + [
        (urgency[thread_key], row) for thread_key, row in firsts.items()
    ]
    ready.sort(key=lambda pair: (pair[0], not isinstance(pair[1].body, SyncCard | SyncGroup)))
    return tuple(row for _, row in ready)


def thread_of(body: Body) -> str | None:
    """In whose thread a line belongs; None for what is no line."""
    if isinstance(body, ThreadEntry):
        return body.card_key
    return body.thread_key if isinstance(body, TimelineBatch) else None


def _entry_cards(body: Body) -> tuple[str, ...]:
    """The cards whose stories its lines go on with."""
    lines = body.entries if isinstance(body, TimelineBatch) else (body,) if isinstance(body, ThreadEntry) else ()
    return tuple(line.card_key for line in lines)
