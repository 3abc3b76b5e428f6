"""The words of a clause: people to page, channels and events. Each has its own form. Pure."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.transition import SELECTABLE
from bot.domain.watch import TargetKind
from bot.slack.grammar.lagging_words import names_a_lag
from bot.slack.grammar.tokens import ALL, PUNCTUATION, Word, split_list
from bot.slack.mrkdwn import unescape

EVENTS = tuple(event.value for event in SELECTABLE)
EVENT_SYNONYMS = {  # words that people type for an event
    **dict.fromkeys(
        ("fail", "fails", "failing", "failure", "failures", "error", "errors", "down", "crashed"), "failed"
    ),
    **dict.fromkeys(("recover", "recovers", "recovery", "fixed", "healthy", "up", "ok"), "recovered"),
    **dict.fromkeys(("restart", "restarts"), "restarted"),
    **dict.fromkeys(("pause", "pauses"), "paused"),
    **dict.fromkeys(("stop", "stops"), "stopped"),
    **dict.fromkeys(("deleted", "removed", "missing"), "gone"),
    **dict.fromkeys(("lag", "lags", "behind", "late"), "lagging"),
    **dict.fromkeys(("stall", "stalls"), "stalled"),
    **dict.fromkeys(("hangs", "hanging", "hung"), "stuck"),
    **dict.fromkeys(("drifts", "drifting", "drifted"), "drift"),
    **dict.fromkeys(("everything", "any", "anything", "every", "*"), ALL),
}

USER_FORM = re.compile(r"<@([UW][A-Z0-9]+)(?:\|([^>]*))?>")
GROUP_FORM = re.compile(r"<!subteam\^(S[A-Z0-9]+)(?:\|([^>]*))?>")
CHANNEL_FORM = re.compile(r"<#([CG][A-Z0-9]+)(?:\|([^>]*))?>")
_SPECIAL = {"here": TargetKind.HERE, "channel": TargetKind.CHANNEL}
NAMED_FORM = re.compile(r"(on-?call|pager|policy):([^\W_][\w.-]{0,39})", re.IGNORECASE)
_NAMED = {"oncall": TargetKind.ON_CALL, "pager": TargetKind.PAGER, "policy": TargetKind.POLICY}
OWNER = TargetKind.OWNER.value
SPECIAL_FORM = re.compile(r"<!(here|channel)(?:\|[^>]*)?>|@?(here|channel)", re.IGNORECASE)
EVERYONE_FORM = re.compile(r"<!everyone(?:\|[^>]*)?>|@?everyone", re.IGNORECASE)
ME = "me"


@dataclass(frozen=True, slots=True)
class TargetWord:
    """Someone to page, as typed."""

    kind: TargetKind
    id: str = ""
    """Slack's id, if the person picked the target from a list. Or the name of a pager, schedule or policy."""
    name: str = ""
    """The typed name of a person or group, without an id."""
    label: str = field(default="", compare=False)
    """The name that Slack adds to an id."""
    me: bool = False
    """True for `me`: the person who typed it, unless somebody has this name."""


@dataclass(frozen=True, slots=True)
class ChannelWord:
    """Without `id` and `name`: the channel where someone typed the command."""

    id: str = ""
    name: str = ""


def watches_in(channel: ChannelWord | None) -> str:
    """The command that shows the watches of a channel. A form knows no name: then it is the command to type there."""
    return f"watches in #{channel.name}" if channel and channel.name else "watches"


class ClauseKind(StrEnum):
    """The kinds of clauses. Each value is the clause's keyword."""

    EVENT = "on"
    TARGET = "page"
    CHANNEL = "in"
    PAGE_FOR = "for"
    """A part of *page*: the events that page the targets."""


def kind_of(word: Word) -> ClauseKind | None:
    """The clause that a word belongs to by its form. None if the word may be a name."""
    if word.picked:
        if CHANNEL_FORM.fullmatch(word.text):
            return ClauseKind.CHANNEL
        return ClauseKind.TARGET if target_of(word.text, picked=True) else None
    if word.quoted:
        return ClauseKind.TARGET if word.text.startswith("@") and len(word.text) > 1 else None
    entries = split_list([word])
    if not entries:
        return None
    if all(entry.startswith("#") and len(entry) > 1 for entry in entries):
        return ClauseKind.CHANNEL
    if all(target_of(entry) is not None for entry in entries):
        return ClauseKind.TARGET
    if all(entry.lower().rstrip(".") in {*EVENTS, ALL} or names_a_lag(entry) for entry in entries):
        return ClauseKind.EVENT
    return None


def target_of(text: str, *, picked: bool = False) -> TargetWord | None:
    """`picked`: Slack wrote the text, because the person picked it from a list. Typed by hand, it is a mere text."""
    if picked and (found := USER_FORM.fullmatch(text)):
        return TargetWord(TargetKind.USER, id=found[1], label=unescape(found[2] or ""))
    if picked and (found := GROUP_FORM.fullmatch(text)):
        return TargetWord(TargetKind.USERGROUP, id=found[1], label=unescape(found[2] or ""))
    found = SPECIAL_FORM.fullmatch(text)
    if found and (picked or not text.startswith("<")):
        return TargetWord(_SPECIAL[(found[1] or found[2]).lower()])
    if found := NAMED_FORM.fullmatch(text):
        kind = _NAMED[found[1].lower().replace("-", "")]
        return TargetWord(kind, id=found[2].casefold(), label=found[2])
    if text.lower() == OWNER:
        return TargetWord(TargetKind.OWNER)
    if text.lower() == ME:
        return TargetWord(TargetKind.USER, me=True)
    if text.startswith("@") and len(text) > 1:
        return TargetWord(TargetKind.USER, name=text[1:], me=text[1:].lower() == ME)
    return None


def channel_of(text: str, *, picked: bool) -> ChannelWord:
    """`picked`: Slack wrote the text, because the person picked it from a list. Typed by hand, it is a mere text."""
    if picked and (found := CHANNEL_FORM.fullmatch(text)):
        return ChannelWord(id=found[1], name=unescape(found[2] or ""))
    name = text.removeprefix("#")
    return ChannelWord(name=name.rstrip(PUNCTUATION) or name) if text.startswith("#") else ChannelWord()
