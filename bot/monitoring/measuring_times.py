"""When each pipeline is measured: evenly spread over a period that leaves most of the budget to others. Pure."""

from collections.abc import Set as AbstractSet
from heapq import heapify, heappop, heappush
from zlib import crc32

from bot.domain.observation import PipelineId

SHARE = 0.1  # of the budget, for measurements
MOST_AT_ONCE_SECONDS = 5.0  # of that share: what an idle minute saved is not spent at once
LONGEST_PERIOD = 3600.0  # seconds: a larger fleet is measured in part
SAME_PERIOD = 1.25  # a period counts as stretched from this factor on


class MeasuringTimes:
    """Times are in monotonic seconds. `rate`: the whole budget, in requests a second."""

    def __init__(self, wanted_seconds: float, rate: float, now: float) -> None:
        self._wanted = wanted_seconds
        self._rate = rate * SHARE
        self._left = 1.0
        """The measurements that the share pays for now."""
        self._filled_at = now
        self._due: list[tuple[float, PipelineId]] = []
        self._known: set[PipelineId] = set()
        self._at_rest: set[PipelineId] = set()
        """Known ones that need no measurement now."""

    @property
    def period(self) -> float:
        """Seconds between two measurements of a pipeline."""
        return measuring_period(self._wanted, self.measured, self._rate / SHARE)

    @property
    def measured(self) -> int:
        """How many pipelines share the measurements."""
        return len(self._known) - len(self._at_rest)

    @property
    def is_stretched(self) -> bool:
        return self.period > self._wanted * SAME_PERIOD

    @property
    def most(self) -> int:
        """So many pipelines can be measured often enough to know how they usually move."""
        return most_measured(self._wanted, self._rate / SHARE)

    def follow(self, pipeline_ids: AbstractSet[PipelineId], now: float) -> None:
        """Measures these from now on. Each new one gets a place in the period by its id."""
        self._known, new = set(pipeline_ids), pipeline_ids - self._known
        self._at_rest &= self._known
        self._due = [entry for entry in self._due if entry[1] in self._known]
        self._due += [(now + self.period * place_in_period(pipeline_id), pipeline_id) for pipeline_id in new]
        heapify(self._due)

    def next(self, now: float) -> PipelineId | None:
        """A due pipeline, if the share has a request left. `postpone` ends its turn."""
        passed, self._filled_at = max(0.0, now - self._filled_at), now
        self._left = min(max(1.0, MOST_AT_ONCE_SECONDS * self._rate), self._left + passed * self._rate)
        if self._left < 1.0 or not self._due or self._due[0][0] > now:
            return None
        return self._due[0][1]

    def postpone(self, now: float, *, measured: bool) -> None:
        """To the next period. `measured`: it cost a request; else the pipeline needs none now."""
        due, pipeline_id = heappop(self._due)
        if measured:
            self._left -= 1.0
            self._at_rest.discard(pipeline_id)
        else:
            self._at_rest.add(pipeline_id)
        heappush(self._due, (max(due + self.period, now + self.period / 2), pipeline_id))


def measuring_period(wanted_seconds: float, pipelines: int, rate: float) -> float:
    """How often a tenth of `rate` requests a second measures each of so many pipelines."""
    return max(wanted_seconds, pipelines / (rate * SHARE))


def most_measured(wanted_seconds: float, rate: float) -> int:
    return max(1, int(max(LONGEST_PERIOD, wanted_seconds) * rate * SHARE))


def place_in_period(pipeline_id: PipelineId) -> float:
    """From 0 to 1, the same in every process."""
    return crc32(pipeline_id.encode(errors="replace")) / 2**32
