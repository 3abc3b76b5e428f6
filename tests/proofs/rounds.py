"""What came of one stretch of a crash test."""

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.proofs.oracle import Verdict

JUDGED = ("lost", "repeated", "out_of_order", "invented", "wrong_final")
KINDS = (*JUDGED, "traffic", "fell_over")
KEEP = "keep"


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
    def of(
        cls,
        trouble: str,
        kills: int,
        began: float,
        verdict: Verdict,
        directory: Path,
        *,
        traffic: Sequence[str],
        fell_over: Sequence[str],
        where: str = "",
    ) -> Self:
        """`began` on the monotonic clock. Of a faulty one the `directory` is kept."""
        faults = [*verdict.faults, *traffic, *fell_over]
        if faults:
            (directory / KEEP).touch()
            faults.append(f"{where} (see {directory})".lstrip())
        counts = {kind: len(getattr(verdict, kind)) for kind in JUDGED}
        counts |= {"traffic": len(traffic), "fell_over": len(fell_over)}
        return cls(trouble, kills, time.monotonic() - began, faults, counts)


@contextmanager
def a_directory() -> Iterator[Path]:
    """For one world; it stays, with the logs of its bots, where a fault was found."""
    directory = Path(tempfile.mkdtemp(prefix="crash-test-"))
    try:
        yield directory
    finally:
        if not (directory / KEEP).exists():
            shutil.rmtree(directory, ignore_errors=True)
