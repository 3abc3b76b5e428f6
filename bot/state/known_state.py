"""Copies of what one process knows, for the recovery of a store that lost writes."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.catalogue import Pipeline
from bot.domain.note import Note
from bot.domain.observation import PipelineId
from bot.domain.plan import Record
from bot.domain.watch import Watch


@dataclass(frozen=True, slots=True)
class KnownState:
    """A snapshot of one process's memory, to restore a store that lost writes."""

    watches: tuple[Watch, ...]
    notes: tuple[Note, ...]
    records: Mapping[PipelineId, Record]
    catalogue: Mapping[PipelineId, Pipeline]


@dataclass(frozen=True, slots=True)
class LostWatchesAndNotes:
    """The watches and notes that the store lost. Only people restore them, because someone may have removed them."""

    watches: tuple[Watch, ...]
    notes: tuple[Note, ...]

    def __bool__(self) -> bool:
        return bool(self.watches or self.notes)
