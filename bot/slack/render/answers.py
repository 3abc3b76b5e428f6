"""Answers to commands and clicks. Each says how old its reading is. Pure."""

from bot.domain.answer import (
    AcknowledgeAllAnswer,
    AcknowledgeAnswer,
    Answer,
    HelpAnswer,
    ListAnswer,
    NoteAnswer,
    NoteUnresolved,
    Refusal,
    StatusAnswer,
    StopPagingAnswer,
    UndoAnswer,
    UnmatchedAnswer,
    UnwatchAnswer,
    WatchAnswer,
    WatchesAnswer,
)
from bot.slack.grammar.command_names import ALIASES, COMMANDS
from bot.slack.render.acknowledge_answers import acknowledgement
from bot.slack.render.blocks import Block, Message, context, message, section, sections
from bot.slack.render.cards import RenderContext
from bot.slack.render.help import help_lines
from bot.slack.render.mrkdwn import code
from bot.slack.render.note_answers import note_answer_blocks
from bot.slack.render.paging import stop_blocks
from bot.slack.render.status_answers import Asked, list_blocks, status_blocks
from bot.slack.render.watch_answers import change_blocks, watches_blocks


def render_answer(answer: Answer, asked: Asked, render_context: RenderContext) -> Message:
    return message(_blocks(answer, asked, render_context))


def _blocks(answer: Answer, asked: Asked, render_context: RenderContext) -> list[Block]:
    match answer:
        case StatusAnswer():
            return status_blocks(answer, asked, render_context)
        case ListAnswer():
            return list_blocks(answer, asked)
        case WatchAnswer() | UnmatchedAnswer() | UnwatchAnswer() | UndoAnswer():
            return change_blocks(answer, asked, render_context)
        case WatchesAnswer():
            return watches_blocks(answer, render_context)
        case Refusal(reason=reason, hint=hint, in_goldrush=in_goldrush):
            return [
                *refusal_blocks(reason, hint, render_context),
                *(context(render_context.home) if in_goldrush else []),
            ]
        case AcknowledgeAnswer() | AcknowledgeAllAnswer():
            return [section(acknowledgement(answer, render_context))]
        case NoteAnswer() | NoteUnresolved() | StopPagingAnswer():
            return _changed(answer, render_context)
        case HelpAnswer(topic=topic):
            return sections(help_lines(topic, render_context.command))


def _changed(answer: NoteAnswer | NoteUnresolved | StopPagingAnswer, render_context: RenderContext) -> list[Block]:
    return stop_blocks(answer) if isinstance(answer, StopPagingAnswer) else note_answer_blocks(answer, render_context)


def refusal_blocks(reason: str, hint: str, render_context: RenderContext) -> list[Block]:
    """`hint` begins with a command word where it is something to type."""
    lines = [f":information_source: {reason}"]
    if hint:
        typed = hint.split(maxsplit=1)[0].lower() in {*COMMANDS, *ALIASES}
        lines.append(code(f"{render_context.command} {hint}", 300) if typed else hint)
    return sections(lines)
