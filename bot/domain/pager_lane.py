"""Combines the messages that wait in one pager's lane. Pure.

- A page is dropped if its acknowledgement, its end or a later page of the same key waits behind it. It certainly did
  not arrive, so nobody need be woken for it.
- A page of unknown fate is not repeated once its answer waits behind it. The answer follows when the page has landed.
- As in Slack, more failures than stand alone become one incident, which has one key. For a while, new failures join it.
- The acknowledgement or end of one failure counts for its incident. The incident is acknowledged once somebody looks at
  each of its failures, and ends with the last one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.backlog import DEFAULT_GROUP_RULE, GroupRule
from bot.domain.delivery import AttemptState, Delivery, Message, Priority, Receiver
from bot.domain.episode import stable_key
from bot.domain.pager import PagedFailure, PagerAction, PagerEvent
from bot.domain.protocol import LANDS_WITHIN

LARGEST_INCIDENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What one pager knows under one key: a failure, or several that were paged together.

    The store keeps it until the paging of all its failures is over.
    """

    key: str
    made_at: datetime
    failures: tuple[PagedFailure, ...]
    acknowledged: tuple[str, ...] = ()
    """The keys of the failures that somebody looks at."""
    ended: tuple[str, ...] = ()
    """The keys of the failures whose paging is over."""
    step: int = 1
    """The latest step of the escalation that paged for it."""

    @property
    def is_group(self) -> bool:
        return any(failure.key != self.key for failure in self.failures)

    @property
    def open(self) -> tuple[PagedFailure, ...]:
        """The failures whose paging is not over."""
        return tuple(failure for failure in self.failures if failure.key not in self.ended)

    @property
    def is_over(self) -> bool:
        """A page about the bot itself has no failures: it ends by its key."""
        return not self.open if self.failures else self.key in self.ended

    @property
    def is_acknowledged(self) -> bool:
        """True if somebody looks at each open failure."""
        return all(failure.key in self.acknowledged for failure in self.open)

    def is_recent(self, at: datetime, rule: GroupRule) -> bool:
        return at - self.made_at < rule.within

    def takes(self, at: datetime, rule: GroupRule) -> bool:
        """True if a new failure may still join it."""
        young = self.is_recent(at, rule) and len(self.failures) < LARGEST_INCIDENT
        return young and self.is_group and not self.acknowledged and not self.ended


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerLaneChange:
    """One atomic change of a pager's lane: `rows` take the place of the rows `replaced`."""

    replaced: tuple[Delivery, ...] = ()
    rows: tuple[Delivery, ...] = ()
    """New rows, and rows that keep their id and place."""
    incidents: tuple[Incident, ...] = ()
    """New and changed ones."""
    ended: tuple[str, ...] = ()
    """The keys of incidents that are over."""
    superseded: tuple[Delivery, ...] = ()
    """Those of `replaced` that became pointless before they arrived."""


def combined_pages(
    receiver: Receiver,
    rows: Sequence[Delivery],
    incidents: Iterable[Incident],
    at: datetime,
    rule: GroupRule = DEFAULT_GROUP_RULE,
) -> PagerLaneChange | None:
    """What to change before the next message goes out; None if nothing. `rows` come oldest first."""
    plan = _LanePlan(receiver, {incident.key: incident for incident in incidents}, at, rule)
    pages = [row for row in rows if _event(row)]
    plan.replaced = _superseded(pages, plan.knows)
    plan.superseded = tuple(plan.replaced)
    later = _after_landing(pages, plan.replaced)
    pages = [later.get(row.id, row) for row in pages]
    untried = [row for row in pages if _is_untried(row) and row not in plan.replaced]
    fresh = [row for row in untried if (event := _event(row)) and not event.counted]
    plan.group([row for row in fresh if not plan.count_for_incident(row)])
    plan.keep(fresh)
    plan.rows += [row for row in later.values() if row not in fresh]
    return plan.change(untried)


def _event(row: Delivery) -> PagerEvent | None:
    return row.body if isinstance(row.body, PagerEvent) else None


def _is_untried(row: Delivery) -> bool:
    return row.attempt.state is AttemptState.QUEUED and row.attempt.count == 0


def _is_counted(row: Delivery) -> bool:
    """True if the pager knew its incident, which may have ended with this row."""
    event = _event(row)
    return event is not None and event.counted


