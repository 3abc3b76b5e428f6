"""Words and symbols that several messages share. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import ceil

from bot.domain.cadence import EvenPolling
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Delay
from bot.domain.episode import Acknowledgement, TimelineEntry
from bot.domain.note import LONGEST_ADDRESS, Note, NoteKind
from bot.domain.observation import Observation
from bot.domain.phase import Phase, Readiness, drifts, readiness
from bot.domain.transition import Event, PipelineState, Reach, ReadGap
from bot.domain.watch import ChannelId, SuspendReason, Target, TargetKind, Watch
from bot.slack.grammar.tokens import can_be_typed, quoted, quoted_target
from bot.slack.mrkdwn import REASON_LIMIT, code, date, duration, from_to, outside, time_of_day
from bot.slack.render import run_words

NOT_READ_YET = ":white_circle:"
UNKNOWN_STATE = ":grey_question:"
MENTIONS_PER_LINE = 20
TARGETS_SHOWN = 20
_SYMBOLS = {
    Phase.DEPLOYING: ":large_blue_circle:",
    Phase.RUNNING: ":large_green_circle:",
    Phase.PAUSED: ":double_vertical_bar:",
    Phase.FAILED: ":red_circle:",
    Phase.STOPPING: ":black_square_for_stop:",
    Phase.STOPPED: ":black_square_for_stop:",
}
DEGRADED = ":large_yellow_circle:"
NEEDS_A_LOOK = ":warning:"

GONE = "no longer visible: deleted, or access changed"
UNREACHABLE = "can't be read"
RECOVERED = "*recovered*"
LATE_NEWS = ":fast_forward:"
RETRY = "Try again in a minute."

SUSPEND_REASONS = {
    SuspendReason.ARCHIVED: "it's archived",
    SuspendReason.NOT_IN_CHANNEL: "I'm not in it",
    SuspendReason.NOT_FOUND: "it was deleted, or I was removed from it",
    SuspendReason.RESTRICTED: "posting is restricted",
}


def says_what_to_do(problem: str) -> bool:
    """True if a problem, in words for people, already has the next step."""
    return problem.endswith(RETRY) or "tell the people who run me" in problem.lower()


def how_to_resume(channel: ChannelId | None, reason: SuspendReason, command: str, *, here: bool) -> str:
    """How to resume a suspended channel. `here`: the reader is in that channel."""
    word = "here" if here else "there"
    return (
        f"{_first_step(channel, reason, here=here)}, then type `{command} watches` {word}. I'll try again right away."
    )


def _first_step(channel: ChannelId | None, reason: SuspendReason, *, here: bool) -> str:
    match reason:
        case SuspendReason.ARCHIVED:
            return f"unarchive {'this' if here else 'that'} channel and invite me again"
        case SuspendReason.NOT_IN_CHANNEL | SuspendReason.NOT_FOUND:
            return "invite me again"
        case SuspendReason.RESTRICTED:
            settings = "the app's Messages Tab" if is_direct(channel) else "the channel"
            return f"let me post again in the settings of {settings}"


def is_direct(channel: ChannelId | None) -> bool:
    """Source: https://docs.slack.dev/reference/objects/conversation-object (`is_im`)."""
    return channel is not None and channel.startswith("D")


def conversation(channel: ChannelId, owner: str) -> str:
    """A channel as a link, or direct messages in words: Slack would show a link to them as #directmessage.

    `owner`: the possessive before direct messages: "your", "their" or `someones(name)`.
    """
    return f"{owner} direct messages" if is_direct(channel) else f"<#{channel}>"


def someones(name: str) -> str:
    return f"{person(name)}'s"


def watcher(channel: ChannelId | None, *, here: bool = False) -> str:
    """The subject of "watches": a channel, or the person in a direct message. `here`: the reader is there."""
    if is_direct(channel):
        return "You"
    return "This channel" if here or channel is None else conversation(channel, "your")


STILL_LISTING = "I'm still listing the pipelines, so there may be more."


def blocks(number: int) -> str:
    return "1 block" if number == 1 else f"{number:,} blocks"


def sentence(words: str) -> str:
    """The words at the beginning of a sentence."""
    return words[:1].upper() + words[1:]


def pipelines(number: int) -> str:
    return "1 pipeline" if number == 1 else f"{number:,} pipelines"


