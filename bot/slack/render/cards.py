"""The messages of episodes: card and thread line. Each is rendered whole, most important first. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from bot.domain.card import Card, ThreadEntry
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Delivery
from bot.domain.episode import Episode, EpisodeKind, Outcome, TimelineEntry
from bot.domain.phase import Phase, Readiness
from bot.domain.transition import Event, Healthy, PipelineState, Reach
from bot.domain.watch import API_PIPELINE_ID
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import Block, Message, actions, button, confirmation, context, message, section, value
from bot.slack.render.mrkdwn import REASON_LIMIT, date, duration, outside, span, time_of_day
from bot.slack.render.note_words import guidance_lines
from bot.slack.render.paging import origins_context, stop_button

LONGEST_ID = 150
LATE_AFTER = timedelta(seconds=30)
SHORTEST_HEALTHY = 60.0  # seconds
PIPELINE_ID = "{pipeline_id}"
FAILED_BEFORE = "It had already failed when I first read it"
POSSIBLE_REPEAT = "Possible repeat: I couldn't check whether an earlier copy of this message arrived."


@dataclass(frozen=True, slots=True)
class RenderContext:
    """The settings that every card needs. `platform_url` may hold `{pipeline_id}`."""

    platform_url: str
    command: str

    @property
    def knows_pipelines(self) -> bool:
        """True if the address of a single pipeline is known."""
        return PIPELINE_ID in self.platform_url

    def link(self, pipeline_id: str) -> str:
        """A link to the pipeline if its address is known, else to the platform. The label says which."""
        if not self.knows_pipelines:
            return f"<{self.platform_url}|Open GoldRush Platform>"
        return f"<{self.address(pipeline_id)}|Open in GoldRush>"

    @property
    def home(self) -> str:
        """A link to GoldRush itself."""
        before = self.platform_url.partition(PIPELINE_ID)[0].partition("?")[0]
        return f"<{before if before.endswith('/') else before.rpartition('/')[0] + '/'}|Open GoldRush Platform>"

    def address(self, pipeline_id: str) -> str:
        """Cuts an overlong id, which could exceed Slack's limit. GoldRush's own ids are shorter."""
        return self.platform_url.replace(PIPELINE_ID, quote(pipeline_id[:LONGEST_ID], safe=""))


def render_card(card: Card, delivery: Delivery, now: datetime, render_context: RenderContext) -> Message:
    of_the_api = card.pipeline.id == API_PIPELINE_ID
    blocks: list[Block] = [section(_headline(card))]
    if calling := _calling(card):
        blocks.append(section(calling))
    to_do = card.episode.open or bool(card.continues_in)
    if card.episode.kind is EpisodeKind.FAILURE and to_do and (todo := guidance_lines(card.guidance)):
        blocks.append(section("\n".join(todo)))
    if card.episode.open:
        blocks += origins_context(card.origins, card.channel)
    if card.episode.acknowledged:
        answer = card.episode.acknowledged
        blocks += context(
            f":eyes: Acknowledged by {phrases.answered_by(answer.name, answer.place)} at {date(answer.at)}"
        )
    if not of_the_api:
        blocks += context(*_facts(card), render_context.link(card.pipeline.id))
    blocks += context(phrases.standing_in(card.stands_in_for))
    blocks += footnotes(delivery, now)
    if not of_the_api:
        blocks += _buttons(card)
    return message(blocks)


def _headline(card: Card) -> str:
    name = f"*{outside(card.pipeline.name)}*"
    if card.episode.outcome is Outcome.UNWATCHED:
        return _unwatched(card, name)
    first, *rest = _HEADLINES[card.episode.kind](card, name)
    return "\n".join(line for line in (_unread(card), first, *rest, _unseen(card)) if line)


def _unwatched(card: Card, name: str) -> str:
    """The card's last words. Nobody knows whether the episode is over."""
    state = card.state
    seen = phrases.state_words(state)
    seen = f"last seen {seen}" if state.observation and state.reach is Reach.REACHABLE else seen
    return "\n".join([_no_more_updates(card, name), f"Began at {_beginning(card.episode)}, {seen}"])


