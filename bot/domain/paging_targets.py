"""Which people and pagers an episode pages for one channel: its watches name them, or the default policy. Pure."""

from collections.abc import Mapping
from datetime import timedelta

from bot.domain.episode import Episode, EpisodeKind
from bot.domain.routing import Routing
from bot.domain.transition import FINDINGS, Event, findings_after
from bot.domain.watch import Audience, Target, TargetKind

PAGING_EVENTS: Mapping[EpisodeKind, frozenset[Event]] = {
    EpisodeKind.FAILURE: frozenset({Event.FAILED}),
    EpisodeKind.DEGRADED: frozenset({Event.DEGRADED}),
    EpisodeKind.UNREADABLE: frozenset({Event.UNREACHABLE, Event.GONE}),
}
_EVENT_OF = {
    EpisodeKind.FAILURE: Event.FAILED,
    EpisodeKind.DEGRADED: Event.DEGRADED,
    EpisodeKind.UNREADABLE: Event.UNREACHABLE,
}


def paging_targets(audience: Audience, episode: Episode, routing: Routing) -> tuple[Target, ...]:
    """The targets that an episode pages for one channel: its watches' own, or the default policy."""
    if not called_for(episode):
        return ()
    if not audience.targets:
        policy = routing.default_policy(audience.channel) if episode.kind is EpisodeKind.FAILURE else None
        return (Target(kind=TargetKind.POLICY, id=policy.name),) if policy else ()
    return named_by_watches(audience, episode)


def named_by_watches(audience: Audience, episode: Episode) -> tuple[Target, ...]:
    events = sorted(called_for(episode).items())
    return tuple(dict.fromkeys(target for event, lag in events for target in audience.paged_for(event, lag)))


def called_for(episode: Episode) -> Mapping[Event, timedelta | None]:
    """The events that the episode pages for: those of its kind, and the findings that hold. With the lag reached."""
    fixed = PAGING_EVENTS.get(episode.kind, frozenset())
    lag: timedelta | None = None
    found: frozenset[Event] = frozenset()
    is_of_the_chain = False
    for entry in episode.timeline:
        lag = entry.lag or lag
        for finding in entry.findings:
            is_of_the_chain = finding.is_of_the_chain if finding.event is Event.LAGGING else is_of_the_chain
        for event in entry.events:
            found = findings_after(found, event)
    if is_of_the_chain:  # nobody can do anything about the pipeline
        found -= {Event.LAGGING}
    return {event: lag if event is Event.LAGGING else None for event in fixed | found}


def has_stopped_paging(episode: Episode, stored: Episode) -> bool:
    """True if this step ended what the episode pages for, but not the episode: it is stuck no longer."""
    return episode.open and stored.pages_now and not episode.pages_now and not called_for(episode)


def paged_event(episode: Episode) -> Event:
    """What the episode is about, for a pager outside Slack."""
    events = (event for entry in reversed(episode.timeline) for event in reversed(entry.events))
    return _EVENT_OF.get(episode.kind) or next((event for event in events if event in FINDINGS), Event.FAILED)
