"""One reading of one pipeline: an observation where it succeeded, a miss where it did not."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, NewType

from bot.domain.phase import Intent, Phase, Readiness, readiness

PipelineId = NewType("PipelineId", str)


class ReadSequence(NamedTuple):
    """Orders readings without a clock: which start of the bot, then which read since."""

    epoch: int
    read: int


NEVER_READ = ReadSequence(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One successful status read."""

    pipeline_id: PipelineId
    sequence: ReadSequence
    observed_at: datetime
    phase: Phase
    replicas: int | None = None
    ready: int | None = None
    uid: str | None = None
    start_time: datetime | None = None
    intent: Intent | None = None
    bounded: bool = False

    @property
    def readiness(self) -> Readiness:
        return readiness(self.ready, self.replicas)

    @property
    def live(self) -> bool:
        """RUNNING, and exactly the wanted replicas (at least one) report ready."""
        return self.phase == Phase.RUNNING and self.readiness is Readiness.READY

    @property
    def degraded(self) -> bool:
        return self.phase == Phase.RUNNING and self.readiness is Readiness.SHORT

    @property
    def serving(self) -> bool | None:
        """Whether it is live; None where RUNNING leaves that open: too little is reported, or too many are ready."""
        unsettled = self.readiness in {Readiness.UNREPORTED, Readiness.SURPLUS}
        return None if self.phase == Phase.RUNNING and unsettled else self.live


class FailedReadKind(StrEnum):
    """Why a read gave no observation, cut by what it tells of the pipeline."""

    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRead:
    """A read that failed: says nothing of the phase. `reason` is for people."""

    pipeline_id: PipelineId
    sequence: ReadSequence
    at: datetime
    kind: FailedReadKind
    reason: str


Reading = Observation | FailedRead
