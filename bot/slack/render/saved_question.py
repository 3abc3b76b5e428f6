"""The question behind an answer. Its buttons carry it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedQuestion:
    """The typed text and the page to show. Buttons carry both, so they work after a restart."""

    text: str = ""
    page: int = 1
    shared: bool = False
    shared_by: str = ""
    """The name as plain text."""
