"""The messages of episodes: card, thread line, notice. Always rendered whole, most important first. Pure."""

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
FAILED_BEFORE = "It was FAILED already when it was first read"
POSSIBLE_REPEAT = "Possible repeat: what was sent before could not be read back from Slack."


@dataclass(frozen=True, slots=True)
class RenderContext:
    """What every card needs of its surroundings. `platform_url` may hold `{pipeline_id}`."""

    platform_url: str
    command: str

    @property
    def knows_pipelines(self) -> bool:
        """Whether the address of a single pipeline is known."""
        return PIPELINE_ID in self.platform_url

    def link(self, pipeline_id: str) -> str:
        """Opens the pipeline where its address is known; otherwise the label says what it opens."""
        if not self.knows_pipelines:
            return f"<{self.platform_url}|Open GoldRush Platform>"
        return f"<{self.address(pipeline_id)}|Open in GoldRush>"

    @property
    def home(self) -> str:
        """GoldRush itself, whatever address single pipelines have."""
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
    """Whatever it was about: it may be over by now, or not."""
    standing = card.state
    seen = phrases.state_words(standing)
    seen = f"last seen {seen}" if standing.observation and standing.reach is Reach.REACHABLE else seen
    told = _told_no_more(card, name)
    return "\n".join([told, f"began at {_beginning(card.episode)}, {seen}"])


def _told_no_more(card: Card, name: str) -> str:
    if card.continues_in:
        return f":no_bell: *You're no longer paged* for {name}.{phrases.continues(card.continues_in)}"
    receiver = "You get" if phrases.is_direct(card.channel) else "This channel gets"
    return f":no_bell: {name} is *no longer watched here*. {receiver} no further updates on this"


def _unread(card: Card) -> str:
    """Leads what may be otherwise by now. Both times stay true when it can be read again."""
    seen = card.state.observation
    if card.unread_at is None or seen is None or not card.episode.open:
        return ""
    at, last = time_of_day(card.unread_at), time_of_day(seen.observed_at)
    return f"{phrases.BLIND} Could not be read at {at}. Last seen at {last}:"


def _unseen(card: Card) -> str:
    """That the pipeline cannot be read now, under a headline that says how it was when it last could."""
    says_so_itself = {EpisodeKind.FAILURE, EpisodeKind.PAUSE, EpisodeKind.BLIND}
    if not card.episode.open or card.state.reach is Reach.REACHABLE or card.episode.kind in says_so_itself:
        return ""
    return f"{phrases.BLIND} Now: {phrases.state_words(card.state)}"


def _failure(card: Card, name: str) -> tuple[str, ...]:
    episode, standing = card.episode, card.state
    first_seen = f"{FAILED_BEFORE}." if episode.first_seen else ""
    if episode.outcome is Outcome.RECOVERED:
        told = f"{recovery_words(card)} ·" if came_with_its_end(card) else _failed_once(episode)
        return (f":large_green_circle: {name} {told} {_when(episode)}",)
    if episode.outcome is Outcome.ON_PURPOSE:
        symbol = phrases.standing_symbol(standing)
        return (f"{symbol} {name} *{_ending(episode)}* after FAILED · {_when(episode)}", first_seen)
    since = f"FAILED {_when(episode)}{_after_healthy(episode)}"
    if standing.reach is not Reach.REACHABLE:
        return (f":red_circle: {name} *FAILED*, and now {phrases.state_words(standing)}", since, first_seen)
    if standing.phase == Phase.FAILED:
        ready = _ready(card)
        since = " · ".join(fact for fact in (_when(episode), _healthy_before(episode), ready) if fact)
        return (f":red_circle: {name} *FAILED*{_after_healthy(episode)}", since, first_seen)
    coming = f"{phrases.standing_symbol(standing)} {name} is {phrases.state_words(standing)} after FAILED"
    return (coming, since, _ready(card), _not_recovered(standing), first_seen)


def _failed_once(episode: Episode) -> str:
    """One moment alone would read as if it still failed."""
    briefly = episode.closed_at is not None and episode.closed_at - episode.opened_at < timedelta(minutes=1)
    return "failed briefly ·" if briefly and not episode.first_seen else "failed"


