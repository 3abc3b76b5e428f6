"""When much happens at once, or nothing could be said for a while, a channel gets few messages that tell of all of it.

Five gatherings, each a row of the outbox that takes the place of several: failures that nobody was told of become a
group; whatever changes in a group is one change of its message; calls of the same people become one; lines that wait
for one thread become one; and where too many stories wait, those that need nobody's hand are told in a catch-up. Pages
are never gathered below one line a pipeline.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.domain.card import (
    Digest,
    DigestEntry,
    Notice,
    OpenFailure,
    PostedCard,
    SyncCard,
    SyncGroup,
    ThreadEntry,
    TimelineBatch,
)
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Delivery, LaneKind, Message, Priority, State
from bot.domain.episode import Episode, EpisodeKind, Outcome, TimelineEntry, stable_key
from bot.domain.observation import PipelineId
from bot.domain.watch import TeamId

GROUP_ID = 16  # so many characters of a group's key name the group that its message belongs to
GROUP_FROM = 3  # so many failure cards that wait at once in one channel are a group
ENTRIES_PER_MESSAGE = 30  # what one message can tell of within Slack's limits
DIGEST_FROM = 10  # more stories than these would take too long, one a second
BATCH_FROM = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """`row`, with those `beside` it, takes the place of `replaced`; where `merges`, also of the row that has its id.

    `joins` become part of the group that has the row's id; `forgets` are cards that were never posted and never will.
    """

    row: Delivery
    replaced: tuple[Delivery, ...]
    accompanied_by: tuple[Delivery, ...] = ()
    redraws: tuple[Message, ...] = ()
    """Messages of the same group whose count grew. Their updates go to the feed, but not in the same step:
    only a number in a heading depends on them."""
    joins: tuple[str, ...] = ()
    forgets: tuple[str, ...] = ()
    held: Mapping[str, int] = field(default_factory=dict)
    """Cards whose page is held back, with the revision that the summary covers."""
    merges: bool = False


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in one lane. `group_sizes` says of each group whose row is here how many cards it has, while nobody
    has seen it. `away`: nothing can be sent for now."""

    team: TeamId
    rows: Sequence[Delivery]
    cards: Mapping[str, PostedCard]
    group_sizes: Mapping[str, int]
    away: bool = False
    growing: Sequence[str] = ()
    """The groups of the channel's group that had a failure added a while ago: a new one continues it."""

    def group_of(self, card_key: str) -> str:
        card = self.cards.get(card_key)
        return card.group or "" if card else ""


def regroup(backlog: Backlog) -> Grouping | None:
    """The next thing to be gathered; None where every row goes by itself."""
    waiting = [row for row in backlog.rows if row.attempt.state is State.QUEUED]
    untried = [row for row in waiting if row.attempt.count == 0]
    return (
        _group_updates(backlog, waiting)
        or _group_entries(backlog, untried)
        or _calls(untried)
        or _closed_pages(backlog, untried)
        or _fresh_failures(backlog, untried)
        or _digest(backlog, untried)
        or _thread_batch(untried)
    )


# --- groups ----------------------------------------------------------------------------------------------------------


def _fresh_failures(backlog: Backlog, untried: list[Delivery]) -> Grouping | None:
    """Failures that nobody was told of yet. One that was tried already goes its own way: it may be there. While nothing
    can be sent they stay single: one that is over by then is no part of what is told first."""
    if backlog.away:
        return None
    unposted = [row for row in untried if _is_unposted(backlog, row) and _is_open_failure(backlog, row)]
    for row in untried:
        # A group that waits for its turn takes in what comes meanwhile.
        room = (
            ENTRIES_PER_MESSAGE - backlog.group_sizes.get(row.id, ENTRIES_PER_MESSAGE)
            if isinstance(row.body, SyncGroup)
            else 0
        )
        if room > 0 and unposted:
            return _group(row.id, unposted[:room])
    if len(unposted) < GROUP_FROM:
        return None
    chosen = unposted[:ENTRIES_PER_MESSAGE]
    key = stable_key(backlog.team, *(row.id for row in chosen))
    if not backlog.growing:
        return _group(key, chosen)
    grouping = _group(burst_id(backlog.growing[0]) + key[GROUP_ID:], chosen)
    return replace(grouping, redraws=tuple(_redrawn(each, grouping.row) for each in backlog.growing))


