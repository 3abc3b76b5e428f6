"""Which news of a flapping pipeline a step leaves out. Pure."""

from bot.domain.episode import Episode
from bot.domain.receipt import Skip, SkipReason
from bot.domain.routing import Routing


def hidden_by_flapping(episode: Episode, stored: Episode | None, routing: Routing) -> tuple[Skip, ...]:
    """A skip for each channel with a card, if the problem began again in the band: only the card counts it."""
    if stored is None or not stored.flapping or episode.times == stored.times:
        return ()
    return tuple(
        Skip(
            conversation=audience.channel,
            revision=episode.revision,
            at=episode.began_at,
            reason=SkipReason.FLAPPING,
            words=f"({episode.times} times so far)",
        )
        for audience in routing.audiences
        if audience.channel in episode.cards.values()
    )
