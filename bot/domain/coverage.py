"""Which pipelines each watched pattern covers. Pure.

A new pattern meets the catalogue once, and a changed pipeline meets the few patterns that begin like its name: neither
costs patterns times pipelines.
"""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from itertools import chain

from bot.domain.catalogue import PROJECT_PREFIX, Pipeline, comparable, fitting
from bot.domain.observation import PipelineId


class Coverage:
    """The pipelines of each watched pattern. `matching` finds those of any pattern in the catalogue.

    Patterns are in the form of `comparable`.
    """

    def __init__(self, matching: Callable[[str], set[PipelineId]]) -> None:
        self._matching = matching
        self._ids: dict[str, set[PipelineId]] = {}
        self._of_names = _Patterns()
        self._of_projects = _Patterns()

    def add(self, pattern: str) -> AbstractSet[PipelineId]:
        """Begins to keep a pattern's pipelines up to date, and returns them."""
        if pattern not in self._ids:
            self._ids[pattern] = self._matching(pattern)
            self._group_of(pattern).add(pattern.removeprefix(PROJECT_PREFIX))
        return self._ids[pattern]

    def remove(self, pattern: str) -> AbstractSet[PipelineId]:
        """Forgets a pattern, and returns its pipelines."""
        self._group_of(pattern).remove(pattern.removeprefix(PROJECT_PREFIX))
        return self._ids.pop(pattern)

    def rebuild(self) -> None:
        """Matches every pattern again: the whole catalogue has changed."""
        self._ids = {pattern: self._matching(pattern) for pattern in self._ids}

    def __iter__(self) -> Iterator[str]:
        """The patterns."""
        return iter(self._ids)

    def ids(self, pattern: str) -> AbstractSet[PipelineId]:
        """The pipelines of a pattern."""
        wanted = comparable(pattern)
        return self._ids[wanted] if wanted in self._ids else self._matching(wanted)

    def ids_of_any(self, patterns: Iterable[str]) -> frozenset[PipelineId]:
        """The pipelines that any of the patterns covers."""
        return frozenset(chain.from_iterable(self.ids(pattern) for pattern in patterns))

    def covering(self, pipeline: Pipeline) -> set[str]:
        """The patterns that cover a pipeline, even if the catalogue lacks it."""
        by_text = (self._of_names.fitting(comparable(text)) for text in (pipeline.name, pipeline.id))
        by_project = self._of_projects.fitting(comparable(pipeline.project))
        return {*chain.from_iterable(by_text), *(PROJECT_PREFIX + pattern for pattern in by_project)}

    def replace(self, before: Pipeline | None, after: Pipeline | None) -> None:
        """A pipeline is new, has changed, or is gone."""
        covered_before = self.covering(before) if before else set()
        covered_now = self.covering(after) if after else set()
        if before:
            for pattern in covered_before - covered_now:
                self._ids[pattern].discard(before.id)
        if after:
            for pattern in covered_now:
                self._ids[pattern].add(after.id)

    def _group_of(self, pattern: str) -> "_Patterns":
        return self._of_projects if pattern.startswith(PROJECT_PREFIX) else self._of_names


class _Patterns:
    """Patterns by the text before their first `*`."""

    def __init__(self) -> None:
        self._by_start: dict[str, set[str]] = {}
        self._longest = 0

    def add(self, pattern: str) -> None:
        start = pattern.partition("*")[0]
        self._by_start.setdefault(start, set()).add(pattern)
        self._longest = max(self._longest, len(start))

    def remove(self, pattern: str) -> None:
        start = pattern.partition("*")[0]
        self._by_start[start].remove(pattern)
        if not self._by_start[start]:
            del self._by_start[start]

    def fitting(self, text: str) -> Iterator[str]:
        for length in range(min(len(text), self._longest) + 1):
            for pattern in self._by_start.get(text[:length], ()):
                if fitting(pattern)(text):
                    yield pattern
