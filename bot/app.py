"""The composition root: the one place that builds, and that owns every lifetime."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from errno import EADDRNOTAVAIL
from math import ceil
from os import strerror
from socket import gaierror

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import SystemClock
from bot.coordination.heartbeat import Heartbeat
from bot.coordination.leadership import Leadership
from bot.delivery.dispatcher import Dispatcher
from bot.delivery.doubt import Doubt
from bot.delivery.lane_worker import LaneServices
from bot.delivery.rate_limiter import RateLimiter
from bot.delivery.suspensions import Suspensions
from bot.domain.cadence import Cadence
from bot.domain.subscription import Limits as WatchLimits
from bot.domain.watch import TeamId
from bot.goldrush.client import Client
from bot.jobs import Jobs, PeriodicJob
from bot.monitoring.budget import Budget
from bot.monitoring.catalogue import Listing
from bot.monitoring.poller import Poller
from bot.ports import StoreAway
from bot.requests.requests import Requests
from bot.settings import Settings, Transport
from bot.slack.actions import Actions
from bot.slack.commands import Commands
from bot.slack.inbound import http_mode, socket_mode
from bot.slack.inbound.bolt_app import Identity, Listeners, build_app
from bot.slack.inbound.connection_limit import Limits, connection_cap, descriptor_limit
from bot.slack.inbound.inbox import Inbox
from bot.slack.inbound.person_limits import PersonLimits
from bot.slack.outbound.calls import web_client
from bot.slack.outbound.channel_monitor import ChannelMonitor
from bot.slack.outbound.chat import SlackChat
from bot.slack.outbound.directory import Directory
from bot.slack.outbound.facts import Facts
from bot.slack.permissions import Permissions
from bot.slack.render.renderer import Look
from bot.startup import (
    PortUnusableError,
    StartError,
    StoppedError,
    identity,
    refuse_another_app,
    socket_url,
    until_store_fits,
)
from bot.state.repository import Repository
from bot.store.connect import opened
from bot.store.outbox import RedisOutbox
from bot.store.redis import RedisStore
from bot.store.scripts import Scripts

GOODBYE_SECONDS = 5.5  # longer than a call to Slack; ten seconds are promised in all
LAST_SECONDS = 1.0
CLOSE_SECONDS = 1.5
PEOPLE_CONNECTIONS = 4  # to GoldRush, reserved for people's commands

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What runs side by side once everything is built."""

    team: TeamId
    poller: Poller
    turn: Leadership
    dispatcher: Dispatcher
    jobs: Jobs
    inbox: Inbox
    app: AsyncApp


async def run(settings: Settings, stopped: asyncio.Event) -> None:
    """Runs the bot until `stopped` is set; what is under way then comes to its end.

    Raises:
        StartError: a setting cannot work.
        EmbeddedStoreError: the embedded store did not come up.
        StoreAway: the store went away while the bot was starting, or in a way that nothing here goes on after.
    """
    async with _resources() as stack:
        try:
            api = await stack.enter_async_context(_goldrush(settings))
            client = await stack.enter_async_context(opened(settings.store_url, settings.data_dir))
            slack = web_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url)
            me = await identity(slack, stopped)
            if settings.transport is Transport.SOCKET and settings.slack_app_token:
                await refuse_another_app(slack, me.bot, settings.slack_app_token.get_secret_value())
            await until_store_fits(client, me.team, stopped)
            parts = await _build(await _ground(settings, Scripts(client, me.team), api, slack, me))
            await _until_ended(asyncio.create_task(_work(parts, settings, stopped), name="work"), stopped)
            with suppress(StoreAway, TimeoutError):
                async with asyncio.timeout(LAST_SECONDS):
                    await parts.turn.give_up()
        except* (StoppedError, StoreAway):
            if not stopped.is_set():
                raise
        log.info("stopped")


@asynccontextmanager
async def _resources() -> AsyncIterator[AsyncExitStack]:
    """What was opened is closed at the end; what does not let itself be closed is left."""
    stack = AsyncExitStack()
    try:
        yield stack
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await stack.aclose()


