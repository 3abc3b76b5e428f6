"""Mutes, maintenance windows and quiet hours in words: on cards, in answers, and in messages about them. Pure."""

from collections.abc import Sequence
from datetime import timedelta

from bot.domain.notice import Notice
from bot.domain.setup import SetupKind
from bot.domain.silence import LONGEST_WHY, WHOLE_CHANNEL, SilenceNote
from bot.slack.grammar.tokens import can_be_typed, quoted
from bot.slack.mrkdwn import code, date, duration, escape, from_to, outside
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import Block, actions, button, context, section, sections, value
from bot.slack.render.render_context import RenderContext

MOST_SHOWN = 20
CHANNEL = "channel"
_HEADS = {
    SetupKind.MUTE: ("added a mute", "ended a mute"),
    SetupKind.MAINTENANCE: ("planned maintenance", "removed a maintenance window"),
    SetupKind.QUIET_HOURS: ("set quiet hours", "removed the quiet hours"),
}
EFFECTS = {
    SetupKind.MUTE: "Until then I post nothing about it here and page nobody from here. Then I say what is wrong.",
    SetupKind.MAINTENANCE: "In that time I post nothing about it here and page nobody from here. Then I say "
    "what is wrong.",
    SetupKind.QUIET_HOURS: "In these hours I post only failures here. The rest follows as one message at their end.",
}


def card_line(note: SilenceNote) -> str:
    """`Muted by Ann until 21:00 today: we deploy`."""
    words = silence_words(note)
    return f"{silence_symbol(note)} {phrases.sentence(words)}"


def silence_symbol(note: SilenceNote) -> str:
    return ":no_bell:" if note.kind is SetupKind.MUTE else ":construction:"


def silence_words(note: SilenceNote) -> str:
    """`muted by Ann until 21:00 today: we deploy`, for a pipeline's line."""
    by = phrases.person(note.by_name)
    end = f" until {date(note.until)}" if note.until else ""
    match note.kind:
        case SetupKind.MUTE if note.live_for:
            return f"muted by {by} until {_live(note.live_for)}{_because(note)}"
        case SetupKind.MUTE:
            return f"muted by {by}{end}{_because(note)}"
        case SetupKind.MAINTENANCE:
            return f"maintenance{end}, planned by {by}{_because(note)}"
        case _:
            return f"quiet hours{end}"


def silence_row(note: SilenceNote, *, ended: bool = False) -> str:
    """`*orders-eu* until 21:00 today: we deploy`, for a list of silences. `ended`: a mute's end and a next time are
    no news any more."""
    match note.kind:
        case SetupKind.MUTE if ended:
            return silenced_name(note)
        case SetupKind.MUTE:
            last = f", at the latest {date(note.until)}" if note.until else ""
            when = f"until {_live(note.live_for)}{last}" if note.live_for else f"until {date(note.until or note.at)}"
        case SetupKind.MAINTENANCE if note.hours:
            when = f"weekly {outside(note.hours.text)}{'' if ended else _next(note)}"
        case SetupKind.MAINTENANCE:
            when = from_to(note.start, note.until) if note.start and note.until else _now(note)
        case _:
            return f"{outside(note.hours.text if note.hours else '')}{'' if ended else _next(note)}"
    return f"{silenced_name(note)} {when}{_because(note)}"


def silenced_name(note: SilenceNote) -> str:
    """The pipeline, the pattern or the channel."""
    if note.whole_channel:
        return "everything in this channel"
    return f"*{outside(note.name)}*" if note.name and note.name != note.reference else code(note.reference)


def _next(note: SilenceNote) -> str:
    if note.until is None:
        return ""
    return f" · next {from_to(note.start, note.until)}" if note.start else f" · {_now(note)}"


def _now(note: SilenceNote) -> str:
    return f"now, until {date(note.until)}" if note.until else "now"


def _live(live_for: timedelta) -> str:
    return f"live for {duration(live_for.total_seconds())}"


def _because(note: SilenceNote) -> str:
    return f": {outside(note.why, 2 * LONGEST_WHY)}" if note.why else ""


# --- commands --------------------------------------------------------------------------------------------------------


def typed_name(note: SilenceNote) -> str:
    """The name in a command; the id if nobody can type the name."""
    if note.whole_channel:
        return CHANNEL
    shown = note.name and can_be_typed(note.name) and code(note.name) == f"`{note.name}`"
    return quoted(note.name if shown else note.reference)


def typed_reference(reference: str) -> str:
    """A pipeline's name or id, a pattern, or the channel, as people type it."""
    return CHANNEL if reference == WHOLE_CHANNEL else quoted(reference)


def ending_command(note: SilenceNote, *, by_id: bool = False) -> str:
    """The command that ends this silence. `by_id`: for a button, so that a rename changes nothing."""
    name = typed_reference(note.reference) if by_id else typed_name(note)
    match note.kind:
        case SetupKind.MUTE:
            return f"unmute {name}"
        case SetupKind.MAINTENANCE:
            return f"maintenance {name} none"
        case _:
            return "quiet off"


def ending_button(notes: Sequence[SilenceNote]) -> list[Block]:
    """A button in an answer that ends a single silence. Its answer takes the place of the message."""
    if len(notes) != 1:
        return []
    (note,) = notes
    label = "Unmute" if note.kind is SetupKind.MUTE else "Remove"
    packed = value(asked=escape(ending_command(note, by_id=True)), at=note.at.isoformat())
    return actions("silence", button(action_ids.CONFIRM, label, packed)) if packed else []


# --- messages --------------------------------------------------------------------------------------------------------


def silenced_blocks(notice: Notice, render_context: RenderContext) -> list[Block]:
    """Somebody made silences in this channel."""
    kind = notice.silences[0].kind if notice.silences else SetupKind.MUTE
    ends = sorted({ending_command(note) for note in notice.silences})
    how = ", ".join(code(f"{render_context.command} {command}", 150) for command in ends[:3])
    return [
        section(f":no_bell: {_author(notice)} {_HEADS[kind][0]}:"),
        *_listed(notice.silences),
        *sections(replaced_lines(notice.replaced, notice.silences)),
        *context(EFFECTS[kind], f"{how} ends it" if len(ends) == 1 else ""),
    ]


def unsilenced_blocks(notice: Notice, _: RenderContext) -> list[Block]:
    """Somebody ended silences of this channel."""
    kind = notice.silences[0].kind if notice.silences else SetupKind.MUTE
    return [section(f":bell: {_author(notice)} {_HEADS[kind][1]}:"), *_listed(notice.silences, ended=True)]


def replaced_lines(replaced: Sequence[SilenceNote], made: Sequence[SilenceNote]) -> list[str]:
    """`Before: weekdays 20:00-08:00 in Europe/Berlin`, for each silence that a new one replaced with other words."""
    rows = {_value_row(note) for note in made}
    before = [row for note in replaced if (row := _value_row(note)) not in rows]
    return [f"Before: {row}" for row in before[:MOST_SHOWN]]


def _value_row(note: SilenceNote) -> str:
    """Without the next time of weekly hours."""
    return silence_row(note, ended=note.kind is not SetupKind.MUTE)


def _listed(notes: Sequence[SilenceNote], *, ended: bool = False) -> list[Block]:
    lines = [f"• {silence_row(note, ended=ended)}" for note in notes[:MOST_SHOWN]]
    return sections([*lines, f"… and {len(notes) - MOST_SHOWN:,} more"] if len(notes) > MOST_SHOWN else lines)


def _author(notice: Notice) -> str:
    return phrases.person(notice.by_name) if notice.by_name else "Someone"
