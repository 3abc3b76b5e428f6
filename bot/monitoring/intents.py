"""Reads a pipeline object again if the listing's intent contradicts a newer phase."""

from dataclasses import replace

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.domain.phase import AT_REST, Intent, Phase, drifts
from bot.monitoring.budget import Budget, Route
from bot.monitoring.safe_api import SafeApi
from bot.ports.clock import Clock
from bot.ports.pipeline_api import ApiError, PipelineApi
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import IntentUnknown
from bot.state.repository import Repository

PATIENCE_SECONDS = 2.0  # a reading waits no longer than this for its intent
KEPT_SECONDS = 10.0  # for a person's question: the intent may have changed since


class Intents:
    """Reads an intent if it decides what a phase means, because listings come only every few minutes."""

    def __init__(self, *, api: PipelineApi, repository: Repository, budget: Budget, clock: Clock) -> None:
        self._api = SafeApi(api)
        self._repository = repository
        self._budget = budget
        self._clock = clock
        self._read_at: dict[PipelineId, float] = {}
        """Holds no pipeline whose intent is older than its phase."""

    def explains(self, pipeline_id: PipelineId, phase: Phase, intent: Intent | None) -> bool:
        """True if a steady reading needs no read of the intent."""
        if phase is Phase.RUNNING and (intent is Intent.RUNNING or intent is None):
            return True  # the usual case, without hashing phases
        return pipeline_id in self._read_at or not (phase in AT_REST or drifts(intent, phase))

    async def check(self, pipeline_id: PipelineId, phase: Phase) -> None:
        """Runs with every reading. After a change of phase it reads the intent, if that explains or contradicts the
        phase."""
        if phase != self._repository.record(pipeline_id).state.phase:
            self._read_at.pop(pipeline_id, None)
        intent = self._repository.pipeline(pipeline_id).intent
        if not self.explains(pipeline_id, phase, intent):
            await self._refresh(pipeline_id)

    async def confirm(self, pipeline_id: PipelineId) -> None:
        """Drops a contradiction that no longer holds, before a person sees it."""
        age = self._clock.monotonic() - self._read_at.get(pipeline_id, float("-inf"))
        phase = self._repository.record(pipeline_id).state.phase
        if age > KEPT_SECONDS and drifts(self._repository.pipeline(pipeline_id).intent, phase):
            await self._refresh(pipeline_id)

    async def read_now(self, pipeline_id: PipelineId) -> bool:
        """Reads the intent for an alert, unless it was just read: an old one must cause none. False: it can't."""
        if self._clock.monotonic() - self._read_at.get(pipeline_id, float("-inf")) <= KEPT_SECONDS:
            return True
        if not self._budget.try_take_spare(Route.PIPELINE):
            return False
        pipeline = await self._ask(pipeline_id)
        if pipeline is not None:
            self._read_at[pipeline_id] = self._clock.monotonic()
            self._repository.learn(pipeline)
        return pipeline is not None

    def forget(self, pipeline_id: PipelineId) -> None:
        self._read_at.pop(pipeline_id, None)

    async def _refresh(self, pipeline_id: PipelineId) -> None:
        """If the read fails, the intent is unknown: an intent older than the phase contradicts nothing."""
        known = self._repository.pipeline(pipeline_id)
        if (pipeline := await self._read(pipeline_id)) is not None:
            self._read_at[pipeline_id] = self._clock.monotonic()
            self._repository.learn(pipeline)
        elif known.intent is not None and self._repository.lists(pipeline_id):
            self._repository.learn(replace(known, intent=None))

    async def _read(self, pipeline_id: PipelineId) -> Pipeline | None:
        taken = self._budget.try_take(Route.PIPELINE)  # counts as polling, so that people's commands do not delay it
        if not taken and not await self._budget.take(Route.PIPELINE, PATIENCE_SECONDS):
            return None
        return await self._ask(pipeline_id)

    async def _ask(self, pipeline_id: PipelineId) -> Pipeline | None:
        try:
            return await self._api.pipeline(pipeline_id)
        except ApiError as exc:
            self._budget.obey(Route.PIPELINE, exc)
            emit(IntentUnknown(pipeline=pipeline_id, problem=str(exc)))
            return None
