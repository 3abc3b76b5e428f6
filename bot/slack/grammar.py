"""The grammar of the slash command: text in, a command or a usage error out. Pure, and never raises."""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile

from bot.domain.attention import State
from bot.domain.note import NoteKind
from bot.domain.transition import SELECTABLE, Event
from bot.domain.watch import TargetKind
from bot.slack.note_grammar import NoteCommand, note_command
from bot.slack.text import outside, unescape
from bot.slack.words import (
    ALL,
    KEYWORDS,
    Refused,
    Word,
    bare,
    can_be_typed,
    listed,
    mended,
    quoted,
    unlinked,
    words_in,
)

LONGEST_TEXT = 4000
LONGEST_HINT = 250
COMMANDS = ("status", "list", "watch", "unwatch", "watches", "runbook", "note", "help")
ALIASES = {
    "subscribe": "watch",
    "unsubscribe": "unwatch",
    "subscriptions": "watches",
}

_USER = re.compile(r"<@([UW][A-Z0-9]+)(?:\|([^>]*))?>")
_GROUP = re.compile(r"<!subteam\^(S[A-Z0-9]+)(?:\|([^>]*))?>")
_CHANNEL = re.compile(r"<#([CG][A-Z0-9]+)(?:\|([^>]*))?>")
_SPECIAL = {"here": TargetKind.HERE, "channel": TargetKind.CHANNEL}
_SPECIAL_FORM = re.compile(r"<!(here|channel)(?:\|[^>]*)?>", re.IGNORECASE)
_SPECIAL_NAME = re.compile(r"@?(here|channel)", re.IGNORECASE)
_PAGERS = ("pagerduty", "opsgenie")


@dataclass(frozen=True, slots=True)
class TargetWord:
    """Whom to page, as typed: `id` where Slack resolved it, else a name that may be a person's or a group's.

    `label` is how Slack spelled the name of what it resolved.
    """

    kind: TargetKind
    id: str = ""
    name: str = ""
    label: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ChannelWord:
    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    pass


@dataclass(frozen=True, slots=True)
class Status:
    """`states`: the words among `references` that may mean a state. A pipeline of that very name comes first."""

    references: tuple[str, ...]
    states: frozenset[State] = frozenset()


@dataclass(frozen=True, slots=True)
class List:
    """`words` are looked for in names, projects and ids; of those found, the ones in one of `states` are listed."""

    words: str
    states: frozenset[State] = frozenset()


@dataclass(frozen=True, slots=True)
class Watch:
    """`events` None means all."""

    references: tuple[str, ...]
    events: frozenset[Event] | None = None
    targets: tuple[TargetWord, ...] = ()
    channel: ChannelWord | None = None


@dataclass(frozen=True, slots=True)
class Unwatch:
    """`references` None means all that the channel watches."""

    references: tuple[str, ...] | None
    channel: ChannelWord | None = None


@dataclass(frozen=True, slots=True)
class Watches:
    pass


@dataclass(frozen=True, slots=True)
class Help:
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class UsageError:
    """What is wrong, and what to type instead (without the slash command's name)."""

    message: str
    hint: str = "help"


Command = Overview | Status | List | Watch | Unwatch | Watches | NoteCommand | Help


def parse(text: str) -> Command | UsageError:
    """Understands what was typed after the slash command."""
    if len(text) > LONGEST_TEXT:
        return UsageError(f"That is {len(text)} characters long; I read up to {LONGEST_TEXT}.", "help")
    text = unlinked(text)
    try:
        return _parse(words_in(text))
    except Refused as refused:
        hints = (mended(text, *refused.mend) if refused.mend else "", refused.hint, "help")
        return UsageError(refused.message, next(hint for hint in hints if _fits(hint)))


def _fits(hint: str) -> bool:
    """It is a command, and short enough to be shown whole."""
    command = "".join(hint.split(maxsplit=1)[:1]).lower()
    return command in {*COMMANDS, *ALIASES} and len(hint) <= LONGEST_HINT


