"""The composition root: the one place that builds, and that owns every lifetime."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

import redis.asyncio
import structlog
from redis.exceptions import RedisError
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import SystemClock
from bot.delivery.courier import Surroundings
from bot.delivery.doubt import Doubt
from bot.delivery.pace import Pace
from bot.delivery.parking import Parking
from bot.delivery.sender import Sender
from bot.domain.cadence import Cadence
from bot.domain.watch import TeamId
from bot.goldrush.client import Client
from bot.ports import StoreAway
from bot.schedule import Job, Schedule
from bot.settings import Settings, Transport
from bot.slack import ears, serving
from bot.slack.actions import Actions
from bot.slack.app import Identity, Listeners, build_app
from bot.slack.calls import call, web_client
from bot.slack.commands import Commands
from bot.slack.directory import Directory
from bot.slack.guardian import Guardian
from bot.slack.inbox import Inbox
from bot.slack.look import Look
from bot.slack.poster import Poster
from bot.store.connect import opened
from bot.store.outbox import RedisOutbox
from bot.store.redis import RedisStore
from bot.store.scripts import Scripts
from bot.watching.budget import Budget
from bot.watching.desk import Desk
from bot.watching.listing import Listing
from bot.watching.poller import Poller
from bot.watching.roster import Roster
from bot.watching.turn import Turn
from bot.watching.vigil import Vigil

LONGEST_BACKOFF_SECONDS = 30.0
GOODBYE_SECONDS = 5.5  # longer than a call to Slack; ten seconds are promised in all
LAST_SECONDS = 1.0
CLOSE_SECONDS = 1.5

log = structlog.get_logger(__name__)


class SlackRefusedError(Exception):
    """A token is not accepted; the text says how to mend it."""


class StoppedError(Exception):
    """The bot was asked to stop before it was ready."""


@dataclass(slots=True)
class _Backoff:
    stopped: asyncio.Event
    seconds: float = 0.5

    async def wait(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopped.wait(), self.seconds)
        if self.stopped.is_set():
            raise StoppedError
        self.seconds = min(self.seconds * 2, LONGEST_BACKOFF_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What runs side by side once everything is built."""

    team: TeamId
    poller: Poller
    vigil: Vigil
    turn: Turn
    sender: Sender
    schedule: Schedule
    inbox: Inbox
    app: AsyncApp


async def run(settings: Settings, stopped: asyncio.Event) -> None:
    """Runs the bot until `stopped` is set; what is under way then comes to its end.

    Raises:
        SlackRefusedError: a Slack token is not accepted.
        EmbeddedStoreError: the embedded store did not come up.
        StoreAway: the store went away while the bot was starting.
    """
    clock = SystemClock()
    async with _resources() as stack:
        try:
            client = await stack.enter_async_context(opened(settings.store_url, settings.data_dir))
            await _until_there(client, stopped)
            slack = web_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url)
            identity = await _identity(slack, stopped)
            api = await stack.enter_async_context(_goldrush(settings))
            parts = await _build(settings, Scripts(client, identity.team), api, slack, identity=identity, clock=clock)
            await _until_ended(asyncio.create_task(_work(parts, settings, stopped), name="work"), stopped)
            with suppress(StoreAway, TimeoutError):
                async with asyncio.timeout(LAST_SECONDS):
                    await parts.turn.give_up()
        except* StoppedError:
            pass
        except* StoreAway:
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
        tasks.create_task(parts.sender.run(), name="sender")
        try:
            async with parts.schedule.running(), _served(parts.app, settings, stopped):
                log.info("ready", team=parts.team, transport=settings.transport)
                await stopped.wait()
                parts.sender.stop()
            await parts.inbox.settled()
        finally:
            stopped.set()
            parts.sender.stop()


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


