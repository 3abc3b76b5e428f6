"""Runbooks and notes: on cards, in `status`, and the answers to their commands. Pure."""

from collections.abc import Sequence

from bot.domain.answer import NoteAnswer, NoteChange, NoteUnresolved
from bot.domain.catalogue import Ambiguous
from bot.domain.note import LONGEST_NOTE, Note, NoteKind
from bot.slack.grammar.note_grammar import NONE
from bot.slack.grammar.tokens import can_be_typed, quoted
from bot.slack.render.blocks import Block, sections
from bot.slack.render.cards import RenderContext
from bot.slack.render.mrkdwn import code, date, outside
from bot.slack.render.note_words import note_text
from bot.slack.render.rows import CANDIDATES, command_for

NAMES_SHOWN = 10


def note_answer_blocks(answer: NoteAnswer | NoteUnresolved, render_context: RenderContext) -> list[Block]:
    return (
        note_blocks(answer, render_context)
        if isinstance(answer, NoteAnswer)
        else note_unresolved_blocks(answer, render_context)
    )


def note_blocks(answer: NoteAnswer, render_context: RenderContext) -> list[Block]:
    name = code(answer.label) if answer.pattern else f"*{outside(answer.label)}*"
    lines = [f"{_SIGNS[answer.kind]} {_said(answer, name)}"]
    if answer.applies and answer.change is not NoteChange.SET:
        lines.append(_who(answer.applies))
    if answer.before and answer.change in {NoteChange.SET, NoteChange.REMOVED}:
        lines.append(f"Before: {note_text(answer.before)}")
    if answer.pattern:
        lines.append(_covers(answer.covers))
    if answer.failed and answer.change in {NoteChange.SET, NoteChange.REMOVED}:
        cards = "The open failure card is" if answer.failed == 1 else f"The {answer.failed} open failure cards are"
        lines.append(f"{cards} updated.")
    if how := _how(answer, render_context):
        lines.append(how)
    return sections(lines)


_SIGNS = {NoteKind.RUNBOOK: ":book:", NoteKind.NOTE: ":memo:"}


def _said(answer: NoteAnswer, name: str) -> str:
    kind, applies = answer.kind.value, answer.applies
    shown = note_text(applies) if applies else ""
    match answer.change:
        case NoteChange.SET:
            return f"{name}: failure cards now show the {kind} {shown}"
        case NoteChange.UNCHANGED:
            return f"{name} has this {kind} already: {shown}"
        case NoteChange.REMOVED if applies:
            return f"{name}: the {kind} was removed. The {kind} of {code(applies.reference)} applies now: {shown}"
        case NoteChange.REMOVED:
            return f"{name}: the {kind} was removed."
        case NoteChange.ABSENT if applies:
            return f"{name} has no {kind} of its own, so nothing was changed. {_of(applies)} has one: {shown}"
        case NoteChange.ABSENT:
            return f"{name} has no {kind}, so nothing was changed."
        case NoteChange.SHOWN if applies:
            return f"{name}: the {kind} is {shown}"
        case _:
            return f"{name} has no {kind}."


def _of(note: Note) -> str:
    return code(note.reference)


def _who(note: Note) -> str:
    whose = f" for {code(note.reference)}" if note.pattern else ""
    by = f" by {outside(note.by_name)}" if note.by_name else ""
    return f"Set{whose}{by} {date(note.at, '{date_short_pretty}')}."


def _covers(names: Sequence[str]) -> str:
    if not names:
        return "No pipeline matches this now. It applies to later ones that match."
    shown = ", ".join(f"*{outside(name)}*" for name in names[:NAMES_SHOWN])
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    number = "1 pipeline" if len(names) == 1 else f"{len(names)} pipelines"
    return f"It applies to {number} now: {shown}{more}."


def _how(answer: NoteAnswer, render_context: RenderContext) -> str:
    name = quoted(answer.label) if can_be_typed(answer.label) else "NAME"
    typed = f"{render_context.command} {answer.kind} {name}"
    if answer.change is NoteChange.SHOWN and answer.applies is None:
        example = "https://…" if answer.kind is NoteKind.RUNBOOK else '"…"'
        return f"{code(f'{typed} {example}', 150)} sets one."
    if answer.change is NoteChange.SET:
        return f"{code(f'{typed} {NONE}', 150)} removes it."
    return ""


def note_unresolved_blocks(answer: NoteUnresolved, render_context: RenderContext) -> list[Block]:
    each = answer.reference
    name = outside(each.reference)
    text = f" {_typed_text(answer)}" if answer.text else ""
    if isinstance(each, Ambiguous):
        lines = [f":point_right: “{name}” may mean {len(each.candidates)} pipelines. Nothing was changed. Which one?"]
        chosen = each.candidates[:CANDIDATES]
    else:
        near = "Did you mean one of these?" if each.nearest else f"`{render_context.command} list` shows what there is."
        lines = [f":grey_question: I couldn't find a pipeline called “{name}”. Nothing was changed. {near}"]
        chosen = each.nearest
    for pipeline in chosen:
        typed = command_for(answer.kind.value, pipeline, render_context, by_id=isinstance(each, Ambiguous)).strip("`")
        lines.append(f"• *{outside(pipeline.name)}* · `{typed}{text}`")
    if answer.kind is NoteKind.NOTE and not answer.text:
        lines.append(f'To set a note, put it in quotes: `{render_context.command} note NAME "…"`')
    return sections(lines)


def _typed_text(answer: NoteUnresolved) -> str:
    typed = answer.text if answer.kind is NoteKind.RUNBOOK else f'"{answer.text}"'
    return code(typed, 2 * LONGEST_NOTE).strip("`")
