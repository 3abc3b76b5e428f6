"""Delivery doubt: the store may have lost the record of messages that the bot has sent."""

from datetime import datetime
from typing import Protocol


class DeliveryDoubt(Protocol):
    """Makes the sender look for open messages before it sends them."""

    def begin(self, since: datetime) -> None:
        """Call this when the store lost writes. From then on, the bot looks for each open message before it sends it.

        `since`: when a bot noticed the loss. Messages made much later are not in doubt.
        """
        ...
