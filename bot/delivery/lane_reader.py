"""Reads the rows of one lane, and combines them as far as possible."""

from collections.abc import Sequence

from bot.delivery.choose_next import LaneSnapshot, without_alike
from bot.delivery.lane_services import LaneServices
from bot.delivery.pending import PendingDelivery
from bot.delivery.results import report_superseded
from bot.domain.backlog import Backlog, Grouping
from bot.domain.delivery import Lane, Priority
from bot.domain.grouping import join_posted, regroup
from bot.domain.held_pages import PERIOD, concerns_pages, hold_back
from bot.domain.pager import PagerEvent
from bot.domain.pager_lane import combined_pages
from bot.ports.cards import Cards
from bot.ports.lease_store import Lease
from bot.ports.outbox import Outbox
from bot.ports.pager_incidents import PagerIncidents
from bot.ports.rate_limits import Method

LATE_SECONDS = 5.0  # a failure that only an update would show gets a message of its own if the update waits longer
OUTDATED_SECONDS = 15.0  # the rows are read again after this time, even if no change is known


class LeaseLostError(Exception):
    """Another worker owns the lane now. It will look up any message in flight."""


class LaneReader:
    """The lane's deliveries that may go next, as last read.

    A worker in a long queue waits far more often than it sends. So it decides on these, and reads again before it acts.
    """

    def __init__(self, services: LaneServices, lane: Lane) -> None:
        self._outbox: Outbox = services.store
        self._cards: Cards = services.store
        self._incidents: PagerIncidents = services.store
        self._lane = lane
        self._clock = services.clock
        self._doubt = services.doubt
        self._limiter = services.carriers[lane.receiver.kind].limiter
        self._group_rule = services.group_rule
        self._pages_an_hour = services.pages_an_hour
        self._outdated_at = float("-inf")
        self.ready: Sequence[PendingDelivery] = ()
        """The most urgent first."""
        self.leading: Sequence[PendingDelivery] = ()
        """Those of `ready` that decide what goes next, as `without_alike` explains."""

    @property
    def outdated(self) -> bool:
        return self.seconds_until_outdated <= 0

    @property
    def seconds_until_outdated(self) -> float:
        return max(0.0, self._outdated_at - self._clock.monotonic())

    def expire(self) -> None:
        """The worker is about to change the rows."""
        self._outdated_at = float("-inf")

    def drop(self, pending: PendingDelivery) -> None:
        """The delivery ended. If others wait, the lane is read again before the next call, and not twice."""
        self._keep(tuple(other for other in self.ready if other.delivery.id != pending.delivery.id))
        if not self.ready:
            self.expire()

    async def read(self, lease: Lease) -> None:
        """
        Raises:
            LeaseLostError: another worker owns the lane now.
        """
        self._keep((await self.regrouped(lease)).ready())
        self._outdated_at = self._clock.monotonic() + OUTDATED_SECONDS

    def _keep(self, ready: Sequence[PendingDelivery]) -> None:
        self.ready, self.leading = ready, without_alike(ready, self._limiter.faults)

    async def regrouped(self, lease: Lease) -> LaneSnapshot:
        """Regroups the lane's rows until nothing more can be combined, then returns them.

        Raises:
            LeaseLostError: another worker owns the lane now.
        """
        snapshot = await self._snapshot()
        while await self._combine_pages(snapshot, lease):
            snapshot = await self._snapshot()
        while grouping := await self._next_grouping(snapshot):
            if not await self._outbox.regroup(grouping, self._lane, lease):
                raise LeaseLostError(f"the lease of {self._lane.name} is another's now")
            snapshot = await self._snapshot()
        return snapshot

    async def _combine_pages(self, snapshot: LaneSnapshot, lease: Lease) -> bool:
        """Combines the messages of a pager. True if any changed."""
        if not any(isinstance(row.body, PagerEvent) for row in snapshot.rows):
            return False
        incidents = await self._incidents.incidents(self._lane.receiver)
        now = self._clock.now()
        change = combined_pages(self._lane.receiver, snapshot.rows, incidents.values(), now, self._group_rule)
        if change is None:
            return False
        if not await self._incidents.change_pager_lane(change, self._lane, lease):
            raise LeaseLostError(f"the lease of {self._lane.name} is another's now")
        for row in change.superseded:
            report_superseded(row)
        return True

    async def _snapshot(self) -> LaneSnapshot:
        since = self._clock.now() - self._group_rule.within
        return await LaneSnapshot.read(self._outbox, self._cards, self._lane, since)

    async def _next_grouping(self, snapshot: LaneSnapshot) -> Grouping | None:
        backlog = snapshot.backlog(
            self._clock.now(),
            self._doubt.since,
            service_away=self._limiter.away(Method.POST),
            updates_late=self._limiter.wait(self._lane.receiver, Method.UPDATE, Priority.RECOVERY) > LATE_SECONDS,
            rule=self._group_rule,
        )
        return join_posted(backlog) or await self._hold_back(backlog) or regroup(backlog)

    async def _hold_back(self, backlog: Backlog) -> Grouping | None:
        """Holds back pages beyond the person's hourly limit."""
        if not concerns_pages(backlog):
            return None
        log = await self._outbox.page_log(self._lane.receiver, self._clock.now() - PERIOD)
        return hold_back(backlog, log.allowance(self._pages_an_hour))
