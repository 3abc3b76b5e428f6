"""Which news of which pipelines a finished delivery brought to its receiver."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from bot.delivery.pending import PendingDelivery
from bot.domain.card import PostedCard, SyncCard, SyncGroup, TimelineBatch
from bot.domain.card import ThreadEntry as Entry
from bot.domain.delivery import Delivery
from bot.domain.drill import Drill
from bot.domain.notice import Notice, NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.pager import PagerEvent
from bot.domain.receipt import MessageForm, Receipt
from bot.domain.settlement import Done, Drop, Gone
from bot.domain.summary import Digest, DigestEntry, HeldPages
from bot.domain.watch import Target

News = tuple[PipelineId, datetime, datetime]
"""A pipeline, and the times of its first and last news in the message."""


def receipts_of(settlement: Done | Gone | Drop, pending: PendingDelivery, now: datetime) -> tuple[Receipt, ...]:
    """One for each pipeline with news in the message. None for a mere redraw, or for a message that was not needed."""
    if isinstance(settlement, Gone) or (isinstance(settlement, Drop) and not pending.worth_sending):
        return ()
    delivery = pending.delivery
    form, paged = _form(pending), _paged(pending)
    joined = {card.content.pipeline.id for card in pending.cards if card.shown_revision < 0}
    return tuple(
        Receipt(
            pipeline_id=pipeline_id,
            conversation=delivery.receiver.name,
            form=MessageForm.JOINED if pipeline_id in joined and form is MessageForm.UPDATE else form,
            since=since,
            until=until,
            at=now,
            seconds=(now - (until if _is_group_page(delivery) else delivery.message.made_at)).total_seconds(),
            attempts=delivery.attempt.count,
            paged=paged.get(pipeline_id, ()),
            broadcast=pending.reaches_channel,
            refused=settlement.reason if isinstance(settlement, Drop) else "",
        )
        for pipeline_id, since, until in _news(pending)
    )


def _form(pending: PendingDelivery) -> MessageForm:
    match pending.delivery.body:
        case SyncCard() | SyncGroup() if pending.updates:
            return MessageForm.UPDATE
        case SyncGroup():
            return MessageForm.GROUP
        case SyncCard():
            return MessageForm.CARD
        case Digest():
            return MessageForm.DIGEST
        case HeldPages():
            return MessageForm.SUMMARY
        case Notice():
            return MessageForm.PAGE
        case PagerEvent():
            return MessageForm.PAGER
        case _:
            return MessageForm.THREAD


def _news(pending: PendingDelivery) -> Iterator[News]:
    match pending.delivery.body:
        case SyncCard() | SyncGroup():
            yield from filter(None, (_news_of_card(card, pending) for card in pending.cards))
        case Entry() as entry:
            yield from _news_of_entries([entry])
        case TimelineBatch(entries=entries):
            yield from _news_of_entries(entries)
        case Digest(entries=digested) | HeldPages(entries=digested):
            yield from map(_news_of_digest, digested)
        case Notice(drill=Drill() as drill):
            yield drill.pipeline_id, drill.started_at, drill.started_at
        case PagerEvent(drill=True, key=key):
            made_at = pending.delivery.message.made_at
            yield PipelineId(key), made_at, made_at
        case Notice(kind=NoticeKind.CALL_OVER):
            return
        case Notice() if _is_group_page(pending.delivery) and isinstance(pending.content, Notice):
            yield from ((failure.pipeline.id, failure.since, failure.since) for failure in pending.content.failures)
        case Notice(failures=failures) | PagerEvent(failures=failures):
            made_at = pending.delivery.message.made_at
            yield from ((failure.pipeline.id, made_at, made_at) for failure in failures)
        case _:
            return


def _is_group_page(delivery: Delivery) -> bool:
    """True for the page of failures that joined a group. It waits its turn, so receipts count from the failures."""
    return isinstance(delivery.body, Notice) and delivery.body.kind is NoticeKind.GROUP_PAGE


def _news_of_card(card: PostedCard, pending: PendingDelivery) -> News | None:
    """Of a card that is drawn again, only the last entry may be news: the earlier ones have their receipts."""
    entries = [entry for entry in card.content.episode.timeline if entry.revision > card.shown_revision]
    if pending.updates and card.shown_revision == 0:
        entries = entries[-1:]
    return (card.content.pipeline.id, entries[0].at, entries[-1].at) if entries else None


def _news_of_entries(entries: Sequence[Entry]) -> Iterator[News]:
    times: dict[PipelineId, list[datetime]] = {}
    for entry in entries:
        times.setdefault(entry.pipeline.id, []).append(entry.entry.at)
    return ((pipeline_id, min(moments), max(moments)) for pipeline_id, moments in times.items())


def _news_of_digest(entry: DigestEntry) -> News:
    return entry.pipeline.id, entry.since, entry.until


def _paged(pending: PendingDelivery) -> dict[PipelineId, tuple[str, ...]]:
    """The names of the people and groups that a new message mentions."""
    match pending.delivery.body:
        case Notice(failures=failures, targets=targets):
            return {failure.pipeline.id: _names(targets) for failure in failures}
        case SyncCard() | SyncGroup() if not pending.updates:
            return {card.content.pipeline.id: _names(card.content.targets) for card in pending.cards}
        case _:
            return {}


def _names(targets: Sequence[Target]) -> tuple[str, ...]:
    return tuple(target.label or target.identity for target in targets)
