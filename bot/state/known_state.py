"""Copies of what one process knows, for the recovery of a store that lost writes."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.catalogue import Pipeline
from bot.domain.note import Note
from bot.domain.observation import PipelineId
from bot.domain.plan import Record
from bot.domain.setup import SetupRow
from bot.domain.watch import Watch


@dataclass(frozen=True, slots=True)
class KnownState:
    """A snapshot of one process's memory, to restore a store that lost writes."""

    watches: tuple[Watch, ...]
    notes: tuple[Note, ...]
    setup: tuple[SetupRow, ...]
    records: Mapping[PipelineId, Record]
    catalogue: Mapping[PipelineId, Pipeline]


@dataclass(frozen=True, slots=True)
class LostRows:
    """The watches, notes and settings that the store lost. Only people restore them: someone may have removed them."""

    watches: tuple[Watch, ...]
    notes: tuple[Note, ...]
    setup: tuple[SetupRow, ...]

    def __bool__(self) -> bool:
        return bool(self.watches or self.notes or self.setup)
