"""Keeps the catalogue fresh: which pipelines the key can see, and by what names."""

import asyncio

import structlog

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.ports import ApiError, Clock, PipelineApi, StoreAway, Throttled
from bot.watching.budget import Budget
from bot.watching.roster import Roster
from bot.watching.safe_api import SafeApi

MOST_PAGES = 200
PATIENCE_SECONDS = 5.0  # for each page: a person may be waiting

log = structlog.get_logger(__name__)


class Listing:
    def __init__(self, *, api: PipelineApi, roster: Roster, budget: Budget, clock: Clock) -> None:
        self._api = SafeApi(api)
        self._roster = roster
        self._budget = budget
        self._clock = clock
        self._lock = asyncio.Lock()
        self._listed_at: float | None = None
        self.problem: str | None = None
        """Why the last listing could not be had, for people; None where it was had."""

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
                await self._roster.save_catalogue(await self._all())
            except (ApiError, StoreAway) as exc:
                self.problem = str(exc)
                log.info("listing_failed", error=type(exc).__name__, problem=str(exc))
            else:
                self.problem = None
                self._listed_at = begun_at

    async def _all(self) -> tuple[Pipeline, ...]:
        """Every page, until one is empty, the last, or brings nothing new (the members of `pagination` are a guess)."""
        seen: dict[PipelineId, Pipeline] = {}
        for number in range(1, MOST_PAGES + 1):
            if not await self._budget.take(PATIENCE_SECONDS):
                raise Throttled("GoldRush asked me to slow down, so I did not ask again")
            try:
                pipelines, more = await self._api.page(number)
            except Throttled as exc:
                self._budget.throttled(exc.retry_after)
                raise
            fresh = {pipeline.id: pipeline for pipeline in pipelines if pipeline.id not in seen}
            seen.update(fresh)
            if not more or not fresh:
                break
        return tuple(seen.values())
