"""Where answers go: to the `response_url` of a command or click, or into the conversation of a message.

Source: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.ports.interaction_store import Interaction
from bot.ports.telemetry import emit
from bot.ports.telemetry.slack import AnswerLost, AnswerRefused
from bot.proxy import proxy_for
from bot.slack.outbound.calls import DEADLINE_SECONDS, call
from bot.slack.router import MESSAGE

Respond = Callable[[dict[str, object]], Awaitable[None]]


def responses(client: AsyncWebClient) -> Callable[[Interaction], Respond]:
    """Chooses where the answer to an interaction goes."""

    def respond(interaction: Interaction) -> Respond:
        if interaction.kind == MESSAGE:
            return in_conversation(client, interaction.payload)
        return by_response_url(interaction)

    return respond


def by_response_url(interaction: Interaction) -> Respond:
    return respond_to(interaction.payload.get("response_url", ""))


def in_conversation(client: AsyncWebClient, payload: Mapping[str, str]) -> Respond:
    """In a direct conversation as a reply. Anywhere else only the person who asked sees the answer."""

    async def respond(answer: dict[str, object]) -> None:
        message = {"channel": payload["channel"], "text": answer["text"], "blocks": answer["blocks"] or None}
        thread = payload.get("thread") or None
        if payload.get("direct"):
            quiet = {"unfurl_links": False, "unfurl_media": False}
            sent = await call(client, "chat.postMessage", thread_ts=thread, **message, **quiet)
        else:
            sent = await call(client, "chat.postEphemeral", thread_ts=thread, user=payload["user"], **message)
        if sent.lost is not None:
            emit(AnswerLost(problem=sent.detail))
        elif not sent.ok:
            emit(AnswerRefused(status=sent.status, body=sent.error[:100]))

    return respond


def respond_to(url: str) -> Respond:
    """Sends once and never retries, so that nobody sees an answer twice. If it is lost, the person can ask again."""

    async def respond(answer: dict[str, object]) -> None:
        if not url:
            return
        client = AsyncWebhookClient(url, timeout=int(DEADLINE_SECONDS), retry_handlers=[])
        try:
            client.proxy = proxy_for(url)  # in place of slack_sdk's own choice, which ignores NO_PROXY
            async with asyncio.timeout(DEADLINE_SECONDS):
                reply = await client.send_dict(answer)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as exc:
            emit(AnswerLost(problem=type(exc).__name__))
            return
        if reply.status_code != 200:
            emit(AnswerRefused(status=reply.status_code, body=reply.body[:100]))

    return respond
