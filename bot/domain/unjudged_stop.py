"""Announces the stop of a bounded run once, together with how the run ended. Pure.

GoldRush's metrics say how it ended, usually within seconds. Without them, the next reading announces the stop alone.
Nothing waits while a failure or a page is open.
"""

from datetime import datetime, timedelta

from bot.domain.episode import Episode, EpisodeKind
from bot.domain.phase import Intent
from bot.domain.routing import Routing
from bot.domain.transition import Event, Transition

JUDGED_WITHIN = timedelta(seconds=45)  # time for two attempts, and over before the next reading at rest

Transitions = tuple[Transition, ...]


def separate_stop(
    unjudged: Transitions, latest: Transitions, episode: Episode | None, routing: Routing, at: datetime
) -> tuple[Transitions, Transitions]:
    """The transitions that this reading announces, and the stop that waits for its judgement.

    Args:
        unjudged: the stop that waits already.
        latest: those of this reading.
        episode: the current one, before this reading.
    """
    if not _is_judged_soon(routing) or _concerns_somebody(episode):
        return (*unjudged, *latest), ()
    if latest and _is_stop(latest[-1]):
        return latest[:-1], (*unjudged, latest[-1])
    if latest or (unjudged and at - unjudged[-1].at >= JUDGED_WITHIN):
        return (*unjudged, *latest), ()
    return (), unjudged


def _is_stop(transition: Transition) -> bool:
    """True for a new phase, and not for one that a person wants only now."""
    return transition.event in {Event.STOPPING, Event.STOPPED} and transition.previous != transition.phase


def _is_judged_soon(routing: Routing) -> bool:
    """A pipeline that its owner paused was stopped on purpose."""
    return routing.pipeline.blocks is not None and routing.pipeline.intent is not Intent.PAUSED


def _concerns_somebody(episode: Episode | None) -> bool:
    if episode is None or not episode.open:
        return False
    return episode.kind is EpisodeKind.FAILURE or episode.flapping or episode.pages_now
