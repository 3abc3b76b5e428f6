"""The unfinished deliveries, in Redis. A sender holds the lease of its lane."""

import json
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from bot.domain.backlog import Grouping
from bot.domain.card import SyncGroup
from bot.domain.delivery import Delivery, Lane, LaneKind, Message, Receiver
from bot.domain.held_pages import PERIOD, PageLog
from bot.domain.history import HistoryLimits
from bot.ports.clock import Clock
from bot.ports.lease_store import Lease
from bot.ports.outbox import DeliveryResult, PageEntry
from bot.store.codec import decode_delivery, encode_delivery, encode_message
from bot.store.port import RedisPort
from bot.store.receipts import encode_receipt, receipt_limits
from bot.store.scripts import Scripts, translating_redis_errors

PAGE, SUMMARY = "page", "summary"
GROUP_SECONDS = 30 * 24 * 3600
RECENT = timedelta(hours=1)  # more than any time within which failures form a group


class RedisOutbox(RedisPort):
    """Implements `Outbox`."""

    history_limits: HistoryLimits  # `RedisStore` sets it.

    def __init__(self, scripts: Scripts, clock: Clock) -> None:
        super().__init__(scripts, clock)
        self._lane_rows = scripts.script("rows")

    async def enqueue(self, messages: Sequence[Message], redrawn: Sequence[str] = ()) -> None:
        await self._scripts.enqueue(messages, redrawn)

    async def deliveries(self, lane: Lane) -> tuple[Delivery, ...]:
        with translating_redis_errors():
            rows = cast("list[bytes]", await self._lane_rows(keys=[self._keys.outbox(lane), self._keys["deliveries"]]))
        readable = self._scripts.readable("deliveries", enumerate(rows), lambda _, row: decode_delivery(row, self.team))
        return tuple(readable.values())

    async def write(self, delivery: Delivery, lease: Lease) -> bool:
        args = [lease.token, delivery.id, encode_delivery(delivery)]
        return bool(await self._scripts.write("write_row", [self._keys.lease(lease.name)], args))

    async def settle(self, delivery: Delivery, lease: Lease, result: DeliveryResult) -> bool:
        feed = Lane(LaneKind.FEED, delivery.receiver)
        group = result.group or ""
        keys = [
            self._keys.lease(lease.name),
            self._keys.outbox(delivery.lane),
            self._keys.outbox(feed),
            self._keys.group(group),
            self._keys["last_ts"],
            self._keys.page_log(delivery.receiver),
            self._keys.recent(delivery.receiver),
            self._keys.posted(group),
            *(self._keys.posted(key) for key in result.shown),
            *(self._keys.receipts(receipt.pipeline_id) for receipt in result.receipts),
            self._keys.thread(delivery.receiver, result.message_id),
        ]
        redraw, follow_up, at = result.redraw, result.follow_up, result.failure_at
        args: list[str | int] = [
            lease.token,
            delivery.lane.name,
            feed.name,
            delivery.id,
            result.kind.value,
            result.message_id,
            group,
            redraw.id,
            encode_message(redraw),
            follow_up.id if follow_up else "",
            encode_message(follow_up) if follow_up else "",
            *_page_log_arguments(delivery, result.log),
            result.size,
            GROUP_SECONDS,
            *_recent_arguments(at),
            *(part for card in result.shown.items() for part in card),
            *map(encode_receipt, result.receipts),
            json.dumps(receipt_limits(self.history_limits, self._clock.now())),
            len(result.receipts),
            result.thread,
        ]
        return bool(await self._scripts.write("settle", keys, args))

    async def regroup(self, grouping: Grouping, lane: Lane, lease: Lease) -> bool:
        row = grouping.row
        group = row.body.group_key if isinstance(row.body, SyncGroup) else ""
        pages, feed = (Lane(kind, lane.receiver) for kind in (LaneKind.PAGES, LaneKind.FEED))
        shown = (*grouping.joins, *grouping.summarized, *grouping.forgets)
        keys = [
            self._keys.lease(lease.name),
            self._keys.outbox(lane),
            self._keys.outbox(pages),
            self._keys.outbox(feed),
            self._keys.group(group),
            self._keys.recent(lane.receiver),
            *(self._keys.posted(key) for key in shown),
            *(self._keys.card(key) for key in grouping.forgets),
        ]
        rows = (row, *grouping.accompanied_by)
        args: list[str | int] = [
            lease.token,
            lane.name,
            pages.name,
            feed.name,
            "merge" if grouping.merges else "",
            GROUP_SECONDS,
            grouping.message_id,
            *_recent_arguments(grouping.joined_at),
            len(grouping.replaced),
            len(grouping.joins),
            len(grouping.summarized),
            len(grouping.forgets),
            group,
            *(delivery.id for delivery in grouping.replaced),
            *grouping.joins,
            *grouping.summarized.values(),
            *(part for delivery in rows for part in (delivery.lane.kind, delivery.id, encode_delivery(delivery))),
        ]
        return bool(await self._scripts.write("regroup", keys, args))

    async def page_log(self, receiver: Receiver, since: datetime) -> PageLog:
        with translating_redis_errors():
            query = self._redis.zrangebyscore(
                self._keys.page_log(receiver), f"({since.timestamp()}", "+inf", withscores=True
            )
            rows = await cast("Awaitable[list[tuple[bytes, float]]]", query)
        times = [(entry.decode().partition(" ")[0], datetime.fromtimestamp(score, UTC)) for entry, score in rows]
        return PageLog(
            pages=tuple(at for kind, at in times if kind == PAGE),
            summaries=tuple(at for kind, at in times if kind == SUMMARY),
        )


def _page_log_arguments(delivery: Delivery, entry: PageEntry | None) -> tuple[str, str, str]:
    """settle.lua's arguments for the page log: the new entry, its time, and the time before which it drops entries."""
    if entry is None:
        return "", "", ""
    kind = SUMMARY if entry.is_summary else PAGE
    return f"{kind} {delivery.id}", f"{entry.at.timestamp()}", f"{(entry.at - PERIOD).timestamp()}"


def _recent_arguments(at: datetime | None) -> tuple[str, str]:
    """A script's arguments for the recent failures: the time of the new one, and before when it drops others."""
    return ("", "") if at is None else (f"{at.timestamp()}", f"{(at - RECENT).timestamp()}")
