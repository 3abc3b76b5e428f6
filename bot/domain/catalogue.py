"""The pipelines that a ServiceKey can see, and how the names that people type refer to them. Pure."""

import difflib
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from heapq import nlargest
from itertools import pairwise

from bot.domain.observation import PipelineId
from bot.domain.phase import Intent

PROJECT_PREFIX = "project:"
NEAREST = 3
COMPARED = 64  # names that difflib compares, and characters of each: its cost grows with both
CACHED = 32_768  # names, ids and patterns of a large workspace
# Soft hyphens, joiners, marks and changes of direction, which pasted names contain.
_UNSEEN = re.compile(r"[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+")
_BLANKS = re.compile(r"\s+")
_ALIKE = str.maketrans(dict.fromkeys("‘’‛ʼ´`", "'") | dict.fromkeys("‐‑‒–—−", "-"))  # substitutions that keyboards make
_SHORTCODE = re.compile(r":[\w+'-]+:")  # an emoji, as Slack writes it
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A pipeline as the API lists it."""

    id: PipelineId
    name: str
    project: str = ""
    intent: Intent | None = None
    """Its owner's wish, never the phase. None: unknown."""
    bounded: bool = False
    """It ends by itself when its input ends (`execution_mode`)."""
    destination: str = ""
    """The same for all pipelines that write to one destination: a hash. Empty: unknown."""


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


def visible(text: str) -> str:
    """The text without invisible characters, with single plain blanks."""
    return _BLANKS.sub(" ", _UNSEEN.sub("", text))


@lru_cache(maxsize=CACHED)
def comparable(text: str) -> str:
    """The form for comparing names: equal for texts that look alike to people, in any case."""
    return unicodedata.normalize("NFC", visible(text)).lower().translate(_ALIKE)


@lru_cache(maxsize=CACHED)
def name_words(text: str) -> str:
    """The words of a name, without emoji and punctuation."""
    shown = comparable(text)
    return " ".join(_WORD.findall(_SHORTCODE.sub(" ", shown)) or _WORD.findall(shown))


@lru_cache(maxsize=CACHED)
def is_pattern(reference: str) -> bool:
    """True if a reference may match many pipelines: `orders-*`, `project:NAME`. Others mean one pipeline."""
    return "*" in reference or reference.lower().startswith(PROJECT_PREFIX)


def matches(pattern: str, pipeline: Pipeline) -> bool:
    """True if a stored reference (a pattern, or an id) covers this pipeline."""
    if not is_pattern(pattern):
        return pattern == pipeline.id
    wanted = comparable(pattern)
    if wanted.startswith(PROJECT_PREFIX):
        return _fits(wanted.removeprefix(PROJECT_PREFIX), comparable(pipeline.project))
    return _fits(wanted, comparable(pipeline.name)) or _fits(wanted, comparable(pipeline.id))


def _fits(pattern: str, text: str) -> bool:
    return fitting(pattern)(text)


@lru_cache(maxsize=CACHED)
def fitting(pattern: str) -> Callable[[str], bool]:
    """A test for texts. Only `*` is special.

    fnmatch compiles each pattern, which costs more than matching hundreds of texts.
    """
    first, *rest = pattern.split("*")
    if not rest:
        return lambda text: text == first
    *middle, last = rest
    shortest = len(first) + len(last)

    def fits(text: str) -> bool:
        if not text.startswith(first) or not text.endswith(last) or len(text) < shortest:
            return False
        start, end = len(first), len(text) - len(last)
        for part in middle:
            found = text.find(part, start, end)
            if found < 0:
                return False
            start = found + len(part)
        return True

    return fits


