"""What became of the inputs at one boundary."""

from collections.abc import Callable
from dataclasses import dataclass, field

LONGEST_EXAMPLE = 2000  # characters; whoever wants more has the seed


@dataclass(slots=True)
class Violation:
    """One rule that was broken: how often, and by what the first time."""

    example: str
    times: int = 1


@dataclass(slots=True)
class Tally:
    """`accepted`: taken for what it says. `refused`: answered with a refusal, or left alone. Both are right."""

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
