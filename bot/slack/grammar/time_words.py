"""Durations and moments, as people type them. Pure.

*2h*, *1h30m*, *30 min*, *2 weeks* · *09:00*, *9am*, *noon*, *fri 09:00*, *tomorrow*, *2026-12-24 18:00*.
A moment without an offset means the time zone of the person who typed it: `NamedMoment.resolve` asks for it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Generic, TypeVar

from bot.domain.wall_clock import DAY_NAMES, NamedMoment
from bot.slack.grammar.tokens import Word

ValueT = TypeVar("ValueT")

_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), timedelta(seconds=1)),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), timedelta(minutes=1)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), timedelta(hours=1)),
    **dict.fromkeys(("d", "day", "days"), timedelta(days=1)),
    **dict.fromkeys(("w", "wk", "week", "weeks"), timedelta(weeks=1)),
}
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_PART = re.compile(rf"(\d{{1,6}})({_UNIT})")
_PARTS = re.compile(rf"(?:\d{{1,6}}(?:{_UNIT})){{1,9}}")
_CLOCK = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?(am|pm)?")
_NAMED_TIMES = {"noon": time(12), "midday": time(12), "midnight": time(0)}
_LATEST = timedelta(days=366 * 10)
_YEARS = range(2000, 3000)  # a time zone may move the first and the last year out of what Python can count
_ONE = frozenset({"a", "an", "one"})
_DAYS_AHEAD = {"today": 0, "tonight": 0, "tomorrow": 1}


@dataclass(frozen=True, slots=True)
class TimeRead(Generic[ValueT]):
    """A duration or moment, and the number of words that it took."""

    value: ValueT
    words: int


def lower_words(words: Sequence[Word]) -> list[str]:
    """The words for `read_duration` and `read_moment`. A quoted word is never a time."""
    return [word.lower.rstrip(".!?") for word in words]


def read_duration(words: Sequence[str]) -> TimeRead[timedelta] | None:
    """The duration that these words begin with: `1h30m`, `30 min`, `2 days 4 hours`. None: there is none."""
    total, position = timedelta(), 0
    while position < len(words) and total <= _LATEST:
        word = words[position]
        if _PARTS.fullmatch(word):
            total += sum((int(number) * _UNITS[unit] for number, unit in _PART.findall(word)), timedelta())
            position += 1
            continue
        number, unit = _number(word), _UNITS.get("".join(words[position + 1 : position + 2]))
        if number is None or unit is None:
            break
        total += number * unit
        position += 2
    return TimeRead(total, position) if position and total <= _LATEST else None


def read_moment(words: Sequence[str]) -> TimeRead[NamedMoment] | None:
    """The moment that these words begin with. None: there is none."""
    if not words:
        return None
    if found := _iso(words):
        return found
    first = words[0]
    weekday, ahead = day_of_week(first), _DAYS_AHEAD.get(first)
    if weekday is not None or ahead is not None:
        at = 2 if words[1:2] == ["at"] else 1
        clock_time = read_clock_time(words[at]) if len(words) > at else None
        used = at + 1 if clock_time is not None else 1
        return TimeRead(NamedMoment(clock_time=clock_time, weekday=weekday, days_ahead=ahead), used)
    clock_time = read_clock_time(first)
    if clock_time is None:
        return None
    if len(words) > 1 and (weekday := day_of_week(words[1])) is not None:
        return TimeRead(NamedMoment(clock_time=clock_time, weekday=weekday), 2)
    if len(words) > 1 and (ahead := _DAYS_AHEAD.get(words[1])) is not None:
        return TimeRead(NamedMoment(clock_time=clock_time, days_ahead=ahead), 2)
    return TimeRead(NamedMoment(clock_time=clock_time), 1)


def read_clock_time(word: str) -> time | None:
    """`09:00`, `9`, `9am`, `noon`. None: it is no time of day."""
    if word in _NAMED_TIMES:
        return _NAMED_TIMES[word]
    match = _CLOCK.fullmatch(word)
    if match is None:
        return None
    hour, minute, half = int(match[1]), int(match[2] or 0), match[3]
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def day_of_week(word: str) -> int | None:
    """The weekday that `fri` or `Fridays` names; 0 is Monday. None: it names none."""
    name = word.rstrip("s") if word.rstrip("s") in DAY_NAMES else word
    found = [
        number for number, day in enumerate(DAY_NAMES) if day == name or (3 <= len(name) <= 5 and day.startswith(name))
    ]
    return found[0] if len(found) == 1 else None


def _iso(words: Sequence[str]) -> TimeRead[NamedMoment] | None:
    """`2026-12-24`, also with a time, and with an offset."""
    first = words[0].upper()
    try:
        if "T" in first:
            moment = datetime.fromisoformat(first)
            if moment.year not in _YEARS:
                return None
            if moment.tzinfo is not None:
                return TimeRead(NamedMoment(exact=moment), 1)
            return TimeRead(NamedMoment(day=moment.date(), clock_time=moment.time()), 1)
        day = date.fromisoformat(first) if first.count("-") == 2 else None
    except ValueError:
        return None
    if day is None or day.year not in _YEARS:
        return None
    clock_time = read_clock_time(words[1]) if len(words) > 1 else None
    return TimeRead(NamedMoment(day=day, clock_time=clock_time), 1 if clock_time is None else 2)


def _number(word: str) -> int | None:
    if word in _ONE:
        return 1
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 6 else None
