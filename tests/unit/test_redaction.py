"""Texts of others lose everything that looks like a secret; our own lose only what surely is one."""

import pytest

from bot.redaction import hide_secrets, hide_suspects
from tests.unit.test_logs import SECRETS, hidden

HARMLESS = [
    "a basic plan",
    "token: not_authed",
    "pipe_5f2b8c1d9e7a4036b1c2d3e4",
    "run 4f1a9c2b7d3e5f60718293a4",
]


@pytest.mark.parametrize(("secret", "_"), SECRETS)
def test_both_hide_a_secret(secret: str, _: str) -> None:
    assert hidden(hide_secrets(f"with {secret} it fails", "…"), secret)
    assert hidden(hide_suspects(f"with {secret} it fails"), secret)


@pytest.mark.parametrize("text", HARMLESS)
def test_redaction_keeps_the_bots_own_texts(text: str) -> None:
    assert hide_secrets(text, "…") == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a basic dXNlcjpwYXNz", "a basic [redacted]"),
        ("token: hunter2", "token: [redacted]"),
        ("cookie = hunter2", "cookie = [redacted]"),
        ("pwd=hunter2&user=1", "pwd=[redacted]&user=1"),
        ("pipe_5f2b8c1d9e7a4036b1c2d3e4", "pipe_5f2b8c1d9e7a4036b1c2d3e4"),
    ],
)
def test_texts_of_others_lose_it(text: str, shown: str) -> None:
    assert hide_suspects(text) == shown
