"""Escalation of a page: which step is notified next, when, and why. Pure.

The page holds a copy of its policy, so that an edit of the policy never moves a running page. `next_page` decides; a
durable row holds `next_at`, and any bot may serve it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.watch import ChannelId, Target, UserId

SHORTEST_WAIT = timedelta(minutes=1)  # a failure that comes back calls nobody at once who did not answer before
TOGETHER = timedelta(seconds=10)  # pages that are due within this time go together: one message names all of them
Reaches = Callable[[Target], bool]
"""True if the target reaches at least one person at the moment of the decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyStep:
    """The targets that are notified together, and the wait for an answer."""

    targets: tuple[Target, ...]
    wait: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The targets that a failure pages, in order."""

    name: str
    steps: tuple[PolicyStep, ...]
    rounds: int = 0
    """How often all steps are repeated while nobody answers: 0 to 9."""
    last_resort: tuple[Target, ...] = ()
    """Notified once after all rounds. Empty: the channel and the operator hear that nobody answered."""


class PageStatus(StrEnum):
    """A closed page notifies again only if its episode goes on, a resolved one never."""

    ESCALATING = "escalating"
    ACKNOWLEDGED = "acknowledged"
    EXHAUSTED = "exhausted"
    CLOSED = "closed"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The demand of one episode, by one policy, that a person act."""

    key: str
    """Stable for the episode and the policy: two channels with the same policy share the page."""
    policy: Policy
    status: PageStatus = PageStatus.ESCALATING
    attempt: int = 0
    """Counts the beginnings of the escalation, so that a restarted one repeats no delivery's id."""
    position: int = 0
    """The number of steps behind it in this attempt, those of earlier rounds included."""
    next_at: datetime | None
    """When the next step or the end of a promise is due. None: no timer runs."""
    acknowledged_by: UserId | None = None
    promised_until: datetime | None = None
    """Until when the person who acknowledged wants to be back."""
    remaining: timedelta | None = None
    """Of a closed page that nobody answered: how long its next step had still to wait."""
    channels: tuple[ChannelId, ...] = ()
    """The channels whose watches want this page. Its steps appear there."""
    notified: tuple[Target, ...] = ()
    """The people, groups and pagers that the steps so far reached."""
    shadows: tuple[Target, ...] = ()
    """Learners, who get copies of the direct messages. They don't count as reached."""
    unreached: tuple[int, ...] = ()
    """The positions of the steps that reached nobody."""
    silenced: bool = False
    """Silences hold back its calls in all its channels. When one of them ends, it starts again."""

    @property
    def conversations(self) -> tuple[ChannelId, ...]:
        """Its channels, and the direct messages of the people it has reached and of their shadows."""
        direct = (target.direct for target in (*self.notified, *self.shadows) if target.direct)
        return tuple(dict.fromkeys([*self.channels, *direct]))

    def is_due(self, at: datetime, within: timedelta) -> bool:
        """True if its timer ends by then, or so soon afterwards."""
        return self.next_at is not None and self.next_at - at <= within


def opened_page(key: str, policy: Policy, at: datetime, channels: tuple[ChannelId, ...] = ()) -> Page:
    """A page whose first step is due at once."""
    return Page(key=key, policy=policy, next_at=at, channels=channels)


@dataclass(frozen=True, slots=True)
class TimerDue:
    """The time `next_at` came. It may come late, or twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAcknowledged:
    """A person looks at the failure."""

    by: UserId
    promised_until: datetime | None = None
    takes_over: bool = False
    """The acknowledgement moves to this person, if somebody else has it."""


@dataclass(frozen=True, slots=True)
class FailedAgain:
    """The pipeline failed once more in the same episode."""


@dataclass(frozen=True, slots=True)
class PageClosed:
    """The episode is over."""


@dataclass(frozen=True, slots=True)
class PageResolved:
    """A person ended the paging of this episode."""


PageEvent = TimerDue | PageAcknowledged | FailedAgain | PageClosed | PageResolved


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyStep:
    """Page the targets of this step."""

    attempt: int
    position: int
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReachedNobody:
    """This step was passed over at once. Reported in the first round only."""

    attempt: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyLastResort:
    """All rounds are over: page these."""

    attempt: int
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportNobodyAnswered:
    """All rounds are over, and no last resort is left: say so in the channel, and page the operator's policy."""

    attempt: int


PageEffect = NotifyStep | StepReachedNobody | NotifyLastResort | ReportNobodyAnswered


class PageReason(StrEnum):
    """Why a decision changed the page, or why not."""

    STEP_DUE = "step due"
    ROUNDS_OVER = "all rounds are over"
    ACKNOWLEDGED = "acknowledged"
    TAKEN_OVER = "taken over"
    PROMISE_MISSED = "promise missed"
    FAILED_AGAIN = "failed again"
    RESUMED = "resumed"
    CLOSED = "closed"
    RESOLVED = "resolved"
    NOT_DUE = "not due"
    ALREADY_ESCALATING = "already escalating"
    ALREADY_ACKNOWLEDGED = "already acknowledged"
    ALREADY_CLOSED = "already closed"
    ALREADY_RESOLVED = "already resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageDecision:
    """The page after an event, and what to do. Both are written together."""

    page: Page
    effects: tuple[PageEffect, ...] = ()
    reason: PageReason