def _not_recovered(standing: PipelineState) -> str:
    """RUNNING alone ends no failure: why not."""
    seen = standing.observation
    if not seen or seen.phase != Phase.RUNNING or seen.readiness is not Readiness.UNREPORTED:
        return ""
    return "GoldRush does not report how many replicas are ready, so I can't tell whether it has recovered."


def _after_healthy(episode: Episode) -> str:
    """Where it was live right before it failed."""
    healthy = episode.healthy
    if healthy is None or healthy.until is None or healthy.until < episode.opened_at or _says_nothing(healthy):
        return ""
    return f" after {_healthy_for(healthy)} healthy"


def _healthy_before(episode: Episode) -> str:
    """Where something else came in between, such as a deployment."""
    healthy = episode.healthy
    if healthy is None or healthy.until is None or healthy.until >= episode.opened_at:
        return ""
    lasted = "" if _says_nothing(healthy) else f", for {_healthy_for(healthy)}"
    return f"last healthy {date(healthy.until)}{lasted}"


def _says_nothing(healthy: Healthy) -> bool:
    """The bot saw it for less than a minute, so how long it was healthy is unknown."""
    return healthy.at_least and _healthy_seconds(healthy) < SHORTEST_HEALTHY


def _healthy_seconds(healthy: Healthy) -> float:
    return ((healthy.until or healthy.since) - healthy.since).total_seconds()


def _healthy_for(healthy: Healthy) -> str:
    return phrases.length(_healthy_seconds(healthy), first_seen=healthy.at_least)


def recovery_words(card: Card) -> str:
    """The line that the channel sees says "recovered". A card says so itself only where no such line follows."""
    if came_with_its_end(card):
        return f"*recovered* after {_downtime(card.episode)}"
    return f"was *down* for {_downtime(card.episode)}"


def came_with_its_end(card: Card) -> bool:
    return bool(card.episode.timeline) and card.came_at >= card.episode.timeline[-1].revision


def _ready(card: Card) -> str:
    observation = card.state.observation
    return phrases.replicas(observation.phase, observation.ready, observation.replicas) if observation else ""


def _when(episode: Episode) -> str:
    """The beginning of an open episode; beginning and end of one that is over."""
    if episode.closed_at is None:
        return f"since {_beginning(episode)}"
    return span(episode.opened_at, episode.closed_at, or_earlier=episode.first_seen)


def _beginning(episode: Episode) -> str:
    return phrases.moment(episode.opened_at, first_seen=episode.first_seen)


def _degraded(card: Card, name: str) -> tuple[str, ...]:
    episode, ready = card.episode, _ready(card)
    when = _when(episode)
    if episode.open:
        return (f"{_DEGRADED_NOW[_readiness(card)].format(name=name)}{f' — {ready}' if ready else ''}", when)
    if episode.outcome is Outcome.LIVE:
        return (f":large_green_circle: {name} has *all replicas ready* again after {_downtime(episode)} · {when}",)
    was = f"was *degraded* for {_downtime(episode)} · {when}"
    return (f"{phrases.DEGRADED} {name} {was}; it is {_ending(episode)} now",)


_DEGRADED_NOW = {
    Readiness.SHORT: f"{phrases.DEGRADED} {{name}} is *RUNNING, degraded*",
    Readiness.SURPLUS: f"{phrases.BLIND} {{name}} is *RUNNING*, more replicas ready than wanted, after degraded",
    Readiness.UNREPORTED: f"{phrases.BLIND} {{name}} is *RUNNING*, readiness not reported, after degraded",
}


def _readiness(card: Card) -> Readiness:
    """Never ready: that ends the episode."""
    seen = card.state.observation
    return seen.readiness if seen and seen.readiness in _DEGRADED_NOW else Readiness.SHORT


