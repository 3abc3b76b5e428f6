"""A runbook and a note in words, as cards and answers show them. Pure."""

from bot.domain.note import LONGEST_NOTE, Guidance, Note, NoteKind, host_of
from bot.slack.mrkdwn import escape, outside


def note_text(note: Note) -> str:
    """A runbook as a link that shows its host, a note as a quotation."""
    if note.kind is NoteKind.RUNBOOK:
        return f"<{escape(note.text)}|{outside(host_of(note.text))}>"
    return f"“{outside(note.text, 2 * LONGEST_NOTE)}”"


def guidance_lines(guidance: Guidance) -> list[str]:
    """The next steps on a card: a runbook, and a note with its author in plain text."""
    lines = [f":book: Runbook: {note_text(guidance.runbook)}"] if guidance.runbook else []
    if guidance.note:
        by = f" — {outside(guidance.note.by_name)}" if guidance.note.by_name else ""
        lines.append(f":memo: {note_text(guidance.note)}{by}")
    return lines
