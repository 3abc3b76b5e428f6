"""Keeps the catalogue fresh: the pipelines that the ServiceKey can see, and their names."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.monitoring.budget import Budget, Route
from bot.monitoring.safe_api import SafeApi
from bot.ports.catalogue import ListingOutcome
from bot.ports.clock import Clock
from bot.ports.pipeline_api import ApiError, Forbidden, Page, PipelineApi, Throttled, Unauthorized
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import ListingFailed
from bot.state.repository import Repository

MOST_PAGES = 200
PATIENCE_SECONDS = 5.0  # for each page: a person may be waiting
CONFIRM_SECONDS = 30.0  # only a listing younger than this confirms that a pipeline is absent


class CatalogueSync:
    """Lists the pipelines. Implements `FreshCatalogue`."""

    def __init__(self, *, api: PipelineApi, repository: Repository, budget: Budget, clock: Clock) -> None:
        self._api = SafeApi(api)
        self._repository = repository
        self._budget = budget
        self._clock = clock
        self._lock = asyncio.Lock()
        self._listed_at: float | None = None
        self._confirmed_at = float("-inf")
        self._problem: str | None = None
        self._key_rejected = False

    async def refresh(self, *, older_than: float = 0.0) -> ListingOutcome:
        """Lists the pipelines, unless a listing is younger than `older_than` seconds. A failed listing keeps the old
        catalogue. Concurrent calls share one listing."""
        asked_at = self._clock.monotonic()
        async with self._lock:
            if self._listed_at is None or self._listed_at <= asked_at - older_than:
                await self._refresh()
        return ListingOutcome(
            problem=self._problem,
            key_rejected=self._key_rejected,
            waits_until=self._waits_until() if self._problem else None,
        )

    async def _refresh(self) -> None:
        begun_at = self._clock.monotonic()
        try:
            listed, complete = await self._list_all()
            await self._repository.save_catalogue(listed, complete_at=begun_at if complete else None)
        except (ApiError, StoreAway) as exc:
            self._problem = str(exc)
            self._key_rejected = isinstance(exc, Unauthorized | Forbidden)
            emit(ListingFailed(error=type(exc).__name__, problem=str(exc)))
        else:
            self._problem, self._key_rejected = None, False
            self._listed_at = begun_at

    async def confirms_absence(self, pipeline_id: PipelineId) -> bool:
        """True if a fresh, complete listing lacks the pipeline."""
        now = self._clock.monotonic()
        if now - self._confirmed_at >= CONFIRM_SECONDS:
            self._confirmed_at = now
            await self.refresh(older_than=CONFIRM_SECONDS)
        return self._repository.lacks(pipeline_id, since=now - CONFIRM_SECONDS)

    def _waits_until(self) -> datetime | None:
        """The end of the wait that GoldRush requested before the next listing."""
        hold = self._budget.current_hold(Route.LISTING)
        return self._clock.now() + timedelta(seconds=hold[1] - self._clock.monotonic()) if hold else None

    async def _list_all(self) -> tuple[tuple[Pipeline, ...], bool]:
        """All pages, and whether they are complete.

        GoldRush does not document the members of `pagination`. The last page is one that says so, an empty one, or one
        that brings nothing new.
        """
        collected: dict[PipelineId, Pipeline] = {}
        doubtful = False
        for number in range(1, MOST_PAGES + 1):
            page = await self._page(number)
            fresh = {pipeline.id: pipeline for pipeline in page.pipelines if pipeline.id not in collected}
            collected.update(fresh)
            doubtful = doubtful or page.skipped > 0 or (page.total is not None and page.total < len(collected))
            if not page.more or not fresh:
                return tuple(collected.values()), not doubtful and _is_whole(page, collected)
        return tuple(collected.values()), False

    async def _page(self, number: int) -> Page:
        if not await self._budget.take(Route.LISTING, PATIENCE_SECONDS):
            raise Throttled("GoldRush asked me to slow down, so I didn't ask again")
        try:
            return await self._api.page(number)
        except ApiError as exc:
            self._budget.obey(Route.LISTING, exc)
            raise


def _is_whole(last: Page, collected: Collection[PipelineId]) -> bool:
    """An empty listing proves nothing: a fault is likelier than a group without pipelines."""
    return bool(collected) and (last.total is None or last.total == len(collected))
