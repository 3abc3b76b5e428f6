"""A list of receipts per pipeline, oldest first. Each row is a JSON array that begins with time (ms), version and kind.

commit.lua and settle.lua append to it, in the same step as the state and the end of a delivery.
"""

import json
from collections.abc import Awaitable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from bot.domain.history import HistoryLimits
from bot.domain.observation import PipelineId
from bot.domain.receipt import Addressed, MessageForm, Receipt, ReceiptRow, Skip, SkipReason
from bot.store.history import milliseconds, moment_of
from bot.store.port import RedisPort
from bot.store.scripts import decoding, translating_redis_errors
from bot.store.versions import VERSION, NewerRowError

ADDRESSED, RECEIPT = "addressed", "receipt"
ROWS_PER_TRANSITION = 4
"""A transition has one row for the step, and one for each message."""


class RedisReceipts(RedisPort):
    """Reads the receipts that `RedisCommits.commit` and `RedisOutbox.settle` write."""

    history_limits: HistoryLimits  # `RedisStore` sets it.

    async def receipts(self, pipeline_id: PipelineId) -> tuple[ReceiptRow, ...]:
        """Oldest first, to the millisecond. receipt.lua drops old rows only now and then, so this leaves them out."""
        oldest = self._clock.now() - self.history_limits.age
        with translating_redis_errors():
            query = self._redis.lrange(self._keys.receipts(pipeline_id), 0, -1)
            rows = await cast("Awaitable[list[bytes]]", query)
        with decoding("receipts"):
            decoded = (decode_receipt(pipeline_id, row) for row in rows)
            return tuple(row for row in decoded if row.at >= oldest)


def receipt_limits(limits: HistoryLimits, now: datetime) -> dict[str, int]:
    """The limits by which receipt.lua drops the oldest rows."""
    return {
        "most": limits.transitions * ROWS_PER_TRANSITION,
        "oldest": milliseconds(now - limits.age),
        "seconds": int(limits.age.total_seconds()),
    }


def encode_receipt(row: ReceiptRow) -> str:
    """Times are relative to the row's own time: so they take few digits."""
    fields = _receipt_fields(row) if isinstance(row, Receipt) else _addressed_fields(row)
    return json.dumps([milliseconds(row.at), VERSION, *fields], separators=(",", ":"))


def decode_receipt(pipeline_id: PipelineId, row: bytes | str) -> ReceiptRow:
    """
    Raises:
        NewerRowError: a newer version of the bot wrote the row.
        ValueError: the row is damaged.
    """
    match json.loads(row):
        case [int(), int(version), *_] if version > VERSION:
            raise NewerRowError(f"row version {version}, this bot knows {VERSION}")
        case [int(at), int(), "receipt", *fields]:
            return _receipt(pipeline_id, moment_of(at), fields)
        case [int(at), int(), "addressed", [*conversations], [*skips]]:
            return _addressed(moment_of(at), conversations, skips)
    raise ValueError("no receipt")


def _receipt_fields(row: Receipt) -> list[object]:
    return [
        RECEIPT,
        row.conversation,
        row.form.value,
        _before(row.at, row.since),
        _before(row.at, row.until),
        round(row.seconds, 3),
        row.attempts,
        list(row.paged),
        row.refused,
        row.broadcast,
    ]


def _receipt(pipeline_id: PipelineId, at: datetime, fields: Sequence[Any]) -> Receipt:
    conversation, form, since, until, seconds, attempts, paged, refused = fields[:8]
    return Receipt(
        pipeline_id=pipeline_id,
        conversation=conversation,
        form=MessageForm(form),
        since=at - timedelta(milliseconds=since),
        until=at - timedelta(milliseconds=until),
        at=at,
        seconds=seconds,
        attempts=attempts,
        paged=tuple(paged),
        refused=refused,
        broadcast=fields[8:9] == [True],  # earlier versions wrote no such field
    )


def _addressed_fields(row: Addressed) -> list[object]:
    skips = [
        [skip.conversation, skip.revision, _before(row.at, skip.at), skip.reason.value, skip.words, skip.target]
        for skip in row.skips
    ]
    return [ADDRESSED, list(row.conversations), skips]


def _addressed(at: datetime, conversations: Sequence[str], skips: Sequence[Sequence[Any]]) -> Addressed:
    return Addressed(
        at=at,
        conversations=tuple(conversations),
        skips=tuple(
            Skip(
                conversation=conversation,
                revision=revision,
                at=at - timedelta(milliseconds=before),
                reason=SkipReason(reason),
                words=words,
                target=target,
            )
            for conversation, revision, before, reason, words, target in skips
        ),
    )


def _before(at: datetime, moment: datetime) -> int:
    return milliseconds(at) - milliseconds(moment)
