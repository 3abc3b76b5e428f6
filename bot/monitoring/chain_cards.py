"""In each channel, one card says that GoldRush is behind on a chain: that of the first pipeline found late by it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from bot.domain.episode import EpisodeKind
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import Record
from bot.domain.routing import Routing
from bot.domain.transition import Event, PipelineFinding
from bot.domain.watch import Audience, ChannelId
from bot.state.repository import Repository


class ChainCards:
    """Kept in memory: a new leader may post one card more."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._first: dict[tuple[ChannelId, str], PipelineId] = {}
        """The pipeline whose card tells of a chain, by channel and chain."""

    def routing(self, record: Record, routing: Routing, findings: Iterable[PipelineFinding], at: datetime) -> Routing:
        """The routing without the channels where another pipeline's card tells of the late chain.

        `findings`: those that hold now.
        """
        held = record.state.finding(Event.LAGGING)
        lagging = next((finding for finding in findings if finding.event is Event.LAGGING), None)
        if lagging is None or not lagging.is_of_the_chain:
            self._first = {key: first for key, first in self._first.items() if first != record.pipeline_id}
        if lagging is None and held and held.is_of_the_chain:
            return replace(routing, audiences=[one for one in routing.audiences if _has_card(record, one.channel)])
        if lagging is None or not lagging.is_of_the_chain:
            return routing
        telling = [one for one in routing.audiences if self._tells(record, routing, one, lagging, at)]
        return replace(routing, audiences=telling)

    def _tells(
        self, record: Record, routing: Routing, audience: Audience, lagging: PipelineFinding, at: datetime
    ) -> bool:
        key = (audience.channel, lagging.chain)
        first = self._first.get(key)
        if not _has_card(record, audience.channel):
            if first and first != record.pipeline_id and self._is_heard(first, audience.channel):
                return False
            if not audience.wants(Event.LAGGING, lagging.threshold):
                return True
            if routing.silence_in(audience.channel, EpisodeKind.LAG, at):
                return True
        self._first[key] = record.pipeline_id
        return True

    def _is_heard(self, pipeline_id: PipelineId, channel: ChannelId) -> bool:
        """False if the pipeline stopped, or if the channel no longer watches it."""
        if self._repository.state_but_time(pipeline_id).phase != Phase.RUNNING:
            return False
        watches = self._repository.watches_of(self._repository.pipeline(pipeline_id))
        return any(watch.channel == channel for watch in watches)


def _has_card(record: Record, channel: ChannelId) -> bool:
    return record.episode is not None and record.episode.open and record.episode.card_in(channel) is not None
