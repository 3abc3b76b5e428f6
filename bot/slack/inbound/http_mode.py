"""HTTP mode: an HTTP server that verifies Slack's signed requests and passes them to Bolt."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier

from bot.slack.inbound.connection_limit import BACKLOG, ConnectionLimiter, ConnectionLimits, Refusals, limited
from bot.slack.inbound.payloads import bolt_request, signable

LARGEST_REQUEST = 512 * 1024  # far above Slack's largest; the server refuses a larger body unread
REQUESTS_STOP_SECONDS = 2.0  # for requests in progress
LINGERING_SECONDS = 1.0  # for the rest of a body, after its answer
ALL_INTERFACES = ""


def _server_log(refusals: Refusals) -> logging.Logger:
    """A logger for aiohttp: without tracebacks about clients that don't speak HTTP, with those of our own errors."""

    def is_our_own(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            refusals.count("not_http")
        return not isinstance(error, HttpProcessingError | web.RequestPayloadError)

    logger = logging.getLogger("bot.slack.server")
    logger.filters[:] = [is_our_own]
    return logger


@asynccontextmanager
async def http(
    app: AsyncApp,
    port: int,
    *,
    host: str = ALL_INTERFACES,
    signing_secret: str = "",
    limits: ConnectionLimits | None = None,
) -> AsyncIterator[int]:
    """Serves `/slack/events` and `/healthz`; yields the port.

    The server refuses a request without a valid signature, or with one older than 5 minutes. Bolt checks both again.
    Without `signing_secret` the server leaves the check to Bolt and trusts no connection, so a new connection may
    replace any other.
    Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    refusals = Refusals()
    limiter = ConnectionLimiter(limits or ConnectionLimits(), refusals)
    verifier = SignatureVerifier(signing_secret) if signing_secret else None
    runner = web.AppRunner(
        _Server(app, limiter, verifier).application(),
        access_log=None,
        logger=_server_log(refusals),
        lingering_time=LINGERING_SECONDS,
        shutdown_timeout=REQUESTS_STOP_SECONDS,
    )
    await runner.setup()
    try:
        with _descriptor_shortage_counted(refusals):
            async with _listening(runner, limiter, host, port) as bound:
                yield bound
    finally:
        await runner.cleanup()
        refusals.close()


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


@contextmanager
def _descriptor_shortage_counted(refusals: Refusals) -> Iterator[None]:
    """Counts connections for which no file descriptor is left. asyncio would log a traceback for each, 100 a second."""
    loop = asyncio.get_running_loop()
    earlier_handler = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if "accept() out of system resource" in str(context.get("message")):
            refusals.count("no_descriptor")
        elif earlier_handler is not None:
            earlier_handler(loop, context)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)
    try:
        yield
    finally:
        loop.set_exception_handler(earlier_handler)


@dataclass(frozen=True, slots=True)
class _Server:
    """Reads, verifies and answers single requests."""

    app: AsyncApp
    limiter: ConnectionLimiter
    verifier: SignatureVerifier | None

    def application(self) -> web.Application:
        server = web.Application(client_max_size=LARGEST_REQUEST, middlewares=[self._watched()])
        server.add_routes([web.post("/slack/events", self._answer), web.get("/healthz", _health)])
        return server

    def _watched(self) -> Middleware:
        @web.middleware
        async def watched(request: web.Request, handler: Handler) -> web.StreamResponse:
            """Tells the connection when a request begins and ends. Only a trusted connection is kept open."""
            connection = self.limiter.connection_for(request.transport)
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

        return watched

    async def _answer(self, request: web.Request) -> web.Response:
        if not signable(request.headers):
            return self._refused(401, "not_signed", "not signed")
        try:
            async with asyncio.timeout(self.limiter.limits.body):
                body = await request.read()
        except TimeoutError:
            return self._refused(408, "body_late", "the body did not arrive in time")
        except (web.RequestPayloadError, ConnectionError):
            return self._refused(400, "broken_body", "the body is broken, or the client has gone")
        if not _is_text(body):
            return self._refused(400, "broken_body", "the body is not UTF-8")
        signed = self._is_signed(request, body)
        if signed and (connection := self.limiter.connection_for(request.transport)):
            connection.trusted = True
        if self.verifier and not signed and not _is_ssl_check(body):
            return self._refused(401, "not_signed", "not signed")
        slack_request = bolt_request(request.query_string, request.headers, body)
        if slack_request is None:
            return web.Response(status=400, text="nothing that Slack sends")
        return await to_aiohttp_response(await self.app.async_dispatch(slack_request))

    def _is_signed(self, request: web.Request, body: bytes) -> bool:
        return self.verifier is not None and self.verifier.is_valid_request(body, dict(request.headers))

    def _refused(self, status: int, reason: str, text: str) -> web.Response:
        self.limiter.refusals.count(reason)
        return web.Response(status=status, text=text)


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_ssl_check(body: bytes) -> bool:
    """Slack's probe of the certificate, the one request without a signature.

    A forged probe does no harm: Bolt answers a probe itself, and refuses any other request without a valid signature.
    Source: https://docs.slack.dev/interactivity/implementing-slash-commands (`ssl_check`)
    """
    return b"ssl_check=1" in body


async def _health(_: web.Request) -> web.Response:
    return web.json_response({"ok": True})
