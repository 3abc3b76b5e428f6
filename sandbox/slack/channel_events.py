"""What happens to channels and people, and the events Slack tells the bot about it.

https://docs.slack.dev/reference/events . Only subscribed events go out, and only about what the bot can see.
"""

from typing import TYPE_CHECKING

from sandbox.slack.directory import APP_ID, BOT_USER, TEAM_ID, Channel, ChannelKind
from sandbox.slack.messages import Message
from sandbox.slack.wire import JsonObject, Refused

if TYPE_CHECKING:
    from sandbox.slack.workspace import Workspace

SUBSCRIBABLE = frozenset(
    {
        "member_joined_channel",
        "member_left_channel",
        "channel_archive",
        "channel_unarchive",
        "channel_rename",
        "channel_deleted",
        "channel_left",
        "channel_id_changed",
        "group_archive",
        "group_unarchive",
        "group_rename",
        "group_deleted",
        "group_left",
        "tokens_revoked",
        "app_uninstalled",
        "app_home_opened",
        "app_mention",
        "message.im",
    }
)

SUBSCRIBED = SUBSCRIBABLE - {"app_home_opened", "app_mention", "channel_rename", "group_rename", "message.im"}
"""Those of app_manifest.yaml: Slack sends an app no other events."""


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
    if user == BOT_USER:  # https://docs.slack.dev/reference/events/channel_left
        _emit(workspace, channel, {"type": "channel_left", "channel": channel.id, "actor_id": "U0ANN"})
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


def convert(workspace: "Workspace", channel: Channel, kind: ChannelKind) -> None:
    """A public channel becomes private or a private one public. The id stays, and no channel event tells of it: only
    a message in the channel does, to those who read messages.

    https://docs.slack.dev/reference/events/message/channel_convert_to_private
    """
    channel.kind = kind
    private = kind is ChannelKind.PRIVATE
    event = {
        "type": "message",
        "subtype": "channel_convert_to_private" if private else "channel_convert_to_public",
        "user": "U0ANN",
        "channel": channel.id,
        "channel_type": "group" if private else "channel",
        "text": f"made this channel *{'private' if private else 'public'}*.",
        "ts": workspace.board.next_ts(),
    }
    _emit(workspace, channel, event, subscription="message.groups" if private else "message.channels")


def change_id(workspace: "Workspace", channel: Channel) -> None:
    """As when a private channel is shared with another company: https://docs.slack.dev/reference/events/channel_id_changed"""
    old_id, new_id = channel.id, workspace.names.next("C0MOVED")
    workspace.directory.move(channel, new_id)
    workspace.board.move(old_id, new_id)
    _emit_plain(workspace, {"type": "channel_id_changed", "old_channel_id": old_id, "new_channel_id": new_id})


def tokens_revoked(workspace: "Workspace") -> None:
    _emit_plain(workspace, {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [BOT_USER]}})


def app_uninstalled(workspace: "Workspace") -> None:
    _emit_plain(workspace, {"type": "app_uninstalled"})


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
    visible = channel.kind is ChannelKind.PUBLIC or BOT_USER in channel.members
    if channel.kind is ChannelKind.PRIVATE and event["type"].startswith("channel_"):
        event = event | {"type": event["type"].replace("channel_", "group_", 1)}
    if visible:
        _emit_plain(workspace, event, subscription)
    else:
        workspace.pulse.beat()


def _emit_plain(workspace: "Workspace", event: JsonObject, subscription: str | None = None) -> None:
    workspace.pulse.beat()
    if (subscription or event["type"]) not in workspace.event_subscriptions:
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
