"""Logs hold no secret, whichever way one comes in."""

import json
import logging
import sys
import warnings
from collections.abc import Iterator

import pytest
import structlog

from bot.telemetry.logs import Redaction, configure


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root, bot = logging.getLogger(), logging.getLogger("bot")
    handlers, level, bot_level = list(root.handlers), root.level, bot.level
    for handler in handlers:
        root.removeHandler(handler)  # so that they are not closed
    hook = sys.excepthook
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    sys.excepthook = hook
    root.handlers[:] = handlers
    root.setLevel(level)
    bot.setLevel(bot_level)


def listening(capsys: pytest.CaptureFixture[str]) -> "Said":
    configure("info")  # in the test itself: what a fixture sees of standard error is closed by then
    return Said(capsys)


class Said:
    """What went to standard error since the last look."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self) -> str:
        return self._capsys.readouterr().err


SECRETS = [
    ("xoxb-123-456-abcDEF", "xoxb-…"),
    ("xoxp-123-moGHIj", "xoxp-…"),
    ("xoxe.xoxp-1-Mi0yLT", "xoxe.xoxp-…"),
    ("xapp-1-A0-99-kXyZ", "xapp-…"),
    ("Bearer cqt_rQabc123", "Bearer …"),
    ("redis://:pass-word@localhost:6379/0", "redis://…@localhost:6379/0"),
    ("rediss://user:pass-word@h", "rediss://…@h"),
    ("redis://:pass-word@1@2@localhost:6379/0", "redis://…@localhost:6379/0"),
    ("redis://:pass-word/?#1@localhost", "redis://…@localhost"),
    ("redis://localhost?password=pass-word&db=1", "redis://localhost?password=…&db=1"),
    ("https://user:pass-word@1@proxy:8080/x", "https://…@proxy:8080/x"),
    ("Authorization: bearer pass-word", "Authorization: bearer …"),
    ("https://hooks.slack.com/commands/T0TEST/1/pass-word", "https://hooks.slack.com/…"),
    (
        "wss://wss-primary.slack.com/link/?ticket=pass-word&app_id=A0",
        "wss://wss-primary.slack.com/link/?ticket=…&app_id=A0",
    ),
    ("cqt_rQpass-word", "cqt_…"),
    ("pagerduty://pass-word", "pagerduty://…"),
    ("routing_key=pass-word", "routing_key=…"),
    ("https://hooks.slack.com/triggers/T0/1/pass-word", "https://hooks.slack.com/…"),
    ("Authorization: Token token=pass-word", "Authorization: … token=…"),
    ("http://pass-word@proxy:8080", "http://…@proxy:8080"),
    ("unix://:pass-word@/run/valkey.sock", "unix://…@/run/valkey.sock"),
    ("Connection(host=h,password=pass-word,db=0)", "Connection(host=h,password=…,db=0)"),
    ("SLACK_SIGNING_SECRET=pass-word", "SLACK_SIGNING_SECRET=…"),
    ("Authorization: Basic pass-word", "Authorization: Basic …"),
    ("authorization=pass-word", "authorization=…"),
]
table = pytest.mark.parametrize(("secret", "shown"), SECRETS)


def hidden(text: str, secret: str) -> bool:
    public_parts = {"xoxb-123-456-abcDEF": "abcDEF", "xoxp-123-moGHIj": "moGHIj", "xoxe.xoxp-1-Mi0yLT": "Mi0yLT"}
    public_parts |= {"xapp-1-A0-99-kXyZ": "kXyZ", "Bearer cqt_rQabc123": "rQabc"}
    return public_parts.get(secret, "pass-word") not in text


@table
def test_secrets_are_hidden_in_fields(capsys: pytest.CaptureFixture[str], secret: str, shown: str) -> None:
    output = listening(capsys)
    structlog.get_logger("bot.x").warning("refused", problem=f"with {secret} it fails", url=secret, times=3)
    line = json.loads(output())
    assert line["problem"] == f"with {shown} it fails"
    assert line["url"] == shown
    assert (line["event"], line["level"], line["times"]) == ("refused", "warning", 3)
    assert line["timestamp"].endswith("Z")


@table
def test_secrets_are_hidden_in_the_event(capsys: pytest.CaptureFixture[str], secret: str, shown: str) -> None:
    output = listening(capsys)
    structlog.get_logger("bot.x").info(f"used '{secret}'")
    assert json.loads(output())["event"] == f"used '{shown}'"


@table
def test_secrets_are_hidden_in_library_logs(capsys: pytest.CaptureFixture[str], secret: str, shown: str) -> None:
    output = listening(capsys)
    logging.getLogger("slack_bolt.x").warning("header %s and '%s'", secret, secret)
    line = json.loads(output())
    assert line["event"] == f"header {shown} and '{shown}'"


@table
def test_secrets_are_hidden_in_tracebacks(capsys: pytest.CaptureFixture[str], secret: str, shown: str) -> None:
    output = listening(capsys)

    def fail() -> None:
        raise ValueError(secret)

    for log in (structlog.get_logger("bot.x"), logging.getLogger("library")):
        try:
            fail()
        except ValueError:
            log.exception("tripped")
        text = output()
        assert "ValueError" in text
        assert hidden(text, secret)
        assert shown in json.loads(text)["exception"]


@table
def test_secrets_are_hidden_at_any_depth(capsys: pytest.CaptureFixture[str], secret: str, shown: str) -> None:
    output = listening(capsys)
    deep = {"headers": [("name", secret), {secret: 1}], "tried": {secret}, "none": None, "at": 1.5, "on": True}
    structlog.get_logger("bot.x").warning("refused", deep=deep)
    assert json.loads(output())["deep"] == {
        "headers": [["name", shown], {shown: 1}],
        "tried": [shown],
        "none": None,
        "at": 1.5,
        "on": True,
    }


@table
def test_secrets_are_hidden_in_objects(capsys: pytest.CaptureFixture[str], secret: str, shown: str) -> None:
    output = listening(capsys)
    problem = ValueError(f"with {secret} it fails")
    structlog.get_logger("bot.x").warning("refused", problem=problem, several=[problem], raw=secret.encode())
    line = json.loads(output())
    assert shown in line["problem"]
    assert shown in line["several"][0]
    assert hidden(json.dumps(line), secret)


@table
def test_secrets_are_hidden_in_exception_chains(capsys: pytest.CaptureFixture[str], secret: str, shown: str) -> None:
    output = listening(capsys)

    def fail() -> None:
        raise RuntimeError(f"because of {secret}") from ExceptionGroup("several", [ValueError(secret)])

    try:
        fail()
    except RuntimeError:
        logging.getLogger("library").exception("tripped")
    text = output()
    assert hidden(text, secret)
    assert json.loads(text)["exception"].count(shown) == 2


@pytest.mark.parametrize(
    "text",
    [
        "https://goldrush.dev/docs?a=b:c",
        "https://goldrush.dev:443/?from=ann@b.io",
        "rediss://localhost:6380/0?db=1",
        "hooks.slack.community/x",
        "a@b:c",
        "12:30:45 in C0ALERTS",
        "redis://localhost:6379",
        "pipe_xoxo",
        "Bear it",
    ],
)
def test_other_texts_stay(capsys: pytest.CaptureFixture[str], text: str) -> None:
    output = listening(capsys)
    structlog.get_logger("bot.x").info("read", text=text)
    assert json.loads(output())["text"] == text


def test_libraries_log_warnings_and_the_bot_logs_info(capsys: pytest.CaptureFixture[str]) -> None:
    output = listening(capsys)
    logging.getLogger("apscheduler").info("tick")
    logging.getLogger("bot.x").debug("detail")
    assert output() == ""
    logging.getLogger("apscheduler").warning("late")
    logging.getLogger("bot.x").info("told")
    assert [json.loads(line)["event"] for line in output().splitlines()] == ["late", "told"]


@pytest.mark.parametrize(
    "name",
    ["password", "Authorization", "token", "bot_token", "SLACK_SIGNING_SECRET", "ticket", "Cookie", "service-key"],
)
@pytest.mark.parametrize("value", ["hunter2!", b"hunter2!"])
def test_a_field_named_as_a_secret_is_hidden(capsys: pytest.CaptureFixture[str], name: str, value: str | bytes) -> None:
    output = listening(capsys)
    log = structlog.get_logger("bot.x")
    log.warning("refused", **{name: value})
    log.warning("refused", headers=[{name: value}])
    log.warning("refused", said=repr({name: value}))
    text = output()
    assert "hunter2" not in text
    assert text.count("…") + text.count("\\u2026") == 3


def test_a_key_that_is_no_secret_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    output = listening(capsys)
    structlog.get_logger("bot.x").warning("lost", key="card:abc", token=None, secrets=3)
    line = json.loads(output())
    assert (line["key"], line["token"], line["secrets"]) == ("card:abc", None, 3)


def test_the_values_of_the_settings_are_hidden_wherever_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", ["8f742231b10e8888", "hunter2", "hunter2-longer", "abc"])
    output = Said(capsys)
    structlog.get_logger("bot.x").warning("AUTH hunter2-longer", sent=["AUTH", "u", "hunter2"], hash="8f742231b10e8888")
    line = json.loads(output())
    assert (line["event"], line["sent"], line["hash"]) == ("AUTH …", ["AUTH", "u", "…"], "…")


def test_a_value_too_short_to_be_a_secret_hides_no_words() -> None:
    assert Redaction(["abc"]).text("abcdef") == "abcdef"


def test_uncaught_exceptions_and_warnings_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    output = listening(capsys)
    fault = ValueError("redis://:hunter2@h xoxb-1-2")
    sys.excepthook(ValueError, fault, None)
    assert json.loads(output())["exception"] == "ValueError: redis://…@h xoxb-…"
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("slow with xoxb-1-2", stacklevel=1)
    text = output()
    assert "xoxb-…" in json.loads(text)["event"]
    assert "xoxb-1-2" not in text
