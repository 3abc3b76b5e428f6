"""Finds pipelines' names in a command without clauses, and the words that can't be names. Pure."""

from collections.abc import Sequence
from difflib import get_close_matches

from bot.domain.attention import StateFilter
from bot.slack.grammar.clauses import ClauseKind, kind_of
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.spoken_names import known_span, names_in
from bot.slack.grammar.tokens import Word, slice_of, stripped

STATE_CUTOFF = 0.75  # `runing` is near, `string` is not


def states_in(words: Sequence[Word]) -> frozenset[StateFilter]:
    """The states among these words. A quoted word is a name, never a state."""
    return frozenset(state for state in StateFilter if any(state == word.lower for word in words))


def near_states(words: Sequence[str]) -> list[StateFilter]:
    """The states that these words may misspell, each once."""
    near = [get_close_matches(word.lower(), list(StateFilter), n=1, cutoff=STATE_CUTOFF) for word in words]
    return list(dict.fromkeys(StateFilter(state) for matches in near for state in matches))


def without_strays(command_text: CommandText) -> tuple[list[Word], list[Word]]:
    """Separates the words that may be names from those that can only mean people or channels.

    Also drops a keyword before such a word.
    """
    remaining: list[Word] = []
    strays: list[Word] = []
    position = 0
    while position < len(command_text.words):
        word = command_text.words[position]
        span = known_span(command_text.words, position, command_text.text, command_text.names, begun=bool(remaining))
        is_clause_word = kind_of(word) in {ClauseKind.TARGET, ClauseKind.CHANNEL} and not word.quoted
        if not span and is_clause_word and is_signed(word):
            if remaining and remaining[-1].lower in {"in", "page", "for", "to", "from", "of"}:
                remaining.pop()
            strays.append(word)
        remaining += command_text.words[position : position + span] if span else [word] if word not in strays else []
        position += max(span, 1)
    return remaining, strays


def is_signed(word: Word) -> bool:
    """True for a word with @ or #. Without a sign, `here` and `channel` may be names."""
    return word.picked or word.text[:1] in "@#"


def references_in(command_text: CommandText) -> list[str]:
    """The names in a command without clauses."""
    found: list[str] = []
    loose: list[Word] = []
    position = 0
    while position < len(command_text.words):
        span = known_span(command_text.words, position, command_text.text, command_text.names, begun=False)
        if not span and command_text.words[position].lower in set(StateFilter):
            found += [
                *names_in(loose, command_text.text, command_text.names),
                stripped(command_text.words[position].text),
            ]
            loose = []
        elif not span:
            loose.append(command_text.words[position])
        else:
            found += names_in(loose, command_text.text, command_text.names)
            loose = []
            name = command_text.words[position : position + span]
            found.append(name[0].text if name[0].quoted and span == 1 else slice_of(command_text.text, name))
        position += max(span, 1)
    return found + names_in(loose, command_text.text, command_text.names)
