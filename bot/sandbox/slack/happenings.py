"""What happens to channels and people, and the events Slack tells the bot about it.

https://docs.slack.dev/reference/events . Only subscribed events go out, and only about what the bot can see.
"""

from typing import TYPE_CHECKING

from bot.sandbox.slack.directory import APP_ID, BOT_USER, TEAM_ID, Channel, ChannelKind
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.wire import JsonObject, Refused

if TYPE_CHECKING:
    from bot.sandbox.slack.workspace import Workspace

SUBSCRIBABLE = frozenset(
    {
        "member_joined_channel",
        "member_left_channel",
        "channel_archive",
        "channel_unarchive",
        "channel_rename",
        "channel_deleted",
        "app_home_opened",
        "app_mention",
        "message.im",
    }
)


def join(workspace: "Workspace", channel: Channel, user: str, inviter: str | None = None) -> None:
    if channel.archived:
        raise Refused(f"#{channel.name} is archived.")
    if user in channel.members:
        return
    channel.members.append(user)
    event = {"type": "member_joined_channel", "user": user, "channel": channel.id, **_membership(channel)}
    _emit(workspace, channel, event | ({"inviter": inviter} if inviter else {}))


def leave(workspace: "Workspace", channel: Channel, user: str) -> None:
    if user not in channel.members:
        return
    event = {"type": "member_left_channel", "user": user, "channel": channel.id, **_membership(channel)}
    _emit(workspace, channel, event)
    channel.members.remove(user)
    workspace.pulse.beat()


def archive(workspace: "Workspace", channel: Channel) -> None:
    channel.archived = True
    _emit(workspace, channel, {"type": "channel_archive", "channel": channel.id, "user": "U0ANN"})


def unarchive(workspace: "Workspace", channel: Channel) -> None:
    channel.archived = False
    _emit(workspace, channel, {"type": "channel_unarchive", "channel": channel.id, "user": "U0ANN"})


def rename(workspace: "Workspace", channel: Channel, name: str) -> None:
    if not name or workspace.directory.named(name) is not None:
        raise Refused(f"The name {name!r} cannot be taken.")
    channel.name = name
    what = {"id": channel.id, "name": name, "created": int(workspace.clock.now())}
    _emit(workspace, channel, {"type": "channel_rename", "channel": what})


def delete(workspace: "Workspace", channel: Channel) -> None:
    _emit(workspace, channel, {"type": "channel_deleted", "channel": channel.id})
    del workspace.directory.channels[channel.id]
    workspace.pulse.beat()


def app_home_opened(workspace: "Workspace", user: str) -> None:
    """The Home tab: `view` is what was published there before, if anything was."""
    channel, _ = workspace.directory.open_im(workspace.directory.person(user).id)
    event: JsonObject = {"type": "app_home_opened", "user": user, "channel": channel.id, "tab": "home"}
    home = workspace.views.home(user)
    _emit(workspace, channel, event | ({"view": home} if home else {}))


def message_said(workspace: "Workspace", channel: Channel, message: Message) -> None:
    """A person's message: an event in a direct message, or where the bot is named in a channel it is in."""
    workspace.pulse.beat()
    event = {"channel": channel.id, "event_ts": message.ts, **message.as_json()}
    if channel.kind is ChannelKind.IM:
        _emit(workspace, channel, event | {"channel_type": "im"}, subscription="message.im")
    elif f"<@{BOT_USER}>" in message.text and BOT_USER in channel.members:
        _emit(workspace, channel, event | {"type": "app_mention"})


def _membership(channel: Channel) -> JsonObject:
    return {"channel_type": "G" if channel.kind is ChannelKind.PRIVATE else "C", "team": TEAM_ID}


def _emit(workspace: "Workspace", channel: Channel, event: JsonObject, subscription: str | None = None) -> None:
    """Channel events of a private channel have names of their own (`group_archive`), as in Slack."""
    workspace.pulse.beat()
    visible = channel.kind is ChannelKind.PUBLIC or BOT_USER in channel.members
    if channel.kind is ChannelKind.PRIVATE and event["type"].startswith("channel_"):
        event = event | {"type": event["type"].replace("channel_", "group_", 1)}
    if not visible or (subscription or event["type"]) not in workspace.event_subscriptions:
        return
    now = workspace.clock.now()
    workspace.delivery.emit(
        {
            "token": "deprecated-verification-token",
            "team_id": TEAM_ID,
            "context_team_id": TEAM_ID,
            "api_app_id": APP_ID,
            "event": {"event_ts": f"{now:.6f}"} | event,
            "type": "event_callback",
            "event_id": workspace.names.next("Ev"),
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
    )
