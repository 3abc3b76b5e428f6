"""Which news of a flapping pipeline a step leaves out. Pure."""

from bot.domain.episode import Episode
from bot.domain.receipt import Skip, SkipReason
from bot.domain.transition import PipelineState


def hidden_by_flapping(episode: Episode, stored: Episode | None, state: PipelineState) -> tuple[Skip, ...]:
    """A skip for each conversation with a card, if the step only counts a change: the card alone shows it."""
    if stored is None or not stored.flapping or episode.hidden in ({}, stored.hidden):
        return ()
    at = max(episode.began_at, state.observation.observed_at) if state.observation else episode.began_at
    return tuple(
        Skip(
            conversation=conversation,
            revision=episode.revision,
            at=at,
            reason=SkipReason.FLAPPING,
            words=f"({episode.times} times so far)",
        )
        for conversation in dict.fromkeys(stored.cards.values())
    )
