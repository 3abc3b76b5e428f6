"""Which pipelines each pattern covers, and which watches cover a pipeline. Pure.

A workspace may have thousands of patterns and pipelines. Each pattern meets all pipelines once, and later only the
changed ones: a command or a listing costs a few milliseconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property

from bot.domain.catalogue import PROJECT_PREFIX, Pipeline, comparable, fitting, matches
from bot.domain.observation import PipelineId
from bot.domain.watch import ChannelId, Watch


class Coverage:
    """The pipelines of one catalogue that each pattern covers. `updated` derives the next catalogue's coverage."""

    def __init__(self, pipelines: Iterable[Pipeline] = ()) -> None:
        self._pipelines = {pipeline.id: pipeline for pipeline in pipelines}
        self._ids: dict[str, frozenset[PipelineId]] = {}
        self._before: Mapping[str, frozenset[PipelineId]] = {}
        self._changed: AbstractSet[PipelineId] = frozenset()
        self._new = _Texts(())

    def updated(self, pipelines: Iterable[Pipeline]) -> "Coverage":
        """The coverage of the next catalogue; the same object if no pipeline, name or project changed."""
        now = {pipeline.id: pipeline for pipeline in pipelines}
        new = [pipeline for pipeline in now.values() if not self._has(pipeline)]
        changed = {pipeline.id for pipeline in new} | (self._pipelines.keys() - now.keys())
        if not changed:
            return self
        coverage = Coverage(now.values())
        coverage._before, coverage._changed, coverage._new = self._ids, changed, _Texts(new)
        return coverage

    def ids(self, pattern: str) -> frozenset[PipelineId]:
        """The pipelines that a pattern covers."""
        wanted = comparable(pattern)
        if wanted not in self._ids:
            before = self._before.get(wanted)
            if before is None:
                self._ids[wanted] = self._texts.fitting(wanted)
            else:
                self._ids[wanted] = before - self._changed | self._new.fitting(wanted)
        return self._ids[wanted]

    def ids_of_any(self, patterns: Iterable[str]) -> frozenset[PipelineId]:
        """The pipelines that any of the patterns covers."""
        found: set[PipelineId] = set()
        for pattern in patterns:
            found |= self.ids(pattern)
            if len(found) == len(self._pipelines):
                break
        return frozenset(found)

    def covering(self, patterns: Iterable[str], pipeline: Pipeline) -> list[str]:
        """The patterns, in the form of `comparable`, that cover a pipeline.

        The catalogue may lack the pipeline, or hold it under another name.
        """
        if not self._has(pipeline):
            return [pattern for pattern in patterns if matches(pattern, pipeline)]
        return [
            pattern
            for pattern in patterns
            if pipeline.id in (self._ids[pattern] if pattern in self._ids else self.ids(pattern))
        ]

    def _has(self, pipeline: Pipeline) -> bool:
        """True if the catalogue has the pipeline under this name and project."""
        known = self._pipelines.get(pipeline.id)
        return known is not None and (known.name, known.project) == (pipeline.name, pipeline.project)

    @cached_property
    def _texts(self) -> "_Texts":
        return _Texts(self._pipelines.values())


class _Texts:
    """The texts that patterns match."""

    def __init__(self, pipelines: Iterable[Pipeline]) -> None:
        pipelines = tuple(pipelines)
        self._names = [
            (comparable(text), pipeline.id) for pipeline in pipelines for text in (pipeline.name, pipeline.id)
        ]
        self._projects = [(comparable(pipeline.project), pipeline.id) for pipeline in pipelines]

    def fitting(self, wanted: str) -> frozenset[PipelineId]:
        of_project = wanted.startswith(PROJECT_PREFIX)
        texts = self._projects if of_project else self._names
        fits = fitting(wanted.removeprefix(PROJECT_PREFIX) if of_project else wanted)
        return frozenset(pipeline_id for text, pipeline_id in texts if fits(text))


class Watchers:
    """Finds the watches that cover a pipeline. `patterns` are in the form of `comparable`, each once."""

    def __init__(self, watches: Sequence[Watch] = ()) -> None:
        self._watches = watches
        self._by_id: dict[str, list[int]] = {}
        self._by_pattern: dict[str, list[int]] = {}
        for position, watch in enumerate(watches):
            if watch.pattern:
                self._by_pattern.setdefault(comparable(watch.reference), []).append(position)
            else:
                self._by_id.setdefault(watch.reference, []).append(position)
        self.patterns = tuple(self._by_pattern)

    @cached_property
    def channels_with_patterns(self) -> frozenset[ChannelId]:
        return frozenset(
            self._watches[position].channel for positions in self._by_pattern.values() for position in positions
        )

    def ids(self, coverage: Coverage) -> frozenset[PipelineId]:
        """The watched pipelines."""
        return frozenset(map(PipelineId, self._by_id)) | coverage.ids_of_any(self.patterns)

    def watches_of(self, pipeline: Pipeline, coverage: Coverage) -> tuple[Watch, ...]:
        """The watches that cover a pipeline, in their given order."""
        positions = list(self._by_id.get(pipeline.id, ()))
        for pattern in coverage.covering(self._by_pattern, pipeline):
            positions += self._by_pattern[pattern]
        return tuple(self._watches[position] for position in sorted(positions))
