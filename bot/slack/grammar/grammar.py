"""The grammar of the slash command: text in, a command or a usage error out. Pure, and never raises.

A name may hold blanks and keywords, so the reading of a text depends on the pipelines' names: `parse` is given them.
"""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.domain.attention import State
from bot.domain.catalogue import Names, looks
from bot.domain.note import NoteKind
from bot.domain.transition import Event
from bot.domain.watch import Every
from bot.slack.grammar.clauses import (
    EVENTS,
    ChannelWord,
    Draft,
    Kind,
    Reader,
    TargetWord,
    channel_of,
    kind_of,
    target_of,
)
from bot.slack.grammar.command_names import ALIASES, COMMANDS, is_command
from bot.slack.grammar.near_commands import near_command
from bot.slack.grammar.note_grammar import NoteCommand, note_command
from bot.slack.grammar.pasted import as_command
from bot.slack.grammar.spoken_names import known_span, names_in
from bot.slack.grammar.tokens import (
    ALL,
    NONE,
    Refused,
    Word,
    bare,
    can_be_typed,
    fixed,
    quoted,
    slice_of,
    stripped,
    typed,
    unlinked,
    words_in,
)
from bot.slack.render.mrkdwn import escape, outside

LONGEST_TEXT = 4000
LONGEST_HINT = 250
NO_NAMES = Names(())


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
    """None: nothing was said of it, so it stays as it is. `targets` (): nobody."""

    references: tuple[str, ...]
    events: frozenset[Event] | Every | None = None
    targets: tuple[TargetWord, ...] | None = None
    channel: ChannelWord | None = None


@dataclass(frozen=True, slots=True)
class Unwatch:
    """`references` None means all that the channel watches."""

    references: tuple[str, ...] | None
    channel: ChannelWord | None = None


@dataclass(frozen=True, slots=True)
class Watches:
    channel: ChannelWord | None = None


@dataclass(frozen=True, slots=True)
class Help:
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class UsageError:
    """What is wrong, and what to type instead (without the slash command's name)."""

    message: str
    hint: str = "help"
    in_goldrush: bool = False


Command = Overview | Status | List | Watch | Unwatch | Watches | NoteCommand | Help


@dataclass(frozen=True, slots=True)
class _Typed:
    """The words behind a command's name, with all that their reading depends on."""

    words: list[Word]
    text: str
    names: Names

    @property
    def rest(self) -> str:
        return typed(slice_of(self.text, self.words)) if self.words else ""


def parse(text: str, names: Names = NO_NAMES) -> Command | UsageError:
    """Parses the text after the slash command, given the names of pipelines."""
    if len(text) > LONGEST_TEXT:
        return UsageError(f"That is {len(text)} characters long; I read up to {LONGEST_TEXT}.", "help")
    try:
        return _parse(as_command(unlinked(text), names), names)
    except Refused as refused:
        return UsageError(refused.message, _hint(refused, names), refused.in_goldrush)


def changes_watches(text: str) -> bool:
    """By its first word alone."""
    command = "".join(text.split(maxsplit=1)[:1]).lower()
    return ALIASES.get(command, command) in {"watch", "unwatch"}


def depends_on_names(text: str) -> bool:
    """Whether more names may give this text another meaning."""
    command = "".join(text.split(maxsplit=1)[:1]).lower()
    return ALIASES.get(command, command) in {"status", "watch", "unwatch"}


def _hint(refused: Refused, names: Names) -> str:
    """The first hint that parses as a command; without one, the default."""
    for hint in refused.hints:
        if not hint or len(hint) > LONGEST_HINT or not is_command("".join(hint.split(maxsplit=1)[:1])):
            continue
        try:
            _parse(unlinked(escape(hint)), names)
        except Refused as again:
            better = next((each for each in again.hints if _works(each, names)), None)
            if better:
                return better
        else:
            return hint
    return "help"


def _works(hint: str, names: Names) -> bool:
    if not hint or len(hint) > LONGEST_HINT or not is_command("".join(hint.split(maxsplit=1)[:1])):
        return False
    try:
        _parse(unlinked(escape(hint)), names)
    except Refused:
        return False
    return True