def _no_more_updates(card: Card, name: str) -> str:
    if card.continues_in:
        return f":no_bell: *You're no longer paged* for {name}.{phrases.continues(card.continues_in)}"
    receiver = "You get" if phrases.is_direct(card.channel) else "This channel gets"
    return f":no_bell: {name} is *no longer watched here*. {receiver} no further updates on this."


def _unread(card: Card) -> str:
    """Stands first, because all below it may be out of date. Both times stay true later."""
    seen = card.state.observation
    if card.unread_at is None or seen is None or not card.episode.open:
        return ""
    at, last = time_of_day(card.unread_at), time_of_day(seen.observed_at)
    return f"{phrases.BLIND} Couldn't be read at {at}. Last seen at {last}:"


def _unseen(card: Card) -> str:
    """The pipeline can't be read now: the headline shows its last known state."""
    says_so_itself = {EpisodeKind.PAUSE, EpisodeKind.BLIND}
    if not card.episode.open or card.state.reach is Reach.REACHABLE or card.episode.kind in says_so_itself:
        return ""
    return f"{phrases.BLIND} Now: {phrases.state_words(card.state)}"


def _failure(card: Card, name: str) -> tuple[str, ...]:
    episode, state = card.episode, card.state
    first_seen = f"{FAILED_BEFORE}." if episode.first_seen else ""
    if episode.outcome is Outcome.RECOVERED:
        what = recovery_words(card) if came_with_its_end(card) else _failed_once(episode)
        return (f":large_green_circle: {name} {what} · {_when(episode)}",)
    if episode.outcome is Outcome.ON_PURPOSE:
        symbol = phrases.standing_symbol(state)
        return (f"{symbol} {name} failed, then *{_ending(episode)}* · {_when(episode)}", first_seen)
    if state.phase == Phase.FAILED or state.reach is not Reach.REACHABLE:
        ready = _ready(card) if state.reach is Reach.REACHABLE else ""
        since = " · ".join(fact for fact in (_when(episode), _healthy_before(episode), ready) if fact)
        return (f":red_circle: {name} *failed*{_after_healthy(episode)}", since, first_seen)
    coming = f"{phrases.standing_symbol(state)} {name} failed, now {phrases.state_in_a_sentence(state)}"
    since = f"Failed at {_beginning(episode)}{_after_healthy(episode)}"
    return (coming, since, _ready(card), _not_recovered(state), first_seen)


def _failed_once(episode: Episode) -> str:
    """A single time behind "failed" would read as if the failure lasted."""
    briefly = episode.closed_at is not None and episode.closed_at - episode.opened_at < timedelta(minutes=1)
    return "failed briefly" if briefly and not episode.first_seen else "failed"


def _not_recovered(state: PipelineState) -> str:
    """Why RUNNING alone does not end the failure."""
    seen = state.observation
    if not seen or seen.phase != Phase.RUNNING or seen.readiness is not Readiness.UNREPORTED:
        return ""
    return "GoldRush doesn't report how many replicas are ready, so I can't tell whether it has recovered."


def _after_healthy(episode: Episode) -> str:
    """How long it was live, if it failed straight from there."""
    healthy = episode.healthy
    if healthy is None or healthy.until is None or healthy.until < episode.opened_at or _says_nothing(healthy):
        return ""
    return f" after {_healthy_for(healthy)} healthy"


def _healthy_before(episode: Episode) -> str:
    """When it was last live, if something came in between, such as a deployment."""
    healthy = episode.healthy
    if healthy is None or healthy.until is None or healthy.until >= episode.opened_at:
        return ""
    lasted = "" if _says_nothing(healthy) else f", for {_healthy_for(healthy)}"
    return f"last healthy {date(healthy.until)}{lasted}"


def _says_nothing(healthy: Healthy) -> bool:
    """True if the bot saw it for less than a minute: it may have been healthy for much longer."""
    return healthy.at_least and _healthy_seconds(healthy) < SHORTEST_HEALTHY


def _healthy_seconds(healthy: Healthy) -> float:
    return ((healthy.until or healthy.since) - healthy.since).total_seconds()


def _healthy_for(healthy: Healthy) -> str:
    return phrases.length(_healthy_seconds(healthy), first_seen=healthy.at_least)


