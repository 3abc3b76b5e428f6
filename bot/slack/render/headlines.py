"""The headline of a card: what happened, since when, what it means. Pure."""

from collections.abc import Callable
from datetime import datetime

from bot.domain.card import Card
from bot.domain.episode import Episode, EpisodeKind, EpisodeOutcome
from bot.domain.phase import Phase, Readiness
from bot.domain.transition import Healthy, PipelineState, Reach, ReadGap
from bot.domain.watch import API_PIPELINE_ID
from bot.slack.mrkdwn import REASON_LIMIT, date, from_to, outside, time_of_day
from bot.slack.render import phrases
from bot.slack.render.deployment_headlines import deployment_lines, pause_lines
from bot.slack.render.entry_words import entry_words
from bot.slack.render.finding_headlines import drift_lines, lag_lines
from bot.slack.render.flap_words import counted_times, downtime, flapping_lines, how_often, ordinal_time
from bot.slack.render.headline_facts import beginning, ending, failed_words, ready_words, time_span

SHORTEST_HEALTHY = 60.0  # seconds
GAP_SHARE = 0.05  # of the healthy time: rounding hides a shorter gap
FAILED_BEFORE = "It had already failed when I first read it"


def headline(card: Card, failed_again: datetime | None = None) -> str:
    """`failed_again`: when a newer failure began, after the recovery that this card shows."""
    name = f"*{outside(card.pipeline.name)}*"
    if card.episode.outcome is EpisodeOutcome.UNWATCHED:
        return _unwatched(card, name)
    if failed_again:
        return _recovered_for_a_while(card, name, failed_again)
    words = flapping_lines if card.episode.flapping else _HEADLINES[card.episode.kind]
    first, *rest = words(card, name)
    lines = (_failed_refresh(card), first, *rest, _unreadable_now(card), _not_read(card))
    return "\n".join(line for line in lines if line)


def _unwatched(card: Card, name: str) -> str:
    """The last headline of a card whose pipeline lost its watch. The episode may still be open."""
    state = card.state
    last_state = phrases.state_words(state)
    last_state = f"last seen {last_state}" if state.observation and state.reach is Reach.REACHABLE else last_state
    return "\n".join([_no_more_updates(card, name), f"Began at {beginning(card.episode)}, {last_state}"])


def _recovered_for_a_while(card: Card, name: str, failed_again: datetime) -> str:
    """A late recovery is no current state, so nothing here is green."""
    words = f"{recovery_words(card.episode)}{phrases.but_failed(failed_again)}{how_often(card.episode)}"
    lines = (f"{phrases.LATE_NEWS} {name} {words} · {time_span(card.episode)}", _not_read(card))
    return "\n".join(line for line in lines if line)


def _no_more_updates(card: Card, name: str) -> str:
    if card.continues_in:
        return f":no_bell: *You're no longer paged* for {name}.{phrases.where_updates_continue(card.continues_in)}"
    receiver = "You get" if phrases.is_direct(card.channel) else "This channel gets"
    return f":no_bell: {name} is *no longer watched here*. {receiver} no further updates on this."


def _failed_refresh(card: Card) -> str:
    """Says that a *Refresh* failed. It comes first, because all lines below may be out of date."""
    observation = card.state.observation
    if card.unread_at is None or observation is None or not card.episode.open:
        return ""
    at, last = time_of_day(card.unread_at), time_of_day(observation.observed_at)
    return f"{phrases.UNKNOWN_STATE} Couldn't be read at {at}. Last seen at {last}:"


def _unreadable_now(card: Card) -> str:
    """The bot can't read the pipeline now, so the headline shows its last known state."""
    says_so_itself = {EpisodeKind.PAUSE, EpisodeKind.UNREADABLE}
    if not card.episode.open or card.state.reach is Reach.REACHABLE or card.episode.kind in says_so_itself:
        return ""
    return f"{phrases.UNKNOWN_STATE} Now: {phrases.state_words(card.state)}"


def _not_read(card: Card) -> str:
    """Names the gaps of the readings that a duration on this card contains, or in which a change may have happened."""
    episode = card.episode
    if episode.kind in {EpisodeKind.UNREADABLE, EpisodeKind.MOMENT}:
        return ""
    latest = [card.state.gap] if card.state.gap and _concerns(card.state.gap, episode) else []
    times = [from_to(gap.since, gap.until) for gap in (*episode.earlier_gaps, *latest)]
    return f"I didn't read it {', and '.join(times)}." if times else ""


