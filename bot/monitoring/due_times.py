"""When each pipeline is due, in seconds of the monotonic clock. Pure.

Pipelines with the same period wait in one heap, ordered by the time from which the period counts. When the budget or
the fleet changes, only the periods of these heaps change, so no step walks over all pipelines.
"""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cache
from heapq import heappop, heappush, nsmallest
from operator import itemgetter
from typing import NamedTuple

from bot.domain.cadence import Cadence, Key, Pace, periods
from bot.domain.failure_rates import NO_TRACK, Evidence, FailureRates, Track, evidence, weight
from bot.domain.observation import PipelineId

NEVER, NOT_YET = float("inf"), float("-inf")
EARLY_SHARE = 0.5  # of a period: a free read is better used early than left
DEADLINE = 1.25  # periods after the last read, but no later than promised: lateness costs a short period more
LEARN_SECONDS = 60.0  # between two updates of the failure rates
READ_JUST_NOW_SECONDS = 5.0  # a pipeline with a younger reading waits
HASTENED_AT_ONCE_SECONDS = 5.0  # of the budget, for the neighbours of a failed pipeline
HASTENED_SHARE = 0.5  # of the budget, for the rest of them
HASTENED_MOST_SECONDS = 30.0  # of the budget: more neighbours wait for their turn
FIRST_AT_ONCE_SECONDS = 1.0  # of the budget, for the first reads after a start


class Newcomer(NamedTuple):
    """A pipeline to poll. `age`: seconds since its last reading, infinite without one."""

    pipeline_id: PipelineId
    pace: Pace
    age: float = float("inf")
    track: Track = NO_TRACK


@dataclass(slots=True, eq=False)
class _Entry:
    """A polled pipeline. It waits in the heap that holds `turn`; 0 while it is being read."""

    pipeline_id: PipelineId
    key: Key
    evidence: Evidence
    turn: int = 0
    due: float = 0.0
    """When it was due, while it is being read."""
    offset: float = 0.0
    """How much later than its first read its period begins, so that reads made at once do not stay together."""
    read_at: float = float("-inf")
    since: float = 0.0
    """The time from which its period counts."""


@dataclass(slots=True)
class _Waiting:
    """The pipelines that wait with one period. A heap item holds the time from which the period counts."""

    period: float
    deadline: float = 0.0
    """Seconds from the same time until the read should have ended: the earliest deadline goes first."""
    early: float = 0.0
    """How much before its due time a pipeline may be read, if the budget is free."""
    heap: list[tuple[float, int, _Entry]] = field(default_factory=list)

    def first(self) -> tuple[float, int, _Entry] | None:
        """The next item, without those whose pipeline was read or moved meanwhile."""
        heap = self.heap
        while heap and heap[0][1] != heap[0][2].turn:
            heappop(heap)
        return heap[0] if heap else None


