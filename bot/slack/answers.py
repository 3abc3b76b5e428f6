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
from bot.slack.acknowledge_answers import acknowledgement
from bot.slack.cards import Footing
from bot.slack.command_names import ALIASES, COMMANDS
from bot.slack.help import help_lines
from bot.slack.message import Block, Message, context, message, section, sections
from bot.slack.note_answers import note_answer_blocks
from bot.slack.paging import stop_blocks
from bot.slack.status_answers import Asked, list_blocks, status_blocks
from bot.slack.text import code
from bot.slack.watch_answers import change_blocks, watches_blocks


def render_answer(answer: Answer, asked: Asked, footing: Footing) -> Message:
    return message(_blocks(answer, asked, footing))


def _blocks(answer: Answer, asked: Asked, footing: Footing) -> list[Block]:
    match answer:
        case StatusAnswer():
            return status_blocks(answer, asked, footing)
        case ListAnswer():
            return list_blocks(answer, asked)
        case WatchAnswer() | UnmatchedAnswer() | UnwatchAnswer() | UndoAnswer():
            return change_blocks(answer, asked, footing)
        case WatchesAnswer():
            return watches_blocks(answer, footing)
        case Refusal(reason=reason, hint=hint, in_goldrush=in_goldrush):
            return [*refusal_blocks(reason, hint, footing), *(context(footing.home) if in_goldrush else [])]
        case AcknowledgeAnswer() | AcknowledgeAllAnswer():
            return [section(acknowledgement(answer, footing))]
        case NoteAnswer() | NoteUnresolved() | StopPagingAnswer():
            return _changed(answer, footing)
        case HelpAnswer(topic=topic):
            return sections(help_lines(topic, footing.command))


def _changed(answer: NoteAnswer | NoteUnresolved | StopPagingAnswer, footing: Footing) -> list[Block]:
    return stop_blocks(answer) if isinstance(answer, StopPagingAnswer) else note_answer_blocks(answer, footing)


def refusal_blocks(reason: str, hint: str, footing: Footing) -> list[Block]:
    """`hint` begins with a command word where it is something to type."""
    lines = [f":information_source: {reason}"]
    if hint:
        typed = hint.split(maxsplit=1)[0].lower() in {*COMMANDS, *ALIASES}
        lines.append(code(f"{footing.command} {hint}", 300) if typed else hint)
    return sections(lines)
