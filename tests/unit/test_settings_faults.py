"""Every setting, broken in every way: our own sentence, and never the value."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.settings import HOW_TO_GET, PREFIX, Settings, SettingsError, ignored_names
from bot.settings.redis_address import redis_fault
from bot.settings.sentences import environment_name

GOOD = {"SLACK_BOT_TOKEN": "xoxb-1-a", "SLACK_APP_TOKEN": "xapp-1-b", "GOLDRUSH_SERVICE_KEY": "cqt_c"}
NAMES = {environment_name(name, field.alias): name for name, field in Settings.model_fields.items()}
PYDANTIC = re.compile(
    r"pattern|input|value error|string should|unable to parse|validation|field required|greater than|less than|none is",
    re.IGNORECASE,
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what the test sets."""
    for name in list(os.environ):
        if name.upper().startswith(PREFIX) or name.upper() in NAMES or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)


def faults(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], env_file: Path | None = None) -> list[str]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    try:
        Settings.load(env_file)
    except SettingsError as exc:
        return exc.faults
    return []


VALUES = [
    "hunter2",
    "hunter2 hunter3",
    "hunter2\nhunter3",
    '"hunter2"',
    "'hunter2'",
    "“hunter2”",
    "hunter2#x@hunter3",
    "hunter2/x?y=@",
    "hunter2-é-ﬀ-℀-\u202e",
    "%zz%hunter2",
    "[hunter2",
    "{hunter2}",
    "-17.5e9",
    "nan",
    "1e999",
    "hunter2" * 2000,
    "redis://:hunter2#x@localhost",
    "https://hunter2:hunter3@example.com",
    "https://example.com:hunter2",
    "https://[hunter2",
    "https://example.com:99999/hunter2",
    "http://hunter2.example.com",
    "xoxb-hunter2 x",
    "xoxp-hunter2",
    "xapp-hunter2é",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_is_one_sentence_of_ours_and_holds_no_value(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for value in VALUES:
        reported = faults(monkeypatch, GOOD | {name: value})
        assert len(reported) <= 1, value
        for fault in reported:
            assert fault.startswith(name)
            assert fault.endswith(".")
            assert not PYDANTIC.search(fault.removeprefix(name))
            assert "hunter" not in fault
            assert value not in fault


@pytest.mark.parametrize("name", NAMES)
def test_each_setting_says_which_values_it_allows(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (fault,) = faults(monkeypatch, GOOD | {name: "“hush”"})
    must_be = Settings.model_fields[NAMES[name]].description or HOW_TO_GET[name]
    assert fault == f"{name} is not valid: it has quotes around it, so remove them. It must be {must_be}."


ENCODE = "percent-encode the password"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis://:hunter2#x@127.0.0.1:6379/0", ENCODE),
        ("redis://:hun/ter2@127.0.0.1", ENCODE),
        ("redis://:hun?ter2@127.0.0.1", ENCODE),
        ("redis://:hun[ter2@127.0.0.1", ENCODE),
        ("redis://:hun]ter2@127.0.0.1", ENCODE),
        ("redis://:hun\\ter2@127.0.0.1", ENCODE),
        ("redis://:hun%ter2@127.0.0.1", ENCODE),
        ("redis://:hunter2%@127.0.0.1", ENCODE),
        ("redis://:%ff%fehunter2@127.0.0.1", ENCODE),
        ("redis://:hun ter2@127.0.0.1", ENCODE),
        ("redis://:hun\tter2@127.0.0.1", ENCODE),
        ("redis://:hunter2℀@127.0.0.1", ENCODE),
        ("rediss://ann:hunter2#@h", ENCODE),
        ("unix://:hunter2#@/tmp/valkey.sock", ENCODE),
        ("redis://hunter2@127.0.0.1", "put a colon before a password"),
        ("redis://h:port", "the port"),
        ("redis://h:0", "the port"),
        ("redis://h:65536", "the port"),
        ("redis://h:-1", "the port"),
        ("redis://::1:6379", "square brackets"),
        ("redis://[::1", "square brackets"),
        ("redis://", "the host is missing or not valid"),
        ("redis://:6379", "the host is missing or not valid"),
        ("redis://a..b", "the host is missing or not valid"),
        ("redis://" + "a" * 70, "the host is missing or not valid"),
        ("redis://h/cache", "only a database number"),
        ("redis+clustr://h:6379", "did you mean redis+cluster://?"),
        ("redis+sentinl://h:26379/main", "did you mean redis+sentinel://?"),
        ("reddis://h", "did you mean redis://?"),
        ("/run/redis.sock", "write unix:// before the absolute path"),
        ("unix:/run/redis.sock", "write unix:// before the absolute path"),
        ("unix://run/redis.sock", "write unix:// before the absolute path"),
        ("redis://h/0/1", "only a database number"),
        ("redis://h/-1", "only a database number"),
        ("redis://h?db=first", "db is not a number"),
        ("redis://h?socket_timeout=soon", "socket_timeout is not a number"),
        ("redis://h?password=hush+hush", "write + as %2B after the question mark"),
        ("redis://h?db", "NAME=VALUE"),
        ("redis://h?hunter2=1", "an option after the question mark is unknown"),
        ("rediss://h?ssl_cert_reqs=hunter2", "none, optional or required"),
        ("unix://", "no socket"),
        ("redis+sentinel://h:26379", "the service is missing"),
        ("redis+sentinel://h:26379/", "the service is missing"),
        ("redis+sentinel://h:26379/mymaster/0", "only the service may follow the hosts"),
        ("redis+sentinel://a:26379,b:port/mymaster", "the port"),
        ("redis+sentinel://a:26379,/mymaster", "the host is missing or not valid"),
        ("redis+sentinel://a,::1/mymaster", "square brackets"),
        ("redis+sentinel://a,[::1/mymaster", "square brackets"),
        ("redis+sentinel://hunter2@a,b/mymaster", "put a colon before a password"),
        ("redis+sentinel://:hunter2#@a,b/mymaster", ENCODE),
        ("redis+sentinel://:hun/ter2@a,b/mymaster", ENCODE),
        ("redis+sentinel://a/mymaster?sentinel_pasword=hunter2", "Did you mean sentinel_password?"),
        ("redis+sentinel://a/mymaster?sentinel_user=hunter2", "Did you mean sentinel_username?"),
        ("redis+sentinel://a/mymaster?db=first", "db is not a number"),
        ("redis+sentinel://a/mymaster?sentinel_password=hush+hush", "write + as %2B after the question mark"),
        ("redis-sentinel://h", "write redis+sentinel://"),
        ("sentinel://h", "write redis+sentinel://"),
        ("redis+cluster://", "the host is missing or not valid"),
        ("redis+cluster://a,b:99999", "the port"),
        ("redis+cluster://h/1", "no database but 0"),
        ("redis+cluster://h?db=1", "no database but 0"),
        ("redis+cluster://h?sentinel_password=hunter2", "an option after the question mark is unknown"),
        ("rediss+cluster://h?ssl_cert_reqs=hunter2", "none, optional or required"),
        ("redis-cluster://h", "write redis+cluster://"),
        ("rediscluster://h", "write redis+cluster://"),
        ("REDIS+CLUSTER://h", "lowercase"),
        ("redis://a:6379,b:6379", "several hosts need redis+sentinel:// or redis+cluster://"),
        ("redis://:pw@a:26379,b:26379/mymaster", "several hosts need redis+sentinel:// or redis+cluster://"),
        ("valkey://h", "write redis:// instead of valkey://"),
        ("valkeys://h", "write rediss:// instead of valkeys://"),
        ("redis+socket:///tmp/s", "write unix://"),
        ("REDIS://h", "lowercase"),
        ("h:6379", "does not begin with redis://"),
        ("https://h", "does not begin with redis://"),
        ("redis:/h", "does not begin with redis://"),
    ],
)
def test_an_address_of_redis_that_cannot_work_is_refused_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, url: str, why: str
) -> None:
    (fault,) = faults(monkeypatch, GOOD | {"REDIS_URL": url})
    assert why in fault
    assert "hunter" not in fault
    assert "ter2" not in fault


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        "redis://h:6379/0",
        "redis://h/",
        "redis://:p%40ss%23%2F@h:6379/15",
        "redis://ann:p:w@h",
        "redis://:pässword@h",
        "redis://:a@b@h",
        "redis://[::1]:6379/0",
        "redis://redis.internal.example.com?db=2&health_check_interval=10",
        "redis://under_score:6379",
        "rediss://h?ssl_cert_reqs=none",
        "rediss://h?ssl_ca_certs=%2Fetc%2Fca.pem",
        "unix:///tmp/valkey.sock?db=2",
        "unix://ann:pw@/tmp/valkey.sock",
        "redis+sentinel://h/mymaster",
        "redis+sentinel://a:26379,b:26379,[::1]:26379/my-master.1?db=2&sentinel_password=pw",
        "rediss+sentinel://ann:p%40@a,b/mymaster?sentinel_username=bot&sentinel_password=pw&ssl_cert_reqs=none",
        "redis+cluster://h",
        "redis+cluster://:pw@a:6379,[::1]:6380/0",
        "rediss+cluster://a/?ssl_ca_certs=%2Fetc%2Fca.pem",
    ],
)
def test_an_address_of_redis_that_can_work_is_taken(url: str) -> None:
    assert redis_fault(url) is None


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("SLACK_BOT_TOKEN", "xapp-1-hush", "the app-level token (xapp-…), which belongs in SLACK_APP_TOKEN"),
        ("SLACK_BOT_TOKEN", "xoxp-1-hush", "a user token (xoxp-…)"),
        ("SLACK_BOT_TOKEN", "xoxe.xoxb-1-hush", "a token that expires"),
        ("SLACK_BOT_TOKEN", "xoxa-2-hush", "a Slack token of another kind"),
        ("SLACK_BOT_TOKEN", "cqt_hush", "a GoldRush key"),
        ("SLACK_BOT_TOKEN", "Bearer", "it does not begin with xoxb-"),
        ("SLACK_APP_TOKEN", "xoxb-1-hush", "the bot token (xoxb-…), which belongs in SLACK_BOT_TOKEN"),
        ("SLACK_APP_TOKEN", "xoxp-1-hush", "a user token (xoxp-…)"),
        ("SLACK_APP_TOKEN", "0123456789abcdef", "it does not begin with xapp-"),
        ("SLACK_SIGNING_SECRET", "xoxb-1-hush", "the bot token (xoxb-…)"),
        ("SLACK_SIGNING_SECRET", "xapp-1-hush", "the app-level token (xapp-…)"),
        ("GOLDRUSH_SERVICE_KEY", "xoxb-1-hush", "the bot token (xoxb-…)"),
    ],
)
def test_a_misplaced_token_is_named_by_its_kind(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, kind: str
) -> None:
    (fault,) = faults(monkeypatch, GOOD | {name: value})
    assert kind in fault
    assert "hush" not in fault


