"""Whom a typed name means: people and user groups together. Pure.

A display name or handle comes before a full name, and a group's handle before its name. Anybody can choose a display
name and a full name, so where a person and a group both answer to a name, neither is taken. Only a handle, which the
workspace keeps unique, wins over somebody's full name. Guests, people of other companies, bots and deactivated accounts
are never found by name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.domain.catalogue import looks
from bot.domain.permission import Account
from bot.domain.watch import TargetKind, TeamId
from bot.slack.facts import account_of, name_of
from bot.slack.rows_of import Row, text_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`names` are those that count first, `full` the other one."""

    kind: TargetKind
    id: str
    handle: str
    shown: str
    names: frozenset[str]
    full: str


@dataclass(frozen=True, slots=True)
class Matches:
    """Whom a name may mean. `sure`: not by a full name alone, so what is not read yet can hardly mean more."""

    entries: tuple[Entry, ...]
    sure: bool = False


def people(rows: Iterable[Row], home: TeamId) -> list[Entry]:
    return [_person(row) for row in rows if account_of(row, home) is Account.FULL_MEMBER]


def groups(rows: Iterable[Row]) -> list[Entry]:
    return [_group(row) for row in rows if not row.get("date_delete")]


def meant(name: str, persons: Sequence[Entry], teams: Sequence[Entry]) -> Matches:
    wanted = looks(name)
    person, by_name = _first(wanted, persons)
    group, by_handle = _first(wanted, teams)
    if by_handle and not by_name:
        person = ()
    return Matches((*person, *group), sure=by_name or by_handle)


def _first(wanted: str, entries: Sequence[Entry]) -> tuple[tuple[Entry, ...], bool]:
    """Those who are called so, and whether by a name that counts first."""
    first = tuple(entry for entry in entries if wanted in entry.names)
    return (first, True) if first else (tuple(entry for entry in entries if wanted == entry.full), False)


def _person(row: Row) -> Entry:
    profile = row.get("profile")
    profile = profile if isinstance(profile, dict) else {}
    handle, shown = text_in(row, "name"), text_in(profile, "display_name")
    return Entry(
        kind=TargetKind.USER,
        id=str(row["id"]),
        handle=handle,
        shown=name_of(row),
        names=frozenset(looks(each) for each in (handle, shown) if each),
        full=looks(text_in(profile, "real_name") or text_in(row, "real_name")),
    )


def _group(row: Row) -> Entry:
    handle, name = text_in(row, "handle"), text_in(row, "name")
    return Entry(
        kind=TargetKind.USERGROUP,
        id=str(row["id"]),
        handle=handle,
        shown=handle or name,
        names=frozenset({looks(handle)} - {""}),
        full=looks(name),
    )
