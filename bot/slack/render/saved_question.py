"""The question behind an answer. The answer's buttons carry it, so they still work after a restart of the bot."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedQuestion:
    """A question to ask again."""

    text: str = ""
    """The command as typed."""
    page: int = 1
    """The page of the answer to show, from 1."""
    shareable: bool = True
    """False in direct messages: only the person who asked reads them."""
    shared: bool = False
    """True if the answer goes to everyone in the channel."""
    shared_by: str = ""
    """The name of the person who shared it, as plain text."""
