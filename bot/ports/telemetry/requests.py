"""Records of people's requests and changes."""

from bot.ports.telemetry import EventRecord, Level, event


@event("note_changed", Level.INFO)
class NoteChanged(EventRecord):
    kind: str
    reference: str
    by: str
    done: str


@event("maker_not_reached", Level.WARNING)
class MakerNotReached(EventRecord):
    problem: str
