"""Keeps the catalogue fresh: the pipelines that the ServiceKey can see, and their names."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from bot.domain.observation import PipelineId
from bot.monitoring.budget import Budget, Route
from bot.monitoring.collected_pages import CollectedPages
from bot.monitoring.safe_api import SafeApi
from bot.ports.catalogue import ListingOutcome
from bot.ports.clock import Clock
from bot.ports.pipeline_api import ApiError, Forbidden, NotFound, Page, PipelineApi, Throttled, Unauthorized
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import ListingFailed
from bot.state.repository import Repository

T = TypeVar("T")
QUICK_PAGES = 10  # a longer listing runs in the background, a few pages a minute
LARGE = 500  # pipelines: as many as QUICK_PAGES show
LISTING_SHARE = 0.1  # of the budget, for a long listing
RUN_SECONDS = 1800.0  # a long listing goes on in the next run of its job
PATIENCE_SECONDS = 5.0  # for each page: a person may be waiting
CONFIRM_SECONDS = 30.0  # only a listing younger than this confirms that a pipeline is absent
CHECKED = 50  # missing pipelines of a long listing that are read one by one before the bot drops them


class CatalogueSync:
    """Lists the pipelines. Implements `FreshCatalogue`.

    People wait for a short listing. Of a long one, they get the first and the last page at once.
    """

    def __init__(self, *, api: PipelineApi, repository: Repository, budget: Budget, clock: Clock) -> None:
        self._api = SafeApi(api)
        self._repository = repository
        self._budget = budget
        self._clock = clock
        self._lock = asyncio.Lock()
        self._listed_at: float | None = None
        self._confirmed_at = float("-inf")
        self._long: CollectedPages | None = None
        """A long listing that is under way."""
        self._last_page = 1
        self._problem: str | None = None
        self._key_rejected = False

    async def refresh(self, *, older_than: float = 0.0) -> ListingOutcome:
        """Lists the pipelines, unless a listing is younger than `older_than` seconds. A failed listing keeps the old
        catalogue. Concurrent calls share one listing. Of a large catalogue, reads only the first and last page."""
        asked_at = self._clock.monotonic()
        async with self._lock:
            if self._listed_at is None or self._listed_at <= asked_at - older_than:
                await self._attempt(self._list_edges if self._is_large else self._list_quickly)
        return self._outcome

    async def list_all(self) -> ListingOutcome:
        """Lists all pipelines, within a share of the budget if they are many. Goes on where the last call ended."""
        if not self._is_large:
            await self.refresh()
        if self._is_large:
            await self._attempt(self._list_slowly)
        return self._outcome

    async def confirms_absence(self, pipeline_id: PipelineId) -> bool:
        """True if a fresh, complete listing lacks the pipeline. A long listing counts as fresh until the next ends.

        Before the first long listing of this process has ended, nothing is confirmed.
        """
        now = self._clock.monotonic()
        if self._is_large:
            return self._repository.lacks(pipeline_id, since=float("-inf"))
        if now - self._confirmed_at >= CONFIRM_SECONDS:
            self._confirmed_at = now
            await self.refresh(older_than=CONFIRM_SECONDS)
        return self._repository.lacks(pipeline_id, since=now - CONFIRM_SECONDS)

    @property
    def _is_large(self) -> bool:
        return self._long is not None or len(self._repository.listed) > LARGE

    @property
    def _outcome(self) -> ListingOutcome:
        return ListingOutcome(
            problem=self._problem,
            key_rejected=self._key_rejected,
            waits_until=self._waits_until() if self._problem else None,
        )

    def _waits_until(self) -> datetime | None:
        """The end of the wait that GoldRush requested before the next listing."""
        hold = self._budget.current_hold(Route.LISTING)
        return self._clock.now() + timedelta(seconds=hold[1] - self._clock.monotonic()) if hold else None

    async def _attempt(self, work: Callable[[], Awaitable[None]]) -> None:
        begun_at = self._clock.monotonic()
        try:
            await work()
        except (ApiError, StoreAway) as exc:
            self._problem = str(exc)
            self._key_rejected = isinstance(exc, Unauthorized | Forbidden)
            emit(ListingFailed(error=type(exc).__name__, problem=str(exc)))
        else:
            self._problem, self._key_rejected = None, False
            self._listed_at = begun_at

    # --- listings --------------------------------------------------------------------------------------------------

    async def _list_quickly(self) -> None:
        """Saves nothing before the last page has come. A listing that turns out long goes on in the background."""
        listing, pages = CollectedPages(self._clock.monotonic()), []
        while not listing.ended and listing.pages < QUICK_PAGES:
            pages.append(await self._page(listing.pages + 1))
            listing.add(pages[-1])
        for page in pages:
            await self._repository.save_page(page.pipelines)
        if listing.ended:
            await self._end(listing)
        else:
            self._long = listing

    async def _list_edges(self) -> None:
        """New pipelines come first or last."""
        for number in sorted({1, self._last_page}):
            await self._repository.save_page((await self._page(number)).pipelines)

    async def _list_slowly(self) -> None:
        until = self._clock.monotonic() + RUN_SECONDS
        self._long = self._long or CollectedPages(self._clock.monotonic())
        while not self._long.ended and self._clock.monotonic() < until:
            share = LISTING_SHARE if self._repository.pollable else 1.0
            await self._clock.sleep(1 / (share * self._budget.rate))
            page = await self._page(self._long.pages + 1)
            await self._repository.save_page(page.pipelines)
            self._long.add(page)
        if self._long.ended:
            listing, self._last_page = self._long, self._long.pages
            await self._check_missing(listing)
            self._long = None
            await self._end(listing)

    async def _check_missing(self, listing: CollectedPages) -> None:
        """Reads missing pipelines one by one: a pipeline that was deleted meanwhile moves others to pages already read.

        Those beyond `CHECKED` stay until a later listing.
        """
        missing = sorted(self._repository.listed.keys() - listing.found)
        for pipeline_id in missing[:CHECKED]:
            try:
                self._repository.learn(await self._ask(Route.PIPELINE, partial(self._api.pipeline, pipeline_id)))
            except NotFound:
                continue
            listing.found.add(pipeline_id)
        listing.found.update(missing[CHECKED:])

    async def _end(self, listing: CollectedPages) -> None:
        complete_at = listing.begun_at if listing.complete else None
        await self._repository.end_listing(listing.found, complete_at=complete_at)

    async def _page(self, number: int) -> Page:
        return await self._ask(Route.LISTING, partial(self._api.page, number))

    async def _ask(self, route: Route, request: Callable[[], Awaitable[T]]) -> T:
        """Sends one request within the budget, and obeys the wait that its answer asks for."""
        if not await self._budget.take(route, PATIENCE_SECONDS):
            raise Throttled("GoldRush asked me to slow down, so I didn't ask again")
        try:
            return await request()
        except ApiError as exc:
            self._budget.obey(route, exc)
            raise
