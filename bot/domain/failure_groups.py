"""Forms groups: more failures in one conversation within a short time are one message. Pure.

The first failures post their own cards at once. If more follow, the oldest of these cards becomes the group's message
by an update, and the others shrink to a line that points there. A group that no message shows yet posts a new one.
An update pings nobody, so failures that join a posted group page their people by a message of their own.
"""

from collections.abc import Iterable, Mapping, Sequence
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
WAIT = timedelta(seconds=2)  # one update for all failures that join in this time, and one page of people not yet paged
PAGES_APART = timedelta(seconds=30)  # one page of the people that the group has paged before


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
    pages = _pages(backlog, key, [*group.cards, *absorbed], waiting)
    pointers = (
        Delivery(message=pointer_to_group(card.content.key, card.message_id or "", receiver, made_at))
        for card in absorbed
    )
    return Grouping(
        row=Delivery(message=update),
        replaced=(*waiting, *(merged for _, merged in pages if merged)),
        accompanied_by=(*(page for page, _ in pages), *pointers),
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


# --- pages -----------------------------------------------------------------------------------------------------------


def _pages(
    backlog: Backlog, key: str, members: Sequence[PostedCard], joining: Sequence[Delivery]
) -> list[tuple[Delivery, Delivery | None]]:
    """Pages for the failures that join: an update of the group's message pings nobody.

    People who were paged for none of its unanswered failures get theirs soon, the others at the next turn. With each
    page comes the waiting page that it replaces.
    """
    paged = {target.identity for card in members if _is_unanswered(card) for target in card.content.targets}
    turn = _next_turn(backlog, members)
    pages: list[tuple[Delivery, Delivery | None]] = []
    for known, due in ((False, _soon(backlog)), (True, turn)):
        wanted: dict[str, Target] = {}
        failures: list[OpenFailure] = []
        for card in (backlog.cards[row.id] for row in joining):
            targets = {
                target.identity: target for target in card.content.targets if (target.identity in paged) == known
            }
            if targets and _is_unanswered(card):
                wanted |= targets
                failures.append(_as_failure(card))
        if wanted:
            merged = [row for _, row in pages]
            free = (row for row in backlog.rows if row not in merged)
            waiting = next((row for row in free if _takes_in(backlog, row, key, wanted, due)), None)
            page = Notice(
                kind=NoticeKind.GROUP_PAGE,
                at=joining[0].message.made_at,
                targets=tuple(wanted.values()),
                failures=tuple(failures),
            )
            pages.append((_page(key, joining[0], page, due, waiting), waiting))
    return pages


def _next_turn(backlog: Backlog, members: Iterable[PostedCard]) -> datetime | None:
    """Turns come at fixed times after the group's first failure: so nobody needs to know when the last page went."""
    began = min((card.content.episode.opened_at for card in members), default=None)
    if backlog.now is None or began is None:
        return None
    return began + PAGES_APART * ((backlog.now - began) // PAGES_APART + 1)


def _page(key: str, first: Delivery, page: Notice, due: datetime | None, waiting: Delivery | None) -> Delivery:
    """With what the `waiting` page has to say. A page that waits for its turn is not late."""
    if waiting and isinstance(waiting.body, Notice):
        targets = {target.identity: target for target in (*waiting.body.targets, *page.targets)}
        failures = (*waiting.body.failures, *page.failures)
        page = replace(page, targets=tuple(targets.values()), failures=failures)
        due = min(filter(None, (due, waiting.message.not_before)), default=None)
    parts = (*(failure.card_key for failure in page.failures), *(target.identity for target in page.targets))
    message = Message(
        id=stable_key(key, "page", *parts),
        receiver=first.receiver,
        priority=Priority.FAILURE,
        body=page,
        made_at=max(page.at, due or page.at),
        not_before=due,
    )
    return Delivery(message=message)


def _takes_in(backlog: Backlog, row: Delivery, key: str, wanted: Mapping[str, Target], due: datetime | None) -> bool:
    """True for a waiting page of the group that goes to all these people anyway, or at the same time."""
    body = row.body
    if not _is_waiting_page(backlog, row, key) or not isinstance(body, Notice):
        return False
    same_people = wanted.keys() <= {target.identity for target in body.targets}
    return same_people or row.message.not_before == due


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