def test_swapped_tokens_are_both_named(monkeypatch: pytest.MonkeyPatch) -> None:
    reported = faults(monkeypatch, GOOD | {"SLACK_BOT_TOKEN": "xapp-1-b", "SLACK_APP_TOKEN": "xoxb-1-a"})
    assert [fault.split(" ")[0] for fault in reported] == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]


@pytest.mark.parametrize("name", ["SLACK_API_URL", "GOLDRUSH_API_URL"])
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("example.com", "does not begin with https://"),
        ("https:/example.com", "does not begin with https://"),
        ("https://", "the host is missing or not valid"),
        ("https://:443", "the host is missing or not valid"),
        ("https://a..b", "the host is missing or not valid"),
        ("https://example.com:99999", "the port"),
        ("https://example.com:https", "the port"),
        ("https://ann:hush@example.com", "a user name or a password"),
        ("https://ann@example.com", "a user name or a password"),
        ("https://example.com/?key=hush", "it contains a ? or a #"),
        ("https://example.com/#hush", "it contains a ? or a #"),
        ("https://[::1", "the host is not valid"),
        ("https://exa mple.com", "spaces"),
        ("http://example.com", "unencrypted"),
        ("http://10.0.0.1:8080", "unencrypted"),
        ("http://[2001:db8::1]/", "unencrypted"),
        ("http://localhost.example.com", "unencrypted"),
        ("http://0x7f.1.example.com", "unencrypted"),
    ],
)
def test_an_address_that_cannot_work_or_is_not_safe_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str, why: str
) -> None:
    (fault,) = faults(monkeypatch, GOOD | {name: url})
    assert fault.startswith(f"{name} ")
    assert why in fault
    assert "hush" not in fault


