"""Finds the channel that a command means, or refuses it: missing, forbidden, or the bot can't post there."""

from collections.abc import Sequence

from bot.domain.answer import RefusalAnswer
from bot.domain.permission import UnknownFact
from bot.domain.watch import ChannelId
from bot.slack.grammar.clauses import ChannelWord
from bot.slack.mrkdwn import outside
from bot.slack.outbound.directory import Admission, Directory
from bot.slack.permissions import UNCHANGED, Asker, Permissions, channels_need_scopes, slack_is_away
from bot.slack.render import phrases


async def channel_to_change(
    word: ChannelWord | None, asker: Asker, directory: Directory, permissions: Permissions
) -> ChannelId | RefusalAnswer:
    """The channel to change, after the permission checks. The bot joins no channel before they pass."""
    if refusal := await permissions.check_account(asker):
        return refusal
    if word is None:
        return await permissions.check_membership(asker, asker.channel) or asker.channel
    return await _permitted_channel(word, asker, directory, permissions, changing=True)


async def channel_to_see(
    word: ChannelWord | None, asker: Asker, directory: Directory, permissions: Permissions
) -> ChannelId | RefusalAnswer:
    """The channel whose watches to show, after the permission checks."""
    if word is None:
        return await permissions.to_see(asker, asker.channel) or asker.channel
    return await _permitted_channel(word, asker, directory, permissions, changing=False)


async def _permitted_channel(
    word: ChannelWord, asker: Asker, directory: Directory, permissions: Permissions, *, changing: bool
) -> ChannelId | RefusalAnswer:
    """The one channel with that name that the person may use.

    An incomplete list can't prove that a channel is missing. So forbidden and missing channels get the same answer.
    """
    typed_name = word.name or word.id
    check = permissions.check_membership if changing else permissions.to_see
    if word.id:
        return await check(asker, ChannelId(word.id), typed_name=typed_name) or ChannelId(word.id)
    found = await directory.channels(word.name)
    refusals = [await check(asker, channel, typed_name=typed_name) for channel in found.ids]
    usable = [channel for channel, refusal in zip(found.ids, refusals, strict=True) if refusal is None]
    if usable:
        return usable[0] if len(usable) == 1 else _ambiguous(typed_name, usable, changing=changing)
    if found.gap is UnknownFact.AWAY:
        return slack_is_away(f"look up the channel *{outside(typed_name)}*", changing=changing)
    if found.gap is UnknownFact.NO_SCOPE:
        return channels_need_scopes(changing=changing)
    return next(iter(refusals), None) or await permissions.refusal_for_unknown_channel(
        asker, typed_name, changing=changing
    )


def _ambiguous(typed_name: str, channels: Sequence[ChannelId], *, changing: bool) -> RefusalAnswer:
    """Refuses a name of several channels: another company's shared channel may have the same name as ours."""
    links = ", ".join(phrases.conversation(channel, "your") for channel in channels)
    reason = (
        f"*{outside(typed_name)}* could mean {len(channels):,} channels: {links}.{f' {UNCHANGED}' if changing else ''}"
    )
    return RefusalAnswer(reason=reason, hint="Pick the channel from the list that Slack offers after #.")


async def join_or_refuse(
    channel: ChannelId, directory: Directory, *, elsewhere: bool, channel_name: str = ""
) -> RefusalAnswer | None:
    """Joins a public channel if Slack allows it. Returns why the bot still can't post there, or None if it can.

    `elsewhere`: the person named a channel, instead of typing in it. `channel_name`: Slack's name for the conversation
    where they typed.
    """
    return _admission_refusal(
        channel, await directory.admission(channel), elsewhere=elsewhere, channel_name=channel_name
    )


def _admission_refusal(
    channel: ChannelId, admission: Admission, *, elsewhere: bool, channel_name: str
) -> RefusalAnswer | None:
    if admission is Admission.ARCHIVED and _is_private_talk(channel, channel_name):
        return RefusalAnswer(
            reason=f"This conversation is closed, so I couldn't post here. {UNCHANGED}",
            hint="Type this in a channel, or in your own direct messages with me.",
        )
    if admission in {Admission.OUTSIDE, Admission.UNSEEN} and _is_private_talk(channel, channel_name):
        return RefusalAnswer(
            reason=f"I can't be added to a direct message between people, so I couldn't post here. {UNCHANGED}",
            hint="Type this in a channel, or in your own direct messages with me.",
        )
    shown = phrases.conversation(channel, "your") if elsewhere else "this channel"
    match admission:
        case Admission.MEMBER:
            return None
        case Admission.ARCHIVED:
            return RefusalAnswer(
                reason=f"{phrases.sentence(shown)} is archived, so I can't post there. {UNCHANGED}",
                hint="Unarchive it first.",
            )
        case Admission.OUTSIDE | Admission.UNSEEN:
            return RefusalAnswer(
                reason=f"I'm not in {shown}, so I can't post there. {UNCHANGED}",
                hint="Invite me there with `/invite`, then type this again.",
            )


def _is_private_talk(channel: ChannelId, channel_name: str) -> bool:
    """True for a direct message between people. Source: the `channel_name` of a slash command's payload."""
    return channel.startswith("D") or channel_name == "directmessage" or channel_name.startswith("mpdm-")
