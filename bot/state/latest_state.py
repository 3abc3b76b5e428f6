"""The newest state of a pipeline that this process knows, recorded or not."""

from collections.abc import Mapping

from bot.domain.observation import PipelineId
from bot.domain.transition import PipelineState
from bot.state.known_pipelines import KnownPipelines


def latest_state(
    known: KnownPipelines, unrecorded: Mapping[PipelineId, PipelineState], pipeline_id: PipelineId
) -> PipelineState:
    """`unrecorded`: states after readings that have no record, or are newer than the record."""
    recorded, other = known.record(pipeline_id).state, unrecorded.get(pipeline_id)
    watched = known.follows(pipeline_id)
    return other if other and (not watched or _is_newer(other, recorded)) else recorded


def _is_newer(state: PipelineState, other: PipelineState) -> bool:
    if state.observation is None or other.observation is None:
        return other.observation is None
    return state.observation.observed_at > other.observation.observed_at
