"""Combines rows that wait in a lane into fewer messages.

- Group: failures that no message has shown yet.
- Group update: all changes of one group.
- Late page: pages of the same people for several failures.
- Silence digest: the news of several pipelines that a silence held back.
- Thread batch: entries for one thread.
- Digest: episodes that need no action, if too many of them wait.

It also decides which entries still need a broadcast. In every combined page, each pipeline keeps a line of its own.
Pure.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.backlog import ENTRIES_PER_MESSAGE, Backlog, Grouping, is_unposted, replacement, with_changes
from bot.domain.card import (
    Digest,
    DigestEntry,
    Notice,
    OpenFailure,
    SyncCard,
    SyncGroup,
    ThreadEntry,
    TimelineBatch,
)
from bot.domain.delivery import AttemptState, Delivery, LaneKind, Message, Priority, Receiver
from bot.domain.digest import add_to_digest, merge_entries
from bot.domain.episode import EpisodeKind, stable_key
from bot.domain.lane_order import thread_of
from bot.domain.observation import PipelineId
from bot.domain.setup import SetupKind

GROUP_ID = 16  # the length of the prefix that all groups of one burst share in their keys
GROUP_FROM = 3  # this many failure cards that wait in one channel become a group
BATCH_FROM = 4  # this many entries for one thread become a batch


def regroup(backlog: Backlog) -> Grouping | None:
    """The next rows to combine; None if every row goes out alone."""
    waiting = [row for row in backlog.rows if row.attempt.state is AttemptState.QUEUED]
    untried = [row for row in waiting if row.attempt.count == 0]
    absent = [row for row in waiting if not (row.attempt.uncertain or row.attempt.possible_repeat)]
    return (
        _group_updates(backlog, waiting)
        or _group_entries(backlog, untried)
        or _late_pages(untried)
        or _silence_digests(untried)
        or _closed_pages(backlog, absent)
        or _fresh_failures(backlog, untried)
        or add_to_digest(backlog, untried)
        or _quiet_end(backlog, absent)
        or _thread_batch(untried)
        or _reopened_pages(backlog, absent)
    )


# --- groups ----------------------------------------------------------------------------------------------------------


def _fresh_failures(backlog: Backlog, untried: list[Delivery]) -> Grouping | None:
    """Groups failures that no message has shown yet.

    A card with an earlier attempt stays single, since it may be posted already. While the service is away, all
    cards stay single: those that recover meanwhile must not appear in the first message.
    """
    if backlog.service_away:
        return None
    unposted = [row for row in untried if is_unposted(backlog, row) and _is_open_failure(backlog, row)]
    for row in untried:
        # A group that still waits takes in newer failures.
        room = (
            ENTRIES_PER_MESSAGE - backlog.group_sizes.get(row.id, ENTRIES_PER_MESSAGE)
            if isinstance(row.body, SyncGroup)
            else 0
        )
        if room > 0 and unposted:
            return _with_redraws(backlog, _group(row.id, unposted[:room]))
    if len(unposted) < GROUP_FROM:
        return None
    chosen = unposted[:ENTRIES_PER_MESSAGE]
    key = stable_key(backlog.team, *(row.id for row in chosen))
    if not backlog.growing:
        return _group(key, chosen)
    return _with_redraws(backlog, _group(burst_id(backlog.growing[0]) + key[GROUP_ID:], chosen))


def burst_id(group_key: str) -> str:
    """The id that all groups of one burst share: the first half of their keys."""
    return group_key[:GROUP_ID]


def _with_redraws(backlog: Backlog, grouping: Grouping) -> Grouping:
    """The earlier messages of the burst show the new count too."""
    row = grouping.row
    others = (key for key in backlog.growing if key != row.id and burst_id(key) == burst_id(row.id))
    return replace(grouping, redraws=tuple(recounted(key, row.receiver, row.message.made_at) for key in others))


def recounted(group_key: str, receiver: Receiver, at: datetime) -> Message:
    """Makes the message of a group show how many failures its burst has now."""
    body = SyncGroup(group_key, grown=True)
    return Message(id=group_key, receiver=receiver, priority=Priority.UPDATE, body=body, made_at=at)


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
    row = replacement(chosen, id=key)
    joins = tuple(row.id for row in chosen)
    return Grouping(row=with_changes(row, body=SyncGroup(key)), replaced=tuple(chosen), joins=joins)


def _group_entries(backlog: Backlog, waiting: list[Delivery]) -> Grouping | None:
    entries = [(row, row.body) for row in waiting if isinstance(row.body, ThreadEntry)]
    entries = [(row, entry) for row, entry in entries if backlog.group_of(entry.card_key)]
    if not entries:
        return None
    key = backlog.group_of(entries[0][1].card_key)
    chosen = [(row, entry) for row, entry in entries if backlog.group_of(entry.card_key) == key][:ENTRIES_PER_MESSAGE]
    rows = [row for row, _ in chosen]
    existing = next((row for row in waiting if row.attempt.count == 0 and _is_of_group(row, key)), None)
    rows = [*rows, existing] if existing else rows
    row = replacement(rows, id=existing.id if existing else stable_key(key, *(row.id for row in rows)))
    row = with_changes(row, body=_batch_body(key, rows, of_group=True))
    return Grouping(row=row, replaced=tuple(row for row, _ in chosen), merges=existing is not None)


def _is_of_group(row: Delivery, key: str) -> bool:
    return isinstance(row.body, TimelineBatch) and row.body.of_group and row.body.thread_key == key


# --- late pages ------------------------------------------------------------------------------------------------------


def _late_pages(untried: list[Delivery]) -> Grouping | None:
    """Combines late pages of the same people: one command may page them for many failures."""
    alike: dict[Notice, list[Delivery]] = {}
    for row in untried:
        if not isinstance(row.body, Notice) or not row.body.failures:
            continue
        rows = alike.setdefault(replace(row.body, failures=()), [])
        if len(_failures([*rows, row])) <= ENTRIES_PER_MESSAGE:
            rows.append(row)
    for late_page, rows in alike.items():
        if len(rows) > 1:
            row = replacement(rows, id=stable_key("calls", *(row.id for row in rows)))
            return Grouping(
                row=with_changes(row, body=replace(late_page, failures=_failures(rows))), replaced=tuple(rows)
            )
    return None


def _failures(rows: Sequence[Delivery]) -> tuple[OpenFailure, ...]:
    return tuple(failure for row in rows if isinstance(row.body, Notice) for failure in row.body.failures)


# --- the ends of silences --------------------------------------------------------------------------------------------


def _silence_digests(untried: list[Delivery]) -> Grouping | None:
    """Combines the digests of silences of one kind: each pipeline's write has its own."""
    alike: dict[SetupKind, list[Delivery]] = {}
    for row in untried:
        if isinstance(row.body, Digest) and row.body.silence:
            rows = alike.setdefault(row.body.silence, [])
            if len(_held_entries([*rows, row])) <= ENTRIES_PER_MESSAGE:
                rows.append(row)
    for kind, rows in alike.items():
        if len(rows) > 1:
            key = stable_key("silences", *(row.id for row in rows))
            body = Digest(key=key, entries=tuple(_held_entries(rows).values()), silence=kind)
            return Grouping(row=with_changes(replacement(rows, id=key), body=body), replaced=tuple(rows))
    return None


