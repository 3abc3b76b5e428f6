"""A short run of the crash test. `make crash-test` runs all of it."""

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
    bounded = ["--seeds", "2", "--kills", "10", "--step", "200", "--workers", "2"]
    code, output = run_python("-m", "tests.proofs.crash", *bounded)
    with capsys.disabled():
        sys.stdout.write(f"\n{output}")
    assert code == 0, output


@pytest.mark.journey
@pytest.mark.timeout(1800)
def test_each_change_is_reported_once_after_crashes_of_processes_with_one_role_each(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, output = run_python("-m", "tests.proofs.crash", "--roles", "split", "--seeds", "1", "--kills", "8")
    with capsys.disabled():
        sys.stdout.write(f"\n{output}")
    assert code == 0, output


@pytest.mark.journey
async def test_the_next_life_obeys_a_retry_after(tmp_path: Path) -> None:
    """The bot reads another failure and dies while Slack's Retry-After still runs."""
    async with a_world(tmp_path, 2, random.Random(0)) as world, world.kept_alive():  # noqa: S311
        first, second = world.names
        await throttles(world, first, seconds=4)
        world.set_phase(second, "FAILED")
        await world.reads(second, 2)
        await asyncio.sleep(JITTER_SECONDS)
        world.bots[0].kill()
        verdict = await world.settled()
        assert [*verdict.faults, *world.traffic(), *world.crashed()] == []
