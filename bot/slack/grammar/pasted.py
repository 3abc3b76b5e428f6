"""Finds the command in a pasted hint, such as `/pipeline status x` with quotation marks around it. Pure."""

import re

from bot.domain.catalogue import comparable
from bot.domain.names import Names
from bot.slack.grammar.command_text import Vocabulary
from bot.slack.mrkdwn import unescape

_MARKED = re.compile(r"\s*(?P<open>[`'\"“„‘*_]{1,3})(?P<inside>.+?)[`'\"”“’*_]{1,3}[\s.!?]*", re.DOTALL)
_SLASHES = re.compile(r"\s*(?:/(?P<last>[\w-]+)(?:\s+|$)){1,5}")
_STOP = re.compile(r"\s*[.!?…]+\s*$")


def as_command(text: str, names: Names, vocabulary: Vocabulary) -> str:
    """Removes the slash command's name, the quotation marks around the text, and a final full stop."""
    text = _without_slash(_without_marks(text, vocabulary), vocabulary)
    return _without_stop(text, names, vocabulary)


def _without_marks(text: str, vocabulary: Vocabulary) -> str:
    marked = _MARKED.fullmatch(text)
    if not marked:
        return text
    inside = marked["inside"].strip()
    begins = inside.startswith("/") or ("`" in marked["open"] and vocabulary.contains(_first_word(inside)))
    return inside if begins else text


def _without_slash(text: str, vocabulary: Vocabulary) -> str:
    """Reads `/status x` and `/pipeline status x` as `status x`. The slash command may have any name."""
    slashes = _SLASHES.match(text)
    if not slashes:
        return text
    rest, last = text[slashes.end() :], slashes["last"]
    if vocabulary.contains(_first_word(rest)):
        return rest
    return f"{last} {rest}".strip() if vocabulary.contains(last) else text


def _without_stop(text: str, names: Names, vocabulary: Vocabulary) -> str:
    """Removes a final full stop, unless a pipeline's name ends with it."""
    stop = _STOP.search(text)
    first = _first_word(text)
    if not stop or first.lower() in vocabulary.verbatim or not vocabulary.contains(_STOP.sub("", first)):
        return text
    whole = comparable(unescape(text)).rstrip()
    is_name = names.any_name(lambda name: whole.endswith(name) and _STOP.search(name) is not None)
    return text if is_name else text[: stop.start()]


def _first_word(text: str) -> str:
    return "".join(text.split(maxsplit=1)[:1])
