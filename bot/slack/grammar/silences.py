"""Reads the words of `mute`, `maintenance` and `quiet`: pipelines, a time, a time zone and a reason. Pure."""

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from bot.domain.catalogue import comparable
from bot.domain.silence import LONGEST_WHY, WHOLE_CHANNEL
from bot.domain.wall_clock import DAY_NAMES, zone_named
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.references import references_in
from bot.slack.grammar.silence_times import names_days
from bot.slack.grammar.spoken_names import known_span
from bot.slack.grammar.time_first import BECAUSE, CHANNEL_WORDS
from bot.slack.grammar.time_words import lower_words, read_moment
from bot.slack.grammar.tokens import ALL, CONNECTIVES, EVERYTHING, ParseError, Word, corrected, slice_of, typed
from bot.slack.grammar.zone_words import read_zone
from bot.slack.mrkdwn import outside, unescape

TimeT = TypeVar("TimeT")
_TIME_BEGINS = frozenset(
    {"for", "until", "till", "til", "from", "on", "every", "at", "weekly", "daily", "forever", "permanently"}
)


@dataclass(frozen=True, slots=True)
class SilenceText(Generic[TimeT]):
    """The parts of a command about silences."""

    references: tuple[str, ...]
    """As typed. WHOLE_CHANNEL for the word *channel*."""
    time: TimeT | None
    unread: str
    """The words that should name a time, but don't. Empty without any."""
    zone: str
    """The IANA name, or empty if nobody typed one."""
    why: str


def read_silence(
    command_text: CommandText, read_time: Callable[[Sequence[str]], TimeT | None], example: str
) -> SilenceText[TimeT]:
    """
    Raises:
        ParseError: the reason is too long, or the time zone is unknown.
    """
    _refuse_misspelled(command_text, example)
    _refuse_foreign_dates(command_text)
    words, why = without_reason(command_text, example)
    words, zone = _without_zone(words, command_text.text, example)
    lower = lower_words(words)
    named = known_span(words, 0, command_text.text, command_text.names, begun=False) if words else 0
    for position in range(named, len(words)):
        found = None if words[position].quoted else read_time(lower[position:])
        if found is not None and not _is_name(command_text, words):
            return SilenceText(read_references(command_text, words[:position]), found, "", zone, why)
    begin = next((position for position in range(1, len(words)) if lower[position] in _TIME_BEGINS), len(words))
    whole = begin == len(words) or _is_name(command_text, words)
    unread = "" if whole else typed(slice_of(command_text.text, words[begin:]))
    return SilenceText(read_references(command_text, words if whole else words[:begin]), None, unread, zone, why)


_KEYWORDS = ("until", "because", "weekly", "weekdays", "weekend", "daily", "tomorrow", *DAY_NAMES)


def _refuse_misspelled(command_text: CommandText, example: str) -> None:
    """A misspelled keyword would otherwise be the name of a pipeline."""
    for position, word in enumerate(command_text.words):
        known = word.lower in _TIME_BEGINS | BECAUSE or word.lower in _KEYWORDS or names_days(word.lower)
        known = known or word.quoted or word.picked
        if word.lower in BECAUSE:
            return
        if not position or known or command_text.names.with_name(comparable(word.text)):
            continue
        if near := difflib.get_close_matches(word.lower, _KEYWORDS, cutoff=0.8):
            meant = min(near, key=lambda keyword: keyword[0] != word.lower[0])  # `munday` is no Sunday
            fix = corrected(command_text.text, word.start, word.text, meant)
            shown = outside(word.text)
            raise ParseError(
                f"I don't know the word “{shown}”. Nothing was changed. Did you mean *{meant}*?", fix, example
            )


_DATE = re.compile(r"(\d{1,2})([./])(\d{1,2})\2(\d{4})")
_MONTHS = range(1, 13)


