"""How early the bot finds failures, compared with even polling and with the optimum for known failure rates.

The scheduling code (`DueTimes`, the allocation, the learned rates) reads a simulated fleet for 30 days, from cold.
Every T seconds between two reads add their expected delay, h · T² / 2, so chance enters only what the bot learns.
Even polling and the optimum get as many reads of RUNNING pipelines as the bot makes: it also re-reads failed ones.

    python -m bench.cadence [--quick]
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import exp
from random import Random
from time import process_time

from bench.experiment import Experiment, Measurement, Results, Row, Run, at_most
from bot.domain.cadence import Band, Cadence, Pace, pace, share
from bot.domain.failure_rates import track
from bot.domain.observation import Observation, PipelineId, ReadSequence
from bot.domain.phase import Phase
from bot.domain.transition import PipelineState, detect
from bot.monitoring.due_times import DueTimes, Newcomer

DAY = 86_400.0
DAYS = 30
MEAN_RATE = 1 / (3 * DAY)  # failures a second of the mean pipeline: one in three days
REPAIR_SECONDS = 600.0
FIT_SECONDS = 600.0
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def _some(part: float, factor: float) -> Callable[[Random, int], list[float]]:
    return lambda _, size: [factor if number < part * size else 1.0 for number in range(size)]


EQUAL = "equal"
FLEETS: dict[str, Callable[[Random, int], list[float]]] = {
    EQUAL: lambda _, size: [1.0] * size,
    "10% x10": _some(0.1, 10),
    "10% x100": _some(0.1, 100),
    "5% x1000": _some(0.05, 1000),
    "lognormal": lambda chance, size: [exp(chance.gauss(0, 2)) for _ in range(size)],
}


@dataclass(frozen=True, slots=True)
class Size:
    """A fleet's size, and its budget in requests a second."""

    pipelines: int
    budget: float


FULL = Size(100, 4 / 3)
QUICK = Size(20, 0.04)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Mean delays in seconds. `learned` is over all 30 days, `at_last` over the last five."""

    even: float
    optimum: float
    learned: float
    at_last: float
    microseconds: float
    """CPU time per read of the scheduling code and the simulation."""

    def gain(self, delay: float) -> float:
        """The share of the optimum's gain over even polling."""
        return (self.even - delay) / (self.even - self.optimum) if self.even > self.optimum * 1.001 else 1.0


class Fleet:
    """Pipelines that fail by chance, and are RUNNING again a while after the bot has seen it."""

    def __init__(self, rates: list[float], chance: Random) -> None:
        self.rates = rates
        self._chance = chance
        self._ids = [PipelineId(f"pipe_{number}") for number in range(len(rates))]
        self.index = {pipeline_id: number for number, pipeline_id in enumerate(self._ids)}
        self.states = [_observed(PipelineState(), pipeline_id, Phase.RUNNING, 0.0, 1) for pipeline_id in self._ids]
        self.read_at = [0.0] * len(rates)
        self._fails_at = [chance.expovariate(rate) for rate in rates]
        self._repaired_at = [0.0] * len(rates)

    def newcomers(self) -> Iterator[Newcomer]:
        return (
            Newcomer(pipeline_id, Pace.STEADY, track=track(state, BEGIN, 0.0))
            for pipeline_id, state in zip(self._ids, self.states, strict=True)
        )

    def read(self, number: int, now: float) -> bool:
        """True if the state changed."""
        state = self.states[number]
        if state.phase == Phase.RUNNING and now >= self._fails_at[number]:
            phase = Phase.FAILED
            self._repaired_at[number] = now + REPAIR_SECONDS
        elif state.phase == Phase.FAILED and now >= self._repaired_at[number]:
            phase = Phase.RUNNING
            self._fails_at[number] = now + self._chance.expovariate(self.rates[number])
        else:
            return False
        self.states[number] = _observed(state, self._ids[number], phase, now, state.sequence.read + 1)
        return True


def _observed(state: PipelineState, pipeline_id: PipelineId, phase: Phase, now: float, read: int) -> PipelineState:
    at = BEGIN + timedelta(seconds=now)
    observation = Observation(
        pipeline_id=pipeline_id, sequence=ReadSequence(1, read), observed_at=at, phase=phase, replicas=1, ready=1
    )
    return detect(state, observation)[0]


