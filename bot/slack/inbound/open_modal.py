"""A submitted modal while Slack waits for the acknowledgement, which closes it or shows errors in it.

Source: https://docs.slack.dev/surfaces/modals#displaying_errors
"""

from collections.abc import Mapping

from slack_bolt.context.ack.async_ack import AsyncAck


class OpenModal:
    def __init__(self, ack: AsyncAck) -> None:
        self._ack = ack
        self._settled = False

    async def settle(self, errors: Mapping[str, str]) -> bool:
        """Shows these errors by block, or closes the modal if there are none. True if the person sees the errors."""
        if self._settled:
            return False
        self._settled = True
        if errors:
            await self._ack(response_action="errors", errors=dict(errors))
        else:
            await self._ack()
        return bool(errors)
