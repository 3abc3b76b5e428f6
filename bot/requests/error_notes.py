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
    by_name: str = ""
    """The person who changed it."""
    failed: int = 0
    """How many open failure cards with this error were updated."""
    alike: int = 0
    """How many failures of the thread have this error."""
    total: int = 0
    """How many failures the thread has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSingleError:
    """The thread is about no error that the bot would recognise, or about several. Nothing was changed."""

    errors: int
    pipelines: Sequence[Pipeline]
    """By name."""
    text: str = ""
    """The note, for the suggestions."""


class ErrorNotes:
    """Finds the error by the card or group at the top of a thread."""

    def __init__(self, *, repository: Repository, cards: Cards, changes: SetupChanges) -> None:
        self._repository = repository
        self._cards = cards
        self._changes = changes

    async def show(self, key: str) -> ErrorNoteAnswer | NoSingleError:
        shown = await self._asked(key)
        if isinstance(shown, NoSingleError):
            return shown
        return replace(shown, note=self._changes.setup.get(ErrorNote, shown.error.fingerprint))

    async def change(
        self, key: str, text: str, *, by: UserId, by_name: str
    ) -> ErrorNoteAnswer | NoSingleError | RefusalAnswer:
        """Sets the note, or removes it if `text` is empty. Updates open failure cards."""
        current = await self._asked(key)
        if isinstance(current, NoSingleError):
            return replace(current, text=text)
        error = current.error

        def make(setup: Setup, at: datetime) -> SetupPlan[ErrorNoteAnswer | RefusalAnswer]:
            before = setup.get(ErrorNote, error.fingerprint)
            if not text:
                if before is None:
                    return SetupPlan(answer=replace(current, change=NoteChange.ABSENT))
                removed = replace(current, change=NoteChange.REMOVED, before=before, by_name=by_name)
                return SetupPlan(answer=removed, edits=(SetupEdit(before=before),))
            if before and before.text == text:
                return SetupPlan(answer=replace(current, change=NoteChange.UNCHANGED, note=before))
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
            answer = replace(current, change=NoteChange.SET, note=note, before=before, by_name=by_name)
            return SetupPlan(answer=answer, edits=(SetupEdit(before=before, after=note),))

        answer = await self._changes.write(make, by=by, by_name=by_name)
        if isinstance(answer, RefusalAnswer):
            return answer
        return replace(answer, failed=await self._redraw(error))

    async def _asked(self, key: str) -> ErrorNoteAnswer | NoSingleError:
        """The thread's error without its note."""
        cards = (*(await self._cards.cards([key])).values(), *await self._cards.group(key))
        contents = {card.content.key: card.content for card in cards}
        errors = noted_errors(content.episode for content in contents.values())
        if errors.main:
            return ErrorNoteAnswer(error=errors.main, change=NoteChange.SHOWN, alike=errors.alike, total=len(contents))
        by_id = {content.pipeline.id: content.pipeline for content in contents.values()}
        by_name = sorted(by_id.values(), key=lambda pipeline: pipeline.name.lower())
        return NoSingleError(errors=errors.different, pipelines=tuple(by_name))

    async def _redraw(self, error: NotedError) -> int:
        """Updates the open failure cards, and returns their number. An earlier try may have stopped before this."""
        failed = {
            episode.pipeline_id
            for episode in self._repository.open_episodes
            if (found := noted_error(episode)) and found.fingerprint == error.fingerprint
        }
        return await self._repository.redraw_failures(failed)


_TOO_MANY = RefusalAnswer(
    reason=f"There are already {MOST_ERROR_NOTES} notes for errors: that is the limit. Nothing was changed.",
    hint="Remove one that is no longer needed, in a thread of that error.",
)
