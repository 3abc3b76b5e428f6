"""The pipelines a ServiceKey can see, and which of them a person means."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bot.domain.observation import PipelineId
from bot.domain.phase import Intent

PROJECT_PREFIX = "project:"
NEAREST = 3


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


def is_pattern(reference: str) -> bool:
    """Whether a reference may grow: `orders-*`, `project:NAME`. Everything else means one pipeline."""
    return "*" in reference or reference.lower().startswith(PROJECT_PREFIX)


def matches(pattern: str, pipeline: Pipeline) -> bool:
    """Whether a stored reference (a pattern, or an id) takes in this pipeline."""
    wanted = pattern.lower()
    if wanted.startswith(PROJECT_PREFIX):
        return fnmatchcase(pipeline.project.lower(), _glob(wanted.removeprefix(PROJECT_PREFIX)))
    if is_pattern(pattern):
        return fnmatchcase(pipeline.name.lower(), _glob(wanted)) or fnmatchcase(pipeline.id.lower(), _glob(wanted))
    return pattern == pipeline.id


def _glob(text: str) -> str:
    """Only `*` is special to people; a name may hold `[` and `?`."""
    return text.replace("[", "[[]").replace("?", "[?]")


def resolve(reference: str, catalogue: Iterable[Pipeline]) -> Resolution:
    """Whom a person means by an id, a name in any case, an unambiguous beginning of either, or a pattern."""
    pipelines = sorted(catalogue, key=lambda pipeline: (pipeline.name.lower(), pipeline.id))
    if is_pattern(reference):
        return Found(tuple(pipeline for pipeline in pipelines if matches(reference, pipeline)))
    wanted = reference.lower()
    for fits in (_is_exactly, _begins):
        hits = tuple(pipeline for pipeline in pipelines if fits(wanted, pipeline))
        if len(hits) == 1:
            return Found(hits)
        if hits:
            return Ambiguous(reference, hits)
    return Unknown(reference, _nearest(wanted, pipelines))


def _is_exactly(wanted: str, pipeline: Pipeline) -> bool:
    return wanted in {pipeline.id.lower(), pipeline.name.lower()}


def _begins(wanted: str, pipeline: Pipeline) -> bool:
    return pipeline.id.lower().startswith(wanted) or pipeline.name.lower().startswith(wanted)


def _nearest(wanted: str, pipelines: list[Pipeline]) -> tuple[Pipeline, ...]:
    by_name = {pipeline.name.lower(): pipeline for pipeline in pipelines}
    close = difflib.get_close_matches(wanted, by_name, n=NEAREST, cutoff=0.5)
    inside = [name for name in by_name if wanted in name and name not in close]
    return tuple(by_name[name] for name in [*close, *inside][:NEAREST])
