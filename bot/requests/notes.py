"""Runbooks and notes: instructions for a failed pipeline. Answers are values; `slack` renders them."""

from dataclasses import replace

from bot.domain.answer import NoteAnswer, NoteChange, NoteUnresolved, RefusalAnswer
from bot.domain.catalogue import Pipeline, comparable, is_pattern
from bot.domain.episode import open_failure
from bot.domain.note import MOST_NOTES, Note, NoteKind
from bot.domain.observation import PipelineId
from bot.domain.watch import ChannelId, UserId
from bot.ports.clock import Clock
from bot.ports.telemetry import emit
from bot.ports.telemetry.requests import NoteChanged
from bot.ports.watch_store import WatchStore
from bot.requests.references import References
from bot.state.repository import Repository


class Notes:
    """Shows and changes notes. No channel gets a message about a change: the failure cards show the note."""

    def __init__(
        self, *, repository: Repository, watch_store: WatchStore, references: References, clock: Clock
    ) -> None:
        self._repository = repository
        self._watch_store = watch_store
        self._references = references
        self._clock = clock

    async def show(self, channel: ChannelId, kind: NoteKind, reference: str) -> NoteAnswer | NoteUnresolved:
        """The note that applies to a pipeline, or the pattern's own."""
        target = await self._resolve(channel, kind, reference)
        return target if isinstance(target, NoteUnresolved) else self._answer(kind, target, NoteChange.SHOWN, None)

    async def change(
        self, channel: ChannelId, kind: NoteKind, reference: str, text: str | None, *, by: UserId, by_name: str
    ) -> NoteAnswer | NoteUnresolved | RefusalAnswer:
        """Sets the note, or removes it if `text` is empty. Updates open failure cards."""
        target = await self._resolve(channel, kind, reference, text or "")
        if isinstance(target, NoteUnresolved):
            return target
        wanted = Note(
            kind=kind,
            reference=target.id,
            label=target.name,
            text=text or "",
            by=by,
            by_name=by_name,
            at=self._clock.now(),
        )
        notes = self._repository.watches.notes
        before = next((note for note in notes if note.id == wanted.id), None)
        if before is None and wanted.text and len(notes) >= MOST_NOTES:
            return RefusalAnswer(
                reason=f"There are already {MOST_NOTES} runbooks and notes: that is the limit. Nothing was changed.",
                hint="Use a pattern for many pipelines, or remove one that is no longer needed.",
            )
        change = _change(before, wanted)
        if change in {NoteChange.SET, NoteChange.REMOVED}:
            await self._write(wanted, before)
        return replace(self._answer(kind, target, change, before), failed=await self._redraw(target), by=by)

    async def _write(self, note: Note, before: Note | None) -> None:
        await self._watch_store.set_note(note, before)
        await self._repository.refresh_watches()
        done = "set" if note.text else "removed"
        emit(NoteChanged(kind=note.kind.value, reference=note.reference, by=note.by, done=done))

    async def _redraw(self, target: Pipeline) -> int:
        """Updates the open failure cards, and returns their number.

        Runs even if nothing changed: an earlier try may have stopped between the write and the redraw.
        """
        covered = (pipeline.id for pipeline in self._covered(target))
        failed = [pipeline_id for pipeline_id in covered if open_failure(self._repository.episode(pipeline_id))]
        return await self._repository.redraw_failures(failed)

    async def _resolve(
        self, channel: ChannelId, kind: NoteKind, reference: str, text: str = ""
    ) -> Pipeline | NoteUnresolved:
        """One pipeline. For a pattern, a pipeline with the pattern as id and name."""
        resolved = await self._references.resolve([reference], channel)
        if resolved.unresolved:
            return NoteUnresolved(kind=kind, reference=resolved.unresolved[0], text=text)
        return resolved.pipelines[0] if resolved.pipelines else Pipeline(id=PipelineId(reference), name=reference)

    def _covered(self, target: Pipeline) -> list[Pipeline]:
        if not is_pattern(target.id):
            return [target]
        listed = self._repository.listed
        return [listed[pipeline_id] for pipeline_id in listed.sorted(listed.matching(comparable(target.id)))]

    def _answer(self, kind: NoteKind, target: Pipeline, change: NoteChange, before: Note | None) -> NoteAnswer:
        pattern = is_pattern(target.id)
        own = next((note for note in self._repository.watches.notes if _is_for(note, kind, target)), None)
        return NoteAnswer(
            kind=kind,
            label=target.name,
            pattern=pattern,
            change=change,
            applies=own if pattern else self._repository.guidance(target).of_kind(kind),
            before=before,
            covers=tuple(pipeline.name for pipeline in self._covered(target)) if pattern else (),
        )


def _is_for(note: Note, kind: NoteKind, target: Pipeline) -> bool:
    return note.kind is kind and note.reference.lower() == target.id.lower()


def _change(before: Note | None, wanted: Note) -> NoteChange:
    if not wanted.text:
        return NoteChange.REMOVED if before else NoteChange.ABSENT
    return NoteChange.UNCHANGED if before and before.text == wanted.text else NoteChange.SET
