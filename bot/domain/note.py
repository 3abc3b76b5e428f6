"""Instructions for a failed pipeline: a runbook's address and a note, for one pipeline or a pattern. Pure."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from bot.domain.catalogue import PROJECT_PREFIX, Pipeline, is_pattern, matches
from bot.domain.error_note import ErrorNote
from bot.domain.watch import UserId

LONGEST_ADDRESS = 500
LONGEST_NOTE = 300
MOST_NOTES = 500
_PRINTABLE = re.compile(r"[!-~]+")
_BRACKETS = frozenset('<>|"`\\^{}')


class NoteKind(StrEnum):
    """A runbook is an address, a note is a sentence. A pipeline or pattern may have one of each."""

    RUNBOOK = "runbook"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A runbook or note for one pipeline, or for all pipelines that match a pattern."""

    kind: NoteKind
    reference: str
    """A pipeline's id or a pattern, as in a watch."""
    text: str
    """An address or a sentence. Empty only in a request to remove the note."""
    label: str = ""
    """The pipeline's name, or the pattern."""
    by: UserId
    """The person who set it."""
    by_name: str = ""
    """Plain text, because a card must not ping anybody."""
    at: datetime

    @property
    def id(self) -> str:
        """A second note with this id replaces the first."""
        return f"{self.kind}|{self.reference.lower()}"

    @property
    def pattern(self) -> bool:
        return is_pattern(self.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """The runbook and note that apply to one pipeline. The most specific pattern wins."""

    runbook: Note | None = None
    note: Note | None = None
    on_error: ErrorNote | None = None
    """What helped against the error of this failure, on any pipeline."""

    def of_kind(self, kind: NoteKind) -> Note | None:
        """The runbook or the note."""
        return self.runbook if kind is NoteKind.RUNBOOK else self.note


NO_GUIDANCE = Guidance()


def guidance(pipeline: Pipeline, notes: Iterable[Note]) -> Guidance:
    """The notes that apply to the pipeline."""
    found = [note for note in notes if matches(note.reference, pipeline)]
    if not found:
        return NO_GUIDANCE
    return Guidance(runbook=_closest(found, NoteKind.RUNBOOK), note=_closest(found, NoteKind.NOTE))


def _closest(notes: Iterable[Note], kind: NoteKind) -> Note | None:
    return max((note for note in notes if note.kind is kind), key=_specific, default=None)


def _specific(note: Note) -> tuple[int, int, str]:
    """Ranks a reference: the pipeline's id, then a pattern of names, then a project. The longer pattern wins."""
    length = len(note.reference.replace("*", ""))
    if not note.pattern:
        return (2, length, note.reference)
    return (0 if note.reference.lower().startswith(PROJECT_PREFIX) else 1, length, note.reference)


def address_problem(address: str) -> str:
    """Why this address can't be a runbook, as a clause; empty if it can.

    Refuses an address that shows one host and opens another.
    """
    if len(address) > LONGEST_ADDRESS:
        return f"it has {len(address):,} characters, and the limit is {LONGEST_ADDRESS:,}"
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "I can't read it as an address"
    if parts.scheme.lower() not in {"http", "https"} or not host:
        return "it must begin with https:// or http://"
    if not _PRINTABLE.fullmatch(address) or _BRACKETS & set(address):
        return "it contains characters that must be percent-encoded"
    if "@" in parts.netloc:
        return "it contains a user name before the host"
    return ""


def host_of(address: str) -> str:
    """The link's label: the host and, if short, the path."""
    parts = urlsplit(address)
    return parts.netloc.lower() + parts.path.rstrip("/")


def note_problem(text: str) -> str:
    """Why this text can't be a note, as a clause; empty if it can."""
    return f"it has {len(text):,} characters, and the limit is {LONGEST_NOTE:,}" if len(text) > LONGEST_NOTE else ""


FIND_PROBLEM: dict[NoteKind, Callable[[str], str]] = {NoteKind.RUNBOOK: address_problem, NoteKind.NOTE: note_problem}