def _concerns(gap: ReadGap, episode: Episode) -> bool:
    is_later = episode.closed_at is not None and gap.since >= episode.closed_at
    is_earlier = gap.until < episode.opened_at and not _matters(gap, episode.healthy)
    return not (is_later or is_earlier)


def _matters(gap: ReadGap, healthy: Healthy | None) -> bool:
    """True if the healthy time contains the gap, and is not much longer."""
    if healthy is None or _too_short(healthy) or gap.until < healthy.since:
        return False
    return (gap.until - gap.since).total_seconds() >= GAP_SHARE * healthy.seconds


def _failure(card: Card, name: str) -> tuple[str, ...]:
    episode, state = card.episode, card.state
    first_seen = f"{FAILED_BEFORE}." if episode.found_begun else ""
    if episode.outcome is EpisodeOutcome.RECOVERED:
        return (f":large_green_circle: {name} {recovery_words(episode)}{how_often(episode)} · {time_span(episode)}",)
    if episode.outcome is EpisodeOutcome.ON_PURPOSE:
        symbol, failed = phrases.state_symbol(state), counted_times(episode) or failed_words(episode)
        return (f"{symbol} {name} {failed}, then *{ending(episode)}* · {time_span(episode)}", first_seen)
    if state.run and state.has_stopped_short:
        again = f", {ordinal_time(episode)}" if episode.times > 1 else ""
        stopped = f":red_circle: {name} *{state.run.ending}*{again}"
        return (stopped, f"{time_span(episode)} · nobody asked for the stop", first_seen)
    if state.phase == Phase.FAILED or state.reach is not Reach.REACHABLE:
        ready = ready_words(card) if state.reach is Reach.REACHABLE else ""
        since = " · ".join(fact for fact in (time_span(episode), _healthy_before(episode), ready) if fact)
        again = f"*failed again*, {ordinal_time(episode)}" if episode.times > 1 else "*failed*"
        return (f":red_circle: {name} {again}{_after_healthy(episode)}", since, first_seen)
    failed = counted_times(episode) or failed_words(episode)
    headline_now = f"{phrases.state_symbol(state)} {name} {failed}, now {phrases.state_in_a_sentence(state)}"
    since = f"Failed at {beginning(episode)}{_after_healthy(episode)}"
    return (headline_now, since, ready_words(card), _not_recovered(state), first_seen)


def _not_recovered(state: PipelineState) -> str:
    """Why RUNNING alone does not end the failure."""
    observation = state.observation
    if not observation or observation.phase != Phase.RUNNING or observation.readiness is not Readiness.UNREPORTED:
        return ""
    return "GoldRush doesn't report how many replicas are ready, so I can't tell whether it has recovered."


def _after_healthy(episode: Episode) -> str:
    """How long the pipeline was live, if it failed directly from that state."""
    healthy = episode.healthy
    later = episode.times > 1  # it was healthy before the first time
    if later or healthy is None or healthy.until is None or healthy.until < episode.opened_at or _too_short(healthy):
        return ""
    return f" after {_healthy_for(healthy)} healthy"


def _healthy_before(episode: Episode) -> str:
    """When the pipeline was last live, if another state came in between, such as a deployment."""
    healthy = episode.healthy
    if healthy is None or healthy.until is None or healthy.until >= episode.opened_at:
        return ""
    lasted = "" if _too_short(healthy) else f", for {_healthy_for(healthy)}"
    return f"last healthy {date(healthy.read_until or healthy.until)}{lasted}"


def _too_short(healthy: Healthy) -> bool:
    """True if the bot knows of less than a minute: the pipeline may have been healthy for much longer."""
    is_shortest = healthy.at_least or healthy.read_until is not None
    return is_shortest and healthy.seconds < SHORTEST_HEALTHY


def _healthy_for(healthy: Healthy) -> str:
    return phrases.lasted(healthy.seconds, first_seen=healthy.at_least or healthy.read_until is not None)


def recovery_words(episode: Episode) -> str:
    return f"{phrases.RECOVERED} after {downtime(episode)}"


