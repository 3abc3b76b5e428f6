"""Runs the whole bot: opens the resources that the process shares, runs one workspace, receives from Slack, stops.

This is the composition root. Only this file knows that there is one workspace today.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from slack_bolt.app.async_app import AsyncApp

from bot.domain.watch import TeamId
from bot.goldrush.client import Client
from bot.http.connection_limit import ConnectionLimits, connection_cap, descriptor_limit
from bot.http.server import ALL_INTERFACES, unusable
from bot.pagers.listener import WebhookListener, listening_for_webhooks
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.process import DescriptorsShort, Ready, Stopped, StoppedMidway
from bot.ports.telemetry.store import StoreWeak
from bot.read_slots import descriptor_shortage, goldrush_connections, read_slots
from bot.settings import Role, Settings, Transport
from bot.settings.roles import named
from bot.slack.inbound import http_mode, socket_mode
from bot.slack.inbound.bolt_app import Identity, Listeners, build_app
from bot.slack.outbound.calls import SlackClient, web_client
from bot.startup import (
    PortUnusableError,
    StartError,
    StoppedError,
    bot_identity,
    refuse_another_app,
    refuse_another_team,
    save_bot_identity,
    saved_bot_identity,
    socket_url,
    until_store_fits,
)
from bot.store.connect import connected, store_url
from bot.store.sign_of_life import store_problem
from bot.store.volatile import volatile_store
from bot.telemetry.server import observed
from bot.telemetry.sources import Sources
from bot.workspace import Shared, Workspace

if TYPE_CHECKING:
    from bot.workspace.reading import ReadingProcess

# The bot promises to stop within ten seconds, so these three add up to less.
STOP_TIMEOUT_SECONDS = 5.5  # for the work in progress: longer than a call to Slack
LAST_SECONDS = 1.0  # to cancel work that hangs, and to give up leadership
CLOSE_SECONDS = 1.5  # to close connections


async def run(settings: Settings, stopped: asyncio.Event) -> None:
    """Runs the bot until `stopped` is set, then lets the work in progress finish.

    Raises:
        StartError: a setting cannot work.
        EmbeddedStoreError: the embedded store did not start.
        StoreAway: the store went away during the start, or for good.
    """
    async with _resources() as resources:
        try:
            sources = await _observed(settings, resources)
            process = await _process(settings, sources, resources, stopped)
            ending = asyncio.Event()
            work = _work(process, settings, sources, stopped, ending)
            await _until_ended(asyncio.create_task(work, name="work"), stopped, ending)
            if process.workspace:
                with suppress(StoreAway, TimeoutError):
                    async with asyncio.timeout(LAST_SECONDS):
                        await process.workspace.close()
        except* (StoppedError, StoreAway):
            if not stopped.is_set():
                raise
        emit(Stopped())


@asynccontextmanager
async def _resources() -> AsyncIterator[AsyncExitStack]:
    """Closes every resource at the end, and leaves one that does not close in time."""
    stack = AsyncExitStack()
    try:
        yield stack
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await stack.aclose()


async def _observed(settings: Settings, resources: AsyncExitStack) -> Sources:
    """Serves metrics and probes from the start on, if they have a port. The parts of the bot fill in the sources."""
    sources, port, host = Sources(), settings.metrics_port, settings.metrics_host
    if port is not None:
        try:
            await resources.enter_async_context(observed(sources, port, host))
        except OSError as exc:
            settings_ = {"host_setting": "PIPELINE_BOT_METRICS_HOST", "port_setting": "PIPELINE_BOT_METRICS_PORT"}
            raise PortUnusableError(unusable("serve metrics", exc, port=port, **settings_)) from None
    return sources


@dataclass(frozen=True, slots=True, kw_only=True)
class _Process:
    """What this process does in its roles."""

    team: TeamId
    slack: SlackClient
    workspace: Workspace | None
    reading: "ReadingProcess | None"


async def _process(settings: Settings, sources: Sources, resources: AsyncExitStack, stopped: asyncio.Event) -> _Process:
    """Opens what the roles of this process need."""
    slots = read_slots(settings, descriptor_limit())
    if shortage := descriptor_shortage(settings, descriptor_limit()):
        emit(DescriptorsShort(problem=shortage.problem, fix=shortage.fix))
    api = await resources.enter_async_context(_goldrush_client(settings)) if settings.reads_goldrush else None
    chains = await resources.enter_async_context(_chains_client(settings)) if settings.reads_chains else None
    url = await resources.enter_async_context(store_url(settings.store_url, settings.data_dir))
    slack = web_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url)
    identity = await _identity(slack, settings, stopped, url) if settings.calls_slack else None
    team = identity.team if identity else TeamId(settings.team or "")
    redis = await resources.enter_async_context(connected(url, team))
    sources.store_problem = partial(store_problem, redis, team)
    if settings.store_url is None and (weakness := volatile_store(settings.data_dir)):
        emit(StoreWeak(problem=weakness.text, fix=weakness.fix))
    await until_store_fits(redis, team, stopped, url, shares_reads=settings.shares_reads)
    if identity:
        await save_bot_identity(redis, identity, slack.token or "")
    shared = Shared(settings=settings, redis=redis, api=api, chains=chains, read_slots=slots, sources=sources)
    return _Process(
        team=team,
        slack=slack,
        workspace=await Workspace.open(shared, slack, identity) if identity else None,
        reading=await _reading(shared, api, team) if api and settings.reads_for_others else None,
    )


async def _reading(shared: Shared, api: Client, team: TeamId) -> "ReadingProcess":
    from bot.workspace.reading import ReadingProcess  # noqa: PLC0415 (Taskiq takes memory, and most bots have no readers)

    return await ReadingProcess.open(shared, api, team)


async def _identity(slack: SlackClient, settings: Settings, stopped: asyncio.Event, url: str) -> Identity:
    """The workspace that the bot token belongs to. A bot that knows it from an earlier start never waits for Slack."""
    team = TeamId(settings.team) if settings.team else None
    saved = partial(saved_bot_identity, url, team, settings.slack_bot_token.get_secret_value())
    identity = await bot_identity(slack, stopped, saved)
    refuse_another_team(identity.team, settings.team)
    if Role.SLACK in settings.roles and settings.transport is Transport.SOCKET and settings.slack_app_token:
        await refuse_another_app(slack, identity.bot, settings.slack_app_token.get_secret_value())
    return identity


async def _work(
    process: _Process, settings: Settings, sources: Sources, stopped: asyncio.Event, ending: asyncio.Event
) -> None:
    """Returns after `stopped` is set and the work in progress has finished.

    Sets `ending` then, and also if a part fails. A cancellation alone may not end a part: redis-py, and asyncio before
    Python 3.12, now and then swallow one.
    """
    workspace, transport = process.workspace, None
    async with AsyncExitStack() as running:
        try:
            if process.reading:
                await running.enter_async_context(process.reading.running(ending))
            if workspace:
                await running.enter_async_context(workspace.running(ending))
                if workspace.listeners:
                    transport = settings.transport
                    app = _slack_app(workspace.listeners, process.slack, settings)
                    receiving = _receiving(app, settings, stopped, workspace.webhook)
                    sources.hears_slack = await running.enter_async_context(receiving)
            emit(Ready(team=process.team, role=named(settings.roles), transport=transport))
            await stopped.wait()
        finally:
            ending.set()
            if workspace:
                workspace.stop()


async def _until_ended(work: asyncio.Task[None], stopped: asyncio.Event, ending: asyncio.Event) -> None:
    """Stops waiting for work that hangs. The next bot finds out how far it got."""
    signals = {asyncio.create_task(event.wait()) for event in (stopped, ending)}
    try:
        await asyncio.wait({work, *signals}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({work}, timeout=STOP_TIMEOUT_SECONDS)
    finally:
        for signal in signals:
            signal.cancel()
        if not work.done():
            emit(StoppedMidway(seconds=STOP_TIMEOUT_SECONDS))
            work.cancel()
            await asyncio.wait({work}, timeout=LAST_SECONDS)
    if work.done() and not work.cancelled():
        work.result()
    elif not stopped.is_set():
        raise StoreAway("a part of the bot failed, and the others did not end in time")


# --- GoldRush --------------------------------------------------------------------------------------------------------


def _goldrush_client(settings: Settings) -> Client:
    try:
        return Client(
            base_url=settings.goldrush_api_url,
            service_key=settings.goldrush_service_key,
            deadline_seconds=settings.read_timeout_seconds,
            max_connections=goldrush_connections(settings, descriptor_limit()),
        )
    except ValueError as exc:
        raise StartError(f"{exc}.") from None


def _chains_client(settings: Settings) -> Client:
    """One connection is enough for a request every few minutes."""
    try:
        return Client(
            base_url=settings.goldrush_api_url,
            service_key=settings.api_key,
            deadline_seconds=settings.read_timeout_seconds,
            max_connections=1,
        )
    except ValueError as exc:
        raise StartError(f"{exc}.") from None


# --- receiving from Slack --------------------------------------------------------------------------------------------


def _slack_app(listeners: Listeners, slack: SlackClient, settings: Settings) -> AsyncApp:
    secret = settings.signing_secret if settings.transport is Transport.HTTP else ""
    return build_app(listeners, client=slack, signing_secret=secret or None, command=settings.command)


@asynccontextmanager
async def _receiving(
    app: AsyncApp, settings: Settings, stopped: asyncio.Event, webhook: WebhookListener | None
) -> AsyncIterator[Callable[[], bool]]:
    """Yields a function that says whether a connection from Slack is open."""
    if settings.transport is Transport.SOCKET and settings.slack_app_token is not None:
        token = settings.slack_app_token.get_secret_value()
        async with _webhook(webhook, settings):  # takes answers there while Slack is away
            url = await socket_url(web_client(token, settings.slack_api_url), stopped)
            async with socket_mode.listening(app, token, url) as connections:
                yield lambda: any(connection.open for connection in connections)
    else:
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(_http(app, settings, webhook))
            except OSError as exc:
                host = "PIPELINE_BOT_HTTP_HOST"
                raise PortUnusableError(
                    unusable("receive from Slack", exc, host_setting=host, port_setting="PORT", port=settings.port)
                ) from None
            yield lambda: True


@asynccontextmanager
async def _webhook(webhook: WebhookListener | None, settings: Settings) -> AsyncIterator[None]:
    """In Socket Mode, PagerDuty's webhook comes to a port of its own."""
    if webhook is None or settings.webhook_port is None:
        yield
        return
    async with AsyncExitStack() as stack:
        port, host = settings.webhook_port, settings.http_host or ALL_INTERFACES
        try:
            await stack.enter_async_context(listening_for_webhooks(webhook, port, host))
        except OSError as exc:
            names = {"host_setting": "PIPELINE_BOT_HTTP_HOST", "port_setting": "PIPELINE_BOT_WEBHOOK_PORT"}
            raise PortUnusableError(unusable("receive PagerDuty's webhook", exc, port=port, **names)) from None
        yield


def _http(app: AsyncApp, settings: Settings, webhook: WebhookListener | None) -> AbstractAsyncContextManager[int]:
    descriptors = descriptor_limit()
    return http_mode.http(
        app,
        settings.port,
        host=settings.http_host or ALL_INTERFACES,
        signing_secret=settings.signing_secret,
        webhook=webhook.route if webhook else None,
        limits=ConnectionLimits(
            connections=connection_cap(
                settings.http_connections, goldrush_connections(settings, descriptors), descriptors
            )
        ),
    )
