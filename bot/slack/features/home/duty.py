"""What one person has to do with: their failures, who is on call, and what is muted in their channels."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.assignment import Assignment
from bot.domain.schedule_view import ScheduleView
from bot.domain.setup import SetupKind
from bot.domain.silence import SilenceNote
from bot.domain.watch import ChannelId, UserId
from bot.slack.feature import Request
from bot.slack.features.home.failures import button_for
from bot.slack.mrkdwn import ago, code, date, escape, outside
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import Block, button, context, section, sections, value
from bot.slack.render.phrases import conversation, is_direct
from bot.slack.render.schedules import now_words
from bot.slack.render.silence_words import ending_command, silence_row
from bot.slack.visible_channels import OwnChannels, VisibleChannels

ASSIGNMENTS_SHOWN = 10
SCHEDULES_SHOWN = 10
SILENCES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class VisibleAssignment:
    """A failure of the person, and a conversation with its card that they may see."""

    assignment: Assignment
    channel: ChannelId


@dataclass(frozen=True, slots=True)
class OwnSilence:
    """A mute, a maintenance window or quiet hours in a channel of the person."""

    note: SilenceNote
    channel: ChannelId


async def own_assignments(request: Request, visible_channels: VisibleChannels) -> list[VisibleAssignment]:
    found = request.services.requests.queries.assigned_to(request.asker.user)
    places = [(assignment, await visible_channels.first_visible(assignment.channels)) for assignment in found]
    return [VisibleAssignment(assignment, channel) for assignment, channel in places if channel]


async def own_silences(request: Request) -> tuple[list[OwnSilence], bool]:
    """Those in the person's channels, and whether all channels were checked."""
    mutes, channels = request.services.requests.mutes, OwnChannels(request.asker, request.services.permissions)
    own = [channel for channel in mutes.channels if await channels.sees(channel)]
    return [OwnSilence(note, channel) for channel in own for note in mutes.listed(channel).silences], channels.complete


# --- render ----------------------------------------------------------------------------------------------------------


def assignment_blocks(assignments: Sequence[VisibleAssignment], now: datetime) -> list[Block]:
    """Nothing if nothing is assigned."""
    if not assignments:
        return []
    blocks = sections(["*Assigned to you*"])
    for visible in assignments[:ASSIGNMENTS_SHOWN]:
        assignment, card = visible.assignment, visible.assignment.episode.card_in(visible.channel)
        accessory = None
        if card and assignment.acknowledged is None:
            accessory = button_for(assignment.pipeline.id, card, visible.channel, taken=False)
        blocks.append(section(assignment_line(visible, now), accessory))
    more = len(assignments) - ASSIGNMENTS_SHOWN
    return [*blocks, *context(f"… and {more:,} more" if more > 0 else "")]


def assignment_line(visible: VisibleAssignment, now: datetime) -> str:
    assignment = visible.assignment
    place = "" if is_direct(visible.channel) else f" · {conversation(visible.channel, 'your')}"
    if own := assignment.acknowledged:
        end = f" until {date(own.until)}" if own.until else ""
        answer_words = f"snoozed by you{end}" if own.snoozed else f"you acknowledged it {ago(own.at, now)}"
        promise = "" if own.snoozed or not own.until else f" · you're back{end.replace(' until', ' by')}"
        symbol = ":zzz:" if own.snoozed else ":eyes:"
        return f"{symbol} *{outside(assignment.pipeline.name)}* · {answer_words}{promise}{place}"
    following = f" · next step at {date(assignment.next_at)}" if assignment.next_at else ""
    return f":bell: *{outside(assignment.pipeline.name)}* called you, and nobody has answered yet{following}{place}"


def on_call_blocks(views: Sequence[ScheduleView], user: UserId, command: str) -> list[Block]:
    """Who is on call: now, until when, and who is next."""
    if not views:
        return sections(["*On call*", "There is no schedule yet."])
    lines = ["*On call*"]
    for view in views[:SCHEDULES_SHOWN]:
        mine = " · *you are on call*" if user in view.on_call.people else ""
        symbol = ":warning: " if not view.people else ""
        lines.append(f"• {symbol}*{outside(view.saved.name)}*: {now_words(view)}{mine}")
    if len(views) > SCHEDULES_SHOWN:
        lines.append(f"… and {len(views) - SCHEDULES_SHOWN:,} more: {code(f'{command} oncall')}")
    take = code(f"{command} oncall take {views[0].saved.name} until 18:00")
    return [*sections(lines), *context(f"{take} takes the shift.")]


def silences_of_mine(silences: Sequence[OwnSilence], *, complete: bool) -> list[Block]:
    """Mutes, maintenance windows and quiet hours, each with a button that ends it. Nothing if there are none."""
    gap = [] if complete else [":warning: I couldn't check all channels, so mutes may be missing here."]
    if not silences:
        return sections(gap) if gap else []
    shown = silences[:SILENCES_SHOWN]
    blocks = _silence_rows("*Muted in your channels*", [silence for silence in shown if not silence.note.start])
    blocks += _silence_rows("*Planned in your channels*", [silence for silence in shown if silence.note.start])
    if len(silences) > SILENCES_SHOWN:
        gap.append(f"… and {len(silences) - SILENCES_SHOWN:,} more")
    return [*blocks, *(sections(gap) if gap else [])]


def _silence_rows(title: str, silences: Sequence[OwnSilence]) -> list[Block]:
    rows = [section(_silence_line(silence), _ending_button(silence)) for silence in silences]
    return [*sections([title]), *rows] if rows else []


def _silence_line(silence: OwnSilence) -> str:
    note = silence.note
    title = {SetupKind.MUTE: ":no_bell:", SetupKind.MAINTENANCE: ":construction:"}.get(note.kind, ":zzz: quiet hours")
    where = "your direct messages" if is_direct(silence.channel) else conversation(silence.channel, "your")
    return f"{title} {silence_row(note)} · by {phrases.person(note.by_name)} · {where}"


def _ending_button(silence: OwnSilence) -> Block | None:
    label = "Unmute" if silence.note.kind is SetupKind.MUTE else "Remove"
    packed = value(asked=escape(ending_command(silence.note, by_id=True)), channel=f"<#{silence.channel}>")
    return button(action_ids.HOME_UNSILENCE, label, packed) if packed else None
