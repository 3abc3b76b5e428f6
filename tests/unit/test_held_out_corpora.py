"""Corpora written without sight of the redactor, the causes and the fingerprint.

At the first measurement, 28 of 157 lines kept a secret, three of them by a wrong label, and 12 of 181 innocent lines
were harmed. 71 of 81 errors had the cause that we expected. 77 of 100 pairs of a family were joined, and no wrong pair.
A second set came after the fix, by someone who knew the redactor: 7 of 40 lines kept a secret, and 0 of 40 innocent
lines were harmed. A third set came after that fix: 10 of 47 lines kept a secret, and 1 of 30 innocent lines was harmed.
A fourth set came later, by someone who knew the redactor: 31 of 179 lines kept a secret, and 1 of 30 innocent lines was
harmed. The file has those kinds of it that were fixed.
The kinds of fault that these sets showed were fixed as well. Levels below are those after the fixes.
"""

import time
from itertools import combinations

import pytest

from bot.domain.causes import cause_of
from bot.domain.fingerprint import fingerprint
from bot.log_redaction import redact_log
from tests.corpora.held_out_errors import APART, held_out_causes, held_out_families
from tests.corpora.held_out_innocent_lines import (
    fourth_innocent_lines,
    held_out_innocent_lines,
    second_innocent_lines,
    third_innocent_lines,
)
from tests.corpora.held_out_secrets import fourth_secrets, held_out_secrets, second_secrets, third_secrets
from tests.unit.test_log_redaction import leaks

SECRETS = [*held_out_secrets(), *second_secrets(), *third_secrets(), *fourth_secrets()]
INNOCENT = [
    *held_out_innocent_lines(),
    *second_innocent_lines(),
    *third_innocent_lines(),
    *fourth_innocent_lines(),
]
# Parts of texts that make a pattern begin again and again.
HOSTILE = [
    *(
        "a",
        " ",
        "\n",
        "\\",
        '"',
        "<",
        "/",
        "@",
        ":",
        "password",
        "password:",
        "password: \n",
        "password=\\\n",
        "password  a",
    ),
    *(
        "token=",
        "name=",
        "name=token value=",
        "<password>",
        "curl -u ",
        "remote('a',",
        "identified by '",
        "[redacted] ",
    ),
    *(
        "mysql ",
        "\x1b[",
        "password b ",
        "AAAA\n",
        "eyJaaaaaaaa.",
        "http://a:\\\n",
        "--password ",
        "mnemonic a ",
        "basic ",
        "%3Dtoken%3D",
        "%2525",
        "-----BEGIN PRIVATE KEY-----\n",
        f"-----BEGIN PRIVATE KEY-----\n{'A' * 64}\n",
        f"2026 {'A' * 64}\n",
        "secretkey=[1,",
        "1,",
        "&#39;",
        r"\u0022",
        "id=key",
    ),
]


def test_the_held_out_lines_lose_their_secrets() -> None:
    assert len({line.text for line in SECRETS}) >= 240
    leaking = [(line.text, redact_log(line.text)) for line in SECRETS if leaks(line)]
    assert len(leaking) <= 3, leaking


def test_a_colour_between_a_name_and_its_value_hides_no_secret() -> None:
    assert (
        redact_log("\x1b[36mpassword\x1b[0m=\x1b[35mhunter22\x1b[0m block=\x1b[1m7\x1b[0m")
        == "password=[redacted] block=7"
    )
    assert redact_log(r"\u001b[36mpassword\u001b[0m=hunter22") == "password=[redacted]"


def test_the_held_out_innocent_lines_stay() -> None:
    assert len(set(INNOCENT)) >= 248
    harmed = [(line, redact_log(line)) for line in INNOCENT if redact_log(line) != line]
    assert len(harmed) <= 1, harmed


@pytest.mark.parametrize("part", HOSTILE)
def test_the_time_grows_with_the_text_and_no_faster(part: str) -> None:
    def cpu(size: int) -> float:
        text = (part * (size // len(part) + 1))[:size]
        began = time.process_time()
        redact_log(text)
        return time.process_time() - began

    small = min(cpu(8_192) for _ in range(2))
    assert cpu(65_536) <= max(24 * small, 0.1)


def test_fingerprints_join_the_held_out_families_and_no_others() -> None:
    prints = [(error.family, fingerprint(error.text)) for error in held_out_families()]
    assert len({family for family, _ in prints}) == 10
    for (family, one), (other_family, other) in combinations(prints, 2):
        assert one is not None
        assert (one == other) == (family == other_family)


@pytest.mark.parametrize(("one", "other"), APART)
def test_errors_with_another_fix_stay_apart(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


@pytest.mark.parametrize(
    ("error", "cause"),
    [*held_out_causes(), *((error.text, error.cause) for error in [*held_out_families()][::5])],
)
def test_the_table_names_the_cause_of_a_held_out_error(error: str, cause: str) -> None:
    assert cause_of(error).slug == cause
