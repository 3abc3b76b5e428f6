"""The pipelines that this bot polls, each with its next read. Takes changes of watches and listings some at a time."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from bot.domain.cadence import Cadence, Pace, pace
from bot.domain.failure_rates import track
from bot.domain.observation import PipelineId
from bot.garbage import keep_for_good, return_freed_memory, without_collections
from bot.monitoring.budget import Budget
from bot.monitoring.due_times import DueTimes
from bot.monitoring.newcomers import AT_ONCE, Newcomers
from bot.monitoring.promise import Promise
from bot.monitoring.siblings import Siblings
from bot.ports.clock import Clock
from bot.state.repository import Repository

LARGE_FLEET = 10_000  # pipelines: after so many new ones, the bot returns memory to the system


class PolledFleet:
    """Keeps `due` equal to the watched pipelines. `forget` gets each pipeline that the bot no longer polls."""

    def __init__(
        self,
        *,
        repository: Repository,
        budget: Budget,
        promise: Promise,
        clock: Clock,
        cadence: Cadence,
        forget: Callable[[PipelineId], None],
    ) -> None:
        self._repository = repository
        self._budget = budget
        self._promise = promise
        self._clock = clock
        self._cadence = cadence
        self._forget = forget
        self.due = DueTimes(cadence)
        self._newcomers = Newcomers(repository, cadence)
        """Those that `due` does not have yet."""
        self._dropped: list[PipelineId] = []
        """Those that `due` still has, although nobody watches them any more."""
        self._grows = False
        """True until a large number of newcomers has been added."""
        self._version = -1
        self._siblings = Siblings()

    def restart(self) -> None:
        """Every pipeline is new, as far as `follow` and `settle` have not taken it again."""
        self.due = DueTimes(self._cadence)
        self._newcomers, self._dropped = Newcomers(self._repository, self._cadence), []
        self._version = -1

    def follow_listing(self) -> None:
        """The pipelines that share a destination or a project may be others now."""
        self._siblings = Siblings(self._repository.catalogue)

    def fit(self, now: float) -> None:
        self.due.fit(self._budget.polling_rate, self._promise.seconds, now)

    def follow(self, now: float) -> None:
        """Polls the pipelines that are watched now. `settle` takes many changes."""
        if self._version == self._repository.pollable_version:
            return
        self._version = self._repository.pollable_version
        self.fit(now)
        new, dropped = self.due.compare(self._repository.pollable)
        self._newcomers, self._dropped = Newcomers(self._repository, self._cadence, new), [*dropped]
        self.due.expect(len(new), now)
        self._grows = len(new) >= LARGE_FLEET
        if len(new) + len(dropped) <= AT_ONCE:
            while self._dropped or self._newcomers:
                self._settle_some()

    @property
    def _is_unsettled(self) -> bool:
        return bool(self._dropped or self._newcomers or not self._siblings.are_complete)

    async def settle(self, seconds: float) -> None:
        """Adds many new pipelines and drops many others, some at a time. Reads begin when the first ones are there.

        Leases, heartbeats and answers have their turns meanwhile. It takes so many seconds, or longer until the order
        of the first reads is known.
        """
        if not self._is_unsettled:
            return
        until = self._clock.monotonic() + seconds
        with without_collections():
            while self._is_unsettled:
                self._settle_some()
                await asyncio.sleep(0)
                if self._newcomers.has_begun and self._clock.monotonic() >= until:
                    break
            if self._grows:
                keep_for_good()
        if self._grows and not self._is_unsettled:
            self._grows = False
            return_freed_memory()

    def _settle_some(self) -> None:
        """A step of a few milliseconds."""
        now, at = self._clock.monotonic(), self._clock.now()
        if self._dropped:
            dropped = self._dropped[-AT_ONCE:]
            del self._dropped[-AT_ONCE:]
            self.due.drop(dropped)
            for pipeline_id in dropped:
                self._forget(pipeline_id)
        elif not self._newcomers.are_sorted:
            self._newcomers.sort_some(at)
        elif not self._newcomers:
            self._siblings.add_some(AT_ONCE)
        else:
            self.due.add(self._newcomers.take_some(at, now), now)

    def mark_read(self, pipeline_id: PipelineId, at: datetime, now: float, *, failed: bool, steady: bool) -> None:
        """The read is over: the pipeline waits for its next turn. `at` and `now` are the time of its result.

        `steady`: the reading changed nothing.
        """
        state = self._repository.state_but_time(pipeline_id)
        again = failed and state.failed_reads == 0  # it failed, but counts against no pipeline
        its_pace = Pace.RETRY if again else pace(state, at, self._cadence)
        known = None if steady and not self.due.learns_from(pipeline_id) else track(state, self._clock.now(), now)
        self.due.mark_read(pipeline_id, its_pace, now, known)

    def hasten_siblings(self, pipeline_id: PipelineId) -> None:
        """This pipeline failed. Its siblings are likely to fail with it."""
        now = self._clock.monotonic()
        self.due.hasten(self._siblings.of_failed(self._repository.pipeline(pipeline_id), now), now)
