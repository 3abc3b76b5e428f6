"""The pipelines a ServiceKey can see, and which of them a person means."""

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from bot.domain.observation import PipelineId
from bot.domain.phase import Intent

PROJECT_PREFIX = "project:"
NEAREST = 3
# Soft hyphens, joiners, marks and turns of direction: names that are pasted bring them along.
_UNSEEN = re.compile(r"[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+")
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A pipeline as the API lists it. `intent` is what the user wants, never the phase."""

    id: PipelineId
    name: str
    project: str = ""
    intent: Intent | None = None
    bounded: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    pipelines: tuple[Pipeline, ...]


@dataclass(frozen=True, slots=True)
class Ambiguous:
    reference: str
    candidates: tuple[Pipeline, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    reference: str
    nearest: tuple[Pipeline, ...]


Resolution = Found | Ambiguous | Unknown


def visible(text: str) -> str:
    """Without what cannot be seen, and with nothing but single plain blanks."""
    return _BLANKS.sub(" ", _UNSEEN.sub("", text))


@lru_cache(maxsize=4096)
def looks(text: str) -> str:
    """The same for all that look the same to people, in whatever case. By this names are compared."""
    return unicodedata.normalize("NFC", visible(text)).lower()


def is_pattern(reference: str) -> bool:
    """Whether a reference may grow: `orders-*`, `project:NAME`. Everything else means one pipeline."""
    return "*" in reference or reference.lower().startswith(PROJECT_PREFIX)


def matches(pattern: str, pipeline: Pipeline) -> bool:
    """Whether a stored reference (a pattern, or an id) takes in this pipeline."""
    wanted = looks(pattern)
    if wanted.startswith(PROJECT_PREFIX):
        return fnmatchcase(looks(pipeline.project), _glob(wanted.removeprefix(PROJECT_PREFIX)))
    if is_pattern(pattern):
        return fnmatchcase(looks(pipeline.name), _glob(wanted)) or fnmatchcase(looks(pipeline.id), _glob(wanted))
    return pattern == pipeline.id


def _glob(text: str) -> str:
    """Only `*` is special to people; a name may hold `[` and `?`."""
    return text.replace("[", "[[]").replace("?", "[?]")


def resolve(reference: str, catalogue: Iterable[Pipeline]) -> Resolution:
    """Whom a person means by an id, a name in any case, an unambiguous beginning of either, or a pattern."""
    pipelines = sorted(catalogue, key=lambda pipeline: (looks(pipeline.name), pipeline.id))
    if is_pattern(reference):
        return Found(tuple(pipeline for pipeline in pipelines if matches(reference, pipeline)))
    wanted = looks(reference)
    for fits in (_is_exactly, _begins):
        hits = tuple(pipeline for pipeline in pipelines if fits(wanted, pipeline))
        if len(hits) == 1:
            return Found(hits)
        if hits:
            return Ambiguous(reference, hits)
    return Unknown(reference, _nearest(wanted, pipelines))


def _is_exactly(wanted: str, pipeline: Pipeline) -> bool:
    return wanted in {looks(pipeline.id), looks(pipeline.name)}


def _begins(wanted: str, pipeline: Pipeline) -> bool:
    return looks(pipeline.id).startswith(wanted) or looks(pipeline.name).startswith(wanted)


def _nearest(wanted: str, pipelines: list[Pipeline]) -> tuple[Pipeline, ...]:
    by_name = {looks(pipeline.name): pipeline for pipeline in pipelines}
    close = difflib.get_close_matches(wanted, by_name, n=NEAREST, cutoff=0.5)
    inside = [name for name in by_name if wanted in name and name not in close]
    return tuple(by_name[name] for name in [*close, *inside][:NEAREST])
