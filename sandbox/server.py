"""The sandbox: both stand-ins and the page, on one port."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

from aiohttp import web

from sandbox import control, control_goldrush, control_pagers
from sandbox.bot_faults import BotProcess
from sandbox.changes import Changes
from sandbox.clock import Clock
from sandbox.goldrush import GoldRush
from sandbox.live import Live
from sandbox.own_hosts import only_from, own_names
from sandbox.pager_sink import PagerSink
from sandbox.pagerduty import PagerDuty
from sandbox.passing_time import PassingTime
from sandbox.redis_faults import RedisStandIn
from sandbox.scenario import Scenario
from sandbox.slack.api import WebApi
from sandbox.slack.workspace import Workspace

T = TypeVar("T")

HOST = "127.0.0.1"
PAGE = Path(__file__).parent / "page"
PATIENCE_SECONDS = 0.5
"""How long open requests may take when the server stops."""


class Sandbox:
    """Both stand-ins, for a test or the demo. Create one with `start`."""

    def __init__(
        self, *, clock: Clock, scenario: Scenario | None, redis: RedisStandIn | None, hosts: Collection[str] = ()
    ) -> None:
        self.clock = clock
        self.url = ""
        self.goldrush = GoldRush(clock)
        self.slack = Workspace(clock, Changes(lambda: self.notify("slack")))
        self.pagerduty = PagerDuty(clock)
        self.pager_sink = PagerSink()
        self.pagerduty.on_change = self.pager_sink.on_change = lambda: self.notify("pagers")
        self.goldrush.on_change = lambda: self.notify("goldrush")
        self.redis = redis
        self.passing_time = PassingTime(clock, self.slack, redis, lambda: self.notify("time"))
        self._bot: BotProcess | None = None
        if redis is not None:
            redis.on_change = lambda: self.notify("faults")
        self._scenario = scenario or Scenario.demo()
        self._playing: asyncio.Task[None] | None = None
        self._names: set[str] = set()
        self._more_names = frozenset(hosts)
        self._live = Live()
        self._changes = Changes()

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        *,
        port: int = 0,
        scenario: Scenario | None = None,
        clock: Clock | None = None,
        redis: RedisStandIn | None = None,
        hosts: Collection[str] = (),
    ) -> AsyncIterator["Sandbox"]:
        """Serves until the block ends.

        `scenario` starts at once; without one the pipelines don't change. The page can break `redis`, which the caller
        closes. `hosts` are further names with a port, under which a browser may reach the sandbox.
        """
        sandbox = cls(clock=clock or Clock(), scenario=scenario, redis=redis, hosts=hosts)
        async with AsyncExitStack() as stack:
            runner = web.AppRunner(sandbox._application(), access_log=None, shutdown_timeout=PATIENCE_SECONDS)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            stack.push_async_callback(sandbox._close)
            site = web.TCPSite(runner, HOST, port)
            await site.start()
            bound = runner.addresses[0][1]
            sandbox._names |= own_names(bound)
            sandbox.url = sandbox.slack.base_url = f"http://{HOST}:{bound}"
            if scenario is not None:
                await sandbox.set_scenario(running=True)
            yield sandbox

    @property
    def bot(self) -> BotProcess | None:
        """The bot's process, if the caller lets the page break it."""
        return self._bot

    @bot.setter
    def bot(self, bot: BotProcess | None) -> None:
        self._bot = bot
        if bot is not None:
            bot.on_change = lambda: self.notify("faults")

    @property
    def scenario_running(self) -> bool:
        return self._playing is not None and not self._playing.done()

    async def set_scenario(self, running: bool) -> None:  # noqa: FBT001  it is the value that is set
        """Starts the scenario from its beginning, or stops it."""
        if running and not self.scenario_running:
            self._playing = asyncio.create_task(self._scenario.run(self.goldrush))
        elif not running and self._playing is not None:
            self._playing.cancel()
            with suppress(asyncio.CancelledError):
                await self._playing
            self._playing = None

    def notify(self, kind: str) -> None:
        """Something that the page shows has changed."""
        self._live.publish(kind)
        self._changes.notify()

    async def until(self, condition: Callable[[], T], seconds: float = 5.0) -> T:
        """Waits until the condition holds. Checks it after each change of either stand-in."""
        return await self._changes.until(condition, seconds)

    async def _close(self) -> None:
        await self.set_scenario(running=False)
        self._live.close()
        await self.passing_time.close()
        await self.slack.close()
        await self.pagerduty.close()

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[only_from(self._names, self._more_names)])
        web_api = WebApi(self.slack)
        app.add_routes(
            [
                web.get("/", _index),
                web.get("/api/{method}", web_api.handle),
                web.post("/api/{method}", web_api.handle),
                web.get("/link/{ticket}", self.slack.delivery.sockets.handle),
                web.post("/response/{token}", self.slack.response_urls.handle),
                web.get("/sandbox/live", self._live.handle),
                *self.goldrush.routes(),
                *control.routes(self),
                *control_goldrush.routes(self),
                *control_pagers.routes(self),
                *self.pagerduty.routes(),
                *self.pager_sink.routes(),
            ]
        )
        app.router.add_static("/static/", PAGE)
        return app


async def _index(_: web.Request) -> web.StreamResponse:
    return web.FileResponse(PAGE / "index.html")