def _held_entries(rows: Sequence[Delivery]) -> dict[PipelineId, DigestEntry]:
    """One entry for each pipeline: two silences of one kind may end for it in quick succession."""
    entries: dict[PipelineId, DigestEntry] = {}
    for row in rows:
        for entry in row.body.entries if isinstance(row.body, Digest) else ():
            entries[entry.pipeline.id] = merge_entries(entries.get(entry.pipeline.id), entry)
    return entries


# --- episodes that ended before a message showed them ----------------------------------------------------------------


def _closed_pages(backlog: Backlog, rows: list[Delivery]) -> Grouping | None:
    """Moves the pages of closed failures to the feed: they need no action any more.

    `rows`: those surely not posted. The others keep their lane, whose owner looks for them.
    """
    pages = [row for row in rows if row.lane.kind is LaneKind.PAGES and is_unposted(backlog, row)]
    closed = tuple(row for row in pages if not backlog.cards[row.id].content.episode.open)
    if not closed:
        return None
    first, *others = (with_changes(row, priority=Priority.RECOVERY) for row in closed)
    return Grouping(row=first, replaced=closed, accompanied_by=tuple(others))


def _reopened_pages(backlog: Backlog, rows: list[Delivery]) -> Grouping | None:
    """Moves the cards of reopened failures back to the pages: `_closed_pages` took them for over."""
    cards = [row for row in rows if row.lane.kind is LaneKind.FEED and is_unposted(backlog, row)]
    failed = [row for row in cards if _is_open_failure(backlog, row)]
    reopened = tuple(row for row in failed if backlog.cards[row.id].content.episode.times > 1)
    if not reopened:
        return None
    first, *others = (with_changes(row, priority=Priority.FAILURE) for row in reopened)
    return Grouping(row=first, replaced=reopened, accompanied_by=tuple(others))