def _deployment(card: Card, name: str) -> tuple[str, ...]:
    episode, standing = card.episode, card.state
    if episode.outcome is Outcome.LIVE:
        took = f" after {_downtime(episode)}" if episode.closed_at != episode.opened_at else ""
        return (f":large_green_circle: {name} is *live*{took} · {_when(episode)}",)
    if not episode.open:
        return (f":black_circle: {name} was deploying · {_when(episode)}; it is *{_ending(episode)}* now",)
    since = f"began at {_beginning(episode)}"
    if standing.phase == Phase.RUNNING:
        return (f":large_blue_circle: {name} is *RUNNING*, {_not_live(standing)}", since, _ready(card))
    return (f":large_blue_circle: {name} is *{phrases.phase_word(standing.phase)}*", since)


def _not_live(standing: PipelineState) -> str:
    seen = standing.observation
    return "readiness not reported" if seen and seen.readiness is Readiness.UNREPORTED else "not live yet"


def _pause(card: Card, name: str) -> tuple[str, ...]:
    episode, standing = card.episode, card.state
    when = _when(episode)
    if not episode.open:
        was = phrases.phase_word(episode.timeline[-2].phase if len(episode.timeline) > 1 else None)
        lasted = f"was {was} for {_downtime(episode)} · {when}"
        return (f":black_circle: {name} {lasted}; it is *{_ending(episode)}* now",)
    wanted = phrases.intent_words(card.pipeline, standing)
    be = "" if standing.reach is Reach.UNREACHABLE else "is "
    words = f"{phrases.standing_symbol(standing)} {name} {be}{phrases.state_words(standing)}"
    return (words, when, f":warning: {wanted}: nobody asked for this" if wanted else "")


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
        what = "can be read again" if episode.outcome is Outcome.READABLE else f"is {_ending(episode)}"
        return (f":large_green_circle: {name} *{what}* after {_downtime(episode)} · {since}",)
    if card.state.reach is Reach.GONE:
        return (f"{phrases.BLIND} {name} is *{phrases.GONE}*", since, "It is read again once GoldRush lists it again.")
    if card.pipeline.id == API_PIPELINE_ID:
        return (
            f":no_entry: {name} *cannot be read*",
            since,
            why,
            _until(episode),
        )
    return (f"{phrases.BLIND} {name} *cannot be read* — {_last_seen(card)}", since, why)


def _until(episode: Episode) -> str:
    until = next((line.until for line in reversed(episode.timeline) if line.reason), None)
    wait = f"I read again at {date(until)}. Until then" if until else "Until it can be read again,"
    return f"{wait} I can't tell whether pipelines are healthy."


def _last_seen(card: Card) -> str:
    return f"last seen {phrases.phase_word(card.state.phase)}" if card.state.phase else "never read so far"


def _other(card: Card, name: str) -> tuple[str, ...]:
    episode = card.episode
    word = phrases.phase_word(episode.timeline[0].phase if episode.timeline else None)
    undocumented = "This phase is not one that GoldRush documents."
    if episode.open:
        return (f"{phrases.BLIND} {name} reports *{word}*", f"since {date(episode.opened_at)}", undocumented)
    was = f"reported *{word}* for {_downtime(episode)} · {_when(episode)}"
    return (f":black_circle: {name} {was}; it is *{_ending(episode)}* now", undocumented)


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
    return phrases.phase_word(episode.timeline[-1].phase if episode.timeline else None)


def _calling(card: Card) -> str:
    """Mentions stand on a failure that nobody has answered yet: later edits of the card ping nobody."""
    if card.episode.kind is not EpisodeKind.FAILURE or not card.episode.open or card.episode.acknowledged:
        return ""
    who = phrases.calling(card.targets)
    return f":rotating_light: {who} please look at it, and acknowledge." if who else ""


def _facts(card: Card) -> list[str]:
    observation = card.state.observation
    facts = [
        outside(card.pipeline.project, 60) if card.pipeline.project else "",
        outside(card.pipeline.id, 60),
        phrases.intent_words(card.pipeline, card.state) if card.episode.open else "",
        f"read {time_of_day(observation.observed_at)}" if observation else "never read",
        _lasted(card),
        FAILED_BEFORE if card.episode.first_seen and card.episode.outcome is Outcome.RECOVERED else "",
    ]
    return [fact for fact in facts if fact]


