"""Working stand-ins for what schedules need of the outside: calendars, people, user groups."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.calendar import CalendarAddress, CalendarEvent, CalendarProblem, CalendarUnreadable
from bot.domain.permission import UnknownFact
from bot.domain.schedule_messages import GroupRefusal
from bot.domain.watch import ChannelId, Target, TargetKind, UserId
from bot.ports.calendar_feed import CalendarEvents
from bot.ports.chat import ChatAway


@dataclass
class FakeFeed:
    """Calendars by address. `problem` is the answer instead, if set."""

    events_at: dict[str, list[CalendarEvent]] = field(default_factory=dict)
    problem: CalendarProblem | None = None
    complete: bool = True
    reads: list[tuple[str, datetime, datetime, str]] = field(default_factory=list)

    async def events(self, address: CalendarAddress, first: datetime, last: datetime, zone: str) -> CalendarEvents:
        self.reads.append((address.url, first, last, zone))
        if self.problem:
            raise CalendarUnreadable(self.problem)
        return CalendarEvents(tuple(self.events_at.get(address.url, ())), self.complete)


@dataclass
class FakePeople:
    """People by e-mail or id."""

    known: dict[str, Target | UnknownFact | None] = field(default_factory=dict)
    away: bool = False

    async def with_email(self, email: str) -> Target | UnknownFact | None:
        return self.known.get(email)

    async def member(self, user: UserId) -> Target | UnknownFact | None:
        return self.known.get(user)

    async def direct(self, user: UserId) -> ChannelId | None:
        if self.away:
            raise ChatAway("Slack is away")
        return ChannelId(user.replace("U", "D", 1))


@dataclass
class FakeGroups:
    """A chat with one user group."""

    people: frozenset[UserId] = frozenset({UserId("U0CARL")})
    refusal: GroupRefusal | None = None
    readable: bool = True
    updates: list[frozenset[UserId]] = field(default_factory=list)

    async def members(self, group: str) -> frozenset[UserId] | GroupRefusal:
        return self.people if self.readable else GroupRefusal.NO_SCOPE

    async def set_members(self, group: str, people: Collection[UserId]) -> GroupRefusal | None:
        assert people
        self.updates.append(frozenset(people))
        if self.refusal is None:
            self.people = self.updates[-1]
        return self.refusal


def person(user: UserId, name: str) -> Target:
    return Target(kind=TargetKind.USER, id=user, label=name)
