"""The store, with additions for tests that fill and break it."""

from collections.abc import Awaitable, Callable, Sequence

import redis.asyncio

from bot.domain.delivery import Delivery, Lane, LaneKind, Message, in_slack
from bot.domain.subscription import Edit, WatchChange
from bot.domain.watch import ChannelId, SuspendReason, TeamId, Watch
from bot.ports.clock import Clock
from bot.ports.lease_store import Lease
from bot.ports.store_errors import StoreAway
from bot.store.redis import RedisStore
from bot.store.scripts import Scripts
from tests.builders import TEAM


class WholeStore(RedisStore):
    """`first` maps a method to a function that runs before it. If the function raises, the method does not run."""

    def __init__(self, client: redis.asyncio.Redis, team: TeamId, clock: Clock) -> None:
        self.first: dict[str, Callable[[], Awaitable[object]]] = {}
        super().__init__(Scripts(client, team), clock)

    def __getattribute__(self, name: str) -> object:
        there = super().__getattribute__(name)
        if name in {"first", "__dict__"}:
            return there
        first = self.first.get(name)
        return _after(first, there) if first and callable(there) else there

    def away_once(self, method: str) -> None:
        """Makes Redis fail the next call of `method`."""

        async def away() -> None:
            del self.first[method]
            raise StoreAway("no answer")

        self.first[method] = away

    async def owed(self, channel: ChannelId) -> tuple[Delivery, ...]:
        """Returns the channel's deliveries: pages first, each lane oldest first."""
        pages, feed = (Lane(kind, in_slack(self.team, channel)) for kind in LaneKind)
        return (*await self.deliveries(pages), *await self.deliveries(feed))

    async def add_watches(self, watches: Sequence[Watch], announcement: Message) -> int:
        """Returns how many watches are new or changed. Announces nothing if none is."""
        there = await self.watches()
        known = {watch.id: watch for watch in there.all}
        return await self._edit(there.version, announcement, [(known.get(watch.id), watch) for watch in watches])

    async def remove_watches(self, watch_ids: Sequence[str], announcement: Message) -> int:
        there = await self.watches()
        ended = [(watch, None) for watch in there.all if watch.id in watch_ids]
        return await self._edit(there.version, announcement, ended)

    async def _edit(
        self, version: int, announcement: Message, pairs: Sequence[tuple[Watch | None, Watch | None]]
    ) -> int:
        edits = tuple(Edit(before=before, after=after) for before, after in pairs if before != after)
        if not edits:
            return 0
        change = WatchChange(
            version=version, channel=ChannelId(announcement.receiver.id), edits=edits, announcements=(announcement,)
        )
        assert await self.change_watches(change)
        return len(edits)

    async def suspend_now(self, channel: ChannelId, reason: SuspendReason, *notices: Message) -> int | None:
        """Suspends the channel on the current state of its watches."""
        return await self.suspend(channel, reason, notices, (await self.watches()).in_channel(channel))

    def meet_another_server(self) -> None:
        """Makes the store believe that another server answers now."""
        self._scripts._server = "another"

    async def leased(self, lane: Lane) -> Lease:
        lease = await self.lease(lane)
        assert lease is not None
        return lease


def _after(
    first: Callable[[], Awaitable[object]], then: Callable[..., Awaitable[object]]
) -> Callable[..., Awaitable[object]]:
    async def both(*args: object, **kwargs: object) -> object:
        await first()
        return await then(*args, **kwargs)

    return both


def pages(channel: ChannelId) -> Lane:
    return Lane(LaneKind.PAGES, in_slack(TEAM, channel))


def feed(channel: ChannelId) -> Lane:
    return Lane(LaneKind.FEED, in_slack(TEAM, channel))
