"""When many pipelines fail at once, a channel gets one message that tells of each, not a flood of cards."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bot.domain.card import PostedCard, StormLines, SyncCard, SyncStorm, ThreadLine
from bot.domain.delivery import Delivery, State
from bot.domain.episode import EpisodeKind, digest
from bot.domain.watch import TeamId

FROM = 3  # so many failure cards that wait at once in one channel are a storm
MOST = 30  # what one message can tell of within Slack's limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """Rows of the outbox that one row takes the place of. `cards` become part of the storm."""

    row: Delivery
    replaced: tuple[Delivery, ...]
    storm_key: str
    cards: tuple[str, ...]


def gather(
    team: TeamId, rows: Iterable[Delivery], cards: Mapping[str, PostedCard], storms: Mapping[str, int]
) -> Gathering | None:
    """The next thing to be gathered among the rows of one channel; None where every row goes by itself.

    `storms` says how many cards each storm has whose row is among these.
    """
    waiting = [row for row in rows if row.state is State.QUEUED]
    return _updates(waiting, cards) or _lines(waiting, cards) or _fresh(team, waiting, cards, storms)


def _fresh(
    team: TeamId, waiting: list[Delivery], cards: Mapping[str, PostedCard], storms: Mapping[str, int]
) -> Gathering | None:
    """Failures that nobody was told of yet. One that was tried already goes its own way: it may be there."""
    untried = [row for row in waiting if row.attempts == 0]
    untold = [row for row in untried if isinstance(row.body, SyncCard) and _untold(cards.get(row.id))]
    for row in untried:
        # A storm that waits for its turn takes in what comes meanwhile.
        room = MOST - storms.get(row.id, MOST) if isinstance(row.body, SyncStorm) else 0
        if room > 0 and untold:
            return _gathering(row.id, untold[:room], SyncStorm(row.id), row.id)
    if len(untold) < FROM:
        return None
    chosen = untold[:MOST]
    key = digest(team, *(row.id for row in chosen))
    return _gathering(key, chosen, SyncStorm(key), key)


def _untold(card: PostedCard | None) -> bool:
    if card is None or card.ts is not None or card.removed or card.storm is not None:
        return False
    return card.content.episode.kind is EpisodeKind.FAILURE


def _updates(waiting: list[Delivery], cards: Mapping[str, PostedCard]) -> Gathering | None:
    """Whatever changes in a storm's pipelines is one change of its message."""
    changed = [row for row in waiting if isinstance(row.body, SyncCard) and _storm(row.id, cards)]
    if not changed:
        return None
    key = _storm(changed[0].id, cards)
    return _gathering(key, [row for row in changed if _storm(row.id, cards) == key], SyncStorm(key), key)


def _lines(waiting: list[Delivery], cards: Mapping[str, PostedCard]) -> Gathering | None:
    told = [(row, row.body) for row in waiting if isinstance(row.body, ThreadLine) and _storm(row.body.card_key, cards)]
    if not told:
        return None
    key = _storm(told[0][1].card_key, cards)
    chosen = [(row, line) for row, line in told if _storm(line.card_key, cards) == key][:MOST]
    rows = [row for row, _ in chosen]
    lines = StormLines(storm_key=key, lines=tuple(line for _, line in chosen))
    return _gathering(digest(key, *(row.id for row in rows)), rows, lines, key)


def _storm(card_key: str, cards: Mapping[str, PostedCard]) -> str:
    card = cards.get(card_key)
    return card.storm or "" if card else ""


def _gathering(row_id: str, chosen: list[Delivery], body: SyncStorm | StormLines, storm_key: str) -> Gathering:
    first = min(chosen, key=lambda row: row.priority)
    row = replace(first, id=row_id, body=body, made_at=min(row.made_at for row in chosen))
    joining = tuple(row.id for row in chosen) if isinstance(body, SyncStorm) else ()
    return Gathering(row=row, replaced=tuple(chosen), storm_key=storm_key, cards=joining)
