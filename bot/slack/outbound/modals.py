"""Opens modals. Source: https://docs.slack.dev/reference/methods/views.open"""

from collections.abc import Mapping
from enum import Enum

from bot.slack.outbound.calls import Lost, SlackClient, call


class Opening(Enum):
    """What came of a call to open a modal."""

    OPEN = "open"
    """This call opened it, or an earlier delivery of the same click did."""
    LATE = "late"
    """The 3 s after the click had passed."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Slack's answer was lost, so the modal may be open."""


_OUTCOMES = {"exchanged_trigger_id": Opening.OPEN, "expired_trigger_id": Opening.LATE}


class Modals:
    """Opens modals through `views.open`."""

    def __init__(self, client: SlackClient) -> None:
        self._client = client

    async def open(self, trigger: str, view: Mapping[str, object]) -> Opening:
        """`trigger` comes with a click. It works once, within 3 s."""
        answer = await call(self._client, "views.open", trigger_id=trigger, view=view)
        if answer.lost is Lost.UNKNOWN:
            return Opening.UNKNOWN
        return Opening.OPEN if answer.ok else _OUTCOMES.get(answer.error, Opening.FAILED)
