"""Settings: all that is wrong at once, each with its cure, and never a value."""

import os
from pathlib import Path

import pytest

from bot.settings import HOW_TO_GET, Settings, SettingsError, Transport

GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-1-secret",
    "SLACK_APP_TOKEN": "xapp-1-secret",
    "GOLDRUSH_SERVICE_KEY": "cqt_secret",
}
SECRETS = ("xoxb-1-secret", "xapp-1-secret", "cqt_secret", "signed-secret", "redis-secret")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what the test sets."""
    for name in list(os.environ):
        if name.upper().startswith("PIPELINE_BOT_") or name.upper() in {
            *HOW_TO_GET, "SLACK_API_URL", "GOLDRUSH_API_URL", "REDIS_URL", "OPERATOR_CHANNEL", "FALLBACK_CHANNEL",
            "PORT", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
        }:  # fmt: skip
            monkeypatch.delenv(name)


def load(monkeypatch: pytest.MonkeyPatch, /, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings.load(env_file=None)


def faults(monkeypatch: pytest.MonkeyPatch, /, **environment: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        load(monkeypatch, **environment)
    return raised.value.faults


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, **GOOD)
    assert settings.slack_bot_token.get_secret_value() == "xoxb-1-secret"
    assert settings.goldrush_service_key.get_secret_value() == "cqt_secret"
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.goldrush_api_url == "https://api.covalenthq.com/"
    assert settings.store_url is None
    assert settings.operator_channel is None
    assert (settings.command, settings.port, settings.log_level) == ("/pipeline", 3000, "info")
    assert settings.data_dir == Path(".data")
    assert settings.requests_per_second == 4.0
    assert (settings.steady_seconds, settings.transient_seconds, settings.at_rest_seconds) == (5.0, 3.0, 60.0)


@pytest.mark.parametrize(
    ("environment", "transport"),
    [
        ({"SLACK_APP_TOKEN": "xapp-1-secret"}, Transport.SOCKET),
        ({"SLACK_SIGNING_SECRET": "signed-secret"}, Transport.HTTP),
        ({"SLACK_APP_TOKEN": "xapp-1-secret", "SLACK_SIGNING_SECRET": "signed-secret"}, Transport.SOCKET),
        (
            {"SLACK_APP_TOKEN": "xapp-1", "SLACK_SIGNING_SECRET": "y", "PIPELINE_BOT_TRANSPORT": "http"},
            Transport.HTTP,
        ),
        ({"SLACK_APP_TOKEN": "xapp-1", "PIPELINE_BOT_TRANSPORT": "socket"}, Transport.SOCKET),
        ({"SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": "y", "PIPELINE_BOT_TRANSPORT": "auto"}, Transport.HTTP),
    ],
)
def test_how_slack_reaches_the_bot(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], transport: Transport
) -> None:
    needed = {name: GOOD[name] for name in ("SLACK_BOT_TOKEN", "GOLDRUSH_SERVICE_KEY")}
    assert load(monkeypatch, **needed, **environment).transport is transport


@pytest.mark.parametrize(
    ("transport", "missing", "there"),
    [
        ("socket", "SLACK_APP_TOKEN", {"SLACK_SIGNING_SECRET": "y"}),
        ("http", "SLACK_SIGNING_SECRET", {"SLACK_APP_TOKEN": "xapp-1"}),
    ],
)
def test_settings_name_the_missing_settings_of_the_transport(
    monkeypatch: pytest.MonkeyPatch, transport: str, missing: str, there: dict[str, str]
) -> None:
    needed = {name: GOOD[name] for name in ("SLACK_BOT_TOKEN", "GOLDRUSH_SERVICE_KEY")}
    (fault,) = faults(monkeypatch, **needed, **there, PIPELINE_BOT_TRANSPORT=transport)
    assert fault == f"{missing} is missing: {HOW_TO_GET[missing]}."


def test_an_empty_environment_reports_all_faults_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reported = faults(monkeypatch)
    assert len(reported) == 3
    text = "\n".join(reported)
    for name, cure in HOW_TO_GET.items():
        assert name in text
        assert cure in text


def test_empty_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(monkeypatch, **{**GOOD, "SLACK_BOT_TOKEN": ""}) == [
        f"SLACK_BOT_TOKEN is missing: {HOW_TO_GET['SLACK_BOT_TOKEN']}."
    ]


BAD = [
    ("GOLDRUSH_SERVICE_KEY", "ké-redis-secret"),
    ("GOLDRUSH_SERVICE_KEY", "two words"),
    ("SLACK_BOT_TOKEN", "xoxb-two words"),
    ("SLACK_APP_TOKEN", "xapp-ké"),
    ("SLACK_SIGNING_SECRET", "redis\nsecret"),
    ("REDIS_URL", "redis://:redis secret@host"),
    ("SLACK_API_URL", "https://slack.com/api\n/redis-secret"),
    ("REDIS_URL", "http://:redis-secret@host"),
    ("REDIS_URL", "host:6379"),
    ("WATCHDOG_URL", "hc-ping.com/redis-secret"),
    ("WATCHDOG_URL", "https://hc-ping.com/redis-secret?a b"),
    ("SLACK_API_URL", "slack.com"),
    ("SLACK_API_URL", "ftp://slack.com/redis-secret"),
    ("GOLDRUSH_API_URL", "https://"),
    ("GOLDRUSH_API_URL", "https://a b"),
    ("OPERATOR_CHANNEL", "#redis-secret"),
    ("PORT", "redis-secret"),
    ("PORT", "65536"),
    ("PORT", "-1"),
    ("PIPELINE_BOT_TRANSPORT", "redis-secret"),
    ("PIPELINE_BOT_COMMAND", "pipeline"),
    ("PIPELINE_BOT_COMMAND", "/redis secret"),
    ("PIPELINE_BOT_PLATFORM_URL", "redis-secret"),
    ("PIPELINE_BOT_REQUESTS_PER_SECOND", "0"),
    ("PIPELINE_BOT_REQUESTS_PER_SECOND", "nan"),
    ("PIPELINE_BOT_REQUESTS_PER_SECOND", "0.001"),
    ("PIPELINE_BOT_READ_TIMEOUT_SECONDS", "0.01"),
    ("PIPELINE_BOT_READ_TIMEOUT_SECONDS", "61"),
    ("PIPELINE_BOT_CATALOGUE_SECONDS", "0.5"),
    ("PIPELINE_BOT_BLIND_SECONDS", "2"),
    ("PIPELINE_BOT_REQUESTS_PER_SECOND", "inf"),
    ("PIPELINE_BOT_STEADY_SECONDS", "-1"),
    ("PIPELINE_BOT_STEADY_SECONDS", "nan"),
    ("PIPELINE_BOT_AT_REST_SECONDS", "86401"),
    ("PIPELINE_BOT_READ_TIMEOUT_SECONDS", "redis-secret"),
    ("PIPELINE_BOT_FLAP_ENTER_PERCENT", "0"),
    ("PIPELINE_BOT_FLAP_LEAVE_PERCENT", "101"),
    ("PIPELINE_BOT_LOG_LEVEL", "redis-secret"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_an_invalid_setting_is_named_with_its_fix_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    (fault,) = faults(monkeypatch, **{**GOOD, name: value})
    assert fault.startswith(f"{name} is not valid: ")
    assert HOW_TO_GET.get(name, "t must be ") in fault
    assert not any(part in fault for part in ("redis-secret", "redis secret", "ké", "two words"))


def test_all_faults_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reported = faults(
        monkeypatch,
        SLACK_SIGNING_SECRET="signed-secret",
        GOLDRUSH_SERVICE_KEY="cqt secret",
        REDIS_URL="redis-secret",
        PIPELINE_BOT_TRANSPORT="socket",
        PIPELINE_BOT_STEADY_SECONDS="0",
    )
    named = {fault.split(" ")[0] for fault in reported}
    assert len(reported) == len(named)
    assert named == {
        "SLACK_BOT_TOKEN",
        "SLACK_APP_TOKEN",
        "GOLDRUSH_SERVICE_KEY",
        "REDIS_URL",
        "PIPELINE_BOT_STEADY_SECONDS",
    }
    with pytest.raises(SettingsError) as raised:
        Settings.load(env_file=None)
    assert "signed-secret" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


@pytest.mark.parametrize(
    ("name", "value", "is_now"),
    [
        ("SLACK_API_URL", "http://127.0.0.1:8080/api", "http://127.0.0.1:8080/api/"),
        ("GOLDRUSH_API_URL", "https://api.example.com///", "https://api.example.com/"),
    ],
)
def test_addresses_end_in_one_slash(monkeypatch: pytest.MonkeyPatch, name: str, value: str, is_now: str) -> None:
    settings = load(monkeypatch, **GOOD, **{name: value})
    assert getattr(settings, name.lower()) == is_now


@pytest.mark.parametrize("url", ["redis://h", "rediss://:redis-secret@h:6380/1", "unix:///tmp/valkey.sock?db=2"])
def test_the_store_may_be_elsewhere(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert load(monkeypatch, **GOOD, REDIS_URL=url).store_url == url


def test_a_key_out_of_a_file_may_end_in_a_newline(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, **{**GOOD, "GOLDRUSH_SERVICE_KEY": " cqt_secret\n"})
    assert settings.goldrush_service_key.get_secret_value() == "cqt_secret"


@pytest.mark.parametrize("around", [" ", "\n", "\r\n", "\t"])
def test_blanks_around_a_value_are_not_part_of_it(monkeypatch: pytest.MonkeyPatch, around: str) -> None:
    given = {
        **GOOD,
        "SLACK_SIGNING_SECRET": "signed-secret",
        "REDIS_URL": "redis://:redis-secret@h",
        "SLACK_API_URL": "http://127.0.0.1:8080/api",
        "OPERATOR_CHANNEL": "C0OPS",
        "PIPELINE_BOT_TRANSPORT": "http",
        "PIPELINE_BOT_COMMAND": "/goldrush",
    }
    settings = load(monkeypatch, **{name: f"{around}{value}{around}" for name, value in given.items()})
    assert settings.slack_signing_secret is not None
    assert settings.slack_app_token is not None
    assert settings.slack_bot_token.get_secret_value() == "xoxb-1-secret"
    assert settings.slack_app_token.get_secret_value() == "xapp-1-secret"
    assert settings.slack_signing_secret.get_secret_value() == "signed-secret"
    assert (settings.store_url, settings.slack_api_url) == ("redis://:redis-secret@h", "http://127.0.0.1:8080/api/")
    assert (settings.operator_channel, settings.transport, settings.command) == ("C0OPS", Transport.HTTP, "/goldrush")


def test_blanks_alone_are_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    (missing,) = faults(monkeypatch, **{**GOOD, "SLACK_BOT_TOKEN": " \n", "REDIS_URL": "\t"})
    assert missing == f"SLACK_BOT_TOKEN is missing: {HOW_TO_GET['SLACK_BOT_TOKEN']}."
    needed = {name: GOOD[name] for name in ("SLACK_BOT_TOKEN", "GOLDRUSH_SERVICE_KEY")}
    settings = load(monkeypatch, **needed, SLACK_APP_TOKEN=" ", SLACK_SIGNING_SECRET="signed-secret")
    assert (settings.transport, settings.slack_app_token, settings.store_url) == (Transport.HTTP, None, None)


def test_no_secret_is_in_a_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(
        monkeypatch, **GOOD, SLACK_SIGNING_SECRET="signed-secret", REDIS_URL="redis://:redis-secret@localhost"
    )
    for text in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert not [secret for secret in SECRETS if secret in text]


def test_a_file_may_hold_them_and_the_environment_is_stronger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(
        "# a comment\nSLACK_BOT_TOKEN=xoxb-of-file\nSLACK_APP_TOKEN='xapp-of-file'\nGOLDRUSH_SERVICE_KEY=of-file\n"
        "PIPELINE_BOT_COMMAND=/goldrush\nPIPELINE_BOT_STEADY_SECONDS=30\nREDIS_URL=\nSOMETHING_ELSE=1\n"
    )
    monkeypatch.setenv("PIPELINE_BOT_STEADY_SECONDS", "20")
    settings = Settings.load(env_file=env_file)
    assert settings.slack_bot_token.get_secret_value() == "xoxb-of-file"
    assert settings.transport is Transport.SOCKET
    assert (settings.command, settings.steady_seconds, settings.store_url) == ("/goldrush", 20.0, None)


def test_the_transport_may_come_from_a_file(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(
        "SLACK_BOT_TOKEN=xoxb-1\nGOLDRUSH_SERVICE_KEY=k\nSLACK_APP_TOKEN=xapp-1\nPIPELINE_BOT_TRANSPORT=http\n"
    )
    with pytest.raises(SettingsError) as raised:
        Settings.load(env_file=env_file)
    assert [fault.split(" ")[0] for fault in raised.value.faults] == ["SLACK_SIGNING_SECRET"]


def test_a_file_that_is_not_there_is_no_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    assert Settings.load(env_file=tmp_path / "none").command == "/pipeline"


def test_an_outside_watchdog_on_a_network_needs_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    (fault,) = faults(monkeypatch, **GOOD, WATCHDOG_URL="http://watchdog.example/secret?status=up")
    assert fault.startswith("WATCHDOG_URL begins with http://")
    assert "secret?" not in fault
    assert load(monkeypatch, **GOOD, WATCHDOG_URL="http://127.0.0.1/secret?status=up").watchdog_url


def test_every_secret_of_the_settings_is_known_to_the_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "SLACK_BOT_TOKEN": "xoxb-1-2",
        "SLACK_APP_TOKEN": "xapp-1-2",
        "SLACK_SIGNING_SECRET": "8f742231b10e8888",
        "GOLDRUSH_SERVICE_KEY": "cqt_abc",
        "REDIS_URL": "redis://bot:hunter2%23x@localhost:6379/0?password=an%20other",
        "WATCHDOG_URL": "https://hc-ping.com/1b4e28ba",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert {*values.values(), "hunter2%23x", "hunter2#x", "an other"} <= set(Settings.load(None).secrets)