def _superseded(pages: Sequence[Delivery], knows: "_Knows") -> list[Delivery]:
    """Rows that a later row of the same key makes pointless."""
    superseded: list[Delivery] = []
    by_key: dict[str, list[Delivery]] = {}
    for row in pages:
        if (event := _event(row)) and not event.drill:  # a drill sends a page and its end at once
            by_key.setdefault(event.key, []).append(row)
    for key, rows in by_key.items():
        superseded += _superseded_of_key(rows, is_known=knows(key))
    return superseded


def _superseded_of_key(rows: Sequence[Delivery], *, is_known: bool) -> list[Delivery]:
    """`rows` have one key. Without an incident, and before any attempt, an end has nothing to end."""
    superseded = []
    for position, row in enumerate(rows):
        event, later = _event(row), [event for row in rows[position + 1 :] if (event := _event(row))]
        if event is None:
            continue
        ends_later = any(event.action is PagerAction.RESOLVE for event in later)
        answered = any(event.action is not PagerAction.TRIGGER for event in later)
        may_be_there = row.attempt.state is not AttemptState.QUEUED
        pointless = {
            PagerAction.TRIGGER: answered if may_be_there else bool(later),
            PagerAction.ACKNOWLEDGE: ends_later and not may_be_there,
        }
        if pointless.get(event.action):
            superseded.append(row)
    nothing_sent = not is_known and all(_is_untried(row) and not _is_counted(row) for row in rows)
    last = _event(rows[-1])
    if superseded and nothing_sent and last and last.action is not PagerAction.TRIGGER:
        return list(rows)
    return superseded


def _after_landing(pages: Sequence[Delivery], dropped: Sequence[Delivery]) -> dict[str, Delivery]:
    """The answers to dropped pages that may still land: they wait, so that no page comes after its answer."""
    waiting: dict[str, Delivery] = {}
    for page in dropped:
        landed = page.attempt.sent_at + LANDS_WITHIN if page.attempt.sent_at else None
        answers = [row for row in pages if row not in dropped and _key_of(row) == _key_of(page)]
        if landed and page.attempt.state is AttemptState.SENDING and answers:
            answer = answers[0]
            waiting[answer.id] = replace(answer, message=replace(answer.message, not_before=landed))
    return waiting


def _key_of(row: Delivery) -> str:
    event = _event(row)
    return event.key if event else ""


class _Knows:
    """True if the pager has an incident with this key, or one with this failure."""

    def __init__(self, incidents: Mapping[str, Incident]) -> None:
        self._incidents = incidents

    def __call__(self, key: str) -> bool:
        return key in self._incidents or incident_of(key, self._incidents.values()) is not None


def incident_of(failure_key: str, incidents: Iterable[Incident]) -> Incident | None:
    """The incident in which this failure is open."""
    of_failure = (incident for incident in incidents if any(failure.key == failure_key for failure in incident.open))
    return next(of_failure, None)


