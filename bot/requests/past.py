"""Answers questions about a pipeline's past: who was notified, how long it failed, how much of the time it was live."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.catalogue import Pipeline
from bot.domain.episode import Episode
from bot.domain.history import History, Stretch, stretch_of
from bot.domain.names import Names
from bot.domain.observation import PipelineId
from bot.domain.past_episodes import PastEpisode, past_episodes
from bot.domain.transition import Reach
from bot.domain.watch import ChannelId, SuspendReason, Target
from bot.domain.why import Explained, explained
from bot.ports.clock import Clock
from bot.ports.history_store import HistoryStore
from bot.ports.lanes import Lanes
from bot.requests.pipeline_views import PipelineViews
from bot.requests.references import NotOnePipeline, References
from bot.state.repository import Repository

YOUNG = timedelta(minutes=1)  # a message of so late may have come between the reads of outbox and receipts


@dataclass(frozen=True, slots=True, kw_only=True)
class PagedPerson:
    """A person that watches page by direct message, and the channels of these watches."""

    target: Target
    channels: AbstractSet[ChannelId]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyAnswer:
    """The answer to `why`. It names every conversation: `slack` shows only those that the person may see."""

    pipeline: Pipeline
    moments: Sequence[Explained]
    """Newest first."""
    people: Mapping[str, PagedPerson] = field(default_factory=dict)
    """By the direct-message conversation."""
    suspended: Mapping[ChannelId, SuspendReason] = field(default_factory=dict)
    owing: AbstractSet[str] = frozenset()
    """`Receiver.name` of the conversations to which the bot still owes a message."""
    is_watched: bool
    at: datetime
    episode: Episode | None = None
    """The latest one."""

    def may_come(self, moment: Explained, conversation: str) -> bool:
        """True if a message to a conversation of `moment.waiting` is still on its way."""
        return conversation in self.owing or self.at - moment.at < YOUNG


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryAnswer:
    """The answer to `history`."""

    pipeline: Pipeline
    episodes: Sequence[PastEpisode]
    """Newest first."""
    stretches: Sequence[Stretch]
    is_watched: bool
    at: datetime


class Past:
    """Reads a pipeline's history and receipts. It reads the store each time: people ask rarely."""

    def __init__(
        self,
        *,
        repository: Repository,
        store: HistoryStore,
        lanes: Lanes,
        references: References,
        views: PipelineViews,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._store = store
        self._lanes = lanes
        self._references = references
        self._views = views
        self._clock = clock

    async def why(self, channel: ChannelId, reference: str, names: Names | None) -> WhyAnswer | NotOnePipeline:
        pipeline = await self._references.only(reference, channel, names)
        if isinstance(pipeline, NotOnePipeline):
            return pipeline
        owing = frozenset(lane.receiver.name for lane in await self._lanes.lanes_with_work())
        history = await self._store.history(pipeline.id)
        receipts = await self._store.receipts(pipeline.id)
        return WhyAnswer(
            pipeline=pipeline,
            moments=explained(history.transitions, receipts),
            people=self._people(pipeline),
            suspended=self._repository.watches.suspended,
            owing=owing,
            is_watched=bool(self._repository.watches_of(pipeline)),
            at=self._clock.now(),
            episode=self._repository.record(pipeline.id).episode,
        )

    async def history(self, channel: ChannelId, reference: str, names: Names | None) -> HistoryAnswer | NotOnePipeline:
        pipeline = await self._references.only(reference, channel, names)
        if isinstance(pipeline, NotOnePipeline):
            return pipeline
        history = await self._store.history(pipeline.id)
        return HistoryAnswer(
            pipeline=pipeline,
            episodes=past_episodes(history.transitions)[::-1],
            stretches=self._stretches(pipeline.id, history),
            is_watched=bool(self._repository.watches_of(pipeline)),
            at=self._clock.now(),
        )

    def _stretches(self, pipeline_id: PipelineId, history: History) -> tuple[Stretch, ...]:
        """The stored stretches, and the one that goes on: until now, if the last reading is as young as usual."""
        (view,) = self._views.known([self._repository.pipeline(pipeline_id)], ChannelId(""))
        record, now = self._repository.record(pipeline_id), self._clock.now()
        present = stretch_of(view.state) if record.state.observation else None
        if present is None:
            return history.stretches
        if view.state.reach is Reach.REACHABLE and (now - present.until).total_seconds() <= self._views.recent_seconds:
            present = replace(present, until=now)
        return (*history.stretches, present)

    def _people(self, pipeline: Pipeline) -> dict[str, PagedPerson]:
        people: dict[str, PagedPerson] = {}
        for watch in self._repository.watches_of(pipeline):
            for target in watch.targets:
                if target.direct:
                    before = people.get(target.direct)
                    channels = {watch.channel} | (before.channels if before else set())
                    people[target.direct] = PagedPerson(target=target, channels=channels)
        return people
