"""What a pipeline's logs say about its failure, after redaction."""

from bot.domain.diagnosis import LogOutcome
from bot.domain.log_lines import PodLog
from bot.monitoring.log_findings import SEARCHED, SEARCHED_WITHOUT_ERROR, findings_in, named_cause, redacted_error
from tests.builders import at

QUIET = "INFO block 100 of base-mainnet written to the table swaps in 12 ms\n"
ERROR = "ERROR connection refused by 10.0.0.1:5432\n"


def test_no_log_and_a_tail_error_are_no_log_yet() -> None:
    for logs in ((), (PodLog(pod="a", text=""),), (PodLog(pod="a", text="container not found"),)):
        assert findings_in(logs, at(1)).outcome is LogOutcome.NOT_YET


def test_a_replica_without_a_log_does_not_hide_the_others() -> None:
    found = findings_in((PodLog(pod="a", text="container not found"), PodLog(pod="b", text=ERROR)), at(1))
    assert found.excerpt
    assert (found.excerpt.pod, found.excerpt.error) == ("b", ERROR.strip())


def test_an_error_far_from_the_end_is_found() -> None:
    text = ERROR + QUIET * (SEARCHED_WITHOUT_ERROR // 2 // len(QUIET))
    assert len(text) > SEARCHED
    found = findings_in((PodLog(pod="a", text=text),), at(1))
    assert found.excerpt
    assert found.excerpt.error == ERROR.strip()


def test_no_line_begins_in_the_middle_of_a_secret() -> None:
    secret = "ERROR password=hunter2hunter2hunter2hunter2\n"
    for shift in range(len(secret)):
        text = secret * 400 + "x" * shift + "\n"
        found = findings_in((PodLog(pod="a", text=text),), at(1))
        assert "hunter2" not in found.pods[0].text
        assert "unter2" not in found.pods[0].text


def test_one_endless_line_shows_its_beginning() -> None:
    found = findings_in((PodLog(pod="a", text=QUIET + "ERROR " + "ab" * SEARCHED),), at(1))
    assert found.excerpt
    assert found.excerpt.error.startswith("ERROR abab")


def test_secrets_are_gone_before_anything_is_chosen() -> None:
    found = findings_in((PodLog(pod="a", text="ERROR postgres://app:s3cr3tpass@db/x refused\n"),), at(1))
    assert "s3cr3tpass" not in repr(found)
    assert found.excerpt


def test_the_destinations_error_names_the_cause_if_the_log_names_none() -> None:
    found = findings_in((PodLog(pod="a", text=QUIET),), at(1))
    assert named_cause(found.excerpt, "").cause == ""
    assert named_cause(found.excerpt, "").fingerprint == ""
    assert named_cause(found.excerpt, "password authentication failed").cause == "rejected_login"
    assert named_cause(None, "something odd happened today").cause == "unknown"
    assert named_cause(None, "something odd happened today").fingerprint


def test_the_destinations_error_is_one_short_line() -> None:
    assert redacted_error("a\n  b\tpassword=hunter2\x00") == "a b password=[redacted]"
    assert len(redacted_error("x y " * 1000)) == 240
