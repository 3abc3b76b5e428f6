"""Commands and clicks against the whole of Slack's sandbox, without a process: what is asked, and what is answered."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import redis.asyncio

from bot.delivery.suspensions import Suspensions
from bot.domain.cadence import EvenPolling
from bot.domain.catalogue import Pipeline
from bot.domain.permission import Broadcast, WhoMayWatch
from bot.domain.watch import ChannelId, TeamId, UserId, Watch
from bot.pagers.pagerduty import PAGERDUTY
from bot.ports.interaction_store import Interaction
from bot.slack.feature import Reply, Services
from bot.slack.inbound import http_mode
from bot.slack.inbound.bolt_app import Listeners, build_app
from bot.slack.inbound.inbox import Inbox
from bot.slack.inbound.respond import responses
from bot.slack.outbound.calls import SlackClient, web_client
from bot.slack.outbound.channel_ids import ChannelIds
from bot.slack.outbound.channel_monitor import ChannelMonitor
from bot.slack.outbound.directory import Directory
from bot.slack.outbound.facts import Facts
from bot.slack.outbound.modals import Modals
from bot.slack.permissions import Asker, Permissions
from bot.slack.render.renderer import Renderer
from bot.slack.router import CLICK, ParsedInteraction, Router
from sandbox.server import Sandbox
from sandbox.slack import markup
from sandbox.slack.directory import BOT_USER, TEAM_ID
from sandbox.slack.state import SIGNING_SECRET
from tests.contract.slack_rig import over_socket
from tests.service.test_poller import Bot, pipelines, running

ANN, BOB, CAROL, GUEST, PARTNER = (UserId(f"U0{name}") for name in ("ANN", "BOB", "CAROL", "GIL", "PAT"))
ALERTS, QUIET, OPS, SHARED = (ChannelId(name) for name in ("C0ALERTS", "C0QUIET", "G0OPS", "C0SHARED"))
BOLT_ACK_SECONDS = 60  # by default, Bolt drops an acknowledgement that is later than 3 s
LOOK = Renderer(command="/pipeline", platform_url="https://goldrush.dev/platform/")


@dataclass
class Office:
    sandbox: Sandbox
    slack: SlackClient
    bot: Bot
    directory: Directory
    permissions: Permissions
    router: Router
    answers: list[str] = field(default_factory=list)

    async def type(self, text: str, user: UserId = ANN, channel: ChannelId = ALERTS) -> str:
        """As from the composer: Slack makes references of what this person can pick."""
        return await self.send(markup.for_command(text, self.sandbox.slack.directory, user), user, channel)

    async def send(self, raw: str, user: UserId = ANN, channel: ChannelId = ALERTS) -> str:
        """The text of the payload, as it is: also what Slack itself would never send."""
        return await self.answered(self.router.typed(raw, Asker(user=user, channel=channel)))

    async def click(
        self,
        action: str,
        value: Mapping[str, object],
        user: UserId = ANN,
        channel: ChannelId = ALERTS,
        team: str = TEAM_ID,
    ) -> str:
        return await self.answered(self.router.parse(self.clicked(action, value, user, channel, team)))

    def clicked(
        self,
        action: str,
        value: Mapping[str, object],
        user: UserId = ANN,
        channel: ChannelId = ALERTS,
        team: str = TEAM_ID,
    ) -> Interaction:
        payload = {"action": action, "channel": channel, "user": user, "ephemeral": "", "team": team}
        payload["value"] = json.dumps(value)
        return Interaction(team=TeamId(TEAM_ID), id="click", kind=CLICK, at=self.bot.clock.now(), payload=payload)

    async def answered(self, reading: ParsedInteraction) -> str:
        """In plain text. A refusal says what to do instead."""
        reply = await reading.run()
        assert reply
        text = reply.message.text
        assert ":information_source:" not in str(reply.blocks[0]) or "\n" in text
        self.answers.append(text)
        return text

    async def reply(self, text: str, user: UserId = ANN, channel: ChannelId = ALERTS) -> Reply:
        """The whole answer to a command."""
        reply = await self.router.typed(text, Asker(user=user, channel=channel)).run()
        assert reply
        return reply

    async def watches(self, channel: ChannelId) -> list[Watch]:
        return list((await self.bot.store.watches()).in_channel(channel))

    def call_count(self, method: str) -> int:
        return sum(call.method == method for call in self.sandbox.slack.calls)

    async def announced(self, channel: ChannelId) -> str:
        rows = await self.bot.store.owed(channel)
        return json.dumps([str(row.body) for row in rows])


@asynccontextmanager
async def office(
    fake_redis: redis.asyncio.Redis,
    *known: Pipeline,
    who_may_watch: WhoMayWatch = WhoMayWatch.MEMBERS,
    broadcast: Broadcast = Broadcast.MEMBERS,
    pagers: Sequence[str] = ("ops",),
) -> AsyncIterator[Office]:
    kinds = dict.fromkeys(pagers, PAGERDUTY)
    async with Sandbox.start() as sandbox, running(fake_redis, *(known or pipelines(2)), pagers=kinds) as bot:
        client = web_client("xoxb-sandbox", f"{sandbox.url}/api/", ChannelIds(bot.store.aliases))
        directory = Directory(client, bot.clock, TeamId(TEAM_ID))
        permissions = Permissions(Facts(client, bot.clock, TeamId(TEAM_ID)), who_may_watch)
        await bot.catalogue.refresh()
        router = router_for(bot, directory, permissions, Modals(client), broadcast)
        yield Office(sandbox, client, bot, directory, permissions, router)


def router_for(
    bot: Bot, directory: Directory, permissions: Permissions, modals: Modals, broadcast: Broadcast
) -> Router:
    return Router(
        Services(
            requests=bot.requests,
            directory=directory,
            permissions=permissions,
            modals=modals,
            render_context=LOOK.render_context,
            broadcast=broadcast,
            is_still_listing=lambda: bot.catalogue.still_listing,
            polling=lambda: EvenPolling(len(bot.repository.pollable), bot.budget.full_rate),
        )
    )


@asynccontextmanager
async def listening(it: Office, *, by_http: bool = False) -> AsyncIterator[Inbox]:
    """The office's bot listens down a real socket, or by signed HTTP."""
    inbox = Inbox(
        store=it.bot.store,
        router=it.router,
        clock=it.bot.clock,
        catch_up=it.bot.repository.catch_up,
        respond=responses(it.slack),
    )
    listeners = Listeners(inbox=inbox, channel_monitor=_channel_monitor(it), bot_user=BOT_USER)
    secret = SIGNING_SECRET if by_http else None
    app = build_app(listeners, client=it.slack, signing_secret=secret, command="/pipeline")
    for listener in app._async_listeners:
        listener.ack_timeout = BOLT_ACK_SECONDS
    if by_http:
        async with http_mode.http(app, 0, host="127.0.0.1", signing_secret=SIGNING_SECRET) as port:
            it.sandbox.slack.request_url = f"http://127.0.0.1:{port}/slack/events"
            yield inbox
    else:
        async with over_socket(it.sandbox, app):
            yield inbox
    await inbox.settled()


def _channel_monitor(it: Office) -> ChannelMonitor:
    """Slack sends an event when the bot joins a channel."""
    store, repository, clock = it.bot.store, it.bot.repository, it.bot.clock
    suspensions = Suspensions(
        store=store, repository=repository, conversations=it.directory, clock=clock, wake=asyncio.Event(), fallback=None
    )
    return ChannelMonitor(
        store=store, repository=repository, suspensions=suspensions, directory=it.directory, clock=clock, user=BOT_USER
    )
