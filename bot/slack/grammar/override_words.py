"""Reads who is on call instead, and when: `[for @bob] [from fri 18:00] until mon 09:00 [because …]`. Pure."""

from dataclasses import dataclass, replace

from bot.domain.wall_clock import NamedMoment
from bot.domain.watch import TargetKind
from bot.slack.grammar.clauses import TargetWord, target_of
from bot.slack.grammar.time_words import lower_words, read_duration, read_moment
from bot.slack.grammar.tokens import ParseError, Word, corrected, slice_of, typed
from bot.slack.mrkdwn import outside

UNCHANGED = "Nothing was changed."
_STARTS, _ENDS = frozenset({"from", "starting"}), frozenset({"until", "till"})
_FILLERS = frozenset({"my", "the", "this"})
_INSTEAD = frozenset({"for", "instead", "of", "covering", "cover"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideWords:
    """A time, and the people that it is about. None: nobody typed this part."""

    schedule: str = ""
    person: TargetWord | None = None
    instead_of: TargetWord | None = None
    start: NamedMoment | None = None
    end: NamedMoment | None = None
    """A duration counts from the start."""
    why: str = ""
    ends_now: bool = False
    """True for `none`: what there is ends."""


def read_override(words: list[Word], text: str, example: str) -> OverrideWords:
    """
    Raises:
        ParseError: with the example.
    """
    found, lower, position = OverrideWords(), lower_words(words), 0
    after_for = False
    while position < len(words):
        word = lower[position]
        if word in {"because", "since", "why"} and position + 1 < len(words):
            return replace(found, why=typed(slice_of(text, words[position + 1 :])))
        if word in _INSTEAD:
            after_for, position = True, position + 1
            continue
        position += 1
        if word in _FILLERS or (word == "shift" and position > 1 and lower[position - 2] in _FILLERS):
            continue
        _refuse_time(words, position - 1, text, example)
        if word in {"from", "starting", "until", "till", "to"} and (moment := read_moment(lower[position:])):
            starts = word in {"from", "starting"}
            found = replace(found, start=moment.value) if starts else replace(found, end=moment.value)
            position += moment.words
        elif duration := read_duration(lower[position - 1 :]):
            found, position = replace(found, end=NamedMoment(after=duration.value)), position - 1 + duration.words
        elif word in {"none", "off", "stop"}:
            found = replace(found, ends_now=True)
        elif word not in {"to", "and"}:
            found = _with_name(found, words[position - 1], example, instead=after_for)
            after_for = False
    return found


def _refuse_time(words: list[Word], position: int, text: str, example: str) -> None:
    """Refuses a time after *from* or *until* that I can't read, and a time zone."""
    word, following = words[position], words[position + 1 : position + 2]
    if not following or word.lower not in _STARTS | _ENDS | {"in"} or read_moment(lower_words(words[position + 1 :])):
        return
    shown = outside(typed(f"{word.text} {following[0].text}"))
    if word.lower == "in":
        reason = f"I can't read “{shown}” here: times count in your own time zone."
        raise ParseError(f"{reason} {UNCHANGED}", "help oncall")
    fix = corrected(text, following[0].start, following[0].text, "18:00" if word.lower in _ENDS else "09:00")
    raise ParseError(f"I can't read the time in “{shown}”. {UNCHANGED} For example:", fix, example, "help oncall")


def _with_name(found: OverrideWords, word: Word, example: str, *, instead: bool) -> OverrideWords:
    """A person, or the schedule's name, which comes first."""
    target = target_of(word.text, picked=word.picked) if not word.quoted or word.picked or "@" in word.text else None
    if target and target.kind is TargetKind.USER:
        return replace(found, instead_of=target) if instead else replace(found, person=target)
    if not found.schedule and not target and not instead:
        return replace(found, schedule=word.text.strip(",;:=").removeprefix("oncall:"))
    raise ParseError(f"I don't understand “{outside(typed(word.text))}” here. {UNCHANGED}", example, "help oncall")
