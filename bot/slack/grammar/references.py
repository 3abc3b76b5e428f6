"""Names of pipelines in a command that takes no clauses, and the words that can be no name. Pure."""

from collections.abc import Sequence

from bot.domain.attention import State
from bot.slack.grammar.clauses import Kind, kind_of
from bot.slack.grammar.said import Said
from bot.slack.grammar.spoken_names import known_span, names_in
from bot.slack.grammar.tokens import Word, slice_of, stripped


def states_in(words: Sequence[Word]) -> frozenset[State]:
    """A word in quotes is a name."""
    return frozenset(state for state in State if any(state == word.lower for word in words))


def without_strays(said: Said) -> tuple[list[Word], list[Word]]:
    """The words that may be names, and those that can only be people or channels, with the keyword before each."""
    kept: list[Word] = []
    strays: list[Word] = []
    place = 0
    while place < len(said.words):
        word = said.words[place]
        span = known_span(said.words, place, said.text, said.names, begun=bool(kept))
        if not span and kind_of(word) in {Kind.TARGET, Kind.CHANNEL} and not word.quoted and is_signed(word):
            if kept and kept[-1].lower in {"in", "page", "for", "to", "from", "of"}:
                kept.pop()
            strays.append(word)
        kept += said.words[place : place + span] if span else [word] if word not in strays else []
        place += max(span, 1)
    return kept, strays


def is_signed(word: Word) -> bool:
    """`here` and `channel` without a sign may be names."""
    return word.reference or word.text[:1] in "@#"


def references_in(said: Said) -> list[str]:
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
