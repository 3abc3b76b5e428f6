"""A team's own calendar as the source of a schedule: its address, its events, and the last good copy. Pure."""

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from urllib.parse import urlsplit

from bot.domain.episode import stable_key
from bot.domain.on_call import Calendar
from bot.domain.rotation import Shift
from bot.domain.setup import SetupKind, SetupRow
from bot.domain.watch import Target, UserId

LONGEST_CALENDAR_ADDRESS = 2000
READ_EVERY = timedelta(minutes=15)
GOOD_FOR = timedelta(days=1)
"""A copy older than this says nothing about now."""
BEHIND, AHEAD = timedelta(days=1), timedelta(days=14)
"""The events around the moment of a read that the copy holds."""

PENDING_FOR = timedelta(hours=1)
THE_BOT = UserId("")

_MENTION = re.compile(r"<@([UW][A-Z0-9]{2,20})(?:\|[^>]*)?>")
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{}~-]+@[\w-]+(?:\.[\w-]+)+")
_LEVEL = re.compile(r"\[L([1-9])\]", re.IGNORECASE)
_PRINTABLE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class CalendarAddress:
    """An https address. It opens the calendar to anyone, so only the host may be shown."""

    url: str = field(repr=False)

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def fingerprint(self) -> str:
        """Tells a copy of another calendar apart, without the address."""
        return stable_key("calendar", self.url)[:16]

    def __str__(self) -> str:
        return self.host


def calendar_address(typed: str) -> CalendarAddress | str:
    """The address in a person's text, or a clause that says what is wrong. The clause never quotes the text."""
    bare = typed.strip()
    if bare.startswith("<") and bare.endswith(">"):
        bare = bare[1:-1].partition("|")[0]
    url = re.sub(r"^webcals?://", "https://", bare.replace("&amp;", "&"), flags=re.IGNORECASE)
    if len(url) > LONGEST_CALENDAR_ADDRESS:
        return f"it has {len(url):,} characters, and the limit is {LONGEST_CALENDAR_ADDRESS:,}"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "I can't read it as an address"
    if parts.scheme.lower() != "https" or not host:
        return "it must begin with https:// or webcal://"
    if not _PRINTABLE.fullmatch(url):
        return "it contains characters that must be percent-encoded"
    return CalendarAddress(url)


class CalendarProblem(StrEnum):
    """Why the last read of a calendar gave no new copy."""

    NO_CONNECTION = "no connection"
    TOO_SLOW = "too slow"
    NOT_FOUND = "not found"
    REFUSED = "refused"
    BAD_STATUS = "bad status"
    INSECURE_REDIRECT = "insecure redirect"
    REDIRECTS = "too many redirects"
    EMPTY = "empty"
    NO_CALENDAR = "no calendar"
    """A web page, or anything else that is no calendar."""
    TOO_LONG = "too long"
    BROKEN = "broken"
    """A calendar that breaks the rules of its format."""
    TOO_MUCH = "too much"
    """Its events take too long to work out, or they are too many."""
    PEOPLE_AWAY = "people away"
    """Slack did not say who the people are."""


