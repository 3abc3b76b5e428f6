"""The Bolt app and its listeners. A listener stores an interaction, acknowledges it, and lets the inbox answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.watch import TeamId
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.slack import ListenerCrashed
from bot.ports.telemetry.store import Component, StoreUnreachable
from bot.slack.inbound import home, messages
from bot.slack.inbound.clicks import read_click
from bot.slack.inbound.home import read_opening
from bot.slack.inbound.inbox import STORE_SECONDS, Inbox, StoredInteraction
from bot.slack.inbound.messages import read_message
from bot.slack.inbound.payloads import encodable
from bot.slack.inbound.submissions import read_submission
from bot.slack.outbound.calls import SlackClient, web_client
from bot.slack.outbound.channel_monitor import EVENTS, ChannelMonitor
from bot.slack.router import CLICK, COMMAND, HOME, MESSAGE
from bot.slack.routes import ROUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The bot's workspace, and its own ids there."""

    team: TeamId
    user: str
    name: str
    bot: str = ""
    url: str = ""
    """The address of the workspace for people."""


class Listeners:
    """Bolt calls one of these methods for each payload of Slack. `bot_user` is the bot's own id."""

    def __init__(
        self, *, inbox: Inbox, channel_monitor: ChannelMonitor, bot_user: str = "", store_seconds: float = STORE_SECONDS
    ) -> None:
        self._inbox = inbox
        self._channel_monitor = channel_monitor
        self._bot_user = bot_user
        self._store_seconds = store_seconds

    async def on_command(self, ack: AsyncAck, command: Mapping[str, object]) -> None:
        texts = texts_of(
            command,
            ("text", "channel_id", "user_id", "user_name", "team_id", "channel_name", "response_url", "trigger_id"),
        )
        identity, handle = texts.pop("trigger_id"), texts.pop("user_name")
        payload = {name.removesuffix("_id"): value for name, value in texts.items()} | {"handle": handle}
        if not (identity and payload["channel"] and payload["user"]):
            await ack()
            return
        await self._inbox.handle(ack, COMMAND, identity, payload)

    async def on_click(self, ack: AsyncAck, body: Mapping[str, object]) -> None:
        identity, payload = read_click(body)
        if not (payload["channel"] and payload["user"]):
            await ack()
            return
        await self._inbox.handle(ack, CLICK, identity, payload)

    async def on_submission(self, ack: AsyncAck, body: Mapping[str, object]) -> None:
        if submission := read_submission(body):
            await self._inbox.take_submission(ack, *submission)
        else:
            await ack()

    async def store_message(
        self, body: Mapping[str, object], context: dict[str, object], next_: Callable[[], Awaitable[None]]
    ) -> None:
        """Stores a message to the bot, before Bolt acknowledges the event."""
        if message := read_message(body, self._bot_user):
            context["stored"] = await self._inbox.store(MESSAGE, *message)
        await next_()

    async def store_opening(
        self, body: Mapping[str, object], context: dict[str, object], next_: Callable[[], Awaitable[None]]
    ) -> None:
        """Stores that a person opened the Home tab, before Bolt acknowledges the event."""
        if opening := read_opening(body):
            context["stored"] = await self._inbox.store(HOME, *opening)
        await next_()

    async def on_stored(self, context: Mapping[str, object]) -> None:
        stored = context.get("stored")
        if isinstance(stored, StoredInteraction):
            await stored.answer()

    async def store_event(self, event: Mapping[str, object], next_: Callable[[], Awaitable[None]]) -> None:
        """Stores a channel's new id, before Bolt acknowledges the event. If this raises, Slack delivers it again."""
        try:
            async with asyncio.timeout(self._store_seconds):
                await self._channel_monitor.store_id_change(texts_of(event, tuple(event)))
        except TimeoutError as exc:
            raise StoreAway("it did not answer in time") from exc
        await next_()

    async def on_event(self, event: Mapping[str, object]) -> None:
        await self._channel_monitor.check_event(texts_of(event, tuple(event)))

    async def on_error(self, error: Exception) -> None:
        if isinstance(error, StoreAway):
            emit(StoreUnreachable(component=Component.SLACK, problem=str(error)))
        else:
            emit(ListenerCrashed(exception=error))


def texts_of(body: Mapping[str, object], names: Sequence[str]) -> dict[str, str]:
    """The texts under these names. A missing one is empty."""
    return {name: encodable(body.get(name)) for name in names}


def build_app(listeners: Listeners, *, client: SlackClient, signing_secret: str | None, command: str) -> AsyncApp:
    """The Bolt app with a listener for every command, button, modal and event of the bot.

    Without a signing secret, the app serves only Socket Mode, where payloads have no signature.
    """

    async def authorize() -> AuthorizeResult:
        """Bolt's default asks Slack at the first payload. Without an answer, it tells people to reinstall the app."""
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=client.token)

    # Bolt takes the token from `authorize`, and warns if the client has one too.
    without_token = web_client(None, client.base_url)
    app = AsyncApp(
        name="pipeline-bot",  # otherwise Bolt reads the sources of the whole stack to find a name
        client=without_token,
        authorize=authorize,
        signing_secret=signing_secret or "unused in Socket Mode",
        request_verification_enabled=signing_secret is not None,
        ignoring_self_events_enabled=False,  # the bot needs the event of its own joining
    )
    app.command(command)(listeners.on_command)
    for action_id in ROUTES.buttons:
        app.action(action_id)(listeners.on_click)
    for callback_id in ROUTES.modals:
        app.view_submission(callback_id)(listeners.on_submission)
    for event in EVENTS:
        app.event(event, middleware=[listeners.store_event])(listeners.on_event)
    for event in messages.EVENTS:
        app.event(event, middleware=[listeners.store_message])(listeners.on_stored)
    app.event(home.EVENT, middleware=[listeners.store_opening])(listeners.on_stored)
    app.error(listeners.on_error)
    return app
