"""The workspace: its state, what its people can do to it, and what the bot's writes do to it."""

from collections.abc import Callable
from typing import TypeVar

from sandbox.background import Background
from sandbox.clock import Clock
from sandbox.pulse import Pulse
from sandbox.slack import channel_events, interactions, page_view, view_interactions
from sandbox.slack.delivery import Ack, Delivery
from sandbox.slack.directory import APP_ID, BOT_ID, BOT_USER, SLACKBOT, Channel, ChannelKind, Directory
from sandbox.slack.faults import Fault, Faults
from sandbox.slack.installation import Installation, Loss
from sandbox.slack.journal import KEPT, Accepted, Call
from sandbox.slack.limits import Limits
from sandbox.slack.messages import Board, Draft, Message
from sandbox.slack.naming import Namer
from sandbox.slack.response_urls import ResponseUrls
from sandbox.slack.views import ViewBook
from sandbox.slack.wire import JsonObject, Refused, SlackError

T = TypeVar("T")

BOT_TOKEN = "xoxb-sandbox"  # noqa: S105  made up, and the same for everybody
APP_TOKEN = "xapp-sandbox"  # noqa: S105
OTHER_APP_TOKEN = "xapp-1-A0OTHER-1-sandbox"  # noqa: S105  of another app in this workspace: it opens that one's sockets
SIGNING_SECRET = "sandbox-signing-secret"  # noqa: S105

DEFAULT_SCOPES = frozenset(
    {
        "channels:history",
        "channels:join",
        "channels:read",
        "chat:write",
        "commands",
        "groups:history",
        "groups:read",
        "im:history",
        "im:write",
        "metadata.message:read",
        "usergroups:read",
        "users:read",
    }
)
"""Those of app_manifest.yaml. Without `chat:write.public` the bot posts only where it was invited."""


