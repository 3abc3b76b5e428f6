"""Removes each safeguard and checks that a proof then fails. A proof that passes without the safeguard proves nothing.

The normal test run covers the same proofs with the safeguards in place.
"""

import pytest

from tests.proofs import run_python
from tests.proofs.mutants import SABOTAGES

MACHINE = "tests/proofs/test_machine.py::test_each_change_is_reported_once_under_faults[fakeredis]"
WORLDS = "tests/proofs/test_simulation.py::test_each_change_is_reported_once_in_every_world"
CHAT = "tests/contract/test_chat.py"
NOTICED_BY = {
    "fence": MACHINE,
    "wait": "tests/proofs/test_model.py::test_ours_never_loses_repeats_or_reorders",
    "mark": WORLDS,
    "retry_handlers": f"{CHAT}::test_a_lost_answer_is_unknown_until_a_lookup",
    "semaphore": "tests/contract/test_hanging.py",
    "order": WORLDS,
    "doubt": MACHINE,
    "broadcast": WORLDS,
    "throttle": "tests/proofs/test_crash.py::test_the_next_life_obeys_a_retry_after",
    "one_sender": "tests/service/test_one_sender.py",
    "joins": "tests/service/test_groups.py::test_a_group_that_grows_during_an_update_is_updated_again",
    "listing": "tests/service/test_silence.py",
    "vital_signs": "tests/service/test_silence.py",
    **dict.fromkeys(("timers", "answered_page", "step_twice", "mutes", "mute_ends"), WORLDS),
    "handover": "tests/service/test_schedule_news.py",
}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_a_proof_fails_without_the_safeguard(sabotage: str) -> None:
    options = ("-p", "tests.proofs.mutants", "-x", "-q")
    # Few worlds run into the fault that the safeguard prevents. The first failing world ends the search.
    env = {"SABOTAGE": sabotage, "PYTHONHASHSEED": "0", "WORLDS": "24"}
    code, output = run_python("-m", "pytest", *options, NOTICED_BY[sabotage], **env)
    assert code == pytest.ExitCode.TESTS_FAILED, output
