"""Each safeguard taken out turns a proof red: a proof that would not notice proves nothing.

The same proofs run with the safeguard in place wherever the tests run.
"""

import pytest

from tests.proofs import run_python
from tests.proofs.mutants import SABOTAGES

MACHINE = "tests/proofs/test_machine.py::test_whatever_happens_everything_is_told_once[fakeredis]"
CHAT = "tests/contract/test_chat.py"
NOTICED_BY = {
    "fence": MACHINE,
    "wait": "tests/proofs/test_model.py::test_ours_neither_loses_nor_repeats_nor_disorders",
    "mark": "tests/proofs/test_simulation.py::test_a_world_in_which_everything_is_told_once",
    "retry_handlers": f"{CHAT}::test_what_may_or_may_not_have_happened_is_unknown_and_history_tells",
    "semaphore": "tests/contract/test_hanging.py",
    "order": "tests/proofs/test_simulation.py::test_a_world_in_which_everything_is_told_once",
    "doubt": MACHINE,
    "throttle": "tests/proofs/test_crash.py::test_the_next_life_obeys_what_slack_said_to_the_last",
}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_without_it_a_proof_turns_red(sabotage: str) -> None:
    options = ("-p", "tests.proofs.mutants", "-x", "-q")
    # Not each world gets into the trouble that a safeguard is for: the first that does ends the search.
    env = {"SABOTAGE": sabotage, "PYTHONHASHSEED": "0", "WORLDS": "24"}
    code, said = run_python("-m", "pytest", *options, NOTICED_BY[sabotage], **env)
    assert code == pytest.ExitCode.TESTS_FAILED, said