def _parse(text: str, names: Names) -> Command:
    words = words_in(text)
    if not words:
        return Overview()
    first, rest = words[0], words[1:]
    name = ALIASES.get(first.text.lower(), first.text.lower())
    if first.quoted or name not in _PARSERS:
        raise _unknown_command(first, _Typed(rest, text, names), words)
    return _PARSERS[name](_Typed(rest, text, names))


def _unknown_command(word: Word, rest: _Typed, words: list[Word]) -> Refused:
    name = word.text
    whole = typed(slice_of(rest.text, words))
    asking = [f"status {whole}"] if len(words) > 1 and can_be_typed(whole) else []
    asking += [f"status {quoted(name)}" if can_be_typed(name) else "list"]
    known = known_span(words, 0, rest.text, rest.names, begun=False)
    if name.startswith("pipe_") or word.quoted or known:
        return Refused(f"“{outside(name)}” is not a command. To ask how it stands:", *asking)
    if helpful := near_command(word, rest.rest):
        return helpful
    near = difflib.get_close_matches(name.lower(), [*COMMANDS, *ALIASES], n=1, cutoff=0.5)
    if near:
        fix = fixed(rest.text, word.start, name, f"{near[0]} ")
        return Refused(f"There is no command called *{outside(name)}*. Did you mean *{near[0]}*?", fix, near[0])
    return Refused(f"There is no command called *{outside(name)}*. If it is a pipeline, ask how it stands:", *asking)


# --- what asks -------------------------------------------------------------------------------------------------------


def _status(said: _Typed) -> Command:
    kept, strays = _without_strays(said)
    references = tuple(dict.fromkeys(_references(replace(said, words=kept))))
    if strays:
        shown = outside(typed(strays[-1].text))
        plainly = " ".join(["status", *map(quoted, references)])
        channel = next((each for each in strays if kind_of(each) is Kind.CHANNEL), None)
        there = f"watches in #{bare(channel.text)}" if channel and not references else plainly
        raise Refused(
            f"“{shown}” is not a pipeline. `status` shows a pipeline, whatever channel watches it.", there, "status"
        )
    return Status(references, _states(kept) & {each.lower() for each in references})


def _states(words: Sequence[Word]) -> frozenset[State]:
    """A word in quotes is a name."""
    return frozenset(state for state in State if any(state == word.lower for word in words))


def _without_strays(said: _Typed) -> tuple[list[Word], list[Word]]:
    """The words that may be names, and those that can only be people or channels, with the keyword before each."""
    kept: list[Word] = []
    strays: list[Word] = []
    place = 0
    while place < len(said.words):
        word = said.words[place]
        span = known_span(said.words, place, said.text, said.names, begun=bool(kept))
        if not span and kind_of(word) in {Kind.TARGET, Kind.CHANNEL} and not word.quoted and _is_signed(word):
            if kept and kept[-1].lower in {"in", "page", "for", "to", "from", "of"}:
                kept.pop()
            strays.append(word)
        kept += said.words[place : place + span] if span else [word] if word not in strays else []
        place += max(span, 1)
    return kept, strays


def _is_signed(word: Word) -> bool:
    """`here` and `channel` without a sign may be names."""
    return word.reference or word.text[:1] in "@#"


def _references(said: _Typed) -> list[str]:
    """The names in words that have no clauses behind them."""
    found: list[str] = []
    loose: list[Word] = []
    place = 0
    while place < len(said.words):
        span = known_span(said.words, place, said.text, said.names, begun=False)
        if not span and said.words[place].lower in set(State):
            found += [*names_in(loose, said.text, said.names), stripped(said.words[place].text)]
            loose = []
        elif not span:
            loose.append(said.words[place])
        else:
            found += names_in(loose, said.text, said.names)
            loose = []
            those = said.words[place : place + span]
            found.append(those[0].text if those[0].quoted and span == 1 else slice_of(said.text, those))
        place += max(span, 1)
    return found + names_in(loose, said.text, said.names)


