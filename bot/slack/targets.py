"""From what people typed to channels and targets that Slack knows; what cannot be resolved is refused at once."""

from collections.abc import Sequence

from bot.domain.answer import Refusal
from bot.domain.permission import Account, Broadcast, Unreadable
from bot.domain.watch import ChannelId, Target, TargetKind, UserId
from bot.ports.chat import ChatAway
from bot.slack.grammar.clauses import ChannelWord, TargetWord
from bot.slack.grammar.people import Entry
from bot.slack.grammar.tokens import PUNCTUATION
from bot.slack.outbound.directory import Admission, Directory, Found
from bot.slack.permissions import UNCHANGED, Asker, Permissions, channels_need_scopes, slack_is_away
from bot.slack.render.mrkdwn import outside

MOST_LISTED = 10
_NOT_PAGED = {
    Account.STRANGER: "belongs to another company",
    Account.DEACTIVATED: "is deactivated",
    Account.BOT: "is a bot",
    Account.UNKNOWN: "is unknown to Slack",
}


async def channel_to_change(
    word: ChannelWord | None, asker: Asker, directory: Directory, permissions: Permissions
) -> ChannelId | Refusal:
    """The channel meant, whether or not the bot may post there. Nothing is joined or opened before this says yes."""
    if refusal := await permissions.to_change_anything(asker):
        return refusal
    if word is None:
        return await permissions.inside(asker, asker.channel) or asker.channel
    return await _permitted(word, asker, directory, permissions, changing=True)


async def channel_to_see(
    word: ChannelWord | None, asker: Asker, directory: Directory, permissions: Permissions
) -> ChannelId | Refusal:
    if word is None:
        return await permissions.to_see(asker, asker.channel) or asker.channel
    return await _permitted(word, asker, directory, permissions, changing=False)


async def _permitted(
    word: ChannelWord, asker: Asker, directory: Directory, permissions: Permissions, *, changing: bool
) -> ChannelId | Refusal:
    """The one channel with that name that the asker may use. An incomplete list can't show that a channel is missing,
    so forbidden and missing channels then get the same answer."""
    named = word.name or word.id
    check = permissions.inside if changing else permissions.to_see
    if word.id:
        return await check(asker, ChannelId(word.id), named=named) or ChannelId(word.id)
    found = await directory.channels(word.name)
    refusals = [await check(asker, channel, named=named) for channel in found.ids]
    usable = [channel for channel, refusal in zip(found.ids, refusals, strict=True) if refusal is None]
    if usable:
        return usable[0] if len(usable) == 1 else _which(named, usable, changing=changing)
    if found.gap is Unreadable.AWAY:
        return slack_is_away(f"look up the channel *{outside(named)}*", changing=changing)
    if found.gap is Unreadable.NO_SCOPE:
        return channels_need_scopes(changing=changing)
    return next(iter(refusals), None) or await permissions.to_find_nothing(asker, named, changing=changing)


def _which(named: str, channels: Sequence[ChannelId], *, changing: bool) -> Refusal:
    """A shared channel may be called like one of our own."""
    those = ", ".join(f"<#{channel}>" for channel in channels)
    told = f"*{outside(named)}* could mean {len(channels)} channels: {those}.{f' {UNCHANGED}' if changing else ''}"
    return Refusal(reason=told, hint="Pick the channel from the list that Slack offers after #.")


async def closed(channel: ChannelId, directory: Directory, *, there: bool, named: str = "") -> Refusal | None:
    """Why the bot cannot post there; None where it can. A public channel is joined, where Slack lets it.

    `named`: what Slack calls the conversation where this was typed.
    """
    return _closed(channel, await directory.admission(channel), there=there, named=named)


def _closed(channel: ChannelId, admission: Admission, *, there: bool, named: str) -> Refusal | None:
    if admission is Admission.ARCHIVED and _is_private_talk(channel, named):
        return Refusal(
            reason=f"This conversation is closed, so I could not post here. {UNCHANGED}",
            hint="Type this in a channel, or in your own direct messages with me.",
        )
    if admission in {Admission.OUTSIDE, Admission.UNSEEN} and _is_private_talk(channel, named):
        return Refusal(
            reason=f"I can't be added to a direct message between people, so I could not post here. {UNCHANGED}",
            hint="Type this in a channel, or in your own direct messages with me.",
        )
    where = f"<#{channel}>" if there else "this channel"
    match admission:
        case Admission.MEMBER:
            return None
        case Admission.ARCHIVED:
            return Refusal(
                reason=f"{where[:1].upper()}{where[1:]} is archived, so I can't post there. {UNCHANGED}",
                hint="Unarchive it first.",
            )
        case Admission.OUTSIDE | Admission.UNSEEN:
            return Refusal(
                reason=f"I'm not in {where}, so I can't post there. {UNCHANGED}",
                hint="Invite me there with `/invite`, then type this again.",
            )


def _is_private_talk(channel: ChannelId, named: str) -> bool:
    """Between two people, or a group of them. Source: the `channel_name` of a slash command's payload."""
    return channel.startswith("D") or named == "directmessage" or named.startswith("mpdm-")


