"""A delivery: one message owed to one channel, and what to do about it next. Decisions only; nobody is called here.

The protocol is one of looking back: Slack has no idempotency key for `chat.postMessage`
(https://github.com/slackapi/slack-api-specs/issues/10), so a message whose fate is unknown is looked for before it is
sent again, and not before the first request can no longer land.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import assert_never

from bot.domain.card import Body, StormLines, SyncCard, SyncStorm, ThreadLine
from bot.domain.watch import ChannelId, ParkReason

LANDS_WITHIN = timedelta(seconds=8)  # the request's own deadline (5 s) and what may still be under way behind it
BETWEEN_LOOKS = timedelta(seconds=3)
LOOKS = 2
UNREADABLE_FOR = timedelta(seconds=60)  # then a repeat is better than silence
PAGE_UNREADABLE_FOR = timedelta(seconds=5)
BACKOFF = timedelta(seconds=2)
LONGEST_BACKOFF = timedelta(minutes=5)


class Priority(IntEnum):
    """The order of lanes: lower goes first."""

    PAGE = 0
    FAILURE = 1
    RECOVERY = 2
    UPDATE = 3


class State(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"  # recorded before the call; found so later, its fate is unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A row of the outbox. `id` is deterministic: enqueued twice it is still one delivery."""

    id: str
    channel: ChannelId
    priority: Priority
    body: Body
    made_at: datetime
    state: State = State.QUEUED
    attempts: int = 0
    sent_at: datetime | None = None
    looks: int = 0
    not_before: datetime | None = None
    plain: bool = False
    possible_repeat: bool = False


# --- what the chat answered ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Posted:
    ts: str


class Refusal(StrEnum):
    """A definite no, cut by what is to be done. Source: the error tables of chat.postMessage and chat.update."""

    RATE_LIMITED = "rate_limited"
    CHANNEL = "channel"
    WORKSPACE = "workspace"
    CONTENT = "content"
    CARD_GONE = "card_gone"
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    kind: Refusal
    error: str
    retry_after: timedelta | None = None
    park: ParkReason | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may or may not be there."""

    detail: str


Outcome = Posted | Refused | Unknown


@dataclass(frozen=True, slots=True)
class Seen:
    """Every message with the key, oldest first."""

    ts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotSeen:
    pass


@dataclass(frozen=True, slots=True)
class Unreadable:
    error: str
    retry_after: timedelta | None = None


Sighting = Seen | NotSeen | Unreadable


# --- what to do next -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    pass


@dataclass(frozen=True, slots=True)
class Look:
    pass


@dataclass(frozen=True, slots=True)
class Wait:
    until: datetime


Step = Send | Look | Wait


def decide(delivery: Delivery, now: datetime, *, idempotent: bool) -> Step:
    """`idempotent`: a repeat does no harm (an update of a card that is there), so there is nothing to look for."""
    if delivery.not_before and delivery.not_before > now:
        return Wait(delivery.not_before)
    if delivery.state is State.QUEUED or idempotent:
        return Send()
    quiet_at = (delivery.sent_at or now) + LANDS_WITHIN
    return Wait(quiet_at) if quiet_at > now else Look()


@dataclass(frozen=True, slots=True)
class Done:
    """It is there. `found`: it was not posted just now but found, and may show an older revision."""

    ts: str
    found: bool = False


@dataclass(frozen=True, slots=True)
class Again:
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Park:
    """The channel does not take messages for now: the delivery stays, its lane rests."""

    delivery: Delivery
    reason: ParkReason


@dataclass(frozen=True, slots=True)
class Drop:
    """It can never be delivered, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The message that was to be updated is there no more: what is new is posted afresh."""

    reason: str


Settlement = Done | Again | Park | Drop | Gone


def after_send(delivery: Delivery, outcome: Outcome, now: datetime) -> Settlement:
    match outcome:
        case Posted(ts):
            return Done(ts)
        case Unknown():
            return Again(replace(delivery, not_before=now + _backoff(delivery)))
        case Refused(kind=Refusal.RATE_LIMITED, retry_after=wait):
            # A 429 has been seen beside a message that did post: it stays SENDING, so the resend looks first, once.
            return Again(replace(delivery, looks=LOOKS - 1, not_before=now + (wait or timedelta(seconds=1))))
        case Refused(kind=Refusal.CHANNEL, park=reason):
            queued = replace(delivery, state=State.QUEUED, not_before=None)
            return Park(queued, reason or ParkReason.NOT_FOUND)
        case Refused(kind=Refusal.CONTENT, error=error):
            if delivery.plain:
                return Drop(f"Slack refused even the plain text: {error}")
            return Again(replace(delivery, state=State.QUEUED, plain=True, not_before=None))
        case Refused(kind=Refusal.CARD_GONE, error=error):
            return Gone(error)
        case Refused(retry_after=wait):
            later = now + max(wait or timedelta(), _backoff(delivery))
            return Again(replace(delivery, state=State.QUEUED, not_before=later))
        case _ as unreachable:
            assert_never(unreachable)


def after_look(delivery: Delivery, sighting: Sighting, now: datetime) -> Settlement:
    match sighting:
        case Seen(ts):
            return Done(ts[0], found=True)
        case NotSeen() if delivery.looks + 1 >= LOOKS:
            return Again(replace(delivery, state=State.QUEUED, looks=0, not_before=None))
        case NotSeen():
            return Again(replace(delivery, looks=delivery.looks + 1, not_before=now + BETWEEN_LOOKS))
        case Unreadable(retry_after=wait):
            patience = PAGE_UNREADABLE_FOR if delivery.priority is Priority.PAGE else UNREADABLE_FOR
            if now - (delivery.sent_at or now) >= LANDS_WITHIN + patience:
                return Again(replace(delivery, state=State.QUEUED, looks=0, not_before=None, possible_repeat=True))
            return Again(replace(delivery, not_before=now + min(wait or BETWEEN_LOOKS, patience)))
        case _ as unreachable:
            assert_never(unreachable)


def _backoff(delivery: Delivery) -> timedelta:
    doubled: timedelta = BACKOFF * 2 ** min(delivery.attempts, 10)
    return min(doubled, LONGEST_BACKOFF)


def in_order(rows: Iterable[Delivery], posted: Mapping[str, bool]) -> tuple[Delivery, ...]:
    """The rows of one channel that may be worked on, most urgent first. `rows` come oldest first.

    A line waits for its card (`posted` tells which are there) and for the lines before it: it never overtakes its own
    story, though a more urgent story overtakes it.
    """
    firsts: dict[str, Delivery] = {}
    urgency: dict[str, Priority] = {}
    others: list[Delivery] = []
    for row in rows:
        story = story_of(row.body)
        if story is None:
            others.append(row)
        elif posted.get(story, False):
            firsts.setdefault(story, row)
            urgency[story] = min(row.priority, urgency.get(story, row.priority))
    ready = [(row.priority, row) for row in others] + [(urgency[story], row) for story, row in firsts.items()]
    ready.sort(key=lambda pair: (pair[0], not isinstance(pair[1].body, SyncCard | SyncStorm)))
    return tuple(row for _, row in ready)


def story_of(body: Body) -> str | None:
    """In whose thread a line belongs; None for what is no line."""
    if isinstance(body, ThreadLine):
        return body.card_key
    return body.storm_key if isinstance(body, StormLines) else None
