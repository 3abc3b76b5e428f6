"""Calendars for tests: their text, and a server over TLS that serves what a test wants."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def calendar_text(*events: str, header: str = "") -> bytes:
    """A calendar with these events. Each is the lines of a VEVENT, without its first and last one."""
    blocks = "".join(
        f"BEGIN:VEVENT\nUID:{number}\n{event.strip()}\nEND:VEVENT\n" for number, event in enumerate(events)
    )
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{header}{blocks}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


@dataclass
class CalendarServer:
    """Answers every path with `handler`."""

    handler: Handler
    port: int = 0
    paths: list[str] = field(default_factory=list)

    def url(self, path: str = "/private-hunter2.ics") -> str:
        return f"https://localhost:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path)
        return await self.handler(request)

    def serves(self, body: bytes, *, status: int = 200, content_type: str = "text/calendar") -> None:
        """From now on, answers with this body."""

        async def handler(_: web.Request) -> web.Response:
            return web.Response(body=body, status=status, content_type=content_type)

        self.handler = handler

    def redirects(self, location: str) -> None:
        """From now on, sends everybody elsewhere."""

        async def handler(_: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": location})

        self.handler = handler


@asynccontextmanager
async def calendar_server(certificate: Path) -> AsyncIterator[CalendarServer]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)

    async def nothing(_: web.Request) -> web.Response:
        return web.Response(status=404)

    server = CalendarServer(nothing)
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        server.port = runner.addresses[0][1]
        yield server
    finally:
        await runner.cleanup()