def _list(said: _Typed) -> Command:
    stray = next((each for each in said.words if not each.quoted and _is_stray(each, said.names)), None)
    if stray:
        there = f"watches in #{bare(stray.text)}" if kind_of(stray) is Kind.CHANNEL else "list"
        raise Refused(
            f"“{outside(typed(stray.text))}” can't be in a name. `list` searches the pipelines that the key can see.",
            there,
            "list",
        )
    states = _states(said.words)
    words = (each.text if each.quoted else stripped(each.text) for each in said.words if each.lower not in states)
    return List(" ".join(each for each in words if each), states)


def _is_stray(word: Word, names: Names) -> bool:
    signed = _is_signed(word) and kind_of(word) in {Kind.TARGET, Kind.CHANNEL}
    return signed and not any(looks(word.text) in looks(each.name) for each in names.pipelines)


def _watches(said: _Typed) -> Command:
    words = said.words
    if words and words[0].means("in"):
        words = words[1:]
        if not words:
            raise Refused("Name one channel after *in*.", "watches in #data-alerts")
    elif words and kind_of(words[0]) is Kind.CHANNEL:
        raise Refused("Put *in* before the channel.", f"watches in {_as_channel(words[0])}")
    elif words:
        signed = any(_is_signed(each) for each in words)
        asked = "" if signed else " ".join(["status", *(quoted(each) for each in _references(said))])
        raise Refused("`watches` takes no pipeline: it shows all watches of a channel.", asked, "watches")
    if not words:
        return Watches()
    if len(words) > 1 or kind_of(words[0]) is not Kind.CHANNEL:
        right = next((_as_channel(each) for each in words if kind_of(each) is Kind.CHANNEL), f"#{bare(words[0].text)}")
        shown = next((each for each in words if kind_of(each) is not Kind.CHANNEL), words[-1])
        if shown.means("here") and len(words) == 1:
            return Watches()
        raise Refused(
            f"“{outside(typed(shown.text))}” is no channel: name one, with #.", f"watches in {right}", "watches"
        )
    return Watches(channel_of(words[0].text, reference=words[0].reference))


def _as_channel(word: Word) -> str:
    return f"#{bare(word.text)}"


def _help(said: _Typed) -> Command:
    if not said.words:
        return Help()
    topic = said.words[0].lower.lstrip("/")
    topic = ALIASES.get(topic, topic)
    if topic not in COMMANDS:
        near = difflib.get_close_matches(topic, [*COMMANDS, *ALIASES], n=1, cutoff=0.6)
        raise Refused(
            f"I have no help on “{outside(typed(said.words[0].text))}”. There is help on {', '.join(COMMANDS)}.",
            f"help {near[0]}" if near else "help",
        )
    if len(said.words) > 1:
        raise Refused(f"`help` takes one command, so it can't take “{outside(said.words[1].text)}”.", f"help {topic}")
    return Help(topic)


# --- what changes watches --------------------------------------------------------------------------------------------


def _unwatch(said: _Typed) -> Command:
    draft = Reader(said.text, said.names, ("in",)).read(said.words)
    if not draft.names and not draft.all:
        raise Refused("Which pipeline should I stop watching? Nothing was changed.", "unwatch orders-eu")
    if (
        len(draft.names) == 1
        and draft.names[0].lower() in _EVERYTHING
        and not said.names.exactly(draft.names[0].lower())
    ):
        right = replace(draft, all=True, names=[]).command("unwatch")
        raise Refused("To end every watch, say *all*. Nothing was changed.", right, "unwatch all")
    _refuse_half(draft)
    _refuse_faults(draft, "unwatch", said, "help unwatch")
    channel = _channel(draft, "unwatch orders-eu in #data-alerts")
    if draft.all and draft.names:
        named = replace(draft, all=False)
        message = "*all* ends every watch of the channel, so it can't take a pipeline. Nothing was changed."
        raise Refused(message, named.command("unwatch"))
    return Unwatch(None if draft.all else tuple(dict.fromkeys(draft.names)), channel)


_EVERYTHING = frozenset({"everything", "anything", "every", "each"})


