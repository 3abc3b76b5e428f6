"""How a delivery ended, for the store and for the log."""

from datetime import datetime

from bot.delivery.pending import PendingDelivery, recheck_of, redraw_of
from bot.delivery.receipts import receipts_of
from bot.domain.card import HeldPages, Recheck
from bot.domain.settlement import Again, Done, Drop, Gone, Settlement, Suspend
from bot.ports.outbox import DeliveryResult, PageEntry, ResultKind
from bot.ports.telemetry import emit
from bot.ports.telemetry.delivery import DeliverySettled


def result_of(settlement: Done | Gone | Drop, pending: PendingDelivery, now: datetime) -> DeliveryResult:
    """The change that the store makes when the delivery ends."""
    redraw, receipts = redraw_of(pending, now), receipts_of(settlement, pending, now)
    match settlement:
        case Done(message_id, found, group, _, recheck):
            # A found message may show an older revision. So count it as showing revision 0: the store redraws it.
            shown = dict.fromkeys(pending.shown, 0) if found else pending.shown
            if isinstance(pending.delivery.body, Recheck) and settlement.repeats:
                shown = dict.fromkeys(pending.delivery.body.shows, 0)
            recheck_message = recheck_of(pending, now) if recheck and not pending.updates else None
            return DeliveryResult(
                kind=ResultKind.POSTED,
                redraw=redraw,
                message_id=message_id,
                shown=shown,
                group=group,
                follow_up=recheck_message,
                log=_page_entry(pending, now),
                thread=(group or pending.delivery.id) if pending.shows_cards and not pending.updates else "",
                receipts=receipts,
            )
        case Gone():
            # This update was news, so the deleted card is posted again.
            kind = ResultKind.REMOVED if pending.updates else ResultKind.UNCHANGED
            return DeliveryResult(kind=kind, redraw=redraw, shown=dict.fromkeys(pending.shown, 0))
        case Drop():
            # A refused card counts as removed: later messages must not wait for it.
            kind = ResultKind.REMOVED if pending.shows_cards and pending.message_id is None else ResultKind.UNCHANGED
            return DeliveryResult(kind=kind, redraw=redraw, shown=pending.shown, receipts=receipts)


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
