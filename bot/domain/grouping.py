"""Combines rows that wait in a lane into fewer messages.

- Group: many failures (`failure_groups.py`).
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
from datetime import datetime, timedelta

from bot.domain.backlog import ENTRIES_PER_MESSAGE, Backlog, Grouping, is_unposted, replacement, with_changes
from bot.domain.call_merging import merge_calls
from bot.domain.card import PostedCard, SyncCard, SyncGroup, ThreadEntry, TimelineBatch
from bot.domain.delivery import Attempt, AttemptState, Delivery, LaneKind, Priority
from bot.domain.digest import add_to_digest, merge_entries
from bot.domain.episode import stable_key
from bot.domain.failure_groups import WAIT, gather_failures, is_open_failure
from bot.domain.lane_order import thread_of
from bot.domain.notice import Notice, NoticeKind, OpenFailure
from bot.domain.observation import PipelineId
from bot.domain.setup import SetupKind
from bot.domain.summary import Digest, DigestEntry
from bot.domain.transition import Event

BATCH_FROM = 4  # this many entries for one thread become a batch
CARD_WAIT = timedelta(seconds=5)  # one update of a group's card for the diagnoses of this time
THREAD_WAIT = timedelta(seconds=15)  # and one message in its thread
MOST_OF_GROUP = 200  # entries in one message of a group's thread: most of them share a line


def join_posted(backlog: Backlog) -> Grouping | None:
    """The waiting failures that a posted message will show: they need no message of their own, and no page."""
    grouping = gather_failures(backlog, [row for row in backlog.rows if row.attempt == Attempt()])
    return grouping if grouping and grouping.message_id else None


def regroup(backlog: Backlog) -> Grouping | None:
    """The next rows to combine; None if every row goes out alone."""
    waiting = [row for row in backlog.rows if row.attempt.state is AttemptState.QUEUED]
    untried = [row for row in waiting if row.attempt.count == 0]
    absent = [row for row in waiting if not (row.attempt.uncertain or row.attempt.possible_repeat)]
    return (
        _group_updates(backlog)
        or _hurried_update(backlog)
        or _group_entries(backlog, untried)
        or merge_calls(backlog, untried)
        or _late_pages(untried)
        or _silence_digests(untried)
        or _closed_pages(backlog, absent)
        or gather_failures(backlog, untried)
        or add_to_digest(backlog, untried)
        or _quiet_end(backlog, absent)
        or _thread_batch(untried, 2 if backlog.service_away else BATCH_FROM)
        or _reopened_pages(backlog, absent)
    )


# --- groups ----------------------------------------------------------------------------------------------------------


def _group_updates(backlog: Backlog) -> Grouping | None:
    """Changes of a group's cards are one update of its message.

    An attempt to update a single card may be under way: its repeat updates the group's message.
    """
    changed = [row for row in backlog.rows if isinstance(row.body, SyncCard) and _is_update_of_group(backlog, row)]
    if not changed:
        return None
    key = backlog.group_of(changed[0].id)
    chosen = [row for row in changed if backlog.group_of(row.id) == key]
    row = with_changes(replacement(chosen, id=key), body=SyncGroup(key))
    row = row if row.attempt.state is AttemptState.QUEUED else row.with_attempt(Attempt())
    if backlog.now and all(row.id in backlog.cards and _only_diagnosed(backlog.cards[row.id]) for row in chosen):
        row = with_changes(row, not_before=backlog.now + CARD_WAIT)
    return Grouping(row=row, replaced=tuple(chosen))


def _hurried_update(backlog: Backlog) -> Grouping | None:
    """An update that waits for diagnoses goes at once if it has news or an answer to show."""
    if backlog.now is None:
        return None
    soon = backlog.now + WAIT
    for row in backlog.rows:
        if isinstance(row.body, SyncGroup) and row.attempt == Attempt() and row.not_before and row.not_before > soon:
            unshown = [card for card in backlog.group(row.body.group_key).cards if card.revision > card.shown_revision]
            if not all(map(_only_diagnosed, unshown)):
                return Grouping(row=with_changes(row, not_before=None), replaced=(), merges=True)
    return None


def _only_diagnosed(card: PostedCard) -> bool:
    """True if diagnoses are all that the card's message lacks."""
    diagnosed = {entry.revision for entry in card.content.episode.timeline if entry.events == (Event.DIAGNOSED,)}
    return card.shown_revision > 0 and diagnosed.issuperset(range(card.shown_revision + 1, card.revision + 1))


