"""The command in a text that was pasted from one of our hints: `/pipeline status x`, with its marks. Pure."""

import re

from bot.domain.catalogue import Names, looks
from bot.slack.grammar.command_text import Vocabulary
from bot.slack.render.mrkdwn import unescape

_MARKED = re.compile(r"\s*(?P<open>[`'\"“„‘*_]{1,3})(?P<inside>.+?)[`'\"”“’*_]{1,3}[\s.!?]*", re.DOTALL)
_SLASHES = re.compile(r"\s*(?:/(?P<last>[\w-]+)(?:\s+|$)){1,5}")
_STOP = re.compile(r"\s*[.!?…]+\s*$")


def as_command(text: str, names: Names, vocabulary: Vocabulary) -> str:
    """Without the slash command's name, the marks around it all, and the full stop of the sentence it stood in."""
    text = _without_slash(_without_marks(text, vocabulary), vocabulary)
    return _without_stop(text, names, vocabulary)


def _without_marks(text: str, vocabulary: Vocabulary) -> str:
    marked = _MARKED.fullmatch(text)
    if not marked:
        return text
    inside = marked["inside"].strip()
    begins = inside.startswith("/") or ("`" in marked["open"] and vocabulary.holds(_first(inside)))
    return inside if begins else text


def _without_slash(text: str, vocabulary: Vocabulary) -> str:
    """`/status x` is `status x`, and `/pipeline status x` too, however the slash command is called here."""
    found = _SLASHES.match(text)
    if not found:
        return text
    rest, last = text[found.end() :], found["last"]
    if vocabulary.holds(_first(rest)):
        return rest
    return f"{last} {rest}".strip() if vocabulary.holds(last) else text


def _without_stop(text: str, names: Names, vocabulary: Vocabulary) -> str:
    """A name may end with a full stop."""
    stop = _STOP.search(text)
    if not stop or _first(text).lower() in vocabulary.verbatim or not vocabulary.holds(_STOP.sub("", _first(text))):
        return text
    whole = looks(unescape(text)).rstrip()
    is_name = any(whole.endswith(looks(each.name)) and _STOP.search(each.name) for each in names.pipelines)
    return text if is_name else text[: stop.start()]


def _first(text: str) -> str:
    return "".join(text.split(maxsplit=1)[:1])
