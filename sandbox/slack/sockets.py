"""Socket Mode: https://docs.slack.dev/apis/events-api/using-socket-mode ."""

import asyncio
import itertools
import json
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import WSMessage, WSMsgType, web

from sandbox.changes import Changes
from sandbox.clock import Clock
from sandbox.slack.directory import APP_ID
from sandbox.slack.wire import JsonObject

MOST_SOCKETS = 10
TICKET_SECONDS = 30.0
"""The lifetime of a URL of apps.connections.open. Slack says "temporary" and single-use, without a figure."""
WARNING_SECONDS = 10.0
CLOSING_SECONDS = 1.0
"""The time for a closing handshake, before the sandbox drops the connection."""
DEBUG_LIFE_SECONDS = 360.0


class NobodyListens(Exception):
    """No socket took the payload."""


@dataclass(eq=False, slots=True, kw_only=True)
class Socket:
    number: int
    ws: web.WebSocketResponse
    life_seconds: float
    deaf: bool = False
    """Half-open: everything sent in either direction is lost."""


class Sockets:
    """The open sockets of one app. Each payload goes through the next one in turn."""

    def __init__(self, clock: Clock, changes: Changes) -> None:
        self._clock = clock
        self._changes = changes
        self._numbers = itertools.count(1)
        self._turn = 0
        self._tickets: dict[str, float] = {}
        self._waiting: dict[str, asyncio.Future[JsonObject | None]] = {}
        self.open: list[Socket] = []
        self.deaf = False
        """Makes all open sockets half-open: they carry nothing, not even a pong."""
        self.life_seconds = 3600.0
        self.ping_seconds = 10.0

    def issue_ticket(self) -> str:
        ticket = f"ticket-{next(self._numbers)}"
        self._tickets[ticket] = self._clock.monotonic() + TICKET_SECONDS
        return ticket

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """A ticket for one socket. It works once, and only for a short time."""
        deadline = self._tickets.pop(request.match_info["ticket"], None)
        if deadline is None or deadline < self._clock.monotonic():
            return web.Response(status=404, text="link expired")
        ws = web.WebSocketResponse(autoping=False, timeout=CLOSING_SECONDS)
        await ws.prepare(request)
        if len(self.open) >= MOST_SOCKETS:
            await ws.send_json(disconnect("too_many_websockets"))
            await ws.close()
            return ws
        debug = request.query.get("debug_reconnects") == "true"
        life = DEBUG_LIFE_SECONDS if debug else self.life_seconds
        await self._serve(Socket(number=next(self._numbers), ws=ws, life_seconds=life))
        return ws

    @property
    def deaf_count(self) -> int:
        return sum(socket.deaf for socket in self.open)

    def deafen(self, count: int | None = None) -> None:
        """Makes the oldest sockets deaf, or all open ones. Later sockets work."""
        for socket in self.open[:count]:
            socket.deaf = True

    def heal(self) -> None:
        for socket in self.open:
            socket.deaf = False

    async def deliver(
        self, envelope: JsonObject, seconds: float, *, copies: int = 1, breaks_off: bool = False
    ) -> JsonObject | None:
        """The ack's payload, or None for an empty ack. TimeoutError if no ack came in time.

        `breaks_off` closes the socket before it reads an ack.
        """
        answer: asyncio.Future[JsonObject | None] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = answer
        try:
            async with asyncio.timeout(seconds):
                for _ in range(copies):
                    socket = await self._send_to_one(envelope)
                    if breaks_off and socket is not None:
                        await self._break_off(socket)
                return await answer
        finally:
            del self._waiting[envelope["envelope_id"]]

    async def close(self, reason: str | None) -> None:
        """`warning` only announces a close; other reasons also close. None closes without a `disconnect`."""
        for socket in list(self.open):
            with suppress(ConnectionError):
                if reason is not None:
                    await socket.ws.send_json(disconnect(reason))
                if reason != "warning":
                    await socket.ws.close()

    async def _serve(self, socket: Socket) -> None:
        self.open.append(socket)
        keeper = asyncio.create_task(self._keep(socket))
        try:
            await socket.ws.send_json(self._hello(socket))
            self._changes.notify()
            async for message in socket.ws:
                await self._receive(socket, message)
        except ConnectionError:
            pass  # the bot closed it meanwhile
        finally:
            keeper.cancel()
            self.open.remove(socket)
            self._changes.notify()

    async def _keep(self, socket: Socket) -> None:
        """Pings, and closes the connection when its time is up."""
        remaining = socket.life_seconds
        warned = False
        with suppress(ConnectionError):
            while remaining > 0:
                step = min(self.ping_seconds, remaining)
                await asyncio.sleep(step)
                remaining -= step
                if remaining <= WARNING_SECONDS and not warned:
                    warned = True
                    await socket.ws.send_json(disconnect("warning"))
                if not self._is_deaf(socket):
                    await socket.ws.ping(b"sandbox")
            await socket.ws.send_json(disconnect("refresh_requested"))
            await socket.ws.close()

    async def _receive(self, socket: Socket, message: WSMessage) -> None:
        if self._is_deaf(socket):
            return
        if message.type is WSMsgType.PING:
            await socket.ws.pong(message.data)
        elif message.type is WSMsgType.TEXT:
            self._acknowledge(message.data)

    def _acknowledge(self, text: str) -> None:
        """Any socket may carry an ack. A late or unknown one has no effect."""
        try:
            ack = json.loads(text)
        except ValueError:
            return
        if not isinstance(ack, dict):
            return
        waiting = self._waiting.get(str(ack.get("envelope_id")))
        if waiting is not None and not waiting.done():
            payload = ack.get("payload")
            waiting.set_result(payload if isinstance(payload, dict) else None)

    def _is_deaf(self, socket: Socket) -> bool:
        return self.deaf or socket.deaf

    async def _break_off(self, socket: Socket) -> None:
        socket.deaf = True
        with suppress(ConnectionError):
            await socket.ws.send_json(disconnect("refresh_requested"))
            await socket.ws.close()

    async def _send_to_one(self, envelope: JsonObject) -> Socket | None:
        """The socket that carried the envelope. None if a deaf socket lost it."""
        self._turn += 1
        for offset in range(len(self.open)):
            socket = self.open[(self._turn + offset) % len(self.open)]
            if self._is_deaf(socket):
                return None
            with suppress(ConnectionError):
                await socket.ws.send_json(envelope)
                return socket
        raise NobodyListens

    def _hello(self, socket: Socket) -> JsonObject:
        return {
            "type": "hello",
            "num_connections": len(self.open),
            "connection_info": {"app_id": APP_ID},
            "debug_info": {
                "host": f"applink-{socket.number}",
                "build_number": 1,
                "approximate_connection_time": int(socket.life_seconds),
            },
        }


def disconnect(reason: str) -> JsonObject:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink"}}
