"""Reads a schedule: `rotate @ann @bob every 1 week at 09:00 on monday in Europe/Berlin`, or a calendar. Pure."""

import difflib
from dataclasses import dataclass
from datetime import time

from bot.domain.rotation import TurnUnit
from bot.domain.rotation_plan import MOST_TURN_DAYS
from bot.domain.wall_clock import NamedMoment
from bot.domain.watch import TargetKind
from bot.slack.grammar.clauses import TargetWord, target_of
from bot.slack.grammar.time_words import day_of_week, lower_words, read_clock_time, read_moment
from bot.slack.grammar.tokens import ParseError, Word, bare, corrected, split_list, typed
from bot.slack.grammar.zone_words import read_zone
from bot.slack.mrkdwn import outside, unescape

UNCHANGED = "Nothing was changed."
SAVED_PREFIX = "saved:"
"""Before the token of a calendar whose address the store keeps, until the person saves it."""
EXAMPLE = "schedule data = rotate @ann @bob every 1 week at 09:00 on monday in Europe/Berlin"
_UNITS = {"day": TurnUnit.DAYS, "days": TurnUnit.DAYS, "week": TurnUnit.WEEKS, "weeks": TurnUnit.WEEKS}
_ADVERBS = {"daily": TurnUnit.DAYS, "weekly": TurnUnit.WEEKS}
_NUMBERS = {"a": 1, "one": 1, "other": 2, "second": 2, "two": 2, "three": 3, "four": 4}
_FILLERS = frozenset({"rotate", "rotation", "rotating", "between", "and", "with", "then", "handover", "starting"})


@dataclass(slots=True)
class RotationWords:
    """A rotation as typed. None: nobody typed this part."""

    people: tuple[TargetWord, ...] = ()
    every: int = 1
    unit: TurnUnit = TurnUnit.WEEKS
    handover: time = time(9)
    weekday: int | None = None
    start: NamedMoment | None = None
    """The day of the first person's first turn."""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class CalendarWords:
    """A calendar as typed. The address is a secret."""

    address: str
    zone: str = ""


class ScheduleReader:
    """Reads the words after `schedule NAME =`. `text` is the whole command, for the corrected one."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._rotation = RotationWords()
        self._words: list[Word] = []
        self._lower: list[str] = []

    def read(self, words: list[Word]) -> RotationWords | CalendarWords:
        """
        Raises:
            ParseError: the words make no schedule.
        """
        if words[0].lower in {"calendar", "ics", "ical"} or "://" in words[0].text:
            return self._read_calendar(words)
        self._words, self._lower = words, lower_words(words)
        position = 0
        while position < len(words):
            position += self._read(position)
        if not self._rotation.people:
            raise ParseError(f"Who takes turns? Name the people in their order. {UNCHANGED}", EXAMPLE, "help schedule")
        return self._rotation

    def _read_calendar(self, words: list[Word]) -> CalendarWords:
        rest = words[1:] if "://" not in words[0].text else words
        if not rest:
            raise ParseError(
                f"Type the calendar's https address. {UNCHANGED}", "schedule data = calendar https://example.com/a.ics"
            )
        zone = ""
        if len(rest) == 3 and rest[1].lower == "in":
            zone = read_zone(rest[2], self._text, EXAMPLE)
        elif len(rest) > 1:
            raise ParseError(f"Type one address, then *in* and a time zone. {UNCHANGED}", "help schedule")
        return CalendarWords(rest[0].text, zone)

    def _read(self, position: int) -> int:
        """Reads one or more words from `position` on, and returns their number."""
        lower, following = self._lower[position], self._lower[position + 1 : position + 2]
        if lower == "every":
            return 1 + self._read_every(position + 1)
        if lower in _ADVERBS:
            self._rotation.unit = _ADVERBS[lower]
        elif lower == "at":
            return 1 + self._read_time(position + 1)
        elif lower == "on" or day_of_week(lower) is not None:
            at = position + (lower == "on")
            return at - position + self._read_weekday(at)
        elif lower == "in" and following:
            self._rotation.zone = read_zone(self._words[position + 1], self._text, EXAMPLE)
            return 2
        elif lower == "from" and following:
            return 1 + self._read_start(position + 1)
        elif lower not in _FILLERS:
            self._put(self._words[position])
        return 1

    def _read_every(self, position: int) -> int:
        """`every 2 weeks`, `every day`, `every other week`, `every monday`."""
        words = self._lower[position : position + 2]
        if words and day_of_week(words[0]) is not None:
            self._rotation.weekday = day_of_week(words[0])
            return 1
        number, unit = (words[0], words[1]) if len(words) == 2 and words[0] not in _UNITS else ("1", "".join(words[:1]))
        every = _NUMBERS.get(number, int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0)
        if unit not in _UNITS or every < 1 or every * _UNITS[unit] > MOST_TURN_DAYS:
            raise ParseError(f"Type for example *every 1 week* or *every 3 days*. {UNCHANGED}", EXAMPLE)
        self._rotation.every, self._rotation.unit = every, _UNITS[unit]
        return 2 if words[0] not in _UNITS else 1

    def _read_time(self, position: int) -> int:
        clock_time = read_clock_time("".join(self._lower[position : position + 1]))
        if clock_time is None:
            word = "".join(typed(word.text) for word in self._words[position : position + 1])
            fix = corrected(self._text, self._words[position].start, word, "09:00") if word else ""
            read = f"I can't read the time “{outside(word)}”. " if word else ""
            raise ParseError(f"{read}Type the time of the handover as *09:00*. {UNCHANGED}", fix, EXAMPLE)
        self._rotation.handover = clock_time
        return 1

    def _read_weekday(self, position: int) -> int:
        weekday = day_of_week("".join(self._lower[position : position + 1]))
        if weekday is None:
            raise ParseError(f"Name a weekday after *on*, such as *monday*. {UNCHANGED}", EXAMPLE)
        self._rotation.weekday = weekday
        return 1

    def _read_start(self, position: int) -> int:
        found = read_moment(self._lower[position:])
        if found is None or found.value.after is not None:
            raise ParseError(f"Type the first day as *from 2026-12-07* or *from monday*. {UNCHANGED}", EXAMPLE)
        self._rotation.start = found.value
        return found.words

    def _put(self, word: Word) -> None:
        parts = [word.text] if word.quoted else split_list([word])
        found = [target_of(part, picked=word.picked) for part in parts]
        people = [target for target in found if target and target.kind is TargetKind.USER]
        if not people or len(people) < len(found):
            name = bare(word.text)
            fix = corrected(self._text, word.start, word.text, f"@{name}") if name and not any(found) else ""
            shown = outside(typed(word.text))
            if near := difflib.get_close_matches(word.lower, ("every", "from", "weekly", "daily"), n=1, cutoff=0.75):
                right = corrected(self._text, word.start, word.text, near[0])
                reason = f"I don't know the word “{shown}”. {UNCHANGED} Did you mean *{near[0]}*?"
                raise ParseError(reason, right, EXAMPLE)
            raise ParseError(f"“{shown}” is no person: a rotation takes people, as *@ann*. {UNCHANGED}", fix, EXAMPLE)
        if {*people} & {*self._rotation.people}:
            before, after = self._text[: word.start], self._text[word.end :]
            fix = unescape(typed(f"{before.rstrip()}{after}"))
            reason = f"{outside(typed(word.text))} appears twice, and a rotation takes each person once. {UNCHANGED}"
            raise ParseError(reason, fix, EXAMPLE)
        self._rotation.people = (*self._rotation.people, *people)
