"""The measurements of the last hour, and the pace learned from all of them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.domain.chains import Chain
from bot.domain.measurement import Measurement
from bot.domain.observation import PipelineId
from bot.domain.usual_pace import UsualPace


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredPipeline:
    """The stored row of one pipeline. A new field needs a default."""

    pace: UsualPace
    recent: tuple[Measurement, ...]
    """Of about the last hour, oldest first."""


class MeasurementStore(Protocol):
    """Losing all of this costs eight days of learning, and no message. So no lease guards it: the latest write wins."""

    async def measured(
        self, pipeline_ids: Collection[PipelineId] | None = None
    ) -> Mapping[PipelineId, MeasuredPipeline]:
        """Of these pipelines, or all. Leaves out unreadable rows: the next measurement replaces them."""
        ...

    async def chains(self) -> tuple[Chain, ...]:
        """As last saved."""
        ...

    async def save_measured(
        self,
        measured: Mapping[PipelineId, MeasuredPipeline],
        chains: Collection[Chain] | None = None,
        forgotten: Iterable[PipelineId] = (),
    ) -> None:
        """One request to the store for all of it. `chains`: replaces the saved ones."""
        ...
