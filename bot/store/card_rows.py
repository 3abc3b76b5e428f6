"""The two rows of a card in Redis: its content, and its progress: how much of the content the channel has.

The content has two lines of JSON. The cards of one episode share the first line: the bot encodes and decodes it once.
The Lua scripts change the progress (posted.lua), so a read of many cards asks for the progress first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from operator import attrgetter

import msgspec

from bot.domain.card import Card, PageOrigin, PostedCard
from bot.domain.catalogue import Pipeline
from bot.domain.episode import Episode
from bot.domain.note import Guidance
from bot.domain.silence import SilenceNote
from bot.domain.transition import PipelineState
from bot.domain.watch import ChannelId, Target
from bot.store import versions
from bot.store.codec import CARD, Codec


@dataclass(frozen=True, slots=True)
class _Shared:
    """The fields that the cards of one episode have in common."""

    pipeline: Pipeline
    episode: Episode
    state: PipelineState
    guidance: Guidance
    unread_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Own:
    """The fields of one card alone."""

    key: str
    channel: ChannelId
    targets: tuple[Target, ...]
    stands_in_for: tuple[ChannelId, ...]
    origins: tuple[PageOrigin, ...]
    continues_in: tuple[ChannelId, ...]
    silence: SilenceNote | None = None


SHARED_FIELDS, OWN_FIELDS = (tuple(field.name for field in fields(part)) for part in (_Shared, _Own))
_shared_values, _own_values = attrgetter(*SHARED_FIELDS), attrgetter(*OWN_FIELDS)
_SHARED = Codec(_Shared, versions.unchanged)
_OWN = msgspec.json.Decoder(_Own)


class Progress(msgspec.Struct, frozen=True):
    """The row that the Lua scripts change. The names in the row are theirs."""

    check: str = ""
    """`stable_key` of the content: the same content need not be read again. Empty in rows of earlier versions."""
    message_id: str | None = msgspec.field(name="ts", default=None)
    shown_revision: int = msgspec.field(name="delivered", default=0)
    group: str | None = None
    summarized_revision: int = msgspec.field(name="held", default=0)
    revision: int | msgspec.UnsetType = msgspec.UNSET
    removal: int | msgspec.UnsetType = msgspec.field(name="removed", default=msgspec.UNSET)
    forgotten_mark: int | msgspec.UnsetType = msgspec.field(name="forgotten", default=msgspec.UNSET)

    @classmethod
    def decode(cls, row: bytes) -> "Progress":
        """
        Raises:
            ValueError: the row is damaged.
        """
        return _PROGRESS.decode(row)

    @property
    def removed(self) -> bool:
        return self.removal is not msgspec.UNSET and self.message_id is None

    @property
    def has_content(self) -> bool:
        """False for a card that is forgotten, or whose row is lost."""
        return self.revision is not msgspec.UNSET

    @property
    def forgotten(self) -> bool:
        """The card was never posted and never will be."""
        return self.forgotten_mark is not msgspec.UNSET

    def with_content(self, content: Card) -> PostedCard:
        return PostedCard(
            content=content,
            revision=content.revision,
            message_id=self.message_id,
            shown_revision=self.shown_revision,
            removed=self.removed,
            group=self.group,
            summarized_revision=self.summarized_revision,
        )


_PROGRESS = msgspec.json.Decoder(Progress)


def encode_cards(cards: Sequence[Card]) -> list[str]:
    """The content of each card."""
    lines: dict[tuple[int, ...], str] = {}
    rows = []
    for card in cards:
        shared = _shared_values(card)
        line = lines.get(same := tuple(map(id, shared)))
        if line is None:
            line = lines[same] = _SHARED.encode(_Shared(*shared))
        rows.append(f"{line}\n{msgspec.json.encode(_Own(*_own_values(card))).decode()}")
    return rows


def decode_card(row: bytes) -> Card:
    """
    Raises:
        NewerRowError: a newer version of the bot wrote the row.
        ValueError: the row is damaged.
    """
    line, two_lines, rest = row.partition(b"\n")
    if not two_lines:
        return CARD.decode(row)  # of an earlier version
    shared, own = _decoded(line), _OWN.decode(rest)
    return Card(
        **dict(zip(SHARED_FIELDS, _shared_values(shared), strict=True)),
        **dict(zip(OWN_FIELDS, _own_values(own), strict=True)),
    )


@lru_cache(maxsize=4096)  # each channel has a card of the same episode
def _decoded(line: bytes) -> _Shared:
    return _SHARED.decode(line)
