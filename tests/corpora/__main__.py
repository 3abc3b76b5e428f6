"""Measures the redaction of logs and the fingerprints of errors: `python -m tests.corpora`."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from bot.domain.fingerprint import fingerprint
from bot.log_redaction import redact_log
from tests.corpora import held_out_innocent_lines as innocent
from tests.corpora import held_out_secrets as secrets
from tests.corpora.errors import KnownError, known_errors
from tests.corpora.held_out_errors import held_out_families
from tests.corpora.innocent_log_lines import innocent_lines
from tests.corpora.secrets_in_logs import SecretLine, secret_lines
from tests.unit.test_log_redaction import leaks


def redaction(name: str, with_secrets: Sequence[SecretLine], harmless: Sequence[str]) -> str:
    leaking = sum(leaks(line) for line in with_secrets)
    harmed = sum(redact_log(line) != line for line in harmless)
    return f"{name}: {leaking} of {len(with_secrets)} lines keep a secret, {harmed} of {len(harmless)} are harmed"


def joined(name: str, errors: Sequence[KnownError]) -> str:
    prints = [(error.family, fingerprint(error.text)) for error in errors]
    pairs = [(one[0] == other[0], one[1] == other[1]) for one, other in combinations(prints, 2)]
    same = [is_joined for is_family, is_joined in pairs if is_family]
    others = [is_joined for is_family, is_joined in pairs if not is_family]
    return (
        f"{name}: {len(errors)} errors; joined {sum(same)} of {len(same)} pairs of a family, "
        f"and {sum(others)} of {len(others)} others"
    )


def rows() -> Iterator[str]:
    yield redaction("own", [*secret_lines()], sorted(set(innocent_lines())))
    yield redaction("held out, first", [*secrets.held_out_secrets()], [*innocent.held_out_innocent_lines()])
    yield redaction("held out, second", [*secrets.second_secrets()], [*innocent.second_innocent_lines()])
    yield redaction("held out, third", [*secrets.third_secrets()], [*innocent.third_innocent_lines()])
    yield redaction("held out, fourth", [*secrets.fourth_secrets()], [*innocent.fourth_innocent_lines()])
    yield joined("own", [*known_errors()])
    yield joined("held out", [*held_out_families()])


if __name__ == "__main__":
    for row in rows():
        print(row)  # noqa: T201
