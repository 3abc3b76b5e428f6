"""Completes a command in the thread of a card with the card's pipeline. Pure."""

import difflib
import re

from bot.domain.catalogue import comparable, is_pattern
from bot.domain.names import Names
from bot.slack.grammar.answer_words import time_length
from bot.slack.grammar.command_text import Vocabulary
from bot.slack.grammar.near_commands import NEAR_COMMANDS
from bot.slack.grammar.spoken_names import known_span
from bot.slack.grammar.time_first import BECAUSE, leading_time
from bot.slack.grammar.tokens import ALL, NONE, ParseError, Word, typed, words_in

_NAME_FORM = re.compile(r"[^\W_]+(?:[-_]\w+)+")
"""Most pipelines have such a name: `orders-eu`, `orders_v2`."""
_ALIKE = 0.75
_SPOKEN = {
    "resolve": re.compile(r"(?:it(?:'|’)?s )?(?:done|fixed|solved|closed|over)\b", re.IGNORECASE),
    "ack": re.compile(r"(?:acked|acknowledged|ok|okay|mine|looking|checking)\b|.*\bon it\b", re.IGNORECASE),
}
"""What people say in a thread, each with the command that they may mean."""


def names_its_own(text: str, names: Names) -> bool:
    """True if the command names a pipeline, a pattern or the channel, which then counts rather than the thread's."""
    try:
        words = words_in(text)
    except ParseError:
        return True  # the parser reports it
    if len(words) < 2:
        return False
    after_time = 1 + leading_time(words[1:])
    return any(_is_name_at(words, position, text, names) for position in {1, after_time} if position < len(words))


def _is_name_at(words: list[Word], position: int, text: str, names: Names) -> bool:
    following = words[position]
    if following.lower in {"channel", "here"} or is_pattern(following.text):
        return True
    return known_span(words, position, text, names, begun=False) > 0


def foreign_name(text: str, names: Names) -> Word | None:
    """A single word that looks like a pipeline's name, beside a time at most. None: there is none."""
    following = words_in(text)[1:]
    following = following[leading_time(following) :]
    first, rest = (following[0], following[1:]) if following else (None, [])
    if first is None or first.quoted or first.picked or leading_time(rest) != len(rest):
        return None
    near = names.nearest(comparable(first.text))[:1]
    alike = [difflib.SequenceMatcher(None, comparable(first.text), comparable(it.name)).ratio() for it in near]
    return first if _NAME_FORM.fullmatch(first.text) or max(alike, default=0) > _ALIKE else None


def only_person(text: str) -> bool:
    """True if nothing but a person follows the command: people mean to give the failure away."""
    following = words_in(text)[1:]
    return len(following) == 1 and not following[0].quoted and following[0].text.startswith(("@", "<@"))


def without_word(text: str, word: Word) -> str:
    return " ".join(f"{text[: word.start]}{text[word.end :]}".split())


def meant_in_thread(text: str, vocabulary: Vocabulary) -> str:
    """The command that an unknown text may mean. Empty if it resembles none."""
    first, _, rest = typed(text).strip().partition(" ")
    if meant := next((command for command, form in _SPOKEN.items() if form.match(typed(text).strip())), ""):
        return f'{meant} "{typed(text).strip().replace(chr(34), "’")}"' if rest else meant
    if first.lower() in NEAR_COMMANDS:
        return ""
    near = difflib.get_close_matches(first.lower(), [*vocabulary.commands, *vocabulary.aliases], n=1, cutoff=0.6)
    return f"{near[0]} {rest}".strip() if near else ""


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
