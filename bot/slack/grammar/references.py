"""Names of pipelines in a command that takes no clauses, and the words that can be no name. Pure."""

from collections.abc import Sequence

from bot.domain.attention import State
from bot.slack.grammar.clauses import Kind, kind_of
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.spoken_names import known_span, names_in
from bot.slack.grammar.tokens import Word, slice_of, stripped


def states_in(words: Sequence[Word]) -> frozenset[State]:
    """A word in quotes is a name."""
    return frozenset(state for state in State if any(state == word.lower for word in words))


def without_strays(command_text: CommandText) -> tuple[list[Word], list[Word]]:
    """The words that may be names, and those that can only be people or channels, with the keyword before each."""
    kept: list[Word] = []
    strays: list[Word] = []
    place = 0
    while place < len(command_text.words):
        word = command_text.words[place]
        span = known_span(command_text.words, place, command_text.text, command_text.names, begun=bool(kept))
        if not span and kind_of(word) in {Kind.TARGET, Kind.CHANNEL} and not word.quoted and is_signed(word):
            if kept and kept[-1].lower in {"in", "page", "for", "to", "from", "of"}:
                kept.pop()
            strays.append(word)
        kept += command_text.words[place : place + span] if span else [word] if word not in strays else []
        place += max(span, 1)
    return kept, strays


def is_signed(word: Word) -> bool:
    """`here` and `channel` without a sign may be names."""
    return word.reference or word.text[:1] in "@#"


def references_in(command_text: CommandText) -> list[str]:
    """The names in words that have no clauses behind them."""
    found: list[str] = []
    loose: list[Word] = []
    place = 0
    while place < len(command_text.words):
        span = known_span(command_text.words, place, command_text.text, command_text.names, begun=False)
        if not span and command_text.words[place].lower in set(State):
            found += [*names_in(loose, command_text.text, command_text.names), stripped(command_text.words[place].text)]
            loose = []
        elif not span:
            loose.append(command_text.words[place])
        else:
            found += names_in(loose, command_text.text, command_text.names)
            loose = []
            those = command_text.words[place : place + span]
            found.append(those[0].text if those[0].quoted and span == 1 else slice_of(command_text.text, those))
        place += max(span, 1)
    return found + names_in(loose, command_text.text, command_text.names)
