"""How an earlier failure with the same error ended, by the history of its pipeline. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from bot.domain.episode import EpisodeKind, EpisodeOutcome
from bot.domain.past_episodes import PastEpisode
from bot.domain.seen_before import SeenBefore


def with_outcome(seen: SeenBefore, episodes: Iterable[PastEpisode]) -> SeenBefore:
    """With what the pipeline's history tells of that failure: who acknowledged it, and how long it took."""
    failures = [episode for episode in episodes if episode.kind is EpisodeKind.FAILURE and episode.opened_at <= seen.at]
    failure = failures[-1] if failures else None
    if failure is None or (failure.closed_at and failure.closed_at < seen.at):
        return seen
    recovered = failure.closed_at if failure.outcome is EpisodeOutcome.RECOVERED else None
    return replace(
        seen,
        acknowledged_by=failure.acknowledged_by,
        recovered_after=recovered - seen.at if recovered else None,
    )
