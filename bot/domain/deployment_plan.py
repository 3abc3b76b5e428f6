"""Plans what a deployment's card shows of earlier ones: how long they took, and that this one is overdue. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.catalogue import Pipeline
from bot.domain.episode import Episode, EpisodeKind
from bot.domain.finding_plan import OF_DEPLOYMENTS
from bot.domain.overdue import UsualDuration, contradicts, overdue_at
from bot.domain.phase import TRANSIENT, Intent, Phase
from bot.domain.plan import Plan, Record, with_episode
from bot.domain.routing import Routing


def deployment_under_way(record: Record) -> Episode | None:
    """The open deployment that will become live, if the bot saw it begin."""
    episode = record.episode
    if episode is None or not episode.open or episode.kind is not EpisodeKind.DEPLOYMENT or episode.first_seen:
        return None
    return episode if record.state.phase in {Phase.DEPLOYING, Phase.RUNNING} else None


def overdue_deployment(record: Record) -> Episode | None:
    """The deployment that takes longer than nearly all before."""
    episode = deployment_under_way(record)
    return episode if episode and episode.overdue_since and not record.state.live else None


def is_unsettled(record: Record, pipeline: Pipeline) -> bool:
    """True if passing time alone may bring news: it deploys, stops, or contradicts what its owner wants."""
    state = record.state
    found = any(finding.event in OF_DEPLOYMENTS for finding in state.findings) or state.contradicts_since is not None
    if state.phase is Phase.RUNNING and pipeline.intent is not Intent.PAUSED and not found:
        return deployment_under_way(record) is not None  # the usual case, without hashing phases
    moves = state.phase in TRANSIENT or deployment_under_way(record) is not None
    return found or moves or contradicts(state, pipeline)


def plan_expected(record: Record, routing: Routing, usual: UsualDuration, at: datetime) -> Plan | None:
    """Updates a card that lacks the usual time to live, or that does not say yet that the deployment is overdue."""
    episode = deployment_under_way(record)
    if episode is None:
        return None
    overdue = overdue_at(episode.opened_at, usual)
    usual_to_live: timedelta = episode.usual_to_live or usual.middle
    expected = replace(episode, usual_to_live=usual_to_live, overdue_since=overdue if at >= overdue else None)
    if expected == episode:
        return None
    return with_episode(record, routing, replace(expected, revision=episode.revision + 1))
