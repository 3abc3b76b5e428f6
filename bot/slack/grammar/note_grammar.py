"""The commands `runbook` and `note`: NAME alone shows, NAME none removes, anything else sets. Pure."""

import re
from dataclasses import dataclass

from bot.domain.catalogue import Names, looks
from bot.domain.note import WRONG, NoteKind, wrong_with_address
from bot.slack.grammar.tokens import PUNCTUATION, Refused, Word, quoted

NONE = "none"
_EXAMPLES = {NoteKind.RUNBOOK: "https://wiki.example.com/orders", NoteKind.NOTE: '"Restart the sink first"'}

_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NoteCommand:
    """`text` None shows, "" removes, anything else sets."""

    kind: NoteKind
    reference: str
    text: str | None = None

    @property
    def changes(self) -> bool:
        return self.text is not None


def note_command(kind: NoteKind, words: list[Word], names: Names) -> NoteCommand:
    """The last word says what is wanted; those before it are one name, with or without quotes.

    Raises:
        Refused: it can't be understood.
    """
    if not words:
        raise Refused(f"Which pipeline is the {kind} for?", f"{kind} orders-eu {_EXAMPLES[kind]}")
    *name, last = words
    if name and last.means(NONE):
        return NoteCommand(kind, _name(name), "")
    if not name or not _is_text(kind, last, is_name=bool(names.exactly(looks(_name(words))))):
        return NoteCommand(kind, _name(words))
    if corrected := _with_scheme(kind, name, last):
        raise Refused("The address must begin with https://. Nothing was changed.", corrected)
    if wrong := WRONG[kind](last.text):
        example = f"{_named(kind, name)} {_EXAMPLES[kind]}"
        raise Refused(f"I can't save that {kind}: {wrong}. Nothing was changed.", example)
    return NoteCommand(kind, _name(name), last.text)


def _name(words: list[Word]) -> str:
    return " ".join(word.text.strip(",") if not word.quoted else word.text for word in words)


def _is_text(kind: NoteKind, word: Word, *, is_name: bool) -> bool:
    """A note stands in quotes. An address holds a colon or a slash, which hardly a name ends in, or looks like a host.

    `is_name`: all the words are a pipeline's name.
    """
    if kind is NoteKind.NOTE:
        return word.quoted
    return "/" in word.text or ":" in word.text or (not word.quoted and not is_name and _is_host(word.text))


def _is_host(text: str) -> bool:
    return bool(_HOST.fullmatch(text.rstrip(PUNCTUATION)))


def _with_scheme(kind: NoteKind, name: list[Word], last: Word) -> str:
    """The same command where only the scheme of its address is missing; else empty."""
    if kind is not NoteKind.RUNBOOK or "://" in last.text or "@" in last.text:
        return ""
    address = last.text.rstrip(PUNCTUATION) if _is_host(last.text) else last.text
    with_scheme = f"https://{address}"
    fits = "." in address.partition("/")[0] and not wrong_with_address(with_scheme)
    return f"{_named(kind, name)} {with_scheme}" if fits else ""


def _named(kind: NoteKind, name: list[Word]) -> str:
    return f"{kind} {quoted(_name(name))}"
