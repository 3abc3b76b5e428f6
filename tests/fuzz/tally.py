"""Counts the results of the inputs at one boundary."""

from collections.abc import Callable
from dataclasses import dataclass, field

LONGEST_EXAMPLE = 2000  # characters; the seed repeats the rest


@dataclass(slots=True)
class Violation:
    """One broken rule: how often it broke, and the first input that broke it."""

    example: str
    times: int = 1


@dataclass(slots=True)
class Tally:
    """`accepted` inputs were acted on. `refused` inputs got a refusal or no reaction. Both are correct."""

    boundary: str
    counted: Callable[[], None] = lambda: None
    tried: int = 0
    refused: int = 0
    accepted: int = 0
    violations: dict[str, Violation] = field(default_factory=dict)

    def count(self, *, accepted: bool) -> None:
        self.tried += 1
        self.accepted += accepted
        self.refused += not accepted
        self.counted()

    def broken(self, rule: str, example: object) -> None:
        if rule in self.violations:
            self.violations[rule].times += 1
        else:
            self.violations[rule] = Violation(repr(example)[:LONGEST_EXAMPLE])
