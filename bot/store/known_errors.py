"""Which failures had the same error, in Redis."""

from datetime import datetime

from bot.domain.seen_before import ErrorHistory, Occurrence, with_occurrence
from bot.store import versions
from bot.store.codec import Codec
from bot.store.hash_rows import HashRows
from bot.store.port import RedisPort

_ROW = Codec(ErrorHistory, versions.unchanged)


class RedisErrors(RedisPort):
    """Implements `ErrorStore`."""

    @property
    def _errors(self) -> HashRows[ErrorHistory]:
        return HashRows(self._scripts, self._keys["known_errors"], _ROW)

    async def add_occurrence(self, fingerprint: str, failure: Occurrence) -> ErrorHistory:
        known: list[ErrorHistory] = []

        def updated(_: str, row: ErrorHistory | None) -> ErrorHistory:
            known.append(with_occurrence(row, failure))
            return known[-1]

        await self._errors.update([fingerprint], updated)
        return known[-1]

    async def forget_errors(self, before: datetime, most: int) -> None:
        await self._errors.remove(lambda row: row.latest_at < before, most, order=lambda row: row.latest_at.timestamp())
