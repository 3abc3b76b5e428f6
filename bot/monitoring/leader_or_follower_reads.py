"""Reads and listings for people in a process that may lead, or not."""

from datetime import datetime
from typing import Protocol

from bot.domain.observation import PipelineId
from bot.monitoring.catalogue import CatalogueSync
from bot.monitoring.follower_reads import FollowerReads
from bot.monitoring.scheduler import Scheduler
from bot.ports.catalogue import FreshCatalogue, ListingOutcome
from bot.ports.leader import LeaderSilent
from bot.ports.leadership import LeadershipStatus
from bot.ports.status_reads import StatusReads
from bot.ports.store_errors import StoreAway


class ReadsAndListings(StatusReads, FreshCatalogue, Protocol):
    """All that people's questions need of GoldRush."""


class LeaderOrFollowerReads:
    """Implements `ReadsAndListings`. The leader works by itself; another bot calls the leader.

    If nobody polls and no leader answers, nobody spends the budget either. Then each bot reads by itself.
    """

    def __init__(
        self,
        *,
        leadership: LeadershipStatus,
        scheduler: Scheduler,
        catalogue: CatalogueSync,
        follower: FollowerReads,
    ) -> None:
        self._leadership = leadership
        self._scheduler = scheduler
        self._catalogue = catalogue
        self._follower = follower

    @property
    def promised_seconds(self) -> float:
        return self._scheduler.promised_seconds

    @property
    def nobody_polls(self) -> bool:
        return not self._leadership.is_leader and self._follower.nobody_polls

    @property
    def others_read_since(self) -> datetime | None:
        return None if self._leadership.is_leader else self._follower.others_read_since

    @property
    def outage(self) -> str | None:
        return (self._scheduler if self._leadership.is_leader else self._follower).outage

    @property
    def still_listing(self) -> bool:
        return (self._catalogue if self._leadership.is_leader else self._follower).still_listing

    def promised(self, pipeline_id: PipelineId) -> float | None:
        alone = self._leadership.is_leader or self._follower.nobody_polls
        return (self._scheduler if alone else self._follower).promised(pipeline_id)

    def waits_until(self) -> datetime | None:
        return self._scheduler.waits_until() or self._follower.waits_until()

    async def read_now(self, pipeline_id: PipelineId, *, older_than: float = 0.0) -> str | None:
        if not self._leadership.is_leader:
            try:
                return await self._follower.ask(pipeline_id, older_than)
            except (LeaderSilent, StoreAway) as exc:
                if not self._follower.nobody_polls:
                    return self._follower.why(exc)
        return await self._scheduler.read_now(pipeline_id)

    async def refresh(self, *, older_than: float = 0.0) -> ListingOutcome:
        if not self._leadership.is_leader:
            try:
                return await self._follower.ask_for_list(older_than)
            except (LeaderSilent, StoreAway) as exc:
                if not self._follower.nobody_polls:
                    return ListingOutcome(problem=self._follower.why(exc))
        return await self._catalogue.refresh(older_than=older_than)
