"""The views of pipelines in answers: as last known, or read again if the last reading is too old."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from itertools import filterfalse

from bot.domain.answer import PipelineView
from bot.domain.attention import (
    OF_HEALTHY,
    StateFilter,
    Trouble,
    ViewList,
    in_order_of_trouble,
    is_in,
    trouble,
    urgency,
)
from bot.domain.catalogue import Pipeline
from bot.domain.deployment_plan import overdue_deployment
from bot.domain.episode import Episode, EpisodeKind, open_failure
from bot.domain.observation import PipelineId
from bot.domain.silence import SilenceNote, latest_silence
from bot.domain.transition import PipelineState, is_unread, read_again
from bot.domain.watch import ChannelId
from bot.ports.clock import Clock
from bot.ports.status_reads import NOBODY_READS, StatusReads
from bot.requests.turns import parts_of
from bot.state.latest_state import latest_state
from bot.state.repository import Repository

ANSWER_SECONDS = 6.0  # a person waits; after that the answer shows the age of each older reading
FRESH_SECONDS = 2.0  # for pipelines that the person named
RECENT_SECONDS = 60.0  # for the others
READ_AT_ONCE = 20  # as many as one page shows: one command must not spend the whole budget
MADE_AT_ONCE = 200  # views: an answer about more makes those of the page shown
NO_PROBLEMS: Mapping[PipelineId, str | None] = {}
LATE = f"no reading came within {ANSWER_SECONDS:.0f} s"
NOT_SINCE = "my last reading is older than it should be. I'm catching up."
OVERDUE_SECONDS = 2.0  # a reading this much beyond its promised age shows that the process stood still


class PipelineViews:
    """Views of pipelines for answers. Each one says if its reading is older than it should be.

    `unrecorded`: readings of this bot that are newer than the record, or that have no record.
    """

    def __init__(
        self,
        *,
        repository: Repository,
        reads: StatusReads,
        unrecorded: Mapping[PipelineId, PipelineState],
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._reads = reads
        self._unrecorded = unrecorded
        self._clock = clock

    @property
    def recent_seconds(self) -> float:
        """A reading younger than this counts as recent. It grows with the promised age of readings."""
        return max(RECENT_SECONDS, self._reads.promised_seconds)

    @property
    def outage(self) -> str | None:
        """Why no bot reads pipelines now."""
        return self._reads.outage or (NOBODY_READS if self._reads.nobody_polls else None)

    async def refreshed(
        self, pipelines: Collection[Pipeline], channel: ChannelId, *, older_than: float
    ) -> tuple[PipelineView, ...]:
        """Views for `channel`, after reading the pipelines whose last reading is older than `older_than` seconds."""
        problems = await self.read(pipelines, older_than=older_than)
        known = self.known([self._repository.pipeline(pipeline.id) for pipeline in pipelines], channel)
        return tuple(self._with_problem(view, problems.get(view.pipeline.id)) for view in known)

    def _with_problem(self, view: PipelineView, problem: str | None) -> PipelineView:
        return replace(view, problem=problem, wait_until=self._reads.waits_until()) if problem else view

    async def read(self, pipelines: Collection[Pipeline], *, older_than: float) -> dict[PipelineId, str | None]:
        """Reads pipelines whose last reading is older than `older_than` seconds, or than the polling promises.

        Reads at most `READ_AT_ONCE`, the oldest first. Returns the problem of each read, or None.
        """
        promised = {pipeline.id: self._reads.promised(pipeline.id) for pipeline in pipelines}
        oldest = {
            pipeline_id: older_than if seconds is None else min(older_than, seconds + OVERDUE_SECONDS)
            for pipeline_id, seconds in promised.items()
        }
        ages = {pipeline_id: self._age(pipeline_id) for pipeline_id in oldest}
        stale = [pipeline_id for pipeline_id, seconds in oldest.items() if ages[pipeline_id] > seconds]
        stale = sorted(stale, key=lambda pipeline_id: -ages[pipeline_id])[:READ_AT_ONCE]
        if not stale:
            return {}
        reads = {
            asyncio.ensure_future(self._reads.read_now(pipeline_id, older_than=oldest[pipeline_id])): pipeline_id
            for pipeline_id in stale
        }
        try:
            done, late = await asyncio.wait(reads, timeout=ANSWER_SECONDS)
        finally:
            for read in reads:
                read.cancel()  # a started read goes on for the polling; one that waits for budget ends
        problems = {reads[read]: read.result() for read in done}
        return problems | {reads[read]: self.outage or LATE for read in late}

    def _age(self, pipeline_id: PipelineId) -> float:
        """Seconds since the last reading. Another bot's readings that changed nothing are not stored."""
        observation = self._state(pipeline_id).observation
        if observation is None:
            return float("inf")
        others_at = self._others_read_since(pipeline_id) or observation.observed_at
        return (self._clock.now() - max(observation.observed_at, others_at)).total_seconds()

    def _others_read_since(self, pipeline_id: PipelineId) -> datetime | None:
        """Another bot has read this pipeline at this time or later, if it reads it closely."""
        since = self._reads.others_read_since
        if since is None:
            return None
        watches = self._repository.watches_of(self._repository.pipeline(pipeline_id))
        return since if any(watch.made_at <= since for watch in watches) else None

    @property
    def suspects(self) -> AbstractSet[PipelineId]:
        """The pipelines that may need attention: all others are healthy or unread."""
        return self._repository.unhealthy | self._unrecorded.keys()

    async def answered(
        self,
        pipeline_ids: Sequence[PipelineId],
        channel: ChannelId,
        *,
        older_than: float,
        states: Collection[StateFilter] = (),
        page: slice | None = None,
    ) -> tuple[Sequence[PipelineView], Sequence[PipelineView]]:
        """Views of the pipelines in one of `states`, and of all, after reading those whose last reading is older than
        `older_than` seconds. Those that need attention come first.

        `page`: reads only that part, as it does of more than `MADE_AT_ONCE` pipelines anyway. With `states`, it also
        reads as many pipelines without a reading as the page has room for: any of them may be in one of the states.
        """
        shown: Sequence[PipelineView] | None = None
        if page is None and len(pipeline_ids) <= MADE_AT_ONCE:
            read = [self._repository.pipeline(pipeline_id) for pipeline_id in pipeline_ids]
        else:
            shown = await self.listed(pipeline_ids, channel, states)
            read = [view.pipeline for view in shown[page or slice(READ_AT_ONCE)]]
            if states:
                read += await self._first_unread(pipeline_ids, READ_AT_ONCE - len(read))
        problems = await self.read(read, older_than=older_than)
        if shown is not None and not problems and not states:
            return shown, shown  # nothing was read
        everything = await self.listed(pipeline_ids, channel, (), problems)
        return (await self.listed(pipeline_ids, channel, states, problems) if states else everything), everything

    async def listed(
        self,
        pipeline_ids: Sequence[PipelineId],
        channel: ChannelId,
        states: Collection[StateFilter] = (),
        problems: Mapping[PipelineId, str | None] = NO_PROBLEMS,
    ) -> Sequence[PipelineView]:
        """Views of pipelines in one of `states`, as last known. Those that need attention come first.

        `problems`: those of reads for this answer. Many views are made only when the answer shows them.
        """
        in_order, kinds = await self._worst_first(pipeline_ids, states)

        def view(pipeline_id: PipelineId) -> PipelineView:
            (known,) = self.known([self._repository.pipeline(pipeline_id)], channel)
            return self._with_problem(known, problems.get(pipeline_id))

        if len(in_order) <= MADE_AT_ONCE:
            return tuple(map(view, in_order))
        return ViewList(
            ids=in_order,
            view=view,
            troubles=in_order_of_trouble(Counter(kinds.values())),
            unread=self.unread(in_order),
            stale=self.outage is not None or Trouble.UNREACHABLE in kinds.values(),
        )

    async def _worst_first(
        self, pipeline_ids: Sequence[PipelineId], states: Collection[StateFilter]
    ) -> tuple[Sequence[PipelineId], Mapping[PipelineId, Trouble]]:
        """The pipelines in one of `states`, those that need attention first, with the reason."""
        await asyncio.sleep(0)  # the caller may have walked over all of them
        now = self._clock.now()
        chosen = await self._in_states(pipeline_ids, states) if states else pipeline_ids
        kinds: dict[PipelineId, Trouble] = {}
        async for part in parts_of(self._suspects_among(chosen)):
            for pipeline_id in part:
                if kind := trouble(self._state(pipeline_id), now):
                    kinds[pipeline_id] = kind
        worst = sorted(kinds, key=lambda pipeline_id: self._urgency(pipeline_id, kinds[pipeline_id]))
        others = filterfalse(kinds.__contains__, chosen)
        return (*worst, *others), kinds

    def _urgency(self, pipeline_id: PipelineId, kind: Trouble) -> tuple[int, bool, datetime]:
        failure = self._open_failure(pipeline_id)
        answered = failure is not None and not failure.unanswered
        return urgency(kind, self._state(pipeline_id), answered=answered)

    async def _in_states(
        self, pipeline_ids: Sequence[PipelineId], states: Collection[StateFilter]
    ) -> Sequence[PipelineId]:
        candidates = self._suspects_among(pipeline_ids) if OF_HEALTHY.isdisjoint(states) else pipeline_ids
        chosen: list[PipelineId] = []
        async for part in parts_of(candidates):
            chosen += (pipeline_id for pipeline_id in part if is_in(self._state(pipeline_id), states))
        return chosen

    def _suspects_among(self, pipeline_ids: Sequence[PipelineId]) -> Sequence[PipelineId]:
        return tuple(filter(self.suspects.__contains__, pipeline_ids))

    async def _first_unread(self, pipeline_ids: Sequence[PipelineId], most: int) -> Sequence[Pipeline]:
        unread: list[Pipeline] = []
        async for part in parts_of(pipeline_ids):
            if len(unread) >= most:
                break
            unread += (self._repository.pipeline(it) for it in part if is_unread(self._state(it)))
        return unread[:most]

    def unread(self, pipeline_ids: Iterable[PipelineId]) -> int:
        """How many have no reading."""
        ids = set(pipeline_ids)
        newer = ids & self._unrecorded.keys()
        return self._repository.unread(ids - newer) + sum(is_unread(self._state(it)) for it in newer)

    async def counted(self, pipeline_ids: AbstractSet[PipelineId], channel: ChannelId) -> Sequence[PipelineView]:
        """Views as last known, by name. Many are only counted, in no order."""
        if len(pipeline_ids) > MADE_AT_ONCE:
            return await self.listed(tuple(pipeline_ids), channel)
        return self.known([self._repository.pipeline(it) for it in self._repository.by_name(pipeline_ids)], channel)

    def known(self, pipelines: Collection[Pipeline], channel: ChannelId) -> tuple[PipelineView, ...]:
        """Views as last known, without a read."""
        known = (
            self._known(pipeline, channel, watched_here=self._repository.is_watched_in(channel, pipeline))
            for pipeline in pipelines
        )
        return tuple(self._with_problem(view, self._staleness(view)) for view in known)

    def _staleness(self, view: PipelineView) -> str | None:
        """Why the last reading may be out of date."""
        if view.state.observation is None:
            return None
        age = self._age(view.pipeline.id)
        if (outage := self._reads.outage) and age > FRESH_SECONDS:
            return outage
        promised = self._reads.promised(view.pipeline.id)
        longest = self.recent_seconds if promised is None else promised
        if age <= longest + OVERDUE_SECONDS:
            return None
        return NOBODY_READS if self._reads.nobody_polls else NOT_SINCE

    def silence(self, pipeline: Pipeline, channel: ChannelId) -> SilenceNote | None:
        """The mute or maintenance window that holds back messages about the pipeline in this channel now."""
        silences = self._repository.watches.silences.in_channel(channel)
        if not silences:
            return None
        now = self._clock.now()
        covering = (silence for silence in silences if silence.covers(pipeline))
        found = latest_silence(covering, EpisodeKind.FAILURE, now)  # quiet hours hold back no failure
        return found.note(now) if found else None

    def _known(self, pipeline: Pipeline, channel: ChannelId, *, watched_here: bool) -> PipelineView:
        failure = self._open_failure(pipeline.id)
        state = self._shown_state(pipeline.id)
        return PipelineView(
            pipeline=pipeline,
            state=state,
            overdue=overdue_deployment(replace(self._repository.record(pipeline.id), state=state)),
            watched_here=watched_here,
            acknowledged=failure.acknowledged if failure else None,
            resolved=failure.resolved if failure else None,
            diagnosis=failure.latest_diagnosis if failure else None,
            silence=self.silence(pipeline, channel) if watched_here else None,
        )

    def _open_failure(self, pipeline_id: PipelineId) -> Episode | None:
        return open_failure(self._repository.record(pipeline_id).episode)

    def _shown_state(self, pipeline_id: PipelineId) -> PipelineState:
        """The state with the time of its last reading, as far as this bot knows it."""
        state, since = self._state(pipeline_id), self._others_read_since(pipeline_id)
        return read_again(state, since) if since else state

    def _state(self, pipeline_id: PipelineId) -> PipelineState:
        return latest_state(self._repository, self._unrecorded, pipeline_id)
