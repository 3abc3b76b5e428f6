"""The bot scopes in app_manifest.yaml: what each one is for, and what fails without it."""

from collections.abc import Mapping

REQUIRED: Mapping[str, str] = {
    "commands": "the slash command",
    "chat:write": "posting and updating messages in channels the bot was invited to",
}

OPTIONAL: Mapping[str, str] = {
    "channels:read": "seeing who is in a public channel, and whether the bot may post there; `in #channel` and Unwatch",
    "groups:read": "the same for private channels",
    "im:write": "direct messages: to whoever is paged, and to whoever made a watch whose channel went away",
    "channels:history": "looking in public channels for a message whose fate is unknown, so that it is not said twice",
    "groups:history": "the same in private channels",
    "im:history": "the same in direct messages; commands typed in the bot's direct messages",
    "metadata.message:read": "recognising one's own messages in that look",
    "channels:join": "joining a public channel when told to watch there, instead of asking for an /invite",
    "users:read": "telling full members from guests and other companies; names as plain text; `page @name` as typed",
    "app_mentions:read": "commands typed as a mention of the bot: `@Pipeline Bot status`",
    "usergroups:read": "`page @group` typed without picking the group; seeing that a group is disabled",
}
