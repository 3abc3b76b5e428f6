"""Learns how often each pipeline fails, and how much the pipelines of a fleet differ. Pure.

The fleet is a mixture of pipelines with rates from one failure an hour to one in many years. Expectation maximisation
finds the share of each rate (empirical Bayes). A pipeline's expected rate then follows from its own failures. So in a
fleet of equal pipelines chance alone makes none look worse, and a few bad ones soon stand out.
"""

from collections import Counter
from datetime import datetime
from functools import cache
from math import exp, log
from typing import NamedTuple

from bot.domain.phase import Phase
from bot.domain.transition import PipelineState

STEP = 0.2  # of the logarithm of a rate: periods differ by a tenth from step to step
MOST_STEPS = 60
RATES = tuple(2.0**-power / 3600 for power in range(18))  # failures a second
_LOGS = tuple(log(rate) for rate in RATES)
BELIEF = 2.0  # how many pipelines the first guess counts as: all rates near the fleet's mean
BELIEF_WIDTH = 1.0  # of the logarithm of a rate
EXACT_FAILURES = 16  # larger numbers are rounded to a tenth
SHORTEST = 60.0  # seconds; a shorter time of observation counts as none
FIRST_ROUNDS, LATER_ROUNDS = 20, 2


class Track(NamedTuple):
    """What is known of one pipeline: failures out of RUNNING, and the time it was RUNNING.

    `seconds` is that time until `running_since`, in monotonic seconds. None: it is not running.
    """

    failures: int = 0
    seconds: float = 0.0
    running_since: float | None = None

    def exposure(self, now: float) -> float:
        running = now - self.running_since if self.running_since is not None else 0.0
        return self.seconds + max(0.0, running)


NO_TRACK = Track()


def track(state: PipelineState, at: datetime, now: float) -> Track:
    """A pipeline's track, from its stored state. `at` and `now` are the same moment on both clocks."""
    since = state.since if state.phase is Phase.RUNNING else None
    running_since = now - (at - since).total_seconds() if since else None
    return Track(state.failures, state.running_seconds, running_since)


class Evidence(NamedTuple):
    """A track, rounded: pipelines with the same evidence have the same expected rate."""

    failures: int
    exposure: int

    @property
    def seconds(self) -> float:
        return SHORTEST * exp(self.exposure / 4) if self.exposure > 0 else 0.0


def evidence(track: Track, now: float) -> Evidence:
    seconds = track.exposure(now)
    failures = track.failures
    if failures > EXACT_FAILURES:
        failures = round(exp(round(log(failures) * 10) / 10))
    return _shared_evidence(failures, round(log(seconds / SHORTEST) * 4) if seconds > SHORTEST else 0)


@cache
def _shared_evidence(failures: int, exposure: int) -> Evidence:
    """The same object for equal evidence: many pipelines have the same."""
    return Evidence(failures, exposure)


class FailureRates:
    """The evidence of a fleet, and what follows from it. The cost depends on how much pipelines differ, not on how many
    they are."""

    def __init__(self) -> None:
        self._counts: Counter[Evidence] = Counter()
        self._shares = [1 / len(RATES)] * len(RATES)
        self._mean = RATES[-1]
        self._steps: dict[Evidence, int] = {}
        self._learned = False

    def add(self, evidence: Evidence) -> None:
        self._counts[evidence] += 1

    def remove(self, evidence: Evidence) -> None:
        self._counts[evidence] -= 1

    def learn(self) -> None:
        """Computes the shares of the rates again. It begins with the last result, so a few rounds are enough."""
        self._counts = +self._counts
        self._steps.clear()
        failures = sum(one.failures * number for one, number in self._counts.items())
        if failures == 0:
            return
        mean = log(failures / sum((one.seconds or SHORTEST) * number for one, number in self._counts.items()))
        guess = _normal([exp(-(((rate - mean) / BELIEF_WIDTH) ** 2) / 2) for rate in _LOGS])
        if not self._learned:
            self._shares = guess
        for _ in range(LATER_ROUNDS if self._learned else FIRST_ROUNDS):
            shares = [BELIEF * share for share in guess]
            for one, number in self._counts.items():
                for index, share in enumerate(self._posterior(one)):
                    shares[index] += number * share
            self._shares = _normal(shares)
        self._learned = True
        self._mean = sum(share * rate for share, rate in zip(self._shares, RATES, strict=True))

    def _posterior(self, evidence: Evidence) -> list[float]:
        failures, seconds = evidence.failures, evidence.seconds
        logs = [failures * logarithm - rate * seconds for logarithm, rate in zip(_LOGS, RATES, strict=True)]
        most = max(logs)
        return _normal([share * exp(one - most) for share, one in zip(self._shares, logs, strict=True)])

    def step(self, evidence: Evidence) -> int:
        """The expected rate, as a number of steps above or below the fleet's mean."""
        if not self._learned:
            return 0
        if evidence not in self._steps:
            expected = sum(share * rate for share, rate in zip(self._posterior(evidence), RATES, strict=True))
            step = round(log(expected / self._mean) / STEP)
            self._steps[evidence] = max(-MOST_STEPS, min(MOST_STEPS, step))
        return self._steps[evidence]


def _normal(shares: list[float]) -> list[float]:
    whole = sum(shares)
    return [share / whole for share in shares]


def weight(step: int) -> float:
    """The square root of the rate at this step, with the mean as 1."""
    return exp(step * STEP / 2)
