"""Serves an aiohttp application behind the connection limits, to clients that may be hostile."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from errno import EADDRNOTAVAIL
from os import strerror
from socket import gaierror

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware

from bot.http.connection_limit import BACKLOG, ConnectionLimiter, Refusals, limited

REQUESTS_STOP_SECONDS = 2.0  # for requests in progress
LINGERING_SECONDS = 1.0  # for the rest of a body, after its answer
ALL_INTERFACES = ""


@asynccontextmanager
async def serving(
    application: web.Application, port: int, *, host: str, limiter: ConnectionLimiter, log_name: str
) -> AsyncIterator[int]:
    """Serves the application; yields the port. The application needs the middleware `watched`.

    Raises:
        OSError: the port or the host can't be used.
    """
    runner = web.AppRunner(
        application,
        access_log=None,
        logger=_server_log(log_name, limiter.refusals),
        lingering_time=LINGERING_SECONDS,
        shutdown_timeout=REQUESTS_STOP_SECONDS,
    )
    await runner.setup()
    try:
        async with _listening(runner, limiter, host, port) as bound:
            yield bound
    finally:
        await runner.cleanup()
        limiter.refusals.close()


def watched(limiter: ConnectionLimiter) -> Middleware:
    """Tells the connection when a request begins and ends. Only a trusted connection is kept open."""

    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        connection = limiter.connection_for(request.transport)
        if connection is None:  # already closed
            return await handler(request)
        connection.request_began()
        try:
            response = await handler(request)
        except web.HTTPException as answer:
            answer.force_close()
            raise
        finally:
            connection.request_ended()
        if not connection.trusted:
            response.force_close()
        return response

    return watch


def unusable(purpose: str, exc: OSError, *, host_setting: str, port_setting: str, port: int) -> str:
    """Why the bot can't listen for `purpose`, such as "receive from Slack", and which setting to change."""
    if isinstance(exc, gaierror) or exc.errno == EADDRNOTAVAIL:
        return f"Cannot {purpose}: the address of {host_setting} is not one of this machine."
    reason = strerror(exc.errno) if exc.errno else type(exc).__name__
    return f"Cannot {purpose} on port {port}: {reason}. Set {port_setting} to a free one, or stop what uses it."


def _server_log(name: str, refusals: Refusals) -> logging.Logger:
    """A logger for aiohttp: without tracebacks about clients that don't speak HTTP, with those of our own errors."""

    def is_our_own(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            refusals.count("not_http")
        return not isinstance(error, HttpProcessingError | web.RequestPayloadError)

    logger = logging.getLogger(name)
    logger.filters[:] = [is_our_own]
    return logger


@asynccontextmanager
async def _listening(runner: web.AppRunner, limiter: ConnectionLimiter, host: str, port: int) -> AsyncIterator[int]:
    assert runner.server is not None  # noqa: S101 (it was set up)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(limited(runner.server, limiter), host or None, port, backlog=BACKLOG)
    try:
        # For port 0, IPv4 and IPv6 get a port each, in no fixed order. An IPv4 address has fewer parts.
        yield int(min((socket.getsockname() for socket in server.sockets), key=len)[1])
    finally:
        server.close()
