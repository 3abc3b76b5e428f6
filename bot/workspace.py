"""Builds and owns everything that belongs to one Slack team: its data, reads, messages, people and channels."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, Self

from redis.asyncio import Redis

from bot.clock import StoreClock
from bot.coordination.heartbeat import Heartbeat
from bot.coordination.leadership import Leadership
from bot.delivery.carrier import Carrier
from bot.delivery.dispatcher import Dispatcher
from bot.delivery.doubt import Doubt
from bot.delivery.lane_worker import LaneServices
from bot.delivery.rate_limiter import RateLimiter
from bot.delivery.suspensions import Suspensions
from bot.domain.delivery import SLACK
from bot.domain.watch import ChannelId, TeamId
from bot.goldrush.client import Client
from bot.jobs import Jobs, PeriodicJob
from bot.monitoring.budget import Budget
from bot.monitoring.monitoring import Monitoring
from bot.monitoring.scheduler import Scheduler
from bot.requests.services import RequestServices
from bot.settings import Settings
from bot.slack.feature import Services
from bot.slack.inbound.bolt_app import Identity, Listeners
from bot.slack.inbound.inbox import Inbox
from bot.slack.inbound.person_limits import PersonLimits
from bot.slack.inbound.respond import responses
from bot.slack.outbound.calls import SlackClient, web_client
from bot.slack.outbound.channel_ids import ChannelIds
from bot.slack.outbound.channel_monitor import ChannelMonitor
from bot.slack.outbound.chat import SlackChat
from bot.slack.outbound.directory import Directory
from bot.slack.outbound.facts import Facts
from bot.slack.outbound.limits import SLACK_LIMITS
from bot.slack.outbound.modals import Modals
from bot.slack.permissions import Permissions
from bot.slack.render.renderer import Renderer
from bot.slack.router import Router
from bot.state.repository import Repository
from bot.store.clock import RedisClock
from bot.store.migration import migrate
from bot.store.redis import RedisStore
from bot.store.scripts import Scripts


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the process lends to each of its workspaces."""

    settings: Settings
    redis: Redis
    api: Client
    read_slots: int
    """How many reads of GoldRush may run at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """One Slack team. `open` builds it, `running` runs it, `stop` lets its current work finish, `close` hands over."""

    team: TeamId
    listeners: Listeners
    scheduler: Scheduler
    dispatcher: Dispatcher
    jobs: Jobs
    inbox: Inbox
    leadership: Leadership

    @classmethod
    async def open(cls, shared: Shared, slack: SlackClient, identity: Identity) -> Self:
        """
        Raises:
            StoreAway: the store went away meanwhile.
        """
        base = await _base(shared, slack, identity)
        monitoring = _monitoring(base)
        heartbeat = _heartbeat(base, monitoring)
        await heartbeat.beat()
        settings = shared.settings
        renderer = Renderer(command=settings.command, platform_url=settings.platform_url, broadcast=settings.broadcast)
        delivery = _delivery(base, renderer)
        inbox = _inbox(base, _requests(base, monitoring), renderer)
        channels = ChannelMonitor(
            store=base.store,
            suspensions=delivery.suspensions,
            directory=base.directory,
            clock=base.clock,
            user=identity.user,
        )
        return cls(
            team=identity.team,
            listeners=Listeners(inbox=inbox, channel_monitor=channels, bot_user=identity.user),
            scheduler=monitoring.scheduler,
            dispatcher=delivery.dispatcher,
            jobs=_jobs(base, monitoring, heartbeat, inbox, channels),
            inbox=inbox,
            leadership=base.leadership,
        )

    @asynccontextmanager
    async def running(self, stopped: asyncio.Event) -> AsyncIterator[None]:
        """Reads, sends and runs periodic jobs. At the end, it waits for the work in progress; call `stop` before."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.scheduler.run(stopped), name="scheduler")
            tasks.create_task(self.dispatcher.run(), name="dispatcher")
            async with self.jobs.running():
                yield
            await self.inbox.settled()

    def stop(self) -> None:
        """Sends nothing more after the messages that are on their way."""
        self.dispatcher.stop()

    async def close(self) -> None:
        """Gives up leadership, so that another bot need not wait for its end.

        Raises:
            StoreAway: the other bot has to wait.
        """
        await self.leadership.release()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """The parts that all others use."""

    shared: Shared
    identity: Identity
    slack: SlackClient
    """Knows the ids of the workspace's channels."""
    clock: StoreClock
    store: RedisStore
    operator: ChannelId | None
    fallback: ChannelId | None
    repository: Repository
    directory: Directory
    budget: Budget
    leadership: Leadership
    doubt: Doubt
    wake: asyncio.Event

    @property
    def settings(self) -> Settings:
        return self.shared.settings


