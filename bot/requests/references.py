"""Resolves the words of a command to pipelines and patterns."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from bot.domain.answer import UnresolvedReference
from bot.domain.attention import StateFilter
from bot.domain.catalogue import Pipeline, comparable, is_pattern
from bot.domain.names import AmbiguousReference, Names, Resolution, ResolvedReference, UnknownReference, resolve
from bot.domain.observation import PipelineId
from bot.domain.watch import ChannelId
from bot.ports.catalogue import FreshCatalogue
from bot.state.repository import Repository

UNKNOWN_SECONDS = 1.0  # an unknown name may belong to a new pipeline
SUGGESTED = 3  # unknown words that get suggestions: more would delay everything else


@dataclass(frozen=True, slots=True)
class ResolvedReferences:
    """The references of one command. Patterns stay patterns."""

    pipelines: tuple[Pipeline, ...]
    patterns: tuple[str, ...]
    unresolved: tuple[UnresolvedReference, ...]


@dataclass(frozen=True, slots=True)
class NotOnePipeline:
    """The words name no pipeline, or more than one."""

    unresolved: tuple[UnresolvedReference, ...]


class References:
    """Finds the pipelines that people mean, in the latest catalogue and among the channel's watches."""

    def __init__(self, *, repository: Repository, catalogue: FreshCatalogue) -> None:
        self._repository = repository
        self._catalogue = catalogue

    async def resolve(
        self, references: Sequence[str], channel: ChannelId, *, ending: bool = False, names: Names | None = None
    ) -> ResolvedReferences:
        """Resolves against the catalogue. If a name is unknown, lists the pipelines again first.

        `names`: the names at the time of parsing, if the command was parsed. `ending`: an earlier name counts too, so a
        name may mean either of two pipelines.
        """
        patterns = tuple({reference.lower(): reference for reference in references if is_pattern(reference)}.values())
        exact = tuple(
            {comparable(reference): reference for reference in references if not is_pattern(reference)}.values()
        )
        names = self.names(channel) if names is None else names
        resolved = _resolved(exact, names)
        if any(isinstance(resolution, UnknownReference) for resolution in resolved) or not names:
            names = await self.fresh_names(channel)
            resolved = _with_suggestions(_resolved(exact, names), names)
        if ending:
            resolved = [_with_former(*pair, names) for pair in zip(exact, resolved, strict=True)]
        return ResolvedReferences(
            pipelines=tuple(
                pipeline
                for lookup in resolved
                if isinstance(lookup, ResolvedReference)
                for pipeline in lookup.pipelines
            ),
            patterns=patterns,
            unresolved=tuple(reference for reference in resolved if not isinstance(reference, ResolvedReference)),
        )

    async def only(self, reference: str, channel: ChannelId, names: Names | None) -> Pipeline | NotOnePipeline:
        """The one pipeline that a reference means. As `resolve`."""
        resolved = await self.resolve([reference], channel, names=names)
        if len(resolved.pipelines) == 1:
            return resolved.pipelines[0]
        if resolved.pipelines:
            return NotOnePipeline((AmbiguousReference(reference, resolved.pipelines),))
        return NotOnePipeline(resolved.unresolved)

    def without_names(self, states: Collection[StateFilter]) -> frozenset[StateFilter]:
        """The state words that are not the exact name of a pipeline."""
        listed = self._repository.listed
        return frozenset(state for state in states if not listed.has_name(comparable(state)))

    async def fresh_names(self, channel: ChannelId) -> Names:
        """The names after a new listing, unless the last one is very recent."""
        await self._catalogue.refresh(older_than=UNKNOWN_SECONDS)
        return self.names(channel)

    def names(self, channel: ChannelId) -> Names:
        """The names that people in this channel may use, including earlier names of watched pipelines."""
        former = {
            PipelineId(watch.reference): watch.label
            for watch in self._repository.watches.in_channel(channel)
            if watch.label
        }
        return Names(self._repository.listed, former, self._unlisted(channel))

    def _unlisted(self, channel: ChannelId) -> list[Pipeline]:
        """Watched pipelines that no listing shows. People can still ask for them, and unwatch them, by name."""
        watches, listed = self._repository.watches.in_channel(channel), self._repository.listed
        named = {PipelineId(watch.reference) for watch in watches if not watch.pattern} - listed.keys()
        by_pattern = (
            pipeline.id
            for pipeline in self._repository.unlisted
            if any(watch.channel == channel for watch in self._repository.watches_of(pipeline))
        )
        return [self._repository.pipeline(pipeline_id) for pipeline_id in sorted(named.union(by_pattern))]


def _resolved(references: Iterable[str], names: Names) -> list[Resolution]:
    return [resolve(reference, names, suggest=False) for reference in references]


def _with_suggestions(resolved: Iterable[Resolution], names: Names) -> list[Resolution]:
    """Only the first unknown words get the nearest names: finding them is the slowest step."""
    suggested: list[Resolution] = []
    unknown = 0
    for resolution in resolved:
        if isinstance(resolution, UnknownReference) and unknown < SUGGESTED:
            unknown += 1
            suggested.append(UnknownReference(resolution.reference, names.nearest(comparable(resolution.reference))))
        else:
            suggested.append(resolution)
    return suggested


def _with_former(reference: str, resolution: Resolution, names: Names) -> Resolution:
    """Ambiguous if one pipeline has the name now, and another watched one had it before."""
    if not isinstance(resolution, ResolvedReference):
        return resolution
    candidates = tuple(dict.fromkeys((*resolution.pipelines, *names.with_former_name(comparable(reference)))))
    return AmbiguousReference(reference, candidates) if len(candidates) > 1 else resolution