def _quiet_end(backlog: Backlog, rows: list[Delivery]) -> Grouping | None:
    """Takes the broadcast from an entry whose card, still to be posted, announces the same.

    `rows`: those surely not posted. Any other card may have arrived before the entry's change.
    """
    unposted = {row.id: backlog.cards[row.id].content.episode for row in rows if is_unposted(backlog, row)}
    for row in rows:
        body = row.body
        if not isinstance(body, ThreadEntry | TimelineBatch) or not body.broadcast:
            continue
        episode = unposted.get(thread_of(body) or "")
        if episode and (not episode.open or episode.times > 1):
            return Grouping(row=with_changes(row, body=replace(body, broadcast=False)), replaced=(), merges=True)
    return None


# --- one thread ------------------------------------------------------------------------------------------------------


def _thread_batch(untried: list[Delivery]) -> Grouping | None:
    """Combines entries for one thread. A long timeline keeps its beginning and its end."""
    by_thread: dict[str, list[Delivery]] = {}
    for row in untried:
        thread_key = row.body.card_key if isinstance(row.body, ThreadEntry) else _batch_card_key(row)
        if thread_key:
            by_thread.setdefault(thread_key, []).append(row)
    for thread_key, rows in by_thread.items():
        existing = next((row for row in rows if isinstance(row.body, TimelineBatch)), None)
        if len(rows) < BATCH_FROM and not (existing and len(rows) > 1):
            continue
        chosen = [row for row in rows if row is not existing]
        key = existing.id if existing else stable_key(thread_key, *(row.id for row in chosen))
        row = with_changes(replacement(rows, id=key), body=_batch_body(thread_key, rows))
        return Grouping(row=row, replaced=tuple(chosen), merges=existing is not None)
    return None


def _batch_card_key(row: Delivery) -> str:
    return row.body.thread_key if isinstance(row.body, TimelineBatch) and not row.body.of_group else ""


def _batch_body(thread_key: str, rows: Sequence[Delivery], *, of_group: bool = False) -> TimelineBatch:
    batches = [row.body for row in rows if isinstance(row.body, TimelineBatch)]
    single = [row.body for row in rows if isinstance(row.body, ThreadEntry)]
    broadcast = any(entry.broadcast for entry in single) or any(batch.broadcast for batch in batches)
    entries = [*(entry for batch in batches for entry in batch.entries), *single]
    entries.sort(key=lambda entry: (entry.entry.at, entry.entry.revision))
    left_out = sum(batch.left_out for batch in batches) + max(0, len(entries) - ENTRIES_PER_MESSAGE)
    if len(entries) > ENTRIES_PER_MESSAGE:
        entries = [*entries[: ENTRIES_PER_MESSAGE // 2], *entries[-ENTRIES_PER_MESSAGE // 2 :]]
    return TimelineBatch(
        thread_key=thread_key,
        of_group=of_group,
        entries=tuple(entries),
        left_out=left_out,
        broadcast=broadcast,
    )
