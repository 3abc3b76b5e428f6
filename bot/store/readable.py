"""Decodes the rows of a hash one by one: a damaged row is one lost row, not a store that is away."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from bot.ports.telemetry import emit
from bot.ports.telemetry.store import RowUnreadable
from bot.store.versions import NewerRowError

FieldT = TypeVar("FieldT", str, bytes, int)
T = TypeVar("T")
MARK = b"-"
"""The field or member that distinguishes an emptied key from a lost one. Nothing else has this name."""
MOST_REPORTED = 1000
UNREADABLE = (ValueError, RecursionError)


class ReadableRows:
    """Of one process. Logs each damaged row once."""

    def __init__(self) -> None:
        self._reported: set[tuple[str, str, int]] = set()

    def of(
        self, name: str, rows: Iterable[tuple[FieldT, bytes | None]], decode: Callable[[FieldT, bytes], T]
    ) -> dict[FieldT, T]:
        """The rows of the hash `name`, by their fields. Leaves out lost and damaged ones, and the mark.

        Raises:
            NewerRowError: a newer version of the bot wrote a row.
        """
        found = {}
        for field, row in rows:
            if row is None or row == MARK:
                continue
            try:
                found[field] = decode(field, row)
            except NewerRowError:
                raise
            except UNREADABLE as exc:
                self.report(name, field, row, exc)
        return found

    def report(self, name: str, field: str | bytes | int, row: bytes, problem: Exception) -> None:
        """The log gets neither the row nor the problem's text, which may quote it."""
        text = field.decode(errors="replace") if isinstance(field, bytes) else str(field)
        seen = (name, text, hash(row))
        if seen not in self._reported and len(self._reported) < MOST_REPORTED:
            self._reported.add(seen)
            emit(RowUnreadable(key=name, row=text, problem=type(problem).__name__))