def simulate(name: str, size: Size, *, seed: int = 1, days: float = DAYS) -> Outcome:
    chance = Random(seed)  # noqa: S311
    raw = FLEETS[name](chance, size.pipelines)
    rates = [rate * MEAN_RATE * size.pipelines / sum(raw) for rate in raw]
    cadence = Cadence()
    promised = cadence.promised(size.pipelines, size.budget)
    began = process_time()
    learned, at_last, reads, budget = _run(Fleet(rates, chance), size, cadence, promised, days)
    bands = [Band(1, rate**0.5, cadence.steady_seconds, promised) for rate in rates]
    best = share(bands, budget)
    return Outcome(
        even=size.pipelines / budget / 2,
        optimum=sum(rate * seconds / 2 for rate, seconds in zip(rates, best, strict=True)) / sum(rates),
        learned=learned,
        at_last=at_last,
        microseconds=(process_time() - began) / reads * 1e6,
    )


def _run(fleet: Fleet, size: Size, cadence: Cadence, promised: float, days: float) -> tuple[float, float, int, float]:
    """The mean delay in all and in the last five days, the reads, and those of RUNNING pipelines per second."""
    due = DueTimes(cadence)
    due.fit(size.budget, promised, 0.0)
    due.add(fleet.newcomers(), 0.0)
    step, fitted_at, now, reads, of_running = 1 / size.budget, 0.0, 0.0, 0, 0
    totals = {False: [0.0, 0.0], True: [0.0, 0.0]}
    while now < days * DAY:
        if now - fitted_at >= FIT_SECONDS:
            fitted_at = now
            due.fit(size.budget, promised, now)
        pipeline_id = due.take_next(now)
        if pipeline_id is None:
            now += step
            continue
        reads += 1
        number = fleet.index[pipeline_id]
        if fleet.states[number].phase == Phase.RUNNING:
            seconds, rate = now - fleet.read_at[number], fleet.rates[number]
            total = totals[now > (days - 5) * DAY]
            of_running += 1
            total[0] += rate * seconds * seconds / 2
            total[1] += rate * seconds
        fleet.read_at[number] = now
        changed = fleet.read(number, now)
        state = fleet.states[number]
        at = BEGIN + timedelta(seconds=now)
        if changed or state.phase == Phase.FAILED:
            due.mark_read(pipeline_id, pace(state, at, cadence), now, track(state, at, now))
            due.fit(size.budget, promised, now)
        else:
            due.mark_read(pipeline_id, Pace.STEADY, now, track(state, at, now))
        now += step
    (early, early_weight), (late, late_weight) = totals[False], totals[True]
    return (early + late) / (early_weight + late_weight), late / late_weight, reads, of_running / now


def _row(fleet: str, days: str) -> Row:
    return Row(
        name=f"cadence-{fleet}-{days}".replace(" ", "-").replace("%", ""),
        label="G4",
        what=f"mean delay to find a failure, fleet: {fleet}, {days}",
        against="even polling" if fleet == EQUAL else "90 % of the optimum's gain",
        goal=at_most(1.05 if fleet == EQUAL else 1.0),
    )


_ALL_DAYS = {name: _row(name, "30 days from cold") for name in FLEETS}
_LAST_DAYS = {name: _row(name, "its days 26 to 30") for name in FLEETS if name != EQUAL}


async def measure(run: Run) -> Results:
    results = {}
    for name in FLEETS:
        run.tell(f"simulating {name}")
        outcome = simulate(name, QUICK if run.quick else FULL)
        limit = outcome.even if name == EQUAL else outcome.even - 0.9 * (outcome.even - outcome.optimum)
        for rows, delay in ((_ALL_DAYS, outcome.learned), (_LAST_DAYS, outcome.at_last)):
            if name in rows:
                note = f"even polling {outcome.even:.1f} s, optimum {outcome.optimum:.1f} s"
                note += "" if name == EQUAL else f"; {outcome.gain(delay):.0%} of its gain"
                results[rows[name].name] = Measurement(value=delay, peer=limit, unit="s", note=note)
    return results


EXPERIMENT = Experiment(name="cadence", rows=(*_ALL_DAYS.values(), *_LAST_DAYS.values()), measure=measure, rounds=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    size = QUICK if arguments.quick else FULL
    for name in FLEETS:
        for seed in range(1, arguments.seeds + 1):
            outcome = simulate(name, size, seed=seed)
            gain, at_last = outcome.gain(outcome.learned), outcome.gain(outcome.at_last)
            print(
                f"{name:10} even {outcome.even:6.1f} s  optimum {outcome.optimum:6.1f} s"
                f"  learned {outcome.learned:6.1f} s  of the gain {gain:4.0%}, at last {at_last:4.0%}"
                f"  {outcome.microseconds:.1f} µs a read",
                flush=True,
            )


if __name__ == "__main__":
    main()