def _parse(words: list[Word]) -> Command:
    if not words:
        return Overview()
    first, rest = words[0], words[1:]
    name = ALIASES.get(first.text.lower(), first.text.lower())
    if first.quoted or name not in _PARSERS:
        raise _unknown_command(first)
    return _PARSERS[name](rest)


def _unknown_command(word: Word) -> Refused:
    name = word.text
    asking = f"status {quoted(name)}" if can_be_typed(name) else "list"
    if name.startswith("pipe_") or word.quoted:
        return Refused(f"“{outside(name)}” is not a command. To ask how it stands:", asking)
    near = difflib.get_close_matches(name.lower(), [*COMMANDS, *ALIASES], n=1, cutoff=0.5)
    if near:
        return Refused(
            f"I know no command “{outside(name)}”. Did you mean *{near[0]}*?",
            near[0],
            (word.start, name, f"{near[0]} "),
        )
    return Refused(f"I know no command “{outside(name)}”. If it is a pipeline, ask how it stands:", asking)


def _status(words: list[Word]) -> Command:
    return Status(_references(words), _states(words))


def _list(words: list[Word]) -> Command:
    states = _states(words)
    rest = [word for word in words if word.quoted or word.text.strip(",").lower() not in states]
    return List(" ".join(_names(rest)), states)


def _states(words: list[Word]) -> frozenset[State]:
    """A word in quotes is a name."""
    typed = {word.text.strip(",").lower() for word in words if not word.quoted}
    return frozenset(state for state in State if state in typed)


def _watches(_: list[Word]) -> Command:
    return Watches()


def _help(words: list[Word]) -> Command:
    topic = words[0].text.lower() if words else None
    topic = ALIASES.get(topic, topic) if topic else None
    return Help(topic if topic in COMMANDS else None)


def _unwatch(words: list[Word]) -> Command:
    references, clauses = _clauses(words, ("in",))
    channel = _channel(clauses["in"]) if "in" in clauses else None
    if len(references) == 1 and references[0].means(ALL):
        return Unwatch(None, channel)
    names = _references(references)
    if not names:
        raise Refused("Which pipeline shall this channel no longer watch?", "unwatch orders-eu")
    return Unwatch(names, channel)


def _watch(words: list[Word]) -> Command:
    references, clauses = _clauses(words, KEYWORDS)
    names = _references(references)
    if not names:
        raise Refused("Which pipeline shall be watched?", "watch orders-eu page @ann")
    return Watch(
        references=names,
        events=_events(clauses["on"]) if "on" in clauses else None,
        targets=_targets(clauses["page"]) if "page" in clauses else (),
        channel=_channel(clauses["in"]) if "in" in clauses else None,
    )


def _references(words: list[Word]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_names(words)))


def _names(words: list[Word]) -> list[str]:
    names = (word.text if word.quoted else word.text.strip(",") for word in words)
    return [name for name in names if name]


def _clauses(words: list[Word], keywords: tuple[str, ...]) -> tuple[list[Word], dict[str, list[Word]]]:
    """The references, and behind each keyword its words. A keyword counts only behind a reference."""
    references: list[Word] = []
    clauses: dict[str, list[Word]] = {}
    current = references
    for word in words:
        keyword = next((each for each in keywords if word.means(each)), None)
        if keyword is None or not references:
            current.append(word)
        elif keyword in clauses:
            raise Refused(f"“{keyword}” stands twice.", "help watch")
        else:
            current = clauses[keyword] = []
    return references, clauses


def _events(words: list[Word]) -> frozenset[Event] | None:
    names = [(name, word.start) for word in words for name in re.split(r"[\s,]+", word.text) if name]
    if not names:
        raise Refused("Which events? Behind *on* comes at least one.", "watch orders-eu on failed,recovered")
    if any(name.lower() == ALL for name, _ in names):
        return None
    return frozenset(_event(name, start) for name, start in names)


