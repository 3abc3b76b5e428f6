"""The workspace, and everything that its people and admins can do."""

from collections.abc import Callable
from typing import TypeVar

from sandbox.slack import channel_events, interactions, page_view, view_interactions
from sandbox.slack.delivery import Ack
from sandbox.slack.directory import BOT_USER, Channel, ChannelKind
from sandbox.slack.faults import Fault
from sandbox.slack.installation import Loss
from sandbox.slack.manifest import MessagesTab
from sandbox.slack.messages import Message
from sandbox.slack.state import WorkspaceState
from sandbox.slack.wire import JsonObject, Refused

T = TypeVar("T")

BOT_TOKEN = "xoxb-sandbox"  # noqa: S105  made up, and the same for everybody
APP_TOKEN = "xapp-sandbox"  # noqa: S105
OTHER_APP_TOKEN = "xapp-1-A0OTHER-1-sandbox"  # noqa: S105  of another app in this workspace: it opens that one's sockets


class Workspace(WorkspaceState):
    # --- the bot's side of the wire

    @property
    def request_url(self) -> str | None:
        """The address for signed HTTP, which Slack uses if no socket is open."""
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
        """The app loses its token or a scope. Slack sends an event about the token only."""
        if loss is Loss.REVOKED:
            channel_events.tokens_revoked(self)
        elif loss is Loss.UNINSTALLED:
            channel_events.app_uninstalled(self)
            channel_events.tokens_revoked(self)
        self.installation.lose(loss)
        self.changes.notify()

    def regain(self, loss: Loss) -> None:
        """An admin reinstalls the app, with the scopes that it had."""
        self.installation.regain(loss)
        self.changes.notify()

    async def close_sockets(self, reason: str | None = "refresh_requested") -> None:
        """Slack's `disconnect`. `warning` leaves the sockets open; None closes them without a message."""
        await self.delivery.sockets.close(reason)

    def set_fault(self, method: str, fault: Fault | None) -> None:
        self.faults.set(method, fault)
        self.changes.notify()

    async def until(self, condition: Callable[[], T], seconds: float = 5.0) -> T:
        """Waits until the condition holds. Checks it after each change."""
        return await self.changes.until(condition, seconds)

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
        """`value` is the input, or tells apart buttons of one action_id. `option` is the value of the chosen option."""
        choice = interactions.Choice(action_id=action_id, block_id=block_id, value=value, option=option)
        return await interactions.click(self, user, channel, ephemeral_id or message_ts, choice)

    async def click_in_view(self, user: str, choice: interactions.Choice) -> Ack:
        return await view_interactions.click_in_view(self, user, choice)

    async def submit_view(self, user: str, values: JsonObject | None = None) -> Ack:
        """`values` are by block_id and action_id: text, the value of an option, or a list of values."""
        return await view_interactions.submit_view(self, user, values or {})

    async def close_view(self, user: str) -> None:
        await view_interactions.close_view(self, user)

    def open_home(self, user: str) -> None:
        if not self.installation.home_tab:
            raise Refused("This app has no Home tab.")
        channel_events.app_home_opened(self, user, "home")

    def open_messages_tab(self, user: str) -> Channel:
        """Opens the direct message with the app."""
        if self.messages_tab is MessagesTab.OFF:
            raise Refused("This app has no Messages tab.")
        return channel_events.app_home_opened(self, user, "messages")

    def say(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Message:
        return interactions.say(self, user, channel, text, thread_ts)

    def mention(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> Message:
        return interactions.say(self, user, channel, f"@{self.directory.users[BOT_USER].real_name} {text}", thread_ts)

    def direct_message(self, user: str, text: str, thread_ts: str | None = None) -> Message:
        """A person writes to the bot, in the Messages tab of the app."""
        return interactions.say(self, user, self.open_messages_tab(user).id, text, thread_ts)

    def edit_message(self, user: str, channel: str, ts: str, text: str) -> Message:
        return interactions.edit(self, user, channel, ts, text)

    def messages(self, channel: str, viewer: str | None = None) -> list[Message]:
        """Roots in order, with their replies. With a viewer: copies, with the viewer's ephemeral messages too."""
        if viewer is None:
            return list(self.board.roots(channel))
        return self.board.seen_by(channel, viewer)

    def conversation_view(self, channel: str, viewer: str) -> list[JsonObject]:
        """The messages as the page draws them."""
        return page_view.conversation(self, channel, viewer)

    def ephemerals(self, channel: str, viewer: str) -> list[Message]:
        return self.board.ephemerals(channel, viewer)

    def delete_message(self, channel: str, ts: str) -> None:
        """An admin deletes any message."""
        message = self.board.find(channel, ts)
        if message is None:
            raise Refused(f"There is no message {ts} in {channel}.")
        self.remove(message)

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
        self.changes.notify()

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
