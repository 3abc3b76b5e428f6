"""The outside pagers that this bot is set up for."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.delivery import ReceiverKind


class PagerNames(Protocol):
    """The names behind `pager:NAME`."""

    @property
    def names(self) -> Sequence[str]:
        """The names that people may page, in order."""
        ...

    def kind(self, name: str) -> ReceiverKind | None:
        """The service behind this name: the kind of its receiver, whose id is the name. None if no pager has it."""
        ...
