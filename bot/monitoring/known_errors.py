"""Finds the earlier failures with the error of a diagnosis, and remembers this one."""

from dataclasses import replace

from bot.domain.diagnosis import Diagnosis
from bot.domain.observation import PipelineId
from bot.domain.past_episodes import past_episodes
from bot.domain.seen_before import (
    KEPT_FOR_DAYS,
    MOST_ERRORS,
    Occurrence,
    seen_before,
)
from bot.domain.seen_outcome import with_outcome
from bot.ports.clock import Clock
from bot.ports.error_store import ErrorStore
from bot.ports.history_store import HistoryStore
from bot.state.repository import Repository


class KnownErrors:
    """Keeps which failures had an error. How each of them ended follows from its pipeline's history.

    So no end of a failure needs a write, and a restart loses none.
    """

    def __init__(self, *, repository: Repository, store: ErrorStore, history: HistoryStore, clock: Clock) -> None:
        self._repository = repository
        self._store = store
        self._history = history
        self._clock = clock

    async def add_seen_before(self, pipeline_id: PipelineId, diagnosis: Diagnosis) -> Diagnosis:
        """The diagnosis with the latest earlier failure of the same error."""
        if not diagnosis.fingerprint:
            return diagnosis
        name = self._repository.pipeline(pipeline_id).name
        failure = Occurrence(pipeline_id=pipeline_id, name=name, began_at=diagnosis.began_at)
        known = await self._store.add_occurrence(diagnosis.fingerprint, failure)
        seen = seen_before(known, failure)
        if seen is None:
            return diagnosis
        history = await self._history.history(seen.pipeline_id)
        return replace(diagnosis, seen=with_outcome(seen, past_episodes(history.transitions)))

    async def forget_old(self) -> None:
        await self._store.forget_errors(self._clock.now() - KEPT_FOR_DAYS, MOST_ERRORS)
