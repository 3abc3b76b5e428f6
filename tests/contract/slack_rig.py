"""What the tests of the workspace stand-in share: a clock turned by hand, and real Bolt apps on both transports."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.clock import Clock
from sandbox.server import Sandbox

START = 1_800_000_000.0


class HandClock(Clock):
    """Moves only when told to."""

    def __init__(self) -> None:
        self._passed = 0.0

    def now(self) -> float:
        return START + self._passed

    def monotonic(self) -> float:
        return self._passed

    def advance(self, seconds: float) -> None:
        self._passed += seconds


def web_client(sandbox: Sandbox) -> AsyncWebClient:
    """Without retries: the tests look at what the first answer was."""
    return AsyncWebClient(token="xoxb-sandbox", base_url=f"{sandbox.url}/api/", retry_handlers=[])


def bolt_app(sandbox: Sandbox) -> AsyncApp:
    return AsyncApp(client=web_client(sandbox), signing_secret="sandbox-signing-secret")


@asynccontextmanager
async def over_socket(sandbox: Sandbox, app: AsyncApp) -> AsyncIterator[AsyncSocketModeHandler]:
    """The app, listening down one socket."""
    open_before = len(sandbox.slack.delivery.sockets.open)
    handler = AsyncSocketModeHandler(app, "xapp-sandbox", ping_interval=1)
    try:
        await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt leaves it without types
        await sandbox.until(lambda: len(sandbox.slack.delivery.sockets.open) > open_before)
        yield handler
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]  # likewise
        await asyncio.gather(*_tasks_of(handler), return_exceptions=True)


@asynccontextmanager
async def over_http(sandbox: Sandbox, app: AsyncApp) -> AsyncIterator[str]:
    """The app behind a Request URL, checking signatures."""
    runner = web.AppRunner(app.web_app(path="/slack/events"))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
        sandbox.slack.request_url = url
        yield url
    finally:
        sandbox.slack.request_url = None
        await runner.cleanup()


def _tasks_of(handler: AsyncSocketModeHandler) -> list["asyncio.Future[None]"]:
    """slack_sdk cancels its tasks at close without waiting for their end."""
    client = handler.client
    tasks = [client.message_processor, client.current_session_monitor, client.message_receiver]
    return [task for task in tasks if task is not None]
