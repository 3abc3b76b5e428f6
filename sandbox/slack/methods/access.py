"""The channels that the bot may see and write to, and Slack's refusals for the others."""

from sandbox.slack.directory import BOT_USER, Channel, ChannelKind
from sandbox.slack.manifest import MessagesTab
from sandbox.slack.wire import SlackError
from sandbox.slack.workspace import Workspace


def need_family_scope(workspace: Workspace, kind: ChannelKind, verb: str) -> None:
    """`channels:read`, `groups:history`, `im:write`...: one scope for each kind of channel."""
    workspace.need_scope(f"{kind.family}:{verb}")


def visible(workspace: Workspace, channel_id: str) -> Channel:
    """To the bot, a private channel without it does not exist."""
    channel = workspace.directory.channels.get(channel_id)
    if channel is None or not channel.visible_to(BOT_USER):
        raise SlackError("channel_not_found")
    return channel


def joined(workspace: Workspace, channel_id: str) -> Channel:
    channel = visible(workspace, channel_id)
    if BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def writable(workspace: Workspace, name: str) -> Channel:
    """Where chat.postMessage may post: by ID, by name, or to a person, whose direct message it opens."""
    if name in workspace.directory.users and name != BOT_USER:
        name = workspace.directory.open_im(name)[0].id
    named = workspace.directory.named(name.removeprefix("#"))
    channel = visible(workspace, named.id if named is not None else name)
    if channel.kind is ChannelKind.IM and workspace.messages_tab is MessagesTab.OFF:
        raise SlackError("messages_tab_disabled")
    if channel.archived:
        raise SlackError("is_archived")
    if channel.read_only:
        raise SlackError("restricted_action_read_only_channel")
    if BOT_USER in channel.members:
        return channel
    if channel.kind is ChannelKind.PUBLIC and "chat:write.public" in workspace.scopes:
        return channel
    raise SlackError("not_in_channel")
