"""Cadences that contradict each other are refused, with both ways out. Harmless combinations are not."""

import pytest

from bot.domain.cadence import PROMISED_AT_LEAST_SECONDS, Cadence
from bot.settings import HOW_TO_GET, PREFIX, Settings, SettingsError
from bot.settings.sentences import environment_name

GOOD = {"SLACK_BOT_TOKEN": "xoxb-1-a", "SLACK_APP_TOKEN": "xapp-1-b", "GOLDRUSH_SERVICE_KEY": "cqt_c"}


def load(monkeypatch: pytest.MonkeyPatch, **numbers: float) -> Settings:
    for name, field in Settings.model_fields.items():
        monkeypatch.delenv(environment_name(name, field.alias), raising=False)
    for name in HOW_TO_GET:
        monkeypatch.delenv(name, raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    for name, number in numbers.items():
        monkeypatch.setenv(f"{PREFIX}{name}", f"{number:g}")
    return Settings.load(env_file=None)


def faults(monkeypatch: pytest.MonkeyPatch, **numbers: float) -> list[str]:
    try:
        load(monkeypatch, **numbers)
    except SettingsError as exc:
        return [fault.replace(PREFIX, "") for fault in exc.faults]
    return []


ALWAYS = "so the bot would break its promise at every read."


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        (
            {"STEADY_SECONDS": 120},
            (
                f"STEADY_SECONDS (120) is longer than 60 s, the promised age of a reading, {ALWAYS} "
                "Set it to at most 60, or set PROMISED_SECONDS to at least 120."
            ),
        ),
        (
            {"STEADY_SECONDS": 120, "PROMISED_SECONDS": 60},
            (
                f"STEADY_SECONDS (120) is longer than PROMISED_SECONDS (60), {ALWAYS} "
                "Set it to at most 60, or raise PROMISED_SECONDS to at least 120."
            ),
        ),
        (
            {"PROMISED_SECONDS": 1, "READ_TIMEOUT_SECONDS": 1},
            (
                f"STEADY_SECONDS (5) is longer than PROMISED_SECONDS (1), {ALWAYS} "
                "Set it to at most 1, or raise PROMISED_SECONDS to at least 5."
            ),
        ),
        (
            {"PROMISED_SECONDS": 10, "READ_TIMEOUT_SECONDS": 30},
            (
                f"READ_TIMEOUT_SECONDS (30) is longer than PROMISED_SECONDS (10), {ALWAYS} "
                "Set it to at most 10, or raise PROMISED_SECONDS to at least 30."
            ),
        ),
        (
            {"TRANSIENT_SECONDS": 600},
            (
                "TRANSIENT_SECONDS (600) is longer than STEADY_SECONDS (5), so the bot would read a pipeline that "
                "deploys or just failed less often than a steady one. Set it to at most 5."
            ),
        ),
        (
            {"AT_REST_SECONDS": 2, "STEADY_SECONDS": 15},
            (
                "AT_REST_SECONDS (2) is shorter than STEADY_SECONDS (15), so the bot would read a stopped pipeline "
                "more often than a running one. Set it to at least 15."
            ),
        ),
        (
            {"CATALOGUE_SECONDS": 20, "REQUESTS_PER_SECOND": 0.1},
            (
                "CATALOGUE_SECONDS (20) is too short for REQUESTS_PER_SECOND (0.1): listings would take more than a "
                "tenth of the requests. Set it to at least 100."
            ),
        ),
        (
            {"PROMISED_SECONDS": 8, "REQUESTS_PER_SECOND": 0.1},
            (
                "PROMISED_SECONDS (8) is too short for REQUESTS_PER_SECOND (0.1): in this time the bot can't read a "
                "single pipeline. Set it to at least 10."
            ),
        ),
    ],
)
def test_a_contradiction_names_both_numbers_and_the_way_out(
    monkeypatch: pytest.MonkeyPatch, numbers: dict[str, float], expected: str
) -> None:
    assert faults(monkeypatch, **numbers) == [expected]


@pytest.mark.parametrize(
    "numbers",
    [
        {},
        {"STEADY_SECONDS": 60},
        {"STEADY_SECONDS": 90, "PROMISED_SECONDS": 120},
        {"STEADY_SECONDS": 1},
        {"STEADY_SECONDS": 15, "TRANSIENT_SECONDS": 15},
        {"PROMISED_SECONDS": 5},
        {"AT_REST_SECONDS": 3600},
        {"BLIND_SECONDS": 10},
        {"REQUESTS_PER_SECOND": 0.1},
        {"CATALOGUE_SECONDS": 2.5},
    ],
)
def test_a_combination_that_can_work_is_accepted(monkeypatch: pytest.MonkeyPatch, numbers: dict[str, float]) -> None:
    assert faults(monkeypatch, **numbers) == []


def test_a_number_out_of_its_range_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, number in (("STEADY_SECONDS", 1e6), ("REQUESTS_PER_SECOND", 0.001), ("PROMISED_SECONDS", -1)):
        (fault,) = faults(monkeypatch, **{name: number})
        assert fault.startswith(f"{name} is not valid: it must be")


def test_the_defaults_that_are_compared_are_those_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch)
    assert settings.cadence == Cadence()
    assert settings.cadence.promised(1, settings.requests_per_second) == PROMISED_AT_LEAST_SECONDS


def test_a_transient_pipeline_is_read_as_often_as_a_steady_one_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, STEADY_SECONDS=1).cadence.transient_seconds == 1


@pytest.mark.parametrize(
    ("ports", "clash"),
    [
        ({"PORT": "9108", "PIPELINE_BOT_METRICS_PORT": "9108"}, True),
        ({"PIPELINE_BOT_METRICS_PORT": "3000"}, True),
        ({"PORT": "0", "PIPELINE_BOT_METRICS_PORT": "0"}, False),
        ({"PIPELINE_BOT_METRICS_PORT": "3000", "PIPELINE_BOT_TRANSPORT": "socket"}, False),
        ({"PIPELINE_BOT_METRICS_PORT": "3000", "PIPELINE_BOT_TRANSPORT": "auto"}, False),
    ],
)
def test_two_servers_need_two_ports(monkeypatch: pytest.MonkeyPatch, ports: dict[str, str], clash: bool) -> None:
    load(monkeypatch)  # clears the environment
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "signed")
    monkeypatch.setenv("PIPELINE_BOT_TRANSPORT", "http")
    for name, value in ports.items():
        monkeypatch.setenv(name, value)
    reported: list[str] = []
    try:
        Settings.load(env_file=None)
    except SettingsError as exc:
        reported = exc.faults
    text = (
        "PORT and PIPELINE_BOT_METRICS_PORT are the same, and two servers can't listen on one port. Change one of them."
    )
    assert reported == ([text] if clash else [])