def recovery_words(card: Card) -> str:
    """The card says "recovered" only if no line in the channel says it."""
    if came_with_its_end(card):
        return f"*recovered* after {_downtime(card.episode)}"
    return f"was *down* for {_downtime(card.episode)}"


def came_with_its_end(card: Card) -> bool:
    return bool(card.episode.timeline) and card.came_at >= card.episode.timeline[-1].revision


def _ready(card: Card) -> str:
    observation = card.state.observation
    return phrases.replicas(observation.phase, observation.ready, observation.replicas) if observation else ""


def _when(episode: Episode) -> str:
    """When an open episode began; when a closed one began and ended."""
    if episode.closed_at is None:
        return f"Since {_beginning(episode)}"
    return span(episode.opened_at, episode.closed_at, or_earlier=episode.first_seen)


def _beginning(episode: Episode) -> str:
    return phrases.moment(episode.opened_at, first_seen=episode.first_seen)


def _degraded(card: Card, name: str) -> tuple[str, ...]:
    episode, ready = card.episode, _ready(card)
    when = _when(episode)
    if episode.open:
        return (f"{_DEGRADED_NOW[_readiness(card)].format(name=name)}{f': {ready}' if ready else ''}", when)
    if episode.outcome is Outcome.LIVE:
        return (f":large_green_circle: {name} has *all replicas ready* again after {_downtime(episode)} · {when}",)
    return (f"{phrases.DEGRADED} {name} was *degraded* for {_downtime(episode)}, then {_ending(episode)} · {when}",)


_DEGRADED_NOW = {
    Readiness.SHORT: f"{phrases.DEGRADED} {{name}} is *degraded*",
    Readiness.SURPLUS: f"{phrases.BLIND} {{name}} was *degraded*, now more replicas are ready than wanted",
    Readiness.UNREPORTED: f"{phrases.BLIND} {{name}} was *degraded*, now its readiness is not reported",
}


def _readiness(card: Card) -> Readiness:
    """READY is impossible here: it ends the episode."""
    seen = card.state.observation
    return seen.readiness if seen and seen.readiness in _DEGRADED_NOW else Readiness.SHORT


def _deployment(card: Card, name: str) -> tuple[str, ...]:
    episode, state = card.episode, card.state
    if episode.outcome is Outcome.LIVE:
        took = f" after {_downtime(episode)}" if episode.closed_at != episode.opened_at else ""
        return (f":large_green_circle: {name} is *live*{took} · {_when(episode)}",)
    if not episode.open:
        return (f":black_circle: {name} was deploying, then *{_ending(episode)}* · {_when(episode)}",)
    since = f"Began at {_beginning(episode)}"
    if state.phase == Phase.RUNNING:
        return (f":large_blue_circle: {name} is *running*, {_not_live(state)}", since, _ready(card))
    return (f":large_blue_circle: {name} {phrases.phase_clause(state.phase)}", since)


def _not_live(state: PipelineState) -> str:
    seen = state.observation
    return "readiness not reported" if seen and seen.readiness is Readiness.UNREPORTED else "not live yet"


def _pause(card: Card, name: str) -> tuple[str, ...]:
    episode, state = card.episode, card.state
    when = _when(episode)
    if not episode.open:
        was = phrases.phase_in_a_sentence(episode.timeline[-2].phase if len(episode.timeline) > 1 else None)
        return (f":black_circle: {name} was {was} for {_downtime(episode)}, then *{_ending(episode)}* · {when}",)
    wanted = phrases.intent_words(card.pipeline, state)
    words = f"{phrases.standing_symbol(state)} {name} {phrases.state_clause(state)}"
    return (words, when, f":warning: Nobody asked for this: it {wanted}" if wanted else "")


def _restart(card: Card, name: str) -> tuple[str, ...]:
    symbol = phrases.standing_symbol(card.state)
    return (
        f":arrows_counterclockwise: {name} *restarted* between two readings",
        f"{symbol} {phrases.state_words(card.state)}",
    )


