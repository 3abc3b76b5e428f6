"""Applies one event to all pages of an episode, and collects the steps to carry out. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.episode import Acknowledgement, Episode, stable_key
from bot.domain.escalation import (
    TOGETHER,
    FailedAgain,
    NotifyLastResort,
    NotifyStep,
    Page,
    PageAcknowledged,
    PageDecision,
    PageEvent,
    PageReason,
    PageStatus,
    Policy,
    PolicyStep,
    ReportNobodyAnswered,
    StepReachedNobody,
    TimerDue,
    next_page,
    opened_page,
    restarted_at,
)
from bot.domain.notice import CallReason, PageCall
from bot.domain.page_silences import is_silenced, postponed_page, waiting_page
from bot.domain.routing import Routing
from bot.domain.transition import Event
from bot.domain.watch import Audience, ChannelId, Target, TargetKind

REPEAT_AFTER = timedelta(minutes=5)  # a watch without a policy pages its targets again
REPEATS = 2
_REASONS = {
    PageReason.PROMISE_MISSED: CallReason.PROMISE_MISSED,
    PageReason.FAILED_AGAIN: CallReason.FAILED_AGAIN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One step of one page: the targets to notify now. Empty: say in the page's channels that nobody answered."""

    page: Page
    targets: tuple[Target, ...]
    direct: tuple[Target, ...]
    """Those of them who get a direct message. A first call leaves out people that another page has reached."""
    words: PageCall


@dataclass(frozen=True, slots=True)
class Paged:
    """An episode with its pages after one event, and the steps to carry out."""

    episode: Episode
    calls: tuple[Call, ...] = ()
    resumed: tuple[Target, ...] = ()
    """The pagers of pages that go on after a recovery. They were told that it is over."""


