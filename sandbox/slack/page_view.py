"""The workspace as the page draws it for one person."""

from sandbox.slack.directory import BOT_USER, SLACKBOT, TEAM_ID, TEAM_NAME, Channel
from sandbox.slack.messages import Message
from sandbox.slack.state import WorkspaceState
from sandbox.slack.wire import JsonObject


def conversation(workspace: WorkspaceState, channel: str, viewer: str) -> list[JsonObject]:
    return [_message(workspace, message) for message in workspace.board.seen_by(channel, viewer)]


def surroundings(workspace: WorkspaceState, viewer: str) -> JsonObject:
    """Everything beside the conversation itself."""
    directory = workspace.directory
    return {
        "team": {"id": TEAM_ID, "name": TEAM_NAME},
        "users": [
            {"id": user.id, "name": user.name, "real_name": user.real_name, "tz": user.tz, "is_bot": user.is_bot}
            for user in directory.users.values()
            if not user.deleted
        ],
        "usergroups": [
            {"id": group.id, "handle": group.handle, "name": group.name, "users": list(group.users)}
            for group in directory.usergroups.values()
        ],
        "channels": [
            _channel(workspace, channel, viewer)
            for channel in directory.channels.values()
            if directory.sees(viewer, channel)
        ],
        "view": workspace.views.top(viewer),
        "home": workspace.views.home(viewer),
        "bot": {
            "connected": workspace.delivery.transport.value,
            "user": BOT_USER,
            "messages_tab": workspace.messages_tab.value,
        },
    }


def scheduled(workspace: WorkspaceState, channel: str) -> list[JsonObject]:
    """What the app has scheduled here, the next one first. Slack's own client does not show it."""
    pending = sorted(workspace.scheduled.pending(channel), key=lambda message: message.post_at)
    return [{"id": message.id, "post_at": message.post_at, "text": message.draft.text} for message in pending]


def mark_read(workspace: WorkspaceState, channel_id: str, viewer: str) -> None:
    timeline = workspace.board.timeline(channel_id)
    if timeline:
        workspace.directory.channels[channel_id].last_read[viewer] = timeline[-1].ts


def _channel(workspace: WorkspaceState, channel: Channel, viewer: str) -> JsonObject:
    last_read = channel.last_read.get(viewer, "")
    unread = [
        message for message in workspace.board.timeline(channel.id) if message.ts > last_read and message.user != viewer
    ]
    return {
        "id": channel.id,
        "name": channel.name,
        "kind": channel.kind.value,
        "archived": channel.archived,
        "read_only": channel.read_only,
        "bot_is_member": BOT_USER in channel.members,
        "is_member": viewer in channel.members,
        "members": list(channel.members),
        "unread": len(unread),
    }


def _message(workspace: WorkspaceState, message: Message) -> JsonObject:
    user = workspace.directory.users.get(message.user)
    return {
        "ts": message.ts,
        "thread_ts": message.thread_ts,
        "user": message.user,
        "name": "Slackbot" if message.user == SLACKBOT else (user.real_name if user else message.user),
        "is_bot": message.bot_id is not None,
        "text": message.text,
        "blocks": message.blocks,
        "attachments": message.attachments,
        "edited": message.edited_ts is not None,
        "ephemeral": message.ephemeral_to is not None,
        "deleted": message.tombstone,
        "broadcast": message.broadcast,
        "replies": [_message(workspace, reply) for reply in message.replies],
    }
