"""Phase (as the runtime reports it) and intent (the user's wish)."""

from enum import Enum, StrEnum
from typing import Self


class Phase(StrEnum):
    """Runtime phase of a pipeline.

    Source: https://goldrush.dev/docs/api-reference/pipeline-api/get-pipeline-status.md . Values compare in
    any case. A value that the API adds later becomes a new member, stored and shown as received.
    """

    DEPLOYING = "DEPLOYING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    FAILED = "FAILED"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        if value.upper() in cls.__members__:
            return cls[value.upper()]
        newcomer = str.__new__(cls, value)
        newcomer._name_ = newcomer._value_ = value
        return newcomer

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Phase) and self._value_.upper() == other._value_.upper())

    def __ne__(self, other: object) -> bool:
        return not self == other  # str defines its own

    def __hash__(self) -> int:
        return hash(self._value_.upper())

    @property
    def known(self) -> bool:
        return self.value in Phase.__members__


TRANSIENT = frozenset({Phase.DEPLOYING, Phase.STOPPING})
AT_REST = frozenset({Phase.PAUSED, Phase.STOPPED})


class Intent(StrEnum):
    """The pipeline object's own `status`: the user's wish. Never shown as the phase."""

    RUNNING = "running"
    PAUSED = "paused"


class Readiness(Enum):
    """How many of the wanted replicas report ready."""

    READY = "ready"
    SHORT = "short"
    SURPLUS = "surplus"  # more than wanted: the runtime has not settled
    UNREPORTED = "unreported"


def readiness(ready: int | None, replicas: int | None) -> Readiness:
    """GoldRush promises no field of a status reply, so a missing one never counts as ready.

    RUNNING with no replicas wanted counts as short: nothing runs.
    """
    if ready is None or replicas is None:
        return Readiness.UNREPORTED
    if ready > replicas:
        return Readiness.SURPLUS
    return Readiness.READY if 0 < replicas == ready else Readiness.SHORT


def drifts(intent: Intent | None, phase: Phase | None) -> bool:
    """True if the phase contradicts the user's wish."""
    if phase is None or intent is None:
        return False
    rests = phase in AT_REST or phase == Phase.STOPPING
    return rests is (intent is Intent.RUNNING)
