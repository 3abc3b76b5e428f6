"""What came before a failure, in words: what somebody changed, and when the error was seen before. Pure."""

from collections.abc import Iterable
from datetime import datetime

from bot.domain.configuration import ConfigurationChange, Part, PartChange, PartFate
from bot.domain.diagnosis import Diagnosis, LeftOut
from bot.domain.seen_before import KEPT_FOR_DAYS, MOST_OCCURRENCES, SeenBefore
from bot.slack.mrkdwn import code, date, duration, from_to, outside
from bot.slack.render.phrases import sentence

CHANGED, SEEN = ":gear:", ":repeat:"
PARTS_SHOWN = 3
LONGEST_TABLE_NAME = 60
_PARTS = {
    Part.NAME: "name",
    Part.TOPIC: "topic",
    Part.MODE: "execution mode",
    Part.START: "start block",
    Part.STOP: "end block",
    Part.DESTINATION_TYPE: "destination type",
    Part.DESTINATION: "destination",
    Part.ABI: "ABI",
    Part.CONTRACTS: "contract addresses",
    Part.UNMATCHED: "handling of unmatched entries",
}


def card_background(diagnosis: Diagnosis) -> list[str]:
    """The latest change before the failure and the latest earlier failure: one line each, if there is one.

    Without a line about changes, nobody changed anything that GoldRush shows.
    """
    changes = diagnosis.changes
    more = f" · {len(changes) - 1:,} earlier in the thread" if len(changes) > 1 else ""
    latest = [f"{CHANGED} {sentence(change_words(changes[0], diagnosis.began_at))}{more}"] if changes else []
    if not latest and LeftOut.CHANGES in diagnosis.left_out:
        latest = [f"{CHANGED} I couldn't check yet what somebody changed before the failure."]
    return [*latest, *([f"{SEEN} {sentence(seen_words(diagnosis.seen))}"] if diagnosis.seen else [])]


def thread_background(diagnosis: Diagnosis) -> list[str]:
    """All changes, and the earlier failure."""
    lines = [change_words(change, diagnosis.began_at) for change in diagnosis.changes]
    return [*lines, *([seen_words(diagnosis.seen)] if diagnosis.seen else [])]


def change_words(change: ConfigurationChange, failed_at: datetime) -> str:
    """``transform `trades` edited 4 min before the failure``, or between which times it changed."""
    parts = _parts(change.parts)
    if not change.exact:
        return f"{parts} {from_to(change.after, change.at)}"
    seconds = (failed_at - change.at).total_seconds()
    if seconds < 0:
        return f"{parts} {duration(-seconds)} after the failure"
    return f"{parts} {f'{duration(seconds)} before' if seconds >= 1 else 'just before'} the failure"


def _parts(parts: Iterable[PartChange]) -> str:
    named = [_part(part) for part in parts]
    more = f" and {len(named) - PARTS_SHOWN:,} more" if len(named) > PARTS_SHOWN else ""
    return f"{', '.join(named[:PARTS_SHOWN])}{more}"


def _part(change: PartChange) -> str:
    if change.part is Part.TRANSFORM:
        return f"transform {code(change.table, LONGEST_TABLE_NAME)} {change.fate}"
    return f"{_PARTS[change.part]} {'changed' if change.fate is PartFate.EDITED else change.fate}"


def seen_words(seen: SeenBefore) -> str:
    """When the error came last, on which other pipeline, who acknowledged it and how long it took."""
    facts = [
        f"same error at {date(seen.at)}",
        f"on *{outside(seen.name)}*" if seen.name else "",
    ]
    outcome = [
        f"acknowledged by {outside(seen.acknowledged_by)}" if seen.acknowledged_by else "",
        f"recovered after {duration(seen.recovered_after.total_seconds())}" if seen.recovered_after else "",
    ]
    least = "at least " if seen.occurrences >= MOST_OCCURRENCES - 1 else ""
    often = f" · seen {least}{seen.occurrences:,} times in the {KEPT_FOR_DAYS.days} days before"
    times = often if seen.occurrences > 1 else ""
    return f"{', '.join(filter(None, (' '.join(filter(None, facts)), *outcome)))}{times}"
