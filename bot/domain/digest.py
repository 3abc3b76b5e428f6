"""Replaces many waiting messages by one digest: a line for each pipeline, if too many episodes wait in the feed.

A failure that is still open keeps its own card, because somebody must act on it. Pure.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from bot.domain.backlog import ENTRIES_PER_MESSAGE, Backlog, Grouping, is_unposted, replacement, with_changes
from bot.domain.card import PostedCard, SyncCard, ThreadEntry
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Delivery, LaneKind, Priority
from bot.domain.episode import Episode, EpisodeKind, EpisodeOutcome, FlapStep, TimelineEntry, stable_key
from bot.domain.observation import PipelineId
from bot.domain.summary import Digest, DigestEntry
from bot.domain.transition import Event

DIGEST_FROM = 10  # more episodes would take too long at one message a second


def add_to_digest(backlog: Backlog, untried: list[Delivery]) -> Grouping | None:
    """Puts the feed's unposted episodes into a digest. An open failure keeps its own card.

    A flapping pipeline takes one entry, however often it flapped.
    """
    rows = _digest_rows(backlog, untried)
    existing = [row for row in untried if isinstance(row.body, Digest) and row.body.silence is None]
    candidates = (_digest_for(_pipeline_id(backlog, row), existing) for row in rows)
    target = next((row for row in candidates if row), None)
    if target is None and len({_card_key(row) for row in rows}) <= DIGEST_FROM:
        return None
    entries = {entry.pipeline.id: entry for entry in _entries(target)}
    elsewhere = frozenset[PipelineId]().union(*(_pipelines_of(row) for row in existing if row is not target))
    chosen: list[Delivery] = []
    counted = _counted(backlog)
    for row in rows:
        pipeline_id = _pipeline_id(backlog, row)
        if pipeline_id not in entries and (pipeline_id in elsewhere or len(entries) >= ENTRIES_PER_MESSAGE):
            continue
        chosen.append(row)
        if uncounted := _uncounted(backlog, row, counted.get(row.id, 0)):
            entries[pipeline_id] = merge_entries(entries.get(pipeline_id), uncounted)
    if not entries:
        return None  # the cards already show all of it
    key = target.id if target else stable_key(backlog.team, "catch up", *(row.id for row in chosen))
    row = replacement([*chosen, target] if target else chosen, id=key)
    row = with_changes(row, priority=Priority.RECOVERY, body=Digest(key=key, entries=tuple(entries.values())))
    forgets = tuple(row.id for row in chosen if isinstance(row.body, SyncCard))
    return Grouping(row=row, replaced=tuple(chosen), forgets=forgets, merges=target is not None)


def _digest_for(pipeline_id: PipelineId, existing: list[Delivery]) -> Delivery | None:
    """The digest that already has the pipeline, else one with room."""
    with_pipeline = [row for row in existing if pipeline_id in _pipelines_of(row)]
    with_room = [row for row in existing if len(_entries(row)) < ENTRIES_PER_MESSAGE]
    return next(iter([*with_pipeline, *with_room]), None)


def _entries(row: Delivery | None) -> tuple[DigestEntry, ...]:
    return row.body.entries if row and isinstance(row.body, Digest) else ()


def _pipelines_of(row: Delivery) -> frozenset[PipelineId]:
    return frozenset(entry.pipeline.id for entry in _entries(row))


def _digest_rows(backlog: Backlog, untried: list[Delivery]) -> list[Delivery]:
    """Cards come before thread entries: the digest takes an unposted card's entries only together with the card."""
    rows = [row for row in untried if row.lane.kind is LaneKind.FEED and _fits_digest(backlog, row)]
    cards = [row for row in rows if isinstance(row.body, SyncCard)]
    keys = {row.id for row in cards}
    thread_entries = [row for row in rows if isinstance(row.body, ThreadEntry)]
    return [*cards, *(row for row in thread_entries if not _waits_for_its_card(backlog, row) or _card_key(row) in keys)]