@pytest.mark.parametrize("name", ["SLACK_API_URL", "GOLDRUSH_API_URL"])
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/api/",
        "http://127.9.9.9",
        "http://localhost:1",
        "http://LOCALHOST/",
        "http://slack.localhost",
        "http://[::1]:8080/",
        "https://[2001:db8::1]:8443/api/",
        "https://example.com",
    ],
)
def test_loopback_needs_no_tls(monkeypatch: pytest.MonkeyPatch, name: str, url: str) -> None:
    assert faults(monkeypatch, GOOD | {name: url}) == []


@pytest.mark.parametrize("value", ["true", "1", "YES", " on "])
def test_plain_http_can_be_allowed(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    given = {"GOLDRUSH_API_URL": "http://proxy.internal", "PIPELINE_BOT_ALLOW_PLAIN_HTTP": value}
    assert faults(monkeypatch, GOOD | given) == []


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    "value", ["socks5://hush:1", "http://:hush", "http://h:hush", "ftp://hush", "http://ann:hu#sh@h"]
)
def test_a_proxy_that_cannot_be_used_is_refused_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    (fault,) = faults(monkeypatch, GOOD | {variable: value})
    assert fault.startswith(f"{variable} is not valid: ")
    assert "hush" not in fault
    assert value not in fault