class Names:
    """Names and ids, sorted once: each word of a command then costs a search, not a pass over all pipelines."""

    def __init__(self, catalogue: Iterable[Pipeline], former: Mapping[PipelineId, str] | None = None) -> None:
        """`former`: the name of each pipeline when someone began to watch it."""
        self._former = former or {}
        self.pipelines = tuple(sorted(catalogue, key=lambda pipeline: (comparable(pipeline.name), pipeline.id)))
        self._texts = sorted(
            (comparable(text), position)
            for position, pipeline in enumerate(self.pipelines)
            for text in (pipeline.name, pipeline.id)
        )
        self._resolutions: dict[str, Resolution] = {}

    def resolution(self, reference: str) -> "Resolution":
        """Resolves a reference among these names, and remembers the result."""
        if reference not in self._resolutions:
            self._resolutions[reference] = _resolution(reference, self)
        return self._resolutions[reference]

    def with_name(self, wanted: str) -> tuple[Pipeline, ...]:
        """Pipelines with exactly this name or id. `wanted` is in the form of `comparable`, as in the next methods."""
        return self._at(position for text, position in self._from(wanted) if text == wanted)

    def with_former_name(self, wanted: str) -> tuple[Pipeline, ...]:
        """Pipelines that had this name when someone began to watch them, and have another one now."""
        return tuple(
            pipeline
            for pipeline in self.pipelines
            if pipeline.id in self._former
            and comparable(self._former[pipeline.id]) == wanted != comparable(pipeline.name)
        )

    def with_words(self, words: str) -> tuple[Pipeline, ...]:
        """Pipelines whose names consist of these words; if none, those whose names contain the words side by side."""
        if not words:
            return ()
        rarest = min((self._by_word.get(word, ()) for word in words.split()), key=len)
        holding = [position for position in rarest if f" {words} " in f" {name_words(self.pipelines[position].name)} "]
        whole = [position for position in holding if name_words(self.pipelines[position].name) == words]
        return self._at(whole or holding)

    @cached_property
    def longest(self) -> int:
        """The number of words in the longest name."""
        return max((len(pipeline.name.split()) for pipeline in self.pipelines), default=1)

    @cached_property
    def _by_word(self) -> dict[str, tuple[int, ...]]:
        by_word: dict[str, list[int]] = {}
        for position, pipeline in enumerate(self.pipelines):
            for word in set(name_words(pipeline.name).split()):
                by_word.setdefault(word, []).append(position)
        return {word: tuple(positions) for word, positions in by_word.items()}

    def with_prefix(self, wanted: str) -> tuple[Pipeline, ...]:
        """Pipelines whose name or id begins like this."""
        return self._at(position for _, position in self._from(wanted))

    def nearest(self, wanted: str) -> tuple[Pipeline, ...]:
        """At most `NEAREST`: similar spellings first, then names that contain the word."""
        likely = nlargest(COMPARED, self._by_name, key=lambda name: _similarity(wanted, name))
        by_start = {name[:COMPARED]: name for name in reversed(likely)}
        similar = difflib.get_close_matches(wanted[:COMPARED], by_start, n=NEAREST, cutoff=0.5)
        spelled = [by_start[start] for start in similar]
        containing = [name for name in self._by_name if len(wanted) > 1 and wanted in name and name not in spelled]
        return tuple(self._by_name[name] for name in [*spelled, *containing][:NEAREST])

    def _from(self, wanted: str) -> Iterator[tuple[str, int]]:
        """The texts with this prefix, in order; an exact match comes first."""
        for position in range(bisect_left(self._texts, (wanted,)), len(self._texts)):
            if not self._texts[position][0].startswith(wanted):
                return
            yield self._texts[position]

    def _at(self, positions: Iterable[int]) -> tuple[Pipeline, ...]:
        return tuple(self.pipelines[position] for position in sorted(set(positions)))

    @cached_property
    def _by_name(self) -> dict[str, Pipeline]:
        return {comparable(pipeline.name): pipeline for pipeline in self.pipelines}


def _similarity(name: str, other: str) -> float:
    """The share of neighbouring letters that two words have in common (Dice). Much cheaper than difflib."""
    pairs, other_pairs = _pairs(name), _pairs(other)
    return len(pairs & other_pairs) / (len(pairs) + len(other_pairs))


@lru_cache(maxsize=CACHED)
def _pairs(text: str) -> frozenset[tuple[str, str]]:
    return frozenset(pairwise(f" {text[:COMPARED]} "))


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
        return ResolvedReference(tuple(pipeline for pipeline in names.pipelines if matches(reference, pipeline)))
    wanted = comparable(reference)
    for look_up in (names.with_name, names.with_former_name, names.with_prefix):
        if hits := look_up(wanted):
            return ResolvedReference(hits) if len(hits) == 1 else AmbiguousReference(reference, hits)
    if hits := names.with_words(name_words(reference)):
        return ResolvedReference(hits) if len(hits) == 1 else AmbiguousReference(reference, hits)
    return UnknownReference(reference, ())
