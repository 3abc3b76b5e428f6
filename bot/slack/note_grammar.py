"""The commands `runbook` and `note`: NAME alone shows, NAME none removes, anything else sets. Pure."""

from dataclasses import dataclass

from bot.domain.note import WRONG, NoteKind, wrong_with_address
from bot.slack.words import Refused, Word, quoted

NONE = "none"
_EXAMPLES = {NoteKind.RUNBOOK: "https://wiki.example.com/orders", NoteKind.NOTE: '"Restart the sink first"'}


@dataclass(frozen=True, slots=True)
class NoteCommand:
    """`text` None shows, "" removes, anything else sets."""

    kind: NoteKind
    reference: str
    text: str | None = None

    @property
    def changes(self) -> bool:
        return self.text is not None


def note_command(kind: NoteKind, words: list[Word]) -> NoteCommand:
    """The last word says what is wanted; those before it are one name, with or without quotes.

    Raises:
        Refused: it can't be understood.
    """
    if not words:
        raise Refused(f"Which pipeline is the {kind} for?", f"{kind} orders-eu {_EXAMPLES[kind]}")
    *name, last = words
    if name and last.means(NONE):
        return NoteCommand(kind, _name(name), "")
    if not name or not _is_text(kind, last):
        return NoteCommand(kind, _name(words))
    if wrong := WRONG[kind](last.text):
        raise Refused(f"I can't save that {kind}: {wrong}. Nothing was changed.", _corrected(kind, name, last))
    return NoteCommand(kind, _name(name), last.text)


def _name(words: list[Word]) -> str:
    return " ".join(word.text.strip(",") if not word.quoted else word.text for word in words)


def _is_text(kind: NoteKind, word: Word) -> bool:
    """A note stands in quotes. An address holds a colon or a slash, which hardly a name ends in."""
    return word.quoted if kind is NoteKind.NOTE else "://" in word.text or "/" in word.text or ":" in word.text


def _corrected(kind: NoteKind, name: list[Word], last: Word) -> str:
    """The same command with its address put right where only the scheme is missing, else with an example."""
    named = f"{kind} {quoted(_name(name))}"
    with_scheme = f"https://{last.text}"
    if kind is NoteKind.RUNBOOK and "://" not in last.text and "@" not in last.text:
        host = last.text.partition("/")[0]
        if "." in host and not wrong_with_address(with_scheme):
            return f"{named} {with_scheme}"
    return f"{named} {_EXAMPLES[kind]}"