def _blind(card: Card, name: str) -> tuple[str, ...]:
    episode = card.episode
    reason = next((line.reason for line in reversed(episode.timeline) if line.reason), "")
    since = _when(episode)
    why = outside(reason, REASON_LIMIT) if reason else ""
    if not episode.open:
        if episode.outcome is Outcome.READABLE:
            return (f":large_green_circle: {name} *can be read again* after {_downtime(episode)} · {since}",)
        ending = f"couldn't be read for {_downtime(episode)}, then *{_ending(episode)}* · {since}"
        return (f"{phrases.standing_symbol(card.state)} {name} {ending}",)
    if card.state.reach is Reach.GONE:
        return (f"{phrases.BLIND} {name} is *{phrases.GONE}*", since, "I'll read it once GoldRush lists it again.")
    if card.pipeline.id == API_PIPELINE_ID:
        return (f":no_entry: {name} *can't be read*", since, why, _until(episode))
    return (f"{phrases.BLIND} {name} *can't be read*, {_last_seen(card)}", since, why)


def _until(episode: Episode) -> str:
    until = next((line.until for line in reversed(episode.timeline) if line.reason), None)
    wait = f"I'll try again at {date(until)}. Until then" if until else "Until it can be read again,"
    return f"{wait} I can't tell whether pipelines are healthy."


def _last_seen(card: Card) -> str:
    return f"last seen {phrases.phase_word(card.state.phase)}" if card.state.phase else "never read yet"


def _other(card: Card, name: str) -> tuple[str, ...]:
    episode = card.episode
    word = phrases.phase_word(episode.timeline[0].phase if episode.timeline else None)
    undocumented = "GoldRush doesn't document this phase."
    if episode.open:
        return (f"{phrases.BLIND} {name} reports *{word}*", _when(episode), undocumented)
    was = f"reported *{word}* for {_downtime(episode)}, then *{_ending(episode)}* · {_when(episode)}"
    return (f":black_circle: {name} {was}", undocumented)


_HEADLINES: dict[EpisodeKind, Callable[[Card, str], tuple[str, ...]]] = {
    EpisodeKind.FAILURE: _failure,
    EpisodeKind.DEGRADED: _degraded,
    EpisodeKind.DEPLOYMENT: _deployment,
    EpisodeKind.PAUSE: _pause,
    EpisodeKind.RESTART: _restart,
    EpisodeKind.BLIND: _blind,
    EpisodeKind.OTHER: _other,
}


def _downtime(episode: Episode) -> str:
    return phrases.length(episode.downtime_seconds, first_seen=episode.first_seen)


def _ending(episode: Episode) -> str:
    return phrases.phase_in_a_sentence(episode.timeline[-1].phase if episode.timeline else None)


def _calling(card: Card) -> str:
    """Mentions the targets of a failure until someone acknowledges it. Later edits of the card ping nobody."""
    if card.episode.kind is not EpisodeKind.FAILURE or not card.episode.open or card.episode.acknowledged:
        return ""
    who = phrases.calling(card.targets)
    return f":rotating_light: {who} please take a look and acknowledge." if who else ""


def _facts(card: Card) -> list[str]:
    observation = card.state.observation
    facts = [
        outside(card.pipeline.project, 60) if card.pipeline.project else "",
        outside(card.pipeline.id, 60),
        phrases.intent_words(card.pipeline, card.state) if card.episode.open else "",
        f"read at {time_of_day(observation.observed_at)}" if observation else "never read",
        _lasted(card),
        FAILED_BEFORE if card.episode.first_seen and card.episode.outcome is Outcome.RECOVERED else "",
    ]
    return [fact for fact in facts if fact]


def _lasted(card: Card) -> str:
    """How long a failure lasted, unless the headline says it, and how exact that is."""
    episode = card.episode
    if episode.outcome is not Outcome.RECOVERED:
        return ""
    lasted = "" if came_with_its_end(card) else f"down for {_downtime(episode)}"
    return ", ".join(each for each in (lasted, _precision(episode)) if each)


def _precision(episode: Episode) -> str:
    """The error of a downtime: the failure may have begun, or ended, just after the reading before."""
    if not episode.timeline:
        return ""
    began, ended = episode.timeline[0], episode.timeline[-1]
    if began.after is None or ended.after is None:
        return ""
    off_by = max(began.at - began.after, ended.at - ended.after)
    return phrases.give_or_take(off_by.total_seconds())


def footnotes(delivery: Delivery, now: datetime) -> list[Block]:
    """Says that the message came late and why, or that it may be a repeat."""
    return [*context(_lateness(delivery, now)), *possible_repeat(delivery)]


