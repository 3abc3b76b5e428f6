"""Doubt: the store may have lost the record of messages that were sent."""

from datetime import datetime
from typing import Protocol


class DeliveryDoubt(Protocol):
    def begin(self, since: datetime) -> None:
        """The store was rolled back. Before a resend, the sender looks for each message that was open at `since`."""
        ...
