"""The headlines of cards about a deployment, a pause or a stop. Pure."""

from bot.domain.card import Card
from bot.domain.episode import Episode, EpisodeOutcome
from bot.domain.phase import Phase, Readiness
from bot.domain.transition import Event, PipelineFinding, PipelineState, Reach
from bot.slack.mrkdwn import REASON_LIMIT, date, duration, outside, time_of_day
from bot.slack.render import finding_words, phrases, run_words
from bot.slack.render.flap_words import downtime
from bot.slack.render.headline_facts import beginning, ending, ready_words, time_span


def deployment_lines(card: Card, name: str) -> tuple[str, ...]:
    episode, state = card.episode, card.state
    if episode.outcome is EpisodeOutcome.LIVE:
        took = f" after {downtime(episode)}" if episode.closed_at != episode.opened_at else ""
        return (f":large_green_circle: {name} is *live*{took} · {time_span(episode)}", _progress(state))
    if not episode.open:
        return (f":black_circle: {name} was deploying, then *{ending(episode)}* · {time_span(episode)}",)
    since = f"Began at {beginning(episode)}"
    if stuck := state.finding(Event.STUCK):
        return (_stuck(card, name), since, expected_words(episode) or _usual(stuck))
    if state.phase == Phase.RUNNING:
        facts = " · ".join(fact for fact in (ready_words(card), _progress(state)) if fact)
        return (f":large_blue_circle: {name} is *running*, {_not_live(state)}", since, facts, expected_words(episode))
    return (f":large_blue_circle: {name} {phrases.phase_clause(state.phase)}", since, expected_words(episode))


def expected_words(episode: Episode) -> str:
    """`Usually live after 3 min, overdue since 10:03`. Empty if too few deployments are known."""
    if episode.usual_to_live is None:
        return ""
    usual = f"Usually live after {duration(episode.usual_to_live.total_seconds())}"
    return f"{usual}, *overdue* since {date(episode.overdue_since)}" if episode.overdue_since else usual


def _progress(state: PipelineState) -> str:
    run, observation = state.run, state.observation
    if run is None or observation is None or state.phase != Phase.RUNNING:
        return ""
    return f"{run_words.progress_words(run, observation.observed_at)} · measured at {time_of_day(run.at)}"


def _not_live(state: PipelineState) -> str:
    observation = state.observation
    return "readiness not reported" if observation and observation.readiness is Readiness.UNREPORTED else "not live yet"


def pause_lines(card: Card, name: str) -> tuple[str, ...]:
    episode, state = card.episode, card.state
    when = time_span(episode)
    finished = next((entry.reason for entry in reversed(episode.timeline) if Event.FINISHED in entry.events), "")
    if not episode.open and finished:
        return (f"{run_words.FINISHED} {name} *{outside(finished, REASON_LIMIT)}*, then *{ending(episode)}* · {when}",)
    if not episode.open:
        was = phrases.phase_in_a_sentence(_last_phase(episode))
        return (f":black_circle: {name} was {was} for {downtime(episode)}, then *{ending(episode)}* · {when}",)
    if state.has_finished and state.reach is Reach.REACHABLE and state.run:
        return (f"{run_words.FINISHED} {name} *{state.run.ending}*", when)
    if stuck := state.finding(Event.STUCK):
        return (_stuck(card, name), when, _usual(stuck))
    wanted = phrases.intent_words(card.pipeline, state)
    words = f"{phrases.state_symbol(state)} {name} {phrases.state_clause(state)}"
    return (words, when, f":warning: Nobody asked for this: it {wanted}" if wanted else "")


def _last_phase(episode: Episode) -> Phase | None:
    """The phase before the entry that closed the episode."""
    earlier = episode.timeline[-2:-1] or episode.timeline
    return earlier[0].phase if earlier else None


def _stuck(card: Card, name: str) -> str:
    return f"{phrases.NEEDS_A_LOOK} {name} is *stuck* while {phrases.phase_in_a_sentence(card.state.phase)}"


def _usual(stuck: PipelineFinding) -> str:
    return phrases.sentence(finding_words.usual_duration(stuck))