class Workspace:
    def __init__(self, clock: Clock, pulse: Pulse) -> None:
        self.clock = clock
        self.pulse = pulse
        self.base_url = ""
        self.directory = Directory()
        self.board = Board(clock)
        self.limits = Limits(clock)
        self.faults = Faults()
        self.background = Background()
        self.delivery = Delivery(clock, pulse, self.background, SIGNING_SECRET)
        self.names = Namer()
        self.views = ViewBook(clock, self.names)
        self.response_urls = ResponseUrls(self)
        self.scopes: set[str] = set(DEFAULT_SCOPES)
        self.commands: set[str] = {"/pipeline"}
        self.installation = Installation()
        self.event_subscriptions: set[str] = set(channel_events.SUBSCRIBED)
        self.accepted: list[Accepted] = []
        self.calls: list[Call] = []

    # --- the bot's side of the wire

    @property
    def request_url(self) -> str | None:
        """Where payloads go by signed HTTP when no socket is open."""
        return self.delivery.request_url

    @request_url.setter
    def request_url(self, url: str | None) -> None:
        self.delivery.request_url = url

    @property
    def deaf(self) -> bool:
        return self.delivery.sockets.deaf

    @deaf.setter
    def deaf(self, deaf: bool) -> None:
        self.delivery.sockets.deaf = deaf

    def lose(self, loss: Loss) -> None:
        """The app loses its token or a scope; Slack tells of a lost token, not of a lost scope."""
        if loss is Loss.REVOKED:
            channel_events.tokens_revoked(self)
        elif loss is Loss.UNINSTALLED:
            channel_events.app_uninstalled(self)
            channel_events.tokens_revoked(self)
        self.scopes -= self.installation.lose(loss)
        self.pulse.beat()

    def regain(self, loss: Loss) -> None:
        """Installed anew, with the scopes it had."""
        self.scopes |= self.installation.regain(loss)
        self.pulse.beat()

    async def close_sockets(self, reason: str | None = "refresh_requested") -> None:
        """Slack's `disconnect`: `warning` leaves the socket open, None closes without a word."""
        await self.delivery.sockets.close(reason)

    def set_fault(self, method: str, fault: Fault | None) -> None:
        self.faults.set(method, fault)
        self.pulse.beat()

    async def until(self, condition: Callable[[], T], seconds: float = 5.0) -> T:
        """Waits until the condition holds, looking again whenever something changed."""
        return await self.pulse.until(condition, seconds)

    async def close(self) -> None:
        await self.background.close()
        await self.delivery.close()

    # --- what people do

    async def run_command(self, user: str, channel: str, command: str, text: str = "") -> Ack:
        return await interactions.run_command(self, user, channel, command, text)

    async def click(
        self,
        user: str,
        channel: str,
        message_ts: str,
        action_id: str,
        *,
        block_id: str | None = None,
        ephemeral_id: str | None = None,
        value: str | None = None,
        option: str | None = None,
    ) -> Ack:
        """`value` picks among buttons of one action_id, or is what was entered; `option` is the value of the choice."""
        choice = interactions.Choice(action_id=action_id, block_id=block_id, value=value, option=option)
        return await interactions.click(self, user, channel, ephemeral_id or message_ts, choice)

    async def click_in_view(self, user: str, choice: interactions.Choice) -> Ack:
        return await view_interactions.click_in_view(self, user, choice)

    async def submit_view(self, user: str, values: JsonObject | None = None) -> Ack:
        """`values` by block_id and action_id, as plain values: text, the value of an option, or a list of them."""
        return await view_interactions.submit_view(self, user, values or {})

    async def close_view(self, user: str) -> None:
        await view_interactions.close_view(self, user)

    def open_home(self, user: str) -> None:
        channel_events.app_home_opened(self, user)

    def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Message:
        return interactions.say(self, user, channel, text, thread_ts)

    def mention(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Message:
        name = self.directory.users[BOT_USER].name
        return interactions.say(self, user, channel, f"@{name} {text}", thread_ts)

    def messages(self, channel: str, viewer: str | None = None) -> list[Message]:
        """Roots in order, replies under them; with a viewer: copies, and that viewer's ephemerals among them."""
        if viewer is None:
            return list(self.board.roots(channel))
        return self.board.seen_by(channel, viewer)

    def conversation_view(self, channel: str, viewer: str) -> list[JsonObject]:
        """The messages as the page draws them."""
        return page_view.conversation(self, channel, viewer)

    def ephemerals(self, channel: str, viewer: str) -> list[Message]:
        return self.board.ephemerals(channel, viewer)

    def delete_message(self, channel: str, ts: str) -> None:
        """An admin deletes it, whoever wrote it."""
        message = self.board.find(channel, ts)
        if message is None:
            raise Refused(f"There is no message {ts} in {channel}.")
        self.board.remove(message)
        self.pulse.beat()

    # --- what happens to channels

    def archive(self, channel: str) -> None:
        channel_events.archive(self, self.directory.channels[channel])

    def unarchive(self, channel: str) -> None:
        channel_events.unarchive(self, self.directory.channels[channel])

    def rename(self, channel: str, name: str) -> None:
        channel_events.rename(self, self.directory.channels[channel], name)

    def convert(self, channel: str, kind: ChannelKind) -> None:
        channel_events.convert(self, self.directory.channels[channel], kind)

    def change_id(self, channel: str) -> None:
        channel_events.change_id(self, self.directory.channels[channel])

    def set_read_only(self, channel: str, *, read_only: bool) -> None:
        self.directory.channels[channel].read_only = read_only
        self.pulse.beat()

    def delete_channel(self, channel: str) -> None:
        channel_events.delete(self, self.directory.channels[channel])

    def kick_bot(self, channel: str) -> None:
        channel_events.leave(self, self.directory.channels[channel], BOT_USER)

    def invite_bot(self, channel: str, inviter: str = "U0ANN") -> None:
        channel_events.join(self, self.directory.channels[channel], BOT_USER, inviter)

    def join(self, channel: str, user: str) -> None:
        channel_events.join(self, self.directory.channels[channel], self.directory.person(user).id)

    def leave(self, channel: str, user: str) -> None:
        channel_events.leave(self, self.directory.channels[channel], self.directory.person(user).id)

    # --- what writes do; the callers have checked that they may

    def post(
        self,
        method: str,
        channel: Channel,
        draft: Draft,
        *,
        thread_ts: str | None = None,
        broadcast: bool = False,
        ephemeral_to: str | None = None,
    ) -> Message:
        """A message of the bot's takes its place."""
        message = Message(
            channel=channel.id,
            ts=self.board.next_ts(),
            user=BOT_USER,
            bot_id=BOT_ID,
            app_id=APP_ID,
            text=draft.text,
            blocks=self.names.blocks(draft.blocks),
            attachments=self.names.attachments(draft.attachments),
            metadata=draft.metadata,
            thread_ts=thread_ts,
            broadcast=broadcast,
            ephemeral_to=ephemeral_to,
        )
        self.board.add(message)
        self._accept(message, method)
        return message

    def rewrite(self, method: str, message: Message, draft: Draft) -> None:
        """An edit with blocks does not show as "edited" (chat.update's page)."""
        message.text = draft.text
        message.blocks = self.names.blocks(draft.blocks)
        message.attachments = self.names.attachments(draft.attachments)
        message.metadata = draft.metadata
        if not draft.blocks:
            message.edited_by, message.edited_ts = BOT_USER, self.board.next_ts()
        self._accept(message, method)

    def erase(self, method: str, message: Message) -> None:
        self._accept(message, method)
        self.board.remove(message)

    def slackbot_says(self, channel: str, user: str, text: str) -> None:
        """Slack's own words, to one person."""
        ts = self.board.next_ts()
        self.board.add(Message(channel=channel, ts=ts, user=SLACKBOT, text=text, ephemeral_to=user))
        self.pulse.beat()

    def need_scope(self, scope: str) -> None:
        if scope not in self.scopes:
            raise SlackError("missing_scope", needed=scope, provided=",".join(sorted(self.scopes)))

    def _accept(self, message: Message, method: str) -> None:
        self.accepted.append(Accepted.of(message, method, self.clock.monotonic()))
        del self.accepted[:-KEPT]
        self.pulse.beat()
