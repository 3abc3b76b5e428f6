"""The entries of the audit log for changed watches and notes. `SetupChange` has its own. Pure."""

from datetime import datetime

from bot.domain.audit import AuditEntry, clipped_value
from bot.domain.note import Note
from bot.domain.on_call_setup import target_text
from bot.domain.subscription import WatchChange
from bot.domain.transition import SELECTABLE
from bot.domain.watch import Watch


def watch_entries(change: WatchChange, at: datetime) -> tuple[AuditEntry, ...]:
    """One for each watch."""
    return tuple(
        AuditEntry(
            at=at,
            by=change.by,
            by_name=change.by_name,
            subject="watch",
            label=watch.label or watch.reference,
            reference=watch.reference,
            channel=change.channel,
            before=watch_text(edit.before) if edit.before else "",
            after=watch_text(edit.after) if edit.after else "",
        )
        for edit in change.edits
        if (watch := edit.after or edit.before)
    )


def watch_text(watch: Watch) -> str:
    """Its events and targets, as people type them."""
    events = "all" if watch.events is None else ",".join(event for event in SELECTABLE if event in watch.events)
    targets = " ".join(map(target_text, watch.targets)) or "none"
    paged_for = f" for {','.join(sorted(watch.page_for))}" if watch.targets and watch.page_for else ""
    confirm = f" confirm {watch.confirm}" if watch.confirm > 1 else ""
    return clipped_value(f"on {events} page {targets}{paged_for}{confirm}")


def note_entry(note: Note, before: Note | None) -> AuditEntry:
    """`note` without text: it was removed."""
    return AuditEntry(
        at=note.at,
        by=note.by,
        by_name=note.by_name,
        subject=note.kind,
        label=note.label or note.reference,
        reference=note.reference,
        before=clipped_value(before.text) if before else "",
        after=clipped_value(note.text),
    )
