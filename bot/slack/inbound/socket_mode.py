"""The WebSockets down which Slack speaks in Socket Mode: two, so that one may die and nothing goes unheard.

Source: https://docs.slack.dev/apis/events-api/using-socket-mode (up to ten connections; each payload goes down one).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import isfinite
from time import monotonic

from aiohttp import WSMessage
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.ports.telemetry import emit
from bot.ports.telemetry.slack import (
    DeafSocket,
    EnvelopeDropped,
    SlackCannotReachUs,
    SocketModeCrashed,
    SocketNotRenewed,
)
from bot.proxy import proxy_for
from bot.slack.inbound.payloads import is_envelope, readable, well_formed

EARS = 2
DEAF_SECONDS = 60.0  # Slack pings every few seconds, and answers our pings
CHECK_SECONDS = 5.0
PING_SECONDS = 10.0
GOODBYE_SECONDS = 2.0
LET_THROUGH = "let WebSockets to Slack through; the bot keeps trying, and loses commands and clicks until then"


def _quiet() -> logging.Logger:
    """The SDK tells of a Slack that is away, and of payloads it cannot read, with a traceback and the whole payload."""
    logger = logging.getLogger("bot.slack.socket")
    logger.setLevel(logging.WARNING)
    logger.filters[:] = [_short]
    return logger


def _short(record: logging.LogRecord) -> bool:
    record.exc_info = record.exc_text = None
    record.msg, record.args = record.getMessage()[:200], None
    return True


class RoutedClient(SocketModeClient):
    """Chooses the proxy for each WebSocket's address, which differs for every connection."""

    wss_uri: str | None = None  # slack_sdk's constructor asks for the proxy first

    @property
    def proxy(self) -> str | None:
        return proxy_for(self.wss_uri) if self.wss_uri else None

    @proxy.setter
    def proxy(self, _: str | None) -> None:
        """slack_sdk's own choice ignores NO_PROXY."""


class FrameFilter(AsyncSocketModeHandler):
    """Hands on to Bolt only what Bolt can read. What it cannot is not acknowledged, as if it had not arrived."""

    def __init__(
        self, app: AsyncApp, app_token: str, logger: logging.Logger, *, ping_interval: float = PING_SECONDS
    ) -> None:
        self.app = app
        self.app_token = app_token
        self.client = RoutedClient(
            app_token=app_token, logger=logger, web_client=app.client, ping_interval=ping_interval
        )
        self.client.socket_mode_request_listeners.append(self.handle)  # type: ignore[arg-type]  # as Bolt's

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]  # as Bolt's
        if is_envelope(req.type, req.envelope_id, req.retry_reason) and well_formed(req.payload):
            await super().handle(client, req)
        else:
            emit(EnvelopeDropped(type=readable(req.type)[:40]))


@dataclass(slots=True)
class SocketConnection:
    """One connection, renewed by the SDK, and by us where the SDK does not notice that it hears nothing any more: its
    own test lives by the wall clock, and passes while no pong was ever heard."""

    make: Callable[[], FrameFilter]
    handler: FrameFilter = field(init=False)
    heard_at: float = field(default_factory=monotonic)
    _messages: int = 0
    _signs: tuple[object, ...] = ()

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.handler = self.make()
        self.handler.client.on_message_listeners.append(self._on_message)

    async def _on_message(self, _: WSMessage) -> None:
        self._messages += 1

    @property
    def open(self) -> bool:
        session = self.handler.client.current_session
        return session is not None and not session.closed

    def listen(self) -> None:
        """Takes note of whether anything was heard since the last time."""
        client = self.handler.client
        if client.last_ping_pong_time is not None and not isfinite(client.last_ping_pong_time):
            client.last_ping_pong_time = None  # the SDK's own test would trip over it, and renew nothing any more
        signs = (client.last_ping_pong_time, id(client.current_session), self._messages)
        if signs != self._signs:
            self._signs, self.heard_at = signs, monotonic()

    async def connect(self) -> None:
        await self.handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt's own

    async def renew(self) -> None:
        """With a client of its own: the old one may be trying a used-up address for ever, and would close what another
        opens on it."""
        await self.close()
        self._begin()
        await self.connect()

    async def close(self) -> None:
        client = self.handler.client
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self.handler.close_async()  # type: ignore[no-untyped-call]  # Bolt's own
        tasks = (client.message_processor, client.current_session_monitor, client.message_receiver)
        under_way = [task for task in tasks if task is not None]
        for task in under_way:
            task.cancel()  # the SDK does not come to this where its goodbye is not answered
        await asyncio.gather(*under_way, return_exceptions=True)
        await client.aiohttp_client_session.close()


class _Attempts:
    """What is trying to connect: for each ear the latest attempt alone. `tasks` owns them all."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._latest: dict[int, asyncio.Task[None]] = {}
        self.opened = asyncio.Event()
        """One of them came to an open connection."""

    def begin(self, ear: SocketConnection, how: Callable[[], Awaitable[None]]) -> None:
        ear.heard_at = monotonic()
        if former := self._latest.get(id(ear)):
            former.cancel()
        self._latest[id(ear)] = self._tasks.create_task(self._tried(ear, how), name="ear")

    async def _tried(self, ear: SocketConnection, how: Callable[[], Awaitable[None]]) -> None:
        try:
            await how()
        except Exception as exc:  # noqa: BLE001 (whatever the SDK could not do, it is tried again when the ear is found deaf)
            emit(SocketNotRenewed(problem=type(exc).__name__))
        if ear.open:
            self.opened.set()

    def end(self) -> None:
        for attempt in self._latest.values():
            attempt.cancel()


@asynccontextmanager
async def listening(
    app: AsyncApp,
    app_token: str,
    url: str,
    *,
    deaf_seconds: float = DEAF_SECONDS,
    check_seconds: float = CHECK_SECONDS,
    ping_seconds: float = PING_SECONDS,
) -> AsyncIterator[list[SocketConnection]]:
    """Holds the connections; `url` is that of the first, good for a single use. The others follow by themselves."""
    ears = [
        SocketConnection(lambda: FrameFilter(app, app_token, _quiet(), ping_interval=ping_seconds)) for _ in range(EARS)
    ]
    ears[0].handler.client.wss_uri = url
    try:
        async with asyncio.TaskGroup() as tasks:
            attempts = _Attempts(tasks)
            for ear in ears:
                attempts.begin(ear, ear.connect)
            watching = tasks.create_task(_watch(ears, attempts, deaf_seconds, check_seconds), name="ears watch")
            try:
                # One is enough to begin with: where an address was used up in vain, the watch gets another.
                await attempts.opened.wait()
                yield ears
            finally:
                watching.cancel()
                attempts.end()
    finally:
        await asyncio.gather(*(ear.close() for ear in ears))


async def _watch(ears: list[SocketConnection], attempts: _Attempts, deaf_seconds: float, check_seconds: float) -> None:
    while True:
        await asyncio.sleep(check_seconds)
        try:
            _check(ears, attempts, deaf_seconds)
        except Exception as exc:  # noqa: BLE001 (a supervisor: the record has the exception)
            emit(SocketModeCrashed(exception=exc))


def _check(ears: list[SocketConnection], attempts: _Attempts, deaf_seconds: float) -> None:
    for ear in ears:
        ear.listen()
        if (seconds := monotonic() - ear.heard_at) > deaf_seconds:
            emit(DeafSocket(seconds=round(seconds)))
            attempts.begin(ear, ear.renew)
    if not any(ear.open for ear in ears):
        emit(SlackCannotReachUs(fix=LET_THROUGH))
