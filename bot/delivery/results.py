"""How a delivery ended, for the store and for the log."""

from datetime import datetime

from bot.delivery.pending import PendingDelivery, recheck_of, redraw_of
from bot.delivery.receipts import receipts_of
from bot.domain.body import Recheck
from bot.domain.card import SyncGroup
from bot.domain.delivery import Delivery
from bot.domain.failure_groups import pointer_to_group
from bot.domain.settlement import Again, Done, Drop, Gone, Settlement, Suspend
from bot.domain.summary import HeldPages
from bot.ports.outbox import DeliveryResult, PageEntry, ResultKind
from bot.ports.telemetry import emit
from bot.ports.telemetry.delivery import DeliverySettled


def result_of(settlement: Done | Gone | Drop, pending: PendingDelivery, now: datetime) -> DeliveryResult:
    """The change that the store makes when the delivery ends."""
    redraw, receipts, body = redraw_of(pending, now), receipts_of(settlement, pending, now), pending.delivery.body
    of_group = body.group_key if isinstance(body, SyncGroup) else None
    match settlement:
        case Done() if isinstance(body, Recheck):
            return _rechecked(settlement, body, pending, now)
        case Done(message_id, found, group, _, recheck):
            # A found message may show an older revision. So count it as showing revision 0: the store redraws it.
            shown = dict.fromkeys(pending.shown, 0) if found else pending.shown
            recheck_message = recheck_of(pending, now) if recheck and not pending.updates else None
            return DeliveryResult(
                kind=ResultKind.POSTED,
                redraw=redraw,
                message_id=message_id,
                shown=shown,
                group=group or of_group,
                size=pending.size,
                failure_at=now if pending.is_new_failure else None,
                follow_up=recheck_message,
                log=_page_entry(pending, now),
                thread=(group or pending.delivery.id) if pending.shows_cards and not pending.updates else "",
                receipts=receipts,
            )
        case Gone():
            # This update was news, so the deleted card is posted again.
            kind = ResultKind.REMOVED if pending.updates else ResultKind.UNCHANGED
            return DeliveryResult(kind=kind, redraw=redraw, shown=dict.fromkeys(pending.shown, 0), group=of_group)
        case Drop():
            # A refused card counts as removed: later messages must not wait for it.
            kind = ResultKind.REMOVED if pending.shows_cards and pending.message_id is None else ResultKind.UNCHANGED
            return DeliveryResult(
                kind=kind, redraw=redraw, shown=pending.shown, group=of_group, size=pending.size, receipts=receipts
            )


def _rechecked(settlement: Done, body: Recheck, pending: PendingDelivery, now: datetime) -> DeliveryResult:
    """Of several copies, one stays. It becomes the message of the cards, or points to the group that shows them now."""
    delivery, redraw, copies = pending.delivery, redraw_of(pending, now), bool(settlement.repeats)
    if pending.moved:
        pointer = pointer_to_group(body.of, settlement.message_id, delivery.receiver, now)
        return DeliveryResult(kind=ResultKind.UNCHANGED, redraw=redraw, follow_up=pointer if copies else None)
    keys = [card.content.key for card in pending.cards] or body.shows
    return DeliveryResult(
        kind=ResultKind.POSTED,
        redraw=redraw,
        message_id=settlement.message_id,
        shown=dict.fromkeys(keys, 0) if copies else {},
        group=body.of if pending.size or body.of_group else None,
    )


def _page_entry(pending: PendingDelivery, now: datetime) -> PageEntry | None:
    is_summary = isinstance(pending.delivery.body, HeldPages)
    return PageEntry(is_summary=is_summary, at=now) if is_summary or pending.is_new_page else None


def report(settlement: Settlement, pending: PendingDelivery, now: datetime, *, lease_held: bool) -> None:
    """Emits the record of this step, for logs and metrics."""
    delivery = pending.delivery
    outcome, reason = _summary(settlement)
    arrived = isinstance(settlement, Done) and not isinstance(delivery.body, Recheck)
    emit(
        DeliverySettled(
            delivery=delivery.id,
            channel=delivery.receiver.name,
            outcome=outcome,
            reason=reason,
            lease_held=lease_held,
            priority=delivery.message.priority.name.lower(),
            pipeline=pending.pipeline_id,
            seconds=round((now - delivery.message.made_at).total_seconds(), 3) if arrived else None,
        )
    )


def report_superseded(row: Delivery) -> None:
    """A pager's message that became pointless before it arrived."""
    emit(
        DeliverySettled(
            delivery=row.id,
            channel=row.receiver.name,
            outcome="dropped",
            reason="a later message of the same incident made it pointless",
            lease_held=True,
            priority=row.message.priority.name.lower(),
        )
    )


def _summary(settlement: Settlement) -> tuple[str, str | None]:
    """The outcome and its reason."""
    match settlement:
        case Done(found=True):
            return "found", None
        case Done():
            return "posted", None
        case Again(delivery):
            return "again", delivery.attempt.state.value
        case Suspend(_, reason):
            return "suspended", reason.value
        case Drop(reason):
            return "dropped", reason
        case Gone(reason):
            return "gone", reason
