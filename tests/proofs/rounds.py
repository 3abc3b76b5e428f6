"""The result of one round of a crash test."""

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
KINDS = (*JUDGED, "traffic", "crashed", "pages")
KEEP = "keep"


@dataclass
class Round:
    """One kind of trouble, the kills during it, and the faults that the oracle found."""

    trouble: str
    kills: int
    seconds: float
    faults: list[str] = field(default_factory=list)
    verdict: dict[str, int] = field(default_factory=dict)
    """Counts the faults by kind."""

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
        crashed: Sequence[str],
        pages: Sequence[str] = (),
        where: str = "",
    ) -> Self:
        """Builds the result and keeps `directory` if there are faults. `began` is a time of the monotonic clock."""
        faults = [*verdict.faults, *traffic, *crashed, *pages]
        if faults:
            (directory / KEEP).touch()
            faults.append(f"{where} (see {directory})".lstrip())
        counts = {kind: len(getattr(verdict, kind)) for kind in JUDGED}
        counts |= {"traffic": len(traffic), "crashed": len(crashed), "pages": len(pages)}
        return cls(trouble, kills, time.monotonic() - began, faults, counts)


@contextmanager
def a_directory() -> Iterator[Path]:
    """Makes a directory for one world. It remains, with the bots' logs, if the world had a fault."""
    directory = Path(tempfile.mkdtemp(prefix="crash-test-"))
    try:
        yield directory
    finally:
        if not (directory / KEEP).exists():
            shutil.rmtree(directory, ignore_errors=True)
