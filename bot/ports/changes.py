"""What changed in the store since a process last looked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from bot.domain.observation import PipelineId

T = TypeVar("T")

UNKNOWN_POSITION = ""


@dataclass(frozen=True, slots=True)
class Changes(Generic[T]):
    """The changed pipelines, or their records, after a position in the store's log of them."""

    position: str = field(compare=False)
    """The end of the log: ask for the changes after it next time."""
    changed: Mapping[PipelineId, T] | None
    """None: the log does not reach back so far. The caller reads all rows, after it asked for the position."""
