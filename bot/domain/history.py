"""A pipeline's past: its transitions, and for how long it is known to have been live or not. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.episode import Episode
from bot.domain.observation import PipelineId
from bot.domain.routing import new_entries
from bot.domain.transition import Actor, Event, PipelineState, Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLimits:
    """Whichever is less: transitions older than `age` go, and so do all but the newest `transitions`."""

    age: timedelta = timedelta(days=90)
    transitions: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A time in which each reading found the pipeline live, or each found it not live."""

    live: bool
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the store keeps of a pipeline's past, oldest first. Times outside every stretch are unknown."""

    transitions: tuple[Transition, ...] = ()
    stretches: tuple[Stretch, ...] = ()


def stretch_of(state: PipelineState) -> Stretch | None:
    """The present stretch, up to the latest reading. None before the first reading that says whether it is live."""
    observation, healthy = state.observation, state.healthy
    live = observation.serving if observation and state.live is None else state.live
    if observation is None or live is None or state.since is None:
        return None
    ended = healthy.until if healthy else None
    since = healthy.since if healthy and live else max(state.since, ended or state.since)
    if state.gap:
        since = max(since, state.gap.until)
    return Stretch(live=live, since=min(since, observation.observed_at), until=observation.observed_at)


def ended_stretch(before: PipelineState, after: PipelineState) -> Stretch | None:
    """The stretch that the latest reading ended. None if it goes on.

    It lasts until that reading, as everywhere in the bot, but not through a gap of the readings.
    """
    ended, present = stretch_of(before), stretch_of(after)
    if ended is None or (present and (present.live, present.since) == (ended.live, ended.since)):
        return None
    if after.observation is None or after.gap != before.gap:
        return ended
    return Stretch(live=ended.live, since=ended.since, until=after.observation.observed_at)


def acts(episode: Episode, before: Episode, state: PipelineState) -> tuple[Transition, ...]:
    """The entries of the timeline that a person made in this step, as transitions for the history."""
    return tuple(
        Transition(
            event=event,
            pipeline_id=episode.pipeline_id,
            at=entry.at,
            phase=state.phase,
            reach=state.reach,
            actor=Actor(id=entry.by, name=entry.name, place=entry.place, channel=entry.channel or ""),
        )
        for entry in new_entries(episode, before)
        if entry.by is not None
        for event in entry.events
    )


def unwatched(pipeline_id: PipelineId, state: PipelineState, at: datetime) -> Transition:
    """The end of an open episode in the history, because nobody watches the pipeline any more."""
    return Transition(event=Event.UNWATCHED, pipeline_id=pipeline_id, at=at, phase=state.phase, reach=state.reach)
