"""Changes of channels and members, and their events: https://docs.slack.dev/reference/events ."""

from sandbox.slack import message_events
from sandbox.slack.directory import BOT_USER, TEAM_ID, Channel, ChannelKind
from sandbox.slack.state import WorkspaceState
from sandbox.slack.wire import JsonObject, Refused


def join(workspace: WorkspaceState, channel: Channel, user: str, inviter: str | None = None) -> None:
    if channel.archived:
        raise Refused(f"#{channel.name} is archived.")
    if user in channel.members:
        return
    channel.members.append(user)
    event = {"type": "member_joined_channel", "user": user, "channel": channel.id, **_membership(channel)}
    workspace.events.send_about(channel, event | ({"inviter": inviter} if inviter else {}))


def leave(workspace: WorkspaceState, channel: Channel, user: str) -> None:
    if user not in channel.members:
        return
    event = {"type": "member_left_channel", "user": user, "channel": channel.id, **_membership(channel)}
    workspace.events.send_about(channel, event)
    if user == BOT_USER:  # https://docs.slack.dev/reference/events/channel_left
        workspace.events.send_about(channel, {"type": "channel_left", "channel": channel.id, "actor_id": "U0ANN"})
    channel.members.remove(user)
    workspace.changes.notify()


def archive(workspace: WorkspaceState, channel: Channel) -> None:
    channel.archived = True
    workspace.events.send_about(channel, {"type": "channel_archive", "channel": channel.id, "user": "U0ANN"})


def unarchive(workspace: WorkspaceState, channel: Channel) -> None:
    channel.archived = False
    workspace.events.send_about(channel, {"type": "channel_unarchive", "channel": channel.id, "user": "U0ANN"})


def rename(workspace: WorkspaceState, channel: Channel, name: str) -> None:
    if not name or workspace.directory.named(name) is not None:
        raise Refused(f"The name {name!r} cannot be taken.")
    channel.name = name
    details = {"id": channel.id, "name": name, "created": int(workspace.clock.now())}
    workspace.events.send_about(channel, {"type": "channel_rename", "channel": details})


def delete(workspace: WorkspaceState, channel: Channel) -> None:
    workspace.events.send_about(channel, {"type": "channel_deleted", "channel": channel.id})
    del workspace.directory.channels[channel.id]
    workspace.changes.notify()


def convert(workspace: WorkspaceState, channel: Channel, kind: ChannelKind) -> None:
    """A public channel becomes private, or a private one public. Its id stays.

    Slack sends no channel event, only a message in the channel, which few apps read.
    https://docs.slack.dev/reference/events/message/channel_convert_to_private
    """
    channel.kind = kind
    private = kind is ChannelKind.PRIVATE
    event = {
        "subtype": "channel_convert_to_private" if private else "channel_convert_to_public",
        "user": "U0ANN",
        "text": f"made this channel *{'private' if private else 'public'}*.",
        "ts": workspace.board.next_ts(),
    }
    message_events.about(workspace.events, channel, event)


def change_id(workspace: WorkspaceState, channel: Channel) -> None:
    """Happens when a private channel is shared: https://docs.slack.dev/reference/events/channel_id_changed"""
    old_id, new_id = channel.id, workspace.names.next("C0MOVED")
    workspace.directory.move(channel, new_id)
    workspace.board.move(old_id, new_id)
    workspace.scheduled.move(old_id, new_id)
    event = {"type": "channel_id_changed", "old_channel_id": old_id, "new_channel_id": new_id}
    workspace.events.send(event, scope=f"{channel.kind.family}:read")


def tokens_revoked(workspace: WorkspaceState) -> None:
    workspace.events.send({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [BOT_USER]}})


def app_uninstalled(workspace: WorkspaceState) -> None:
    workspace.events.send({"type": "app_uninstalled"})


def app_home_opened(workspace: WorkspaceState, user: str, tab: str) -> Channel:
    """`view` is the Home tab that the app published before."""
    channel, _ = workspace.directory.open_im(workspace.directory.person(user).id)
    event: JsonObject = {"type": "app_home_opened", "user": user, "channel": channel.id, "tab": tab}
    home = workspace.views.home(user) if tab == "home" else None
    workspace.events.send(event | ({"view": home} if home else {}))
    return channel


def _membership(channel: Channel) -> JsonObject:
    return {"channel_type": "G" if channel.kind is ChannelKind.PRIVATE else "C", "team": TEAM_ID}
