"""The event `lagging` with a lag of its own: `lagging:5m`, `lagging>1h`, `lagging > 5 min`. Pure."""

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta

from bot.domain.transition import Event
from bot.domain.watch import lagging_word
from bot.slack.grammar.time_words import read_duration
from bot.slack.grammar.tokens import ParseError, Word

SHORTEST_LAG, LONGEST_LAG = timedelta(minutes=1), timedelta(days=7)
_FORM = re.compile(rf"({Event.LAGGING})\s*(?:[:=]|>=?)\s*(.*)", re.IGNORECASE)
_BETWEEN = frozenset({">", ">=", ":", "=", "after", "over"})


def names_a_lag(text: str) -> bool:
    """True for the event with a sign that a lag should follow, even if none does."""
    return _FORM.fullmatch(text) is not None


def split_lag(text: str) -> tuple[str, str]:
    """A word that may be a misspelled event, and the lag with its sign behind it: `laging` and `:5m`."""
    sign = re.search(r"[:=>]", text)
    return (text[: sign.start()], text[sign.start() :]) if sign else (text, "")


def lag_in(text: str) -> timedelta | None:
    """The lag of such a word. None: it is none that the bot can measure."""
    found = _FORM.fullmatch(text)
    read = read_duration(found[2].lower().split()) if found else None
    if found is None or read is None or read.words != len(found[2].split()):
        return None
    whole_minutes = read.value.total_seconds() % 60 == 0
    return read.value if whole_minutes and SHORTEST_LAG <= read.value <= LONGEST_LAG else None


def as_typed(text: str) -> str:
    """The word as people should type it. Empty: it has no lag."""
    lag = lag_in(text)
    return lagging_word(lag) if lag else ""


def split_event(text: str) -> Event:
    """The event that a correct word names, without its lag."""
    return Event(text.partition(":")[0])


def one_lag(words: Iterable[str]) -> timedelta | None:
    """The lag that these correct words name.

    Raises:
        ParseError: they name several.
    """
    lags = sorted({lag for word in words if (lag := lag_in(word))})
    if len(lags) > 1:
        shown = " and ".join(f"*{lagging_word(lag)}*" for lag in lags)
        raise ParseError(
            f"A watch has one lag, and you named {shown}. Nothing was changed.", "watch orders-eu on lagging:5m"
        )
    return lags[0] if lags else None


def joined(words: Sequence[Word]) -> list[Word]:
    """The words, with `lagging > 5 min` as one word."""
    found: list[Word] = []
    position = 0
    while position < len(words):
        taken = _taken(words[position:])
        if taken > 1:
            first, last = words[position], words[position + taken - 1]
            texts = [word.lower for word in words[position + 1 : position + taken] if word.lower not in _BETWEEN]
            separator = "" if first.text[-1:] in ":=>" else ":"
            found.append(Word(f"{first.text}{separator}{' '.join(texts)}", start=first.start, end=last.end))
        else:
            found.append(words[position])
        position += taken
    return found


def _taken(words: Sequence[Word]) -> int:
    """How many words belong to the event that stands first; 1 for another word."""
    if words[0].lower.rstrip(":=>") != Event.LAGGING:
        return 1
    between = 1 if len(words) > 1 and words[1].lower in _BETWEEN else 0
    read = read_duration([word.lower.rstrip(".") for word in words[1 + between : 4 + between]])
    return 1 + between + read.words if read else 1