class _Delivery(NamedTuple):
    suspensions: Suspensions
    dispatcher: Dispatcher


async def _base(shared: Shared, slack: SlackClient, identity: Identity) -> _Base:
    wake, scripts = asyncio.Event(), Scripts(shared.redis, identity.team)
    clock = await StoreClock.start(RedisClock(scripts))
    await migrate(scripts, clock)
    store = RedisStore(scripts, clock, shared.settings.history_limits)
    slack = web_client(slack.token, slack.base_url, ChannelIds(store.aliases))
    aliases, settings = await store.aliases(), shared.settings
    operator, fallback = (
        aliases.stable(channel) if channel else None for channel in (settings.operator, settings.fallback)
    )
    repository = Repository(store, wake, fallback)
    await repository.load()
    return _Base(
        shared=shared,
        identity=identity,
        slack=slack,
        clock=clock,
        store=store,
        operator=operator,
        fallback=fallback,
        repository=repository,
        directory=Directory(slack, clock, identity.team),
        budget=Budget(shared.settings.requests_per_second, clock),
        leadership=Leadership(store, clock),
        doubt=Doubt(clock),
        wake=wake,
    )


def _monitoring(base: _Base) -> Monitoring:
    return Monitoring.build(
        api=base.shared.api,
        repository=base.repository,
        budget=base.budget,
        clock=base.clock,
        cadence=base.settings.cadence,
        leadership=base.leadership,
        slots=base.shared.read_slots,
        operator=base.operator,
    )


def _heartbeat(base: _Base, monitoring: Monitoring) -> Heartbeat:
    return Heartbeat.build(
        repository=base.repository,
        store=base.store,
        outbox=base.store,
        polling=monitoring.scheduler,
        leadership=base.leadership,
        clock=base.clock,
        doubt=base.doubt,
        memberships=base.directory,
        blind_after=timedelta(seconds=base.settings.blind_seconds),
        operator=base.operator,
        embedded=base.settings.store_url is None,
    )


def _requests(base: _Base, monitoring: Monitoring) -> RequestServices:
    return RequestServices.build(
        repository=base.repository,
        store=base.store,
        reads=monitoring.scheduler,
        unrecorded=monitoring.recorder.unrecorded,
        catalogue=monitoring.catalogue,
        clock=base.clock,
        conversations=base.directory,
        limits=base.settings.watch_limits,
    )


def _delivery(base: _Base, renderer: Renderer) -> _Delivery:
    settings, clock = base.settings, base.clock
    chat = SlackChat(base.slack, renderer.content, base.identity.user)
    suspensions = Suspensions(
        store=base.store,
        conversations=base.directory,
        clock=clock,
        wake=base.wake,
        fallback=base.fallback,
    )
    slack = Carrier(chat=chat, limiter=RateLimiter(clock, SLACK_LIMITS), suspender=suspensions)
    services = LaneServices(
        store=base.store,
        carriers={SLACK: slack},
        clock=clock,
        doubt=base.doubt,
        pages_an_hour=settings.pages_per_hour,
    )
    return _Delivery(suspensions=suspensions, dispatcher=Dispatcher(services, base.wake))


def _inbox(base: _Base, requests: RequestServices, renderer: Renderer) -> Inbox:
    settings = base.settings
    facts = Facts(base.slack, base.clock, base.identity.team)
    services = Services(
        requests=requests,
        directory=base.directory,
        permissions=Permissions(facts, settings.who_may_watch),
        modals=Modals(base.slack),
        render_context=renderer.render_context,
        broadcast=settings.broadcast,
        max_targets=settings.max_targets,
    )
    return Inbox(
        store=base.store,
        router=Router(services),
        clock=base.clock,
        catch_up=base.repository.catch_up,
        respond=responses(base.slack),
        limits=PersonLimits(base.clock, settings.commands_per_minute),
    )


def _jobs(base: _Base, monitoring: Monitoring, heartbeat: Heartbeat, inbox: Inbox, channels: ChannelMonitor) -> Jobs:
    """A listing or a backlog of interactions may take long, so the watchdog gives them more time."""
    refresh_catalogue = base.leadership.only_as_leader(monitoring.scheduler.refresh_catalogue)

    async def beat() -> None:
        await base.clock.follow()
        await heartbeat.beat()

    return Jobs(
        PeriodicJob("tick", monitoring.scheduler.tick, 0.25, hangs_after=60.0),
        (
            PeriodicJob("heartbeat", beat, 2.0),
            PeriodicJob("inbox", inbox.recover, 10.0, hangs_after=3600.0),
            PeriodicJob("catalogue", refresh_catalogue, base.settings.catalogue_seconds, hangs_after=3600.0),
            PeriodicJob("directory", base.directory.continue_reading, 5.0),
            PeriodicJob("channel_monitor", channels.check_channels, 60.0),
        ),
    )
