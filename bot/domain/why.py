"""Joins the transitions of a pipeline with their receipts: who was notified of each, and who was not. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.receipt import Addressed, MessageForm, Receipt, ReceiptRow, Skip
from bot.domain.transition import Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One moment of a pipeline's past: a reading with a change, a person's act, or a page."""

    at: datetime
    transitions: tuple[Transition, ...] = ()
    """Empty for a page that came later than its failure."""
    receipts: tuple[Receipt, ...] = ()
    """One for each conversation, the most telling: a new message rather than a changed card.

    If a failure joined a posted group, its page has one too.
    """
    skips: tuple[Skip, ...] = ()
    waiting: tuple[str, ...] = ()
    """`Receiver.name` of the conversations that should have a message, and have none so far."""
    recorded: bool = False
    """False for a moment without any receipt, such as one from before the bot kept receipts."""


@dataclass(slots=True)
class _Moment:
    transitions: list[Transition] = field(default_factory=list)
    addressed: dict[str, None] = field(default_factory=dict)
    skips: list[Skip] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    recorded: bool = False


def explained(transitions: Iterable[Transition], rows: Sequence[ReceiptRow]) -> tuple[Explained, ...]:
    """Newest first."""
    moments: dict[datetime, _Moment] = {}
    for transition in transitions:
        moments.setdefault(transition.at, _Moment()).transitions.append(transition)
    for row in rows:
        if isinstance(row, Addressed):
            _add(moments, row)
    known = sorted(moments)
    for row in rows:
        if isinstance(row, Receipt):
            for at in _news(row, known, moments) or [row.until]:
                moment = moments.setdefault(at, _Moment())
                moment.receipts.append(row)
                moment.recorded = True
    return tuple(_explained(at, moments[at]) for at in sorted(moments, reverse=True))


def _add(moments: dict[datetime, _Moment], row: Addressed) -> None:
    moment = moments.setdefault(row.at, _Moment())
    moment.addressed |= dict.fromkeys(row.conversations)
    moment.skips += row.skips
    moment.recorded = True


def _news(row: Receipt, known: Sequence[datetime], moments: Mapping[datetime, _Moment]) -> list[datetime]:
    """The moments whose news the message brought.

    Pages that wait for the same conversation may become one message, with the time of only one of them.
    """
    if row.form in {MessageForm.PAGE, MessageForm.PAGER}:
        if row.until in moments and row.conversation in moments[row.until].addressed:
            return [row.until]
        return [at for at in known if at <= row.at and row.conversation in moments[at].addressed][-1:]
    return [at for at in known if row.since <= at <= row.until and _concerns(moments[at], row)]


def _concerns(moment: _Moment, receipt: Receipt) -> bool:
    """True if the conversation should have had this news, or saw it on its card. True too if nothing says who."""
    conversation = receipt.conversation
    if not moment.recorded or conversation in moment.addressed:
        return True
    left_out = conversation in {skip.conversation for skip in moment.skips}
    return receipt.form is MessageForm.UPDATE if left_out else not moment.addressed


def _explained(at: datetime, moment: _Moment) -> Explained:
    telling: dict[str, Receipt] = {}
    beside: dict[str, Receipt] = {}
    for receipt in moment.receipts:
        before = telling.get(receipt.conversation)
        if before is None or (before.form is MessageForm.UPDATE and receipt.form is not MessageForm.UPDATE):
            telling[receipt.conversation] = receipt
        elif before.form is MessageForm.JOINED and receipt.form is MessageForm.PAGE:
            beside.setdefault(receipt.conversation, receipt)
        elif receipt.paged and not before.paged:  # a page beside the message
            telling[receipt.conversation] = replace(before, paged=receipt.paged)
    return Explained(
        at=at,
        transitions=tuple(moment.transitions),
        receipts=(*telling.values(), *beside.values()),
        skips=tuple(dict.fromkeys(moment.skips)),
        waiting=tuple(conversation for conversation in moment.addressed if conversation not in telling),
        recorded=moment.recorded,
    )
