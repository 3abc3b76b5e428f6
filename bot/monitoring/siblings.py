"""Pipelines that are likely to fail together: they write to one destination, or belong to one project. Pure."""

from collections.abc import Sequence
from itertools import islice

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId

QUIET_SECONDS = 5.0  # one failure brings the others of its group forward; so soon after, another one need not


class Siblings:
    """An index of the pipelines that share a destination or a project."""

    def __init__(self, pipelines: Sequence[Pipeline] = ()) -> None:
        self._groups: dict[tuple[str, str], list[PipelineId]] = {}
        self._at: dict[tuple[str, str], float] = {}
        self._others = iter(pipelines)
        """Not in the index yet: 100,000 at once would hold up the event loop for 0.2 s."""
        self.are_complete = not pipelines

    def add_some(self, most: int) -> None:
        """Adds so many pipelines to the index."""
        added = 0
        for added, pipeline in enumerate(islice(self._others, most), start=1):  # noqa: B007
            for group in _groups(pipeline):
                self._groups.setdefault(group, []).append(pipeline.id)
        self.are_complete = added < most

    def of_failed(self, pipeline: Pipeline, now: float) -> list[PipelineId]:
        """The pipelines to read next, after this one failed. None of a group that a failure has just brought forward.

        `now` is in monotonic seconds.
        """
        found: dict[PipelineId, None] = {}
        for group in _groups(pipeline):
            if now - self._at.get(group, float("-inf")) >= QUIET_SECONDS:
                self._at[group] = now
                found |= dict.fromkeys(self._groups.get(group, ()))
        found.pop(pipeline.id, None)
        return list(found)


def _groups(pipeline: Pipeline) -> list[tuple[str, str]]:
    named = [("destination", pipeline.destination), ("project", pipeline.project)]
    return [(kind, name) for kind, name in named if name]
