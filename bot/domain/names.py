"""How the names that people type refer to pipelines. Pure."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from bot.domain.catalogue import Pipeline, comparable, is_pattern, name_words
from bot.domain.name_index import NameIndex, order
from bot.domain.observation import PipelineId

NEAREST = 3
ALIKE = 50.0  # percent of two names that must be equal, letter by letter
DOUBLES = 16  # equal names that may hide a suggestion


@dataclass(frozen=True, slots=True)
class ResolvedReference:
    """A name means one pipeline. A pattern may mean many, or none."""

    pipelines: tuple[Pipeline, ...]


@dataclass(frozen=True, slots=True)
class AmbiguousReference:
    """A name means several pipelines, so the person must choose."""

    reference: str
    candidates: tuple[Pipeline, ...]


@dataclass(frozen=True, slots=True)
class UnknownReference:
    """A name means no pipeline. `nearest`: pipelines with similar names."""

    reference: str
    nearest: tuple[Pipeline, ...]


Resolution = ResolvedReference | AmbiguousReference | UnknownReference


class Names:
    """The names that people may use in one channel: those of the catalogue, and of pipelines that only it knows."""

    def __init__(
        self,
        catalogue: NameIndex | Iterable[Pipeline],
        former: Mapping[PipelineId, str] | None = None,
        others: Iterable[Pipeline] = (),
    ) -> None:
        """`former`: the name of each pipeline when someone began to watch it. `others`: pipelines beside the
        catalogue's."""
        self._former = former or {}
        self._catalogue = catalogue if isinstance(catalogue, NameIndex) else NameIndex(catalogue)
        self._indexes = (self._catalogue, NameIndex(others))
        self._resolutions: dict[str, Resolution] = {}

    def __bool__(self) -> bool:
        """False if there is no pipeline at all."""
        return any(map(len, self._indexes))

    def resolution(self, reference: str) -> "Resolution":
        """Resolves a reference among these names, and remembers the result."""
        if reference not in self._resolutions:
            self._resolutions[reference] = _resolution(reference, self)
        return self._resolutions[reference]

    def any_name(self, fits: Callable[[str], bool]) -> bool:
        """True if a name fits. Names are in the form of `comparable`, as the texts below."""
        return any(map(fits, self._names))

    def with_name(self, wanted: str) -> tuple[Pipeline, ...]:
        """Pipelines with exactly this name or id."""
        return self._united(lambda index: index.with_name(wanted))

    def with_former_name(self, wanted: str) -> tuple[Pipeline, ...]:
        """Pipelines that had this name when someone began to watch them, and have another one now."""
        had = [self._pipeline(pipeline_id) for pipeline_id in self._by_former_name.get(wanted, ())]
        return tuple(sorted((it for it in had if it and comparable(it.name) != wanted), key=order))

    def with_words(self, words: str) -> tuple[Pipeline, ...]:
        """Pipelines whose names consist of these words; if none, those whose names contain the words side by side."""
        holding = self._united(lambda index: index.with_words(words)) if words else ()
        whole = tuple(pipeline for pipeline in holding if name_words(pipeline.name) == words)
        return tuple(sorted(whole or holding, key=order))

    @property
    def longest(self) -> int:
        """The number of words in the longest name."""
        return max(index.longest for index in self._indexes)

    def with_prefix(self, wanted: str) -> tuple[Pipeline, ...]:
        """Pipelines whose name or id begins like this."""
        return self._united(lambda index: index.with_prefix(wanted))

    def matching(self, pattern: str) -> tuple[Pipeline, ...]:
        """The pipelines that a pattern covers."""
        return self._united(lambda index: index.sorted(index.matching(comparable(pattern))))

    def nearest(self, wanted: str) -> tuple[Pipeline, ...]:
        """At most `NEAREST`: similar spellings first, then names that contain the word."""
        from rapidfuzz import fuzz, process  # noqa: PLC0415 (takes 3 MB, and only mistyped names need it)

        alike = chain.from_iterable(
            process.extract(wanted, index.names, scorer=fuzz.ratio, limit=NEAREST + DOUBLES, score_cutoff=ALIKE)
            for index in self._indexes
        )
        spelled = [name for name, _, _ in sorted(alike, key=lambda found: (-found[1], found[0]))]
        containing = (name for name in self._names if len(wanted) > 1 and wanted in name)
        found: dict[str, Pipeline] = {}
        for name in chain(spelled, containing):
            found.setdefault(name, self.with_name(name)[-1])
            if len(found) == NEAREST:
                break
        return tuple(found.values())

    @property
    def _names(self) -> Iterator[str]:
        return chain.from_iterable(index.names for index in self._indexes)

    @cached_property
    def _by_former_name(self) -> dict[str, list[PipelineId]]:
        by_name: dict[str, list[PipelineId]] = {}
        for pipeline_id, name in self._former.items():
            by_name.setdefault(comparable(name), []).append(pipeline_id)
        return by_name

    def _pipeline(self, pipeline_id: PipelineId) -> Pipeline | None:
        return next((index[pipeline_id] for index in self._indexes if pipeline_id in index), None)

    def _united(self, look_up: Callable[[NameIndex], Collection[PipelineId]]) -> tuple[Pipeline, ...]:
        """In the order of the names."""
        found = [tuple(index[pipeline_id] for pipeline_id in look_up(index)) for index in self._indexes]
        return found[0] or found[1] if not all(found) else tuple(sorted(chain(*found), key=order))


def resolve(reference: str, catalogue: Iterable[Pipeline] | Names, *, suggest: bool = True) -> Resolution:
    """The pipelines that a pattern covers. Other references use the first rule that fits: an id or name in any case;
    the name when someone began to watch; a prefix of id or name; the words of a name, or some of them.

    Without `suggest`, an unknown reference gets no nearest names, because finding them is the slowest step.
    """
    names = catalogue if isinstance(catalogue, Names) else Names(catalogue)
    found = names.resolution(reference)
    if isinstance(found, UnknownReference) and suggest:
        return UnknownReference(reference, names.nearest(comparable(reference)))
    return found


def _resolution(reference: str, names: Names) -> Resolution:
    if is_pattern(reference):
        return ResolvedReference(names.matching(reference))
    wanted = comparable(reference)
    for look_up in (names.with_name, names.with_former_name, names.with_prefix):
        if hits := look_up(wanted):
            return ResolvedReference(hits) if len(hits) == 1 else AmbiguousReference(reference, hits)
    if hits := names.with_words(name_words(reference)):
        return ResolvedReference(hits) if len(hits) == 1 else AmbiguousReference(reference, hits)
    return UnknownReference(reference, ())
