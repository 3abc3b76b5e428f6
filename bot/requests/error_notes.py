"""What helped against an error: shows and changes the note. Answers are values; `slack` renders them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.answer import NoteChange, RefusalAnswer
from bot.domain.catalogue import Pipeline
from bot.domain.error_note import MOST_ERROR_NOTES, ErrorNote, NotedError, noted_error, noted_errors
from bot.domain.setup import Setup
from bot.domain.setup_change import SetupEdit
from bot.domain.watch import UserId
from bot.ports.cards import Cards
from bot.requests.setup_changes import SetupChanges, SetupPlan
from bot.state.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorNoteAnswer:
    """The note for one error, and what became of it."""

    error: NotedError
    change: NoteChange
    note: ErrorNote | None = None
    """The note that failure cards show now."""
    before: ErrorNote | None = None
    """The note that was replaced or removed."""
    failed: int = 0
    """How many pipelines with this error have an open failure card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSingleError:
    """The thread is about no error that the bot would recognise, or about several. Nothing was changed."""

    errors: int
    pipelines: Sequence[Pipeline]


class ErrorNotes:
    """Finds the error by the card or group at the top of a thread."""

    def __init__(self, *, repository: Repository, cards: Cards, changes: SetupChanges) -> None:
        self._repository = repository
        self._cards = cards
        self._changes = changes

    async def show(self, key: str) -> ErrorNoteAnswer | NoSingleError:
        error = await self._error(key)
        if isinstance(error, NoSingleError):
            return error
        note = self._changes.setup.get(ErrorNote, error.fingerprint)
        return ErrorNoteAnswer(error=error, change=NoteChange.SHOWN, note=note)

    async def change(
        self, key: str, text: str, *, by: UserId, by_name: str
    ) -> ErrorNoteAnswer | NoSingleError | RefusalAnswer:
        """Sets the note, or removes it if `text` is empty. Updates open failure cards."""
        error = await self._error(key)
        if isinstance(error, NoSingleError):
            return error

        def make(setup: Setup, at: datetime) -> SetupPlan[ErrorNoteAnswer | RefusalAnswer]:
            before = setup.get(ErrorNote, error.fingerprint)
            if not text:
                if before is None:
                    return SetupPlan(answer=ErrorNoteAnswer(error=error, change=NoteChange.ABSENT))
                removed = ErrorNoteAnswer(error=error, change=NoteChange.REMOVED, before=before)
                return SetupPlan(answer=removed, edits=(SetupEdit(before=before),))
            if before and before.text == text:
                return SetupPlan(answer=ErrorNoteAnswer(error=error, change=NoteChange.UNCHANGED, note=before))
            if before is None and len(setup.all(ErrorNote)) >= MOST_ERROR_NOTES:
                return SetupPlan(answer=_TOO_MANY)
            note = ErrorNote(
                fingerprint=error.fingerprint,
                line=error.line,
                text=text,
                made_by=by,
                made_by_name=by_name,
                made_at=at,
            )
            answer = ErrorNoteAnswer(error=error, change=NoteChange.SET, note=note, before=before)
            return SetupPlan(answer=answer, edits=(SetupEdit(before=before, after=note),))

        answer = await self._changes.write(make, by=by, by_name=by_name)
        if isinstance(answer, RefusalAnswer):
            return answer
        return replace(answer, failed=await self._redraw(error))

    async def _error(self, key: str) -> NotedError | NoSingleError:
        cards = (*(await self._cards.cards([key])).values(), *await self._cards.group(key))
        errors = noted_errors(card.content.episode for card in cards)
        if len(errors) == 1:
            return errors[0]
        by_id = {card.content.pipeline.id: card.content.pipeline for card in cards}
        return NoSingleError(errors=len(errors), pipelines=tuple(by_id.values()))

    async def _redraw(self, error: NotedError) -> int:
        """Updates the open failure cards, and returns their number. An earlier try may have stopped before this."""
        failed = {
            episode.pipeline_id
            for episode in self._repository.open_episodes
            if (found := noted_error(episode)) and found.fingerprint == error.fingerprint
        }
        await self._repository.redraw(failed)
        return len(failed)


_TOO_MANY = RefusalAnswer(
    reason=f"There are already {MOST_ERROR_NOTES} notes for errors: that is the limit. Nothing was changed.",
    hint="Remove one that is no longer needed, in a thread of that error.",
)