def _refuse_half(draft: Draft) -> None:
    """`unwatch` ends a whole watch; events and targets are left out by another `watch`."""
    named = " ".join(quoted(each) for each in draft.names) or "orders-eu"
    there = "".join(f" in {each.right}" for each in draft.items(Kind.CHANNEL)[:1])
    if targets := draft.items(Kind.TARGET):
        raise Refused(
            f"`unwatch` ends a whole watch, so it can't take “{outside(typed(targets[0].text))}”; nothing was "
            "changed. To page nobody:",
            f"watch {named} page none{there}",
        )
    if events := draft.items(Kind.EVENT):
        left = [each for each in EVENTS if each not in {item.right for item in events}]
        raise Refused(
            f"`unwatch` ends a whole watch, so it can't take “{outside(events[0].text)}”; nothing was changed. To "
            "watch the other events only:",
            f"watch {named} on {','.join(left)}{there}" if left and draft.sure else "",
            "help watch",
        )


def _watch(said: _Typed) -> Command:
    draft = Reader(said.text, said.names).read(said.words)
    if not draft.names:
        raise Refused(
            "Which pipeline should I watch? Nothing was changed.", _without_name(draft), "watch orders-eu page @ann"
        )
    _refuse_faults(draft, "watch", said, "help watch")
    return Watch(
        references=tuple(dict.fromkeys(draft.names)),
        events=_events(draft),
        targets=_targets(draft),
        channel=_channel(draft, "watch orders-eu in #data-alerts"),
    )


def _without_name(draft: Draft) -> str:
    """The typed clauses, with an example instead of the missing pipeline."""
    return replace(draft, names=["orders-eu"]).command("watch") if any(draft.clauses.values()) else ""


def _refuse_faults(draft: Draft, name: str, said: _Typed, otherwise: str) -> None:
    if not draft.faults:
        return
    fault = draft.faults[0]
    simply = fixed(said.text, *fault.fix) if fault.fix and len(draft.faults) == 1 else ""
    raise Refused(fault.message, simply, draft.command(name), fault.otherwise, otherwise)


def _events(draft: Draft) -> frozenset[Event] | Every | None:
    if Kind.EVENT.value not in draft.clauses:
        return None
    items = draft.items(Kind.EVENT)
    if not items:
        raise Refused(
            "Name at least one event after *on*; nothing was changed.",
            "watch orders-eu on failed,recovered",
        )
    if any(item.right == ALL for item in items):
        return Every.EVENT
    return frozenset(Event(item.right) for item in items)


def _targets(draft: Draft) -> tuple[TargetWord, ...] | None:
    if Kind.TARGET.value not in draft.clauses:
        return None
    items = draft.items(Kind.TARGET)
    if not items:
        raise Refused(
            "Who should I page? Name a person, a user group, here, channel or none after *page*; nothing was changed.",
            "help watch",
        )
    if any(item.text.lower() == NONE for item in items):
        others = [item for item in items if item.text.lower() != NONE]
        if others:
            left = replace(draft, clauses={**draft.clauses, Kind.TARGET.value: others})
            raise Refused("Type *none* or someone to page, not both; nothing was changed.", left.command("watch"))
        return ()
    words = [target_of(item.text, reference=item.reference) for item in items]
    return tuple(dict.fromkeys(word for word in words if word is not None))


def _channel(draft: Draft, example: str) -> ChannelWord | None:
    if Kind.CHANNEL.value not in draft.clauses:
        return None
    items = draft.items(Kind.CHANNEL)
    if len(items) != 1:
        raise Refused("Name one channel after *in*; nothing was changed.", example)
    if items[0].right == "here":
        return None
    return channel_of(items[0].text, reference=items[0].reference)


_PARSERS: dict[str, Callable[[_Typed], Command]] = {
    "status": _status,
    "list": _list,
    "watch": _watch,
    "unwatch": _unwatch,
    "watches": _watches,
    "runbook": lambda said: note_command(NoteKind.RUNBOOK, said.words, said.names),
    "note": lambda said: note_command(NoteKind.NOTE, said.words, said.names),
    "help": _help,
}
