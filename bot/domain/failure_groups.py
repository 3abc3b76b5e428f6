"""Forms groups: more failures in one conversation within a short time are one message and one page. Pure.

The first failures post their own cards at once. If more follow, the oldest of these cards becomes the group's message
by an update, and the others shrink to a line that points there. A group that no message shows yet posts a new one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.backlog import Backlog, Grouping, is_unposted, replacement, with_changes
from bot.domain.card import Pointer, PostedCard, PostedGroup, SyncGroup
from bot.domain.delivery import Attempt, Delivery, Message, Priority, Receiver
from bot.domain.episode import EpisodeKind, stable_key
from bot.domain.notice import Notice, NoticeKind, OpenFailure
from bot.domain.watch import Target

MOST_MEMBERS = 500  # a message's metadata names all of them
GROWS_FOR = timedelta(minutes=10)  # then failures form another group: an update pings nobody
WAIT = timedelta(seconds=2)  # one update, and one page, for all failures that join in this time


def gather_failures(backlog: Backlog, untried: Sequence[Delivery]) -> Grouping | None:
    """The waiting failures that join a group, or form one.

    A card with an earlier attempt stays single, since it may be posted already. While the service is away, all cards
    stay single: those that recover meanwhile must not appear in the first message.
    """
    waiting = [row for row in untried if is_unposted(backlog, row) and is_open_failure(backlog.cards[row.id])]
    if backlog.service_away or not waiting:
        return None
    singles = [card for key in backlog.recent if (card := backlog.cards.get(key)) and _stands_alone(card)]
    if (key := _growing(backlog, untried)) and (new := _not_in(backlog.group(key), backlog, waiting)):
        return _joined(backlog, key, singles, new)
    under_way = [backlog.cards[row.id] for row in backlog.rows if row not in untried and is_unposted(backlog, row)]
    failures = [*singles, *under_way, *(backlog.cards[row.id] for row in waiting)]
    if sum(map(_is_new, failures)) <= backlog.rule.most_single or len(singles) + len(waiting) < 2:
        return None
    if singles and not backlog.updates_late:
        return _grown_from(backlog, singles, waiting)
    return _unposted_group(backlog, waiting) if len(waiting) > 1 else None


def is_open_failure(card: PostedCard) -> bool:
    episode = card.content.episode
    return episode.open and episode.kind is EpisodeKind.FAILURE


def _is_new(card: PostedCard) -> bool:
    """False for a pipeline that flaps: it is one old story, and no sign of many new failures."""
    return not card.content.episode.flapping


def _not_in(group: PostedGroup, backlog: Backlog, waiting: Sequence[Delivery]) -> list[Delivery]:
    """Without pipelines that failed in this group before: a second failure is news, so it gets a message of its own."""
    members = {card.content.pipeline.id for card in group.cards}
    return [row for row in waiting if backlog.cards[row.id].content.pipeline.id not in members]


def _stands_alone(card: PostedCard) -> bool:
    """True if a message of its own shows the open failure."""
    return bool(card.message_id) and not card.group and not card.summarized_revision and is_open_failure(card)


# --- which group -----------------------------------------------------------------------------------------------------


def _growing(backlog: Backlog, untried: Sequence[Delivery]) -> str:
    """The key of the group that takes new failures; empty if there is none.

    While a group's first message may be on its way, nothing joins: that message would not show it.
    """
    unposted = [row.body.group_key for row in untried if isinstance(row.body, SyncGroup)]
    recent = [key for key in map(backlog.group_of, reversed(backlog.recent)) if key and _takes_more(backlog, key)]
    with_room = (
        key for key in unposted if backlog.group(key).message_id is None and 0 < backlog.group(key).size < MOST_MEMBERS
    )
    return next(iter([*recent, *with_room]), "")


def _takes_more(backlog: Backlog, key: str) -> bool:
    group = backlog.group(key)
    failures = [card for card in group.cards if is_open_failure(card)]
    full = group.size >= MOST_MEMBERS
    if group.message_id is None or backlog.updates_late or full or not failures or backlog.now is None:
        return False
    began = min(card.content.episode.opened_at for card in group.cards)
    return backlog.now - began < GROWS_FOR


# --- the change of the lane ------------------------------------------------------------------------------------------


def _unposted_group(backlog: Backlog, waiting: Sequence[Delivery]) -> Grouping:
    chosen = tuple(waiting[:MOST_MEMBERS])
    key = chosen[0].id
    row = with_changes(replacement(chosen, id=key), body=SyncGroup(key))
    return Grouping(row=row, replaced=chosen, joins=tuple(row.id for row in chosen), joined_at=backlog.now)


def _joined(backlog: Backlog, key: str, singles: Sequence[PostedCard], waiting: Sequence[Delivery]) -> Grouping:
    group = backlog.group(key)
    if group.message_id:
        return _shown_by(backlog, key, group, singles, waiting[: MOST_MEMBERS - group.size])
    chosen = tuple(waiting[: MOST_MEMBERS - group.size])
    row = with_changes(replacement(chosen, id=key), body=SyncGroup(key))
    return Grouping(row=row, replaced=chosen, joins=tuple(row.id for row in chosen), joined_at=backlog.now)


def _grown_from(backlog: Backlog, singles: Sequence[PostedCard], waiting: Sequence[Delivery]) -> Grouping:
    first, *others = singles
    key = first.content.key
    grouping = _shown_by(backlog, key, PostedGroup(cards=(first,)), others, waiting[: MOST_MEMBERS - len(singles)])
    row = with_changes(grouping.row, not_before=None)  # the first update says that there are many
    return replace(grouping, row=row, joins=(key, *grouping.joins))


def _shown_by(
    backlog: Backlog,
    key: str,
    group: PostedGroup,
    absorbed: Sequence[PostedCard],
    waiting: Sequence[Delivery],
) -> Grouping:
    """The posted message of the group shows more cards from its next update on.

    That update goes to the feed, like every update: two lanes that update one message might overtake each other.
    """
    receiver = waiting[0].receiver
    joins = (*(card.content.key for card in absorbed), *(row.id for row in waiting))
    made_at = min(row.message.made_at for row in waiting)
    update = Message(
        id=key,
        receiver=receiver,
        priority=Priority.RECOVERY,
        body=SyncGroup(key),
        made_at=made_at,
        not_before=_soon(backlog),
    )
    page, merged = _page(backlog, key, [*group.cards, *absorbed], waiting)
    pointers = (
        Delivery(message=pointer_to_group(card.content.key, card.message_id or "", receiver, made_at))
        for card in absorbed
    )
    return Grouping(
        row=Delivery(message=update),
        replaced=(*waiting, *([merged] if merged else [])),
        accompanied_by=(*([page] if page else []), *pointers),
        joins=joins,
        joined_at=backlog.now,
        message_id=group.message_id or "",
    )


def pointer_to_group(card_key: str, message_id: str, receiver: Receiver, at: datetime) -> Message:
    """Makes the message of a card that has moved to a group point there."""
    return Message(
        id=stable_key(card_key, "pointer", message_id),
        receiver=receiver,
        priority=Priority.UPDATE,
        body=Pointer(card_key=card_key, message_id=message_id),
        made_at=at,
    )


# --- one page --------------------------------------------------------------------------------------------------------


def _page(
    backlog: Backlog, key: str, members: Iterable[PostedCard], joining: Sequence[Delivery]
) -> tuple[Delivery | None, Delivery | None]:
    """A page to the people that no unanswered failure of the group has paged here, and the waiting page in it.

    An acknowledged failure counts for nobody: the person who looks at it need not know of the new ones.
    """
    paged = {target.identity for card in members if _is_unanswered(card) for target in card.content.targets}
    wanted: dict[str, Target] = {}
    failures: list[OpenFailure] = []
    for card in (backlog.cards[row.id] for row in joining):
        new = {target.identity: target for target in card.content.targets if target.identity not in paged}
        if new and _is_unanswered(card):
            wanted |= new
            failures.append(_as_failure(card))
    if not wanted:
        return None, None
    first = joining[0].message
    waiting = next((row for row in backlog.rows if _is_waiting_page(backlog, row, key)), None)
    if waiting and isinstance(waiting.body, Notice):
        wanted = {**{target.identity: target for target in waiting.body.targets}, **wanted}
        failures = [*waiting.body.failures, *failures]
    notice = Notice(
        kind=NoticeKind.GROUP_PAGE, at=first.made_at, targets=tuple(wanted.values()), failures=tuple(failures)
    )
    page = Message(
        id=stable_key(key, "page", *(failure.card_key for failure in failures)),
        receiver=first.receiver,
        priority=Priority.FAILURE,
        body=notice,
        made_at=min(first.made_at, waiting.message.made_at) if waiting else first.made_at,
        not_before=waiting.message.not_before if waiting else _soon(backlog),
    )
    return Delivery(message=page), waiting


def _is_waiting_page(backlog: Backlog, row: Delivery, key: str) -> bool:
    body = row.body
    if not isinstance(body, Notice) or body.kind is not NoticeKind.GROUP_PAGE or row.attempt != Attempt():
        return False
    return any(backlog.group_of(failure.card_key) == key for failure in body.failures)


def _as_failure(card: PostedCard) -> OpenFailure:
    content = card.content
    return OpenFailure.of(content.episode, content.pipeline, content.key)


def _soon(backlog: Backlog) -> datetime | None:
    """Shortly after now: one message then names all that happened until then."""
    return backlog.now + WAIT if backlog.now else None


def _is_unanswered(card: PostedCard) -> bool:
    return card.content.episode.unanswered
