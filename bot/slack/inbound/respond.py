"""Answers to a `response_url`: https://docs.slack.dev/interactivity/handling-user-interaction#message_responses"""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import structlog
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.proxy import proxy_for
from bot.slack.outbound.calls import DEADLINE_SECONDS

Respond = Callable[[dict[str, object]], Awaitable[None]]

log = structlog.get_logger(__name__)


def respond_to(url: str) -> Respond:
    """Sent once, never by itself again: an answer that all can see must not come twice. Where it cannot be sent,
    whoever asked can ask again; nothing else depends on it."""

    async def respond(answer: dict[str, object]) -> None:
        if not url:
            return
        client = AsyncWebhookClient(url, timeout=int(DEADLINE_SECONDS), retry_handlers=[])
        try:
            client.proxy = proxy_for(url)  # in place of slack_sdk's own choice, which ignores NO_PROXY
            async with asyncio.timeout(DEADLINE_SECONDS):
                reply = await client.send_dict(answer)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as exc:
            log.warning("answer_lost", problem=type(exc).__name__)
            return
        if reply.status_code != 200:
            log.warning("answer_refused", status=reply.status_code, body=reply.body[:100])

    return respond
