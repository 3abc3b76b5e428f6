"""Edits the posted calls of one conversation once nobody is needed any more."""

from datetime import datetime
from typing import Protocol

from bot.delivery.pending import PendingDelivery
from bot.domain.ended_calls import ending_of, is_over, may_end_calls
from bot.domain.notice import Notice
from bot.ports.cards import Cards
from bot.ports.posted_calls import PostedCalls


class CallStore(PostedCalls, Cards, Protocol):
    """Posted calls, and the cards of their failures."""


async def end_calls(store: CallStore, pending: PendingDelivery, message_id: str, now: datetime) -> None:
    """After a message arrived: remembers a call, and ends the calls whose answer a card shows.

    Raises:
        StoreAway: nothing was lost but the edit of a call.
    """
    ending = ending_of(pending.delivery, message_id, now)
    if ending:
        await store.save_call(ending)
    elif not (pending.shows_cards and any(map(may_end_calls, pending.cards))):
        return
    endings = await store.calls(pending.delivery.receiver)
    keys = {failure.card_key for call in endings if isinstance(call.body, Notice) for failure in call.body.failures}
    cards = await store.cards(sorted(keys)) if keys else {}
    if over := [call for call in endings if is_over(call, cards)]:
        await store.end_calls(over)
