"""The answers to `mute`, `maintenance` and `quiet`. Pure."""

from collections.abc import Callable, Sequence

from bot.domain.catalogue import Pipeline, is_pattern
from bot.domain.setup import SetupKind
from bot.domain.silence import WHOLE_CHANNEL, SilenceNote
from bot.domain.silence_answer import SilenceAnswer, SilencesAnswer
from bot.slack.mrkdwn import code, escape, outside
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import Block, actions, button, context, section, sections, value
from bot.slack.render.change_buttons import UNCHANGED
from bot.slack.render.render_context import RenderContext
from bot.slack.render.rows import unresolved
from bot.slack.render.silence_words import (
    EFFECTS,
    MOST_SHOWN,
    ending_button,
    ending_command,
    replaced_lines,
    silence_row,
    silence_words,
    typed_reference,
)

_MADE = {
    SetupKind.MUTE: "Muted in this channel:",
    SetupKind.MAINTENANCE: "Maintenance planned for this channel:",
    SetupKind.QUIET_HOURS: "Quiet hours of this channel:",
}
_ENDED = {
    SetupKind.MUTE: "No longer muted:",
    SetupKind.MAINTENANCE: "Maintenance removed:",
    SetupKind.QUIET_HOURS: "Quiet hours removed:",
}
_TITLES = {
    SetupKind.MUTE: "Mutes",
    SetupKind.MAINTENANCE: "Maintenance",
    SetupKind.QUIET_HOURS: "Quiet hours",
}


def silence_blocks(
    answer: SilenceAnswer, text: str, command: str, render_context: RenderContext, complete: Callable[[str], bool]
) -> list[Block]:
    """`text`: the command as typed, of the kind `command`. `complete`: true if a corrected one names a pipeline."""
    if answer.unresolved:
        return unresolved(answer.unresolved, command, render_context, text, complete)
    if answer.unwatched:
        return _unwatched(answer, render_context)
    if answer.made:
        return _made(answer, render_context)
    return _ended(answer, command, render_context)


def _unwatched(answer: SilenceAnswer, render_context: RenderContext) -> list[Block]:
    names = ", ".join(_name(name) for name in answer.unwatched[:MOST_SHOWN])
    who = phrases.watcher(answer.channel, here=True)
    verb = "don't watch" if phrases.is_direct(answer.channel) else "doesn't watch"
    hint = f"`{render_context.command} watches` shows what I post here."
    return [section(f"{who} {verb} {names}, so I post nothing about it here anyway. {UNCHANGED} {hint}")]


def _name(name: str) -> str:
    return code(name) if is_pattern(name) else f"*{outside(name)}*"


def _made(answer: SilenceAnswer, render_context: RenderContext) -> list[Block]:
    kind = answer.made[0].kind
    lines = [f":no_bell: {_MADE[kind]}", *(f"• {silence_row(note)}" for note in answer.made[:MOST_SHOWN])]
    if len(answer.made) > MOST_SHOWN:
        lines.append(f"… and {len(answer.made) - MOST_SHOWN:,} more")
    lines += replaced_lines(answer.replaced, answer.made)
    lines += [f"This window stays too: {silence_row(note)}" for note in answer.beside[:MOST_SHOWN]]
    if answer.failed:
        names = ", ".join(f"*{outside(pipeline.name)}*" for pipeline in answer.failed[:MOST_SHOWN])
        lines.append(f":red_circle: Failed now, and muted with it: {names}")
    elsewhere = "" if phrases.is_direct(answer.channel) else "Other channels still get everything."
    asks = f"`{render_context.command} status` shows it as ever."
    return [*sections(lines), *context(EFFECTS[kind], elsewhere, asks), *ending_button(answer.made)]


