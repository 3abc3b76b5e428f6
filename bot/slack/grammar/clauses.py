"""The words of a clause: people to page, channels and events, each known by its own form. Pure."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.transition import SELECTABLE
from bot.domain.watch import TargetKind
from bot.slack.grammar.tokens import ALL, PUNCTUATION, Word, listed
from bot.slack.render.mrkdwn import unescape

EVENTS = tuple(event.value for event in SELECTABLE)
MEANT = {  # words for an event that people use
    **dict.fromkeys(
        ("fail", "fails", "failing", "failure", "failures", "error", "errors", "down", "crashed"), "failed"
    ),
    **dict.fromkeys(("recover", "recovers", "recovery", "fixed", "healthy", "up", "ok"), "recovered"),
    **dict.fromkeys(("restart", "restarts"), "restarted"),
    **dict.fromkeys(("pause", "pauses"), "paused"),
    **dict.fromkeys(("stop", "stops"), "stopped"),
    **dict.fromkeys(("deleted", "removed", "missing"), "gone"),
    **dict.fromkeys(("everything", "any", "anything", "every", "*"), ALL),
}

USER_FORM = re.compile(r"<@([UW][A-Z0-9]+)(?:\|([^>]*))?>")
GROUP_FORM = re.compile(r"<!subteam\^(S[A-Z0-9]+)(?:\|([^>]*))?>")
CHANNEL_FORM = re.compile(r"<#([CG][A-Z0-9]+)(?:\|([^>]*))?>")
_SPECIAL = {"here": TargetKind.HERE, "channel": TargetKind.CHANNEL}
SPECIAL_FORM = re.compile(r"<!(here|channel)(?:\|[^>]*)?>|@?(here|channel)", re.IGNORECASE)
EVERYONE_FORM = re.compile(r"<!everyone(?:\|[^>]*)?>|@?everyone", re.IGNORECASE)
ME = "me"


@dataclass(frozen=True, slots=True)
class TargetWord:
    """Someone to page, as typed: `id` where Slack resolved it, else a name that may be a person's or a group's.

    `label` is how Slack spelled the name of what it resolved.
    """

    kind: TargetKind
    id: str = ""
    name: str = ""
    label: str = field(default="", compare=False)
    me: bool = False
    """Whoever typed it, unless somebody has this name."""


@dataclass(frozen=True, slots=True)
class ChannelWord:
    """Without `id` and `name`: the channel where it was typed."""

    id: str = ""
    name: str = ""


class Kind(StrEnum):
    """What a word is by its own form. The values are the keywords before it."""

    EVENT = "on"
    TARGET = "page"
    CHANNEL = "in"


def kind_of(word: Word) -> Kind | None:
    """What a word is by its form alone; None for what may be a name."""
    if word.reference:
        if CHANNEL_FORM.fullmatch(word.text):
            return Kind.CHANNEL
        return Kind.TARGET if target_of(word.text, reference=True) else None
    if word.quoted:
        return Kind.TARGET if word.text.startswith("@") and len(word.text) > 1 else None
    entries = listed([word])
    if not entries:
        return None
    if all(each.startswith("#") and len(each) > 1 for each in entries):
        return Kind.CHANNEL
    if all(target_of(each) is not None for each in entries):
        return Kind.TARGET
    if all(each.lower().rstrip(".") in {*EVENTS, ALL} for each in entries):
        return Kind.EVENT
    return None


def target_of(text: str, *, reference: bool = False) -> TargetWord | None:
    """`reference`: Slack wrote it. The same text typed by hand is plain text."""
    if reference and (found := USER_FORM.fullmatch(text)):
        return TargetWord(TargetKind.USER, id=found[1], label=unescape(found[2] or ""))
    if reference and (found := GROUP_FORM.fullmatch(text)):
        return TargetWord(TargetKind.USERGROUP, id=found[1], label=unescape(found[2] or ""))
    found = SPECIAL_FORM.fullmatch(text)
    if found and (reference or not text.startswith("<")):
        return TargetWord(_SPECIAL[(found[1] or found[2]).lower()])
    if text.lower() == ME:
        return TargetWord(TargetKind.USER, me=True)
    if text.startswith("@") and len(text) > 1:
        return TargetWord(TargetKind.USER, name=text[1:], me=text[1:].lower() == ME)
    return None


def channel_of(text: str, *, reference: bool) -> ChannelWord:
    """`reference`: Slack wrote it. The same text typed by hand is plain text."""
    if reference and (found := CHANNEL_FORM.fullmatch(text)):
        return ChannelWord(id=found[1], name=unescape(found[2] or ""))
    name = text.removeprefix("#")
    return ChannelWord(name=name.rstrip(PUNCTUATION) or name) if text.startswith("#") else ChannelWord()
