"""One packed row per pipeline: its version in the first line, then a line for each transition, oldest first.

A line is a JSON array. Its first number is the time in milliseconds, by which commit.lua drops old lines.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.transition import Event, Reach, Transition
from bot.store.port import RedisPort
from bot.store.scripts import decoding, translating_redis_errors
from bot.store.versions import VERSION, NewerRowError

HEAD = f"{VERSION}\n"
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RedisHistory(RedisPort):
    """Reads the history that `RedisRecords.commit` writes."""

    async def history(self, pipeline_id: PipelineId) -> tuple[Transition, ...]:
        """Oldest first, to the millisecond. `commit` appends to it, in the same step as the record."""
        with translating_redis_errors():
            row = await self._redis.get(self._keys.history(pipeline_id))
        with decoding("history"):
            return unpacked(pipeline_id, row.decode() if isinstance(row, bytes) else HEAD)


def packed(transitions: Sequence[Transition]) -> str:
    return "".join(json.dumps(_fields(transition), separators=(",", ":")) + "\n" for transition in transitions)


def unpacked(pipeline_id: PipelineId, row: str) -> tuple[Transition, ...]:
    """
    Raises:
        NewerRowError: a newer version of the bot wrote the row.
        ValueError: the row is damaged.
    """
    version, *lines = row.splitlines()
    if int(version) > VERSION:
        raise NewerRowError(f"row version {version}, this bot knows {VERSION}")
    return tuple(_transition(pipeline_id, json.loads(line)) for line in lines)


def _fields(transition: Transition) -> list[object]:
    """Leaves out defaults at the end, so most lines are short."""
    fields: list[object] = [
        milliseconds(transition.at),
        transition.event.value,
        str(transition.phase or ""),
        str(transition.previous or ""),
        milliseconds(transition.at) - milliseconds(transition.after) if transition.after else None,
        int(transition.live),
        transition.reach.value,
        transition.reason,
        milliseconds(transition.until) if transition.until else None,
        int(transition.first_seen),
    ]
    defaults: list[object] = [None, None, "", "", None, 0, Reach.REACHABLE.value, "", None, 0]
    while fields[-1] == defaults[len(fields) - 1]:
        fields.pop()
    return fields


def _transition(pipeline_id: PipelineId, fields: Sequence[Any]) -> Transition:
    at, event, phase, previous, before, live, reach, reason, until, first_seen = [*fields, *[None] * 10][:10]
    return Transition(
        event=Event(event),
        pipeline_id=pipeline_id,
        at=_moment(at),
        phase=Phase(phase) if phase else None,
        previous=Phase(previous) if previous else None,
        after=_moment(at - before) if before is not None else None,
        live=bool(live),
        reach=Reach(reach or Reach.REACHABLE),
        reason=reason or "",
        until=_moment(until) if until is not None else None,
        first_seen=bool(first_seen),
    )


def milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def _moment(milliseconds: int) -> datetime:
    return _EPOCH + milliseconds * _MILLISECOND
