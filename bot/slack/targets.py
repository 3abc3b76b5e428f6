"""From what people typed to channels and targets that Slack knows; what cannot be resolved is refused at once."""

from collections.abc import Sequence

from bot.domain.answer import Refusal
from bot.domain.watch import ChannelId, Target, TargetKind, UserId
from bot.ports import ChatAway
from bot.slack.directory import Admission, Directory
from bot.slack.grammar import ChannelWord, TargetWord
from bot.slack.text import outside


async def resolve_channel(word: ChannelWord | None, here: ChannelId, directory: Directory) -> ChannelId | Refusal:
    """The channel meant, whether or not the bot may post there."""
    if word is None:
        return here
    found = ChannelId(word.id) if word.id else await directory.channel(word.name)
    return found or Refusal(
        reason=f"I know no channel called #{outside(word.name)}.",
        hint="Pick it from the list that Slack offers after #. A private channel must invite me first.",
    )


async def closed(channel: ChannelId, directory: Directory, *, there: bool) -> Refusal | None:
    """Why the bot cannot post there; None where it can. A public channel is joined, where Slack lets it."""
    return _closed(channel, await directory.admission(channel), there=there)


def _closed(channel: ChannelId, admission: Admission, *, there: bool) -> Refusal | None:
    where = f"<#{channel}>" if there else "this channel"
    match admission:
        case Admission.MEMBER:
            return None
        case Admission.ARCHIVED:
            return Refusal(reason=f"{where} is archived, so nothing can be posted there.", hint="Unarchive it first.")
        case Admission.OUTSIDE | Admission.UNSEEN:
            return Refusal(
                reason=f"I am not in {where}, so I could not post there.",
                hint="Invite me there with `/invite`, then type this again.",
            )


async def resolve_targets(words: Sequence[TargetWord], directory: Directory) -> tuple[Target, ...] | Refusal:
    targets = []
    for word in words:
        target = await _target(word, directory)
        if isinstance(target, Refusal):
            return target
        targets.append(target)
    return tuple(targets)


async def _target(word: TargetWord, directory: Directory) -> Target | Refusal:
    if word.kind in {TargetKind.HERE, TargetKind.CHANNEL}:
        return Target(kind=word.kind)
    if word.kind is TargetKind.USERGROUP:
        return Target(kind=TargetKind.USERGROUP, id=word.id)
    user = word.id or await directory.user(word.name)
    if user:
        try:
            direct = await directory.direct(UserId(user))
        except ChatAway:
            return Refusal(
                reason=f"Slack does not tell me just now how to reach <@{user}>, so nothing was changed.",
                hint="Type it again in a minute.",
            )
        return Target(kind=TargetKind.USER, id=user, direct=direct)
    group = await directory.usergroup(word.name)
    if group:
        return Target(kind=TargetKind.USERGROUP, id=group)
    return Refusal(
        reason=f"I know nobody called @{outside(word.name)}, no person and no user group, so nothing was changed.",
        hint="Pick the name from the list that Slack offers after @.",
    )
