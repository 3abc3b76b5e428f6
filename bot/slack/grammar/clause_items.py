"""How an item of a clause is typed correctly, and the fault if it was typed otherwise. Pure."""

import difflib

from bot.domain.watch import TargetKind
from bot.slack.grammar.clauses import (
    CHANNEL_FORM,
    EVENTS,
    EVERYONE_FORM,
    GROUP_FORM,
    MEANT,
    USER_FORM,
    target_of,
)
from bot.slack.grammar.drafts import Fault
from bot.slack.grammar.tokens import ALL, NONE, Word, bare, quoted_target, typed
from bot.slack.render.mrkdwn import outside

SIGN = "a person or user group begins with @"
_PAGERS = ("pagerduty", "opsgenie")
_NOT = {"except", "but", "not", "without", "no", "excluding", NONE}
_NOBODY = {"nobody", "no-one", "noone", "nothing", "off"}


def event_right(name: str, word: Word, faults: list[Fault]) -> str:
    lower = name.lower()
    if lower in EVENTS or lower == ALL:
        return lower
    near = [MEANT[lower]] if lower in MEANT else difflib.get_close_matches(lower, EVENTS, n=1, cutoff=0.4)
    near = [] if lower in _NOT else near
    guess = f" Did you mean *{near[0]}*?" if near else ""
    known = f"Events: {', '.join(EVENTS)}, all."
    faults.append(
        Fault(
            f"There is no event called *{outside(name)}*. Nothing was changed.{guess} {known}",
            (word.start, name, near[0]) if near else None,
        )
    )
    return near[0] if near else ""


def target_right(text: str, word: Word, faults: list[Fault]) -> str:
    if word.reference and text == word.text and (USER_FORM.fullmatch(text) or GROUP_FORM.fullmatch(text)):
        shown = typed(text)
        return quoted_target(shown)
    if EVERYONE_FORM.fullmatch(text):
        faults.append(Fault("I can't page everyone. Nothing was changed. *channel* pages everyone in the channel:"))
        return TargetKind.CHANNEL.value
    if target_of(text, reference=word.reference) is not None or text.lower() == NONE:
        return quoted_target(text)
    if text.lower() in _PAGERS:
        faults.append(
            Fault(
                f"I can't page {outside(text)} yet, only people, user groups, `here` and `channel` in Slack. Nothing "
                "was changed."
            )
        )
        return ""
    if text.lower() in _NOBODY and not word.quoted:
        faults.append(Fault(f"To page nobody, type *{NONE}*. Nothing was changed.", (word.start, text, NONE)))
        return NONE
    name = bare(text)
    right = f"@{name}" if name else quoted_target(f"@{text}") if word.quoted and text.strip("@") else ""
    faults.append(
        Fault(
            f"I can't page “{outside(typed(text))}”: {SIGN}. Nothing was changed.",
            (word.start, text, right) if name else None,
            "watch orders-eu page @ann",
        )
    )
    return right


def channel_right(text: str, word: Word, faults: list[Fault]) -> str:
    if (word.reference and CHANNEL_FORM.fullmatch(text)) or (text.startswith("#") and len(text) > 1):
        name = bare(typed(text)) or ""
        return f"#{name}" if name else text
    if text.lower() == "here" and not word.quoted:
        return "here"
    name = bare(text)
    faults.append(
        Fault(
            f"I couldn't find a channel in “{outside(typed(text))}”: a channel begins with #. Nothing was changed.",
            (word.start, text, f"#{name}") if name else None,
        )
    )
    return f"#{name}" if name else ""
