"""The pipelines that are watched, and those of them that the bot polls. Kept up to date, never computed again. Pure."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from bot.domain.observation import PipelineId


class PolledSet:
    """`watched`: a watch covers the pipeline. `polled`: watched or followed for another reason, and not gone."""

    def __init__(self) -> None:
        self._watched: set[PipelineId] = set()
        self._polled: set[PipelineId] = set()
        self.version = 0
        """Changes with every change of `polled`."""

    @property
    def watched(self) -> AbstractSet[PipelineId]:
        return self._watched

    @property
    def polled(self) -> AbstractSet[PipelineId]:
        return self._polled

    def set_watched(self, pipeline_id: PipelineId, *, watched: bool) -> None:
        (self._watched.add if watched else self._watched.discard)(pipeline_id)

    def set_polled(self, pipeline_id: PipelineId, *, polled: bool) -> None:
        if polled != (pipeline_id in self._polled):
            (self._polled.add if polled else self._polled.discard)(pipeline_id)
            self.version += 1

    def watch_all(self, pipeline_ids: AbstractSet[PipelineId], unpolled: Iterable[PipelineId]) -> set[PipelineId]:
        """A watch covers these pipelines, of which some are not polled. Returns the newly watched ones."""
        new = set(pipeline_ids) - self._watched
        self._watched |= new
        polled = new.difference(unpolled, self._polled)
        self._polled |= polled
        self.version += bool(polled)
        return new

    def unwatch_all(self, pipeline_ids: AbstractSet[PipelineId], followed: Iterable[PipelineId]) -> None:
        """No watch covers these pipelines any more."""
        self._watched -= pipeline_ids
        ended = self._polled.intersection(pipeline_ids).difference(followed)
        self._polled -= ended
        self.version += bool(ended)
