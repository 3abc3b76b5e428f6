"""Which pipelines and patterns the words of a command mean."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.answer import UnresolvedReference
from bot.domain.catalogue import Found, Pipeline, Unknown, is_pattern, resolve
from bot.domain.observation import PipelineId
from bot.domain.watch import ChannelId
from bot.watching.listing import Listing
from bot.watching.roster import Roster

UNKNOWN_SECONDS = 1.0  # a name that is not known may be a moment old


@dataclass(frozen=True, slots=True)
class Meant:
    """What the references of one command mean: patterns stay patterns."""

    pipelines: tuple[Pipeline, ...]
    patterns: tuple[str, ...]
    unresolved: tuple[UnresolvedReference, ...]


class References:
    def __init__(self, *, roster: Roster, listing: Listing) -> None:
        self._roster = roster
        self._listing = listing

    async def meant(self, references: Sequence[str], channel: ChannelId) -> Meant:
        """Resolves against what is listed, and where a name is unknown against a fresh listing."""
        known = [*self._roster.catalogue, *self._unlisted(channel)]
        if not known or any(isinstance(resolve(each, known), Unknown) for each in references):
            await self._listing.refresh(older_than=UNKNOWN_SECONDS)
            known = [*self._roster.catalogue, *self._unlisted(channel)]
        patterns = [each for each in references if is_pattern(each)]
        resolved = [resolve(each, known) for each in references if not is_pattern(each)]
        return Meant(
            pipelines=tuple(each for one in resolved if isinstance(one, Found) for each in one.pipelines),
            patterns=tuple(patterns),
            unresolved=tuple(one for one in resolved if not isinstance(one, Found)),
        )

    def _unlisted(self, channel: ChannelId) -> list[Pipeline]:
        """What the channel watches though no listing shows it: it can still be asked for, and unwatched, by name."""
        listed = {each.id for each in self._roster.catalogue}
        exact = [watch for watch in self._roster.watches.of(channel) if not watch.pattern]
        return [self._roster.pipeline(PipelineId(each.reference)) for each in exact if each.reference not in listed]
