"""Combines calls that wait in a lane: one message calls the same people for all their failures. Pure.

While Slack is away, each failure adds its next call. The combined message keeps the latest one, and each pipeline once.
It leaves out the failures that somebody has answered, and those whose card waits too: the card itself calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.backlog import Backlog, Grouping, replacement, with_changes
from bot.domain.card import SyncCard, SyncGroup
from bot.domain.delivery import Delivery
from bot.domain.episode import stable_key
from bot.domain.notice import Notice, NoticeKind, OpenFailure, PageCall
from bot.domain.watch import Target, TargetKind

MOST_FAILURES = 500  # of one call; its text names the first ones and counts the others


def merge_calls(backlog: Backlog, untried: Sequence[Delivery]) -> Grouping | None:
    """`untried`: the rows without an attempt so far."""
    alike: dict[tuple[tuple[Target, ...], str], list[Delivery]] = {}
    for row in untried:
        if isinstance(row.body, Notice) and row.body.kind is NoticeKind.CALL_AGAIN:
            alike.setdefault((row.body.targets, _only_thread(backlog, row.body)), []).append(row)
    new_messages = frozenset(row.id for row in untried if isinstance(row.body, SyncCard | SyncGroup))
    for rows in alike.values():
        if grouping := _merged(backlog, rows, new_messages):
            return grouping
    return None


def _only_thread(backlog: Backlog, call: Notice) -> str:
    """The message whose thread alone shows the call. Empty: the channel sees it too."""
    if call.broadcast:
        return ""
    cards = [backlog.cards[failure.card_key] for failure in call.failures if failure.card_key in backlog.cards]
    return ",".join(sorted({card.message_id or card.content.key for card in cards}))


def _merged(backlog: Backlog, rows: Sequence[Delivery], new_messages: frozenset[str]) -> Grouping | None:
    """One row for all of them. None: there is one, and it stays as it is. Without failures it is never sent."""
    notices = [row.body for row in rows if isinstance(row.body, Notice)]
    named = [failure for notice in notices for failure in notice.failures]
    latest = {failure.pipeline.id: failure for failure in sorted(named, key=lambda failure: failure.since)}
    receiver = rows[0].receiver.id
    covered = _Covered(backlog, notices[-1].targets, receiver, new_messages)
    waiting = [failure for failure in latest.values() if _needs_somebody(backlog, failure) and not covered(failure)]
    body = replace(notices[-1], failures=tuple(waiting[:MOST_FAILURES]), call=_call_of(notices))
    if len(rows) > 1:
        row = replacement(rows, id=stable_key("calls", *(row.id for row in rows)))
        made_at = max(row.message.made_at for row in rows)  # a call that waited for others is not late
        return Grouping(row=with_changes(row, body=body, made_at=made_at), replaced=tuple(rows))
    if set(body.failures) == set(named):
        return None
    return Grouping(row=with_changes(rows[0], body=body), replaced=(), merges=True)


def _call_of(notices: Sequence[Notice]) -> PageCall | None:
    """The latest one. It names nobody if several people gave the promises."""
    call, people = notices[-1].call, {notice.call.promised_by for notice in notices if notice.call}
    return call if call is None or len(people) == 1 else replace(call, promised_by="")


def _needs_somebody(backlog: Backlog, failure: OpenFailure) -> bool:
    """True as well if the store forgot the card."""
    card = backlog.cards.get(failure.card_key)
    return card is None or card.content.episode.unanswered


@dataclass(frozen=True, slots=True)
class _Covered:
    """True for a failure whose first message waits in the same lane, and will call the same people."""

    backlog: Backlog
    targets: tuple[Target, ...]
    receiver: str
    new_messages: frozenset[str]
    """The ids of the cards and groups that wait."""

    def __call__(self, failure: OpenFailure) -> bool:
        card = self.backlog.cards.get(failure.card_key)
        if card is None or card.message_id is not None or not self.new_messages & {failure.card_key, card.group}:
            return False
        people = (target for target in self.targets if target.kind is not TargetKind.PAGER)
        return all(target in card.content.targets or target.direct == self.receiver for target in people)
