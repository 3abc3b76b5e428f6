"""A program: reads a calendar from standard input, and writes its events between two moments as JSON.

A calendar of a few bytes can keep the libraries busy for hours: an event each second, or a rule that never matches.
No thread can be stopped then, but a process can. So the bot runs this file as one, with limits for time and memory.
It imports nothing of the bot, and its environment has no secrets.

Arguments: the first moment, the last one, the time zone of events that name none, and the seconds of CPU time.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

MEMORY_BYTES = 512 * 1024 * 1024
MOST_EVENTS = 500
MOST_PEOPLE = 20
LONGEST_TITLE = 300
DAY = timedelta(days=1)

# The property that keeps the length of an event, as a duration: the libraries know PT24H and P1D only as one day.
LENGTH = "X-GOLDRUSH-BOT-LENGTH"
_DURATION = re.compile(rb"^DURATION(?:;[^:\r\n]*)?:([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_DAYS = re.compile(r"(\d+)([WD])")
_BAD_EVENT = (ValueError, TypeError, KeyError, AttributeError, OverflowError)

# Exit codes. Python itself uses 1 for an exception and 2 for wrong arguments.
BROKEN, TOO_MUCH = 3, 4


def limit_resources(cpu_seconds: int) -> None:
    """Windows has no such limits: there, only the caller's deadline counts."""
    with suppress(ImportError):
        import resource  # noqa: PLC0415 (not on Windows)

        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
        with suppress(ValueError, OSError):  # macOS knows no such limit
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def expanded(text: bytes, first: datetime, last: datetime, zone: ZoneInfo) -> dict[str, object]:
    """The events that overlap the time between two moments.

    Raises:
        ValueError: this is no calendar.
    """
    from icalendar import Calendar  # noqa: PLC0415 (under the limits, as all that follows)

    text = _DURATION.sub(LENGTH.encode() + rb":\1\r\n\g<0>", text)
    calendars = [found for found in Calendar.from_ical(text, multiple=True) if found.name == "VCALENDAR"]
    if not calendars:
        raise ValueError("no calendar")
    events: list[dict[str, object]] = []
    complete = True
    for calendar in calendars:
        own_zone = _zone_of(calendar)
        if own_zone is None:
            calendar.pop("X-WR-TIMEZONE", None)  # an unknown name stops recurring_ical_events
            own_zone = zone
        _keep_lengths(calendar)
        try:
            found = list(_between(calendar, first, last, own_zone, strict=True))
        except _BAD_EVENT:
            complete = False
            found = list(_between(calendar, first, last, own_zone, strict=False))
        events += found
    return {"events": events, "complete": complete}


def _keep_lengths(calendar: Any) -> None:
    """Notes the length of each event that ends in another zone than it starts in. There, the clocks don't decide."""
    for event in calendar.walk("VEVENT"):
        with suppress(*_BAD_EVENT):  # also without an end
            start, end = event["DTSTART"].dt, event["DTEND"].dt
            if start.tzinfo and end.tzinfo and start.tzinfo is not end.tzinfo and start < end:
                event[LENGTH] = f"PT{(end - start) // timedelta(seconds=1)}S"


def _between(
    calendar: Any, first: datetime, last: datetime, zone: ZoneInfo, *, strict: bool
) -> Iterator[dict[str, object]]:
    """Asks for a day more on both sides, and compares itself.

    `between` finds nobody in the last hour of an event that spans the autumn change of the clocks.
    If not strict, it skips the events at fault, such as one that ends after the year 9999.
    """
    from recurring_ical_events import CalendarQuery  # noqa: PLC0415

    class Query(CalendarQuery):  # type: ignore[misc]
        suppressed_errors = (*CalendarQuery.suppressed_errors, *_BAD_EVENT)

    occurrences: Iterable[Any] = Query(calendar, skip_bad_series=not strict).between(first - DAY, last + DAY)
    for event in occurrences:
        with nullcontext() if strict else suppress(*_BAD_EVENT):
            start, end = _start_and_end(event, zone)
            if start < end and start < last and first < end and str(event.get("STATUS", "")).upper() != "CANCELLED":
                yield {
                    "start": start.isoformat(),
                    "end": end.isoformat(),
                    "title": str(event.get("SUMMARY", ""))[:LONGEST_TITLE],
                    "attendees": _emails(event.get("ATTENDEE")),
                    "organizer": next(iter(_emails(event.get("ORGANIZER"))), ""),
                }


def _start_and_end(event: Any, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """In UTC. `between` adds each length by the wall clock: an hour too much or too little if the clocks change.

    RFC 5545, 3.3.6: only days and weeks go by the wall clock. Hours are hours that pass.
    """
    from icalendar import vDuration  # noqa: PLC0415

    start, end = _moment(event["DTSTART"].dt, zone), _moment(event["DTEND"].dt, zone)
    text = str(event.get(LENGTH, ""))
    length = vDuration(text).dt if text else None
    if length is not None and end - start == length:  # else the repetition has a length of its own
        days = sum(int(number) * (7 if unit == "W" else 1) for number, unit in _DAYS.findall(text)) * DAY
        end = (start + days).astimezone(UTC) + (length - days)
    return start.astimezone(UTC), end.astimezone(UTC)


def _moment(value: date | datetime, zone: ZoneInfo) -> datetime:
    """A date is its midnight. A time without a zone is one of the calendar's zone."""
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _zone_of(calendar: Any) -> ZoneInfo | None:
    try:
        return ZoneInfo(str(calendar["X-WR-TIMEZONE"]))
    except (KeyError, ValueError, OSError):
        return None


def _emails(people: Any) -> list[str]:
    """Of one person or several, without rooms and without people who declined."""
    emails = []
    for person in people if isinstance(people, list) else [people]:
        given = getattr(person, "params", {})
        away = str(given.get("PARTSTAT", "")).upper() == "DECLINED"
        thing = str(given.get("CUTYPE", "")).upper() in {"ROOM", "RESOURCE"}
        scheme, _, email = str(person or "").partition(":")
        if scheme.lower() == "mailto" and "@" in email and not away and not thing:
            emails.append(email.strip().lower())
    return list(dict.fromkeys(emails))[:MOST_PEOPLE]


def expand_standard_input() -> int:
    limit_resources(int(sys.argv[4]))
    first, last = (datetime.fromisoformat(argument) for argument in sys.argv[1:3])
    text = sys.stdin.buffer.read()
    try:
        found = expanded(text, first, last, ZoneInfo(sys.argv[3]))
    except MemoryError:
        return TOO_MUCH
    except Exception:  # noqa: BLE001 (whatever the libraries make of a broken calendar)
        return BROKEN
    if len(found["events"]) > MOST_EVENTS:  # type: ignore[arg-type]
        return TOO_MUCH
    sys.stdout.write(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(expand_standard_input())
