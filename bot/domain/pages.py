"""The pages of one episode: opens, advances and ends them together with the episode. Pure.

A watch that names people has an escalation of its own: it pages them again until somebody answers. A watch that names
a policy shares that policy's page with all other channels.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.confirmation import is_confirmed_late
from bot.domain.episode import Acknowledgement, Episode, EpisodeKind, FlapStep, stable_key
from bot.domain.escalation import (
    FailedAgain,
    NotifyLastResort,
    NotifyStep,
    Page,
    PageAcknowledged,
    PageClosed,
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
from bot.domain.routing import Routing, new_entries
from bot.domain.transition import FINDINGS, Event, findings_after
from bot.domain.watch import Audience, ChannelId, Target, TargetKind

REPEAT_AFTER = timedelta(minutes=5)  # a watch without a policy pages its targets again
REPEATS = 2
HELD_FOR = timedelta(minutes=30)  # an acknowledgement without a promise: each new deployment may fail once more
WHILE_SILENT = timedelta(minutes=1)
TOGETHER = timedelta(seconds=10)  # pages that are due within this time go together: one message names all of them

_PAGING_EVENTS: Mapping[EpisodeKind, frozenset[Event]] = {
    EpisodeKind.FAILURE: frozenset({Event.FAILED}),
    EpisodeKind.DEGRADED: frozenset({Event.DEGRADED}),
    EpisodeKind.UNREADABLE: frozenset({Event.UNREACHABLE, Event.GONE}),
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


def paging_targets(audience: Audience, episode: Episode, routing: Routing) -> tuple[Target, ...]:
    """The targets that an episode pages for one channel: its watches' own, or the default policy."""
    if not _called_for(episode):
        return ()
    if not audience.targets:
        policy = routing.default_policy(audience.channel) if episode.kind is EpisodeKind.FAILURE else None
        return (Target(kind=TargetKind.POLICY, id=policy.name),) if policy else ()
    return _named_by_watches(audience, episode)


def _named_by_watches(audience: Audience, episode: Episode) -> tuple[Target, ...]:
    events = sorted(_called_for(episode).items())
    return tuple(dict.fromkeys(target for event, lag in events for target in audience.paged_for(event, lag)))


def _called_for(episode: Episode) -> Mapping[Event, timedelta | None]:
    """The events that the episode pages for: those of its kind, and the findings that hold. With the lag reached."""
    fixed = _PAGING_EVENTS.get(episode.kind, frozenset())
    lag: timedelta | None = None
    found: frozenset[Event] = frozenset()
    is_of_the_chain = False
    for entry in episode.timeline:
        lag = entry.lag or lag
        for finding in entry.findings:
            is_of_the_chain = finding.is_of_the_chain if finding.event is Event.LAGGING else is_of_the_chain
        for event in entry.events:
            found = findings_after(found, event)
    if is_of_the_chain:  # nobody can do anything about the pipeline
        found -= {Event.LAGGING}
    return {event: lag if event is Event.LAGGING else None for event in fixed | found}


def paged_event(episode: Episode) -> Event:
    """What the episode is about, for a pager outside Slack."""
    events = (event for entry in reversed(episode.timeline) for event in reversed(entry.events))
    return _EVENT_OF.get(episode.kind) or next((event for event in events if event in FINDINGS), Event.FAILED)


_EVENT_OF = {
    EpisodeKind.FAILURE: Event.FAILED,
    EpisodeKind.DEGRADED: Event.DEGRADED,
    EpisodeKind.UNREADABLE: Event.UNREACHABLE,
}


def has_stopped_paging(episode: Episode, stored: Episode) -> bool:
    """True if this step ended what the episode pages for, but not the episode: it is stuck no longer."""
    return episode.open and stored.pages_now and not episode.pages_now and not _called_for(episode)


def notified_in(episode: Episode, channel: ChannelId) -> tuple[Target, ...]:
    """The people and groups that the pages shown in this channel have reached so far."""
    pages = (page for page in episode.pages if channel in page.channels)
    targets = (target for page in pages for target in page.notified if target.kind is not TargetKind.PAGER)
    return tuple(dict.fromkeys(targets))


def pagers_of(episode: Episode) -> tuple[Target, ...]:
    """The pagers outside Slack that the pages have reached."""
    return pagers_among(target for page in episode.pages for target in page.notified)


def timer_at(episode: Episode | None) -> datetime | None:
    """When the next step, or the end of a promise, is due. None: no timer runs. While it flaps, all of them wait."""
    if episode is None or not episode.open or episode.flapping:
        return None
    times = [page.next_at for page in episode.pages if page.next_at is not None]
    if episode.acknowledged and episode.acknowledged.until and episode.resolved is None:
        times.append(episode.acknowledged.until)
    return min(times, default=None)


