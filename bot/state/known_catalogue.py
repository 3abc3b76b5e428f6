"""The pipelines that one process knows from listings, and those that each watched pattern covers. Pure."""

from collections.abc import Iterable, Mapping

from bot.domain.catalogue import Pipeline, matches
from bot.domain.coverage import Coverage
from bot.domain.name_index import NameIndex
from bot.domain.observation import PipelineId


class KnownCatalogue:
    """The listed pipelines, and some that the last complete listing lacks. A change costs the same in any size."""

    def __init__(self) -> None:
        self.listed = NameIndex()
        self.unlisted: dict[PipelineId, Pipeline] = {}
        """Missing in a complete listing. The bot polls them until their own reads report them gone."""
        self.patterns = Coverage(self._matching)
        self.unsaved: set[PipelineId] = set()
        """Changed or removed here, and not yet in the store."""
        self.bounded: set[PipelineId] = set()
        """Those with an end block."""

    def get(self, pipeline_id: PipelineId) -> Pipeline | None:
        return self.listed.known(pipeline_id) or self.unlisted.get(pipeline_id)

    def __contains__(self, pipeline_id: PipelineId) -> bool:
        return pipeline_id in self.listed or pipeline_id in self.unlisted

    def everything(self) -> dict[PipelineId, Pipeline]:
        return {**self.listed, **self.unlisted}

    def learn(self, pipeline: Pipeline) -> None:
        """Stores a pipeline object that is fresher than the last listing."""
        before = self.get(pipeline.id)
        if pipeline.id in self.unlisted:
            self.unlisted[pipeline.id] = pipeline
        else:
            self.listed.put(pipeline)
        self._note_change(before, pipeline)

    def show(self, pipelines: Iterable[Pipeline]) -> list[PipelineId]:
        """Stores listed pipelines. Returns those that are new, or not as known."""
        changed = [pipeline for pipeline in pipelines if self.listed.get(pipeline.id) != pipeline]
        for pipeline in changed:
            before = self.unlisted.pop(pipeline.id, None) or self.listed.get(pipeline.id)
            self.listed.put(pipeline)
            self._note_change(before, pipeline)
        return [pipeline.id for pipeline in changed]

    def hide(self, pipeline_id: PipelineId) -> None:
        """A complete listing lacks the pipeline, which the bot reads nevertheless."""
        self.unlisted[pipeline_id] = self.listed[pipeline_id]
        self.listed.remove(pipeline_id)

    def remove(self, pipeline_id: PipelineId) -> None:
        """The pipeline is gone, or nobody needs it any more."""
        before = self.get(pipeline_id)
        self.unlisted.pop(pipeline_id, None)
        self.listed.remove(pipeline_id)
        self._note_change(before, None)

    def _note_change(self, before: Pipeline | None, after: Pipeline | None) -> None:
        self.patterns.replace(before, after)
        if before and before.blocks:
            self.bounded.discard(before.id)
        if after and after.blocks:
            self.bounded.add(after.id)
        if before != after:
            self.unsaved.update(pipeline.id for pipeline in (before, after) if pipeline)

    def replace_all(self, pipelines: Mapping[PipelineId, Pipeline]) -> None:
        if pipelines != self.everything() or self.unlisted:
            self.listed, self.unlisted = NameIndex(pipelines.values()), {}
            self.patterns.rebuild()
            self.bounded = {pipeline.id for pipeline in pipelines.values() if pipeline.blocks}
        self.unsaved.clear()

    def _matching(self, pattern: str) -> set[PipelineId]:
        unlisted = (pipeline.id for pipeline in self.unlisted.values() if matches(pattern, pipeline))
        return self.listed.matching(pattern).union(unlisted)
