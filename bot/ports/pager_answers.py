"""What people answer at an outside pager counts in Slack too."""

from typing import Protocol

from bot.domain.pager import PagerChange


class PagerAnswers(Protocol):
    """Takes the answers of people at a pager."""

    async def apply(self, change: PagerChange) -> int:
        """Acknowledges or resolves the failures of the incident. Returns how many changed: a repeat changes none.

        Raises:
            StoreAway: a part may be written. A second try is safe.
        """
        ...
