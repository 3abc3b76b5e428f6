"""Keeps the catalogue fresh: the pipelines that the ServiceKey can see, and their names."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from bot.domain.observation import PipelineId
from bot.monitoring.budget import RESERVED_SHARE, Budget, Route
from bot.monitoring.collected_pages import CollectedPages
from bot.monitoring.configurations import Configurations
from bot.monitoring.safe_api import SafeApi
from bot.ports.catalogue import ListingOutcome
from bot.ports.clock import Clock
from bot.ports.leadership import LeadershipStatus
from bot.ports.pipeline_api import ApiError, Forbidden, ListingPage, NotFound, PipelineApi, Throttled, Unauthorized
from bot.ports.status_reads import NO_DATABASE
from bot.ports.store_errors import LeadershipLost, StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import ListingFailed
from bot.state.repository import Repository

T = TypeVar("T")
QUICK_PAGES = 10  # a longer listing runs in the background, a few pages a minute
LARGE = 500  # pipelines: as many as QUICK_PAGES show
LISTING_SHARE = 0.1  # of the budget, for a long listing
NEWLY_WATCHED_SECONDS = 10.0  # between two looks for changed watches
RUN_SECONDS = 1800.0  # a listing that takes longer goes on in the next run of its job
PATIENCE_SECONDS = 5.0  # for each page: a person may be waiting
CONFIRM_SECONDS = 30.0  # only a listing younger than this confirms that a pipeline is absent
CONFIRM_TIMES = 3.0  # or younger than so many times the time that people's share of the budget needs for one
CHECKED = 50  # missing pipelines of a slow listing that are read one by one before it ends, or one per page if more


class NoRequestLeft(Exception):
    """The budget had no request in time. The listing keeps its pages, and goes on later."""


class CatalogueSync:
    """Lists the pipelines. Implements `FreshCatalogue`.

    People wait for a short listing. Of a long one, they get the first and the last page at once. A listing that is
    interrupted goes on with its next page, because a small budget pays only for a page or two at a time.
    """

    def __init__(
        self,
        *,
        api: PipelineApi,
        repository: Repository,
        budget: Budget,
        clock: Clock,
        leadership: LeadershipStatus,
        configurations: Configurations | None = None,
    ) -> None:
        self.owner_emails: dict[str, str] = {}
        """By GoldRush's id of each pipeline's owner, as this process listed them. They go nowhere but to the chat."""
        self._api = SafeApi(api)
        self._repository = repository
        self._budget = budget
        self._clock = clock
        self._leadership = leadership
        self._configurations = configurations
        self._lock = asyncio.Lock()
        """Guards the listing under way, and the edges."""
        self._listing: CollectedPages | None = None
        """The listing under way."""
        self._edges: list[int] = []
        """The first and the last page, while they are still to be read for people."""
        self._edges_begun_at = float("-inf")
        self._listed_at = float("-inf")
        self._confirmed_at = float("-inf")
        self._last_page = 1
        self._compared_version = -1
        """`pollable_version` at the begin of the last listing that compared configurations."""
        self._problem: str | None = None
        self._refusal = ""
        self._is_short_of_requests = False

    async def refresh(self, *, older_than: float = 0.0) -> ListingOutcome:
        """Lists the pipelines, unless a listing is younger than `older_than` seconds. A failed listing removes nothing.
        Concurrent calls share one listing. Of a large catalogue, reads only the first and last page."""
        await self._refresh(self._clock.monotonic() - older_than)
        return self._outcome

    async def _refresh(self, wanted: float) -> None:
        """Lists the pipelines, unless a listing began after the moment `wanted`."""
        async with self._lock:
            if self._listed_at <= wanted and await self._attempt(self._list_for_people) and self._listed_at < wanted:
                await self._attempt(self._list_for_people)  # the one before had begun too early

    async def list_all(self) -> ListingOutcome:
        """Lists all pipelines, within a share of the budget if they are many. Goes on where the last call ended.

        Only a leader calls this. It ends before the next page if the lead is lost.
        """
        begun_at, version = self._clock.monotonic(), self._repository.pollable_version
        until = begun_at + RUN_SECONDS
        while True:
            if not self._is_large:
                await self._refresh(begun_at)
            if self._is_large:
                await self._attempt(partial(self._list_slowly, until))
            if not self._is_short_of_requests or self._clock.monotonic() >= until:
                break
            await self._clock.sleep(1 / (RESERVED_SHARE * self._budget.rate))
            if not self._leadership.is_leader:
                break
        if self._is_short_of_requests:
            emit(ListingFailed(error=NoRequestLeft.__name__, problem=self._problem or ""))
        if self._problem is None:
            self._compared_version = version
        return self._outcome

    async def list_newly_watched(self) -> None:
        """Lists again after a change of the watches, so that an edit soon after it has a configuration to compare with.

        A long listing costs too much for that. Only a leader calls this.
        """
        version = self._repository.pollable_version
        if version != self._compared_version and not self._is_large:
            await self.refresh()
            if self._problem is None:
                self._compared_version = version

    async def confirms_absence(self, pipeline_id: PipelineId) -> bool:
        """True if a fresh, complete listing lacks the pipeline. A long listing counts as fresh until the next ends.

        Before the first long listing of this process has ended, nothing is confirmed.
        """
        now = self._clock.monotonic()
        if self._is_large:
            return self._repository.lacks(pipeline_id, since=float("-inf"))
        listing_seconds = self._last_page / (RESERVED_SHARE * self._budget.full_rate)
        fresh_seconds = max(CONFIRM_SECONDS, CONFIRM_TIMES * listing_seconds)
        if now - self._confirmed_at >= CONFIRM_SECONDS:
            self._confirmed_at = now
            await self.refresh(older_than=fresh_seconds)
        return self._repository.lacks(pipeline_id, since=now - fresh_seconds)

    @property
    def still_listing(self) -> bool:
        listing = self._listing
        if listing is None or self._listed_at > float("-inf"):
            return False
        if listing.pages == 0:  # GoldRush may be away
            return not self._repository.listed
        return listing.total is None or listing.total > len(self._repository.listed)

    @property
    def _is_large(self) -> bool:
        listing = self._listing
        is_long = listing is not None and listing.pages >= QUICK_PAGES and not listing.ended
        return is_long or len(self._repository.listed) > LARGE

    @property
    def _outcome(self) -> ListingOutcome:
        return ListingOutcome(
            problem=self._problem,
            refusal=self._refusal,
            waits_until=self._waits_until() if self._problem else None,
        )

    def _waits_until(self) -> datetime | None:
        """The end of the wait that GoldRush requested before the next listing."""
        hold = self._budget.current_hold(Route.LISTING)
        return self._clock.now() + timedelta(seconds=hold[1] - self._clock.monotonic()) if hold else None

    async def _attempt(self, work: Callable[[], Awaitable[float | None]]) -> bool:
        """`work` returns when its listing began; None: it goes on later. False: it failed."""
        self._is_short_of_requests = False
        try:
            begun_at = await work()
        except NoRequestLeft as exc:
            self._problem, self._refusal, self._is_short_of_requests = str(exc), "", True
        except (ApiError, StoreAway) as exc:
            if isinstance(exc, LeadershipLost):
                self._listing, self._edges = None, []  # the next leader lists again
            self._problem = _words_for_people(exc)
            self._refusal = str(exc) if isinstance(exc, Unauthorized | Forbidden) else ""
            emit(ListingFailed(error=type(exc).__name__, problem=str(exc)))
        else:
            self._problem, self._refusal = None, ""
            if begun_at is not None:
                self._listed_at = max(self._listed_at, begun_at)
            return True
        return False

    # --- listings --------------------------------------------------------------------------------------------------

    async def _list_for_people(self) -> float | None:
        return await (self._list_edges() if self._is_large else self._list_quickly())

    async def _list_quickly(self) -> float | None:
        """A listing that turns out long goes on in the background."""
        while not self._is_large:
            if (begun_at := await self._step()) is not None:
                return begun_at
        return self._listing.begun_at if self._listing else None

    async def _list_edges(self) -> float:
        """New pipelines come first or last."""
        if not self._edges:
            self._edges, self._edges_begun_at = sorted({1, self._last_page}), self._clock.monotonic()
        while self._edges:
            await self._save(self._edges[0])
            del self._edges[0]
        return self._edges_begun_at

    async def _list_slowly(self, until: float) -> float | None:
        while self._is_large and self._clock.monotonic() < until:
            share = LISTING_SHARE if self._repository.pollable else 1.0
            await self._clock.sleep(1 / (share * self._budget.rate))
            async with self._lock:
                self._require_lead(as_leader=True)
                if (begun_at := await self._step()) is not None:
                    return begun_at
        return None

    async def _step(self) -> float | None:
        """Reads the next page, or one missing pipeline. Returns when the listing began, if it has now ended."""
        listing = self._listing = self._listing or CollectedPages(self._clock.monotonic())
        self._require_lead(as_leader=listing.as_leader)
        listing.as_leader = self._leadership.is_leader
        if not listing.ended:
            listing.add(await self._save(listing.pages + 1))
        elif unchecked := self._unchecked(listing):
            await self._check(unchecked[0], listing)
        if not listing.ended or self._unchecked(listing):
            return None
        self._require_lead(as_leader=listing.as_leader)
        self._last_page = listing.pages
        complete_at = listing.begun_at if listing.complete else None
        await self._repository.end_listing(
            self._kept(listing), absent=listing.absent, complete_at=complete_at, lease=self._leadership.lease
        )
        self._listing = None
        return listing.begun_at

    def _require_lead(self, *, as_leader: bool) -> None:
        """A bot that led lists no further once it leads no more. The store refuses what it saves by then.

        Raises:
            LeadershipLost: it leads no more.
        """
        if as_leader and not self._leadership.is_leader:
            raise LeadershipLost("another bot lists the pipelines now")

    def _missing(self, listing: CollectedPages) -> list[PipelineId]:
        return sorted(self._repository.listed.keys() - listing.found - listing.absent)

    def _unchecked(self, listing: CollectedPages) -> list[PipelineId]:
        """The missing pipelines of a slow listing that are still to be read, one by one.

        A pipeline that was deleted meanwhile moves others to pages already read.
        """
        is_slow = self._is_large or self._clock.monotonic() - listing.begun_at > CONFIRM_SECONDS
        return self._missing(listing)[: _most_checks(listing) - listing.checks] if is_slow else []

    async def _check(self, pipeline_id: PipelineId, listing: CollectedPages) -> None:
        try:
            self._repository.learn(await self._ask(Route.PIPELINE, partial(self._api.pipeline, pipeline_id)))
        except NotFound:
            listing.absent.add(pipeline_id)
        else:
            listing.found.add(pipeline_id)
        listing.checks += 1

    def _kept(self, listing: CollectedPages) -> set[PipelineId]:
        """Missing pipelines beyond the checked ones stay until a later listing."""
        return listing.found.union(self._missing(listing) if listing.checks >= _most_checks(listing) else ())

    async def _save(self, number: int) -> ListingPage:
        asked_at = self._clock.now()
        page = await self._page(number)
        await self._repository.save_page(page.pipelines, self._leadership.lease)
        if self._configurations:
            await self._configurations.compare_page(page, asked_at)
        return page

    async def _page(self, number: int) -> ListingPage:
        page = await self._ask(Route.LISTING, partial(self._api.page, number))
        self.owner_emails.update(page.emails)
        return page

    async def _ask(self, route: Route, request: Callable[[], Awaitable[T]]) -> T:
        """Sends one request within the budget, and obeys the wait that its answer asks for.

        Raises:
            LeadershipLost: the bot lost the lead before the request or its answer.
        """
        as_leader = self._leadership.is_leader
        if not await self._budget.take(route, PATIENCE_SECONDS):
            why = self._budget.why_none(route)
            raise Throttled(why) if self._budget.current_hold(route) else NoRequestLeft(why)
        self._require_lead(as_leader=as_leader)
        try:
            answer = await request()
        except ApiError as exc:
            self._budget.obey(route, exc)
            raise
        self._require_lead(as_leader=as_leader)
        return answer


def _most_checks(listing: CollectedPages) -> int:
    """A long listing, which comes seldom, may check more: at most it costs twice as many requests."""
    return max(CHECKED, listing.pages)


def _words_for_people(error: ApiError | StoreAway) -> str:
    if isinstance(error, ApiError):
        return error.plain
    return str(error) if isinstance(error, LeadershipLost) else NO_DATABASE
