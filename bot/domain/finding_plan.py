"""Plans what the begin and the end of findings change for one pipeline. Level-triggered: a repeat plans nothing. Pure.

The job that judges a pipeline says which findings hold now. The plan compares them with the state.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime

from bot.domain.phase import TRANSIENT, Phase
from bot.domain.plan import Plan, Record, plan_redrawn, plan_transitions
from bot.domain.routing import Routing, channels_without_lag, conversations
from bot.domain.transition import END_OF_FINDING, FINDINGS, Event, PipelineFinding, PipelineState, Reach, Transition

OF_LAG = frozenset({Event.LAGGING, Event.STALLED})
OF_DEPLOYMENTS = FINDINGS - OF_LAG
_PHASES = {Event.LAGGING: {Phase.RUNNING}, Event.STALLED: {Phase.RUNNING}, Event.STUCK: TRANSIENT}


def plan_findings(
    record: Record, routing: Routing, findings: Collection[PipelineFinding], at: datetime, *, of: frozenset[Event]
) -> Plan | None:
    """Brings the record and its cards in line with the findings that hold now. None: nothing has changed.

    Args:
        findings: those that hold, each event once.
        of: the events that the caller judges. Other findings of the state stay as they are.
    """
    before = record.state
    if before.observation is None or before.reach is not Reach.REACHABLE:
        return None
    held = {finding.event: finding for finding in before.findings}
    found = {finding.event: finding for finding in findings if finding.event in of and _is_possible(finding, before)}
    now = {event: _kept(held.get(event), found[event]) for event in Event if event in found}
    others = {event: finding for event, finding in held.items() if event not in of}
    ended = [finding for event, finding in held.items() if event in of and event not in now]
    begun = [finding for event, finding in now.items() if _is_news(held.get(event), finding, record)]
    state = replace(before, findings=tuple({**others, **now}.values()))
    if state.findings == before.findings and not begun:
        return None
    transitions = (*_ends(ended, state, record, at), *(_transition(one.event, one, state, record, at) for one in begun))
    return plan_transitions(replace(record, state=state), transitions, routing, before=before, at=at)


def plan_chain_card(record: Record, routing: Routing) -> Plan | None:
    """Opens a card of the late chain where none tells of it any more: its pipeline lags by itself now, stopped, or is
    no longer watched there. None: nobody misses one."""
    episode = record.episode
    if episode is None or not episode.open:
        return None
    hearing = conversations(episode, episode, routing, channels_without_lag(episode, record.state, routing))
    return plan_redrawn(record, routing) if set(hearing) - set(episode.cards.values()) else None


def _is_possible(finding: PipelineFinding, state: PipelineState) -> bool:
    """False if the phase has changed since the judgement."""
    return state.phase in _PHASES.get(finding.event, {state.phase})


def _kept(held: PipelineFinding | None, found: PipelineFinding) -> PipelineFinding:
    """The finding as it is now, with its begin and the longest lag that it has reached."""
    if held is None:
        return found
    reached = [lag for lag in (held.threshold, found.threshold) if lag is not None]
    return replace(found, since=min(held.since, found.since), threshold=max(reached, default=None))


def _is_news(held: PipelineFinding | None, finding: PipelineFinding, record: Record) -> bool:
    """True if it begins, reaches a longer lag, or is no longer the chain's. Also if a problem ended that hid it."""
    if held and held.is_of_the_chain and not finding.is_of_the_chain:
        return True
    hidden = record.episode is None or not record.episode.open
    return held is None or held.threshold != finding.threshold or hidden


def _ends(ended: Iterable[PipelineFinding], state: PipelineState, record: Record, at: datetime) -> Iterable[Transition]:
    for finding in ended:
        if event := END_OF_FINDING[finding.event]:
            yield _transition(event, finding, state, record, at)


def _transition(
    event: Event, finding: PipelineFinding, state: PipelineState, record: Record, at: datetime
) -> Transition:
    return Transition(
        event=event,
        pipeline_id=record.pipeline_id,
        at=at,
        phase=state.phase,
        previous=state.phase,
        live=bool(state.live),
        finding=finding,
    )
