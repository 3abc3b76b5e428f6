"""Plans the write of a diagnosis: it goes on the cards that the failure has, and opens none. Pure."""

from dataclasses import replace

from bot.domain.diagnosis import Diagnosis
from bot.domain.episode import TimelineEntry, diagnosable
from bot.domain.plan import Plan, Record, with_episode
from bot.domain.routing import Routing
from bot.domain.transition import Event


def plan_diagnosed(record: Record, routing: Routing, diagnosis: Diagnosis) -> Plan | None:
    """Puts the diagnosis on the cards of the failure that it is about, and its lines in their threads.

    None if that failure was closed by other means than a recovery, or has come back since, or if its stored diagnosis
    says as much.
    """
    episode = diagnosable(record.episode)
    if episode is None or episode.began_at != diagnosis.began_at:
        return None
    if episode.diagnosis and not diagnosis.adds_to(episode.diagnosis):
        return None
    if episode.diagnosis and not diagnosis.adds_lines_to(episode.diagnosis):
        return with_episode(record, routing, replace(episode, revision=episode.revision + 1, diagnosis=diagnosis))
    entry = TimelineEntry(
        revision=episode.revision + 1,
        at=diagnosis.at,
        events=(Event.DIAGNOSED,),
        phase=record.state.phase,
        reason=diagnosis.cause_words,
    )
    return with_episode(record, routing, replace(episode.with_late_entry(entry), diagnosis=diagnosis))


def plan_shortened(record: Record, _: Routing) -> Plan | None:
    """Drops from a closed episode what only its cards show. None: there is nothing to drop."""
    episode = record.episode
    if episode is None or episode.open or episode.diagnosis is None or episode.diagnosis == episode.diagnosis.shortened:
        return None
    return Plan(record=replace(record, episode=replace(episode, diagnosis=episode.diagnosis.shortened)))
