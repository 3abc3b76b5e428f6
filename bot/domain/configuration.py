"""A pipeline's configuration as a short hash of each part, and what changed in it. Pure.

Hashes only: the bot keeps no configuration and no secret. It compares what GoldRush shows, so a part that one answer
leaves out is compared with the next answer that has it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

LOOKED_AGAIN = timedelta(hours=1)  # so often an unchanged row is written again
KEPT_FOR = timedelta(days=7)
MOST_CHANGES = 10
MOST_PARTS = 20  # of one change
BEFORE_A_FAILURE = timedelta(hours=24)
CLOCKS_DIFFER = timedelta(minutes=2)  # GoldRush's clock may be ahead of ours by so much
TRANSFORM = "transform:"


class Part(StrEnum):
    """The parts of a configuration. The values are part of stored rows."""

    NAME = "name"
    TOPIC = "topic"
    MODE = "mode"
    START = "start"
    STOP = "stop"
    DESTINATION_TYPE = "destination_type"
    DESTINATION = "destination"
    ABI = "abi"
    CONTRACTS = "contracts"
    UNMATCHED = "unmatched"
    TRANSFORM = "transform"


class PartFate(StrEnum):
    """What happened to a part. The values are part of stored rows."""

    EDITED = "edited"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What one answer of GoldRush shows. A part that it leaves out has no hash."""

    hashes: Mapping[str, str]
    """By the part; a transform by `transform:TABLE`."""
    shows_transforms: bool = False
    """True if a table without a hash has no transform."""
    updated_at: datetime | None = None
    """When somebody last changed the pipeline, by GoldRush."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationRead:
    """The answer to a request for one pipeline's configuration."""

    asked_at: datetime
    configuration: Configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class PartChange:
    """One part that changed. `table`: of a transform, text of the pipeline's owner."""

    part: Part
    fate: PartFate = PartFate.EDITED
    table: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationChange:
    """The parts that changed between two answers."""

    after: datetime
    """An answer of then still showed the old configuration."""
    at: datetime
    """When it changed, by GoldRush; without that, when an answer first showed it."""
    exact: bool = False
    """`at` is GoldRush's time of the change. Else it changed between `after` and `at`."""
    parts: tuple[PartChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationRow:
    """What the bot keeps of one pipeline's configuration. A row of Redis."""

    looked_at: datetime
    """The request of the latest answer that this row knows. Renewed once an hour."""
    hashes: Mapping[str, str]
    changes: tuple[ConfigurationChange, ...] = ()
    """Oldest first."""
    known_since: datetime | None = None
    """The request of the first answer. None: an earlier version wrote the row, and did not keep it."""


def compared(row: ConfigurationRow | None, seen: Configuration, asked_at: datetime) -> ConfigurationRow:
    """The row after an answer to a request of `asked_at`. The same row if nothing has to be written.

    The first answer is no change. An answer that is older than the row says nothing.
    """
    if row is None:
        return ConfigurationRow(looked_at=asked_at, hashes=dict(seen.hashes), known_since=asked_at)
    if asked_at <= row.looked_at:
        return row
    parts = changed_parts(row.hashes, seen)
    if not parts:
        return (
            row
            if asked_at - row.looked_at < LOOKED_AGAIN
            else replace(row, looked_at=asked_at, hashes=_merged(row, seen), known_since=_known_since(row))
        )
    updated_at = seen.updated_at
    exact = updated_at is not None and row.looked_at < updated_at <= asked_at + CLOCKS_DIFFER
    at = min(updated_at, asked_at) if updated_at and exact else asked_at
    change = ConfigurationChange(after=row.looked_at, at=at, exact=exact, parts=parts)
    recent = (earlier for earlier in row.changes if asked_at - earlier.at < KEPT_FOR)
    return ConfigurationRow(
        looked_at=asked_at,
        hashes=_merged(row, seen),
        changes=(*recent, change)[-MOST_CHANGES:],
        known_since=_known_since(row),
    )


def changed_parts(before: Mapping[str, str], seen: Configuration) -> tuple[PartChange, ...]:
    """The parts that both know and that differ, and the transforms that came or went."""
    parts = [
        _part_change(name, PartFate.EDITED)
        for name, digest in seen.hashes.items()
        if name in before and before[name] != digest
    ]
    if seen.shows_transforms and _knows_transforms(before):
        tables = {name for name in seen.hashes if name.startswith(TRANSFORM)}
        known = {name for name in before if name.startswith(TRANSFORM)}
        parts += [_part_change(name, PartFate.ADDED) for name in tables - known]
        parts += [_part_change(name, PartFate.REMOVED) for name in known - tables]
    order = list(Part)
    return tuple(sorted(parts, key=lambda change: (order.index(change.part), change.table)))[:MOST_PARTS]


def changes_before(row: ConfigurationRow | None, failed_at: datetime) -> tuple[ConfigurationChange, ...]:
    """The changes that came, or may have come, within 24 hours before a failure. Newest first."""
    if row is None:
        return ()
    earliest = failed_at - BEFORE_A_FAILURE
    return tuple(change for change in reversed(row.changes) if _may_explain(change, earliest, failed_at))


def compared_since(row: ConfigurationRow | None, read: ConfigurationRead, failed_at: datetime) -> datetime | None:
    """Since when the row has all changes until `read`, which it was compared with. None: not since before the failure.

    An answer that hides the transforms says nothing about them.
    """
    seen = read.configuration
    if row is None or not seen.hashes or (_knows_transforms(row.hashes) and not seen.shows_transforms):
        return None
    since = _known_since(row)
    return since if since < failed_at <= read.asked_at else None


def _known_since(row: ConfigurationRow) -> datetime:
    return row.known_since or row.looked_at


def _may_explain(change: ConfigurationChange, earliest: datetime, failed_at: datetime) -> bool:
    if change.exact:
        return earliest <= change.at <= failed_at
    return earliest <= change.after < failed_at


def _knows_transforms(hashes: Mapping[str, str]) -> bool:
    return Part.TRANSFORM in hashes


def _merged(row: ConfigurationRow, seen: Configuration) -> Mapping[str, str]:
    """Keeps a part that this answer leaves out."""
    replaced = seen.shows_transforms
    return {name: old for name, old in row.hashes.items() if not (replaced and name.startswith(TRANSFORM))} | dict(
        seen.hashes
    )


def _part_change(name: str, fate: PartFate) -> PartChange:
    if name.startswith(TRANSFORM):
        return PartChange(part=Part.TRANSFORM, fate=fate, table=name.removeprefix(TRANSFORM))
    return PartChange(part=Part(name), fate=fate)
