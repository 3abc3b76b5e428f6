"""The messages of a pager's lane. Pure.

All of them are pages, so that they share one lane: a resolve never overtakes its trigger.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from bot.domain.delivery import Message, Priority, Receiver
from bot.domain.episode import stable_key
from bot.domain.pager import PagerAction, PagerEvent, PagingEnd


def pager_messages(
    event: PagerEvent, receiver: Receiver, at: datetime, *, occasion: Iterable[str]
) -> tuple[Message, ...]:
    """What to enqueue for this event.

    `occasion` tells the times apart at which one page causes the same action: for a step, its attempt and position.
    """
    message_id = stable_key(receiver.name, event.key, event.action, *occasion)
    return (Message(id=message_id, receiver=receiver, priority=Priority.PAGE, body=event, made_at=at),)


def renewing_messages(
    event: PagerEvent, receiver: Receiver, at: datetime, *, occasion: Iterable[str]
) -> tuple[Message, ...]:
    """The same for the first step of a page that starts again after somebody acknowledged it.

    A pager with incidents would add the trigger to the acknowledged one, and notify nobody. So that one ends first.
    """
    parts = tuple(occasion)
    renewal = replace(event, action=PagerAction.RESOLVE, end=PagingEnd.RENEWED)
    return tuple(message for part in (renewal, event) for message in pager_messages(part, receiver, at, occasion=parts))
