"""The names, ids and words of a catalogue, sorted, so that a name is found by a search and not by a walk. Pure.

Each change of a pipeline costs a few searches. An index of 100,000 pipelines takes about 0.4 KB for each.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain
from operator import attrgetter, itemgetter

from bot.domain.catalogue import PROJECT_PREFIX, Pipeline, comparable, fitting, name_words
from bot.domain.observation import PipelineId

LEFT_OVER = 1000  # stale entries, beyond one for each pipeline: more make the bot build the index of words again
_LAST = "\U0010ffff"  # sorts after every character of a name


class _SortedTexts:
    """Texts in order, each with its pipeline. Equal texts are in the order of the ids.

    `pairs` are in the order of the ids.
    """

    def __init__(self, pairs: Iterable[tuple[str, PipelineId]]) -> None:
        in_order = sorted(pairs, key=itemgetter(0))  # comparing texts takes half as long as comparing pairs
        self.texts = [text for text, _ in in_order]
        self.ids = [pipeline_id for _, pipeline_id in in_order]

    def add(self, text: str, pipeline_id: PipelineId) -> None:
        place = self._place(text, pipeline_id)
        self.texts.insert(place, text)
        self.ids.insert(place, pipeline_id)

    def remove(self, text: str, pipeline_id: PipelineId) -> None:
        place = self._place(text, pipeline_id)
        del self.texts[place], self.ids[place]

    def exactly(self, text: str) -> list[PipelineId]:
        return self._between(text, text + "\0")

    def beginning_with(self, text: str) -> list[PipelineId]:
        return self._between(text, text + _LAST)

    def fitting(self, fits: Callable[[str], bool]) -> Iterator[PipelineId]:
        return (pipeline_id for text, pipeline_id in zip(self.texts, self.ids, strict=True) if fits(text))

    def _between(self, first: str, last: str) -> list[PipelineId]:
        return self.ids[bisect_left(self.texts, first) : bisect_left(self.texts, last)]

    def _place(self, text: str, pipeline_id: PipelineId) -> int:
        first = bisect_left(self.texts, text)
        return bisect_left(self.ids, pipeline_id, first, bisect_left(self.texts, text + "\0", first))


class NameIndex(Mapping[PipelineId, Pipeline]):
    """A catalogue by id, and by everything that people type to mean a pipeline."""

    def __init__(self, pipelines: Iterable[Pipeline] = ()) -> None:
        self._pipelines = {pipeline.id: pipeline for pipeline in pipelines}
        known = sorted(self._pipelines.values(), key=attrgetter("id"))
        self._names = _SortedTexts((_shared(pipeline.name), pipeline.id) for pipeline in known)
        self._ids = _SortedTexts((_shared(pipeline.id), pipeline.id) for pipeline in known)
        self._lengths: Counter[int] = Counter(len(pipeline.name.split()) for pipeline in known)
        """How many names have so many words."""
        self._by_word: dict[str, PipelineId | list[PipelineId]] = {}
        """Most words are numbers or the like, in one name only: a list for each would take 80 bytes. The lists keep the
        pipelines that were renamed or removed since the index was built: taking one out would cost a walk."""
        self.left_over = 0
        """How many pipelines lists may hold although their names lack the word, or hold twice."""
        self._index_words()

    def __getitem__(self, pipeline_id: PipelineId) -> Pipeline:
        return self._pipelines[pipeline_id]

    def known(self, pipeline_id: PipelineId) -> Pipeline | None:
        """Like `get`, at half the cost: every read asks."""
        return self._pipelines.get(pipeline_id)

    def __iter__(self) -> Iterator[PipelineId]:
        return iter(self._pipelines)

    def __len__(self) -> int:
        return len(self._pipelines)

    def __contains__(self, pipeline_id: object) -> bool:
        return pipeline_id in self._pipelines

    def put(self, pipeline: Pipeline) -> None:
        """Adds a pipeline, or replaces it."""
        before = self._pipelines.get(pipeline.id)
        if before is None or before.name != pipeline.name:
            self.remove(pipeline.id)
            self._names.add(_shared(pipeline.name), pipeline.id)
            self._ids.add(_shared(pipeline.id), pipeline.id)
            self._lengths[len(pipeline.name.split())] += 1
            self._add_words(pipeline)
        self._pipelines[pipeline.id] = pipeline

    def remove(self, pipeline_id: PipelineId) -> None:
        """Does nothing for an unknown pipeline."""
        pipeline = self._pipelines.pop(pipeline_id, None)
        if pipeline is None:
            return
        self._names.remove(comparable(pipeline.name), pipeline_id)
        self._ids.remove(comparable(pipeline_id), pipeline_id)
        self._remove_words(pipeline)

    # --- answers: texts are in the form of `comparable` ---------------------------------------------------------------

    @property
    def in_order(self) -> Iterable[PipelineId]:
        """All pipelines, by name."""
        return self._names.ids

    @property
    def names(self) -> list[str]:
        """All names, in order. Some may be equal."""
        return self._names.texts

    def with_name(self, text: str) -> list[PipelineId]:
        """Pipelines with exactly this name or id."""
        return self._united(self._names.exactly(text), self._ids.exactly(text))

    def has_name(self, text: str) -> bool:
        """True if a pipeline has exactly this name."""
        return bool(self._names.exactly(text))

    def with_prefix(self, text: str) -> list[PipelineId]:
        """Pipelines whose name or id begins like this."""
        return self._united(self._names.beginning_with(text), self._ids.beginning_with(text))

    def with_words(self, words: str) -> list[PipelineId]:
        """Pipelines whose names contain these words side by side. `words` are in the form of `name_words`."""
        rarest = min((self._with_word(word) for word in words.split()), key=len, default=())
        known = ((pipeline_id, self._pipelines.get(pipeline_id)) for pipeline_id in dict.fromkeys(rarest))
        return [
            pipeline_id
            for pipeline_id, pipeline in known
            if pipeline and f" {words} " in f" {name_words(pipeline.name)} "
        ]

    @property
    def longest(self) -> int:
        """The number of words in the longest name."""
        return max(self._lengths, default=1)

    def matching(self, pattern: str) -> set[PipelineId]:
        """The pipelines that a pattern covers."""
        if pattern.startswith(PROJECT_PREFIX):
            return self._of_project(pattern.removeprefix(PROJECT_PREFIX))
        start, star, rest = pattern.partition("*")
        if star and not rest:
            return {*self._names.beginning_with(start), *self._ids.beginning_with(start)}
        fits = fitting(pattern)
        return set(chain(self._names.fitting(fits), self._ids.fitting(fits)))

    def _of_project(self, pattern: str) -> set[PipelineId]:
        fits = fitting(pattern)
        projects = {project: fits(comparable(project)) for project in {it.project for it in self._pipelines.values()}}
        return {pipeline.id for pipeline in self._pipelines.values() if projects[pipeline.project]}

    def _united(self, by_name: list[PipelineId], by_id: list[PipelineId]) -> list[PipelineId]:
        """In the order of the names."""
        if not by_id:
            return by_name
        if not by_name and len(by_id) == 1:
            return by_id
        return self.sorted({*by_name, *by_id})

    def sorted(self, pipeline_ids: AbstractSet[PipelineId]) -> list[PipelineId]:
        """These pipelines by name, without unknown ones."""
        if len(pipeline_ids) * 8 > len(self):  # then a walk in order costs less than sorting
            return [pipeline_id for pipeline_id in self._names.ids if pipeline_id in pipeline_ids]
        known = (self._pipelines[pipeline_id] for pipeline_id in pipeline_ids if pipeline_id in self._pipelines)
        return [pipeline.id for pipeline in sorted(known, key=order)]

    # --- words -------------------------------------------------------------------------------------------------------

    def _with_word(self, word: str) -> Sequence[PipelineId]:
        """The pipelines with this word, and perhaps some that had it."""
        found = self._by_word.get(word, [])
        return found if isinstance(found, list) else (found,)

    def _index_words(self) -> None:
        self._by_word, self.left_over = {}, 0
        for pipeline in self._pipelines.values():
            self._add_words(pipeline)

    def _add_words(self, pipeline: Pipeline) -> None:
        by_word, pipeline_id = self._by_word, pipeline.id
        for word in name_words(pipeline.name).split():
            found = by_word.get(word)
            if found is None:
                by_word[word] = pipeline_id
            elif isinstance(found, list):
                found.append(pipeline_id)
            elif found is not pipeline_id:
                by_word[word] = [found, pipeline_id]

    def _remove_words(self, pipeline: Pipeline) -> None:
        length = len(pipeline.name.split())
        self._lengths[length] -= 1
        if not self._lengths[length]:
            del self._lengths[length]
        for word in name_words(pipeline.name).split():
            if not isinstance(self._by_word.get(word), list):
                self._by_word.pop(word, None)
        self.left_over += 1
        if self.left_over > len(self._pipelines) + LEFT_OVER:
            self._index_words()


def order(pipeline: Pipeline) -> tuple[str, PipelineId]:
    """Sorts pipelines by name."""
    return comparable(pipeline.name), pipeline.id


def _shared(text: str) -> str:
    """The form of `comparable`: most names have it already, and then share the memory of the name."""
    form = comparable(text)
    return text if form == text else form