def _ended(answer: SilenceAnswer, command: str, render_context: RenderContext) -> list[Block]:
    lines = []
    if answer.ended:
        lines += [
            f":bell: {_ENDED[answer.ended[0].kind]}",
            *(f"• {silence_row(note, ended=True)}" for note in answer.ended),
        ]
    if answer.absent:
        names = ", ".join(_name(name) if name != "*" else "this channel" for name in answer.absent[:MOST_SHOWN])
        what = "isn't muted here" if command == "unmute" else "has no maintenance window here"
        lines.append(
            f"{names} {what}{' by itself' if answer.wider else ''}. {'' if answer.ended else UNCHANGED}".strip()
        )
    for note in answer.wider:
        ends = code(f"{render_context.command} {ending_command(note)}", 150)
        lines.append(f"It's still covered: {silence_row(note)}. {ends} ends that.")
    return sections(lines or [f"There is nothing to end here. {UNCHANGED}"])


def silences_blocks(
    answer: SilencesAnswer,
    render_context: RenderContext,
    kinds: Sequence[SetupKind] = tuple(_TITLES),
    example_name: str = "orders-eu",
) -> list[Block]:
    """All silences of a channel, of these kinds. `example_name`: a pipeline for an example of the command."""
    notes = [note for note in answer.silences if note.kind in kinds]
    if not notes:
        example = {
            SetupKind.MUTE: f"mute {example_name} for 2h",
            SetupKind.MAINTENANCE: f"maintenance {example_name} sat 22:00-02:00 weekly",
            SetupKind.QUIET_HOURS: "quiet 20:00-08:00 weekdays",
        }[kinds[0]]
        return [section(f"{_nothing(kinds[0])} For example: {code(f'{render_context.command} {example}')}")]
    return sections(silence_lines(notes, render_context))


def _nothing(kind: SetupKind) -> str:
    return {
        SetupKind.MUTE: "Nothing is muted here.",
        SetupKind.MAINTENANCE: "No maintenance is planned here.",
        SetupKind.QUIET_HOURS: "This channel has no quiet hours.",
    }[kind]


def silence_lines(notes: Sequence[SilenceNote], render_context: RenderContext) -> list[str]:
    """One line for each silence, by kind, with its author and the command that ends it."""
    lines: list[str] = []
    for kind, title in _TITLES.items():
        of_kind = [note for note in notes if note.kind is kind]
        lines += [f"*{title}*"] if of_kind else []
        lines += [
            f"• {silence_row(note)} · by {phrases.person(note.by_name)} · "
            f"{code(f'{render_context.command} {ending_command(note)}', 150)} ends it"
            for note in of_kind[:MOST_SHOWN]
        ]
        if len(of_kind) > MOST_SHOWN:
            lines.append(f"… and {len(of_kind) - MOST_SHOWN:,} more")
    return lines


def ask_how_long(pipelines: Sequence[Pipeline], why: str, at: str, current: Sequence[SilenceNote] = ()) -> list[Block]:
    """Asks for the end of a mute. The buttons type the rest of the command. A pattern is a pipeline with it as id.

    `current`: the mutes that a new one replaces.
    """
    shown = ", ".join(_name(it.name) for it in pipelines[:MOST_SHOWN]) + " here"
    if any(it.id == WHOLE_CHANNEL for it in pipelines):
        shown = "this channel"
    targets = " ".join(typed_reference(pipeline.id) for pipeline in pipelines)
    because = f" because {why}" if why else ""
    choices = (
        (action_ids.MUTE_1H, "1 h", "for 1h"),
        (action_ids.MUTE_4H, "4 h", "for 4h"),
        (action_ids.MUTE_MORNING, "Until 09:00", "until 09:00"),
    )
    buttons = [
        button(action_id, label, packed)
        for action_id, label, time in choices
        if (packed := value(asked=escape(f"mute {targets} {time}{because}"), at=at))
    ]
    already = [f"*{outside(note.name)}* is {silence_words(note)}. A new time replaces that." for note in current]
    question = f":no_bell: For how long should I mute {shown}?"
    return [section("\n".join([question, *already[:MOST_SHOWN]])), *actions("mute", *buttons)]