def _refuse_foreign_dates(command_text: CommandText) -> None:
    """Refuses `24.12.2026` and `12/24/2026`, and suggests `2026-12-24` unless day and month may be swapped."""
    for word in command_text.words:
        if word.lower in BECAUSE:
            return
        found = None if word.quoted else _DATE.fullmatch(word.text)
        if found is None or command_text.names.with_name(comparable(word.text)):
            continue
        first, second, dotted = int(found[1]), int(found[3]), found[2] == "."
        day, month = (first, second) if dotted or first not in _MONTHS else (second, first)
        certain = month in _MONTHS and (dotted or day not in _MONTHS)
        iso = f"{found[4]}-{month:02}-{day:02}"
        raise ParseError(
            f"I can't read the date “{word.text}”. Nothing was changed. Type it as 2026-12-24: year, month, day.",
            corrected(command_text.text, word.start, word.text, iso) if certain else "",
            f"help {command_text.vocabulary.first(command_text.text)}",
        )


_TIME_WORD = re.compile(
    r"\d:\d|^\d{4}-\d\d|^(mon|tues?|wed(nes)?|thu(rs)?|fri|sat(ur)?|sun)(day)?s?$|^weekd|^dail", re.IGNORECASE
)


def moment_in(references: Sequence[str]) -> tuple[list[str], str]:
    """The names, and the words among them that are a day or a time. That is empty unless they are one moment."""
    times = " ".join(name for name in references if _TIME_WORD.search(name))
    moment = read_moment(times.lower().split())
    whole = moment is not None and moment.words == len(times.split()) and moment.value.clock_time is not None
    dated = moment is not None and moment.value.day is not None and moment.words == len(times.split())
    return [name for name in references if not _TIME_WORD.search(name)], times if whole or dated else ""


def _is_name(command_text: CommandText, words: Sequence[Word]) -> bool:
    """True if all words together are a pipeline's name, such as *sync every 5 min*."""
    return bool(words) and bool(command_text.names.with_name(comparable(slice_of(command_text.text, list(words)))))


def without_reason(command_text: CommandText, example: str) -> tuple[list[Word], str]:
    """Takes out *because* and the reason after it."""
    words = command_text.words
    begin = next((position for position, word in enumerate(words) if position and word.lower in BECAUSE), None)
    if begin is None:
        return words, ""
    following = words[begin + 1 :]
    if not following:
        raise ParseError(
            "Give a reason after *because*. Nothing was changed.",
            f"{unescape(typed(command_text.text))} we deploy",
            example,
        )
    why = following[0].text if len(following) == 1 else typed(slice_of(command_text.text, following))
    if len(why) > LONGEST_WHY:
        raise ParseError(
            f"That reason has {len(why):,} characters, and the limit is {LONGEST_WHY:,}. Nothing was changed.", example
        )
    return words[:begin], why


def _without_zone(words: list[Word], text: str, example: str) -> tuple[list[Word], str]:
    """Takes `in Europe/Berlin` out."""
    last = len(words) - 2
    found = [
        position
        for position, word in enumerate(words[:-1])
        if word.means("in") and (position == last or zone_named(words[position + 1].text))
    ]
    if not found:
        return words, ""
    named = words[found[0] + 1]
    if named.text.startswith("#") or named.picked:
        raise ParseError(
            "Type this in the channel itself: a mute belongs to the channel where it is made. Nothing was changed.",
            example,
        )
    zone = read_zone(named, text, example)
    return [*words[: found[0]], *words[found[0] + 2 :]], zone


def read_references(command_text: CommandText, words: list[Word]) -> tuple[str, ...]:
    """The pipelines and patterns. *channel* means everything, unless it is quoted."""
    if len(words) == 1 and words[0].lower in CHANNEL_WORDS | EVERYTHING:
        return (WHOLE_CHANNEL,)
    if [word.lower for word in words] in (["this", "channel"], ["the", "channel"]):
        return (WHOLE_CHANNEL,)
    if len(words) == 1 and words[0].lower == ALL and not command_text.names.with_name(ALL):
        return (WHOLE_CHANNEL,)
    if not words:
        return ()
    found = references_in(replace(command_text, words=words))
    return tuple(name for name in dict.fromkeys(found) if name.lower() not in CONNECTIVES)