def burst_id(group_key: str) -> str:
    return group_key[:GROUP_ID]


def _redrawn(group_key: str, cause: Delivery) -> Message:
    """The earlier messages show the new count."""
    body = SyncGroup(group_key, grown=True)
    return Message(
        id=group_key,
        receiver=cause.receiver,
        priority=Priority.UPDATE,
        body=body,
        made_at=cause.message.made_at,
    )


def _is_unposted(backlog: Backlog, row: Delivery) -> bool:
    card = backlog.cards.get(row.id) if isinstance(row.body, SyncCard) else None
    return card is not None and card.message_id is None and not card.removed and card.group is None and not card.held


def _is_open_failure(backlog: Backlog, row: Delivery) -> bool:
    episode = backlog.cards[row.id].content.episode
    return episode.open and episode.kind is EpisodeKind.FAILURE


def _group_updates(backlog: Backlog, waiting: list[Delivery]) -> Grouping | None:
    changed = [row for row in waiting if isinstance(row.body, SyncCard) and backlog.group_of(row.id)]
    if not changed:
        return None
    key = backlog.group_of(changed[0].id)
    return _group(key, [row for row in changed if backlog.group_of(row.id) == key])


def _group(key: str, chosen: list[Delivery]) -> Grouping:
    row = _replacement(chosen, id=key)
    joins = tuple(row.id for row in chosen)
    return Grouping(row=_with(row, body=SyncGroup(key)), replaced=tuple(chosen), joins=joins)


def _group_entries(backlog: Backlog, waiting: list[Delivery]) -> Grouping | None:
    told = [(row, row.body) for row in waiting if isinstance(row.body, ThreadEntry)]
    told = [(row, line) for row, line in told if backlog.group_of(line.card_key)]
    if not told:
        return None
    key = backlog.group_of(told[0][1].card_key)
    chosen = [(row, line) for row, line in told if backlog.group_of(line.card_key) == key][:ENTRIES_PER_MESSAGE]
    rows = [row for row, _ in chosen]
    existing = next((row for row in waiting if row.attempt.count == 0 and _is_of_group(row, key)), None)
    rows = [*rows, existing] if existing else rows
    row = _replacement(rows, id=existing.id if existing else stable_key(key, *(row.id for row in rows)))
    row = _with(row, body=_batch_body(key, rows, of_group=True))
    return Grouping(row=row, replaced=tuple(row for row, _ in chosen), merges=existing is not None)


def _is_of_group(row: Delivery, key: str) -> bool:
    return isinstance(row.body, TimelineBatch) and row.body.of_group and row.body.thread_key == key


# --- those who are named while many are FAILED ------------------------------------------------------------------------


def _calls(untried: list[Delivery]) -> Grouping | None:
    """One command may call the same people to many failures."""
    alike: dict[Notice, list[Delivery]] = {}
    for row in untried:
        if not isinstance(row.body, Notice) or not row.body.failures:
            continue
        rows = alike.setdefault(replace(row.body, failures=()), [])
        if len(_failures([*rows, row])) <= ENTRIES_PER_MESSAGE:
            rows.append(row)
    for call, rows in alike.items():
        if len(rows) > 1:
            row = _replacement(rows, id=stable_key("calls", *(row.id for row in rows)))
            return Grouping(row=_with(row, body=replace(call, failures=_failures(rows))), replaced=tuple(rows))
    return None


def _failures(rows: Sequence[Delivery]) -> tuple[OpenFailure, ...]:
    return tuple(each for row in rows if isinstance(row.body, Notice) for each in row.body.failures)


# --- what came to its end before it could be told ---------------------------------------------------------------------


def _closed_pages(backlog: Backlog, untried: list[Delivery]) -> Grouping | None:
    """Failures that are over are no pages any more: they go with the feed."""
    pages = [row for row in untried if row.lane.kind is LaneKind.PAGES and _is_unposted(backlog, row)]
    closed = tuple(row for row in pages if not backlog.cards[row.id].content.episode.open)
    if not closed:
        return None
    first, *others = (_with(row, priority=Priority.RECOVERY) for row in closed)
    return Grouping(row=first, replaced=closed, accompanied_by=tuple(others))


