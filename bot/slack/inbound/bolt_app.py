"""The Bolt app: what it listens to. Listeners are thin: acknowledge, call, answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.watch import TeamId
from bot.ports.store_errors import StoreAway
from bot.slack.actions import told_of
from bot.slack.inbound.inbox import CLICK, COMMAND, KEEP_SECONDS, Inbox
from bot.slack.inbound.payloads import readable
from bot.slack.outbound.calls import web_client
from bot.slack.outbound.channel_monitor import EVENTS, ChannelMonitor
from bot.slack.render import action_ids

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Which workspace the bot is in, and who it is there."""

    team: TeamId
    user: str
    name: str
    bot: str = ""


class Listeners:
    """One method for each kind of thing that Slack tells us of."""

    def __init__(self, *, inbox: Inbox, channel_monitor: ChannelMonitor, keep_seconds: float = KEEP_SECONDS) -> None:
        self._inbox = inbox
        self._channel_monitor = channel_monitor
        self._keep_seconds = keep_seconds

    async def on_command(self, ack: AsyncAck, command: Mapping[str, object]) -> None:
        told = facts_of(
            command,
            ("text", "channel_id", "user_id", "user_name", "team_id", "channel_name", "response_url", "trigger_id"),
        )
        which = told.pop("trigger_id")
        handle = told.pop("user_name")
        facts = {name.removesuffix("_id"): value for name, value in told.items()} | {"handle": handle}
        if not (which and facts["channel"] and facts["user"]):
            await ack()
            return
        await self._inbox.take(ack, COMMAND, which, facts)

    async def on_click(self, ack: AsyncAck, body: Mapping[str, object]) -> None:
        which, facts = told_of(body)
        if not (facts["channel"] and facts["user"]):
            await ack()
            return
        await self._inbox.take(ack, CLICK, which, facts)

    async def keep_event(self, event: Mapping[str, object], next_: Callable[[], Awaitable[None]]) -> None:
        """Bolt acknowledges an event once this has let it through; where this raises, Slack tells it again."""
        try:
            async with asyncio.timeout(self._keep_seconds):
                await self._channel_monitor.keep(facts_of(event, tuple(event)))
        except TimeoutError as exc:
            raise StoreAway("it did not answer in time") from exc
        await next_()

    async def on_event(self, event: Mapping[str, object]) -> None:
        await self._channel_monitor.on(facts_of(event, tuple(event)))

    async def on_error(self, error: Exception) -> None:
        if isinstance(error, StoreAway):
            log.warning("store_away", room="slack", problem=str(error))
        else:
            log.error("listener_tripped", exc_info=error)


def facts_of(body: Mapping[str, object], names: Sequence[str]) -> dict[str, str]:
    """The texts under these names; empty where there is none."""
    return {name: readable(body.get(name)) for name in names}


def build_app(listeners: Listeners, *, client: AsyncWebClient, signing_secret: str | None, command: str) -> AsyncApp:
    """Without a signing secret the app is for Socket Mode only, whose payloads carry no signature."""

    async def authorize() -> AuthorizeResult:
        """Bolt would ask Slack at the first payload, and where Slack does not answer then, tell people to reinstall."""
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=client.token)

    # Bolt takes the token of `authorize`, and warns of a client that has one.
    without_token = web_client(None, client.base_url)
    app = AsyncApp(
        name="pipeline-bot",  # else Bolt reads the whole stack's sources to find one
        client=without_token,
        authorize=authorize,
        signing_secret=signing_secret or "unused in Socket Mode",
        request_verification_enabled=signing_secret is not None,
        ignoring_self_events_enabled=False,  # the bot's own joining of a channel is one of the events that count
    )
    app.command(command)(listeners.on_command)
    for action_id in action_ids.ALL:
        app.action(action_id)(listeners.on_click)
    for event in EVENTS:
        app.event(event, middleware=[listeners.keep_event])(listeners.on_event)
    app.error(listeners.on_error)
    return app
