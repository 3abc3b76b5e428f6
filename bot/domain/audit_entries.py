"""The entries of the audit log for changed watches, notes and failures. `SetupChange` has its own. Pure."""

from datetime import datetime

from bot.domain.audit import AuditEntry, clipped_value
from bot.domain.episode import Episode, TimelineEntry
from bot.domain.note import Note
from bot.domain.on_call_setup import target_text
from bot.domain.plan import Plan
from bot.domain.subscription import WatchChange
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, Watch


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
    events = ",".join(watch.typed_events) or "all"
    targets = " ".join(map(target_text, watch.targets)) or "none"
    paged_for = f" for {','.join(watch.typed_paging_events)}" if watch.targets and watch.page_for else ""
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


def action_entries(plan: Plan) -> tuple[AuditEntry, ...]:
    """What a person did about a failure in this step: acknowledged, snoozed, took over, ended the paging."""
    episode = plan.record.episode
    times = {transition.at for transition in plan.transitions if transition.actor}
    if episode is None or not times:
        return ()
    channel = _home(episode)
    name = next((card.pipeline.name for card in plan.cards), "")
    return tuple(
        AuditEntry(
            at=entry.at,
            by=entry.by or None,  # a person of an outside pager has no id
            by_name=entry.name,
            subject="failure",
            label=name or episode.pipeline_id,
            reference=episode.pipeline_id,
            channel=channel,
            before=_before(episode, entry),
            after=clipped_value(_after(entry)),
        )
        for entry in episode.timeline
        if entry.by is not None and entry.at in times and Event.PROMISE_MISSED not in entry.events
    )


def _home(episode: Episode) -> ChannelId | None:
    """The first channel that shows the failure, not the direct message in which a person answered."""
    channels = [channel for channel in episode.cards.values() if not channel.startswith("D")]
    return next(iter(channels), next(iter(episode.cards.values()), None))


def _before(episode: Episode, entry: TimelineEntry) -> str:
    """The answer that this one replaces, unless it had lost its force."""
    earlier = (other for other in reversed(episode.timeline) if other.revision < entry.revision)
    before = next((other for other in earlier if other.by is not None or Event.FAILED in other.events), None)
    if before is None or Event.ACKNOWLEDGED not in before.events:
        return "not acknowledged"
    return clipped_value(f"{_after(before)} by {before.name or 'someone'}")


def _after(entry: TimelineEntry) -> str:
    until = f" until {entry.promised_until:%Y-%m-%d %H:%M} UTC" if entry.promised_until else ""
    remark = f": {entry.remark}" if entry.remark else ""
    if Event.RESOLVED in entry.events:
        return f"paging ended{remark}"
    if entry.snoozed:
        return f"snoozed{until}{remark}"
    return f"acknowledged{until}{remark}"
