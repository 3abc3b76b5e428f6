"""A bounded part of the crash test, which is to be run by hand in whole: `make crash-test`."""

import subprocess
import sys

import pytest

from tests.proofs import unmeasured


@pytest.mark.journey
@pytest.mark.timeout(600)
def test_whatever_dies_everything_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    bounded = ["--seeds", "2", "--kills", "10", "--step", "100", "--workers", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.proofs.crash", *bounded],
        env=unmeasured(),
        capture_output=True,
        text=True,
        check=False,
    )
    with capsys.disabled():
        sys.stdout.write(f"\n{done.stdout}")
    assert done.returncode == 0, done.stdout + done.stderr
