"""The result of reading one pipeline: an observation, or a failed read."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, NewType

from bot.domain.phase import Intent, Phase, Readiness, readiness

PipelineId = NewType("PipelineId", str)


class ReadSequence(NamedTuple):
    """Orders readings without a clock: the leader's epoch, then the read's number in it."""

    epoch: int
    read: int


NEVER_READ = ReadSequence(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One successful status read."""

    pipeline_id: PipelineId
    sequence: ReadSequence
    observed_at: datetime
    """The time of the answer."""
    phase: Phase
    replicas: int | None = None
    """How many replicas should run."""
    ready: int | None = None
    """How many of them report ready."""
    uid: str | None = None
    """Identifies the running worker: another one means a restart."""
    start_time: datetime | None = None
    intent: Intent | None = None
    """The owner's wish, as last read."""
    bounded: bool = False
    """The pipeline ends by itself when its input ends."""

    @property
    def readiness(self) -> Readiness:
        return readiness(self.ready, self.replicas)

    @property
    def live(self) -> bool:
        """RUNNING, and exactly the wanted replicas (at least one) report ready."""
        return self.phase == Phase.RUNNING and self.readiness is Readiness.READY

    @property
    def degraded(self) -> bool:
        """RUNNING, and fewer replicas than wanted report ready."""
        return self.phase == Phase.RUNNING and self.readiness is Readiness.SHORT

    @property
    def serving(self) -> bool | None:
        """Live or not. None if RUNNING leaves that open: replicas are unreported, or too many are ready."""
        unsettled = self.readiness in {Readiness.UNREPORTED, Readiness.SURPLUS}
        return None if self.phase == Phase.RUNNING and unsettled else self.live


class FailedReadKind(StrEnum):
    """Why a read failed, as far as it matters for the pipeline's state."""

    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRead:
    """A failed read. The phase stays unknown. `reason` is for people."""

    pipeline_id: PipelineId
    sequence: ReadSequence
    at: datetime
    kind: FailedReadKind
    reason: str


Reading = Observation | FailedRead
