"""The catalogue of pipelines, as fresh as a caller needs it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingOutcome:
    """How the last listing ended."""

    problem: str | None = None
    """Why the listing failed, in words for people. None: it succeeded."""
    refusal: str = ""
    """GoldRush rejected the key: the same in words for the operator. Empty: it did not."""
    waits_until: datetime | None = None
    """The end of a wait that GoldRush asked for, if the listing failed."""


class FreshCatalogue(Protocol):
    """Lists the pipelines when the caller needs a newer catalogue."""

    @property
    def still_listing(self) -> bool:
        """True while this process's first listing is under way, so that it may not know all pipelines yet."""
        ...

    async def refresh(self, *, older_than: float = 0.0) -> ListingOutcome:
        """Lists the pipelines, unless a listing is younger than `older_than` seconds. A failed listing removes
        nothing. Concurrent calls share one listing."""
        ...
