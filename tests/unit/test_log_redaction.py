"""Secrets in the logs of a worker are hidden; what a blockchain worker is about stays."""

from bot.log_redaction import redact_log
from tests.corpora.innocent_log_lines import innocent_lines
from tests.corpora.secrets_in_logs import SecretLine, secret_lines

SECRETS = list(secret_lines())
INNOCENT = list(innocent_lines())


def leaks(line: SecretLine) -> bool:
    """True if a fifth or more of a secret, or eight letters of it in a row, remain."""
    shown = redact_log(line.text)
    return any(shown_part in shown for secret in line.secrets for shown_part in _parts(secret))


def _parts(secret: str) -> list[str]:
    size = min(8, len(secret))
    return [secret[start : start + size] for start in range(len(secret) - size + 1)]


def test_the_corpora_are_large_enough() -> None:
    assert len({line.text for line in SECRETS}) >= 200
    assert len(set(INNOCENT)) >= 200


def test_at_least_99_of_100_lines_lose_their_secrets() -> None:
    leaking = [(line.text, redact_log(line.text)) for line in SECRETS if leaks(line)]
    assert len(leaking) <= len(SECRETS) / 100, leaking


def test_at_most_1_of_100_innocent_lines_is_harmed() -> None:
    harmed = [(line, redact_log(line)) for line in INNOCENT if redact_log(line) != line]
    assert len(harmed) <= len(INNOCENT) / 100, harmed