async def _work(parts: _Parts, settings: Settings, stopped: asyncio.Event) -> None:
    """Returns when `stopped` is set and what was under way has come to its end."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(parts.poller.run(stopped), name="poller")
        tasks.create_task(parts.dispatcher.run(), name="sender")
        async with parts.jobs.running(), _served(parts.app, settings, stopped):
            log.info("ready", team=parts.team, transport=settings.transport)
            await stopped.wait()
            parts.dispatcher.stop()
        await parts.inbox.settled()


async def _until_ended(work: asyncio.Task[None], stopped: asyncio.Event) -> None:
    """What hangs longer is left as it is: whoever comes next looks what became of it."""
    asked = asyncio.create_task(stopped.wait(), name="until stopped")
    try:
        await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({work}, timeout=GOODBYE_SECONDS)
    finally:
        asked.cancel()
        if not work.done():
            log.warning("stopped_midway", seconds=GOODBYE_SECONDS)
            work.cancel()
            await asyncio.wait({work}, timeout=LAST_SECONDS)
    if work.done() and not work.cancelled():
        work.result()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What the other parts stand on."""

    settings: Settings
    identity: Identity
    clock: SystemClock
    api: Client
    slack: AsyncWebClient
    store: RedisStore
    outbox: RedisOutbox
    repository: Repository
    directory: Directory
    budget: Budget
    turn: Leadership
    doubt: Doubt
    wake: asyncio.Event


async def _ground(settings: Settings, scripts: Scripts, api: Client, slack: AsyncWebClient, me: Identity) -> _Ground:
    clock, wake = SystemClock(), asyncio.Event()
    store = RedisStore(scripts, clock)
    repository = Repository(store, wake, settings.fallback)
    await repository.load()
    return _Ground(
        settings=settings,
        identity=me,
        clock=clock,
        api=api,
        slack=slack,
        store=store,
        outbox=RedisOutbox(scripts, clock),
        repository=repository,
        directory=Directory(slack, clock, me.team),
        budget=Budget(settings.requests_per_second, clock),
        turn=Leadership(store, clock),
        doubt=Doubt(clock),
        wake=wake,
    )


async def _build(ground: _Ground) -> _Parts:
    settings, clock, user = ground.settings, ground.clock, ground.identity.user
    listing = Listing(api=ground.api, repository=ground.repository, budget=ground.budget, clock=clock)
    poller = _poller(ground, listing)
    vigil = _vigil(ground, poller)
    await vigil.look()
    requests = Requests.over(
        repository=ground.repository,
        poller=poller,
        listing=listing,
        clock=clock,
        direct=ground.directory.direct,
        limits=WatchLimits(watches=settings.max_watches_per_channel, patterns=settings.max_patterns_per_channel),
    )
    look = Look(command=settings.command, platform_url=settings.platform_url, broadcast=settings.broadcast)
    chat = SlackChat(ground.slack, ground.directory, look.content, user)
    suspensions = Suspensions(store=ground.store, chat=chat, clock=clock, wake=ground.wake, fallback=settings.fallback)
    channel_monitor = ChannelMonitor(
        store=ground.store, suspensions=suspensions, directory=ground.directory, clock=clock, user=user
    )
    inbox = _inbox(ground, requests, look, vigil)
    loops = (
        PeriodicJob("heartbeat", vigil.look, 2.0),
        PeriodicJob("inbox", inbox.take_up, 10.0),
        PeriodicJob("listing", ground.turn.only(poller.list_again), settings.catalogue_seconds, hangs_after=3600.0),
        PeriodicJob("directory", ground.directory.read_on, 5.0),
        PeriodicJob("channel_monitor", channel_monitor.look_around, 60.0),
    )
    return _Parts(
        team=ground.identity.team,
        poller=poller,
        turn=ground.turn,
        dispatcher=_sender(ground, chat, suspensions),
        jobs=Jobs(PeriodicJob("tick", poller.tick, 0.25), loops),
        inbox=inbox,
        app=_slack_app(ground, inbox, channel_monitor),
    )


def _poller(ground: _Ground, listing: Listing) -> Poller:
    return Poller(
        api=ground.api,
        repository=ground.repository,
        budget=ground.budget,
        clock=ground.clock,
        cadence=_cadence(ground.settings),
        turn=ground.turn,
        slots=_slots(ground.settings),
        operator=ground.settings.operator,
        listing=listing,
    )


