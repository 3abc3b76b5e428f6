"""The times of mutes, maintenance windows and quiet hours, as people type them. Pure.

*for 2h*, *until 09:00*, *until live 30m*. *sat 22:00-02:00 weekly*, *2026-12-05 22:00 for 4h*. *20:00-08:00 weekdays*.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time, timedelta

from bot.domain.silence import EVERY_DAY, WEEKDAYS, WEEKEND
from bot.domain.wall_clock import NamedMoment
from bot.slack.grammar.time_words import day_of_week, read_clock_time, read_duration, read_moment

LIVE_FOR = timedelta(minutes=30)
FOR_EVER = frozenset({"ever", "forever", "good", "always", "indefinitely", "permanently"})
_CLOCK = r"\d{1,2}(?:[:.]\d{2})?(?:am|pm)?|noon|midnight"
_RANGE = re.compile(
    rf"(?:(?P<before>.+?) )?(?:from )?(?P<start>{_CLOCK}) ?(?:-|to|until) ?(?P<end>{_CLOCK})(?: (?P<after>.+))?"
)
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))
_EVERY = frozenset({"every", "each", "weekly", "always"})
_FILLERS = frozenset({"on", "at", "and", "week", "between", "from"})
_GROUPS = {
    **dict.fromkeys(("weekdays", "weekday", "workdays", "workday"), WEEKDAYS),
    **dict.fromkeys(("weekends", "weekend"), WEEKEND),
    **dict.fromkeys(("daily", "day", "days", "night", "nights", "nightly"), EVERY_DAY),
}


@dataclass(frozen=True, slots=True)
class MuteTime:
    """The end of a mute."""

    until: NamedMoment | None = None
    live_for: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours by the clock: each week on these days, or once."""

    days: tuple[int, ...]
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Once:
    """A single time."""

    start: NamedMoment
    end: NamedMoment


def read_mute_time(words: Sequence[str]) -> MuteTime | None:
    """The time that all of these words name. None: they name none."""
    if not words:
        return None
    if words[0] in {"until", "till", "til"} and len(words) > 1:
        return _until(words[1:])
    duration = read_duration(words[1:] if words[0] == "for" else words)
    if duration and duration.words == len(words) - (words[0] == "for") and duration.value > timedelta():
        return MuteTime(NamedMoment(after=duration.value))
    return None


def _until(words: Sequence[str]) -> MuteTime | None:
    if words[0] == "live":
        rest = [word for word in words[1:] if word not in {"for", "again"}]
        duration = read_duration(rest)
        if rest and (duration is None or duration.words != len(rest)):
            return None
        return MuteTime(live_for=duration.value if duration else LIVE_FOR)
    moment = read_moment(words)
    return MuteTime(moment.value) if moment and moment.words == len(words) else None


def read_hours(words: Sequence[str]) -> Hours | None:
    """Weekly hours, of every day if the words name none: `20:00-08:00 weekdays`. None: these words are no hours."""
    found = _range(words)
    days = _days(found[2]) if found else None
    return Hours(days or EVERY_DAY, found[0], found[1]) if found and days is not None else None


def read_window(words: Sequence[str]) -> Hours | Once | None:
    """A maintenance window, weekly or once. None: these words are no window."""
    for position, word in enumerate(words):
        if word in {"for", "until", "till", "to"} and (once := _once(words[:position], words[position:])):
            return once
    found = _range(words)
    if found is None:
        return None
    start, end, rest = found
    days = _days(rest)
    if days and (len(days) > 1 or _EVERY & {*rest}):
        return Hours(days, start, end)
    moment = read_moment([*rest, f"{start:%H:%M}"] if rest else [f"{start:%H:%M}"])
    if moment is None or moment.words != len(rest) + 1:
        return None
    return Once(moment.value, NamedMoment(clock_time=end))


def _once(before: Sequence[str], rest: Sequence[str]) -> Once | None:
    start = read_moment([word for word in before if word != "from"])
    if start is None or start.words != len([word for word in before if word != "from"]):
        return None
    end = read_mute_time(["for", *rest[1:]] if rest[0] == "for" else ["until", *rest[1:]])
    return Once(start.value, end.until) if end and end.until else None


def _range(words: Sequence[str]) -> tuple[time, time, list[str]] | None:
    """Both clock times, and the other words."""
    match = _RANGE.fullmatch(" ".join(words).translate(_DASHES))
    if match is None:
        return None
    start, end = read_clock_time(match["start"]), read_clock_time(match["end"])
    rest = f"{match['before'] or ''} {match['after'] or ''}".replace(",", " ").split()
    return (start, end, rest) if start is not None and end is not None and start != end else None


def names_days(word: str) -> bool:
    """True for a day or several: `sat`, `mon-fri`, `weekends`."""
    return bool(_days([word]))


def _days(words: Sequence[str]) -> tuple[int, ...] | None:
    """The weekdays that these words name; empty without any. None: another word is among them."""
    days: set[int] = set()
    for word in words:
        first, dash, last = word.partition("-")
        begin, end = day_of_week(first), day_of_week(last)
        if word in _GROUPS:
            days.update(_GROUPS[word])
        elif dash and begin is not None and end is not None:
            days.update((begin + offset) % 7 for offset in range((end - begin) % 7 + 1))
        elif begin is not None and not dash:
            days.add(begin)
        elif word not in _EVERY | _FILLERS:
            return None
    return tuple(sorted(days))