async def resolve_targets(
    words: Sequence[TargetWord],
    asker: Asker,
    directory: Directory,
    permissions: Permissions,
    broadcast: Broadcast = Broadcast.MEMBERS,
) -> tuple[Target, ...] | Refusal:
    """The targets to page, each with the plain name to show outside a page."""
    targets: list[Target] = []
    for word in words:
        target = await _target(word, asker, directory, permissions, broadcast)
        if isinstance(target, Refusal):
            return target
        targets.append(target)
    return tuple(dict.fromkeys(targets))


async def _target(
    word: TargetWord, asker: Asker, directory: Directory, permissions: Permissions, broadcast: Broadcast
) -> Target | Refusal:
    match word.kind:
        case TargetKind.HERE | TargetKind.CHANNEL if broadcast is Broadcast.NOBODY:
            why = "the person who runs this bot has switched that off"
            return _cannot_page(f"@{word.kind.value}", why, "Name people or a user group.")
        case TargetKind.HERE | TargetKind.CHANNEL:
            return Target(kind=word.kind)
        case TargetKind.USERGROUP:
            return await _group(word, directory)
        case TargetKind.USER if word.me and not await _has_name(word.name, directory):
            return await _person(asker.user, asker.handle, directory, permissions)
        case TargetKind.USER if word.id:
            return await _person(UserId(word.id), word.label.lstrip("@"), directory, permissions)
        case TargetKind.USER:
            return await _named(word.name, directory, permissions)


async def _has_name(name: str, directory: Directory) -> bool:
    """Whether it may be somebody's; also where Slack is away and nobody can tell."""
    if not name:
        return False
    found = await directory.named(name)
    return bool(found.matches.entries) or found.gap is Unreadable.AWAY


async def _named(name: str, directory: Directory, permissions: Permissions) -> Target | Refusal:
    found = await directory.named(name)
    plain = name.lstrip("@").rstrip(PUNCTUATION)
    if not found.matches.entries and plain not in {"", name}:
        found = await directory.named(plain)  # `@ann!` ends a sentence, `@Ann B.` is a name
    entries = found.matches.entries
    if len(entries) > 1:
        return _several(name, entries)
    if not entries or (found.gap and not found.matches.sure):
        return _nobody(name, found)
    (entry,) = entries
    if entry.kind is TargetKind.USERGROUP:
        return Target(kind=TargetKind.USERGROUP, id=entry.id, label=entry.handle)
    return await _person(UserId(entry.id), entry.shown, directory, permissions)


async def _person(user: UserId, label: str, directory: Directory, permissions: Permissions) -> Target | Refusal:
    """Guests count if somebody picked them from Slack's list. Refuses accounts that could not see the page."""
    person = await permissions.facts.person(user)
    named = person.name or label
    if person.account is Unreadable.AWAY:
        return slack_is_away(f"look up @{outside(named or user)}", changing=True)
    if why := _NOT_PAGED.get(person.account) if isinstance(person.account, Account) else None:
        return _cannot_page(f"@{named or user}", f"that account {why}")
    try:
        direct = await directory.direct(user)
    except ChatAway:
        return slack_is_away(f"find out how to reach @{outside(named or user)}", changing=True)
    if directory.is_nobody(user):
        return _cannot_page(f"@{named or user}", "Slack can't reach that account")
    return Target(kind=TargetKind.USER, id=user, direct=direct, label=named)


async def _group(word: TargetWord, directory: Directory) -> Target | Refusal:
    found = await directory.group(word.id)
    label = word.label.lstrip("@")
    match found:
        case Entry():
            return Target(kind=TargetKind.USERGROUP, id=word.id, label=found.handle)
        case Unreadable.NO_SCOPE:
            return Target(kind=TargetKind.USERGROUP, id=word.id, label=label)
        case Unreadable.AWAY:
            return slack_is_away(f"look up the group @{outside(label or word.id)}", changing=True)
        case None:
            return _cannot_page(f"@{label or word.id}", "that user group is disabled or missing")


def _several(name: str, entries: Sequence[Entry]) -> Refusal:
    listed = [f"• {_described(entry)}" for entry in entries[:MOST_LISTED]]
    more = [f"… and {len(entries) - MOST_LISTED} more"] if len(entries) > MOST_LISTED else []
    head = f"@{outside(name)} could mean {len(entries)} people or groups. {UNCHANGED}"
    return Refusal(reason="\n".join([head, *listed, *more]), hint="Type the handle, or pick from the list after @.")


def _described(entry: Entry) -> str:
    what = "user group" if entry.kind is TargetKind.USERGROUP else "person"
    return f"{outside(entry.shown or entry.full)} (@{outside(entry.handle)}, {what})"


def _nobody(name: str, found: Found) -> Refusal:
    match found.gap:
        case Unreadable.AWAY:
            return slack_is_away(f"look up @{outside(name)}", changing=True)
        case Unreadable.NO_SCOPE:
            why = "the app lacks the scope `users:read` or `usergroups:read`, so I can't look up names"
            return _cannot_page(f"@{name}", why)
        case None:
            return _cannot_page(f"@{name}", "no person or user group of this workspace has that name")


def _cannot_page(named: str, why: str, hint: str = "Pick the name from the list that Slack offers after @.") -> Refusal:
    return Refusal(reason=f"I can't page {outside(named)}: {why}. {UNCHANGED}", hint=hint)
