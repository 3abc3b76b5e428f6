"""The Bolt app: what it listens to. Listeners are thin: acknowledge, call, answer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.answer import Refusal
from bot.domain.watch import ChannelId, TeamId, UserId
from bot.ports import Store, StoreAway
from bot.slack import action_ids
from bot.slack.actions import Actions, Click
from bot.slack.answers import Asked
from bot.slack.commands import Commands
from bot.slack.look import Look

log = structlog.get_logger(__name__)

AWAY = Refusal(
    reason="My memory (Redis) does not answer just now, so nothing was changed.",
    hint="Nothing is lost. I try again by myself; please ask again in a minute.",
)
BROKEN = Refusal(
    reason="Something went wrong inside me, so I have no answer; nothing was changed.",
    hint="Whoever runs me finds the cause in my log. Trying again does no harm.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which workspace the bot is in, and who it is there."""

    team: TeamId
    user: str
    name: str


class Listeners:
    """One method for each thing that Slack tells us of."""

    def __init__(
        self,
        *,
        identity: Identity,
        commands: Commands,
        actions: Actions,
        store: Store,
        look: Look,
        wake: asyncio.Event,
    ) -> None:
        self._identity = identity
        self._commands = commands
        self._actions = actions
        self._store = store
        self._look = look
        self._wake = wake

    async def on_command(self, ack: AsyncAck, command: Mapping[str, str], respond: AsyncRespond) -> None:
        await ack()
        if not await self._store.first_time(f"command {command['trigger_id']}"):
            return
        asked = Asked(text=command.get("text", ""))
        channel, user = ChannelId(command["channel_id"]), UserId(command["user_id"])
        answer = await self._commands.answer(asked.text, channel, user)
        await respond(self._look.answer(answer, asked).as_response())

    async def on_click(self, ack: AsyncAck, body: Mapping[str, object], respond: AsyncRespond) -> None:
        await ack()
        click = Click.of(body)
        if await self._store.first_time(f"click {click.id}"):
            await self._actions.on(click, respond)

    async def on_join(self, event: Mapping[str, str]) -> None:
        if event.get("user") == self._identity.user:
            await self._unpark(ChannelId(event["channel"]))

    async def on_unarchive(self, event: Mapping[str, str]) -> None:
        await self._unpark(ChannelId(event["channel"]))

    async def _unpark(self, channel: ChannelId) -> None:
        if await self._store.unpark(channel):
            log.info("channel_back", channel=channel)
            self._wake.set()

    async def on_error(self, error: Exception, respond: AsyncRespond) -> None:
        """A person is never shown a traceback, and always told whether anything was changed."""
        if isinstance(error, StoreAway):
            log.warning("store_away", room="slack", problem=str(error))
        else:
            log.error("listener_tripped", exc_info=error)
        if respond.response_url:
            refusal = AWAY if isinstance(error, StoreAway) else BROKEN
            await respond(self._look.answer(refusal, Asked()).as_response())


def build_app(listeners: Listeners, *, client: AsyncWebClient, signing_secret: str | None, command: str) -> AsyncApp:
    """Without a signing secret the app is for Socket Mode only, whose payloads carry no signature."""
    app = AsyncApp(
        client=client,
        signing_secret=signing_secret or "unused in Socket Mode",
        request_verification_enabled=signing_secret is not None,
        ignoring_self_events_enabled=False,  # the bot's own joining of a channel is one of the events that count
    )
    app.command(command)(listeners.on_command)
    for action_id in action_ids.ALL:
        app.action(action_id)(listeners.on_click)
    app.event("member_joined_channel")(listeners.on_join)
    app.event("channel_unarchive")(listeners.on_unarchive)
    app.event("group_unarchive")(listeners.on_unarchive)
    app.error(listeners.on_error)
    return app
