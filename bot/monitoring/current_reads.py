"""Reads and listings for people in a process that may lead, or not."""

from datetime import datetime
from typing import Protocol

from bot.domain.observation import PipelineId
from bot.monitoring.catalogue import CatalogueSync
from bot.monitoring.follower_reads import FollowerReads
from bot.monitoring.scheduler import Scheduler
from bot.ports.catalogue import FreshCatalogue, ListingOutcome
from bot.ports.leadership import LeadershipStatus
from bot.ports.status_reads import StatusReads


class PeoplesReads(StatusReads, FreshCatalogue, Protocol):
    """All that people's questions need of GoldRush."""


class CurrentReads:
    """Implements `PeoplesReads`. The leader works by itself; another bot calls the leader.

    If nobody polls, for example because the store is away, nobody spends the budget either. Then each bot reads.
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
    def _reads_alone(self) -> bool:
        return self._leadership.is_leader or self._follower.nobody_polls

    @property
    def _reads(self) -> Scheduler | FollowerReads:
        return self._scheduler if self._reads_alone else self._follower

    @property
    def promised_seconds(self) -> float:
        return self._follower.promised_seconds

    @property
    def nobody_polls(self) -> bool:
        return not self._leadership.is_leader and self._follower.nobody_polls

    @property
    def others_read_since(self) -> datetime | None:
        return None if self._leadership.is_leader else self._follower.others_read_since

    @property
    def outage(self) -> str | None:
        return self._reads.outage

    def promised(self, pipeline_id: PipelineId) -> float | None:
        return self._reads.promised(pipeline_id)

    def waits_until(self) -> datetime | None:
        return self._reads.waits_until()

    async def read_now(self, pipeline_id: PipelineId, *, older_than: float = 0.0) -> str | None:
        return await self._reads.read_now(pipeline_id, older_than=older_than)

    async def refresh(self, *, older_than: float = 0.0) -> ListingOutcome:
        catalogue: FreshCatalogue = self._catalogue if self._reads_alone else self._follower
        return await catalogue.refresh(older_than=older_than)
