"""Reads the users' wishes afresh if a listing may be older than the phase that it contradicts."""

from dataclasses import replace

import structlog

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.domain.phase import AT_REST, Phase, drifts
from bot.monitoring.budget import Budget, Route
from bot.monitoring.safe_api import SafeApi
from bot.ports.clock import Clock
from bot.ports.pipeline_api import ApiError, PipelineApi
from bot.state.repository import Repository

PATIENCE_SECONDS = 2.0  # a reading is not kept back for longer, only to know whether a stop was wanted
KEPT_SECONDS = 10.0  # for a person who asks: the user's wish may have changed since

log = structlog.get_logger(__name__)


class Intents:
    """Reads a pipeline object where its intent decides what a phase means: listings come every few minutes only."""

    def __init__(self, *, api: PipelineApi, repository: Repository, budget: Budget, clock: Clock) -> None:
        self._api = SafeApi(api)
        self._repository = repository
        self._budget = budget
        self._clock = clock
        self._read_at: dict[PipelineId, float] = {}
        """None where the intent is older than the phase."""

    async def judge(self, pipeline_id: PipelineId, phase: Phase) -> None:
        """Called with every reading. After a change of phase it reads the intent again, before that explains or
        contradicts the phase."""
        if phase != self._repository.record(pipeline_id).state.phase:
            self._read_at.pop(pipeline_id, None)
        wanted = self._repository.pipeline(pipeline_id).intent
        if pipeline_id not in self._read_at and (phase in AT_REST or drifts(wanted, phase)):
            await self._learn(pipeline_id)

    async def confirm(self, pipeline_id: PipelineId) -> None:
        """Drops a contradiction that no longer holds, before a person sees it."""
        age = self._clock.monotonic() - self._read_at.get(pipeline_id, float("-inf"))
        phase = self._repository.record(pipeline_id).state.phase
        if age > KEPT_SECONDS and drifts(self._repository.pipeline(pipeline_id).intent, phase):
            await self._learn(pipeline_id)

    def forget(self, pipeline_id: PipelineId) -> None:
        self._read_at.pop(pipeline_id, None)

    async def _learn(self, pipeline_id: PipelineId) -> None:
        """If the read fails, the intent is unknown: an intent older than the phase contradicts nothing."""
        known = self._repository.pipeline(pipeline_id)
        if (pipeline := await self._asked(pipeline_id)) is not None:
            self._read_at[pipeline_id] = self._clock.monotonic()
            self._repository.learn(pipeline)
        elif known.intent is not None and self._repository.lists(pipeline_id):
            self._repository.learn(replace(known, intent=None))

    async def _asked(self, pipeline_id: PipelineId) -> Pipeline | None:
        ours = self._budget.try_take(Route.PIPELINE)  # counts as polling, so that people's commands do not delay it
        if not ours and not await self._budget.take(Route.PIPELINE, PATIENCE_SECONDS):
            return None
        try:
            return await self._api.pipeline(pipeline_id)
        except ApiError as exc:
            self._budget.obey(Route.PIPELINE, exc)
            log.info("intent_unknown", pipeline=pipeline_id, problem=str(exc))
            return None
