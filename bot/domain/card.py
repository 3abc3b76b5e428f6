"""Cards and groups: the messages that show episodes, and the entries in their threads, as data. `slack` renders them.

The fields are stored in Redis, so a new name needs an upgrade of older rows.
"""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.catalogue import Pipeline
from bot.domain.diagnosis import Diagnosis
from bot.domain.episode import Episode, TimelineEntry
from bot.domain.note import NO_GUIDANCE, Guidance
from bot.domain.observation import PipelineId
from bot.domain.silence import SilenceNote
from bot.domain.transition import PipelineState
from bot.domain.watch import ChannelId, Target, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOrigin:
    """A watch that pages someone, as its card explains it. Rows of earlier versions lack the name or the reference."""

    by: UserId
    """The person who made the watch."""
    name: str
    """That person's name, as plain text."""
    channel: ChannelId
    """The channel of the watch."""
    reference: str = ""
    """The watched pipeline's id, or a pattern."""
    label: str = ""
    """The watched pipeline's name when the watch was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One episode in one channel: the message at the top of a thread. Each update renders all of it."""

    key: str
    """`Episode.key` of the episode and this channel."""
    channel: ChannelId
    """The channel's id when the bot wrote this row."""
    pipeline: Pipeline
    episode: Episode
    state: PipelineState
    targets: tuple[Target, ...] = ()
    """The people and groups that a failure pages here."""
    stands_in_for: tuple[ChannelId, ...] = ()
    """The channels that take no messages; this fallback channel gets their cards."""
    guidance: Guidance = NO_GUIDANCE
    """The runbook and note when this row was written; only for failures."""
    unread_at: datetime | None = None
    """When a *Refresh* last failed to read the pipeline."""
    origins: tuple[PageOrigin, ...] = ()
    """The people who set up the paging, and where."""
    continues_in: tuple[ChannelId, ...] = ()
    """Only in the last update of a paged person's direct message: the channels that still follow this failure."""
    silence: SilenceNote | None = None
    """The mute or maintenance window that holds back news about this episode here."""

    @property
    def revision(self) -> int:
        return self.episode.revision

    @property
    def is_copy(self) -> bool:
        """True in the direct messages of a learner that no page has called."""
        pages = self.episode.pages
        called = {target.direct for page in pages for target in page.notified}
        called |= {channel for page in pages for channel in page.channels}
        learners = {target.direct for page in pages for target in page.shadows}
        return self.channel in learners - called


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadEntry:
    """One timeline entry, in the card's thread. `broadcast` shows it in the channel too."""

    card_key: str
    pipeline: Pipeline
    entry: TimelineEntry
    broadcast: bool = False
    in_channel: bool = False
    """If it is broadcast: the channel gets it as a message of its own instead, outside the thread."""
    diagnosis: Diagnosis | None = None
    """Only with `Event.DIAGNOSED`: what the entry shows."""


@dataclass(frozen=True, slots=True)
class SyncCard:
    """Posts or updates a card. The sender looks up the latest content."""

    card_key: str


@dataclass(frozen=True, slots=True)
class SyncGroup:
    """Posts or updates a group's message with the latest content of each card."""

    group_key: str
    """`PostedGroup` says which key a group has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """Turns the posted message of a card into a line that points to the group: the card has moved there."""

    card_key: str
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineBatch:
    """Several timeline entries in one message of a thread."""

    thread_key: str
    """The key of the card or group at the top of the thread."""
    of_group: bool
    """`thread_key` is a group's."""
    entries: tuple[ThreadEntry, ...]
    left_out: int = 0
    """The number of entries in the middle that a long timeline leaves out."""
    broadcast: bool = False
    """Shows the message in the channel too."""
    in_channel: bool = False
    """As in `ThreadEntry`."""
    all_recovered: int = 0
    """The number of pipelines in the group if all have recovered; else 0."""
    members: tuple[PipelineId, ...] = ()
    """The pipelines of the group. Only known when the message is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Many simultaneous failures in one message, each with a card of its own."""

    key: str
    channel: ChannelId
    cards: tuple[Card, ...]

    @property
    def revision(self) -> int:
        """Grows with every change of one of its cards."""
        return sum(card.revision for card in self.cards)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedCard:
    """A card as the store has it: the latest content, and how much of it the channel has."""

    content: Card
    revision: int
    """The latest revision of the content."""
    message_id: str | None = None
    """The message that shows the card; None before it is posted."""
    shown_revision: int = 0
    """The revision that the message shows; 0 if it needs an update in any case.

    Below 0: the card joined a posted group, and no message has shown it yet.
    """
    removed: bool = False
    """Somebody deleted the message, or the service refused it."""
    group: str | None = None
    """The key of the group whose message shows this card."""
    summarized_revision: int = 0
    """Above 0: the bot held this page back, and a summary covers the episode up to this revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedGroup:
    """A group as the store has it.

    Its key is the key of the card that it grew from, whose message it has taken over. So a lookup for either finds the
    message. Groups of earlier versions have a key of their own.
    """

    cards: tuple[PostedCard, ...] = ()
    """By the pipelines' names, without those that the store has forgotten."""
    size: int = 0
    """The number of cards, with the forgotten ones."""

    @property
    def message_id(self) -> str | None:
        """The message that shows the cards; None before it is posted."""
        return next((card.message_id for card in self.cards if card.message_id), None)


NO_GROUP = PostedGroup()


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedCard:
    """A card that a group's message shows now. Its own message points there."""

    card: Card
