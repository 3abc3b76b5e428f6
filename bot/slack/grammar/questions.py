"""Recognises questions and whole sentences, and suggests a command that answers them and changes nothing. Pure."""

import re
from collections.abc import Iterator
from dataclasses import replace

from bot.domain.attention import StateFilter
from bot.slack.grammar.clauses import EVENT_SYNONYMS
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.plain_questions import asks_about_failures
from bot.slack.grammar.spoken_names import known_span
from bot.slack.grammar.tokens import ParseError, Word, slice_of, typed
from bot.slack.mrkdwn import outside

_BEGINNINGS = (
    "what whats what's what’s which who whos who's who’s whose whom where wheres where's where’s when why how hows",
    "how's how’s is are was were am isnt isn't aren't do does did don't can could would will should shall may might",
    "has have had any please pls plz hey hello hi dear tell give let lets let's let’s i i'd i'm we you there thanks",
)
_QUESTION = frozenset(word for line in _BEGINNINGS for word in line.split())
_ENDING = re.compile(r"(?:['’]s)?[.,;:?!…)]*$")
_SENTENCE = 4
"""As many words as this are a sentence, if the first one is no command."""


def is_question(words: list[Word]) -> bool:
    first, last = words[0], words[-1]
    begins = len(words) > 1 and first.lower.rstrip("!.:?…") in _QUESTION
    asks = first.lower.strip("?") != "" and not last.quoted and last.text.endswith("?")
    return begins or asks or first.lower in {"whats", "what's", "what’s"}


def is_sentence(words: list[Word]) -> bool:
    return len(words) >= _SENTENCE and not any(word.quoted for word in words)


def question_refusal(words: list[Word], command_text: CommandText) -> ParseError:
    """The refusal of a question, with commands that answer it. `words` includes the first word."""
    shown = outside(typed(words[0].text))
    heading = f"I only understand commands, and “{shown}” isn't one. Nothing was changed. This may help:"
    return ParseError(heading, *_answers(words, command_text), "help")


def status_words(words: list[Word], command_text: CommandText) -> str:
    """What `status` can show of these words: the known pipelines, else the state. Empty if there is neither."""
    return " ".join(_known(words, command_text)) or _state(words)


def _answers(words: list[Word], command_text: CommandText) -> Iterator[str]:
    topic = next(
        (
            command
            for word in words
            if (command := command_text.vocabulary.command(_bare_word(word))) in _topics(command_text)
        ),
        "",
    )
    if topic and words[0].lower == "how":
        yield f"help {topic}"
    if _asks_who_is_on_call(words):
        yield "oncall"
    if wanted := status_words(words, command_text):
        yield f"status {wanted}"
    elif asks_about_failures(word.text for word in words):
        yield "status failed"
    elif any(_bare_word(word) in {"watch", "watches", "watched", "watching", "paged"} for word in words):
        yield "watches"


def _asks_who_is_on_call(words: list[Word]) -> bool:
    """True for *who is on call?* and *am I oncall?*"""
    text = " ".join(_bare_word(word) for word in words).replace("-", " ")
    return "on call" in text or "oncall" in text


def _topics(command_text: CommandText) -> set[str]:
    return {*command_text.vocabulary.commands} - {"help"}


def _known(words: list[Word], command_text: CommandText) -> list[str]:
    without_endings = [_without_ending(word) for word in words]
    names: list[str] = []
    position = 0
    while position < len(words):
        candidates, span = words, known_span(words, position, command_text.text, command_text.names, begun=position > 0)
        if not span:
            candidates, span = (
                without_endings,
                known_span(without_endings, position, command_text.text, command_text.names, begun=position > 0),
            )
        if span:
            names.append(typed(slice_of(command_text.text, candidates[position : position + span])))
        position += max(span, 1)
    return list(dict.fromkeys(names))


def _without_ending(word: Word) -> Word:
    if word.quoted or word.picked:
        return word
    text = _ENDING.sub("", word.text)
    return replace(word, text=text, end=word.end - len(word.text) + len(text)) if text else word


def _state(words: list[Word]) -> str:
    bare_words = [_bare_word(word) for word in words]
    return next(
        (EVENT_SYNONYMS.get(word, word) for word in bare_words if EVENT_SYNONYMS.get(word, word) in set(StateFilter)),
        "",
    )


def _bare_word(word: Word) -> str:
    return _ENDING.sub("", word.lower)
