"""Words for a problem that comes and goes: how often it came, and whether the pipeline flaps. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.card import Card
from bot.domain.episode import Episode, EpisodeKind, FlapStep, TimelineEntry
from bot.domain.transition import Event, Reach
from bot.slack.mrkdwn import date, duration
from bot.slack.render import phrases

FLAPPING = ":cyclone:"
_TIMES = {
    EpisodeKind.FAILURE: "failed {}",
    EpisodeKind.DEGRADED: "was degraded {}",
    EpisodeKind.UNREADABLE: "couldn't be read {}",
    EpisodeKind.MOMENT: "restarted {}",
    EpisodeKind.LAG: "fell behind {}",
    EpisodeKind.DRIFT: "drifted {}",
}
_KIND_OF = {
    Event.FAILED: EpisodeKind.FAILURE,
    Event.RECOVERED: EpisodeKind.FAILURE,
    Event.RESTARTED: EpisodeKind.MOMENT,
    Event.DEGRADED: EpisodeKind.DEGRADED,
    Event.LIVE: EpisodeKind.DEGRADED,
    **dict.fromkeys((Event.LAGGING, Event.STALLED, Event.CAUGHT_UP, Event.MOVING), EpisodeKind.LAG),
    **dict.fromkeys((Event.DRIFT, Event.ALIGNED), EpisodeKind.DRIFT),
}
_NOW = {
    EpisodeKind.FAILURE: "*failed again*",
    EpisodeKind.DEGRADED: "{be}*degraded* again",
    EpisodeKind.UNREADABLE: "*can't be read* again",
    EpisodeKind.MOMENT: "*restarted* again",
    EpisodeKind.LAG: "{be}*behind* again",
    EpisodeKind.DRIFT: "*drifted* again",
}


def counted_times(episode: Episode) -> str:
    """`failed 12 times in 20 min`. Empty if the problem came once."""
    return _counted(episode.kind, episode.times, episode.opened_at, episode.began_at) if episode.times > 1 else ""


def how_often(episode: Episode) -> str:
    """` · it failed 12 times in 20 min`: what to add to a sentence about the end. Empty if the problem came once."""
    times = counted_times(episode)
    return f" · it {times}" if times else ""


def ordinal_time(episode: Episode) -> str:
    """`2nd time in 3 min`. Empty if the problem came once."""
    return _ordinal(episode.times, episode.opened_at, episode.began_at) if episode.times > 1 else ""


def downtime(episode: Episode) -> str:
    return phrases.lasted(episode.downtime_seconds, first_seen=episode.found_begun)


def flapping_lines(card: Card, name: str) -> tuple[str, ...]:
    """The headline while the pipeline flaps."""
    episode, state = card.episode, card.state
    times = counted_times(episode) or _TIMES[episode.kind].format("once")
    now = phrases.state_words(state) if state.reach is not Reach.REACHABLE else phrases.state_in_a_sentence(state)
    return (f"{FLAPPING} {name} is *flapping*: {times}", f"Now {now} · since {date(episode.opened_at)}")


def flap_entry(entry: TimelineEntry, name: str) -> str | None:
    """The sentence of an entry that says that the problem came back, or about flapping. None for other entries.

    `name`: of the pipeline, with a space behind it; empty in the thread of its own card.
    """
    since = entry.since or entry.at
    kind = _kind(entry.events)
    symbol = phrases.readiness_symbol(entry.phase, entry.ready, entry.replicas)
    if entry.flap is FlapStep.ENTERED:
        times = _counted(kind, entry.times, since, entry.at)
        is_flapping = "is *flapping*" if name else "*Flapping*"
        return f"{FLAPPING} {name}{is_flapping}: {times}. I'll post again once it settles."
    if entry.flap is FlapStep.SETTLED:
        times = _TIMES[kind].format(number_of_times(entry.times))
        return f"{symbol} {name}{_settled(entry)}. It {times} since {date(since)}."
    if not entry.reopens:
        return None
    again = _NOW[kind].format(be="is " if name else "")
    return f"{symbol} {name}{again}, {_ordinal(entry.times, since, entry.at)}"


def _settled(entry: TimelineEntry) -> str:
    lasted = phrases.lasted(entry.downtime_seconds, first_seen=False)
    match entry.events[0]:
        case Event.FAILED:
            return "*stays failed*"
        case Event.RECOVERED:
            return f"has settled: {phrases.RECOVERED} after {lasted}"
        case Event.DEGRADED:
            return "*stays degraded*"
        case Event.UNREACHABLE:
            return "*still can't be read*"
        case Event.LAGGING:
            return "*stays behind*"
        case Event.CAUGHT_UP:
            return f"has settled: *caught up* after {lasted}"
        case Event.DRIFT:
            return "*stays in drift*"
        case Event.RESTARTED:
            return "has settled: no more restarts"
        case _:
            return "has settled"


def _counted(kind: EpisodeKind, times: int, since: datetime, until: datetime) -> str:
    seconds = (until - since).total_seconds()
    return f"{_TIMES[kind].format(number_of_times(times))} in {duration(seconds)}"


def number_of_times(number: int) -> str:
    return "once" if number == 1 else "twice" if number == 2 else f"{number:,} times"


def _ordinal(number: int, since: datetime, until: datetime) -> str:
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending} time in {duration((until - since).total_seconds())}"


def _kind(events: Sequence[Event]) -> EpisodeKind:
    return next((kind for event, kind in _KIND_OF.items() if event in events), EpisodeKind.UNREADABLE)
