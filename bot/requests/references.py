"""Which pipelines and patterns the words of a command mean."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from bot.domain.answer import UnresolvedReference
from bot.domain.attention import State
from bot.domain.catalogue import Ambiguous, Found, Names, Pipeline, Resolution, Unknown, is_pattern, looks, resolve
from bot.domain.observation import PipelineId
from bot.domain.watch import ChannelId
from bot.monitoring.catalogue import Listing
from bot.state.repository import Repository

UNKNOWN_SECONDS = 1.0  # a name that is not known may be a moment old
SUGGESTED = 3  # unknown words that get the nearest names: more would hold up everything else, and help nobody


@dataclass(frozen=True, slots=True)
class Meant:
    """The resolved references of one command: patterns stay patterns."""

    pipelines: tuple[Pipeline, ...]
    patterns: tuple[str, ...]
    unresolved: tuple[UnresolvedReference, ...]


class References:
    def __init__(self, *, repository: Repository, listing: Listing) -> None:
        self._repository = repository
        self._listing = listing

    async def meant(
        self, references: Sequence[str], channel: ChannelId, *, ending: bool = False, names: Names | None = None
    ) -> Meant:
        """Resolves against what is listed, and against a fresh listing if a name is unknown.

        `names`: what the command was read with, if it was read. `ending`: a name that was another pipeline's when the
        channel began to watch it may mean either.
        """
        patterns = tuple({each.lower(): each for each in references if is_pattern(each)}.values())
        exact = {looks(each): each for each in references if not is_pattern(each)}.values()
        names = self.names(channel) if names is None else names
        unknown = any(isinstance(resolve(each, names, suggest=False), Unknown) for each in exact)
        if unknown or not names.pipelines:
            await self._listing.refresh(older_than=UNKNOWN_SECONDS)
            names = self.names(channel)
        resolved = _resolved(exact, names)
        if ending:
            resolved = [_in_doubt(each, one, names) for each, one in zip(exact, resolved, strict=True)]
        return Meant(
            pipelines=tuple(each for one in resolved if isinstance(one, Found) for each in one.pipelines),
            patterns=patterns,
            unresolved=tuple(one for one in resolved if not isinstance(one, Found)),
        )

    def no_names(self, states: Collection[State]) -> frozenset[State]:
        """Those of these words that are no pipeline's very name."""
        names = {looks(pipeline.name) for pipeline in self._repository.catalogue} if states else set()
        return frozenset(state for state in states if looks(state) not in names)

    async def fresh_names(self, channel: ChannelId) -> Names:
        """By a listing that is a moment old at most."""
        await self._listing.refresh(older_than=UNKNOWN_SECONDS)
        return self.names(channel)

    def names(self, channel: ChannelId) -> Names:
        """The names that people in this channel may use, including earlier names of watched pipelines."""
        former = {PipelineId(each.reference): each.label for each in self._repository.watches.of(channel) if each.label}
        return Names([*self._repository.catalogue, *self._unlisted(channel)], former)

    def _unlisted(self, channel: ChannelId) -> list[Pipeline]:
        """What the channel watches though no listing shows it: it can still be asked for, and unwatched, by name."""
        listed = {each.id for each in self._repository.catalogue}
        unlisted = self._repository.covered_by(self._repository.watches.of(channel)) - listed
        return [self._repository.pipeline(each) for each in sorted(unlisted)]


def _resolved(references: Iterable[str], names: Names) -> list[Resolution]:
    """Only the first unknown words get suggestions."""
    resolved: list[Resolution] = []
    suggested = 0
    for each in references:
        one = resolve(each, names, suggest=suggested < SUGGESTED)
        suggested += isinstance(one, Unknown)
        resolved.append(one)
    return resolved


def _in_doubt(reference: str, one: Resolution, names: Names) -> Resolution:
    """Ambiguous: the name belongs to one pipeline now and belonged to another watched one before."""
    former = names.formerly(looks(reference)) if isinstance(one, Found) else ()
    several = tuple(dict.fromkeys((*one.pipelines, *former))) if isinstance(one, Found) else ()
    return Ambiguous(reference, several) if len(several) > 1 else one
