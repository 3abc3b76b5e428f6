"""Keeps hashes of the watched pipelines' configurations, and says what changed before a failure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.configuration import Configuration, ConfigurationChange, changes_before
from bot.domain.diagnosis import Diagnosis
from bot.domain.observation import PipelineId
from bot.monitoring.budget import Budget, Route
from bot.monitoring.within import within
from bot.ports.clock import Clock
from bot.ports.configuration_store import ConfigurationStore
from bot.ports.leadership import LeadershipStatus
from bot.ports.pipeline_api import ApiError, ListingPage
from bot.ports.pipeline_details import ConfigurationReads
from bot.state.repository import Repository

LOOK_SECONDS = 0.8  # leaves time to read from Redis
UNSEEN_FOR = timedelta(days=8)  # then a pipeline is no longer watched, or gone


class Configurations:
    """The listing shows all configurations, and costs no request more. A failure may read one at once."""

    def __init__(
        self,
        *,
        api: ConfigurationReads,
        store: ConfigurationStore,
        repository: Repository,
        budget: Budget,
        clock: Clock,
        leadership: LeadershipStatus,
    ) -> None:
        self._api = api
        self._store = store
        self._repository = repository
        self._budget = budget
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

    async def changes_before(self, pipeline_id: PipelineId, failed_at: datetime) -> tuple[ConfigurationChange, ...]:
        """The changes within 24 hours before a failure that a listing showed, newest first."""
        return changes_before(await self._store.configuration(pipeline_id), failed_at)

    async def look_again(self, pipeline_id: PipelineId) -> None:
        """Reads the pipeline object, if the budget has a request.

        The last listing may be minutes old, and an edit of a minute ago explains most.
        """
        if self._budget.try_take_spare(Route.PIPELINE):
            asked_at = self._clock.now()
            try:
                seen = await self._api.configuration(pipeline_id)
            except ApiError as exc:
                self._budget.obey(Route.PIPELINE, exc)
            else:
                await self._compare({pipeline_id: seen}, asked_at)

    async def add_listed_changes(self, pipeline_id: PipelineId, diagnosis: Diagnosis) -> Diagnosis:
        return replace(diagnosis, changes=await self.changes_before(pipeline_id, diagnosis.began_at))

    async def add_latest_changes(self, pipeline_id: PipelineId, diagnosis: Diagnosis) -> Diagnosis:
        """Without the latest ones if GoldRush is slow."""
        await within(self._clock, LOOK_SECONDS, self.look_again(pipeline_id))
        return await self.add_listed_changes(pipeline_id, diagnosis)

    async def _compare(self, seen: Mapping[PipelineId, Configuration], asked_at: datetime) -> None:
        if lease := self._leadership.lease:  # only the leader compares, so that two bots never do
            await self._store.compare_configurations(seen, asked_at, lease=lease)

    async def forget_old(self) -> None:
        """Removes the rows of pipelines that nobody has watched for days."""
        await self._store.forget_configurations(self._clock.now() - UNSEEN_FOR)