async def _build(
    settings: Settings, scripts: Scripts, api: Client, slack: AsyncWebClient, *, identity: Identity, clock: SystemClock
) -> _Parts:
    wake = asyncio.Event()
    store, operator, fallback = RedisStore(scripts, clock), settings.operator, settings.fallback
    roster, directory = Roster(store, wake, fallback), Directory(slack, clock)
    await roster.load()
    budget, turn, doubt = Budget(settings.requests_per_second, clock), Turn(store, clock), Doubt(clock)
    poller = Poller(
        api=api,
        roster=roster,
        budget=budget,
        clock=clock,
        cadence=_cadence(settings),
        turn=turn,
        slots=_slots(settings),
        operator=operator,
    )
    vigil = Vigil(
        roster=roster,
        poller=poller,
        turn=turn,
        clock=clock,
        blind_after=timedelta(seconds=settings.blind_seconds),
        operator=operator,
        in_doubt=doubt.arise,
        memberships=directory.memberships,
    )
    await vigil.look()
    listing = Listing(api=api, roster=roster, budget=budget, clock=clock)
    desk = Desk(roster=roster, poller=poller, listing=listing, clock=clock)
    look = Look(command=settings.command, platform_url=settings.platform_url)
    chat = Poster(slack, directory, look.content, identity.user)
    parking = Parking(store=store, chat=chat, clock=clock, wake=wake, fallback=fallback)
    guardian = Guardian(store=store, parking=parking, directory=directory, clock=clock, user=identity.user)
    commands = Commands(desk, directory)
    actions = Actions(desk, commands, look)
    inbox = Inbox(store=store, commands=commands, actions=actions, look=look, clock=clock, catch_up=vigil.catch_up)
    around = Surroundings(
        outbox=RedisOutbox(scripts, clock),
        chat=chat,
        clock=clock,
        pace=Pace(clock),
        doubt=doubt,
        parking=parking,
        team=identity.team,
    )
    jobs = (
        Job("tick", poller.tick, 0.25),
        Job("vigil", vigil.look, 2.0),
        Job("inbox", inbox.take_up, 10.0),
        Job("listing", turn.only(listing.refresh), settings.catalogue_seconds),
        Job("guardian", guardian.look_around, 60.0),
    )
    return _Parts(
        team=identity.team,
        poller=poller,
        vigil=vigil,
        turn=turn,
        sender=Sender(around, wake),
        schedule=Schedule(jobs),
        inbox=inbox,
        app=build_app(
            Listeners(inbox=inbox, guardian=guardian),
            client=slack,
            signing_secret=_signing_secret(settings),
            command=settings.command,
        ),
    )


def _signing_secret(settings: Settings) -> str | None:
    secret = settings.slack_signing_secret
    return secret.get_secret_value() if secret and settings.transport is Transport.HTTP else None


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
    return Client(
        base_url=settings.goldrush_api_url,
        service_key=settings.goldrush_service_key,
        deadline_seconds=settings.read_timeout_seconds,
        max_connections=_slots(settings) + 4,  # people's commands beside the polling
    )


async def _until_there(client: redis.asyncio.Redis, stopped: asyncio.Event) -> None:
    backoff = _Backoff(stopped)
    while True:
        try:
            await client.ping()
        except (RedisError, OSError) as exc:
            log.warning("store_away", problem=f"{type(exc).__name__}: {exc}", next_try_seconds=backoff.seconds)
            await backoff.wait()
        else:
            return


async def _identity(slack: AsyncWebClient, stopped: asyncio.Event) -> Identity:
    """Which workspace this token is of, and who the bot is there."""
    backoff = _Backoff(stopped)
    while True:
        answer = await call(slack, "auth.test")
        if answer.ok:
            return Identity(
                team=TeamId(str(answer.body.get("team_id"))),
                user=str(answer.body.get("user_id", "")),
                name=str(answer.body.get("user", "")),
            )
        if answer.lost is None and 0 < answer.status < 500 and answer.status != 429:
            raise SlackRefusedError(
                f"Slack refuses the bot token ({answer.error}). Set SLACK_BOT_TOKEN to the xoxb-… token of your app: "
                "https://api.slack.com/apps > your app > OAuth & Permissions"
            )
        log.warning("slack_away", problem=answer.error, next_try_seconds=backoff.seconds)
        await backoff.wait()


@asynccontextmanager
async def _served(app: AsyncApp, settings: Settings, stopped: asyncio.Event) -> AsyncIterator[None]:
    if settings.transport is Transport.SOCKET and settings.slack_app_token is not None:
        token = settings.slack_app_token.get_secret_value()
        url = await _socket_url(web_client(token, settings.slack_api_url), stopped)
        async with ears.listening(app, token, url):
            yield
    else:
        async with serving.http(app, settings.port):
            yield


async def _socket_url(slack: AsyncWebClient, stopped: asyncio.Event) -> str:
    """Asked by ourselves the first time: a wrong token is a mistake to mend, a Slack that is away is waited for."""
    backoff = _Backoff(stopped)
    while not (answer := await call(slack, "apps.connections.open")).ok:
        if answer.lost is None and 0 < answer.status < 500 and answer.status != 429:
            raise SlackRefusedError(
                f"Slack refuses the app-level token ({answer.error}). Set SLACK_APP_TOKEN to an xapp-… token with "
                "connections:write, and switch Socket Mode on: https://api.slack.com/apps > your app"
            )
        log.warning("slack_away", problem=answer.error, next_try_seconds=backoff.seconds)
        await backoff.wait()
    return str(answer.body.get("url"))
