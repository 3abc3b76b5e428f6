"""What a message says, without saying how it looks."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.catalogue import Pipeline
from bot.domain.episode import Episode, Line
from bot.domain.transition import Standing
from bot.domain.watch import ChannelId, ParkReason, Target, UserId, Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One episode as one channel sees it: the root message, always rendered whole."""

    key: str
    channel: ChannelId
    pipeline: Pipeline
    episode: Episode
    standing: Standing
    targets: tuple[Target, ...] = ()

    @property
    def revision(self) -> int:
        return self.episode.revision


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadLine:
    """One line of the story, in the card's thread; `broadcast` shows it in the channel too."""

    card_key: str
    pipeline: Pipeline
    line: Line
    broadcast: bool = False


class NoticeKind(StrEnum):
    WATCHING = "watching"
    UNWATCHED = "unwatched"
    PARKED = "parked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message of its own, outside any episode."""

    kind: NoticeKind
    at: datetime
    by: UserId | None = None
    watches: tuple[Watch, ...] = ()
    channel: ChannelId | None = None
    reason: ParkReason | None = None


@dataclass(frozen=True, slots=True)
class SyncCard:
    """The card is to show its latest revision, whatever it shows now. The content is looked up when it is sent."""

    card_key: str


@dataclass(frozen=True, slots=True)
class SyncStorm:
    """The message that stands for several cards is to show the latest of each."""

    storm_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StormLines:
    """What became of several pipelines of one storm, in its thread; `broadcast` once all of it is over."""

    storm_key: str
    lines: tuple[ThreadLine, ...]
    broadcast: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """Many failures that came at once, told in one message."""

    key: str
    channel: ChannelId
    cards: tuple[Card, ...]

    @property
    def revision(self) -> int:
        return sum(card.revision for card in self.cards)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedCard:
    """A card as the store knows it: what it is to say, where it stands in Slack, and at which revision.

    `storm` is the message that it is part of, where it has none of its own.
    """

    content: Card
    revision: int
    ts: str | None = None
    delivered_revision: int = 0
    removed: bool = False
    storm: str | None = None


Body = SyncCard | ThreadLine | Notice | SyncStorm | StormLines
Content = Card | ThreadLine | Notice | Storm | StormLines
