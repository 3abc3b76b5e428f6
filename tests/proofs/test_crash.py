"""A bounded part of the crash test, which is to be run by hand in whole: `make crash-test`."""

import asyncio
import random
import sys
from pathlib import Path

import pytest

from tests.proofs import run_python
from tests.proofs.sweep import throttles
from tests.proofs.world import JITTER_SECONDS, a_world


@pytest.mark.journey
@pytest.mark.timeout(1800)
def test_each_change_is_reported_once_after_any_crash(capsys: pytest.CaptureFixture[str]) -> None:
    bounded = ["--seeds", "2", "--kills", "10", "--step", "100", "--workers", "2"]
    code, said = run_python("-m", "tests.proofs.crash", *bounded)
    with capsys.disabled():
        sys.stdout.write(f"\n{said}")
    assert code == 0, said


@pytest.mark.journey
async def test_the_next_life_obeys_a_retry_after(tmp_path: Path) -> None:
    """The bot dies within the time for which Slack is to be let alone, and has read something new before."""
    async with a_world(tmp_path, 2, random.Random(0)) as world, world.kept_alive():  # noqa: S311
        first, second = world.names
        await throttles(world, first, seconds=4)
        world.set_phase(second, "FAILED")
        await world.reads(second, 2)
        await asyncio.sleep(JITTER_SECONDS)
        world.bots[0].kill()
        verdict = await world.settled()
        assert [*verdict.faults, *world.traffic(), *world.fell_over()] == []