def _digest(backlog: Backlog, untried: list[Delivery]) -> Grouping | None:
    """Stories of the feed that nobody was told of. What is wrong now keeps its own card.

    One message tells all of one pipeline, so what goes up and down for hours is told in no more messages than what did
    so once.
    """
    rows = _digest_rows(backlog, untried)
    existing = [row for row in untried if isinstance(row.body, Digest)]
    homes = (_digest_for(_pipeline_id(backlog, row), existing) for row in rows)
    home = next((each for each in homes if each), None)
    if home is None and len({_card_key(row) for row in rows}) <= DIGEST_FROM:
        return None
    entries = {entry.pipeline.id: entry for entry in _entries(home)}
    elsewhere = frozenset[PipelineId]().union(*(_pipelines_of(each) for each in existing if each is not home))
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
        return None  # their cards have told it all
    key = home.id if home else stable_key(backlog.team, "catch up", *(row.id for row in chosen))
    row = _replacement([*chosen, home] if home else chosen, id=key)
    row = _with(row, priority=Priority.RECOVERY, body=Digest(key=key, entries=tuple(entries.values())))
    forgets = tuple(row.id for row in chosen if isinstance(row.body, SyncCard))
    return Grouping(row=row, replaced=tuple(chosen), forgets=forgets, merges=home is not None)


def _digest_for(pipeline_id: PipelineId, existing: list[Delivery]) -> Delivery | None:
    """The catch-up that tells of the pipeline already, else one with room."""
    has = [each for each in existing if pipeline_id in _pipelines_of(each)]
    room = [each for each in existing if len(_entries(each)) < ENTRIES_PER_MESSAGE]
    return next(iter([*has, *room]), None)


def _entries(row: Delivery | None) -> tuple[DigestEntry, ...]:
    return row.body.entries if row and isinstance(row.body, Digest) else ()


def _pipelines_of(row: Delivery) -> frozenset[PipelineId]:
    return frozenset(entry.pipeline.id for entry in _entries(row))


def _digest_rows(backlog: Backlog, untried: list[Delivery]) -> list[Delivery]:
    """Cards before lines: a line whose card was not posted is told with it, or not at all."""
    rows = [row for row in untried if row.lane.kind is LaneKind.FEED and _fits_digest(backlog, row)]
    cards = [row for row in rows if isinstance(row.body, SyncCard)]
    keys = {row.id for row in cards}
    lines = [row for row in rows if isinstance(row.body, ThreadEntry)]
    return [*cards, *(row for row in lines if not _waits_for_its_card(backlog, row) or _card_key(row) in keys)]


def _waits_for_its_card(backlog: Backlog, row: Delivery) -> bool:
    card = backlog.cards.get(row.body.card_key) if isinstance(row.body, ThreadEntry) else None
    return card is not None and card.message_id is None and not card.removed


def _fits_digest(backlog: Backlog, row: Delivery) -> bool:
    """Cards that were never posted, less the failures that are open; and lines of cards that were, or never will be."""
    if isinstance(row.body, ThreadEntry):
        card = backlog.cards.get(row.body.card_key)
        return card is None or card.message_id is not None or not _keeps_own_card(card)
    return _is_unposted(backlog, row) and not _keeps_own_card(backlog.cards[row.id])


def _keeps_own_card(card: PostedCard) -> bool:
    return card.content.episode.open and card.content.episode.kind is EpisodeKind.FAILURE


def _card_key(row: Delivery) -> str:
    return row.body.card_key if isinstance(row.body, SyncCard | ThreadEntry) else row.id


def _pipeline_id(backlog: Backlog, row: Delivery) -> PipelineId:
    return (row.body.pipeline if isinstance(row.body, ThreadEntry) else backlog.cards[row.id].content.pipeline).id


def _counted(backlog: Backlog) -> dict[str, int]:
    """How far each story has been counted by the catch-ups that are here."""
    told = [entry for row in backlog.rows for entry in _entries(row) if entry.card_key]
    return {entry.card_key: entry.revision for entry in sorted(told, key=lambda entry: entry.revision)}