def _event(name: str, start: int) -> Event:
    choices = [event.value for event in SELECTABLE]
    if name.lower() in choices:
        return Event(name.lower())
    near = difflib.get_close_matches(name.lower(), choices, n=1, cutoff=0.4)
    guess = f" Did you mean *{near[0]}*?" if near else ""
    raise Refused(
        f"I know no event “{outside(name)}”, so nothing was changed.{guess} There are: {', '.join(choices)}, all.",
        "help watch",
        (start, name, near[0]) if near else None,
    )


def _targets(words: list[Word]) -> tuple[TargetWord, ...]:
    targets = []
    for place, word in enumerate(words):
        for text in listed([word]):
            target = _target(text, reference=word.reference)
            if target is None:
                raise _nobody(text, words, place)
            targets.append(target)
    if not targets:
        raise Refused("Whom shall I page? Behind *page* comes a person, a user group, here or channel.", "help watch")
    return tuple(dict.fromkeys(targets))


def _target(text: str, *, reference: bool) -> TargetWord | None:
    if reference:
        return _referenced(text)
    if found := _SPECIAL_NAME.fullmatch(text):
        return TargetWord(_SPECIAL[found[1].lower()])
    if text.startswith("@") and len(text) > 1:
        return TargetWord(TargetKind.USER, name=text[1:])
    return None


def _referenced(text: str) -> TargetWord | None:
    if found := _USER.fullmatch(text):
        return TargetWord(TargetKind.USER, id=found[1], label=unescape(found[2] or ""))
    if found := _GROUP.fullmatch(text):
        return TargetWord(TargetKind.USERGROUP, id=found[1], label=unescape(found[2] or ""))
    if found := _SPECIAL_FORM.fullmatch(text):
        return TargetWord(_SPECIAL[found[1].lower()])
    return None


def _nobody(text: str, words: list[Word], place: int) -> Refused:
    if text.lower() in _PAGERS:
        return Refused(
            f"No pager such as {outside(text)} can be set up yet, so nothing was changed: I page people, user groups, "
            "`here` and `channel` in Slack.",
            "help watch",
        )
    in_quotes = _in_quotes(words, place)
    rule = "a name with blanks goes in quotes" if in_quotes else "a person or user group begins with @"
    return Refused(
        f"“{outside(text)}” is nobody I can page, so nothing was changed: {rule}.",
        f"watch orders-eu page @{bare(text) or 'ann'}",
        in_quotes or _with_its_sign(text, words[place]),
    )


def _in_quotes(words: list[Word], place: int) -> tuple[int, str, str] | None:
    """A name with blanks, typed as Slack shows it."""
    before = words[place - 1] if place else None
    rest = list(takewhile(lambda word: bare(word.text) == word.text and not word.quoted, words[place:]))
    if before is None or before.quoted or before.text.endswith(",") or not rest:
        return None
    begun = _target(before.text, reference=before.reference)
    if begun is None or not begun.name:
        return None
    name = " ".join([before.text, *(word.text for word in rest)])
    return before.start, name, quoted(name)


def _with_its_sign(text: str, word: Word) -> tuple[int, str, str] | None:
    return (word.start, text, f"@{bare(text)}") if bare(text) else None


def _channel(words: list[Word]) -> ChannelWord:
    named = listed(words)
    if len(named) != 1:
        raise Refused("Behind *in* comes one channel.", "watch orders-eu in #data-alerts")
    text = named[0]
    if words[0].reference and (found := _CHANNEL.fullmatch(text)):
        return ChannelWord(id=found[1], name=unescape(found[2] or ""))
    if text.startswith("#") and len(text) > 1:
        return ChannelWord(name=text[1:])
    raise Refused(
        f"“{outside(text)}” is no channel: one begins with #.",
        f"watch orders-eu in #{bare(text) or 'data-alerts'}",
        (words[0].start, text, f"#{bare(text)}") if bare(text) else None,
    )


_PARSERS: dict[str, Callable[[list[Word]], Command]] = {
    "status": _status,
    "list": _list,
    "watch": _watch,
    "unwatch": _unwatch,
    "watches": _watches,
    "runbook": partial(note_command, NoteKind.RUNBOOK),
    "note": partial(note_command, NoteKind.NOTE),
    "help": _help,
}
