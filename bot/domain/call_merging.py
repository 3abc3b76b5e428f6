"""Combines calls that wait in a lane: one message calls the same people for all their failures. Pure.

While Slack is away, each failure adds its next call. The combined message keeps the latest one, and only the failures
that nobody has answered by then.
"""

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.backlog import Backlog, Grouping, replacement, with_changes
from bot.domain.delivery import Delivery
from bot.domain.episode import stable_key
from bot.domain.notice import Notice, NoticeKind, OpenFailure
from bot.domain.watch import Target

MOST_FAILURES = 500  # of one call; its text names the first ones and counts the others


def merge_calls(backlog: Backlog, untried: Sequence[Delivery]) -> Grouping | None:
    """`untried`: the rows without an attempt so far."""
    alike: dict[tuple[tuple[Target, ...], str], list[Delivery]] = {}
    for row in untried:
        if isinstance(row.body, Notice) and row.body.kind is NoticeKind.CALL_AGAIN:
            alike.setdefault((row.body.targets, _only_thread(backlog, row.body)), []).append(row)
    for rows in alike.values():
        if len(rows) > 1:
            return _merged(backlog, rows)
    return None


def _only_thread(backlog: Backlog, call: Notice) -> str:
    """The message whose thread alone shows the call. Empty: the channel sees it too."""
    if call.broadcast:
        return ""
    cards = [backlog.cards[failure.card_key] for failure in call.failures if failure.card_key in backlog.cards]
    return ",".join(sorted({card.message_id or card.content.key for card in cards}))


def _merged(backlog: Backlog, rows: Sequence[Delivery]) -> Grouping:
    notices = [row.body for row in rows if isinstance(row.body, Notice)]
    failures = {failure.card_key: failure for notice in notices for failure in notice.failures}
    waiting = [failure for failure in failures.values() if _needs_somebody(backlog, failure)]
    chosen = (waiting or list(failures.values())[:1])[:MOST_FAILURES]
    row = replacement(rows, id=stable_key("calls", *(row.id for row in rows)))
    body = replace(notices[-1], failures=tuple(chosen))
    return Grouping(row=with_changes(row, body=body), replaced=tuple(rows))


def _needs_somebody(backlog: Backlog, failure: OpenFailure) -> bool:
    """True as well if the store forgot the card."""
    card = backlog.cards.get(failure.card_key)
    return card is None or card.content.episode.unanswered
