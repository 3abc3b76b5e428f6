"""The open cards that tell a channel that GoldRush is late on a chain: one is enough for all pipelines of the chain."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from bot.domain.episode import EpisodeKind
from bot.domain.observation import PipelineId
from bot.domain.plan import Record
from bot.domain.transition import Event
from bot.domain.watch import ChannelId


class ChainCards:
    """Follows from the records, so that every process and every new leader knows the same cards."""

    def __init__(self) -> None:
        self._cards: dict[PipelineId, tuple[str, frozenset[ChannelId]]] = {}
        """The chain and the channels of each pipeline's card."""

    def put(self, record: Record) -> None:
        episode, lag = record.episode, record.state.finding(Event.LAGGING)
        is_of_lag = episode is not None and episode.open and episode.kind is EpisodeKind.LAG
        if episode and is_of_lag and episode.cards and lag and lag.is_of_the_chain:
            self._cards[record.pipeline_id] = (lag.chain, frozenset(episode.cards.values()))
        else:
            self._cards.pop(record.pipeline_id, None)

    def of_others(self, pipeline_id: PipelineId) -> Mapping[str, AbstractSet[ChannelId]]:
        """By chain: the channels in which another pipeline's card tells of it."""
        found: dict[str, set[ChannelId]] = {}
        for other, (chain, channels) in self._cards.items():
            if other != pipeline_id:
                found.setdefault(chain, set()).update(channels)
        return found
