"""Words and symbols that several messages share. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import ceil

from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Delay
from bot.domain.episode import Acknowledgement, TimelineEntry
from bot.domain.note import LONGEST_ADDRESS, Note, NoteKind
from bot.domain.observation import Observation
from bot.domain.phase import Phase, Readiness, drifts, readiness
from bot.domain.transition import Event, PipelineState, Reach
from bot.domain.watch import ChannelId, SuspendReason, Target, TargetKind, Watch
from bot.slack.grammar.tokens import can_be_typed, quoted, quoted_target
from bot.slack.mrkdwn import REASON_LIMIT, code, date, duration, outside

UNREAD = ":white_circle:"
BLIND = ":grey_question:"
CALLED_IN_A_LINE = 20
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

GONE = "no longer visible: deleted, or access changed"
UNREACHABLE = "can't be read"
RECOVERED = "*recovered*"

SUSPENDED = {
    SuspendReason.ARCHIVED: "it's archived",
    SuspendReason.NOT_IN_CHANNEL: "I'm not in it",
    SuspendReason.NOT_FOUND: "it was deleted, or I was removed from it",
    SuspendReason.RESTRICTED: "posting is restricted",
}


def cure(channel: ChannelId | None, reason: SuspendReason, command: str, *, here: bool) -> str:
    """How to resume a suspended channel. `here`: the reader is in that channel."""
    where = "here" if here else "there"
    return f"{_fix(channel, reason, here=here)}, then type `{command} watches` {where}. I'll try again right away."


def _fix(channel: ChannelId | None, reason: SuspendReason, *, here: bool) -> str:
    match reason:
        case SuspendReason.ARCHIVED:
            return f"unarchive {'this' if here else 'that'} channel and invite me again"
        case SuspendReason.NOT_IN_CHANNEL | SuspendReason.NOT_FOUND:
            return "invite me again"
        case SuspendReason.RESTRICTED:
            place = "the app's Messages Tab" if is_direct(channel) else "the channel"
            return f"let me post again in the settings of {place}"


def is_direct(channel: ChannelId | None) -> bool:
    """Source: https://docs.slack.dev/reference/objects/conversation-object (`is_im`)."""
    return channel is not None and channel.startswith("D")


def watcher(channel: ChannelId | None, *, here: bool = False) -> str:
    """The subject of "watches": a channel, or the person in a direct message. `here`: the reader is there."""
    if is_direct(channel):
        return "You"
    return "This channel" if here or channel is None else f"<#{channel}>"


def watches_verb(channel: ChannelId | None) -> str:
    return "watch" if is_direct(channel) else "watches"


def symbol(phase: Phase | None) -> str:
    return _SYMBOLS.get(phase, BLIND) if phase is not None else UNREAD


def counted_symbol(phase: Phase | None, ready: int | None, wanted: int | None) -> str:
    """RUNNING is green only if the pipeline is live."""
    if phase != Phase.RUNNING:
        return symbol(phase)
    return {Readiness.READY: symbol(phase), Readiness.SHORT: DEGRADED}.get(readiness(ready, wanted), BLIND)


def standing_symbol(standing: PipelineState) -> str:
    if standing.reach is not Reach.REACHABLE:
        return BLIND
    observation = standing.observation
    return counted_symbol(observation.phase, observation.ready, observation.replicas) if observation else UNREAD


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
    observation = state.observation
    return f"*{phase_in_a_sentence(state.phase)}*{_more(observation) if observation else ''}"


def state_clause(state: PipelineState) -> str:
    """The words after a pipeline's name: `*failed*`, `is *running*, degraded`, `can't be read, last seen *FAILED*`."""
    if state.reach is Reach.UNREACHABLE:
        return state_words(state)
    if state.reach is Reach.GONE or state.observation is None:
        return f"is {state_words(state)}"
    return f"{phase_clause(state.phase)}{_more(state.observation)}"


def state_words(standing: PipelineState) -> str:
    """The state as a value: `*RUNNING*, live`, `*RUNNING*, degraded`."""
    if standing.reach is Reach.GONE:
        return GONE
    word = f"*{phase_word(standing.phase)}*"
    if standing.reach is Reach.UNREACHABLE:
        return f"{UNREACHABLE}, last seen {word}" if standing.phase else UNREACHABLE
    if standing.observation is None:
        return "not read yet"
    return word + _more(standing.observation)


def _more(observation: Observation) -> str:
    if observation.phase == Phase.STOPPED and observation.bounded:
        return ", possibly finished"
    if observation.phase != Phase.RUNNING:
        return ""
    return {
        Readiness.READY: ", live",
        Readiness.SHORT: ", degraded",
        Readiness.SURPLUS: ", more replicas ready than wanted",
        Readiness.UNREPORTED: ", readiness not reported",
    }[observation.readiness]


def replicas(phase: Phase | None, ready: int | None, wanted: int | None) -> str:
    """`2 of 3 ready`. Empty if the API did not say, or if a pipeline that does not run wants none."""
    if wanted == 0 or (ready is None and wanted):
        return _wanted(wanted) if phase == Phase.RUNNING else ""
    return f"{ready} of {wanted} ready" if ready is not None and wanted else ""


def _wanted(number: int) -> str:
    return "1 replica wanted" if number == 1 else f"{number} replicas wanted"


