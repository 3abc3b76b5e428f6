"""Makes canvases of Slack.

Source: https://docs.slack.dev/reference/methods/canvases.create (Tier 2). With a channel, one call makes a tab of the
channel that its members may edit. Direct messages have none.
"""

import json

from bot.domain.postmortem import Postmortem
from bot.domain.watch import ChannelId, TeamId
from bot.slack.outbound.calls import SlackClient, call
from bot.slack.render.phrases import is_direct
from bot.slack.render.postmortem_canvas import canvas_markdown, canvas_title


class SlackCanvases:
    """Implements `PostmortemCanvases`. Without the scope `canvases:write`, Slack refuses the call."""

    def __init__(self, client: SlackClient, team: TeamId, chat_url: str) -> None:
        self._client = client
        self._team = team
        self._chat_url = chat_url.rstrip("/")

    async def create(self, channel: ChannelId, postmortem: Postmortem) -> str:
        if is_direct(channel) or not self._chat_url:
            return ""
        aliases = await self._client.channel_ids.aliases()
        content = {"type": "markdown", "markdown": canvas_markdown(postmortem, channel)}
        answer = await call(
            self._client,
            "canvases.create",
            channel_id=aliases.current(channel),
            title=canvas_title(postmortem),
            document_content=json.dumps(content),  # the method takes a form
        )
        canvas = answer.body.get("canvas_id")
        return f"{self._chat_url}/docs/{self._team}/{canvas}" if answer.ok and isinstance(canvas, str) else ""
