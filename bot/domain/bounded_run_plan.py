"""Plans the writes about a bounded run: its progress, and the judgement on its end. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.bounded_run import BoundedRun, RunEnd
from bot.domain.episode import EpisodeKind, EpisodeOutcome
from bot.domain.episode_plan import make_cards, sync_message
from bot.domain.phase import Intent, Phase
from bot.domain.plan import Plan, Record, plan_transitions, with_episode
from bot.domain.routing import Routing, left_meanwhile, without_cards
from bot.domain.transition import Event, Reach, Transition

APART = timedelta(milliseconds=1)  # entries of one time count as one reading; the history has milliseconds


def plan_progress(record: Record, routing: Routing, run: BoundedRun) -> Plan | None:
    """Keeps the progress of a run, and shows each further percent on its card. None: the run is over.

    The card of a deployment that is live stays closed: its update opens no card, and nobody is notified.
    """
    state, episode = record.state, record.episode
    if state.phase != Phase.RUNNING or (state.run and state.run.at >= run.at):
        return None
    after = replace(record, state=replace(state, run=run))
    is_further = state.run is None or _hundredth(state.run) != _hundredth(run)
    if episode is None or episode.flapping or not is_further:
        return Plan(record=after)
    shown = replace(episode, revision=episode.revision + 1)
    if episode.open:
        return with_episode(after, routing, shown)
    if episode.outcome is not EpisodeOutcome.LIVE or episode.kind is not EpisodeKind.DEPLOYMENT:
        return Plan(record=after)
    shown = without_cards(shown, left_meanwhile(episode, routing))
    cards = make_cards(shown, after.state, routing, shown.cards)
    messages = tuple(sync_message(card, routing, fresh=False) for card in cards)
    return Plan(record=replace(after, episode=shown), cards=cards, messages=messages)


def _hundredth(run: BoundedRun) -> int:
    return run.height * 100 // run.stop if run.percent is None else run.percent


def plan_run_ended(record: Record, routing: Routing, run: BoundedRun, since: datetime, at: datetime) -> Plan | None:
    """Tells how the run ended. None: people know, or the pipeline has moved on.

    A stop before the last block is a failure, unless the owner wants the pipeline paused. A first reading reports only
    failures, so it does not tell that a run has finished.

    Args:
        since: when it stopped.
        at: now.
    """
    before = record.state
    if before.phase != Phase.STOPPED or before.since != since or before.reach is not Reach.REACHABLE:
        return None
    if before.observation is None or (before.run and before.run.end in {run.end, RunEnd.FINISHED}):
        return None
    if run.is_short and routing.pipeline.intent is not Intent.RUNNING:
        return None
    stop = record.unjudged_stop
    began_at = stop[0].at if stop else max(at, before.observation.observed_at + APART)
    failed_since = (before.failed_since or began_at) if run.is_short else None
    state = replace(before, run=run, failed_since=failed_since)
    event = _news(record, run)
    news = (_transition(record, event, run, began_at),) if event else ()
    after = replace(record, state=state, unjudged_stop=())
    return plan_transitions(after, (*news, *stop), routing, before=before, at=at)


def _news(record: Record, run: BoundedRun) -> Event | None:
    """None: people need not hear of it, or know already."""
    failed = record.state.failed_since is not None
    if run.is_short:
        return None if failed else Event.FAILED
    return None if record.state.first_seen and not failed else Event.FINISHED


def _transition(record: Record, event: Event, run: BoundedRun, at: datetime) -> Transition:
    """A stop that waited for the judgement continues what this transition opens."""
    state = record.state
    if record.unjudged_stop:
        return replace(record.unjudged_stop[0], event=event, phase=state.phase, reason=run.ending)
    return Transition(
        event=event,
        pipeline_id=record.pipeline_id,
        at=at,
        phase=state.phase,
        after=state.observation.observed_at if state.observation else None,
        previous=state.phase,
        reason=run.ending,
        first_seen=state.first_seen,
    )
