"""Orders the rows of one lane. Pure."""

from collections.abc import Iterable, Mapping

from bot.domain.body import Body
from bot.domain.card import SyncCard, SyncGroup, ThreadEntry, TimelineBatch
from bot.domain.delivery import Delivery, LaneKind, Priority
from bot.domain.pager import PagerEvent


def in_order(rows: Iterable[Delivery], posted: Mapping[str, bool]) -> tuple[Delivery, ...]:
    """The rows of one lane that may go next, most urgent first. `rows` come oldest first.

    An episode's card waits for the previous episode's card and all its thread entries. An entry waits for its card
    (`posted` says which cards are there) and for earlier entries of its thread. A more urgent episode may overtake it.
    A pager's message waits for earlier ones with the same key.
    """
    rows = list(rows)
    unfinished = {key for row in rows for key in _entry_cards(row.body)}
    firsts: dict[str, Delivery] = {}
    urgency: dict[str, Priority] = {}
    others: list[Delivery] = []
    incidents: set[str] = set()
    for row in rows:
        thread_key = thread_of(row.body)
        if row.lane.kind is LaneKind.FEED and (
            row.message.after_card in unfinished or not posted.get(row.message.after_card, True)
        ):
            continue
        if isinstance(row.body, PagerEvent):
            if row.body.key not in incidents:
                others.append(row)
            incidents.add(row.body.key)
        elif thread_key is None:
            others.append(row)
        elif posted.get(thread_key, False):
            firsts.setdefault(thread_key, row)
            urgency[thread_key] = min(row.message.priority, urgency.get(thread_key, row.message.priority))
    ready = [(row.message.priority, row) for row in others] + [
        (urgency[thread_key], row) for thread_key, row in firsts.items()
    ]
    ready.sort(key=lambda pair: (pair[0], not isinstance(pair[1].body, SyncCard | SyncGroup)))
    return tuple(row for _, row in ready)


def thread_of(body: Body) -> str | None:
    """The card whose thread the entry belongs to; None for other messages."""
    if isinstance(body, ThreadEntry):
        return body.card_key
    return body.thread_key if isinstance(body, TimelineBatch) else None


def _entry_cards(body: Body) -> tuple[str, ...]:
    """The cards whose timelines the message continues."""
    entries = body.entries if isinstance(body, TimelineBatch) else (body,) if isinstance(body, ThreadEntry) else ()
    return tuple(entry.card_key for entry in entries)
