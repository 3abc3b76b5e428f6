"""Socket Mode: two WebSockets, so that the bot misses nothing if one dies.

Source: https://docs.slack.dev/apis/events-api/using-socket-mode (up to ten connections; each payload goes down one).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from math import isfinite
from time import monotonic

from aiohttp import ClientWebSocketResponse, WSMessage
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
from bot.slack.inbound.payloads import encodable, is_envelope, well_formed

CONNECTIONS = 2
DEAF_SECONDS = 60.0  # Slack pings every few seconds, and answers our pings
CHECK_SECONDS = 5.0
PING_SECONDS = 10.0
SOCKET_CLOSE_SECONDS = 2.0
NO_SOCKET_FIX = "let WebSockets to Slack through; the bot keeps trying, and loses commands and clicks until then"


def _quiet() -> logging.Logger:
    """Shortens the SDK's log: for lost connections and unreadable payloads it logs tracebacks and whole payloads."""
    logger = logging.getLogger("bot.slack.socket")
    logger.setLevel(logging.WARNING)
    logger.filters[:] = [_short]
    return logger


def _short(record: logging.LogRecord) -> bool:
    record.exc_info = record.exc_text = None
    record.msg, record.args = record.getMessage()[:200], None
    return True


class RoutedClient(SocketModeClient):
    """Chooses the proxy for each WebSocket's address, which differs for every connection. Renews each once."""

    wss_uri: str | None = None  # slack_sdk's constructor asks for the proxy first
    _left: ClientWebSocketResponse | None = None
    """The WebSocket that is being replaced."""

    async def connect_to_new_endpoint(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 (slack_sdk's own)
        """Slack ends a WebSocket twice, with a `disconnect` and with a closing frame, and the SDK replaces it twice.

        A second replacement would close the new connection, and lose the envelopes on it.
        """
        if self._left is not None and self._left is self.current_session:
            return
        self._left = self.current_session
        try:
            await super().connect_to_new_endpoint(force)
        finally:
            self._left = None

    @property
    def proxy(self) -> str | None:
        return proxy_for(self.wss_uri) if self.wss_uri else None

    @proxy.setter
    def proxy(self, _: str | None) -> None:
        """slack_sdk's own choice ignores NO_PROXY."""


class FrameFilter(AsyncSocketModeHandler):
    """Passes Bolt only payloads that Bolt can read. Acknowledges no others."""

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
            emit(EnvelopeDropped(type=encodable(req.type)[:40]))


@dataclass(slots=True)
class SocketConnection:
    """One WebSocket to Slack. The SDK replaces a dead one; this class does it if the SDK doesn't notice.

    The SDK's own test uses the wall clock, and passes as long as no pong ever arrived.
    """

    make: Callable[[], FrameFilter]
    handler: FrameFilter = field(init=False)
    heard_at: float = field(default_factory=monotonic)
    _messages: int = 0
    _signals: tuple[object, ...] = ()

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

    def note_traffic(self) -> None:
        """Notes whether anything arrived since the last call."""
        client = self.handler.client
        if client.last_ping_pong_time is not None and not isfinite(client.last_ping_pong_time):
            client.last_ping_pong_time = None  # the SDK's own test would raise, and never renew again
        signals = (client.last_ping_pong_time, id(client.current_session), self._messages)
        if signals != self._signals:
            self._signals, self.heard_at = signals, monotonic()

    async def connect(self) -> None:
        await self.handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt's own

    async def renew(self) -> None:
        """Uses a new client. The old one may retry a used address for ever, and would close a connection that is opened
        on it."""
        await self.close()
        self._begin()
        await self.connect()

    async def close(self) -> None:
        client = self.handler.client
        with suppress(TimeoutError):
            async with asyncio.timeout(SOCKET_CLOSE_SECONDS):
                await self.handler.close_async()  # type: ignore[no-untyped-call]  # Bolt's own
        tasks = (client.message_processor, client.current_session_monitor, client.message_receiver)
        under_way = [task for task in tasks if task is not None]
        for task in under_way:
            task.cancel()  # the SDK does not do this if its goodbye gets no answer
        await asyncio.gather(*under_way, return_exceptions=True)
        await client.aiohttp_client_session.close()


class _Attempts:
    """The attempts to connect. A new attempt for a connection cancels the earlier one. `tasks` owns them."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._latest: dict[int, asyncio.Task[None]] = {}
        self.opened = asyncio.Event()
        """True if an attempt has opened its connection."""

    def begin(self, connection: SocketConnection, connect: Callable[[], Awaitable[None]]) -> None:
        connection.heard_at = monotonic()
        if earlier := self._latest.get(id(connection)):
            earlier.cancel()
        self._latest[id(connection)] = self._tasks.create_task(self._tried(connection, connect), name="socket")

    async def _tried(self, connection: SocketConnection, connect: Callable[[], Awaitable[None]]) -> None:
        try:
            await connect()
        except Exception as exc:  # noqa: BLE001 (the check of the connection retries after any error of the SDK)
            emit(SocketNotRenewed(problem=type(exc).__name__))
        if connection.open:
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
    """Keeps the connections open. `url` is for the first one, and works once. The others get their own."""
    connections = [
        SocketConnection(lambda: FrameFilter(app, app_token, _quiet(), ping_interval=ping_seconds))
        for _ in range(CONNECTIONS)
    ]
    connections[0].handler.client.wss_uri = url
    try:
        async with asyncio.TaskGroup() as tasks:
            attempts = _Attempts(tasks)
            for connection in connections:
                attempts.begin(connection, connection.connect)
            watching = tasks.create_task(_watch(connections, attempts, deaf_seconds, check_seconds), name="watch")
            try:
                # One is enough to begin with. If its address no longer works, the check gets another.
                await attempts.opened.wait()
                yield connections
            finally:
                watching.cancel()
                attempts.end()
    finally:
        await asyncio.gather(*(connection.close() for connection in connections))


async def _watch(
    connections: list[SocketConnection], attempts: _Attempts, deaf_seconds: float, check_seconds: float
) -> None:
    while True:
        await asyncio.sleep(check_seconds)
        try:
            _check(connections, attempts, deaf_seconds)
        except Exception as exc:  # noqa: BLE001 (a supervisor: the record has the exception)
            emit(SocketModeCrashed(exception=exc))


def _check(connections: list[SocketConnection], attempts: _Attempts, deaf_seconds: float) -> None:
    for connection in connections:
        connection.note_traffic()
        if (seconds := monotonic() - connection.heard_at) > deaf_seconds:
            emit(DeafSocket(seconds=round(seconds)))
            attempts.begin(connection, connection.renew)
    if not any(connection.open for connection in connections):
        emit(SlackCannotReachUs(fix=NO_SOCKET_FIX))