def _lasted(card: Card) -> str:
    """How long a failure that is over lasted, where the headline does not say so, and how exact that is."""
    episode = card.episode
    if episode.outcome is not Outcome.RECOVERED:
        return ""
    lasted = "" if came_with_its_end(card) else f"down for {_downtime(episode)}"
    return ", ".join(each for each in (lasted, _precision(episode)) if each)


def _precision(episode: Episode) -> str:
    """A failure is measured from reading to reading: it may have begun, or ended, just after the reading before."""
    if not episode.timeline:
        return ""
    began, ended = episode.timeline[0], episode.timeline[-1]
    if began.after is None or ended.after is None:
        return ""
    off_by = max(began.at - began.after, ended.at - ended.after)
    return phrases.give_or_take(off_by.total_seconds())


def footnotes(delivery: Delivery, now: datetime) -> list[Block]:
    """What a reader must know of how this came: late and why, or perhaps twice."""
    return [*context(_lateness(delivery, now)), *possible_repeat(delivery)]


def possible_repeat(delivery: Delivery) -> list[Block]:
    return context(POSSIBLE_REPEAT if delivery.possible_repeat else "")


def _lateness(delivery: Delivery, now: datetime) -> str:
    """When it happened is known only between two readings; it is told where they lie far apart."""
    if now - delivery.made_at < LATE_AFTER:
        return ""
    late = duration((now - delivery.made_at).total_seconds())
    read = f"read {time_of_day(delivery.made_at)}"
    if delivery.earliest and delivery.made_at - delivery.earliest >= LATE_AFTER:
        read = f"happened after {time_of_day(delivery.earliest)}, {read}"
    why = phrases.DELAYS[delivery.delay] if delivery.delay else "other messages went first"
    return f":hourglass: Told {late} late: {read}, delivered {time_of_day(now)}, because {why}."


def _buttons(card: Card) -> list[Block]:
    facts = {"pipeline": card.pipeline.id, "card": card.key}
    answerable = card.episode.kind is EpisodeKind.FAILURE and card.episode.open and not card.episode.acknowledged
    watched = not phrases.is_direct(card.channel) and card.episode.outcome is not Outcome.UNWATCHED
    stop = confirmation(
        "Unwatch this pipeline?",
        "This ends the channel's own watch of this pipeline. If a pattern covers it too, updates continue, and I show "
        "you the pattern. You can undo this for 1 h.",
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
    (Event.LIVE, "{sign} {name}*live*{took}: {phase}{counted}"),
    (Event.DEGRADED, f"{phrases.DEGRADED} {{name}}*degraded*: {{phase}}{{counted}}"),
    (Event.RESTARTED, ":arrows_counterclockwise: {name}*restarted*: {phase}{counted}"),
    (Event.BACK, "{sign} {name}*can be read again*{took}"),
    (Event.GONE, f"{phrases.BLIND} {{name}}*{phrases.GONE}*"),
    (Event.UNREACHABLE, f"{phrases.BLIND} {{name}}*cannot be read*: {{reason}}"),
)


def line_words(line: TimelineEntry, named: Pipeline | None = None) -> str:
    """One sentence for one reading: the weightiest of its events leads. Outside its thread it needs a name."""
    ready = phrases.replicas(line.phase, line.ready, line.replicas)
    # That it can be read again goes without saying where the same reading tells more.
    events = [event for event in line.events if event is not Event.BACK] or line.events
    form = next((form for event, form in _LINES if event in events), "{sign} {name}*{phase}*{counted}")
    return form.format(
        name=f"*{outside(named.name)}* " if named else "",
        by=phrases.answered_by(line.name, line.place),
        sign=phrases.counted_symbol(line.phase, line.ready, line.replicas),
        phase=phrases.phase_word(line.phase),
        counted=f", {ready}" if ready else "",
        took=f" after {phrases.length(line.downtime_seconds, first_seen=line.at_least)}" if line.ends else "",
        reason=outside(line.reason, REASON_LIMIT) if line.reason else "",
    )
