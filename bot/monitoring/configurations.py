"""Keeps hashes of the watched pipelines' configurations, and says what changed before a failure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.configuration import Configuration, ConfigurationRead, changes_before, compared_since
from bot.domain.diagnosis import Diagnosis
from bot.domain.observation import PipelineId
from bot.ports.clock import Clock
from bot.ports.configuration_store import ConfigurationStore
from bot.ports.leadership import LeadershipStatus
from bot.ports.pipeline_api import ListingPage
from bot.state.repository import Repository

UNSEEN_FOR = timedelta(days=8)  # then a pipeline is no longer watched, or gone


class Configurations:
    """Listings show all configurations, and cost no request more. The diagnosis of a failure reads that of its
    pipeline."""

    def __init__(
        self,
        *,
        store: ConfigurationStore,
        repository: Repository,
        clock: Clock,
        leadership: LeadershipStatus,
    ) -> None:
        self._store = store
        self._repository = repository
        self._clock = clock
        self._leadership = leadership

    async def compare_page(self, page: ListingPage, asked_at: datetime) -> None:
        """Compares the watched pipelines of a page with what the bot knows of them.

        Raises:
            LeadershipLost: the bot led, and leads no more. Nothing was written.
        """
        watched = {key: show() for key, show in page.configurations.items() if self._repository.follows(key)}
        if watched:
            await self._compare(watched, asked_at)

    async def add_changes(
        self, pipeline_id: PipelineId, diagnosis: Diagnosis, *, read: ConfigurationRead | None
    ) -> Diagnosis:
        """The diagnosis with the changes before its failure. `read`: an answer from after the failure.

        The last listing may be minutes old, and an edit of a minute ago explains most.
        """
        if read:
            await self._compare({pipeline_id: read.configuration}, read.asked_at)
        row, failed_at = await self._store.configuration(pipeline_id), diagnosis.began_at
        since = compared_since(row, read, failed_at) if read else diagnosis.compared_since
        return replace(diagnosis, changes=changes_before(row, failed_at), compared_since=since)

    async def _compare(self, seen: Mapping[PipelineId, Configuration], asked_at: datetime) -> None:
        if lease := self._leadership.lease:  # only the leader compares, so that two bots never do
            await self._store.compare_configurations(seen, asked_at, lease=lease)

    async def forget_old(self) -> None:
        """Removes the rows of pipelines that nobody has watched for days."""
        await self._store.forget_configurations(self._clock.now() - UNSEEN_FOR)