def intent_words(pipeline: Pipeline, standing: PipelineState) -> str:
    """The owner's intent if the phase contradicts it, else empty."""
    return f"should be {pipeline.intent.value}" if pipeline.intent and drifts(pipeline.intent, standing.phase) else ""


def moment(at: datetime, *, first_seen: bool) -> str:
    """`first_seen`: the first reading already showed it."""
    return f"{date(at)} or earlier" if first_seen else date(at)


def length(seconds: float | None, *, first_seen: bool) -> str:
    return f"at least {duration(seconds or 0, at_least=True)}" if first_seen else duration(seconds or 0)


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


def calling(targets: Iterable[Target]) -> str:
    """In lines of a few: a message that is too long loses whole lines, so the first targets still get their page."""
    who = [mention(target) for target in dict.fromkeys(targets)]
    return "\n".join(" ".join(who[first : first + CALLED_IN_A_LINE]) for first in range(0, len(who), CALLED_IN_A_LINE))


def who(name: str) -> str:
    """A person as plain text. Rows of earlier versions have no name."""
    return outside(name) if name else "someone"


def answered_by(answer: Acknowledgement | TimelineEntry, here: ChannelId | None) -> str:
    """Who acknowledged, and in which conversation unless the reader is `here`."""
    elsewhere = bool(answer.place) and (answer.channel is None or answer.channel != here)
    return f"{who(answer.name)} in {outside(answer.place)}" if elsewhere else who(answer.name)


def standing_in(channels: Iterable[ChannelId]) -> str:
    """Why this is in the fallback channel. Slack shows a private channel's name to its members only."""
    named = list(dict.fromkeys(f"<#{channel}>" for channel in channels))
    more = f" and {len(named) - CALLED_IN_A_LINE} more" if len(named) > CALLED_IN_A_LINE else ""
    where = f"{', '.join(named[:CALLED_IN_A_LINE])}{more}"
    return f":information_source: Shown here for {where}, where I can't post right now." if named else ""


def continues(channels: Iterable[ChannelId]) -> str:
    """Where to follow a failure for someone who is no longer paged for it."""
    named = list(dict.fromkeys(f"<#{channel}>" for channel in channels if not is_direct(channel)))
    more = f" and {len(named) - CALLED_IN_A_LINE} more" if len(named) > CALLED_IN_A_LINE else ""
    return f" Updates continue in {', '.join(named[:CALLED_IN_A_LINE])}{more}." if named else ""


def target_words(target: Target) -> str:
    """Who is paged, as plain text: only a page pings."""
    match target.kind:
        case TargetKind.USER | TargetKind.USERGROUP:
            return f"@{outside(target.label or target.id)}"
        case TargetKind.HERE | TargetKind.CHANNEL:
            return f"@{target.kind.value}"


def events_words(events: Iterable[Event] | None) -> str:
    if events is None:
        return "all events"
    order = list(Event)
    return ", ".join(event.value for event in sorted(events, key=order.index))


def watch_words(watch: Watch) -> str:
    """A watch: pipeline or pattern, events, and targets."""
    name = code(watch.reference) if watch.pattern else f"*{outside(watch.label or watch.reference)}*"
    pages = f", pages {paged(watch.targets)} on failure" if watch.targets else ""
    return f"{name} — {events_words(watch.events)}{pages}"


def watch_name(watch: Watch) -> str:
    """A watch's name in a command; its id if the name can't be typed as it is shown."""
    as_it_is = can_be_typed(watch.label) and code(watch.label) == f"`{watch.label}`"
    return quoted(watch.label if as_it_is and not watch.pattern else watch.reference)


def watch_command(watch: Watch) -> str:
    """What to type after `watch` to restore this one."""
    name = watch_name(watch)
    on = f" on {','.join(sorted(watch.events))}" if watch.events else ""
    page = f" page {' '.join(_typed(target) for target in watch.targets[:TARGETS_SHOWN])}" if watch.targets else ""
    return f"{code(name, REASON_LIMIT).strip('`')}{on}{page}"


def note_command(note: Note) -> str:
    """What to type to restore a runbook or note."""
    name = note.label if can_be_typed(note.label) and not note.pattern else note.reference
    text = note.text if note.kind is NoteKind.RUNBOOK else f'"{note.text}"'
    return code(f"{note.kind} {quoted(name)} {text}", 2 * LONGEST_ADDRESS).strip("`")


def _typed(target: Target) -> str:
    """A target by name: Slack does not resolve an id that someone types."""
    if target.kind in {TargetKind.HERE, TargetKind.CHANNEL}:
        return target.kind.value
    name = target.label if can_be_typed(target.label) else target.id
    return code(quoted_target(f"@{name}")).strip("`")


def paged(targets: Sequence[Target]) -> str:
    named = " ".join(target_words(target) for target in targets[:TARGETS_SHOWN])
    return named if len(targets) <= TARGETS_SHOWN else f"{named} and {len(targets) - TARGETS_SHOWN} more"


DELAYS: Mapping[Delay, str] = {
    Delay.RATE_LIMITED: "Slack asked me to wait (429)",
    Delay.NOT_REACHED: "I couldn't reach Slack",
    Delay.NO_ANSWER: "Slack didn't answer at first",
    Delay.REFUSED: "Slack refused it at first",
    Delay.SUSPENDED: "I couldn't post here",
    Delay.AWAY: "I wasn't running",
}


def all_recovered(pipelines: int) -> str:
    return f"*All {pipelines} pipelines have recovered*"
