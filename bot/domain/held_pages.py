"""Limits one person's direct pages per hour; a summary replaces later ones. Pure.

A flapping pipeline must not bury a person in messages. No failure vanishes either: the channel's card still mentions
them, and the summary lists every page that was held back. A repeated call counts too. Beyond the limit it waits for
the others: one message names all failures that nobody has answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.backlog import Backlog, Grouping
from bot.domain.card import PostedCard, SyncCard, ThreadEntry
from bot.domain.delivery import AttemptState, Delivery, LaneKind, Message, Priority
from bot.domain.digest import digest_entry, merge_entries
from bot.domain.episode import stable_key
from bot.domain.notice import Notice, NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.summary import DigestEntry, HeldPages
from bot.domain.watch import TeamId

PERIOD = timedelta(hours=1)
CALLS_AT_LIMIT = timedelta(minutes=15)  # from the last page to the next repeated call


@dataclass(frozen=True, slots=True)
class PageLog:
    """When one conversation got pages and summaries within the last `PERIOD`."""

    pages: tuple[datetime, ...] = ()
    summaries: tuple[datetime, ...] = ()

    def allowance(self, limit: int) -> "Allowance":
        """What this conversation may still get now. `limit`: pages an hour."""
        last, left = max(self.summaries, default=None), limit - len(self.pages)
        return Allowance(
            limit=limit,
            left=left,
            next_summary=last + PERIOD if last else None,
            next_call=max(self.pages) + CALLS_AT_LIMIT if left <= 0 and self.pages else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How many more pages one conversation may get now."""

    limit: int
    """Pages an hour."""
    left: int
    """Pages that may still go out now. Not above 0: hold the next one back."""
    next_summary: datetime | None = None
    """The earliest time of the next summary. None: at once."""
    next_call: datetime | None = None
    """The earliest time of the next repeated call. None: at once."""


def concerns_pages(backlog: Backlog) -> bool:
    """True if any row here counts towards the person's limit."""
    return any(card.summarized_revision for card in backlog.cards.values()) or any(
        row.message.priority is Priority.PAGE or isinstance(row.body, HeldPages) for row in backlog.rows
    )


def hold_back(backlog: Backlog, allowance: Allowance) -> Grouping | None:
    """The next row to hold back or to add to a summary; None if every row may go out."""
    untried = [row for row in backlog.rows if row.attempt.state is AttemptState.QUEUED and row.attempt.count == 0]
    over_limit = [row for row in untried if allowance.left <= 0 and _is_unposted_page(backlog, row)]
    entries = [row for row in untried if _is_entry_of_held(backlog, row)]
    summaries = [row for row in untried if isinstance(row.body, HeldPages)]
    if over_limit or entries or len(summaries) > 1:
        return _summed_up(backlog, [*over_limit, *entries], summaries, allowance)
    if summaries and _waits_too_little(summaries[0], allowance.next_summary):
        return Grouping(row=_due(summaries[0], allowance.next_summary), replaced=(), merges=True)
    early = (row for row in untried if is_repeated_call(row) and _waits_too_little(row, allowance.next_call))
    call = next(early, None)
    return Grouping(row=_due(call, allowance.next_call), replaced=(), merges=True) if call else None


def is_repeated_call(row: Delivery) -> bool:
    """A later call of one person, in their direct messages."""
    direct = row.message.priority is Priority.PAGE
    return direct and isinstance(row.body, Notice) and row.body.kind is NoticeKind.CALL_AGAIN


def _is_unposted_page(backlog: Backlog, row: Delivery) -> bool:
    card = backlog.cards.get(row.id) if isinstance(row.body, SyncCard) else None
    if card is None or card.message_id is not None or card.removed or card.group or card.summarized_revision:
        return False
    return row.lane.kind is LaneKind.PAGES and row.message.priority is Priority.PAGE


def _is_entry_of_held(backlog: Backlog, row: Delivery) -> bool:
    card = backlog.cards.get(row.body.card_key) if isinstance(row.body, ThreadEntry) else None
    return card is not None and card.summarized_revision > 0


def _waits_too_little(row: Delivery, until: datetime | None) -> bool:
    """The bot sent another one after it created this one."""
    return until is not None and (row.message.not_before is None or row.message.not_before < until)


def _summed_up(backlog: Backlog, chosen: list[Delivery], summaries: list[Delivery], allowance: Allowance) -> Grouping:
    existing = summaries[0] if summaries else None
    entries = [entry for row in summaries if isinstance(row.body, HeldPages) for entry in row.body.entries]
    entries += [entry for row in chosen if (entry := _entry(backlog, row))]
    key = existing.id if existing else _key(backlog.team, chosen)
    body = HeldPages(key=key, limit=allowance.limit, entries=_by_pipeline(entries))
    if existing:
        row = replace(existing, message=replace(existing.message, body=body))
    else:
        row = Delivery(
            message=Message(
                id=key,
                receiver=chosen[0].receiver,
                priority=Priority.UPDATE,
                body=body,
                made_at=min(row.message.made_at for row in chosen),
            )
        )
    row = _due(row, allowance.next_summary)
    summarized = {row.id: backlog.cards[row.id].revision for row in chosen if isinstance(row.body, SyncCard)}
    return Grouping(row=row, replaced=(*chosen, *summaries[1:]), summarized=summarized, merges=existing is not None)


def _due(row: Delivery, at: datetime | None) -> Delivery:
    return replace(row, message=replace(row.message, not_before=at))


def _key(team: TeamId, chosen: Sequence[Delivery]) -> str:
    """Includes the rows' times: a later entry of the same card makes another summary."""
    return stable_key(team, "held", *(f"{row.id} {row.message.made_at.isoformat()}" for row in chosen))


def _entry(backlog: Backlog, row: Delivery) -> DigestEntry | None:
    """None for a thread entry that a summary already covers."""
    if isinstance(row.body, ThreadEntry):
        card: PostedCard = backlog.cards[row.body.card_key]
        counted = row.body.entry.revision <= card.summarized_revision
        return None if counted else digest_entry(row.body.pipeline, (row.body.entry,), card.content.episode)
    content = backlog.cards[row.id].content
    return digest_entry(content.pipeline, content.episode.timeline, content.episode)


def _by_pipeline(entries: Sequence[DigestEntry]) -> tuple[DigestEntry, ...]:
    merged: dict[PipelineId, DigestEntry] = {}
    for entry in entries:
        merged[entry.pipeline.id] = merge_entries(merged.get(entry.pipeline.id), entry)
    return tuple(merged.values())
