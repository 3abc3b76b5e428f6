"""One packed row per pipeline: its version in the first line, then a line for each transition, oldest first.

A line is a JSON array. Its first number is the time in milliseconds, by which commit.lua drops old lines. A line may
also hold the stretch that ended then. If no transition ended it, as at a gap of the readings, the line has no event.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.history import History, Stretch
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.transition import FINDINGS, Actor, Event, PipelineFinding, Reach, Transition
from bot.store.port import RedisPort
from bot.store.scripts import decoding, translating_redis_errors
from bot.store.versions import VERSION, NewerRowError

HEAD = f"{VERSION}\n"
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RedisHistory(RedisPort):
    """Reads the history that `RedisCommits.commit` writes."""

    async def history(self, pipeline_id: PipelineId) -> History:
        """Oldest first, to the millisecond. `commit` appends to it, in the same step as the record."""
        with translating_redis_errors():
            row = await self._redis.get(self._keys.history(pipeline_id))
        with decoding("history"):
            return unpacked(pipeline_id, row.decode() if isinstance(row, bytes) else HEAD)


def packed(transitions: Sequence[Transition], stretch: Stretch | None = None) -> str:
    """The lines of one step. The first one has the stretch."""
    lines = [_fields(transition) for transition in transitions]
    if stretch:
        lines = lines or [[milliseconds(stretch.until), ""]]
        first = lines[0]
        times = [int(stretch.live), milliseconds(stretch.since), milliseconds(stretch.until)]
        lines[0] = [*first[:_STRETCH], *_DEFAULTS[len(first) : _STRETCH], times, *first[_STRETCH + 1 :]]
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


def unpacked(pipeline_id: PipelineId, row: str) -> History:
    """
    Raises:
        NewerRowError: a newer version of the bot wrote the row.
        ValueError: the row is damaged.
    """
    version, *lines = row.splitlines()
    if int(version) > VERSION:
        raise NewerRowError(f"row version {version}, this bot knows {VERSION}")
    rows = [_padded(json.loads(line)) for line in lines]
    return History(
        transitions=tuple(_transition(pipeline_id, fields) for fields in rows if fields[1]),
        stretches=tuple(_stretch(*fields[_STRETCH]) for fields in rows if fields[_STRETCH]),
    )


_STRETCH = 10
"""The place of the stretch in a line. Lines of earlier versions end before it."""
_DEFAULTS: list[object] = [None, None, "", "", None, 0, Reach.REACHABLE.value, "", None, 0, None, None, None, None]


def _fields(transition: Transition) -> list[object]:
    """Leaves out defaults at the end, so most lines are short."""
    actor = transition.actor
    finding = transition.finding if transition.event in FINDINGS else None
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
        None,
        [actor.id, actor.name, actor.place, actor.channel] if actor else None,
        milliseconds(transition.at) - milliseconds(finding.since) if finding else None,
        milliseconds(transition.began_at) if transition.began_at else None,
    ]
    while fields[-1] == _DEFAULTS[len(fields) - 1]:
        fields.pop()
    return fields


def _padded(fields: Sequence[Any]) -> list[Any]:
    return [*fields, *_DEFAULTS[len(fields) :]]


def _transition(pipeline_id: PipelineId, fields: Sequence[Any]) -> Transition:
    at, event, phase, previous, before, live, reach, reason, until, first_seen, _, actor, held, began = fields[
        : len(_DEFAULTS)
    ]
    return Transition(
        event=Event(event),
        pipeline_id=pipeline_id,
        at=moment_of(at),
        phase=Phase(phase) if phase else None,
        previous=Phase(previous) if previous else None,
        after=moment_of(at - before) if before is not None else None,
        live=bool(live),
        reach=Reach(reach),
        reason=reason,
        until=moment_of(until) if until is not None else None,
        first_seen=bool(first_seen),
        actor=Actor(id=actor[0], name=actor[1], place=actor[2], channel=actor[3]) if actor else None,
        finding=PipelineFinding(event=Event(event), since=moment_of(at - held)) if held is not None else None,
        began_at=moment_of(began) if began is not None else None,
    )


def _stretch(live: int, since: int, until: int) -> Stretch:
    return Stretch(live=bool(live), since=moment_of(since), until=moment_of(until))


def milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def moment_of(milliseconds: int) -> datetime:
    return _EPOCH + milliseconds * _MILLISECOND
