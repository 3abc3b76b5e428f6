"""Reads the events of a calendar from its address."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.calendar import CalendarAddress, CalendarEvent


@dataclass(frozen=True, slots=True)
class CalendarEvents:
    """The events of a calendar between two moments."""

    events: tuple[CalendarEvent, ...]
    complete: bool = True
    """False if some events broke the rules of the format and were left out."""


class CalendarFeed(Protocol):
    """A team's calendar, somewhere on the web."""

    async def events(self, address: CalendarAddress, first: datetime, last: datetime, zone: str) -> CalendarEvents:
        """The events that overlap the time between two moments. Times and dates without a zone are in `zone`.

        Raises:
            CalendarUnreadable
        """
        ...
