"""The state of the workspace, and the changes of its messages."""

import asyncio

from sandbox.background import Background
from sandbox.changes import Changes
from sandbox.clock import Clock
from sandbox.slack import message_events
from sandbox.slack.canvases import Canvases
from sandbox.slack.delivery import Delivery
from sandbox.slack.directory import APP_ID, BOT_ID, BOT_USER, SLACKBOT, Channel, Directory
from sandbox.slack.events import Events
from sandbox.slack.faults import Faults
from sandbox.slack.installation import Installation
from sandbox.slack.journal import MOST_ENTRIES, Accepted, Call
from sandbox.slack.limits import Limits
from sandbox.slack.manifest import MessagesTab
from sandbox.slack.messages import Board, Draft, Message
from sandbox.slack.naming import Namer
from sandbox.slack.response_urls import ResponseUrls
from sandbox.slack.scheduled import Scheduled, ScheduledMessage
from sandbox.slack.views import Views
from sandbox.slack.wire import SlackError

POST_SECONDS = 0.25  # a test may set the clock forward at any moment
SIGNING_SECRET = "sandbox-signing-secret"  # noqa: S105  made up, and the same for everybody


class WorkspaceState:
    def __init__(self, clock: Clock, changes: Changes) -> None:
        self.clock = clock
        self.changes = changes
        self.base_url = ""
        self.directory = Directory()
        self.board = Board(clock)
        self.scheduled = Scheduled()
        self.canvases = Canvases()
        self.limits = Limits(clock)
        self.faults = Faults()
        self.background = Background()
        self.delivery = Delivery(clock, changes, self.background, SIGNING_SECRET)
        self.names = Namer()
        self.views = Views(clock, self.names)
        self.response_urls = ResponseUrls(self)
        self.commands: set[str] = {"/pipeline"}
        self.installation = Installation()
        self.events = Events(clock, changes, self.names, self.delivery, self.installation)
        self.accepted: list[Accepted] = []
        self.calls: list[Call] = []

    @property
    def scopes(self) -> set[str]:
        return self.installation.scopes

    @scopes.setter
    def scopes(self, scopes: set[str]) -> None:
        self.installation.scopes = scopes

    @property
    def event_subscriptions(self) -> set[str]:
        return self.installation.event_subscriptions

    @event_subscriptions.setter
    def event_subscriptions(self, subscriptions: set[str]) -> None:
        self.installation.event_subscriptions = subscriptions

    @property
    def messages_tab(self) -> MessagesTab:
        return self.installation.messages_tab

    @messages_tab.setter
    def messages_tab(self, tab: MessagesTab) -> None:
        self.installation.messages_tab = tab
        self.changes.notify()

    def need_scope(self, scope: str) -> None:
        if scope not in self.scopes:
            raise SlackError("missing_scope", needed=scope, provided=",".join(sorted(self.scopes)))

    # --- messages; the callers have checked permissions

    def add(self, message: Message) -> None:
        """Adds a message, and sends its events. An ephemeral message has none."""
        self.board.add(message)
        self.changes.notify()
        if message.ephemeral_to is None:
            parent = self.board.root(message.channel, message.thread_ts) if message.thread_ts else None
            message_events.posted(self.events, self.directory.channels[message.channel], message, parent)

    def edit(self, message: Message, draft: Draft, editor: str | None) -> None:
        """`editor` is None if Slack does not show the message as edited."""
        previous = message.as_json()
        message.text = draft.text
        message.blocks = self.names.blocks(draft.blocks)
        message.attachments = self.names.attachments(draft.attachments)
        message.metadata = draft.metadata
        edited_ts = self.board.next_ts()
        if editor is not None:
            message.edited_by, message.edited_ts = editor, edited_ts
        self.changes.notify()
        if message.ephemeral_to is None:
            message_events.edited(self.events, self.directory.channels[message.channel], message, previous, edited_ts)

    def remove(self, message: Message) -> None:
        previous = message.as_json()
        self.board.remove(message)
        self.changes.notify()
        if message.ephemeral_to is None:
            channel = self.directory.channels[message.channel]
            message_events.deleted(self.events, channel, previous, self.board.next_ts())

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
        """A message of the bot."""
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
        self.add(message)
        self._accept(message, method)
        return message

    # --- messages that Slack posts later

    def schedule(self, channel: Channel, draft: Draft, post_at: int, thread_ts: str | None) -> ScheduledMessage:
        message = self.scheduled.add(channel.id, draft, post_at, self.clock.now(), thread_ts)
        self.background.start(self._post_at(message))
        self.changes.notify()
        return message

    def unschedule(self, channel: Channel, message_id: str) -> None:
        self.scheduled.delete(channel.id, message_id, self.clock.now())
        self.changes.notify()

    async def _post_at(self, message: ScheduledMessage) -> None:
        while self.scheduled.is_pending(message.id):
            await asyncio.sleep(min(POST_SECONDS, max(0.0, message.post_at - self.clock.now())))
            self.post_due()

    def post_due(self) -> None:
        """Posts the scheduled messages that are due, whether or not the app still runs.

        A message with metadata never appears, and neither does one that the channel no longer takes.
        """
        for message in self.scheduled.take_due(self.clock.now()):
            channel = self.directory.channels.get(message.channel)
            open_to_bot = channel is not None and BOT_USER in channel.members and not channel.archived
            if channel is None or not open_to_bot or channel.read_only or message.draft.metadata is not None:
                self.changes.notify()
                continue
            self.post("chat.scheduleMessage", channel, message.draft, thread_ts=message.thread_ts)

    def rewrite(self, method: str, message: Message, draft: Draft) -> None:
        """An edit with blocks does not show as "edited" (chat.update's page)."""
        self.edit(message, draft, editor=None if draft.blocks else BOT_USER)
        self._accept(message, method)

    def erase(self, method: str, message: Message) -> None:
        self._accept(message, method)
        self.remove(message)

    def slackbot_says(self, channel: str, user: str, text: str) -> None:
        """Slack's own message to one person."""
        ts = self.board.next_ts()
        self.add(Message(channel=channel, ts=ts, user=SLACKBOT, text=text, ephemeral_to=user))

    def _accept(self, message: Message, method: str) -> None:
        self.accepted.append(Accepted.of(message, method, self.clock.monotonic()))
        del self.accepted[:-MOST_ENTRIES]
        self.changes.notify()