def next_page(page: Page, at: datetime, event: PageEvent, reaches: Reaches) -> PageDecision:
    """Decides what an event changes. A repeated or late event changes nothing more.

    A timer that is served late counts the next wait from `at`: after a long stop, no steps come in quick succession.
    """
    if page.status is PageStatus.RESOLVED:
        return PageDecision(page=page, reason=PageReason.ALREADY_RESOLVED)
    if page.status is PageStatus.CLOSED and not isinstance(event, FailedAgain | PageResolved):
        return PageDecision(page=page, reason=PageReason.ALREADY_CLOSED)
    match event:
        case TimerDue():
            return _timer_due(page, at, reaches)
        case PageAcknowledged():
            return _acknowledged(page, event)
        case FailedAgain():
            return _failed_again(page, at, reaches)
        case PageClosed():
            under_way = page.next_at - at if page.next_at and page.status is PageStatus.ESCALATING else None
            closed = replace(page, status=PageStatus.CLOSED, next_at=None, promised_until=None, remaining=under_way)
            return PageDecision(page=closed, reason=PageReason.CLOSED)
        case PageResolved():
            resolved = replace(page, status=PageStatus.RESOLVED, next_at=None, promised_until=None, remaining=None)
            return PageDecision(page=resolved, reason=PageReason.RESOLVED)


def _failed_again(page: Page, at: datetime, reaches: Reaches) -> PageDecision:
    """An escalation that nobody answered goes on where it was: its wait stood still. Otherwise it starts again."""
    if page.status is PageStatus.ESCALATING:
        return PageDecision(page=page, reason=PageReason.ALREADY_ESCALATING)
    if page.remaining is not None:
        next_at = at + max(page.remaining, SHORTEST_WAIT)
        resumed = replace(page, status=PageStatus.ESCALATING, next_at=next_at, remaining=None)
        return PageDecision(page=resumed, reason=PageReason.RESUMED)
    return _restarted(page, at, reaches, PageReason.FAILED_AGAIN)


def _timer_due(page: Page, at: datetime, reaches: Reaches) -> PageDecision:
    if page.next_at is None or at < page.next_at:
        return PageDecision(page=page, reason=PageReason.NOT_DUE)
    if page.status is PageStatus.ACKNOWLEDGED:
        return _restarted(page, at, reaches, PageReason.PROMISE_MISSED)
    return _escalated(page, at, reaches, PageReason.STEP_DUE)


def _acknowledged(page: Page, event: PageAcknowledged) -> PageDecision:
    other = page.status is PageStatus.ACKNOWLEDGED and page.acknowledged_by != event.by
    if other and not event.takes_over:
        return PageDecision(page=page, reason=PageReason.ALREADY_ACKNOWLEDGED)
    acknowledged = replace(
        page,
        status=PageStatus.ACKNOWLEDGED,
        next_at=event.promised_until,
        acknowledged_by=event.by,
        promised_until=event.promised_until,
    )
    return PageDecision(page=acknowledged, reason=PageReason.TAKEN_OVER if other else PageReason.ACKNOWLEDGED)


def _restarted(page: Page, at: datetime, reaches: Reaches, reason: PageReason) -> PageDecision:
    """From the first step, at once."""
    return _escalated(restarted_at(page, at), at, reaches, reason)


def restarted_at(page: Page, at: datetime) -> Page:
    """The page before its first step, which is due at `at`. The earlier acknowledgement no longer counts."""
    return replace(
        page,
        status=PageStatus.ESCALATING,
        attempt=page.attempt + 1,
        position=0,
        next_at=at,
        acknowledged_by=None,
        promised_until=None,
        remaining=None,
        silenced=False,
    )


def _escalated(page: Page, at: datetime, reaches: Reaches, reason: PageReason) -> PageDecision:
    """Notifies the next step that reaches somebody, or the last resort."""
    steps = page.policy.steps
    effects: list[PageEffect] = []
    for position in range(page.position, len(steps) * (page.policy.rounds + 1)):
        step = steps[position % len(steps)]
        if targets := tuple(target for target in step.targets if reaches(target)):
            effects.append(NotifyStep(attempt=page.attempt, position=position, targets=targets))
            notified = replace(page, position=position + 1, next_at=at + step.wait)
            return PageDecision(page=notified, effects=tuple(effects), reason=reason)
        if position < len(steps):
            effects.append(StepReachedNobody(attempt=page.attempt, position=position))
            page = replace(page, unreached=tuple(sorted({*page.unreached, position})))
    if targets := tuple(target for target in page.policy.last_resort if reaches(target)):
        effects.append(NotifyLastResort(attempt=page.attempt, targets=targets))
    else:
        effects.append(ReportNobodyAnswered(attempt=page.attempt))
    exhausted = replace(page, status=PageStatus.EXHAUSTED, next_at=None)
    final_reason = reason if reason is not PageReason.STEP_DUE else PageReason.ROUNDS_OVER
    return PageDecision(page=exhausted, effects=tuple(effects), reason=final_reason)