def _is_update_of_group(backlog: Backlog, row: Delivery) -> bool:
    may_be_repeated = backlog.cards[row.id].message_id is not None if row.id in backlog.cards else False
    return bool(backlog.group_of(row.id)) and (may_be_repeated or row.attempt.state is AttemptState.QUEUED)


def _group_entries(backlog: Backlog, waiting: list[Delivery]) -> Grouping | None:
    """Entries of a group's cards go into its thread, also those that waited for the thread of a single card."""
    entries = [(row, key) for row in waiting if (key := backlog.group_of(_entry_card_key(row)))]
    if not entries:
        return None
    key = entries[0][1]
    existing = next((row for row in waiting if row.attempt.count == 0 and _is_of_group(row, key)), None)
    chosen = [row for row, of in entries if of == key][:MOST_OF_GROUP]
    rows = [*chosen, existing] if existing else chosen
    row = replacement(rows, id=existing.id if existing else stable_key(key, *(row.id for row in rows)))
    body = _batch_body(key, rows, of_group=True)
    row = with_changes(row, body=body, not_before=_first_post(backlog, body, existing))
    return Grouping(row=row, replaced=tuple(chosen), merges=existing is not None)


def _first_post(backlog: Backlog, batch: TimelineBatch, existing: Delivery | None) -> datetime | None:
    """Diagnoses wait for those of the other failures. Any other entry takes them along at once."""
    if backlog.now is None or any(entry.diagnosis is None for entry in batch.entries):
        return None
    return existing.message.not_before if existing else backlog.now + THREAD_WAIT


def _entry_card_key(row: Delivery) -> str:
    return row.body.card_key if isinstance(row.body, ThreadEntry) else _batch_card_key(row)


def _is_of_group(row: Delivery, key: str) -> bool:
    return isinstance(row.body, TimelineBatch) and row.body.of_group and row.body.thread_key == key


# --- late pages ------------------------------------------------------------------------------------------------------


def _late_pages(untried: list[Delivery]) -> Grouping | None:
    """Combines late pages of the same people: one command may page them for many failures."""
    alike: dict[Notice, list[Delivery]] = {}
    for row in untried:
        if not isinstance(row.body, Notice) or row.body.kind is not NoticeKind.LATE_PAGE:
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
    failed = [row for row in cards if is_open_failure(backlog.cards[row.id])]
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


def _thread_batch(untried: list[Delivery], batch_from: int) -> Grouping | None:
    """Combines this many entries or more for one thread. A long timeline keeps its beginning and its end."""
    by_thread: dict[str, list[Delivery]] = {}
    for row in untried:
        if thread_key := _entry_card_key(row):
            by_thread.setdefault(thread_key, []).append(row)
    for thread_key, rows in by_thread.items():
        existing = next((row for row in rows if isinstance(row.body, TimelineBatch)), None)
        if len(rows) < batch_from and not (existing and len(rows) > 1):
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
    in_channel = any(entry.in_channel for entry in single) or any(batch.in_channel for batch in batches)
    entries = [*(entry for batch in batches for entry in batch.entries), *single]
    entries.sort(key=lambda entry: (entry.entry.at, entry.entry.revision))
    most = MOST_OF_GROUP if of_group else ENTRIES_PER_MESSAGE
    left_out = sum(batch.left_out for batch in batches) + max(0, len(entries) - most)
    if len(entries) > most:
        entries = [*entries[: most // 2], *entries[-most // 2 :]]
    return TimelineBatch(
        thread_key=thread_key,
        of_group=of_group,
        entries=tuple(entries),
        left_out=left_out,
        broadcast=broadcast,
        in_channel=in_channel,
    )
