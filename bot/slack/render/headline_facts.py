"""What the headlines of cards have in common: when an episode began and ended, and what came after it. Pure."""

from bot.domain.card import Card
from bot.domain.episode import Episode
from bot.domain.transition import Event
from bot.slack.mrkdwn import REASON_LIMIT, outside, span
from bot.slack.render import phrases


def time_span(episode: Episode) -> str:
    """When an open episode began; when a closed one began and ended."""
    if episode.closed_at is None:
        return f"Since {beginning(episode)}"
    return span(episode.opened_at, episode.closed_at, or_earlier=episode.first_seen)


def beginning(episode: Episode) -> str:
    return phrases.moment(episode.began_at, first_seen=episode.found_begun)


def ending(episode: Episode) -> str:
    last = episode.timeline[-1] if episode.timeline else None
    if last and last.reason and Event.FINISHED in last.events:
        return outside(last.reason, REASON_LIMIT)
    if last and Event.FAILED in last.events:
        return "failed"  # a run that stopped short is still STOPPED
    if last and Event.DRIFT in last.events:
        return "drifted"  # the phase stays, and the next card says what is wrong with it
    return phrases.phase_in_a_sentence(episode.timeline[-1].phase if episode.timeline else None)


def ready_words(card: Card) -> str:
    observation = card.state.observation
    return phrases.replicas(observation.phase, observation.ready, observation.replicas) if observation else ""


def failed_words(episode: Episode) -> str:
    """`failed`, or how the run ended that made it a failure."""
    return outside(episode.end_of_run, REASON_LIMIT) if episode.end_of_run else "failed"