def slow_polling(polling: EvenPolling, setting: str = "") -> str:
    """How often the budget lets the bot read each pipeline, and the budget for 60 s. `setting`: the budget's name."""
    now, sufficient = _rate(polling.requests_per_second), _rate(polling.sufficient_rate)
    period = duration(polling.period_seconds, at_least=True)
    name = f" ({setting})" if setting else ""
    return (
        f"{pipelines(polling.pipelines)} at {now}: each is read about every {period}. "
        f"A budget of {sufficient}{name} would make it 60 s."
    )


def _rate(requests: float) -> str:
    return f"{requests:,g} request{'' if requests == 1 else 's'}/s"


def watches_verb(channel: ChannelId | None) -> str:
    return "watch" if is_direct(channel) else "watches"


def but_failed(again_at: datetime) -> str:
    """Continues the sentence of a recovery that comes after a newer failure."""
    return f", but *failed again* at {time_of_day(again_at)}"


def phase_symbol(phase: Phase | None) -> str:
    return _SYMBOLS.get(phase, UNKNOWN_STATE) if phase is not None else NOT_READ_YET


def readiness_symbol(phase: Phase | None, ready: int | None, wanted: int | None) -> str:
    """RUNNING is green only if the pipeline is live."""
    if phase != Phase.RUNNING:
        return phase_symbol(phase)
    return {Readiness.READY: phase_symbol(phase), Readiness.SHORT: DEGRADED}.get(
        readiness(ready, wanted), UNKNOWN_STATE
    )


def state_symbol(state: PipelineState) -> str:
    if state.reach is not Reach.REACHABLE:
        return UNKNOWN_STATE
    if state.has_stopped_short:
        return phase_symbol(Phase.FAILED)
    if state.has_finished:
        return run_words.FINISHED
    observation = state.observation
    if observation is None:
        return NOT_READ_YET
    symbol = readiness_symbol(observation.phase, observation.ready, observation.replicas)
    if observation.phase != Phase.FAILED and (state.finding(Event.STUCK) or state.finding(Event.DRIFT)):
        return NEEDS_A_LOOK
    behind = state.finding(Event.LAGGING) or state.finding(Event.STALLED)
    return DEGRADED if behind and symbol == phase_symbol(Phase.RUNNING) else symbol


def phase_word(phase: Phase | None) -> str:
    """The phase as a value. Shows an undocumented phase unchanged."""
    return "not read yet" if phase is None else outside(str(phase), 40)


def phase_in_a_sentence(phase: Phase | None) -> str:
    """The phase in lower case if GoldRush documents it: `failed`, `deploying`."""
    return phase_word(phase).lower() if phase in _SYMBOLS else phase_word(phase)


def phase_clause(phase: Phase | None) -> str:
    """The words after a pipeline's name: `*failed*`, `is *deploying*`."""
    if phase == Phase.FAILED:
        return "*failed*"
    verb = "is" if phase is None or phase in _SYMBOLS else "reports"
    return f"{verb} *{phase_in_a_sentence(phase)}*"


def state_in_a_sentence(state: PipelineState) -> str:
    """The state within a sentence, for a readable pipeline: `*running*, degraded`."""
    return f"*{phase_in_a_sentence(state.phase)}*{_state_detail(state)}"


def state_clause(state: PipelineState) -> str:
    """The words after a pipeline's name: `*failed*`, `is *running*, degraded`, `can't be read, last seen *FAILED*`."""
    if state.reach is Reach.UNREACHABLE:
        return state_words(state)
    if state.reach is Reach.GONE or state.observation is None:
        return f"is {state_words(state)}"
    return f"{phase_clause(state.phase)}{_state_detail(state)}"


def state_words(state: PipelineState) -> str:
    """The state as a value: `*RUNNING*, live`, `*RUNNING*, degraded`."""
    if state.reach is Reach.GONE:
        return GONE
    word = f"*{phase_word(state.phase)}*"
    if state.reach is Reach.UNREACHABLE:
        return f"{UNREACHABLE}, last seen {word}" if state.phase else UNREACHABLE
    if state.observation is None:
        return "not read yet"
    return word + _state_detail(state)


def _state_detail(state: PipelineState) -> str:
    observation = state.observation
    if observation is None:
        return ""
    if observation.phase == Phase.STOPPED and observation.bounded:
        return run_words.detail_of_stopped(state)
    if observation.phase != Phase.RUNNING:
        return ""
    run = f", {run_words.progress_words(state.run, observation.observed_at)}" if state.run else ""
    return _READINESS[observation.readiness] + run