class PageProgress:
    """The pages while one event is applied to all of them, and the steps that follow from it."""

    def __init__(self, routing: Routing, at: datetime, episode: Episode) -> None:
        self._routing = routing
        self._at = at
        self._calls: list[Call] = []
        self._resumed: list[Target] = []
        self._nobody_answered = False
        self._kind = episode.kind
        self._episode = episode
        self.found: Event | None = None
        """What this step found in an episode that had begun before."""
        self.pages = {page.key: page for page in episode.pages}

    def apply(self, page: Page, event: PageEvent) -> None:
        at = self._at
        if isinstance(event, FailedAgain) and not (_names_somebody(page) and self._hears(page)):
            return
        if isinstance(event, TimerDue | FailedAgain) and is_silenced(page, self._kind, self._routing, at):
            self.pages[page.key] = postponed_page(page, at) if isinstance(event, TimerDue) else waiting_page(page, at)
            return
        if isinstance(event, TimerDue) and page.next_at and page.is_due(at, TOGETHER):
            at = max(at, page.next_at)
        if page.silenced and isinstance(event, TimerDue) and page.status is PageStatus.ESCALATING:
            page = restarted_at(page, at)
        before = page.promised_until
        decision = next_page(page, at, event, self._reaches)
        if decision.reason is PageReason.RESUMED:
            self._resumed += pagers_among(page.notified)
        self._take(decision, promised_until=before)

    def _hears(self, page: Page) -> bool:
        """False if every channel stopped watching, or waits for a further reading."""
        audiences = map(self._routing.audience, page.channels)
        return any(audience is None or not self._episode.waits_for(audience.confirm) for audience in audiences)

    def open(self, episode: Episode, audience: Audience, targets: Sequence[Target]) -> None:
        """Opens the page of the targets that the watches name themselves, and one for each policy."""
        own = tuple(target for target in targets if target.kind is not TargetKind.POLICY)
        wanted = {page_key(episode, self._routing, "channel", audience.channel): own_policy(own)} if own else {}
        for target in targets:
            if target.kind is TargetKind.POLICY:
                policy = self._routing.policy(target.id)
                wanted[page_key(episode, self._routing, "policy", target.id)] = policy
        for key, policy in wanted.items():
            self._open(key, policy, audience.channel, episode.acknowledged)

    def _open(self, key: str, policy: Policy, channel: ChannelId, acknowledged: Acknowledgement | None = None) -> None:
        known = self.pages.get(key)
        if known and known.channels:
            channels = tuple(dict.fromkeys([*known.channels, channel]))
            page = replace(known, channels=channels)
            self.pages[key] = page
            if known.silenced and not acknowledged and not is_silenced(page, self._kind, self._routing, self._at):
                page = restarted_at(page, self._at)  # only this channel may hear it
                self._take(next_page(page, self._at, TimerDue(), self._reaches))
            return
        page = opened_page(key, policy, self._at, (channel,))
        page = replace(page, attempt=known.attempt + 1) if known else page  # every channel had stopped watching
        # If somebody looks at the failure, the page starts when they give up.
        event = PageAcknowledged(by=acknowledged.by, promised_until=acknowledged.until) if acknowledged else TimerDue()
        self._take(next_page(page, self._at, event, self._reaches))

    def widen(self, episode: Episode, audience: Audience, targets: Sequence[Target], stored: Episode | None) -> None:
        """The pipeline has one more problem in this episode: calls the targets that only this one pages.

        `stored`: the episode before this step.
        """
        key = page_key(episode, self._routing, "channel", audience.channel)
        before = next((page for page in stored.pages if page.key == key), None) if stored else None
        self.open(episode, audience, targets)
        if before and self.pages[key].status is PageStatus.ESCALATING and before.status is PageStatus.ESCALATING:
            named = {target for step in before.policy.steps for target in step.targets}
            own = (target for target in targets if target.kind is not TargetKind.POLICY)
            self.extend(key, [target for target in own if target not in named])

    def extend(self, key: str, new: Sequence[Target]) -> None:
        """Calls the targets that the watch behind this page names only now. Its first step does so if that is due."""
        page = self.pages[key]
        if page.position == 0 and page.next_at and page.next_at <= self._at:
            return
        if reached := self._reached(new):
            self._notify(page, reached, CallReason.NAMED, 0)

    def page_operator(self, episode: Episode) -> None:
        """After a page that nobody answered, and that has no last resort."""
        operator = self._routing.operator_policy if self._nobody_answered else None
        if operator is None:
            return
        key = page_key(episode, self._routing, "policy", operator.name)
        channels = dict.fromkeys(channel for page in self.pages.values() for channel in page.channels)
        for channel in [self._routing.operator] if self._routing.operator else list(channels):
            self._open(key, operator, channel)

    def result(self, episode: Episode) -> Paged:
        return Paged(
            replace(episode, pages=tuple(self.pages.values())), tuple(self._calls), tuple(dict.fromkeys(self._resumed))
        )

    # --- one decision ----------------------------------------------------------------------------------------------

    def _take(self, decision: PageDecision, promised_until: datetime | None = None) -> None:
        page, reason = decision.page, _REASONS.get(decision.reason, CallReason.STEP)
        self.pages[page.key] = page
        for effect in decision.effects:
            match effect:
                case NotifyStep(position=position, targets=targets):
                    steps = len(page.policy.steps)
                    repeated = reason is CallReason.STEP and position >= steps
                    why = CallReason.REPEATED if repeated else reason
                    page = self._with_shadows(page, targets)
                    self._notify(page, self._reached(targets), why, position % steps + 1, promised_until)
                case NotifyLastResort(targets=targets):
                    self._notify(page, self._reached(targets), CallReason.LAST_RESORT, 0)
                case ReportNobodyAnswered():
                    self._nobody_answered = True
                    self._notify(page, (), CallReason.NOBODY_ANSWERED, 0)
                case StepReachedNobody():
                    pass  # the page has it, and the card shows it
            page = self.pages[page.key]

    def _notify(
        self,
        page: Page,
        reached: tuple[Target, ...],
        reason: CallReason,
        step: int,
        promised_until: datetime | None = None,
    ) -> None:
        first = reason is CallReason.STEP and not page.notified
        others = {target for other in self.pages.values() if other.key != page.key for target in other.notified}
        direct = tuple(target for target in reached if not (first and target in others))
        page = replace(page, notified=tuple(dict.fromkeys([*page.notified, *reached])))
        self.pages[page.key] = page
        words = PageCall(
            reason=reason,
            policy=page.policy.name,
            step=step,
            steps=len(page.policy.steps),
            event=self.found if first or reason is CallReason.NAMED else None,
        )
        if reason is CallReason.PROMISE_MISSED:
            words = replace(words, promised_until=promised_until)
            entries = reversed(self._episode.timeline)
            if missed := next((entry for entry in entries if Event.PROMISE_MISSED in entry.events), None):
                words = replace(words, promised_by=missed.name, snoozed=missed.snoozed)
        audible = self._routing.heard(page, self._kind, self._at)
        if audible.channels or not page.channels:
            self._calls.append(Call(page=audible, targets=reached, direct=direct, words=words))

    def _with_shadows(self, page: Page, targets: Iterable[Target]) -> Page:
        found = (shadow for target in targets for shadow in self._routing.shadows(target, self._at))
        return replace(page, shadows=tuple(dict.fromkeys([*page.shadows, *found])))

    def _reached(self, targets: Iterable[Target]) -> tuple[Target, ...]:
        return tuple(dict.fromkeys(found for target in targets for found in self._routing.reached(target, self._at)))

    def _reaches(self, target: Target) -> bool:
        return bool(self._routing.reached(target, self._at))


def _names_somebody(page: Page) -> bool:
    """False if the page belongs to watches that name nobody of their own any more."""
    return bool(page.policy.name) or any(step.targets for step in page.policy.steps)


def page_key(episode: Episode, routing: Routing, kind: str, name: str) -> str:
    return stable_key(routing.team, episode.pipeline_id, episode.identity, kind, name.lower())


def own_policy(targets: Sequence[Target]) -> Policy:
    named = tuple(target for target in targets if target.kind is not TargetKind.POLICY)
    return Policy(name="", steps=(PolicyStep(targets=named, wait=REPEAT_AFTER),), rounds=REPEATS)


def pagers_among(targets: Iterable[Target]) -> tuple[Target, ...]:
    """Those of the targets that are pagers, each once."""
    return tuple(dict.fromkeys(target for target in targets if target.kind is TargetKind.PAGER))
