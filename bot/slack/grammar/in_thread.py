"""Completes a command in the thread of a card with the card's pipeline. Pure."""

from bot.domain.catalogue import is_pattern
from bot.domain.names import Names
from bot.slack.grammar.answer_words import time_length
from bot.slack.grammar.silences import BECAUSE
from bot.slack.grammar.spoken_names import known_span
from bot.slack.grammar.tokens import ALL, NONE, ParseError, words_in


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


def says_all(text: str) -> bool:
    """True if `all` stands in place of the pipeline."""
    words = words_in(text)
    return len(words) > 1 and words[1].means(ALL)


def without_all(text: str) -> str:
    words = words_in(text)
    return f"{text[: words[1].start]}{text[words[1].end :]}".strip()


def with_pipeline(text: str, reference: str, *, takes_sentence: bool, takes_time: bool = False) -> str:
    """The command with this pipeline after its first word. `takes_sentence`: the rest gets the quotes that it lacks.

    `takes_time`: a time before the sentence stays outside the quotes.
    """
    first, *_ = words_in(text)
    rest = text[first.end :].strip()
    time_ends = time_length(rest) if takes_time else 0
    time, sentence = rest[:time_ends], rest[time_ends:].strip()
    following = words_in(sentence)
    explains = takes_time and following and following[0].lower in BECAUSE
    is_sentence = takes_sentence and following and not following[0].quoted and not explains
    if is_sentence and not (len(following) == 1 and following[0].means(NONE)):
        rest = f'{time} "{sentence.replace(chr(34), "’")}"'.strip()
    return f"{text[first.start : first.end]} {reference} {rest}".strip()
