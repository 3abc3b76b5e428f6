"""Takes PagerDuty's webhook: on the server of HTTP mode, or on a port of its own.

It answers 2xx only after the change is stored. PagerDuty repeats after a 5xx, and never after another 4xx than 429.
Source: https://developer.pagerduty.com/docs/webhooks-overview
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from bot.http.connection_limit import ConnectionLimiter, ConnectionLimits, Refusals
from bot.http.server import serving, watched
from bot.pagers.webhook import decode_change, has_valid_signature
from bot.ports.pager_answers import PagerAnswers
from bot.ports.store_errors import StoreAway

PATH = "/pagerduty/webhook"
LARGEST_WEBHOOK = 256 * 1024  # PagerDuty sends no larger one
APPLY_SECONDS = 4.0  # PagerDuty waits 5 s
LIMITS = ConnectionLimits(connections=16, request=10.0)


class WebhookListener:
    """Verifies, decodes and applies webhooks."""

    def __init__(self, secret: str, answers: PagerAnswers) -> None:
        self._secret = secret
        self._answers = answers

    def route(self, limiter: ConnectionLimiter) -> web.RouteDef:
        async def answer(request: web.Request) -> web.Response:
            return await self._answer(request, limiter)

        return web.post(PATH, answer)

    async def _answer(self, request: web.Request, limiter: ConnectionLimiter) -> web.Response:
        signatures = request.headers.get("X-PagerDuty-Signature", "")
        if not signatures:
            return _refusal(limiter, 401, "not_signed", "not signed")
        if (request.content_length or 0) > LARGEST_WEBHOOK:
            return _refusal(limiter, 413, "broken_body", "too large")
        try:
            async with asyncio.timeout(limiter.limits.body):
                body = await request.read()
        except TimeoutError:
            return _refusal(limiter, 408, "body_late", "the body did not arrive in time")
        except (web.RequestPayloadError, ConnectionError):
            return _refusal(limiter, 400, "broken_body", "the body is broken, or the client has gone")
        if len(body) > LARGEST_WEBHOOK:
            return _refusal(limiter, 413, "broken_body", "too large")
        if not has_valid_signature(self._secret, body, signatures):
            return _refusal(limiter, 401, "not_signed", "not signed")
        if connection := limiter.connection_for(request.transport):
            connection.trusted = True
        return await self._apply(body)

    async def _apply(self, body: bytes) -> web.Response:
        try:
            change = decode_change(body)
        except ValueError:
            return web.Response(status=400, text="nothing that PagerDuty sends")
        if change is None:
            return web.Response(status=200, text="nothing to do")
        try:
            async with asyncio.timeout(APPLY_SECONDS):
                await self._answers.apply(change)
        except (StoreAway, TimeoutError):
            return web.Response(status=503, text="not stored; please repeat")
        return web.Response(status=202)


def _refusal(limiter: ConnectionLimiter, status: int, reason: str, text: str) -> web.Response:
    limiter.refusals.count(reason)
    return web.Response(status=status, text=text)


@asynccontextmanager
async def listening_for_webhooks(
    listener: WebhookListener, port: int, host: str, limits: ConnectionLimits = LIMITS
) -> AsyncIterator[int]:
    """Serves the webhook on a port of its own; yields the port.

    Raises:
        OSError: the port or the host can't be used.
    """
    limiter = ConnectionLimiter(limits, Refusals("pagerduty"))
    application = web.Application(client_max_size=LARGEST_WEBHOOK, middlewares=[watched(limiter)])
    application.add_routes([listener.route(limiter)])
    async with serving(application, port, host=host, limiter=limiter, log_name="bot.pagers.server") as bound:
        yield bound
