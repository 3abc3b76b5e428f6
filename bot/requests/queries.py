"""Answers questions about pipelines and a channel's watches. Answers are values; `slack` renders them."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

from bot.domain.answer import (
    FailedView,
    FailuresAnswer,
    ListAnswer,
    PipelineView,
    StatusAnswer,
    WatchedView,
    WatchesAnswer,
)
from bot.domain.attention import StateFilter, Trouble, is_in, trouble, worst_first
from bot.domain.catalogue import Pipeline
from bot.domain.names import Names
from bot.domain.observation import PipelineId
from bot.domain.plan import plan_redrawn
from bot.domain.watch import ChannelId, SuspendReason
from bot.ports.catalogue import FreshCatalogue
from bot.ports.channel_store import ChannelStore
from bot.ports.clock import Clock
from bot.requests.pipeline_views import FRESH_SECONDS, PipelineViews
from bot.requests.references import References
from bot.state.repository import Repository

LISTED_SECONDS = 5.0  # a listing younger than this is fresh enough for `list`


class Queries:
    """Answers questions; never changes a watch."""

    def __init__(
        self,
        *,
        repository: Repository,
        channels: ChannelStore,
        references: References,
        catalogue: FreshCatalogue,
        views: PipelineViews,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._channels = channels
        self._references = references
        self._catalogue = catalogue
        self._views = views
        self._clock = clock

    async def status(
        self,
        channel: ChannelId,
        references: Sequence[str],
        states: Collection[StateFilter] = (),
        *,
        names: Names | None = None,
    ) -> StatusAnswer:
        """Reads the named pipelines, or without a name the channel's own. Failures come first.

        `states`: the words of `references` that are states. A pipeline with that name comes first.
        `names`: the names at the time of parsing.
        """
        states = self._references.without_names(states)
        references = [reference for reference in references if reference.lower() not in states]
        answer = await (self._named(channel, references, names) if references else self._watched(channel))
        views = worst_first(answer.views, answer.at)
        if len(views) == 1:
            views = (replace(views[0], guidance=self._repository.guidance(views[0].pipeline)),)
        if not states:
            return replace(answer, views=views)
        chosen = tuple(view for view in views if is_in(view.state, states))
        return replace(answer, views=chosen, states=_in_order(states), considered=views)

    async def _watched(self, channel: ChannelId) -> StatusAnswer:
        watched = self._repository.in_order(self._repository.watches.in_channel(channel))
        pipelines = [self._repository.pipeline(pipeline_id) for pipeline_id in watched]
        views = await self._views.refreshed(pipelines, channel, older_than=self._views.recent_seconds)
        suspended = await self._reason_after_retry(channel)
        return StatusAnswer(views=views, whole_channel=True, channel=channel, suspended=suspended, at=self._clock.now())

    async def _named(self, channel: ChannelId, references: Sequence[str], names: Names | None) -> StatusAnswer:
        resolved = await self._references.resolve(references, channel, names=names)
        named = {pipeline.id: pipeline for pipeline in resolved.pipelines}
        listed = Names(self._repository.listed)
        for pattern in resolved.patterns:
            named |= {pipeline.id: pipeline for pipeline in listed.matching(pattern)}
            await asyncio.sleep(0)  # matching a pattern is slow: let reads and alerts run in between
        fresh = FRESH_SECONDS if len(named) <= 5 else self._views.recent_seconds
        views = await self._views.refreshed(named.values(), channel, older_than=fresh)
        return StatusAnswer(views=views, unresolved=resolved.unresolved, channel=channel, at=self._clock.now())

    async def browse(
        self, channel: ChannelId, words: str, first: int, count: int, states: Collection[StateFilter] = ()
    ) -> ListAnswer:
        """All pipelines with every word in name, project or id. Failures come first.

        Reads `count` pipelines from place `first` on. `states` selects by the last known state, without reading all.
        """
        listed = await self._catalogue.refresh(older_than=LISTED_SECONDS)
        chosen = _with_words(self._repository.catalogue, words)
        if not chosen:
            listed = await self._catalogue.refresh()  # the person may look for a new pipeline
            chosen = _with_words(self._repository.catalogue, words)
        shown = self._known(chosen, channel, states)
        page = [view.pipeline for view in shown[first : first + count]]
        await self._views.read(page, older_than=self._views.recent_seconds)
        return ListAnswer(
            views=self._known(chosen, channel, states),
            words=words,
            states=_in_order(states),
            considered=self._views.known(chosen, channel) if states else (),
            at=self._clock.now(),
            problem=listed.problem,
            wait_until=listed.waits_until,
        )

    def _known(
        self, chosen: Sequence[Pipeline], channel: ChannelId, states: Collection[StateFilter]
    ) -> tuple[PipelineView, ...]:
        views = worst_first(self._views.known(chosen, channel), self._clock.now())
        return tuple(view for view in views if is_in(view.state, states))

    async def watches(self, channel: ChannelId) -> WatchesAnswer:
        """The channel's watches, with the pipelines that each one covers, as last known."""
        covered = {}
        for watch in self._repository.watches.in_channel(channel):
            covered[watch] = self._repository.in_order([watch])
            await asyncio.sleep(0)  # matching a pattern is slow: let reads and alerts run in between
        pipelines = [self._repository.pipeline(pipeline_id) for pipeline_id in dict.fromkeys(chain(*covered.values()))]
        known = {view.pipeline.id: view for view in self._views.known(pipelines, channel)}
        views = [
            WatchedView(watch=self._repository.named(watch), covers=tuple(known[pipeline_id] for pipeline_id in ids))
            for watch, ids in covered.items()
        ]
        await self._repository.refresh_watches()
        suspended = await self._reason_after_retry(channel)
        return WatchesAnswer(channel=channel, watches=tuple(views), suspended=suspended, at=self._clock.now())

    def failures(self, channel: ChannelId) -> FailuresAnswer:
        """The watched pipelines that failed and have not recovered, without a read. Unacknowledged ones come first."""
        pipelines = [self._repository.pipeline(pipeline_id) for pipeline_id in self._repository.watched]
        now = self._clock.now()
        known = self._views.known(pipelines, channel)
        failed = [view for view in known if trouble(view.state, now) in {Trouble.FAILED, Trouble.RECOVERING}]
        failed.sort(key=lambda view: (view.acknowledged is not None, view.pipeline.name.lower(), view.pipeline.id))
        return FailuresAnswer(
            failed=tuple(FailedView(view=view, channels=self._watching(view.pipeline)) for view in failed),
            outage=self._views.outage,
            at=now,
        )

    def _watching(self, pipeline: Pipeline) -> tuple[ChannelId, ...]:
        return tuple(dict.fromkeys(watch.channel for watch in self._repository.watches_of(pipeline)))

    async def refresh(self, channel: ChannelId, pipeline_id: PipelineId) -> StatusAnswer:
        """Reads the pipeline and updates its open card, so that the card shows the reading's age."""
        views = await self._views.refreshed([self._repository.pipeline(pipeline_id)], channel, older_than=FRESH_SECONDS)
        unread_at = self._clock.now() if any(view.problem for view in views) else None
        await self._repository.write(pipeline_id, partial(plan_redrawn, unread_at=unread_at))
        return StatusAnswer(views=views, channel=channel, at=self._clock.now())

    async def _reason_after_retry(self, channel: ChannelId) -> SuspendReason | None:
        """Why the channel was suspended. Resumes it on trial: the person who asks may have fixed the cause."""
        reason = self._repository.watches.suspended.get(channel)
        if reason is not None:
            await self._channels.resume(channel, on_trial=True)
        return reason


def _in_order(states: Collection[StateFilter]) -> tuple[str, ...]:
    return tuple(state.value for state in StateFilter if state in states)


def _with_words(catalogue: Iterable[Pipeline], words: str) -> list[Pipeline]:
    wanted = words.lower().split()
    chosen = [pipeline for pipeline in catalogue if all(word in _searched_text(pipeline) for word in wanted)]
    return sorted(chosen, key=lambda pipeline: (pipeline.project.lower(), pipeline.name.lower(), pipeline.id))


def _searched_text(pipeline: Pipeline) -> str:
    return f"{pipeline.name} {pipeline.project} {pipeline.id}".lower()
