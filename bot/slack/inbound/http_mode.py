"""HTTP mode: an HTTP server that verifies Slack's signed requests and passes them to Bolt."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier

from bot.http.connection_limit import ConnectionLimiter, ConnectionLimits, Refusals
from bot.http.server import ALL_INTERFACES, serving, watched
from bot.slack.inbound.payloads import bolt_request, signable

LARGEST_REQUEST = 512 * 1024  # far above Slack's largest; the server refuses a larger body unread


@asynccontextmanager
async def http(
    app: AsyncApp,
    port: int,
    *,
    host: str = ALL_INTERFACES,
    signing_secret: str = "",
    limits: ConnectionLimits | None = None,
    webhook: Callable[[ConnectionLimiter], web.RouteDef] | None = None,
) -> AsyncIterator[int]:
    """Serves `/slack/events`, `/healthz` and the `webhook` of another service; yields the port.

    The server refuses a request without a valid signature, or with one older than 5 minutes. Bolt checks both again.
    Without `signing_secret` the server leaves the check to Bolt and trusts no connection, so a new connection may
    replace any other.
    Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    limiter = ConnectionLimiter(limits or ConnectionLimits(), Refusals("slack"))
    verifier = SignatureVerifier(signing_secret) if signing_secret else None
    application = _Server(app, limiter, verifier).application()
    if webhook:
        application.add_routes([webhook(limiter)])
    async with serving(application, port, host=host, limiter=limiter, log_name="bot.slack.server") as bound:
        yield bound


@dataclass(frozen=True, slots=True)
class _Server:
    """Reads, verifies and answers single requests."""

    app: AsyncApp
    limiter: ConnectionLimiter
    verifier: SignatureVerifier | None

    def application(self) -> web.Application:
        server = web.Application(client_max_size=LARGEST_REQUEST, middlewares=[watched(self.limiter)])
        server.add_routes([web.post("/slack/events", self._answer), web.get("/healthz", _health)])
        return server

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
