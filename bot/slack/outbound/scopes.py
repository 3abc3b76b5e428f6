"""The bot scopes in app_manifest.yaml: what each one is for, and what fails without it."""

from collections.abc import Mapping

REQUIRED: Mapping[str, str] = {
    "commands": "the slash command",
    "chat:write": "posting and updating messages in channels the bot was invited to",
}

OPTIONAL: Mapping[str, str] = {
    "channels:read": "seeing who is in a public channel, and whether the bot may post there; `in #channel` and Unwatch",
    "groups:read": "the same for private channels",
    "im:write": "direct messages to the people who are paged, and to the makers of watches in a suspended channel",
    "channels:history": "checking a public channel for a message that may have arrived, so that it isn't posted twice",
    "groups:history": "the same in private channels",
    "im:history": "the same in direct messages; commands typed in the bot's direct messages",
    "metadata.message:read": "recognizing the bot's own messages in that check",
    "channels:join": "joining a public channel to watch there, without an /invite",
    "users:read": "telling full members from guests and other companies; names as plain text; a typed `page @name`",
    "app_mentions:read": "commands typed as a mention of the bot: `@Pipeline Bot status`",
    "usergroups:read": "a typed `page @group`; noticing that a group is disabled",
    "users:read.email": "finding the people of a calendar, and a pipeline's owner, by e-mail; no e-mail is ever shown",
    "usergroups:write": "keeping a user group equal to the people on call, for schedules that name one",
    "canvases:write": "a postmortem's draft as a canvas of the channel, rather than a message in the thread",
}
