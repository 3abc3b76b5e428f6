"""Applies what people did at an outside pager to the failures of the incident."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.domain.audit_entries import action_entries
from bot.domain.delivery import Receiver
from bot.domain.episode import Acknowledgement, stable_key
from bot.domain.page_plan import plan_acknowledgement, plan_resolved
from bot.domain.pager import PagedFailure, PagerChange, PagerStatus
from bot.domain.plan import Plan, Record
from bot.domain.routing import Routing
from bot.domain.watch import UserId
from bot.ports.clock import Clock
from bot.ports.pager_incidents import PagerIncidents
from bot.ports.telemetry import emit
from bot.ports.telemetry.requests import PagerAnswered
from bot.requests.audit_log import emit_changes
from bot.state.repository import Repository

CLOCKS_DIFFER = timedelta(minutes=2)
OLDEST = timedelta(days=1)  # the store recognizes a repeat for longer
PLACE = "PagerDuty"  # as if it were a conversation: "acknowledged by Ann in PagerDuty"
NOBODY = UserId("")
"""The person has no id in Slack, only a name."""


class IncidentAnswers:
    """Implements `PagerAnswers`. `receivers`: the pagers whose people can answer."""

    def __init__(
        self, *, repository: Repository, store: PagerIncidents, clock: Clock, receivers: Sequence[Receiver]
    ) -> None:
        self._repository = repository
        self._store = store
        self._clock = clock
        self._receivers = receivers

    async def apply(self, change: PagerChange) -> int:
        now = self._clock.now()
        if change.event_id and (_is_old(change, now) or await self._store.was_answered(change.event_id)):
            return 0
        await self._repository.catch_up()
        changed = 0
        for failure, pager in await self._failures(change):
            plan = await self._repository.write(failure.pipeline.id, self._make(failure, change, pager, now))
            emit_changes(action_entries(plan) if plan else ())
            changed += plan is not None
        if change.event_id:
            await self._store.remember_answer(change.event_id)
        if changed:
            emit(PagerAnswered(status=change.status.value, by=change.by_name, failures=changed))
        return changed

    async def _failures(self, change: PagerChange) -> Sequence[tuple[PagedFailure, str]]:
        """The open failures of the incident, with the pager's name. An answer to an earlier incident finds none."""
        failures: dict[str, tuple[PagedFailure, str]] = {}
        for receiver in self._receivers:
            incident = (await self._store.incidents(receiver)).get(change.key)
            if incident and (change.at is None or change.at >= incident.made_at - CLOCKS_DIFFER):
                failures |= {failure.key: (failure, receiver.id) for failure in incident.open}
        return list(failures.values())

    def _make(
        self, failure: PagedFailure, change: PagerChange, pager: str, now: datetime
    ) -> Callable[[Record, Routing], Plan | None]:
        def make(record: Record, routing: Routing) -> Plan | None:
            """Checks again at each attempt: a new failure may have begun."""
            episode = record.episode
            if episode is None or stable_key(routing.team, record.pipeline_id, episode.identity) != failure.key:
                return None
            answer = Acknowledgement(by=NOBODY, at=now, name=change.by_name, place=PLACE, pager=pager)
            if change.status is PagerStatus.RESOLVED:
                return plan_resolved(record, routing, answer)
            return plan_acknowledgement(record, routing, answer)

        return make


def _is_old(change: PagerChange, now: datetime) -> bool:
    """True as well for a time far in the future: after two days, nobody would recognize a repeat."""
    return change.at is not None and abs(now - change.at) > OLDEST
