"""Checks and corrects each item of a clause, and records its mistakes. Pure."""

import difflib

from bot.domain.watch import USUAL_LAG, TargetKind, lagging_word
from bot.slack.grammar.clauses import (
    CHANNEL_FORM,
    EVENT_SYNONYMS,
    EVENTS,
    EVERYONE_FORM,
    GROUP_FORM,
    USER_FORM,
    target_of,
)
from bot.slack.grammar.drafts import Mistake
from bot.slack.grammar.lagging_words import as_typed, names_a_lag, split_lag
from bot.slack.grammar.tokens import ALL, NONE, Word, bare, quoted_target, typed
from bot.slack.mrkdwn import outside

NEEDS_AT_SIGN = "a person or user group begins with @"
_PAGING_SERVICES = ("pagerduty", "opsgenie")
_NAMED_TARGETS = {"oncall": "oncall:data", "on-call": "oncall:data", "policy": "policy:data", "pager": "pager:ops"}
_NEGATIONS = {"except", "but", "not", "without", "no", "excluding", NONE}
_NOBODY = {"nobody", "no-one", "noone", "nothing", "off"}


def correct_event(name: str, word: Word, mistakes: list[Mistake]) -> str:
    lower = name.lower()
    if lower in EVENTS or lower == ALL:
        return lower
    if names_a_lag(lower):
        return _correct_lag(name, word, mistakes)
    word_alone, lag = split_lag(lower)
    synonym = EVENT_SYNONYMS.get(word_alone)
    near = [synonym] if synonym else difflib.get_close_matches(word_alone, EVENTS, n=1, cutoff=0.4)
    near = [as_typed(f"{event}{lag}") or event for event in near]
    near = [] if lower in _NEGATIONS else near
    guess = f" Did you mean *{near[0]}*?" if near else ""
    known = f"Events: {', '.join(EVENTS)}, all."
    mistakes.append(
        Mistake(
            f"There is no event called *{outside(name)}*. Nothing was changed.{guess} {known}",
            (word.start, name, near[0]) if near else None,
        )
    )
    return near[0] if near else ""


def resembles_event(text: str) -> bool:
    """True for an event that somebody misspelled or calls by another word: `laging:5m`, `failures`."""
    word = split_lag(text.lower())[0]
    return word in EVENT_SYNONYMS or bool(difflib.get_close_matches(word, EVENTS, n=1, cutoff=0.75))


def _correct_lag(name: str, word: Word, mistakes: list[Mistake]) -> str:
    if typed_right := as_typed(name.lower()):
        return typed_right
    example = lagging_word(USUAL_LAG)
    mistakes.append(
        Mistake(
            f"I can't read the lag in *{outside(name)}*. Nothing was changed. Type minutes or hours behind *lagging*, "
            f"from 1 min to 7 days, such as `{example}`.",
            (word.start, name, example),
        )
    )
    return example


def correct_target(text: str, word: Word, mistakes: list[Mistake]) -> str:
    if word.picked and text == word.text and (USER_FORM.fullmatch(text) or GROUP_FORM.fullmatch(text)):
        shown = typed(text)
        return quoted_target(shown)
    if EVERYONE_FORM.fullmatch(text):
        mistakes.append(Mistake("I can't page everyone. Nothing was changed. *channel* pages everyone in the channel:"))
        return TargetKind.CHANNEL.value
    if target_of(text, picked=word.picked) is not None or text.lower() == NONE:
        return quoted_target(text)
    if text.lower() in _PAGING_SERVICES:
        mistakes.append(
            Mistake(
                f"I can't page “{outside(text)}” by that word. Nothing was changed. A pager outside Slack has a name: "
                "`page pager:NAME`."
            )
        )
        return ""
    if text.lower() in _NOBODY and not word.quoted:
        mistakes.append(Mistake(f"To page nobody, type *{NONE}*. Nothing was changed.", (word.start, text, NONE)))
        return NONE
    if text.lower() in _NAMED_TARGETS and not word.quoted:
        example = _NAMED_TARGETS[text.lower()]
        mistakes.append(
            Mistake(
                f"I can't page “{outside(text)}”: it needs a name, such as `{example}`. Nothing was changed.",
                (word.start, text, example),
            )
        )
        return example
    name = bare(text)
    right = f"@{name}" if name else quoted_target(f"@{text}") if word.quoted and text.strip("@") else ""
    mistakes.append(
        Mistake(
            f"I can't page “{outside(typed(text))}”: {NEEDS_AT_SIGN}. Nothing was changed.",
            (word.start, text, right) if name else None,
            "watch orders-eu page @ann",
        )
    )
    return right


def correct_channel(text: str, word: Word, mistakes: list[Mistake]) -> str:
    if (word.picked and CHANNEL_FORM.fullmatch(text)) or (text.startswith("#") and len(text) > 1):
        name = bare(typed(text)) or ""
        return f"#{name}" if name else text
    if text.lower() == "here" and not word.quoted:
        return "here"
    name = bare(text)
    mistakes.append(
        Mistake(
            f"I couldn't find a channel in “{outside(typed(text))}”: a channel begins with #. Nothing was changed.",
            (word.start, text, f"#{name}") if name else None,
        )
    )
    return f"#{name}" if name else ""