_READINESS = {
    Readiness.READY: ", live",
    Readiness.SHORT: ", degraded",
    Readiness.SURPLUS: ", more replicas ready than wanted",
    Readiness.UNREPORTED: ", readiness not reported",
}


def _may_be_finished(observation: Observation) -> bool:
    return observation.phase == Phase.STOPPED and observation.bounded


def replicas(phase: Phase | None, ready: int | None, wanted: int | None) -> str:
    """`2 of 3 ready`. Empty if the API did not say, or if a pipeline that does not run wants none."""
    if wanted == 0 or (ready is None and wanted):
        return _wanted(wanted) if phase == Phase.RUNNING else ""
    return f"{ready} of {wanted} ready" if ready is not None and wanted else ""


def _wanted(number: int) -> str:
    return "1 replica wanted" if number == 1 else f"{number} replicas wanted"


def intent_words(pipeline: Pipeline, state: PipelineState) -> str:
    """The owner's intent if the phase contradicts it, else empty. A pipeline that may have finished may just stop."""
    if state.observation and _may_be_finished(state.observation) and not state.has_stopped_short:
        return ""
    return f"should be {pipeline.intent.value}" if pipeline.intent and drifts(pipeline.intent, state.phase) else ""


def moment(at: datetime, *, first_seen: bool) -> str:
    """`first_seen`: the first reading already showed it."""
    return f"{date(at)} or earlier" if first_seen else date(at)


def lasted(seconds: float | None, *, first_seen: bool) -> str:
    return f"at least {duration(seconds or 0, at_least=True)}" if first_seen else duration(seconds or 0)


def not_read(gap: ReadGap) -> str:
    return f"not read {from_to(gap.since, gap.until)}"


def give_or_take(seconds: float) -> str:
    """Rounded up: `give or take 50 s`."""
    for step, until in ((1, 10), (10, 60), (60, 3600)):
        if seconds <= until:
            return f"give or take {duration(ceil(seconds / step) * step)}"
    return f"give or take {duration(ceil(seconds / 3600) * 3600)}"


def mention(target: Target) -> str:
    """Source: https://docs.slack.dev/messaging/formatting-message-text#mentioning-users"""
    match target.kind:
        case TargetKind.USER:
            return f"<@{target.id}>"
        case TargetKind.USERGROUP:
            return f"<!subteam^{target.id}>"
        case TargetKind.HERE | TargetKind.CHANNEL:
            return f"<!{target.kind.value}>"
        case _:
            return target_words(target)


def mentions(targets: Iterable[Target]) -> str:
    """Mentions that page the targets, 20 a line.

    A message that is too long loses whole lines. Thanks to the line breaks, the first targets still get their page.
    """
    named = [mention(target) for target in dict.fromkeys(targets)]
    return "\n".join(
        " ".join(named[first : first + MENTIONS_PER_LINE]) for first in range(0, len(named), MENTIONS_PER_LINE)
    )


def person(name: str) -> str:
    """A person as plain text. Rows of earlier versions have no name."""
    return outside(name) if name else "someone"


def acknowledged_by(answer: Acknowledgement | TimelineEntry, conversation: ChannelId | None) -> str:
    """Who acknowledged, and where, unless the reader is in the same `conversation`."""
    elsewhere = bool(answer.place) and (answer.channel is None or answer.channel != conversation)
    return f"{person(answer.name)} in {outside(answer.place)}" if elsewhere else person(answer.name)


def stands_in_for(channels: Iterable[ChannelId]) -> str:
    """Says for which suspended channels the fallback channel gets this message.

    Slack shows a private channel's name to its members only.
    """
    named = list(dict.fromkeys(conversation(channel, "someone's") for channel in channels))
    more = f" and {len(named) - MENTIONS_PER_LINE:,} more" if len(named) > MENTIONS_PER_LINE else ""
    shown = f"{', '.join(named[:MENTIONS_PER_LINE])}{more}"
    return f":information_source: Shown here for {shown}, where I can't post right now." if named else ""


def where_updates_continue(channels: Iterable[ChannelId]) -> str:
    """Names the channels where someone who is no longer paged can follow the failure."""
    named = list(dict.fromkeys(conversation(channel, "your") for channel in channels if not is_direct(channel)))
    more = f" and {len(named) - MENTIONS_PER_LINE:,} more" if len(named) > MENTIONS_PER_LINE else ""
    return f" Updates continue in {', '.join(named[:MENTIONS_PER_LINE])}{more}." if named else ""


