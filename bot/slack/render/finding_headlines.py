"""The headlines of cards about a pipeline that lags, has stalled or drifted. Pure."""

from bot.domain.card import Card
from bot.domain.episode import Episode, EpisodeOutcome
from bot.domain.phase import Phase, drifts
from bot.domain.transition import Event
from bot.slack.render import finding_words, phrases
from bot.slack.render.flap_words import downtime, how_often, ordinal_time
from bot.slack.render.headline_facts import ending, time_span


def lag_lines(card: Card, name: str) -> tuple[str, ...]:
    episode, when, often = card.episode, time_span(card.episode), how_often(card.episode)
    if episode.outcome is EpisodeOutcome.CLEARED:
        caught_up = any(Event.CAUGHT_UP in entry.events for entry in episode.timeline[-1:])
        words = "*caught up*" if caught_up else "is *moving* again"
        return (f"{phrases.state_symbol(card.state)} {name} {words} after {downtime(episode)}{often} · {when}",)
    if not episode.open:
        lagged = f"was {_lag_word(episode)} for {downtime(episode)}, then *{ending(episode)}*"
        return (f":black_circle: {name} {lagged}{often} · {when}",)
    lagging, stalled = card.state.finding(Event.LAGGING), card.state.finding(Event.STALLED)
    words = f"has {finding_words.STALLED}"
    if lagging:
        measured = finding_words.behind(lagging)
        words = f"is {finding_words.LAGGING}{f': {measured}' if measured else ''}"
    chains = (finding_words.of_chain(finding) for finding in (lagging, stalled) if finding)
    facts = (when, next(filter(None, chains), ""))
    no_blocks = f"{phrases.sentence(finding_words.NO_BLOCKS)}." if stalled else ""
    return (f"{phrases.DEGRADED} {name} {words}{_again(episode)}", " · ".join(filter(None, facts)), no_blocks)


def _lag_word(episode: Episode) -> str:
    lagged = any(Event.LAGGING in entry.events for entry in episode.timeline)
    return "lagging" if lagged else "stalled"


def drift_lines(card: Card, name: str) -> tuple[str, ...]:
    episode, state, when = card.episode, card.state, time_span(card.episode)
    often = how_often(episode)
    is_now = phrases.phase_in_a_sentence(state.phase)
    if episode.outcome is EpisodeOutcome.CLEARED or _is_as_wanted(card):
        words = f"no longer drifts after {downtime(episode)}: it is {is_now}, as its owner wants"
        return (f"{phrases.state_symbol(state)} {name} {words}{often} · {when}",)
    if not episode.open:
        drifted = f"drifted for {downtime(episode)}, then *{ending(episode)}*"
        return (f":black_circle: {name} {drifted}{often} · {when}",)
    drift = state.finding(Event.DRIFT)
    wanted = finding_words.wanted(drift.intent if drift else None)
    words = f"has *drifted*: it is {is_now} and {wanted}{_again(episode)}"
    return (f"{phrases.NEEDS_A_LOOK} {name} {words}", when)


def _is_as_wanted(card: Card) -> bool:
    """True if a change of phase ended the drift."""
    intent, phase = card.pipeline.intent, card.state.phase
    is_settled = intent is not None and phase in (Phase.RUNNING, Phase.PAUSED)
    return not card.episode.open and is_settled and not drifts(intent, phase)


def _again(episode: Episode) -> str:
    return f" · {ordinal_time(episode)}" if episode.times > 1 else ""