def paged_episode(
    episode: Episode,
    stored: Episode | None,
    routing: Routing,
    at: datetime,
    *,
    page_event: PageEvent | None = None,
    only: ChannelId | None = None,
) -> Paged:
    """Advances the pages by what this step of the episode, or a person, does. Opens those of new conversations.

    Args:
        stored: this episode before the step; None if the step opens it.
        page_event: the event of the pages, if it is no change of the pipeline.
        only: the one channel whose pages may open.
    """
    for audience in routing.audiences if episode.pages else ():
        episode = following_watch(episode, audience, routing, at)
    event = page_event or _event(episode, stored, at)
    progress = _Progress(routing, at, episode)
    latest = [event for entry in new_entries(episode, stored) for event in entry.events if event in FINDINGS]
    progress.found = latest[-1] if stored and latest else None
    for page, its_event in _events_of_pages(episode, stored, event):
        progress.apply(page, its_event)
    if isinstance(event, FailedAgain) and episode.resolved is None:
        episode = replace(episode, acknowledged=None)
    if episode.open and episode.resolved is None and page_event is None:
        # A failure that began before pages were stored has cards without pages: its next failure opens them.
        before_pages = not episode.pages and isinstance(event, FailedAgain)
        shown = stored.cards.values() if stored and not before_pages else ()
        for audience in routing.audiences:
            silent = routing.silence_in(audience.channel, episode.kind, at)
            waits = silent or episode.waits_for(audience.confirm)
            if audience.channel not in shown and not waits and (only is None or audience.channel == only):
                progress.open(episode, audience, paging_targets(audience, episode, routing))
            elif progress.found and not waits and only is None:
                progress.widen(episode, audience, paging_targets(audience, episode, routing), stored)
    progress.page_operator(episode)
    return progress.result(episode)


def named_late(episode: Episode, audience: Audience, new: Sequence[Target], routing: Routing, at: datetime) -> Paged:
    """A watch names more people only now: its page reaches them too, from the first step on."""
    progress = _Progress(routing, at, episode)
    own = _key(episode, routing, "channel", audience.channel)
    policies = tuple(target for target in new if target.kind is TargetKind.POLICY)
    if own in progress.pages:
        progress.extend(own, [target for target in new if target not in policies])
        progress.open(episode, audience, policies)
    else:
        progress.open(episode, audience, new)
    return progress.result(episode)


def following_watch(episode: Episode, audience: Audience, routing: Routing, at: datetime) -> Episode:
    """The page of a channel's own targets names the targets that its watches name now."""
    if not _called_for(episode):
        return episode  # its pages end with this step
    key, targets = _key(episode, routing, "channel", audience.channel), _named_by_watches(audience, episode)
    return replace(
        episode, pages=tuple(_of_targets(page, targets, at) if page.key == key else page for page in episode.pages)
    )


def _of_targets(page: Page, targets: Sequence[Target], at: datetime) -> Page:
    policy = _own_policy(targets)
    if policy == page.policy:
        return page
    (step,) = policy.steps
    dropped = {target for before in page.policy.steps for target in before.targets} - set(step.targets)
    notified = tuple(target for target in page.notified if target not in dropped)
    page = replace(page, policy=policy, notified=notified)
    return page if step.targets else _closed(page, at)


def without_conversations(episode: Episode, leaving: Collection[ChannelId], at: datetime) -> Episode:
    """Takes conversations out of the pages: channels that stopped watching, and people who are paged no longer.

    A page without channels ends.
    """
    return replace(episode, pages=tuple(_without(page, leaving, at) for page in episode.pages))


def _without(page: Page, leaving: Collection[ChannelId], at: datetime) -> Page:
    channels = tuple(channel for channel in page.channels if channel not in leaving)
    notified = tuple(target for target in page.notified if target.direct not in leaving) if channels else ()
    page = replace(page, channels=channels, notified=notified)
    return page if channels else _closed(page, at)


def _closed(page: Page, at: datetime) -> Page:
    return next_page(page, at, PageClosed(), lambda _: False).page


def _event(episode: Episode, stored: Episode | None, at: datetime) -> PageEvent | None:
    """What a change of the pipeline means for the pages."""
    if not episode.open or not _called_for(episode):
        return PageClosed()
    new = new_entries(episode, stored)
    events = {event for entry in new for event in entry.events}
    found = bool(events & FINDINGS) and (not episode.pages_now or any(entry.reopens for entry in new))
    again = stored is not None and (found or bool(events & _PAGING_EVENTS.get(episode.kind, frozenset())))
    settles = any(entry.flap is FlapStep.SETTLED for entry in new)
    return FailedAgain() if again and (settles or not _is_held(episode, at)) else None


def _is_held(episode: Episode, at: datetime) -> bool:
    """Somebody looks at this failure, and it was never over since: only a new deployment failed.

    A recovery ends the acknowledgement.
    """
    answer = episode.acknowledged
    return answer is not None and at <= max(answer.at + HELD_FOR, answer.until or answer.at)