def test_a_proxy_that_would_not_be_used_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    local = {"SLACK_API_URL": "http://127.0.0.1:1/api/", "GOLDRUSH_API_URL": "http://localhost:2"}
    assert faults(monkeypatch, GOOD | local | {"HTTPS_PROXY": "junk://", "ALL_PROXY": "socks5://h"}) == []
    assert faults(monkeypatch, GOOD | {"HTTP_PROXY": "junk://", "HTTPS_PROXY": "", "ALL_PROXY": ""}) == []


# --- names that are no settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PIPELINE_BOT_STEDY_SECONDS", "PIPELINE_BOT_STEADY_SECONDS"),
        ("pipeline_bot_data_dirs", "PIPELINE_BOT_DATA_DIR"),
        ("PIPELINE_BOT_LOGLEVEL", "PIPELINE_BOT_LOG_LEVEL"),
        ("PIPELINE_BOT_POLL_SECONDS", "PIPELINE_BOT_STEADY_SECONDS"),
        ("PIPELINE_BOT_POLLING_INTERVAL", "PIPELINE_BOT_STEADY_SECONDS"),
        ("PIPELINE_BOT_REDIS_URL", "REDIS_URL"),
        ("PIPELINE_BOT_SLACK_BOT_TOKEN", "SLACK_BOT_TOKEN"),
        ("PIPELINE_BOT_OPERATOR_CHANEL", "OPERATOR_CHANNEL"),
        ("REDIS_URI", "REDIS_URL"),
        ("OPERATOR_CHANNELS", "OPERATOR_CHANNEL"),
        ("GOLDRUSH_SERVICEKEY", "GOLDRUSH_SERVICE_KEY"),
        ("PIPELINEBOT_DATA_DIR", "PIPELINE_BOT_DATA_DIR"),
        ("PIPLINE_BOT_DATA_DIR", "PIPELINE_BOT_DATA_DIR"),
        ("SLACK_TOKEN", "SLACK_BOT_TOKEN"),
    ],
)
@pytest.mark.parametrize("where", ["environment", "file"])
def test_a_misspelled_setting_is_reported_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, meant: str, where: str
) -> None:
    monkeypatch.delenv(meant, raising=False)
    env_file = tmp_path / ".env"
    env_file.write_text(f"{name}=hush\n" if where == "file" else "")
    if where == "environment":
        monkeypatch.setenv(name, "hush")
    assert ignored_names(env_file) == [f"{name.upper()} is not a setting, so the bot ignores it. Did you mean {meant}?"]


def test_an_unknown_setting_is_reported_with_the_docs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_BOT_QQ", "1")
    (reported,) = ignored_names(None)
    assert reported == "PIPELINE_BOT_QQ is not a setting, so the bot ignores it. .env.example lists all settings."


@pytest.mark.parametrize(
    "name",
    [
        *NAMES,
        "PIPELINE_BOT_SERVICE_HOST",
        "PIPELINE_BOT_SERVICE_PORT_HTTP",
        "PIPELINE_BOT_PORT",
        "PIPELINE_BOT_PORT_3000_TCP_ADDR",
        "REDIS_PORT",
        "REDIS_SERVICE_HOST",
        "SLACK_CLIENT_ID",
        "PATH",
    ],
)
def test_settings_of_other_programs_are_not_reported(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "tcp://10.0.0.1:3000")
    assert ignored_names(None) == []


def test_kubernetes_service_variables_are_not_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(monkeypatch, GOOD | {"PIPELINE_BOT_PORT": "tcp://10.0.0.1:3000"}) == []


# --- the file --------------------------------------------------------------------------------------------------------


def test_a_file_may_begin_with_a_byte_order_mark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("".join(f"{name}={value}\r\n" for name, value in GOOD.items()), encoding="utf-8-sig")
    assert faults(monkeypatch, {}, env_file) == []


def test_a_file_that_is_not_utf8_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_bytes("SLACK_BOT_TOKEN=hush\n".encode("utf-16"))
    assert faults(monkeypatch, GOOD, env_file) == ["The bot can't read .env: save it as UTF-8."]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("SLACK_BOT_TOKEN=hush\n")
    env_file.chmod(0)
    (fault,) = faults(monkeypatch, GOOD, env_file)
    assert fault == "The bot can't read .env (Permission denied): check its owner and mode."


def test_a_broken_line_of_the_file_is_named_once_without_its_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("SLACK_BOT_TOKEN xoxb-secret oops\n# a comment\n\nPORT=3000\nPIPELINE_BOT_LOG_LEVEL='info\n")
    expected = "The bot can't read lines 1, 5 of .env: write NAME=value, and close each quote."
    assert faults(monkeypatch, GOOD, env_file) == [expected]
    assert caplog.records == []
