"""The Events API: https://docs.slack.dev/apis/events-api .

An event goes out only if the app subscribes to it, holds its scope and can see the channel.
"""

from sandbox.changes import Changes
from sandbox.clock import Clock
from sandbox.slack.delivery import Delivery
from sandbox.slack.directory import APP_ID, BOT_USER, TEAM_ID, Channel, ChannelKind
from sandbox.slack.installation import Installation
from sandbox.slack.naming import Namer
from sandbox.slack.wire import JsonObject


class Events:
    def __init__(
        self, clock: Clock, changes: Changes, names: Namer, delivery: Delivery, installation: Installation
    ) -> None:
        self._clock = clock
        self._changes = changes
        self._names = names
        self._delivery = delivery
        self._installation = installation

    def send(self, event: JsonObject, *, subscription: str | None = None, scope: str | None = None) -> None:
        """An event about the app or the whole workspace. `subscription` is the event's type unless given."""
        self._changes.notify()
        if (subscription or event["type"]) not in self._installation.event_subscriptions:
            return
        if scope is None or scope in self._installation.scopes:
            self._delivery.emit(self._envelope(event))

    def send_about(
        self, channel: Channel, event: JsonObject, *, subscription: str | None = None, scope: str | None = None
    ) -> None:
        """An event about one channel. Its scope is the channel's `…:read` unless given.

        Slack renames the channel events of a private channel, such as `group_archive`.
        """
        if channel.kind is ChannelKind.PRIVATE and event["type"].startswith("channel_"):
            event = event | {"type": event["type"].replace("channel_", "group_", 1)}
        if channel.kind is ChannelKind.PUBLIC or BOT_USER in channel.members:
            self.send(event, subscription=subscription, scope=scope or f"{channel.kind.family}:read")
        else:
            self._changes.notify()

    def _envelope(self, event: JsonObject) -> JsonObject:
        now = self._clock.now()
        return {
            "token": "deprecated-verification-token",
            "team_id": TEAM_ID,
            "context_team_id": TEAM_ID,
            "api_app_id": APP_ID,
            "event": {"event_ts": f"{now:.6f}"} | event,
            "type": "event_callback",
            "event_id": self._names.next("Ev"),
            "event_time": int(now),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": TEAM_ID,
                    "user_id": BOT_USER,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
        }
