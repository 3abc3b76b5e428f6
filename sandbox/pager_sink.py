"""A web server that takes any page: for Apprise's `json://` addresses, and as a Slack workflow's trigger URL."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

MOST_KEPT = 1000


@dataclass
class PagerSink:
    """Keeps what it took, and answers `status` to everything."""

    on_change: Callable[[], None] = lambda: None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    padding: int = 0
    """So many further bytes in each answer."""
    taken: list[dict[str, Any]] = field(default_factory=list)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is not set, requests hang."""

    def __post_init__(self) -> None:
        self.answers.set()

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/sink/{path:.*}", self._take), web.post("/triggers/{path:.*}", self._trigger)]

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.json()
        await self.answers.wait()
        if self.status < 300:
            self.taken = [*self.taken, {"path": request.path, "body": body}][-MOST_KEPT:]
            self.on_change()
        return web.Response(status=self.status, headers=self.headers, body=b" " * self.padding)

    async def _trigger(self, request: web.Request) -> web.Response:
        """Slack takes flat texts only."""
        try:
            body = json.loads(await request.read())
        except ValueError:
            body = None
        await self.answers.wait()
        if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
            return web.json_response({"ok": False, "error": "invalid_workflow_input"}, status=400)
        if self.status < 300:
            self.taken = [*self.taken, {"path": request.path, "body": body}][-MOST_KEPT:]
            self.on_change()
        body = json.dumps({"ok": self.status < 300}) + " " * self.padding
        return web.Response(text=body, status=self.status, headers=self.headers)
