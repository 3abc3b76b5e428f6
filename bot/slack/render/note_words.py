"""A runbook and a note in words, as cards and answers show them. Pure."""

from bot.domain.error_note import ErrorNote
from bot.domain.note import LONGEST_NOTE, Guidance, Note, NoteKind, host_of
from bot.slack.mrkdwn import date, escape, outside
from bot.slack.render.phrases import person


def note_text(note: Note) -> str:
    """A runbook as a link that shows its host, a note as a quotation."""
    if note.kind is NoteKind.RUNBOOK:
        return f"<{escape(note.text)}|{outside(host_of(note.text))}>"
    return f"“{outside(note.text, 2 * LONGEST_NOTE)}”"


def error_note_line(note: ErrorNote) -> str:
    return f":bulb: {person(note.made_by_name)} noted at {date(note.made_at)}: {error_note_text(note)}"


def error_note_text(note: ErrorNote) -> str:
    return f"“{outside(note.text, 2 * LONGEST_NOTE)}”"


def guidance_lines(guidance: Guidance) -> list[str]:
    """The next steps on a card: a runbook, a note with its author in plain text, and what helped against the error."""
    lines = [f":book: Runbook: {note_text(guidance.runbook)}"] if guidance.runbook else []
    if guidance.note:
        by = f" — {outside(guidance.note.by_name)}" if guidance.note.by_name else ""
        lines.append(f":memo: {note_text(guidance.note)}{by}")
    if guidance.on_error:
        lines.append(error_note_line(guidance.on_error))
    return lines
