"""Answers questions about pipelines and a channel's watches. Answers are values; `slack` renders them."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import chain

from bot.domain.answer import (
    FailedView,
    FailuresAnswer,
    ListAnswer,
    OwnersView,
    PipelineView,
    StatusAnswer,
    WatchedView,
    WatchesAnswer,
)
from bot.domain.assignment import Assignment, assignment_of, in_order_of_need
from bot.domain.attention import StateFilter, Trouble, trouble, urgency
from bot.domain.catalogue import Pipeline, comparable
from bot.domain.follow_ups import follow_up_style
from bot.domain.names import Names
from bot.domain.observation import PipelineId
from bot.domain.owners import has_unknown_owner, owner_problem
from bot.domain.phase import Phase
from bot.domain.plan import plan_redrawn
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, SuspendReason, UserId, Watch
from bot.ports.catalogue import FreshCatalogue
from bot.ports.channel_store import ChannelStore
from bot.ports.clock import Clock
from bot.ports.measurement_store import MeasurementStore
from bot.requests.owners import owned_watches
from bot.requests.pipeline_views import FRESH_SECONDS, MADE_AT_ONCE, READ_AT_ONCE, PipelineViews
from bot.requests.references import References
from bot.requests.turns import parts_of
from bot.state.repository import Repository

MEASURED_LATELY = timedelta(minutes=15)  # an older lag says nothing about now
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
        measurements: MeasurementStore,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._channels = channels
        self._references = references
        self._catalogue = catalogue
        self._views = views
        self._measurements = measurements
        self._clock = clock

    def example(self, channel: ChannelId, placeholder: str) -> str:
        """The name of a pipeline that the channel watches, or else of any, for an example of a command.

        Empty if there is none, or if a pipeline has the name in the example.
        """
        if self._references.names(channel).with_name(placeholder):
            return ""
        watched = self._repository.covered_by(self._repository.watches.in_channel(channel))
        first = min(watched, default=None) or next(iter(self._repository.listed.in_order), None)
        return self._repository.pipeline(first).name if first else ""

    async def status(
        self,
        channel: ChannelId,
        references: Sequence[str],
        states: Collection[StateFilter] = (),
        *,
        names: Names | None = None,
        first: int = 0,
    ) -> StatusAnswer:
        """Reads the named pipelines, or without a name the channel's own. Failures come first.

        Of very many, reads those from place `first` on that one page shows.

        `states`: the words of `references` that are states. A pipeline with that name comes first.
        `names`: the names at the time of parsing.
        """
        states = self._references.without_names(states)
        references = [reference for reference in references if reference.lower() not in states]
        page = slice(first, first + READ_AT_ONCE)
        if references:
            answer = await self._named(channel, references, states, page, names)
        else:
            answer = await self._watched(channel, states, page)
        answer = replace(answer, outage=self._views.outage)
        if len(answer.views) == 1:
            (view,) = answer.views
            view = replace(view, guidance=self._repository.guidance(view.pipeline))
            return replace(answer, views=(await self._with_pace(view),))
        return answer

    async def _with_pace(self, view: PipelineView) -> PipelineView:
        """With what the leader measured a short time ago. A pipeline that is not running has no pace."""
        if view.state.phase is not Phase.RUNNING:
            return view
        measured = (await self._measurements.measured([view.pipeline.id])).get(view.pipeline.id)
        if measured is None or self._clock.now() - measured.pace.last.at > MEASURED_LATELY:
            return view
        pace = measured.pace
        lag = None if view.state.finding(Event.LAGGING) else pace.lag  # the finding has its own numbers
        learning_until = pace.first_week_ends if pace.last.at < pace.first_week_ends else None
        return replace(view, lag=lag, learning_until=learning_until)

    async def _watched(self, channel: ChannelId, states: Collection[StateFilter], page: slice) -> StatusAnswer:
        watched = self._repository.in_order(self._repository.watches.in_channel(channel))
        answer = await self._of(watched, channel, states, page, self._views.recent_seconds)
        return replace(answer, whole_channel=True, suspended=await self._reason_after_retry(channel))

    async def _of(
        self,
        pipeline_ids: Sequence[PipelineId],
        channel: ChannelId,
        states: Collection[StateFilter],
        page: slice,
        older_than: float,
    ) -> StatusAnswer:
        large = page if len(pipeline_ids) > MADE_AT_ONCE else None
        views, everything = await self._views.answered(
            pipeline_ids, channel, older_than=older_than, states=states, page=large
        )
        considered = everything if states else ()
        return StatusAnswer(
            views=views, states=_in_order(states), considered=considered, channel=channel, at=self._clock.now()
        )

    async def _named(
        self,
        channel: ChannelId,
        references: Sequence[str],
        states: Collection[StateFilter],
        page: slice,
        names: Names | None,
    ) -> StatusAnswer:
        resolved = await self._references.resolve(references, channel, names=names)
        named = dict.fromkeys(pipeline.id for pipeline in resolved.pipelines)
        listed = self._repository.listed
        for pattern in resolved.patterns:
            named |= dict.fromkeys(listed.sorted(listed.matching(comparable(pattern))))
            await asyncio.sleep(0)  # matching a pattern is slow: let reads and alerts run in between
        fresh = FRESH_SECONDS if len(named) <= 5 else self._views.recent_seconds
        answer = await self._of([*named], channel, states, page, fresh)
        return replace(answer, unresolved=resolved.unresolved, patterns=tuple(resolved.patterns))

    async def browse(
        self, channel: ChannelId, words: str, first: int, count: int, states: Collection[StateFilter] = ()
    ) -> ListAnswer:
        """All pipelines with every word in name, project or id. Failures come first.

        Reads `count` pipelines from place `first` on. `states` selects by the last known state, without reading all.
        """
        listed = await self._catalogue.refresh(older_than=LISTED_SECONDS)
        chosen = await self._with_words(words)
        if not chosen:
            listed = await self._catalogue.refresh()  # the person may look for a new pipeline
            chosen = await self._with_words(words)
        page, recent = slice(first, first + count), self._views.recent_seconds
        views, everything = await self._views.answered(chosen, channel, older_than=recent, states=states, page=page)
        return ListAnswer(
            views=views,
            words=words,
            states=_in_order(states),
            considered=everything if states else (),
            outage=self._views.outage,
            at=self._clock.now(),
            problem=listed.problem,
            wait_until=listed.waits_until,
            nearest=() if chosen else self._references.names(channel).nearest(comparable(words)),
        )

    async def _with_words(self, words: str) -> list[PipelineId]:
        """The listed pipelines with these words, by project and name."""
        listed, wanted = self._repository.listed, words.lower().split()
        by_project: dict[str, list[PipelineId]] = {}
        in_order = tuple(listed.in_order)
        async for part in parts_of(in_order):
            for pipeline in filter(None, map(listed.get, part)):
                if not wanted or all(word in _searched_text(pipeline) for word in wanted):
                    by_project.setdefault(pipeline.project, []).append(pipeline.id)
        return list(chain(*(by_project[project] for project in sorted(by_project, key=lambda it: (it.lower(), it)))))

    def owners(self, watches: Iterable[Watch]) -> OwnersView | None:
        """The owners that these watches page. None: they page none."""
        setup = self._repository.watches.setup
        owned = owned_watches(self._repository, setup, watches)
        problems = (owner_problem(setup, one.pipelines) for one in owned)
        unknown = any(has_unknown_owner(setup, one.pipelines) for one in owned)
        return OwnersView(problems=tuple(filter(None, problems)), unknown=unknown) if owned else None

    async def watches(self, channel: ChannelId) -> WatchesAnswer:
        """The channel's watches, with the pipelines that each one covers, as last known."""
        views = []
        for watch in self._repository.watches.in_channel(channel):
            covers = await self._views.counted(self._repository.covered_by([watch]), channel)
            views.append(WatchedView(watch=self._repository.named(watch), covers=covers))
            await asyncio.sleep(0)  # a pattern may cover many: let reads and alerts run in between
        await self._repository.refresh_watches()
        suspended = await self._reason_after_retry(channel)
        now = self._clock.now()
        silences = [
            silence for silence in self._repository.watches.silences.in_channel(channel) if not silence.is_over(now)
        ]
        return WatchesAnswer(
            channel=channel,
            watches=tuple(views),
            silences=tuple(silence.note(now) for silence in sorted(silences, key=lambda silence: silence.key)),
            follow_ups=follow_up_style(self._repository.watches.setup, channel),
            suspended=suspended,
            at=now,
        )

    def failures(self, channel: ChannelId) -> FailuresAnswer:
        """The watched pipelines that failed and have not recovered, without a read. The most urgent come first."""
        suspects = filter(self._repository.follows, self._views.suspects)
        pipelines = [self._repository.pipeline(pipeline_id) for pipeline_id in suspects]
        now = self._clock.now()
        known = self._views.known(pipelines, channel)
        failed = [view for view in known if trouble(view.state, now) in {Trouble.FAILED, Trouble.RECOVERING}]
        failed.sort(
            key=lambda view: (
                *urgency(trouble(view.state, now), view.state, answered=view.answered),
                view.pipeline.name.lower(),
                view.pipeline.id,
            )
        )
        return FailuresAnswer(
            failed=tuple(map(self._failed, failed)),
            anything_watched=bool(self._repository.watched),
            unread=self._views.unread(self._repository.watched),
            outage=self._views.outage,
            at=now,
        )

    def _failed(self, view: PipelineView) -> FailedView:
        channels = self._watching(view.pipeline)
        silences = {channel: note for channel in channels if (note := self._views.silence(view.pipeline, channel))}
        return FailedView(view=view, channels=channels, silences=silences)

    def assigned_to(self, user: UserId) -> tuple[Assignment, ...]:
        """The open failures that this person has acknowledged, and those that called them."""
        pipeline = self._repository.pipeline
        found = (
            assignment_of(user, episode, pipeline(episode.pipeline_id)) for episode in self._repository.open_episodes
        )
        return in_order_of_need(filter(None, found))

    def _watching(self, pipeline: Pipeline) -> tuple[ChannelId, ...]:
        return tuple(dict.fromkeys(watch.channel for watch in self._repository.watches_of(pipeline)))

    async def refresh(self, channel: ChannelId, pipeline_id: PipelineId) -> StatusAnswer:
        """Reads the pipeline and updates its open card, so that the card shows the reading's age."""
        views = await self._views.refreshed([self._repository.pipeline(pipeline_id)], channel, older_than=FRESH_SECONDS)
        unread_at = self._clock.now() if any(view.problem for view in views) else None
        await self._repository.write(pipeline_id, partial(plan_redrawn, unread_at=unread_at))
        return StatusAnswer(views=views, channel=channel, outage=self._views.outage, at=self._clock.now())

    async def _reason_after_retry(self, channel: ChannelId) -> SuspendReason | None:
        """Why the channel was suspended. Resumes it on trial: the person who asks may have fixed the cause."""
        reason = self._repository.watches.suspended.get(channel)
        if reason is not None:
            await self._channels.resume(channel, on_trial=True)
        return reason


def _in_order(states: Collection[StateFilter]) -> tuple[str, ...]:
    return tuple(state.value for state in StateFilter if state in states)


def _searched_text(pipeline: Pipeline) -> str:
    return f"{pipeline.name} {pipeline.project} {pipeline.id}".lower()
