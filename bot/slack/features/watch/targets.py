"""Finds the people and groups that a watch pages, or refuses them. A watch pages a limited number of targets."""

from collections.abc import Collection, Sequence

from bot.domain.answer import RefusalAnswer
from bot.domain.permission import Account, Broadcast, UnknownFact
from bot.domain.watch import Target, TargetKind, UserId
from bot.ports.chat import ChatAway
from bot.slack.feature import Services
from bot.slack.grammar.clauses import TargetWord
from bot.slack.grammar.tokens import PUNCTUATION
from bot.slack.mrkdwn import outside
from bot.slack.outbound.directory import Directory, People
from bot.slack.outbound.people import Entry
from bot.slack.permissions import UNCHANGED, Asker, Permissions, slack_is_away

MOST_LISTED = 10
_NOT_PAGED = {
    Account.STRANGER: "belongs to another company",
    Account.DEACTIVATED: "is deactivated",
    Account.BOT: "is a bot",
    Account.UNKNOWN: "is unknown to Slack",
}


async def targets_of(
    words: Sequence[TargetWord] | None, asker: Asker, services: Services
) -> tuple[Target, ...] | RefusalAnswer | None:
    """Each target once; None if no target was typed."""
    if words is None:
        return None
    if refusal := too_many_words(words, services.max_targets):
        return refusal
    targets = await resolve_targets(words, asker, services.directory, services.permissions, services.broadcast)
    if isinstance(targets, RefusalAnswer):
        return targets
    return too_many(targets, services.max_targets) or services.requests.policies.missing(targets) or targets


def too_many_words(words: Sequence[TargetWord], limit: int) -> RefusalAnswer | None:
    """Checks the limit before any lookup. Counts only ids, because two names may mean the same person."""
    return _refused(len({(word.kind, word.id) for word in words if word.id}), limit)


def too_many(targets: Collection[Target], limit: int) -> RefusalAnswer | None:
    """Checks the limit after the lookups. Counts a repeated target once."""
    return _refused(len(set(targets)), limit)


def _refused(number: int, limit: int) -> RefusalAnswer | None:
    if number <= limit:
        return None
    most = "1 target" if limit == 1 else f"{limit} targets"
    return RefusalAnswer(
        reason=f"I can page at most {most} at once, and you named {number}. Nothing was changed.",
        hint="Name fewer, or page a user group: it counts as one.",
    )


async def resolve_targets(
    words: Sequence[TargetWord],
    asker: Asker,
    directory: Directory,
    permissions: Permissions,
    broadcast: Broadcast = Broadcast.MEMBERS,
) -> tuple[Target, ...] | RefusalAnswer:
    """The targets to page, each with the plain name to show outside a page."""
    targets: list[Target] = []
    for word in words:
        target = await _target(word, asker, directory, permissions, broadcast)
        if isinstance(target, RefusalAnswer):
            return target
        targets.append(target)
    return tuple(dict.fromkeys(targets))


async def _target(
    word: TargetWord, asker: Asker, directory: Directory, permissions: Permissions, broadcast: Broadcast
) -> Target | RefusalAnswer:
    match word.kind:
        case TargetKind.HERE | TargetKind.CHANNEL if broadcast is Broadcast.NOBODY:
            reason = "the person who runs this bot turned that off"
            return _cannot_page(f"@{word.kind.value}", reason, "Name people or a user group.")
        case TargetKind.HERE | TargetKind.CHANNEL:
            return Target(kind=word.kind)
        case TargetKind.USERGROUP:
            return await _group(word, directory)
        case TargetKind.PAGER | TargetKind.ON_CALL | TargetKind.POLICY | TargetKind.OWNER:
            return Target(kind=word.kind, id=word.id, label=word.label)
        case TargetKind.USER if word.me and not await _has_name(word.name, directory):
            return await _person(asker.user, asker.handle, directory, permissions)
        case TargetKind.USER if word.id:
            return await _person(UserId(word.id), word.label.lstrip("@"), directory, permissions)
        case TargetKind.USER:
            return await _named(word.name, directory, permissions)


async def _has_name(name: str, directory: Directory) -> bool:
    """True if somebody has this name, or if Slack gives no answer."""
    if not name:
        return False
    found = await directory.named(name)
    return bool(found.matches.entries) or found.gap is UnknownFact.AWAY


async def _named(name: str, directory: Directory, permissions: Permissions) -> Target | RefusalAnswer:
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


async def _person(user: UserId, label: str, directory: Directory, permissions: Permissions) -> Target | RefusalAnswer:
    """Accepts guests that people picked from Slack's list. Refuses accounts that can't see the page."""
    person = await permissions.facts.person(user)
    named = person.name or label
    if person.account is UnknownFact.AWAY:
        return slack_is_away(f"look up @{outside(named or user)}", changing=True)
    if reason := _NOT_PAGED.get(person.account) if isinstance(person.account, Account) else None:
        return _cannot_page(f"@{named or user}", f"that account {reason}")
    try:
        direct = await directory.direct(user)
    except ChatAway:
        return slack_is_away(f"find out how to reach @{outside(named or user)}", changing=True)
    if directory.is_nobody(user):
        return _cannot_page(f"@{named or user}", "Slack can't reach that account")
    return Target(kind=TargetKind.USER, id=user, direct=direct, label=named)


async def _group(word: TargetWord, directory: Directory) -> Target | RefusalAnswer:
    found = await directory.group(word.id)
    label = word.label.lstrip("@")
    match found:
        case Entry():
            return Target(kind=TargetKind.USERGROUP, id=word.id, label=found.handle)
        case UnknownFact.NO_SCOPE:
            return Target(kind=TargetKind.USERGROUP, id=word.id, label=label)
        case UnknownFact.AWAY:
            return slack_is_away(f"look up the group @{outside(label or word.id)}", changing=True)
        case None:
            return _cannot_page(f"@{label or word.id}", "that user group is disabled or missing")


def _several(name: str, entries: Sequence[Entry]) -> RefusalAnswer:
    listed = [f"• {_described(entry)}" for entry in entries[:MOST_LISTED]]
    more = [f"… and {len(entries) - MOST_LISTED:,} more"] if len(entries) > MOST_LISTED else []
    head = f"@{outside(name)} could mean {len(entries):,} people or groups. {UNCHANGED}"
    return RefusalAnswer(
        reason="\n".join([head, *listed, *more]), hint="Type the handle, or pick from the list after @."
    )


def _described(entry: Entry) -> str:
    kind = "user group" if entry.kind is TargetKind.USERGROUP else "person"
    return f"{outside(entry.shown or entry.full)} (@{outside(entry.handle)}, {kind})"


def _nobody(name: str, found: People) -> RefusalAnswer:
    match found.gap:
        case UnknownFact.AWAY:
            return slack_is_away(f"look up @{outside(name)}", changing=True)
        case UnknownFact.NO_SCOPE:
            reason = "the app lacks the scope `users:read` or `usergroups:read`, so I can't look up names"
            return _cannot_page(f"@{name}", reason)
        case None:
            return _cannot_page(f"@{name}", "no person or user group of this workspace has that name")


def _cannot_page(
    named: str, reason: str, hint: str = "Pick the name from the list that Slack offers after @."
) -> RefusalAnswer:
    return RefusalAnswer(reason=f"I can't page {outside(named)}: {reason}. {UNCHANGED}", hint=hint)
