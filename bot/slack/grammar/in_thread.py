"""Completes a command in the thread of a card with the card's pipeline. Pure."""

from bot.domain.catalogue import is_pattern
from bot.domain.names import Names
from bot.slack.grammar.spoken_names import known_span
from bot.slack.grammar.tokens import NONE, ParseError, words_in


def names_its_own(text: str, names: Names) -> bool:
    """True if the command names a pipeline, a pattern or the channel, which then counts rather than the thread's."""
    try:
        words = words_in(text)
    except ParseError:
        return True  # the parser reports it
    if len(words) < 2:
        return False
    following = words[1]
    if following.lower in {"channel", "here"} or is_pattern(following.text):
        return True
    return known_span(words, 1, text, names, begun=False) > 0


def with_pipeline(text: str, reference: str, *, takes_sentence: bool) -> str:
    """The command with this pipeline after its first word. `takes_sentence`: the rest gets the quotes that it lacks."""
    first, *following = words_in(text)
    rest = text[first.end :].strip()
    is_sentence = takes_sentence and following and not following[0].quoted
    if is_sentence and not (len(following) == 1 and following[0].means(NONE)):
        rest = f'"{rest.replace(chr(34), "’")}"'
    return f"{text[first.start : first.end]} {reference} {rest}".strip()
