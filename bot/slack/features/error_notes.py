"""`note "…"` in the thread of a card: what helped against its error. `note none` removes it, `note` alone shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.answer import NoteChange, RefusalAnswer
from bot.domain.catalogue import Pipeline
from bot.domain.error_note import LONGEST_ERROR
from bot.domain.note import LONGEST_NOTE
from bot.requests.error_notes import ErrorNoteAnswer, NoSingleError
from bot.slack.feature import Command, Feature, Reply, Request
from bot.slack.grammar.tokens import NONE, can_be_typed, quoted
from bot.slack.mrkdwn import code, outside
from bot.slack.render.blocks import Block, sections
from bot.slack.render.note_words import error_note_line, error_note_text
from bot.slack.render.phrases import person
from bot.slack.render.thread_words import MEMBERS_SHOWN, MENTION

_ELSEWHERE = RefusalAnswer(
    reason="That error belongs to a card in another conversation. Nothing was changed.",
    hint="Note it in a thread of a card with that error.",
)


@dataclass(frozen=True, slots=True)
class ErrorNoteCommand(Command):
    """A parsed `note` that names no pipeline, in a thread."""

    key: str
    """Of the card or group at the top of the thread."""
    text: str | None = None
    """The new note. Empty to remove it. None to show it."""

    @property
    def changes(self) -> bool:
        return self.text is not None

    @property
    def check(self) -> str:
        return "audit"

    async def run(self, request: Request) -> Reply:
        services, asker = request.services, request.asker
        held = services.requests.acknowledgements
        if not (await held.holds(asker.channel, [self.key]) and await held.holds_group(asker.channel, self.key)):
            return request.refused(_ELSEWHERE)
        if self.text is None:
            return _reply(await services.requests.error_notes.show(self.key), request)
        if refusal := await services.permissions.to_change(asker, asker.channel):
            return request.refused(refusal)
        name = await services.permissions.name(asker)
        answer = await services.requests.error_notes.change(self.key, self.text, by=asker.user, by_name=name)
        return _reply(answer, request)


def _reply(answer: ErrorNoteAnswer | NoSingleError | RefusalAnswer, request: Request) -> Reply:
    if isinstance(answer, RefusalAnswer):
        return request.refused(answer)
    replaces = isinstance(answer, ErrorNoteAnswer) and bool(answer.before)
    return Reply(blocks=error_note_blocks(answer), in_channel=replaces)  # the author of the earlier note may miss it


def error_note_blocks(answer: ErrorNoteAnswer | NoSingleError) -> list[Block]:
    if isinstance(answer, NoSingleError):
        return _no_single_error(answer)
    nothing_to_show = answer.change is NoteChange.SHOWN and answer.note is None
    lines = [f":bulb: {_NONE_YET if nothing_to_show else _CHANGES[answer.change]}"]
    if answer.note:
        lines.append(error_note_text(answer.note) if answer.change is NoteChange.SET else error_note_line(answer.note))
    if answer.error.line:
        lines.append(f"The error: {code(answer.error.line, LONGEST_ERROR)}")
    if 0 < answer.alike < answer.total:
        lines.append(f"{answer.alike:,} of the {answer.total:,} failures in this thread have this error.")
    if answer.before:
        did = "removed" if answer.change is NoteChange.REMOVED else "replaced"
        lines.append(f"{person(answer.by_name)} {did} the note of {person(answer.before.made_by_name)}.")
        lines.append(f"Before: {error_note_text(answer.before)}")
    if answer.failed and answer.change in {NoteChange.SET, NoteChange.REMOVED}:
        one = answer.failed == 1
        lines.append(
            "The open failure card is updated." if one else f"{answer.failed:,} open failure cards are updated."
        )
    if answer.before:
        earlier = code(f'{MENTION} note "{answer.before.text}"', 2 * LONGEST_NOTE)
        lines.append(f"{earlier} here puts the earlier one back.")
    elif answer.change is NoteChange.SET:
        lines.append(f"`{MENTION} note {NONE}` here removes it.")
    return sections(lines)


_NONE_YET = f'This error has no note yet. To keep what helped: `{MENTION} note "…"`'
_CHANGES = {
    NoteChange.SET: "Noted. The card of each failure with this error now shows:",
    NoteChange.UNCHANGED: "This error already has this note. Nothing was changed.",
    NoteChange.REMOVED: "The note for this error was removed.",
    NoteChange.ABSENT: "This error has no note. Nothing was changed.",
    NoteChange.SHOWN: "The note for this error:",
}


def _no_single_error(answer: NoSingleError) -> list[Block]:
    if answer.errors:
        reason = f"The failures in this thread have {answer.errors:,} different errors. Nothing was changed."
        offer = "You can note it for a pipeline. Each of its failure cards then shows it, whatever the error is:"
    else:
        reason = "I found no error in this thread that I would recognise again. Nothing was changed."
        offer = "You can note it for the pipeline. Each of its failure cards then shows it:"
    return sections([f":grey_question: {reason}", offer, *_notes_for(answer.pipelines, answer.text)])


def _notes_for(about: Sequence[Pipeline], text: str) -> list[str]:
    lines = []
    for pipeline in about[:MEMBERS_SHOWN]:
        name = quoted(pipeline.name) if can_be_typed(pipeline.name) else pipeline.id
        command = code(f'{MENTION} note {name} "{text or "…"}"', 2 * LONGEST_NOTE)
        lines.append(f"• *{outside(pipeline.name)}* · {command}")
    return lines


FEATURE = Feature()
"""The command `note` is in `notes.py`."""
