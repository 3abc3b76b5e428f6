"""One delivery with what is needed to send it."""

from dataclasses import dataclass, replace

from bot.delivery.pace import Method
from bot.domain.card import Content, Notice, PostedCard, Storm, StormLines, SyncCard, SyncStorm, ThreadLine
from bot.domain.delivery import Delivery, State


@dataclass(frozen=True, slots=True)
class Job:
    """`cards` are those that the message shows, or in whose thread it belongs; a notice has none."""

    delivery: Delivery
    cards: tuple[PostedCard, ...]

    @property
    def shows_cards(self) -> bool:
        return isinstance(self.delivery.body, SyncCard | SyncStorm)

    @property
    def ts(self) -> str | None:
        """Where the card or storm stands in Slack, if it does."""
        return self.cards[0].ts if self.cards else None

    @property
    def updates(self) -> bool:
        return self.shows_cards and self.ts is not None

    @property
    def method(self) -> Method:
        """What Slack is asked next: a message whose fate is unknown is looked for first."""
        if self.delivery.state is State.SENDING and not self.updates:
            return Method.HISTORY
        return Method.UPDATE if self.updates else Method.POST

    @property
    def thread_ts(self) -> str | None:
        return None if self.shows_cards else self.ts

    @property
    def worth_sending(self) -> bool:
        """A card that shows the latest already is left alone; so is one that somebody deleted, until there is news."""
        return not self.shows_cards or any(card.revision > card.delivered_revision for card in self.cards)

    @property
    def shown(self) -> dict[str, int]:
        """The revision of each card that this message shows."""
        return {card.content.key: card.revision for card in self.cards} if self.shows_cards else {}

    @property
    def content(self) -> Content:
        match self.delivery.body:
            case SyncCard():
                return self.cards[0].content
            case SyncStorm(key):
                return Storm(key=key, channel=self.delivery.channel, cards=tuple(card.content for card in self.cards))
            case StormLines() as lines:
                return replace(lines, broadcast=not any(card.content.episode.open for card in self.cards))
            case ThreadLine() | Notice() as content:
                return content