def _uncounted(backlog: Backlog, row: Delivery, counted: int) -> DigestEntry | None:
    """A line counts by itself where its card stands in Slack; else the card's own history has it. What was counted of
    a story that has gone on since is not counted again: in the same message, or in one that is being sent."""
    card = backlog.cards.get(_card_key(row))
    episode = card.content.episode if card else None
    if isinstance(row.body, ThreadEntry):
        told_by_card = card is not None and (_waits_for_its_card(backlog, row) or card.has_told(row.body.entry))
        return None if told_by_card else digest_entry(row.body.pipeline, (row.body.entry,), episode)
    if card is None or episode is None:
        return None
    new = tuple(line for line in episode.timeline if line.revision > counted)
    uncounted = digest_entry(card.content.pipeline, new, episode)
    return replace(uncounted, card_key=row.id, revision=episode.revision) if uncounted and episode.open else uncounted


def digest_entry(pipeline: Pipeline, lines: tuple[TimelineEntry, ...], episode: Episode | None) -> DigestEntry | None:
    if not lines:
        return None
    superseded = episode is not None and episode.outcome is Outcome.SUPERSEDED
    # What cut a story off begins the next one, and is counted there.
    counted = (line.events[:-1] if superseded and line.ends else line.events for line in lines)
    counts = Counter(event for events in counted for event in events)
    last = next((line for line in reversed(lines) if line.by is None), lines[-1])
    return DigestEntry(pipeline=pipeline, counts=counts, since=lines[0].at, until=lines[-1].at, last=last)


def merge_entries(before: DigestEntry | None, after: DigestEntry) -> DigestEntry:
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


# --- one thread ------------------------------------------------------------------------------------------------------


def _thread_batch(untried: list[Delivery]) -> Grouping | None:
    """Lines that wait for one card: of a long story the beginning and the end are kept."""
    told: dict[str, list[Delivery]] = {}
    for row in untried:
        thread_key = row.body.card_key if isinstance(row.body, ThreadEntry) else _batch_card_key(row)
        if thread_key:
            told.setdefault(thread_key, []).append(row)
    for thread_key, rows in told.items():
        existing = next((row for row in rows if isinstance(row.body, TimelineBatch)), None)
        if len(rows) < BATCH_FROM and not (existing and len(rows) > 1):
            continue
        chosen = [row for row in rows if row is not existing]
        key = existing.id if existing else stable_key(thread_key, *(row.id for row in chosen))
        row = _with(_replacement(rows, id=key), body=_batch_body(thread_key, rows))
        return Grouping(row=row, replaced=tuple(chosen), merges=existing is not None)
    return None


def _batch_card_key(row: Delivery) -> str:
    return row.body.thread_key if isinstance(row.body, TimelineBatch) and not row.body.of_group else ""


def _batch_body(thread_key: str, rows: Sequence[Delivery], *, of_group: bool = False) -> TimelineBatch:
    gathered = [row.body for row in rows if isinstance(row.body, TimelineBatch)]
    single = [row.body for row in rows if isinstance(row.body, ThreadEntry)]
    broadcast = any(each.broadcast for each in single) or any(each.broadcast for each in gathered)
    lines = [*(line for each in gathered for line in each.entries), *single]
    lines.sort(key=lambda each: (each.entry.at, each.entry.revision))
    left_out = sum(each.left_out for each in gathered) + max(0, len(lines) - ENTRIES_PER_MESSAGE)
    if len(lines) > ENTRIES_PER_MESSAGE:
        lines = [*lines[: ENTRIES_PER_MESSAGE // 2], *lines[-ENTRIES_PER_MESSAGE // 2 :]]
    return TimelineBatch(
        thread_key=thread_key,
        of_group=of_group,
        entries=tuple(lines),
        left_out=left_out,
        broadcast=broadcast,
    )


def _replacement(rows: Sequence[Delivery], *, id: str) -> Delivery:  # noqa: A002 (the field's own name)
    return _with(
        min(rows, key=lambda row: row.message.priority),
        id=id,
        after_card="",
        made_at=min(row.message.made_at for row in rows),
        earliest=min((row.message.earliest for row in rows if row.message.earliest), default=None),
    )


def _with(row: Delivery, **changes: Any) -> Delivery:
    return replace(row, message=replace(row.message, **changes))
