"""Keeps the catalogue fresh: which pipelines the key can see, and by what names."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta

import structlog

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.monitoring.budget import Budget, Route
from bot.monitoring.safe_api import SafeApi
from bot.ports.clock import Clock
from bot.ports.pipeline_api import ApiError, Forbidden, Page, PipelineApi, Throttled, Unauthorized
from bot.ports.store_errors import StoreAway
from bot.state.repository import Repository

MOST_PAGES = 200
PATIENCE_SECONDS = 5.0  # for each page: a person may be waiting

log = structlog.get_logger(__name__)


class Listing:
    def __init__(self, *, api: PipelineApi, repository: Repository, budget: Budget, clock: Clock) -> None:
        self._api = SafeApi(api)
        self._repository = repository
        self._budget = budget
        self._clock = clock
        self._lock = asyncio.Lock()
        self._listed_at: float | None = None
        self.problem: str | None = None
        """Why the last listing could not be had, for people; None where it was had."""
        self.key_rejected = False
        """Whether the last listing was refused because of the ServiceKey."""

    def waits_until(self) -> datetime | None:
        """Until when GoldRush has us wait with the next listing."""
        hold = self._budget.held(Route.LISTING)
        return self._clock.now() + timedelta(seconds=hold[1] - self._clock.monotonic()) if hold else None

    async def refresh(self, *, older_than: float = 0.0) -> None:
        """Lists anew unless that was done less than `older_than` seconds ago. What cannot be had leaves the old list.

        Many who ask at once, and need it no fresher than that, are served by one listing.
        """
        asked_at = self._clock.monotonic()
        async with self._lock:
            if self._listed_at is not None and self._listed_at > asked_at - older_than:
                return
            begun_at = self._clock.monotonic()
            try:
                listed, complete = await self._all()
                await self._repository.save_catalogue(listed, complete_at=begun_at if complete else None)
            except (ApiError, StoreAway) as exc:
                self.problem = str(exc)
                self.key_rejected = isinstance(exc, Unauthorized | Forbidden)
                log.info("listing_failed", error=type(exc).__name__, problem=str(exc))
            else:
                self.problem, self.key_rejected = None, False
                self._listed_at = begun_at

    async def _all(self) -> tuple[tuple[Pipeline, ...], bool]:
        """Every page, until one is empty, the last, or brings nothing new (the members of `pagination` are a guess);
        and whether nothing speaks against its being complete."""
        seen: dict[PipelineId, Pipeline] = {}
        doubtful = False
        for number in range(1, MOST_PAGES + 1):
            page = await self._page(number)
            fresh = {pipeline.id: pipeline for pipeline in page.pipelines if pipeline.id not in seen}
            seen.update(fresh)
            doubtful = doubtful or page.skipped > 0 or (page.total is not None and page.total < len(seen))
            if not page.more or not fresh:
                return tuple(seen.values()), not doubtful and _is_whole(page, seen)
        return tuple(seen.values()), False

    async def _page(self, number: int) -> Page:
        if not await self._budget.take(Route.LISTING, PATIENCE_SECONDS):
            raise Throttled("GoldRush asked me to slow down, so I did not ask again")
        try:
            return await self._api.page(number)
        except ApiError as exc:
            self._budget.obey(Route.LISTING, exc)
            raise


def _is_whole(last: Page, seen: Collection[PipelineId]) -> bool:
    """An empty listing proves nothing: that a whole group has no pipeline is less likely than a fault."""
    return bool(seen) and (last.total is None or last.total == len(seen))
