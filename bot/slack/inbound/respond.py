"""Sends answers: to the `response_url` of a command or click, into a conversation, or to a person's Home tab.

Sources: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses and
https://docs.slack.dev/reference/methods/views.publish
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import aiohttp
from slack_sdk.webhook.async_client import AsyncWebhookClient
from slack_sdk.webhook.webhook_response import WebhookResponse

from bot.ports.interaction_store import Interaction
from bot.ports.telemetry import emit
from bot.ports.telemetry.slack import AnswerLost, AnswerRefused
from bot.proxy import proxy_for
from bot.slack.feature import Reply
from bot.slack.outbound.calls import DEADLINE_SECONDS, SlackAnswer, SlackClient, call
from bot.slack.outbound.channel_ids import ChannelIds
from bot.slack.render.blocks import MOST_VIEW_BLOCKS, Block
from bot.slack.render.charts import has_chart, without_charts
from bot.slack.router import HOME, MESSAGE

Respond = Callable[[Reply], Awaitable[None]]
REFUSED_BLOCKS = "invalid_blocks"


class Charts:
    """Remembers whether this workspace takes charts: Slack does not offer them everywhere yet."""

    def __init__(self) -> None:
        self.refused = False

    def fitting(self, reply: Reply) -> Reply:
        """The reply as this workspace takes it, as far as the bot knows."""
        return replace(reply, blocks=without_charts(reply.blocks)) if self.refused else reply

    def after_refusal(self, reply: Reply, error: str) -> Reply | None:
        """The reply without charts, to send instead. None if a chart can't be the reason."""
        if REFUSED_BLOCKS not in error or not has_chart(reply.blocks):
            return None
        self.refused = True
        return self.fitting(reply)


def responses(client: SlackClient) -> Callable[[Interaction], Respond]:
    """Chooses where the answer to an interaction goes. A message or a click in a view has no `response_url`."""
    charts = Charts()

    def respond(interaction: Interaction) -> Respond:
        payload = interaction.payload
        if interaction.kind == HOME:
            return to_home(client, payload)
        if interaction.kind == MESSAGE or payload.get("direct"):
            return in_conversation(client, payload, charts)
        url, channel = payload.get("response_url", ""), payload.get("channel")
        return respond_to(url, client.channel_ids, channel, client.session, charts)

    return respond


def by_response_url(interaction: Interaction) -> Respond:
    return respond_to(interaction.payload.get("response_url", ""), ChannelIds())


def to_home(client: SlackClient, payload: Mapping[str, str]) -> Respond:
    """A refusal replaces the Home tab, because the person looks at it."""

    async def respond(reply: Reply) -> None:
        await _publish(client, payload, reply.home or reply.blocks)

    return respond


def in_conversation(client: SlackClient, payload: Mapping[str, str], charts: Charts) -> Respond:
    """In a direct conversation as a reply. Anywhere else only the person who asked sees the answer.

    An answer for everyone goes into the thread in which the person asked.
    """

    async def respond(reply: Reply) -> None:
        if reply.home:
            await _publish(client, payload, reply.home)
        if reply.blocks:
            reply = charts.fitting(reply)
            sent = await _post(client, payload, reply)
            if plainer := charts.after_refusal(reply, sent.error if not sent.ok else ""):
                sent = await _post(client, payload, plainer)
            _report(sent, payload["channel"])

    return respond


async def _publish(client: SlackClient, payload: Mapping[str, str], blocks: Sequence[Block]) -> None:
    """Slack sends the metadata back with a click. So a click in the Home tab has a conversation too."""
    view = {"type": "home", "private_metadata": payload["channel"], "blocks": list(blocks[:MOST_VIEW_BLOCKS])}
    _report(await call(client, "views.publish", user_id=payload["user"], view=view), payload["channel"])


async def _post(client: SlackClient, payload: Mapping[str, str], reply: Reply) -> SlackAnswer:
    message = {"channel": payload["channel"], "text": reply.message.text, "blocks": list(reply.message.blocks)}
    thread = payload.get("thread") or None
    if payload.get("direct") or (reply.in_channel and thread):
        quiet = {"unfurl_links": False, "unfurl_media": False}
        return await call(client, "chat.postMessage", thread_ts=thread, **message, **quiet)
    return await call(client, "chat.postEphemeral", thread_ts=thread, user=payload["user"], **message)


def _report(sent: SlackAnswer, channel: str) -> None:
    if sent.lost is not None:
        emit(AnswerLost(problem=sent.detail, channel=channel))
    elif not sent.ok:
        emit(AnswerRefused(status=sent.status, body=sent.error[:100], channel=channel))


def respond_to(
    url: str,
    channel_ids: ChannelIds,
    channel: str | None = None,
    session: aiohttp.ClientSession | None = None,
    charts: Charts | None = None,
) -> Respond:
    """Sends once, so that nobody sees an answer twice. If it is lost, the person can ask again.

    Only an answer that Slack refused for its chart is sent again, without it.

    `session`: its connections may carry the answer. None: the answer gets a connection of its own.
    """
    known_charts = charts or Charts()

    async def send(reply: Reply) -> WebhookResponse | None:
        answer = reply.message.as_response(in_channel=reply.in_channel, replace=reply.replace)
        client = AsyncWebhookClient(url, timeout=int(DEADLINE_SECONDS), session=session, retry_handlers=[])
        try:
            client.proxy = proxy_for(url)  # in place of slack_sdk's own choice, which ignores NO_PROXY
            async with asyncio.timeout(DEADLINE_SECONDS):
                return await client.send_dict(dict(await channel_ids.current(answer)))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as exc:
            emit(AnswerLost(problem=type(exc).__name__, channel=channel))
            return None

    async def respond(reply: Reply) -> None:
        if not url:
            return
        reply = known_charts.fitting(reply)
        sent = await send(reply)
        if sent and sent.status_code != 200 and (plainer := known_charts.after_refusal(reply, sent.body)):
            sent = await send(plainer)
        if sent and sent.status_code != 200:
            emit(AnswerRefused(status=sent.status_code, body=sent.body[:100], channel=channel))

    return respond
