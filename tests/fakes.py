"""Working stand-ins for the ports: no network, and a clock that a test advances."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Sequence, Sized
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

from bot.domain.body import Content
from bot.domain.catalogue import Pipeline
from bot.domain.configuration import Configuration
from bot.domain.delivery import Delivery, Lookup, LookupResult, Outcome, Posted, Receiver
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.postmortem import Postmortem
from bot.domain.watch import ChannelId, UserId
from bot.ports.pipeline_api import ApiError, ListingPage, NotFound, Status
from bot.slack.outbound.metadata import bot_messages_in, lookup_result, metadata_to_attach
from tests.shuffled_loop import ShuffledLoop

US = "U0BOT"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MOST_TURNS = 100_000


class FakeClock:
    """Stands still until `pass_time`, which wakes the due sleepers. Sleepers of one moment wake together."""

    def __init__(self, start: datetime = NOON) -> None:
        self._start = start
        self.seconds = 0.0
        self._sleepers: list[tuple[float, float, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()
        place = loop.chance.random() if isinstance(loop, ShuffledLoop) else next(self._order)
        heapq.heappush(self._sleepers, (self.seconds + seconds, place, future))
        await future

    async def pass_time(self, seconds: float) -> None:
        end = self.seconds + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self.seconds = max(self.seconds, self._sleepers[0][0])
            while self._sleepers and self._sleepers[0][0] <= self.seconds:
                _, _, future = heapq.heappop(self._sleepers)
                if not future.done():
                    future.set_result(None)
            await settle()
        self.seconds = end
        await settle()


async def settle() -> None:
    """Runs the loop until every other task waits for the clock, however many turns that takes.

    Raises:
        AssertionError: some task never waits.
    """
    ready: Sized = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    for _ in range(MOST_TURNS):
        await asyncio.sleep(0)
        if not ready:  # this task runs; nothing else can, until time passes
            return
    raise AssertionError(f"the loop was still busy after {MOST_TURNS} turns")


class FakeApi:
    """An in-memory GoldRush. `statuses` holds each pipeline's answer: a status or an error."""

    def __init__(self, *pipelines: Pipeline) -> None:
        self.pipelines = {pipeline.id: pipeline for pipeline in pipelines}
        self.statuses: dict[PipelineId, Status | Exception] = {
            pipeline.id: Status(phase=Phase.RUNNING, replicas=1, ready=1) for pipeline in pipelines
        }
        self.listing: ListingPage | ApiError | None = None
        """The answer of every page of a listing. None: see `pages`."""
        self.pages: list[ListingPage] | None = None
        """The pages of a listing. None: one page with the pipelines."""
        self.listings = 0
        self.asked: list[PipelineId] = []
        """The pipelines whose object the bot read."""
        self.refusal: ApiError | None = None
        """The error of each read of a pipeline object."""
        self.reads: list[PipelineId] = []
        self.configurations: dict[PipelineId, Configuration] = {}
        self.under_way = 0
        self.gate: Callable[[PipelineId], asyncio.Event | None] = lambda _: None

    async def status(self, pipeline_id: PipelineId) -> Status:
        self.reads.append(pipeline_id)
        self.under_way += 1
        try:
            if gate := self.gate(pipeline_id):
                await gate.wait()
            answer = self.statuses.get(pipeline_id, NotFound("no such pipeline"))
        finally:
            self.under_way -= 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def pipeline(self, pipeline_id: PipelineId) -> Pipeline:
        self.asked.append(pipeline_id)
        if self.refusal:
            raise self.refusal
        if pipeline_id not in self.pipelines:
            raise NotFound("no such pipeline")
        return self.pipelines[pipeline_id]

    async def page(self, number: int) -> ListingPage:
        self.listings += 1
        if isinstance(self.listing, ApiError):
            raise self.listing
        if self.pages is not None:
            return self.pages[number - 1]
        return self.listing or ListingPage(
            pipelines=tuple(self.pipelines.values()) if number == 1 else (),
            more=False,
            configurations={key: partial(dict.__getitem__, self.configurations, key) for key in self.configurations},
        )


class NoMemberships:
    """The channels of a bot that is in none."""

    async def memberships(self) -> tuple[ChannelId, ...]:
        return ()


NO_MEMBERSHIPS = NoMemberships()


class FakeCanvases:
    """Implements `PostmortemCanvases`."""

    def __init__(self, address: str = "") -> None:
        self.address = address
        self.made: list[Postmortem] = []

    async def create(self, channel: ChannelId, postmortem: Postmortem) -> str:
        self.made.append(postmortem)
        return self.address


NO_CANVASES = FakeCanvases()


class FakeChat:
    """An in-memory Slack. It keeps posted messages and finds them by key. It uses up `answers` first."""

    def __init__(self) -> None:
        self.posts: list[tuple[Delivery, Content, str | None]] = []
        self.updates: list[tuple[Delivery, Content, str]] = []
        self.there: dict[str, str] = {}
        self.deleted: list[str] = []
        self.keeps = 0
        """How many more deletions fail."""
        self.answers: list[tuple[Outcome, bool]] = []
        """(outcome, whether the message still lands)"""
        self.results: list[LookupResult] = []
        self.lookups = 0
        self.opens: Callable[[UserId], Awaitable[ChannelId | None]] | None = None
        """Opens a direct channel, if set; by default it exists at once."""
        self._messages: dict[str, dict[str, object]] = {}
        self._stamps = count(1)

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:
        outcome, lands = self.answers.pop(0) if self.answers else (None, True)
        message_id = f"{next(self._stamps)}.000000"
        if lands:
            self.posts.append((delivery, content, parent_id))
            self.land(message_id, delivery, content)
            if parent_id in self._messages:
                self._messages[parent_id]["reply_count"] = 1
        return outcome or Posted(message_id)

    def land(self, message_id: str, delivery: Delivery, content: Content) -> None:
        """Puts the message into Slack, even if the bot gets no answer."""
        self.there[delivery.id] = message_id
        message = self._messages.setdefault(message_id, {"ts": message_id, "user": US})
        message["metadata"] = metadata_to_attach(delivery, content)

    async def update(self, delivery: Delivery, content: Content, *, message_id: str, now: datetime) -> Outcome:
        outcome, lands = self.answers.pop(0) if self.answers else (None, True)
        if lands:
            self.updates.append((delivery, content, message_id))
            self.land(message_id, delivery, content)
        return outcome or Posted(message_id)

    async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
        self.lookups += 1
        return [self._sighting(lookup) for lookup in lookups]

    def _sighting(self, lookup: Lookup) -> LookupResult:
        if self.results:
            return self.results.pop(0)
        return lookup_result(bot_messages_in({"messages": list(self._messages.values())}, US), lookup)

    async def delete(self, receiver: Receiver, message_id: str) -> bool:
        if self.keeps:
            self.keeps -= 1
            return False
        self.deleted.append(message_id)
        return True

    async def direct(self, user: UserId) -> ChannelId | None:
        return await self.opens(user) if self.opens else ChannelId(f"D{user}")
