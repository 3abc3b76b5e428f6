"""Finds the people and user groups that a typed name means. Pure.

A display name or handle comes before a full name, and a group's handle before its name. People choose their own display
and full names, so a name that a person and a group share means neither. Only a handle wins over somebody's full name,
because the workspace keeps handles unique. No name finds a guest, a bot, a deactivated account or another company's
person.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.catalogue import visible
from bot.domain.permission import Account
from bot.domain.watch import TargetKind, TeamId
from bot.slack.outbound.facts import account_of, name_of
from bot.slack.outbound.list_items import ListItem, text_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A person or a user group that a typed name may mean."""

    kind: TargetKind
    id: str
    handle: str
    shown: str
    """The name that Slack shows."""
    names: frozenset[str]
    """Handle and display name, normalized. They win over `full`."""
    full: str
    """The full name, normalized."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The entries that a name may mean. `sure`: a handle or display name matches, so unread rows hardly matter."""

    entries: tuple[Entry, ...]
    sure: bool = False


class Index:
    """Entries by name."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._first: defaultdict[str, list[Entry]] = defaultdict(list)
        self._full: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            for name in entry.names:
                self._first[name].append(entry)
            self._full[entry.full].append(entry)

    def named(self, name: str) -> tuple[tuple[Entry, ...], bool]:
        """The entries with this name. True if it is a handle or display name, False for a full name."""
        if not name:
            return (), False
        first = tuple(self._first.get(name, ()))
        return (first, True) if first else (tuple(self._full.get(name, ())), False)


def matches_for(name: str, people: Index, groups: Index) -> Matches:
    """The people and groups that `name` may mean. If several have it, the caller refuses it."""
    wanted = normalized(name)
    person, by_name = people.named(wanted)
    group, by_handle = groups.named(wanted)
    if by_handle and not by_name:
        person = ()
    return Matches((*person, *group), sure=by_name or by_handle)


def normalized(name: str) -> str:
    """One spelling for names that look alike, in upper or lower case."""
    return unicodedata.normalize("NFC", visible(name)).strip().lower()


def person_in(row: ListItem, home: TeamId) -> Entry | None:
    """None for an account that no typed name may find."""
    if account_of(row, home) is not Account.FULL_MEMBER:
        return None
    profile = row.get("profile")
    profile = profile if isinstance(profile, dict) else {}
    handle, shown = text_in(row, "name"), text_in(profile, "display_name")
    return Entry(
        kind=TargetKind.USER,
        id=str(row["id"]),
        handle=handle,
        shown=name_of(row),
        names=frozenset(normalized(spelling) for spelling in (handle, shown)) - {""},
        full=normalized(text_in(profile, "real_name") or text_in(row, "real_name")),
    )


def group_in(row: ListItem) -> Entry | None:
    """None for a disabled group, or one of another company (Slack Connect)."""
    if row.get("date_delete") or row.get("is_external"):
        return None
    handle, name = text_in(row, "handle"), text_in(row, "name")
    return Entry(
        kind=TargetKind.USERGROUP,
        id=str(row["id"]),
        handle=handle,
        shown=handle or name,
        names=frozenset({normalized(handle)}) - {""},
        full=normalized(name),
    )