def possible_repeat(delivery: Delivery) -> list[Block]:
    return context(POSSIBLE_REPEAT if delivery.attempt.possible_repeat else "")


def _lateness(delivery: Delivery, now: datetime) -> str:
    """The change happened between two readings. The text names the earlier one too if it is much earlier."""
    message, delay = delivery.message, delivery.attempt.delay
    if now - message.made_at < LATE_AFTER:
        return ""
    late = duration((now - message.made_at).total_seconds())
    read = f"read at {time_of_day(message.made_at)}"
    if message.earliest and message.made_at - message.earliest >= LATE_AFTER:
        read = f"happened after {time_of_day(message.earliest)}, {read}"
    why = phrases.DELAYS[delay] if delay else "other messages went first"
    return f":hourglass: Late by {late}: {read}, posted at {time_of_day(now)}, because {why}."


def _buttons(card: Card) -> list[Block]:
    facts = {"pipeline": card.pipeline.id, "card": card.key}
    answerable = card.episode.kind is EpisodeKind.FAILURE and card.episode.open and not card.episode.acknowledged
    watched = not phrases.is_direct(card.channel) and card.episode.outcome is not Outcome.UNWATCHED
    stop = confirmation(
        "Unwatch this pipeline?",
        "This ends the channel's own watch on this pipeline. If a pattern covers it too, updates continue, and I'll "
        "show you the pattern. You can undo this for 1 h.",
        "Unwatch",
    )
    return actions(
        f"{card.key}-{card.revision}",
        button(action_ids.ACKNOWLEDGE, "Acknowledge", value(**facts), style="primary") if answerable else None,
        button(action_ids.REFRESH, "Refresh", value(**facts)),
        button(action_ids.UNWATCH, "Unwatch", value(**facts), confirm=stop) if watched else None,
        stop_button(card.channel, card.origins, pipeline=card.pipeline.id) if card.episode.open else None,
    )


# --- lines -----------------------------------------------------------------------------------------------


def render_line(told: ThreadEntry, delivery: Delivery, now: datetime) -> Message:
    line = section(line_words(told.entry, told.pipeline if told.broadcast else None))
    return message([line, *footnotes(delivery, now)])


_LINES: tuple[tuple[Event, str], ...] = (
    (Event.ACKNOWLEDGED, ":eyes: {name}Acknowledged by {by}"),
    (Event.RECOVERED, "{sign} {name}*recovered*{took}"),
    (Event.LIVE, "{sign} {name}{be}*live*{took}{counted}"),
    (Event.DEGRADED, f"{phrases.DEGRADED} {{name}}{{be}}*degraded*{{counted}}"),
    (Event.RESTARTED, ":arrows_counterclockwise: {name}*restarted*, now {phase}{counted}"),
    (Event.BACK, "{sign} {name}*can be read again*{took}"),
    (Event.GONE, f"{phrases.BLIND} {{name}}{{be}}*{phrases.GONE}*"),
    (Event.UNREACHABLE, f"{phrases.BLIND} {{name}}*can't be read*: {{reason}}"),
)


def line_words(line: TimelineEntry, named: Pipeline | None = None) -> str:
    """One sentence for one reading, about its most important event. Outside its thread it needs a name."""
    ready = phrases.replicas(line.phase, line.ready, line.replicas)
    # A reading that shows a change shows also that the pipeline can be read again.
    events = [event for event in line.events if event is not Event.BACK] or line.events
    form = next((form for event, form in _LINES if event in events), "{sign} {name}{clause}{counted}")
    return form.format(
        name=f"*{outside(named.name)}* " if named else "",
        be="is " if named else "",
        by=phrases.answered_by(line.name, line.place),
        sign=phrases.counted_symbol(line.phase, line.ready, line.replicas),
        phase=phrases.phase_in_a_sentence(line.phase),
        clause=phrases.phase_clause(line.phase) if named else f"*{phrases.phase_in_a_sentence(line.phase)}*",
        counted=f": {ready}" if ready else "",
        took=f" after {phrases.length(line.downtime_seconds, first_seen=line.at_least)}" if line.ends else "",
        reason=outside(line.reason, REASON_LIMIT) if line.reason else "",
    )
