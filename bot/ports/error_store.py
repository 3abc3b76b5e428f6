"""Which failures had the same error, by its fingerprint."""

from datetime import datetime
from typing import Protocol

from bot.domain.seen_before import ErrorHistory, Occurrence


class ErrorStore(Protocol):
    """One row for each fingerprint."""

    async def add_occurrence(self, fingerprint: str, failure: Occurrence) -> ErrorHistory:
        """Adds a failure, unless an occurrence has it already. Returns the history with it."""
        ...

    async def forget_errors(self, before: datetime, most: int) -> None:
        """Removes the errors that no failure had since then, and the oldest ones beyond `most`."""
        ...
