"""How the app is set up in this workspace, as app_manifest.yaml says. A test compares the two."""

from enum import StrEnum

SCOPES = frozenset(
    {
        "app_mentions:read",
        "canvases:write",
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
        "usergroups:write",
        "users:read",
        "users:read.email",
    }
)
"""Without `chat:write.public` the bot posts only in channels that it is in."""

EVENTS = frozenset(
    {
        "app_home_opened",
        "app_mention",
        "app_uninstalled",
        "channel_archive",
        "channel_deleted",
        "channel_id_changed",
        "channel_left",
        "channel_unarchive",
        "group_archive",
        "group_deleted",
        "group_left",
        "group_unarchive",
        "member_joined_channel",
        "member_left_channel",
        "message.im",
        "tokens_revoked",
    }
)
"""The events that the app subscribes to. Slack sends it no others."""

OTHER_EVENTS = frozenset({"channel_rename", "group_rename"})
"""Events that the sandbox can send, but that the app does not subscribe to."""


class MessagesTab(StrEnum):
    """The direct message with the app: `features.app_home` of the manifest."""

    OFF = "off"
    READ_ONLY = "read_only"
    WRITABLE = "writable"


MESSAGES_TAB = MessagesTab.WRITABLE
HOME_TAB = True