def _waits_for_its_card(backlog: Backlog, row: Delivery) -> bool:
    card = backlog.cards.get(row.body.card_key) if isinstance(row.body, ThreadEntry) else None
    return card is not None and card.message_id is None and not card.removed


def _fits_digest(backlog: Backlog, row: Delivery) -> bool:
    """Unposted cards that are not open failures, and thread entries of cards that are posted or never will be."""
    if isinstance(row.body, ThreadEntry):
        card = backlog.cards.get(row.body.card_key)
        return card is None or card.message_id is not None or not _keeps_own_card(card)
    return is_unposted(backlog, row) and not _keeps_own_card(backlog.cards[row.id])


def _keeps_own_card(card: PostedCard) -> bool:
    return card.content.episode.open and card.content.episode.kind is EpisodeKind.FAILURE


def _card_key(row: Delivery) -> str:
    return row.body.card_key if isinstance(row.body, SyncCard | ThreadEntry) else row.id


def _pipeline_id(backlog: Backlog, row: Delivery) -> PipelineId:
    return (row.body.pipeline if isinstance(row.body, ThreadEntry) else backlog.cards[row.id].content.pipeline).id


def _counted(backlog: Backlog) -> dict[str, int]:
    """The last revision of each episode that the waiting digests have counted."""
    counted = [entry for row in backlog.rows for entry in _entries(row) if entry.card_key]
    return {entry.card_key: entry.revision for entry in sorted(counted, key=lambda entry: entry.revision)}


def _uncounted(backlog: Backlog, row: Delivery, counted: int) -> DigestEntry | None:
    """The part of the row that no message shows and no digest has counted.

    A thread entry counts alone if its card is posted; otherwise it is part of the card's timeline. If an episode
    continued after a digest counted it, only its newer entries count.
    """
    card = backlog.cards.get(_card_key(row))
    episode = card.content.episode if card else None
    if isinstance(row.body, ThreadEntry):
        counted_with_card = _waits_for_its_card(backlog, row)
        return None if counted_with_card else digest_entry(row.body.pipeline, (row.body.entry,), episode)
    if card is None or episode is None:
        return None
    new = tuple(line for line in episode.timeline if line.revision > counted)
    uncounted = digest_entry(card.content.pipeline, new, episode)
    return replace(uncounted, card_key=row.id, revision=episode.revision) if uncounted and episode.open else uncounted


def digest_entry(pipeline: Pipeline, lines: tuple[TimelineEntry, ...], episode: Episode | None) -> DigestEntry | None:
    """One digest line for these timeline entries of an episode; None without entries."""
    if not lines:
        return None
    counts = Counter[Event]()
    for line in lines:
        counts.update(_events_of(line, episode))
        counts.update(dict(line.hidden))
    last = next((line for line in reversed(lines) if line.by is None), lines[-1])
    return DigestEntry(pipeline=pipeline, counts=counts, since=lines[0].at, until=lines[-1].at, last=last)


def _events_of(line: TimelineEntry, episode: Episode | None) -> Sequence[Event]:
    """The changes that the entry itself reports. One about a flapping pipeline that settled only says how it is."""
    if line.flap is FlapStep.SETTLED:
        return ()
    superseded = episode is not None and episode.outcome is EpisodeOutcome.SUPERSEDED
    # The event that superseded an episode opens the next one, and counts there.
    is_last = episode is not None and episode.timeline[-1].revision == line.revision
    return line.events[:-1] if superseded and is_last else line.events


def merge_entries(before: DigestEntry | None, after: DigestEntry) -> DigestEntry:
    """One line for an earlier and a later period of the same pipeline."""
    if before is None:
        return after
    return DigestEntry(
        pipeline=after.pipeline,
        counts=Counter(before.counts) + Counter(after.counts),
        since=min(before.since, after.since),
        until=max(before.until, after.until),
        last=max(before.last, after.last, key=lambda line: (line.by is None, line.at)),
        card_key=after.card_key or before.card_key,
        revision=after.revision if after.card_key else before.revision,
    )
