"""Derives the past episodes of a pipeline from its transitions. Pure.

The store keeps the last episode only. The transitions of its history give the others, by the same rules.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from bot.domain.episode import EpisodeKind, EpisodeOutcome
from bot.domain.story import continues, ending_by, kind_opened_by
from bot.domain.transition import Event, Transition, findings_after


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEpisode:
    """One stretch of a pipeline's past, such as a failure from its begin to its recovery."""

    kind: EpisodeKind
    opened_at: datetime
    first_seen: bool = False
    """It began at `opened_at` or earlier."""
    closed_at: datetime | None = None
    """None: it goes on."""
    outcome: EpisodeOutcome | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    """The person's name, as plain text."""
    resolved: bool = False
    """That person ended the paging at once."""
    stopped_at: datetime | None = None
    """When the pipeline stopped within a failure. If no recovery follows, its owner wanted the stop."""
    finished: bool = False
    """A bounded run that reached its last block."""
    end_of_run: str = ""
    """How the run ended that made it a failure: `stopped at block 1,200 of 5,000`."""
    findings: frozenset[Event] = frozenset()
    """The findings that hold, as far as this episode knows."""

    @property
    def lasted(self) -> timedelta | None:
        return self.closed_at - self.opened_at if self.closed_at else None

    def closed(self, at: datetime, outcome: EpisodeOutcome) -> "PastEpisode":
        return replace(self, closed_at=at, outcome=outcome)


def past_episodes(transitions: Iterable[Transition]) -> tuple[PastEpisode, ...]:
    """The episodes, oldest first. The last one may still go on. `transitions`: oldest first."""
    ended: list[PastEpisode] = []
    episode: PastEpisode | None = None
    for _, of_one_reading in groupby(transitions, key=lambda transition: transition.at):
        changes = tuple(of_one_reading)
        events = {change.event for change in changes}
        if episode and episode.stopped_at and Event.LIVE in events and Event.RECOVERED not in events:
            ended.append(episode.closed(episode.stopped_at, EpisodeOutcome.ON_PURPOSE))
            episode = None
        for change in changes:
            finished, episode = _advanced(episode, change)
            ended += finished
            if episode and change.began_at:
                episode = _watched_again(episode, change.began_at, ended)
    return (*ended, episode) if episode else tuple(ended)


def _advanced(episode: PastEpisode | None, change: Transition) -> tuple[Sequence[PastEpisode], PastEpisode | None]:
    """The episodes that a change ends, and the one that goes on after it."""
    if change.event in {Event.ACKNOWLEDGED, Event.RESOLVED}:
        return (), _acknowledged(episode, change)
    if change.actor:
        return (), episode
    if change.event is Event.UNWATCHED:  # only `began_at` of a later FAILED says that it goes on
        return ([episode.closed(change.at, EpisodeOutcome.UNWATCHED)] if episode else ()), None
    finished: list[PastEpisode] = []
    if episode and not continues(episode.kind, change.event):
        finished.append(episode.closed(change.at, EpisodeOutcome.SUPERSEDED))
        episode = None
    if episode is None:
        kind = kind_opened_by(change.event, change.phase)
        if kind is None:
            return finished, None
        opened_at = change.finding.since if change.finding else change.at
        episode = PastEpisode(kind=kind, opened_at=opened_at, first_seen=change.first_seen)
    episode = _with_change(episode, change)
    paused = episode.kind is EpisodeKind.FAILURE and change.event in {Event.PAUSED, Event.FINISHED}
    if outcome := EpisodeOutcome.ON_PURPOSE if paused else ending_by(episode.kind, change.event, episode.findings):
        finished.append(episode.closed(change.at, outcome))
        episode = None
    return finished, episode


def _watched_again(episode: PastEpisode, began_at: datetime, ended: list[PastEpisode]) -> PastEpisode:
    """A failure that went on while nobody watched: one episode with the part before, which leaves `ended`."""
    left = next((past for past in reversed(ended) if past.kind is EpisodeKind.FAILURE), None)
    if left is None or left.outcome is not EpisodeOutcome.UNWATCHED:
        return replace(episode, opened_at=began_at)
    ended.remove(left)
    return replace(
        episode,
        opened_at=left.opened_at,
        first_seen=left.first_seen,
        acknowledged_at=left.acknowledged_at,
        acknowledged_by=left.acknowledged_by,
        resolved=left.resolved,
    )


def _with_change(episode: PastEpisode, change: Transition) -> PastEpisode:
    episode = replace(episode, findings=findings_after(episode.findings, change.event))
    match change.event:
        case Event.STOPPED:
            return replace(episode, stopped_at=change.at)
        case Event.FINISHED:
            return replace(episode, finished=True)
        case Event.FAILED:
            return replace(episode, end_of_run=change.reason)
        case _:
            return episode


def _acknowledged(episode: PastEpisode | None, change: Transition) -> PastEpisode | None:
    if episode is None or episode.acknowledged_at:
        return episode
    name = change.actor.name if change.actor else ""
    resolved = change.event is Event.RESOLVED
    return replace(episode, acknowledged_at=change.at, acknowledged_by=name, resolved=resolved)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureFigures:
    """How many failures somebody acknowledged, how many recovered, and how long both took on average.

    The means leave out what never happened, so each one comes with its number.
    """

    failures: int
    acknowledged: int
    to_acknowledge: timedelta | None
    """From the begin of a failure. None if nobody acknowledged any."""
    recovered: int
    """A failure that ended otherwise does not count."""
    to_recover: timedelta | None
    open: int
    """The failures that go on."""


def failure_figures(episodes: Iterable[PastEpisode]) -> FailureFigures:
    failures = [episode for episode in episodes if episode.kind is EpisodeKind.FAILURE]
    answers = [episode.acknowledged_at - episode.opened_at for episode in failures if episode.acknowledged_at]
    recovered = (episode for episode in failures if episode.outcome is EpisodeOutcome.RECOVERED)
    recoveries = [episode.lasted for episode in recovered if episode.lasted is not None]
    return FailureFigures(
        failures=len(failures),
        acknowledged=len(answers),
        to_acknowledge=_mean(answers),
        recovered=len(recoveries),
        to_recover=_mean(recoveries),
        open=sum(episode.closed_at is None for episode in failures),
    )


def _mean(times: Sequence[timedelta]) -> timedelta | None:
    return sum(times, timedelta()) / len(times) if times else None
