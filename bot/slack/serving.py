"""How Slack reaches the bot by HTTP, with signatures. `ears` is the other way; the same Bolt app serves both."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.app.async_app import AsyncApp

from bot.slack.inbound import bolt_request, signable

LARGEST_REQUEST = 512 * 1024  # far above what Slack sends; more is refused before it is read
GOODBYE_SECONDS = 2.0  # for the requests that are being answered
PATIENCE_SECONDS = 5.0  # for a body that is promised; Slack itself gives up after three
LINGERING_SECONDS = 1.0  # for the rest of a body after it was answered, before the connection is closed


def _server_log() -> logging.Logger:
    """aiohttp tells of everybody who speaks no HTTP with a traceback; our own faults shall keep theirs."""
    logger = logging.getLogger("bot.slack.server")
    logger.filters[:] = [_our_own]
    return logger


def _our_own(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError | web.RequestPayloadError))


@asynccontextmanager
async def http(app: AsyncApp, port: int, *, patience_seconds: float = PATIENCE_SECONDS) -> AsyncIterator[int]:
    """Serves `/slack/events` and `/healthz`; yields the port. Bolt checks signature and age of every request.

    Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    runner = web.AppRunner(
        _server(app, patience_seconds),
        access_log=None,
        logger=_server_log(),
        lingering_time=LINGERING_SECONDS,
        shutdown_timeout=GOODBYE_SECONDS,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, port=port)
        await site.start()
        # For port 0, IPv4 and IPv6 get a port each, in no fixed order; an address of IPv4 is the shorter one.
        yield int(min(runner.addresses, key=len)[1])
    finally:
        await runner.cleanup()


def _server(app: AsyncApp, patience_seconds: float) -> web.Application:
    async def slack(request: web.Request) -> web.Response:
        return await _answer(app, request, patience_seconds)

    server = web.Application(client_max_size=LARGEST_REQUEST)
    server.add_routes([web.post("/slack/events", slack), web.get("/healthz", _health)])
    return server


async def _answer(app: AsyncApp, request: web.Request, patience_seconds: float) -> web.Response:
    if not signable(request.headers):
        return web.Response(status=401, text="not signed")
    try:
        async with asyncio.timeout(patience_seconds):
            body = await request.read()
    except TimeoutError:
        return web.Response(status=408, text="the body did not come", headers={"Connection": "close"})
    except (web.RequestPayloadError, ConnectionError):
        return web.Response(status=400, text="the body is broken, or whoever sent it is gone")
    asked = bolt_request(request.query_string, request.headers, body)
    if asked is None:
        return web.Response(status=400, text="nothing that Slack sends")
    return await to_aiohttp_response(await app.async_dispatch(asked))


async def _health(_: web.Request) -> web.Response:
    return web.json_response({"ok": True})