def _degraded(card: Card, name: str) -> tuple[str, ...]:
    episode, ready = card.episode, ready_words(card)
    when = time_span(episode)
    if episode.open:
        again = f" · {ordinal_time(episode)}" if episode.times > 1 else ""
        return (f"{_DEGRADED_NOW[_readiness(card)].format(name=name)}{f': {ready}' if ready else ''}{again}", when)
    if episode.outcome is EpisodeOutcome.LIVE:
        lasted = f"{downtime(episode)}{how_often(episode)}"
        return (f":large_green_circle: {name} has *all replicas ready* again after {lasted} · {when}",)
    return (f"{phrases.DEGRADED} {name} was *degraded* for {downtime(episode)}, then {ending(episode)} · {when}",)


_DEGRADED_NOW = {
    Readiness.SHORT: f"{phrases.DEGRADED} {{name}} is *degraded*",
    Readiness.SURPLUS: f"{phrases.UNKNOWN_STATE} {{name}} was *degraded*, now more replicas are ready than wanted",
    Readiness.UNREPORTED: f"{phrases.UNKNOWN_STATE} {{name}} was *degraded*, now its readiness is not reported",
}


def _readiness(card: Card) -> Readiness:
    """READY is impossible here: it ends the episode."""
    observation = card.state.observation
    return observation.readiness if observation and observation.readiness in _DEGRADED_NOW else Readiness.SHORT


def _moment(card: Card, name: str) -> tuple[str, ...]:
    if times := counted_times(card.episode):
        return (f":arrows_counterclockwise: {name} {times}, now {phrases.state_in_a_sentence(card.state)}",)
    entries = card.episode.timeline[:1]
    return tuple(entry_words(entry, card.channel, card.pipeline) for entry in entries) or (f"{name} changed",)


def _unreadable(card: Card, name: str) -> tuple[str, ...]:
    episode = card.episode
    reason = next((line.reason for line in reversed(episode.timeline) if line.reason), "")
    since = time_span(episode)
    reason_line = outside(reason, REASON_LIMIT) if reason else ""
    if not episode.open:
        if episode.outcome is EpisodeOutcome.READABLE:
            lasted = f"{downtime(episode)}{how_often(episode)}"
            return (f":large_green_circle: {name} *can be read again* after {lasted} · {since}",)
        unread = f"couldn't be read for {downtime(episode)}, then *{ending(episode)}* · {since}"
        return (f"{phrases.state_symbol(card.state)} {name} {unread}",)
    if card.state.reach is Reach.GONE:
        return (
            f"{phrases.UNKNOWN_STATE} {name} is *{phrases.GONE}*",
            since,
            "I'll read it once GoldRush lists it again.",
        )
    if card.pipeline.id == API_PIPELINE_ID:
        return (f":no_entry: {name} *can't be read*", since, reason_line, _retry_line(episode))
    return (f"{phrases.UNKNOWN_STATE} {name} *can't be read*, {_last_seen(card)}", since, reason_line)


def _retry_line(episode: Episode) -> str:
    until = next((line.until for line in reversed(episode.timeline) if line.reason), None)
    wait = f"I'll try again at {date(until)}. Until then" if until else "Until this is over,"
    return f"{wait} I can't tell whether pipelines are healthy."


def _last_seen(card: Card) -> str:
    return f"last seen {phrases.phase_word(card.state.phase)}" if card.state.phase else "never read yet"


def _other(card: Card, name: str) -> tuple[str, ...]:
    episode = card.episode
    word = phrases.phase_word(episode.timeline[0].phase if episode.timeline else None)
    undocumented = "GoldRush doesn't document this phase."
    if episode.open:
        return (f"{phrases.UNKNOWN_STATE} {name} reports *{word}*", time_span(episode), undocumented)
    was = f"reported *{word}* for {downtime(episode)}, then *{ending(episode)}* · {time_span(episode)}"
    return (f":black_circle: {name} {was}", undocumented)


_HEADLINES: dict[EpisodeKind, Callable[[Card, str], tuple[str, ...]]] = {
    EpisodeKind.FAILURE: _failure,
    EpisodeKind.DEGRADED: _degraded,
    EpisodeKind.DEPLOYMENT: deployment_lines,
    EpisodeKind.PAUSE: pause_lines,
    EpisodeKind.MOMENT: _moment,
    EpisodeKind.UNREADABLE: _unreadable,
    EpisodeKind.LAG: lag_lines,
    EpisodeKind.DRIFT: drift_lines,
    EpisodeKind.OTHER: _other,
}