@dataclass(slots=True)
class _LanePlan:
    """Collects the change."""

    receiver: Receiver
    incidents: dict[str, Incident]
    at: datetime
    rule: GroupRule
    replaced: list[Delivery] = field(default_factory=list)
    rows: list[Delivery] = field(default_factory=list)
    superseded: tuple[Delivery, ...] = ()
    touched: set[str] = field(default_factory=set)
    """The keys of incidents that are new or changed."""

    @property
    def knows(self) -> _Knows:
        return _Knows(self.incidents)

    def count_for_incident(self, row: Delivery) -> bool:
        """Lets a message count for the incident of its failure. False: the pager does not know the failure."""
        event = _event(row)
        incident = self._known(event.key) if event else None
        if event is None or incident is None:
            return False
        match event.action:
            case PagerAction.RESOLVE:  # if it pages again, the failure leaves a group, and its next page is its own
                self._write(replace(incident, ended=_with(incident.ended, event.key)))
            case PagerAction.ACKNOWLEDGE:
                self._write(replace(incident, acknowledged=_with(incident.acknowledged, event.key)))
            case PagerAction.TRIGGER:
                self._page_again(incident, row, event)
        if incident.is_group:
            self._tell(incident, row, event)
            self.replaced.append(row)
        return True

    def _known(self, key: str) -> Incident | None:
        of_failure = incident_of(key, self.incidents.values())
        by_key = self.incidents.get(key)
        return of_failure or (by_key if by_key and not by_key.is_over else None)

    def _write(self, incident: Incident) -> None:
        self.incidents[incident.key] = incident
        self.touched.add(incident.key)

    def _page_again(self, incident: Incident, row: Delivery, event: PagerEvent) -> None:
        """A later step pages once for a whole group."""
        if incident.is_group and event.step > incident.step:
            again = replace(incident, step=event.step)
            self._write(again)
            self._add(row, _event_of(again, event))

    def _tell(self, before: Incident, row: Delivery, event: PagerEvent) -> None:
        """Ends or acknowledges a group at the pager, if this failure was the last one."""
        if event.origin == self.receiver.id:
            return
        incident = self.incidents[before.key]
        if not incident.open:
            self._add(row, _event_of(incident, replace(event, action=PagerAction.RESOLVE)))
        elif incident.is_acknowledged and not before.is_acknowledged:
            self._add(row, _event_of(incident, replace(event, action=PagerAction.ACKNOWLEDGE)))

    def _add(self, row: Delivery, event: PagerEvent) -> None:
        """A message of a group, caused by this row."""
        message = Message(
            id=stable_key(self.receiver.name, event.key, event.action, row.id),
            receiver=self.receiver,
            priority=Priority.PAGE,
            body=replace(event, counted=True),
            made_at=row.message.made_at,
        )
        self.rows.append(Delivery(message=message))

    def group(self, unknown: Sequence[Delivery]) -> None:
        """Lets new failures join a young group, or form one. Otherwise each one is an incident of its own."""
        pages = [
            (row, event)
            for row in unknown
            if (event := _event(row)) and event.action is PagerAction.TRIGGER and not event.drill
        ]
        able = [(row, event) for row, event in pages if len(event.failures) == 1]
        incidents = self.incidents.values()
        growing = next((incident for incident in incidents if incident.takes(self.at, self.rule)), None)
        single = [one for one in incidents if one.failures and not one.is_group and one.is_recent(self.at, self.rule)]
        if growing is None and len(single) + len(able) <= self.rule.most_single:
            able = []
        able = able[: LARGEST_INCIDENT - len(growing.failures if growing else ())]
        if able:
            self._grow(growing, able)
        for row, event in pages:
            if (row, event) not in able:
                self._write(Incident(key=event.key, made_at=self.at, failures=event.failures, step=event.step))

    def _grow(self, growing: Incident | None, pages: Sequence[tuple[Delivery, PagerEvent]]) -> None:
        key = stable_key(self.receiver.name, "group", *(event.key for _, event in pages))
        group = growing or Incident(key=key, made_at=self.at, failures=())
        failures = (*group.failures, *(failure for _, event in pages for failure in event.failures))
        grown = replace(group, failures=failures, step=max(group.step, *(event.step for _, event in pages)))
        self._write(grown)
        last_row, last_event = pages[-1]
        self._add(last_row, _event_of(grown, last_event))
        self.replaced += [row for row, _ in pages]

    def keep(self, fresh: Sequence[Delivery]) -> None:
        """Marks the rows that go out as they are. The pager knows the answers of its own people."""
        for row in fresh:
            event = _event(row)
            if event is None or row in self.replaced:
                continue
            if event.origin == self.receiver.id:
                self.replaced.append(row)
            else:
                self.rows.append(_with_event(row, replace(event, counted=True)))

    def change(self, untried: Sequence[Delivery]) -> PagerLaneChange | None:
        if not self.replaced and not self.rows:
            return None
        touched = {key: self.incidents[key] for key in sorted(self.touched)}
        self._refresh_pages(untried, touched)
        ended = tuple(key for key, incident in touched.items() if incident.is_over)
        open_still = tuple(incident for key, incident in touched.items() if key not in ended)
        return PagerLaneChange(
            replaced=tuple(self.replaced),
            rows=tuple(self.rows),
            incidents=open_still,
            ended=ended,
            superseded=self.superseded,
        )

    def _refresh_pages(self, untried: Sequence[Delivery], touched: Mapping[str, Incident]) -> None:
        """A group's page that waits names only the failures that are still open."""
        for row in untried:
            event = _event(row)
            group = touched.get(event.key) if event and event.action is PagerAction.TRIGGER else None
            if event and group and group.is_group and group.open:
                self.rows.append(_with_event(row, _event_of(group, event)))


def _event_of(incident: Incident, event: PagerEvent) -> PagerEvent:
    return replace(event, key=incident.key, failures=incident.open or incident.failures)


def _with_event(row: Delivery, event: PagerEvent) -> Delivery:
    return replace(row, message=replace(row.message, body=event))


def _with(keys: tuple[str, ...], key: str) -> tuple[str, ...]:
    return keys if key in keys else (*keys, key)
