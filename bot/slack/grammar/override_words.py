"""Reads who is on call instead, and when: `[for @bob] [from fri 18:00] until mon 09:00 [because …]`. Pure."""

from dataclasses import dataclass, replace

from bot.domain.wall_clock import NamedMoment
from bot.domain.watch import TargetKind
from bot.slack.grammar.clauses import TargetWord, target_of
from bot.slack.grammar.time_words import lower_words, read_duration, read_moment
from bot.slack.grammar.tokens import ParseError, Word, slice_of, typed
from bot.slack.mrkdwn import outside

UNCHANGED = "Nothing was changed."
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


def _with_name(found: OverrideWords, word: Word, example: str, *, instead: bool) -> OverrideWords:
    """A person, or the schedule's name, which comes first."""
    target = target_of(word.text, picked=word.picked) if not word.quoted or word.picked or "@" in word.text else None
    if target and target.kind is TargetKind.USER:
        return replace(found, instead_of=target) if instead else replace(found, person=target)
    if not found.schedule and not target and not instead:
        return replace(found, schedule=word.text.strip(",;:=").removeprefix("oncall:"))
    raise ParseError(f"I don't understand “{outside(typed(word.text))}” here. {UNCHANGED}", example, "help oncall")