class DueTimes:
    """The next read of each polled pipeline: the earliest due time first; among equals, the oldest reading."""

    def __init__(self, cadence: Cadence) -> None:
        self.affordable = True
        """True while the budget pays for the promised age of readings."""
        self.promised = cadence.promised(0, 1.0)
        """The greatest age of a reading that `fit` planned for."""
        self._cadence = cadence
        self._rate = 1.0
        self._entries: dict[PipelineId, _Entry] = {}
        self._counts: Counter[Key] = Counter()
        self._by_key: dict[Key, _Waiting] = {}
        self._ahead = _Waiting(0.0)
        """First reads, and neighbours of failed pipelines: each has a due time of its own."""
        self._lost: dict[PipelineId, float] = {}
        """The pipelines whose reads got no result, by the time from which their period counts."""
        self._turn = 0
        self._expected = 0
        """How many pipelines further calls of `add` will bring."""
        self._arrived = 0
        """How many of their group have come."""
        self._spread_from = 0.0
        """When the first reads of that group begin."""
        self._rates = FailureRates()
        self._learned_at = NOT_YET

    def __len__(self) -> int:
        return len(self._entries) + self._expected

    def __contains__(self, pipeline_id: PipelineId) -> bool:
        return pipeline_id in self._entries

    # --- the polled pipelines --------------------------------------------------------------------------------------

    def compare(self, pollable: AbstractSet[PipelineId]) -> tuple[AbstractSet[PipelineId], AbstractSet[PipelineId]]:
        """The pipelines to `add`, and those to `drop`."""
        return pollable - self._entries.keys(), self._entries.keys() - pollable

    def drop(self, pipeline_ids: Iterable[PipelineId]) -> None:
        """Ignores those that are dropped already."""
        for pipeline_id in pipeline_ids:
            entry = self._entries.pop(pipeline_id, None)
            if entry is None:
                continue
            entry.turn = -1
            self._counts[entry.key] -= 1
            self._rates.remove(entry.evidence)
            self._lost.pop(pipeline_id, None)

    def expect(self, number: int, now: float) -> None:
        """Calls of `add` will bring so many pipelines. Their first reads share one spread, which begins now.

        Until then, each of them counts as a steady pipeline, so that the others don't get its share of the budget.
        """
        self._counts[_UNKNOWN] += number - self._expected
        self._expected, self._arrived, self._spread_from = number, 0, now

    def add(self, newcomers: Iterable[Newcomer], now: float) -> None:
        """Spreads the first reads evenly at the full rate: the urgent ones first, then the oldest readings.

        A pipeline that somebody has just read waits for its usual turn. Keeps no newcomer, since a start adds all.
        """
        if not self._expected:
            self._arrived, self._spread_from = 0, now
        aged: list[tuple[float, _Entry]] = []
        for newcomer in newcomers:
            known = evidence(newcomer.track, now)
            entry = _Entry(newcomer.pipeline_id, self._key(newcomer.pace, known), known)
            aged.append((newcomer.age, entry))
            self._entries[entry.pipeline_id] = entry
            self._counts[entry.key] += 1
            self._rates.add(known)
        expected = min(self._expected, len(aged))
        self._expected -= expected
        self._counts[_UNKNOWN] -= expected
        if not self._expected:
            self._learned_at = NOT_YET
        self._fit()
        at_once = self._rate * FIRST_AT_ONCE_SECONDS
        longest_offset = at_once / self._rate
        for place, (age, entry) in enumerate(_urgent_first(aged), start=self._arrived):
            waiting = self._by_key[entry.key]
            if age < READ_JUST_NOW_SECONDS:
                self._wait(waiting, entry, now - age)
            else:
                wait = max(0.0, place - at_once) / self._rate
                entry.offset = place / self._rate if place < at_once else longest_offset
                first_due = self._spread_from + min(wait, waiting.period)
                entry.since = first_due - waiting.period
                self._wait(self._ahead, entry, first_due)
        self._arrived += len(aged)

    def fit(self, rate: float, promised: float, now: float) -> None:
        """Shares `rate` reads a second among the pipelines. All due times follow at once."""
        self._rate, self.promised = rate, promised
        if now - self._learned_at >= LEARN_SECONDS:
            self._learned_at = now
            self._rates.learn()
        self._fit()

    def _fit(self) -> None:
        self._counts = +self._counts
        weights = {key: weight(key.step) for key in self._counts}
        planned = periods(self._counts, weights, self._rate, self._cadence, self.promised)
        self.affordable = planned.affordable
        for key, seconds in planned.of.items():
            waiting = self._by_key.setdefault(key, _Waiting(seconds))
            waiting.period, waiting.early = seconds, self._early_by(key.pace, seconds)
            promised = self._cadence.promised_at(key.pace, self.promised)
            waiting.deadline = min(seconds * DEADLINE, max(seconds, promised))
        for key in self._by_key.keys() - planned.of.keys():
            del self._by_key[key]

    def _early_by(self, pace: Pace, seconds: float) -> float:
        shortest = self._cadence.transient_seconds if pace is Pace.TRANSIENT else self._cadence.steady_seconds
        return max(0.0, min(seconds * EARLY_SHARE, seconds - shortest)) if pace is not Pace.RETRY else 0.0

    # --- what is due -----------------------------------------------------------------------------------------------

    def next_due(self) -> float:
        """When the next pipeline may be read; infinite if none waits."""
        return min([self._may_be_read_at(waiting) for waiting in self._all_waiting()], default=NEVER)

    def take_next(self, now: float) -> PipelineId | None:
        """The pipeline to read next, if one may be read by now. It waits no more until `mark_read`.

        Of those that may be read, it has the earliest deadline; among equals, the oldest reading. No read of the budget
        is kept for a pipeline that may not be read yet.
        """
        earliest, best = (NEVER, 0), None
        for waiting in self._all_waiting():
            since, turn, _ = waiting.heap[0]
            if (since + waiting.deadline, turn) < earliest and self._may_be_read_at(waiting) <= now:
                earliest, best = (since + waiting.deadline, turn), waiting
        if best is None:
            return None
        since, _, entry = heappop(best.heap)
        entry.turn, entry.due, entry.offset = 0, since + best.period + entry.offset, 0.0
        return entry.pipeline_id

    def _all_waiting(self) -> list[_Waiting]:
        """The heaps with a pipeline that waits; their first items are valid."""
        return [waiting for waiting in (self._ahead, *self._by_key.values()) if waiting.first()]

    @staticmethod
    def _may_be_read_at(waiting: _Waiting) -> float:
        return waiting.heap[0][0] + waiting.period - waiting.early

    def take(self, pipeline_id: PipelineId, now: float) -> None:
        """Somebody reads this pipeline before it is due."""
        if entry := self._entries.get(pipeline_id):
            entry.turn, entry.due = 0, now

    def is_any_late(self, moment: float) -> bool:
        """True if without further reads a reading is older than promised at that moment."""
        for key, waiting in self._by_key.items():
            item = waiting.first()
            if item is not None and item[0] + self._cadence.promised_at(key.pace, self.promised) <= moment:
                return True
        item = self._ahead.first()
        if item is not None and item[0] + self.promised <= moment:
            return True
        return any(
            since + self._cadence.promised_at(self._entries[one].key.pace, self.promised) <= moment
            for one, since in self._lost.items()
        )

    def oldest_age(self, now: float) -> float:
        """The greatest age that a reading has or will have before its next turn, without pipelines at rest."""
        ages = [0.0]
        for key, waiting in self._by_key.items():
            if key.pace is not Pace.AT_REST and (item := waiting.first()):
                ages.append(max(waiting.period, now - item[0]))
        ages += (now - since for one, since in self._lost.items() if self._entries[one].key.pace is not Pace.AT_REST)
        return max(ages)

    def period(self, pipeline_id: PipelineId) -> float | None:
        """Seconds between two reads of a polled pipeline."""
        entry = self._entries.get(pipeline_id)
        return self._by_key[entry.key].period if entry else None

    def is_read_since(self, moment: float, pipeline_id: PipelineId) -> bool:
        """True if the pipeline was read at `moment` or later."""
        entry = self._entries.get(pipeline_id)
        return entry is not None and entry.read_at >= moment

    # --- after a read ----------------------------------------------------------------------------------------------

    def mark_lost(self, pipeline_id: PipelineId) -> None:
        """The read got no result. The pipeline is due again, as if nobody had begun to read it."""
        if entry := self._entries.get(pipeline_id):
            waiting = self._by_key[entry.key]
            since = self._lost.setdefault(pipeline_id, entry.due - waiting.period)
            self._wait(waiting, entry, since)

    def mark_read(self, pipeline_id: PipelineId, pace: Pace, now: float, track: Track | None = None) -> None:
        """The read ended. `track`: None counts as the one before. A read that came early or late leaves intervals even.

        A new pace begins now: the reads that follow a failure must not wait because this one came early.
        """
        entry = self._entries.get(pipeline_id)
        if entry is None:
            return
        self._lost.pop(pipeline_id, None)
        known = evidence(track, now) if track else entry.evidence
        if known != entry.evidence:
            self._rates.remove(entry.evidence)
            self._rates.add(known)
            entry.evidence = known
        key = self._key(pace, known)
        due = entry.due if pace is entry.key.pace else min(entry.due, now)
        if key != entry.key:
            self._counts[entry.key] -= 1
            self._counts[key] += 1
            entry.key = key
        if key not in self._by_key:
            self._fit()
        waiting = self._by_key[key]
        entry.read_at = now
        self._wait(waiting, entry, due if now - due < waiting.period / 2 else now)

    def learns_from(self, pipeline_id: PipelineId) -> bool:
        """True for the first read of a pipeline since the rates were learned: then `mark_read` needs its track."""
        entry = self._entries.get(pipeline_id)
        return entry is not None and entry.read_at <= self._learned_at

    def _key(self, pace: Pace, known: Evidence) -> Key:
        return _shared_key(pace, self._rates.step(known) if pace is Pace.STEADY else 0)

    def _wait(self, waiting: _Waiting, entry: _Entry, since: float) -> None:
        self._turn += 1
        entry.turn = self._turn
        if waiting is not self._ahead:
            entry.since = since
        heappush(waiting.heap, (since, self._turn, entry))

    def hasten(self, pipeline_ids: Iterable[PipelineId], now: float) -> None:
        """Reads these pipelines soon, because a neighbour failed. The others keep half of the budget meanwhile.

        It delays none beyond its usual turn.
        """
        found = (self._entries.get(pipeline_id) for pipeline_id in pipeline_ids)
        waiting = (entry for entry in found if entry and entry.turn > 0 and entry.key.pace is not Pace.TRANSIENT)
        most = max(1, round(self._rate * HASTENED_MOST_SECONDS))
        at_once = self._rate * HASTENED_AT_ONCE_SECONDS
        for place, entry in enumerate(nsmallest(most, waiting, key=lambda entry: entry.read_at)):
            wait = max(0.0, place - at_once) / (self._rate * HASTENED_SHARE)
            soon = max(now + wait, entry.read_at + READ_JUST_NOW_SECONDS)
            if soon < entry.since + self._by_key[entry.key].period:
                self._wait(self._ahead, entry, soon)


def _urgent_first(aged: list[tuple[float, _Entry]]) -> list[tuple[float, _Entry]]:
    """The urgent ones first, then the oldest readings. Three sorts by simple keys take less time than one by all."""
    by_id = sorted(aged, key=lambda one: one[1].pipeline_id)
    oldest_first = sorted(by_id, key=itemgetter(0), reverse=True)
    return sorted(oldest_first, key=lambda one: min(one[1].key.pace, Pace.STEADY))


@cache
def _shared_key(pace: Pace, step: int) -> Key:
    """The same object for equal keys: there are few, and every entry has one."""
    return Key(pace, step)


_UNKNOWN = _shared_key(Pace.STEADY, 0)
