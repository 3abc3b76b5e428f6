"""The service that takes the messages of one kind of receiver: a chat such as Slack, or a pager.

ChatAway                  the service does not answer right now; a later try may succeed
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.body import Content
from bot.domain.delivery import Delivery, Lookup, LookupResult, Outcome, Receiver


class ChatAway(Exception):
    """Raised by the ports in `conversations`. The methods of `Chat` return an outcome instead."""


class Chat(Protocol):
    """Sends, finds and deletes messages. An outcome is never a guess: without a clear answer it is `Unknown`."""

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:
        """Posts a new message, with the delivery's id as its key: in the thread of `parent_id`, or at the top level.

        `now` is the time of the call. A late message says when its event happened, and why it comes late.
        """
        ...

    async def update(self, delivery: Delivery, content: Content, *, message_id: str, now: datetime) -> Outcome:
        """Replaces the content of a posted message."""
        ...

    async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
        """Searches one conversation or thread for messages by their keys. Results come in the order of the lookups.

        All lookups must name the same conversation or thread, so that one read serves all of them.
        """
        ...

    async def delete(self, receiver: Receiver, message_id: str) -> bool:
        """Deletes a message of the bot. True if the message is gone."""
        ...