class CalendarUnreadable(Exception):
    """A read gave no calendar. Never holds the address."""

    def __init__(self, problem: CalendarProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEvent:
    """One occurrence of an event, in UTC."""

    start: datetime
    end: datetime
    title: str
    attendees: tuple[str, ...] = ()
    """The e-mails of the people who did not decline, in lower case."""
    organizer: str = ""

    @property
    def priority(self) -> int:
        """Of `[L2]` in the title: 2. Without such a mark: 0."""
        return int(found[1]) if (found := _LEVEL.search(self.title)) else 0

    @property
    def mentioned(self) -> tuple[UserId, ...]:
        """The people in the title, as `<@U…>`."""
        return tuple(dict.fromkeys(UserId(user) for user in _MENTION.findall(html.unescape(self.title))))

    @property
    def emails(self) -> tuple[str, ...]:
        """The people of an event without mentions: those in the title, or else the attendees, or the organizer."""
        if self.mentioned:
            return ()
        titled = tuple(dict.fromkeys(email.lower() for email in _EMAIL.findall(self.title)))
        return titled or self.attendees or ((self.organizer,) if self.organizer else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedCalendar:
    """The calendar of a schedule."""

    address: CalendarAddress
    zone: str
    """Of times and dates that name none. An IANA name, such as Europe/Berlin."""

    @property
    def summary(self) -> str:
        """Without the address, which is a secret."""
        return f"calendar at {self.address.host} in {self.zone}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarCopy(SetupRow):
    """What a read of a schedule's calendar found, and how the last read went. The bot makes it, at `made_at`."""

    kind: ClassVar = SetupKind.CALENDAR_COPY
    is_setting: ClassVar = False
    made_by: UserId = THE_BOT
    schedule: str
    """The schedule's id."""
    fingerprint: str
    """Of the address that was read."""
    shifts: tuple[Shift, ...] = ()
    """Those around the last good read, oldest first."""
    people: tuple[Target, ...] = ()
    """The people of the shifts, with their names and direct conversations."""
    read_at: datetime | None = None
    """The last good read. None: there was none."""
    nameless: tuple[datetime, ...] = ()
    """Starts of events in which nobody could be found in Slack."""
    lacks_scope: bool = False
    """True if an event names people by e-mail, and the bot may not look e-mails up."""
    incomplete: bool = False
    """True if some events break the rules of the format and were left out."""
    problem: CalendarProblem | None = None
    """Why the last read failed. None: it succeeded."""
    failing_since: datetime | None = None

    @property
    def id(self) -> str:
        return self.schedule

    @property
    def label(self) -> str:
        return self.schedule

    @property
    def summary(self) -> str:
        return f"{len(self.shifts):,} shifts"

    def is_stale(self, at: datetime) -> bool:
        """True if there is no copy, or if it is more than a day old."""
        return self.read_at is None or at - self.read_at > GOOD_FOR

    def calendar_at(self, at: datetime) -> Calendar:
        """The events, for a question about this moment. A stale copy has none."""
        return Calendar(shifts=() if self.is_stale(at) else self.shifts)

    def is_due(self, at: datetime) -> bool:
        """True if it is time for the next read."""
        return at - self.made_at >= READ_EVERY or self.made_at > at

    def failed(self, problem: CalendarProblem, at: datetime) -> "CalendarCopy":
        """The same copy after a failed read."""
        return replace(self, problem=problem, failing_since=self.failing_since or at, made_at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCalendar(SetupRow):
    """A calendar that a person asked for and has not saved yet. The button *Save* holds its token, not the address.

    A person has one at a time.
    """

    kind: ClassVar = SetupKind.PENDING_CALENDAR
    is_setting: ClassVar = False
    schedule: str
    """The schedule's name."""
    calendar: SavedCalendar
    copy: CalendarCopy
    """What the bot read before it asked."""

    @property
    def id(self) -> str:
        return self.made_by

    @property
    def token(self) -> str:
        return stable_key(self.made_by, self.schedule, self.calendar.address.url, self.made_at.isoformat())[:16]

    @property
    def label(self) -> str:
        return self.schedule

    @property
    def summary(self) -> str:
        return self.calendar.summary


def shifts_of(
    events: Iterable[CalendarEvent], people: Mapping[str, Target | None]
) -> tuple[tuple[Shift, ...], tuple[datetime, ...]]:
    """The shifts, and the starts of the events in which nobody was found: those count as if they did not exist.

    Events of the same people without a gap are one shift, so that a question about the next people stays cheap.

    `people` has each mention and e-mail of the events. None: nobody in this workspace.
    """
    shifts: list[Shift] = []
    nameless = []
    for event in sorted(events, key=lambda event: (event.start, event.end)):
        found = (people.get(name) for name in (*event.mentioned, *event.emails))
        present = tuple(dict.fromkeys(UserId(person.id) for person in found if person))
        last = shifts[-1] if shifts else None
        if not present:
            nameless.append(event.start)
        elif last and (last.people, last.priority) == (present, event.priority) and event.start <= last.end:
            shifts[-1] = replace(last, end=max(last.end, event.end))
        else:
            shifts.append(Shift(people=present, start=event.start, end=event.end, priority=event.priority))
    return tuple(shifts), tuple(nameless)
