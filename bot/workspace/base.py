"""The parts of a workspace that all its other parts use: data, clock, repository, Slack client, budget, leadership."""

import asyncio
from dataclasses import dataclass

from redis.asyncio import Redis

from bot.clock import StoreClock
from bot.coordination.follower import Follower
from bot.coordination.leadership import Leadership
from bot.delivery.doubt import Doubt
from bot.domain.watch import ChannelId
from bot.garbage import keep_for_good, return_freed_memory, without_collections
from bot.goldrush.client import Client
from bot.monitoring.budget import Budget
from bot.pagers.pagers import Pagers
from bot.settings import Role, Settings
from bot.slack.inbound.bolt_app import Identity
from bot.slack.outbound.calls import SlackClient, web_client
from bot.slack.outbound.channel_ids import ChannelIds
from bot.slack.outbound.directory import Directory
from bot.state.repository import Repository
from bot.store.clock import RedisClock
from bot.store.migration import migrate
from bot.store.redis import RedisStore
from bot.store.scripts import Scripts
from bot.telemetry.sources import Sources
from bot.workspace.pagers import build_pagers, pager_kinds

GATHER_SECONDS = 0.1  # in a burst of failures, a commit for each costs more than all else that Redis does


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the process lends to each of its workspaces."""

    settings: Settings
    redis: Redis
    api: Client | None
    """None in a process that never calls GoldRush."""
    chains: Client | None
    """The same with the API key, for the status of the chains. None without that setting."""
    read_slots: int
    """How many reads of GoldRush may run at once."""
    sources: Sources
    """Where metrics and probes look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The parts that all others use."""

    shared: Shared
    identity: Identity
    slack: SlackClient
    """Knows the ids of the workspace's channels."""
    clock: StoreClock
    scripts: Scripts
    store: RedisStore
    operator: ChannelId | None
    fallback: ChannelId | None
    repository: Repository
    directory: Directory
    budget: Budget
    leadership: Leadership
    doubt: Doubt
    wake: asyncio.Event
    pagers: Pagers

    @property
    def settings(self) -> Settings:
        return self.shared.settings


async def open_base(shared: Shared, slack: SlackClient, identity: Identity) -> Base:
    """
    Raises:
        StoreAway: the store went away meanwhile.
    """
    wake, scripts = asyncio.Event(), Scripts(shared.redis, identity.team)
    clock = await StoreClock.start(RedisClock(scripts))
    await migrate(scripts, clock)
    store = RedisStore(scripts, clock, shared.settings.history_limits, gather_seconds=GATHER_SECONDS)
    slack = web_client(slack.token, slack.base_url, ChannelIds(store.aliases))
    aliases, settings = await store.aliases(), shared.settings
    operator, fallback = (
        aliases.stable(channel) if channel else None for channel in (settings.operator, settings.fallback)
    )
    leadership = Leadership(store, clock) if Role.SCHEDULER in settings.roles else Follower(store, clock)
    kinds, window = pager_kinds(settings), settings.flap_window
    repository = Repository(store, wake, fallback, operator, kinds, flap_window=window, chat_url=identity.url)
    with without_collections():
        await repository.load()
        keep_for_good()  # before the next collection, which would walk over all that was loaded
    return_freed_memory()
    return Base(
        shared=shared,
        identity=identity,
        slack=slack,
        clock=clock,
        scripts=scripts,
        store=store,
        operator=operator,
        fallback=fallback,
        repository=repository,
        directory=Directory(slack, clock, identity.team),
        budget=Budget(shared.settings.requests_per_second, clock),
        leadership=leadership,
        doubt=Doubt(clock),
        wake=wake,
        pagers=build_pagers(settings),
    )
