"""What came of one stretch of a crash test."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from tests.proofs.oracle import Verdict

JUDGED = ("lost", "repeated", "out_of_order", "invented", "wrong_final")
KINDS = (*JUDGED, "traffic")


@dataclass
class Round:
    """One kind of trouble, with kills in it, and what came of it."""

    trouble: str
    kills: int
    seconds: float
    faults: list[str] = field(default_factory=list)
    verdict: dict[str, int] = field(default_factory=dict)
    """How many faults of each kind."""

    @classmethod
    def of(cls, trouble: str, kills: int, began: float, verdict: Verdict, traffic: Sequence[str] = ()) -> Self:
        """`began` on the monotonic clock."""
        counts = {kind: len(getattr(verdict, kind)) for kind in JUDGED} | {"traffic": len(traffic)}
        return cls(trouble, kills, time.monotonic() - began, [*verdict.faults, *traffic], counts)
