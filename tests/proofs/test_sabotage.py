"""Each safeguard taken out turns a proof red: a proof that would not notice proves nothing.

The same proofs run with the safeguard in place wherever the tests run.
"""

import pytest

from tests.proofs import run_python
from tests.proofs.mutants import SABOTAGES

MACHINE = "tests/proofs/test_machine.py::test_each_change_is_reported_once_whatever_fails[fakeredis]"
CHAT = "tests/contract/test_chat.py"
NOTICED_BY = {
    "fence": MACHINE,
    "wait": "tests/proofs/test_model.py::test_ours_never_loses_repeats_or_reorders",
    "mark": "tests/proofs/test_simulation.py::test_each_change_is_reported_once_in_every_world",
    "retry_handlers": f"{CHAT}::test_what_may_or_may_not_have_happened_is_unknown_and_history_tells",
    "semaphore": "tests/contract/test_hanging.py",
    "order": "tests/proofs/test_simulation.py::test_each_change_is_reported_once_in_every_world",
    "doubt": MACHINE,
    "throttle": "tests/proofs/test_crash.py::test_the_next_life_obeys_a_retry_after",
}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_a_proof_fails_without_the_safeguard(sabotage: str) -> None:
    options = ("-p", "tests.proofs.mutants", "-x", "-q")
    # Not each world gets into the trouble that a safeguard is for: the first that does ends the search.
    env = {"SABOTAGE": sabotage, "PYTHONHASHSEED": "0", "WORLDS": "24"}
    code, said = run_python("-m", "pytest", *options, NOTICED_BY[sabotage], **env)
    assert code == pytest.ExitCode.TESTS_FAILED, said