def _events_of_pages(
    episode: Episode, stored: Episode | None, event: PageEvent | None
) -> Iterator[tuple[Page, PageEvent]]:
    """Pages that waited for a further reading of a failure resume with it."""
    late = event is None and is_confirmed_late(episode, stored)
    for page in episode.pages:
        if event is not None:
            yield page, event
        elif late and page.status is PageStatus.CLOSED:
            yield page, FailedAgain()


def _key(episode: Episode, routing: Routing, kind: str, name: str) -> str:
    return stable_key(routing.team, episode.pipeline_id, episode.identity, kind, name.lower())


def _own_policy(targets: Sequence[Target]) -> Policy:
    named = tuple(target for target in targets if target.kind is not TargetKind.POLICY)
    return Policy(name="", steps=(PolicyStep(targets=named, wait=REPEAT_AFTER),), rounds=REPEATS)


def pagers_among(targets: Iterable[Target]) -> tuple[Target, ...]:
    """Those of the targets that are pagers, each once."""
    return tuple(dict.fromkeys(target for target in targets if target.kind is TargetKind.PAGER))


def postponed(episode: Episode, routing: Routing, at: datetime) -> Episode | None:
    """The episode with its due pages later, if silences hold back all of them. None: somebody may hear one."""
    due = [page for page in episode.pages if _is_due(page, at)]
    if not due or not all(_is_silent(page, episode.kind, routing, at) for page in due):
        return None
    return replace(episode, pages=tuple(_postponed(page, at) for page in episode.pages))


def _is_due(page: Page, at: datetime) -> bool:
    return page.next_at is not None and page.next_at - at <= TOGETHER


def _is_silent(page: Page, kind: EpisodeKind, routing: Routing, at: datetime) -> bool:
    return bool(page.channels) and not routing.heard(page, kind, at).channels


def _names_somebody(page: Page) -> bool:
    """False if the page belongs to watches that name nobody of their own any more."""
    return bool(page.policy.name) or any(step.targets for step in page.policy.steps)


def _postponed(page: Page, at: datetime) -> Page:
    """Nobody may hear it now: it asks again."""
    return replace(page, next_at=at + WHILE_SILENT, silenced=True) if _is_due(page, at) else page


def _waiting(page: Page, at: datetime) -> Page:
    """The pipeline failed again, and nobody may hear it now: the page starts again after the silence."""
    if page.status in {PageStatus.ESCALATING, PageStatus.RESOLVED}:
        return page
    return replace(restarted_at(page, at + WHILE_SILENT), silenced=True)


def following_silences(episode: Episode, routing: Routing, at: datetime) -> Episode:
    """Marks the pages that nobody may hear now. A marked one that is heard again starts at once, from its first step.

    Nobody may have seen the calls before the silence, so the first step comes again.
    """
    pages = tuple(_following_silences(page, episode, routing, at) for page in episode.pages)
    return episode if pages == episode.pages else replace(episode, pages=pages)


def _following_silences(page: Page, episode: Episode, routing: Routing, at: datetime) -> Page:
    silent = _is_silent(page, episode.kind, routing, at)
    waits = episode.unanswered and page.status not in {PageStatus.CLOSED, PageStatus.RESOLVED}
    if silent:
        return replace(page, silenced=True) if waits else page
    if not page.silenced:
        return page
    return restarted_at(page, at) if waits else replace(page, silenced=False)


class _Progress:
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
        if isinstance(event, TimerDue | FailedAgain) and _is_silent(page, self._kind, self._routing, at):
            self.pages[page.key] = _postponed(page, at) if isinstance(event, TimerDue) else _waiting(page, at)
            return
        if isinstance(event, TimerDue) and page.next_at is not None and page.next_at - at <= TOGETHER:
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
        wanted = {_key(episode, self._routing, "channel", audience.channel): _own_policy(own)} if own else {}
        for target in targets:
            if target.kind is TargetKind.POLICY:
                policy = self._routing.policy(target.id)
                wanted[_key(episode, self._routing, "policy", target.id)] = policy
        for key, policy in wanted.items():
            self._open(key, policy, audience.channel, episode.acknowledged)

    def _open(self, key: str, policy: Policy, channel: ChannelId, acknowledged: Acknowledgement | None = None) -> None:
        known = self.pages.get(key)
        if known and known.channels:
            channels = tuple(dict.fromkeys([*known.channels, channel]))
            page = replace(known, channels=channels)
            self.pages[key] = page
            if known.silenced and not acknowledged and not _is_silent(page, self._kind, self._routing, self._at):
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
        key = _key(episode, self._routing, "channel", audience.channel)
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
        key = _key(episode, self._routing, "policy", operator.name)
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


_REASONS = {
    PageReason.PROMISE_MISSED: CallReason.PROMISE_MISSED,
    PageReason.FAILED_AGAIN: CallReason.FAILED_AGAIN,
}
