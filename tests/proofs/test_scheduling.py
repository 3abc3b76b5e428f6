"""The services work in any order in which the event loop runs ready tasks."""

import pytest

from tests.proofs import run_python


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_service_tests_pass_in_any_task_order(seed: int) -> None:
    options = ("-q", "-p", "no:cacheprovider", "--shuffle", str(seed))
    code, output = run_python("-m", "pytest", *options, "tests/service")
    assert code == pytest.ExitCode.OK, output