def target_words(target: Target) -> str:
    """Who is paged, as plain text: only a page pings."""
    match target.kind:
        case TargetKind.USER | TargetKind.USERGROUP:
            return f"@{outside(target.label or target.id)}"
        case TargetKind.HERE | TargetKind.CHANNEL:
            return f"@{target.kind.value}"
        case TargetKind.PAGER | TargetKind.ON_CALL | TargetKind.POLICY:
            return f"{target.kind.value}:{outside(target.label or target.id)}"
        case TargetKind.OWNER:
            return "the owner"


def events_words(events: Iterable[Event] | None, lag: str = "") -> str:
    """`lag`: `from 1 h`, the lag that the watch names."""
    if events is None:
        return f"all events (lagging {lag})" if lag else "all events"
    order = list(Event)
    return ", ".join(_event_word(event, lag) for event in sorted(events, key=order.index))


def _event_word(event: Event, lag: str) -> str:
    return f"{event.value} ({lag})" if lag and event is Event.LAGGING else event.value


def watch_words(watch: Watch) -> str:
    """A watch: pipeline or pattern, events, and targets."""
    name = code(watch.reference) if watch.pattern else f"*{outside(watch.label or watch.reference)}*"
    lag = f"from {duration(watch.lag_from.total_seconds())}" if watch.lag_from else ""
    lag_of_page = "" if watch.wants(Event.LAGGING) else lag
    paging = " or ".join(_event_word(event, lag_of_page) for event in sorted(watch.page_for or ())) or "failure"
    pages = f", pages {target_list(watch.targets)} on {paging}" if watch.targets else ""
    confirmed = f", after {watch.confirm} readings in a row" if watch.confirm > 1 else ""
    return f"{name} — {events_words(watch.events, lag)}{pages}{confirmed}"


def watch_name(watch: Watch) -> str:
    """A watch's name in a command; its id if the name can't be typed as it is shown."""
    as_it_is = can_be_typed(watch.label) and code(watch.label) == f"`{watch.label}`"
    return quoted(watch.label if as_it_is and not watch.pattern else watch.reference)


def watch_command(watch: Watch) -> str:
    """What to type after `watch` to restore this one."""
    name = watch_name(watch)
    events = f" on {','.join(watch.typed_events)}" if watch.typed_events else ""
    targets = f" page {' '.join(_typed(target) for target in watch.targets[:TARGETS_SHOWN])}" if watch.targets else ""
    targets += f" for {','.join(watch.typed_paging_events)}" if watch.targets and watch.page_for else ""
    confirm = f" confirm {watch.confirm}" if watch.confirm > 1 else ""
    return f"{code(name, REASON_LIMIT).strip('`')}{events}{targets}{confirm}"


def note_command(note: Note) -> str:
    """What to type to restore a runbook or note."""
    name = note.label if can_be_typed(note.label) and not note.pattern else note.reference
    text = note.text if note.kind is NoteKind.RUNBOOK else f'"{note.text}"'
    return code(f"{note.kind} {quoted(name)} {text}", 2 * LONGEST_ADDRESS).strip("`")


def _typed(target: Target) -> str:
    """A target by name: Slack does not resolve an id that someone types."""
    if target.kind in {TargetKind.HERE, TargetKind.CHANNEL, TargetKind.OWNER}:
        return target.kind.value
    if target.kind in {TargetKind.PAGER, TargetKind.ON_CALL, TargetKind.POLICY}:
        return f"{target.kind.value}:{target.label or target.id}"
    name = target.label if can_be_typed(target.label) else target.id
    return code(quoted_target(f"@{name}")).strip("`")


def target_list(targets: Sequence[Target]) -> str:
    named = " ".join(target_words(target) for target in targets[:TARGETS_SHOWN])
    return named if len(targets) <= TARGETS_SHOWN else f"{named} and {len(targets) - TARGETS_SHOWN:,} more"


DELAYS: Mapping[Delay, str] = {
    Delay.RATE_LIMITED: "Slack asked me to wait (429)",
    Delay.NOT_REACHED: "I couldn't reach Slack",
    Delay.NO_ANSWER: "Slack didn't answer at first",
    Delay.REFUSED: "Slack refused it at first",
    Delay.SUSPENDED: "I couldn't post here",
    Delay.AWAY: "I wasn't running",
}


def all_recovered(pipelines: int) -> str:
    return "*The pipeline has recovered*" if pipelines == 1 else f"*All {pipelines} pipelines have recovered*"