def _vigil(ground: _Ground, poller: Poller) -> Heartbeat:
    return Heartbeat(
        repository=ground.repository,
        poller=poller,
        turn=ground.turn,
        clock=ground.clock,
        blind_after=timedelta(seconds=ground.settings.blind_seconds),
        operator=ground.settings.operator,
        in_doubt=ground.doubt.arise,
        memberships=ground.directory.memberships,
        embedded=ground.settings.store_url is None,
    )


def _inbox(ground: _Ground, requests: Requests, look: Look, vigil: Heartbeat) -> Inbox:
    facts = Facts(ground.slack, ground.clock, ground.identity.team)
    permissions = Permissions(facts, ground.settings.who_may_watch)
    commands = Commands(
        requests, ground.directory, permissions, ground.settings.broadcast, max_targets=ground.settings.max_targets
    )
    return Inbox(
        store=ground.store,
        commands=commands,
        actions=Actions(requests, commands, look, permissions),
        look=look,
        clock=ground.clock,
        catch_up=vigil.catch_up,
        limits=PersonLimits(ground.clock, ground.settings.commands_per_minute),
    )


def _sender(ground: _Ground, chat: SlackChat, suspensions: Suspensions) -> Dispatcher:
    around = LaneServices(
        outbox=ground.outbox,
        chat=chat,
        clock=ground.clock,
        pace=RateLimiter(ground.clock),
        doubt=ground.doubt,
        suspensions=suspensions,
        team=ground.identity.team,
        pages_an_hour=ground.settings.pages_per_hour,
    )
    return Dispatcher(around, ground.wake)


def _slack_app(ground: _Ground, inbox: Inbox, channel_monitor: ChannelMonitor) -> AsyncApp:
    secret = ground.settings.slack_signing_secret if ground.settings.transport is Transport.HTTP else None
    return build_app(
        Listeners(inbox=inbox, channel_monitor=channel_monitor),
        client=ground.slack,
        signing_secret=secret.get_secret_value() if secret else None,
        command=ground.settings.command,
    )


def _cadence(settings: Settings) -> Cadence:
    return Cadence(
        steady_seconds=settings.steady_seconds,
        transient_seconds=settings.transient_seconds,
        at_rest_seconds=settings.at_rest_seconds,
        fresh_failure_seconds=settings.fresh_failure_seconds,
    )


def _slots(settings: Settings) -> int:
    """Enough that even with every read at its deadline the budget can be spent."""
    return max(4, ceil(settings.requests_per_second * settings.read_timeout_seconds))


def _goldrush(settings: Settings) -> Client:
    try:
        return Client(
            base_url=settings.goldrush_api_url,
            service_key=settings.goldrush_service_key,
            deadline_seconds=settings.read_timeout_seconds,
            max_connections=_slots(settings) + PEOPLE_CONNECTIONS,
        )
    except ValueError as exc:
        raise StartError(f"{exc}.") from None


def _http(app: AsyncApp, settings: Settings) -> AbstractAsyncContextManager[int]:
    outgoing = _slots(settings) + PEOPLE_CONNECTIONS
    return http_mode.http(
        app,
        settings.port,
        host=settings.http_host or http_mode.ALL_INTERFACES,
        signing_secret=settings.signing_secret,
        limits=Limits(connections=connection_cap(settings.http_connections, outgoing, descriptor_limit())),
    )


@asynccontextmanager
async def _served(app: AsyncApp, settings: Settings, stopped: asyncio.Event) -> AsyncIterator[None]:
    if settings.transport is Transport.SOCKET and settings.slack_app_token is not None:
        token = settings.slack_app_token.get_secret_value()
        url = await socket_url(web_client(token, settings.slack_api_url), stopped)
        async with socket_mode.listening(app, token, url):
            yield
    else:
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(_http(app, settings))
            except OSError as exc:
                raise _unusable(settings.port, exc) from None
            yield


def _unusable(port: int, exc: OSError) -> PortUnusableError:
    if isinstance(exc, gaierror) or exc.errno == EADDRNOTAVAIL:
        return PortUnusableError(
            "Cannot receive from Slack: the address of PIPELINE_BOT_HTTP_HOST is not one of this machine."
        )
    reason = strerror(exc.errno) if exc.errno else type(exc).__name__
    return PortUnusableError(
        f"Cannot receive from Slack on port {port}: {reason}. Set PORT to a free one, or stop what uses it."
    )
