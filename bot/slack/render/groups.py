"""Renders messages about many pipelines: the thread of a group of failures, and the digest of an outage. Pure."""

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType

from bot.domain.card import ThreadEntry, TimelineBatch
from bot.domain.delivery import Delivery
from bot.domain.episode import FlapStep
from bot.domain.summary import Digest, DigestEntry
from bot.domain.transition import Event
from bot.domain.watch import ChannelId
from bot.slack.mrkdwn import from_to, outside, time_of_day
from bot.slack.render import phrases
from bot.slack.render.action_words import is_persons_action, joint_action
from bot.slack.render.blocks import (
    RenderedMessage,
    message,
    section,
    sections,
)
from bot.slack.render.cards import footnotes
from bot.slack.render.diagnosis_batch import causes_blocks, latest_blocks
from bot.slack.render.entry_words import entry_words
from bot.slack.render.group_card import NAME_LIMIT
from bot.slack.render.group_headline import LaterFailures

ONE_LINE_FROM = 2  # recoveries, or acknowledgements by one person
NAMES_IN_LINE = 20
KINDS_SHOWN = 12  # of changes in one row


def render_batch(
    batch: TimelineBatch, delivery: Delivery, now: datetime, failed_again: LaterFailures = MappingProxyType({})
) -> RenderedMessage:
    """Several timeline entries in one message, a line each. `failed_again`: also pipelines without an entry here.

    A line names its pipeline in a group's thread, or if the channel sees it too. In such a thread, many recoveries
    share one line, and so do one person's acknowledgements. The last recoveries become "All … have recovered".
    """
    names_pipelines = batch.of_group or batch.broadcast
    recoveries = [
        entry
        for entry in batch.entries
        if batch.of_group
        and Event.RECOVERED in entry.entry.events
        and entry.entry.flap is not FlapStep.ENTERED
        and entry.pipeline.id not in failed_again
    ]
    everyone = 0 if failed_again else batch.all_recovered
    in_one = len(recoveries) >= ONE_LINE_FROM or (everyone > 0 and len(recoveries) > 0)
    answers = _answers(batch)
    diagnosed = [entry for entry in batch.entries if entry.diagnosis]
    joined = {id(entry) for entries in [*answers, recoveries if in_one else [], diagnosed] for entry in entries}
    conversation = ChannelId(delivery.receiver.id)
    words = [
        entry_words(
            entry.entry,
            conversation,
            entry.pipeline if names_pipelines else None,
            failed_again=failed_again.get(entry.pipeline.id) if Event.RECOVERED in entry.entry.events else None,
        )
        for entry in batch.entries
        if id(entry) not in joined
    ]
    if batch.left_out:
        words.insert(len(words) // 2, f"… {batch.left_out} more changes …")
    words += [f"{joint_action(entries[0].entry, len(entries))}: {_names(entries)}" for entries in answers]
    if in_one:
        words.append(_recovered(recoveries, everyone))
    causes = causes_blocks(diagnosed) if batch.of_group else latest_blocks(diagnosed)
    return message([*sections(words), *causes, *footnotes(delivery, now)])


def _answers(batch: TimelineBatch) -> list[list[ThreadEntry]]:
    """The actions of people that share a line: the same person did the same, with the same words."""
    alike: dict[str, list[ThreadEntry]] = {}
    for entry in batch.entries:
        if batch.of_group and entry.entry.by and is_persons_action(entry.entry):
            alike.setdefault(f"{entry.entry.by} {joint_action(entry.entry, 0)}", []).append(entry)
    return [entries for entries in alike.values() if len(entries) >= ONE_LINE_FROM]


def _names(entries: Sequence[ThreadEntry]) -> str:
    named = ", ".join(f"*{outside(entry.pipeline.name, NAME_LIMIT)}*" for entry in entries[:NAMES_IN_LINE])
    return f"{named} and {len(entries) - NAMES_IN_LINE:,} more" if len(entries) > NAMES_IN_LINE else named


def _recovered(recoveries: list[ThreadEntry], everyone: int) -> str:
    """Many recoveries in one line, with their names."""
    last = max(recoveries, key=lambda entry: entry.entry.downtime_seconds or 0).entry
    lasted = phrases.lasted(last.downtime_seconds, first_seen=any(entry.entry.at_least for entry in recoveries))
    if everyone:
        few = len(recoveries) if 1 < len(recoveries) < everyone else 0
        last_ones = f"the last {few} after up to" if few else "the last after"
        return f":large_green_circle: {phrases.all_recovered(everyone)}, {last_ones} {lasted}: {_names(recoveries)}"
    return f":large_green_circle: {_names(recoveries)} {phrases.RECOVERED}, the last after {lasted}"


def render_digest(digest: Digest, delivery: Delivery, now: datetime) -> RenderedMessage:
    """What happened to each pipeline during an outage.

    Rows have no symbol: it would look like the current state, which only the cards show.
    """
    since = min(entry.since for entry in digest.entries)
    until = max(entry.until for entry in digest.entries)
    head = f"{phrases.LATE_NEWS} *Catching up* on {phrases.pipelines(len(digest.entries))}, {from_to(since, until)}"
    explanation = "This is what happened in between. Pipelines that are failed now have their own messages."
    rows = [f"• {_history(entry)}" for entry in sorted(digest.entries, key=lambda entry: entry.pipeline.name.lower())]
    return message([section(f"{head}\n{explanation}"), *sections(rows), *footnotes(delivery, now)])


def digest_row(entry: DigestEntry) -> str:
    """One row, with the symbol of the last phase. An acknowledgement says nothing about the phase."""
    return f"{':eyes:' if entry.last.by else phrases.phase_symbol(entry.last.phase)} {_history(entry)}"


def _history(entry: DigestEntry) -> str:
    name = f"*{outside(entry.pipeline.name, NAME_LIMIT)}*"
    counts = event_counts(entry)
    last = "last change" if entry.last.by else f"last seen {phrases.phase_word(entry.last.phase)}"
    return f"{name} {counts or 'changed'} · {last} at {time_of_day(entry.until)}"


def event_counts(entry: DigestEntry) -> str:
    """`failed 2×, recovered`, the most important ones first. Empty without events."""
    counted = [event for event in _COUNTED if entry.counts.get(event) and not _goes_without_saying(event, entry)]
    words = [f"{_word(event)} {entry.counts[event]}×" if entry.counts[event] > 1 else _word(event) for event in counted]
    more = [f"and {len(words) - KINDS_SHOWN:,} other kinds of change"] if len(words) > KINDS_SHOWN + 1 else []
    return ", ".join([*words[:KINDS_SHOWN], *more] if more else words)


def _word(event: Event) -> str:
    return event.value.replace("_", " ")


def _goes_without_saying(event: Event, entry: DigestEntry) -> bool:
    """A pipeline that recovered is live, and a run that finished has stopped."""
    saying = {Event.LIVE: Event.RECOVERED, Event.STOPPED: Event.FINISHED}.get(event)
    return saying is not None and entry.counts[event] <= entry.counts.get(saying, 0)


_FIRST = (Event.FAILED, Event.RECOVERED, Event.DEGRADED, Event.DEPLOYING, Event.LIVE, Event.RESTARTED)
_UNCOUNTED = {Event.RUNNING}  # DEPLOYING or LIVE says more
_COUNTED = (*_FIRST, *(event for event in Event if event not in {*_FIRST, *_UNCOUNTED}))
