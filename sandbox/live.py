"""`/sandbox/live`: server-sent events that only tell the page to fetch the state again."""

import asyncio
import json

from aiohttp import web

QUIET_SECONDS = 15.0
"""After this much silence the stream sends a comment, which fails if the page was closed."""


class Live:
    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._closed = False

    def publish(self, kind: str) -> None:
        for listener in self._listeners:
            listener.tell(kind)

    def close(self) -> None:
        """Ends every stream when the server stops."""
        self._closed = True
        self.publish("closing")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        listener = Listener()
        self._listeners.add(listener)
        try:
            await response.write(b": open\n\n")
            while not self._closed:
                await response.write(await listener.next())
        except ConnectionError:
            pass  # the page was closed
        finally:
            self._listeners.discard(listener)
        return response


class Listener:
    """The changes that one page has not received yet. Each kind goes out once."""

    def __init__(self) -> None:
        self._news: set[str] = set()
        self._told = asyncio.Event()

    def tell(self, kind: str) -> None:
        self._news.add(kind)
        self._told.set()

    async def next(self) -> bytes:
        try:
            async with asyncio.timeout(QUIET_SECONDS):
                await self._told.wait()
        except TimeoutError:
            return b": still here\n\n"
        news, self._news = sorted(self._news), set()
        self._told.clear()
        return b"".join(b"data: %s\n\n" % json.dumps({"kind": kind}).encode() for kind in news)
