"""The roles of a process: each needs its own secrets and no others."""

import pytest

from bot.settings import HOW_TO_GET, Role, Settings, SettingsError
from bot.settings.roles import ROLES_FORM, named, roles_in

GIVEN = {
    "SLACK_BOT_TOKEN": "xoxb-1-a",
    "SLACK_APP_TOKEN": "xapp-1-b",
    "GOLDRUSH_SERVICE_KEY": "cqt_c",
    "REDIS_URL": "redis://localhost:6379/0",
    "PIPELINE_BOT_TEAM": "T0WORK",
}
NEEDED = {
    "scheduler": {"SLACK_BOT_TOKEN", "GOLDRUSH_SERVICE_KEY", "REDIS_URL"},
    "reader": {"GOLDRUSH_SERVICE_KEY", "REDIS_URL", "PIPELINE_BOT_TEAM"},
    "sender": {"SLACK_BOT_TOKEN", "REDIS_URL"},
    "slack": {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "REDIS_URL"},
    "reader,sender": {"SLACK_BOT_TOKEN", "GOLDRUSH_SERVICE_KEY", "REDIS_URL"},
    "all": {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "GOLDRUSH_SERVICE_KEY"},
    "slack, scheduler,reader,sender": {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "GOLDRUSH_SERVICE_KEY"},
}


def load(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Settings:
    for name in (*HOW_TO_GET, *GIVEN, "PIPELINE_BOT_ROLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings.load(env_file=None)


@pytest.mark.parametrize("role", NEEDED)
def test_a_role_needs_only_its_own_settings(monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    needed = {name: GIVEN[name] for name in NEEDED[role]} | {"PIPELINE_BOT_ROLE": role}
    assert load(monkeypatch, needed).roles == roles_in(role)


@pytest.mark.parametrize(
    ("role", "missing"), [(role, name) for role, names in NEEDED.items() for name in sorted(names)]
)
def test_a_missing_setting_of_a_role_is_named(monkeypatch: pytest.MonkeyPatch, role: str, missing: str) -> None:
    given = {name: GIVEN[name] for name in NEEDED[role] - {missing}} | {"PIPELINE_BOT_ROLE": role}
    with pytest.raises(SettingsError) as raised:
        load(monkeypatch, given)
    (fault,) = raised.value.faults
    assert missing in fault


def test_roles_without_a_redis_name_both_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as raised:
        load(monkeypatch, {name: GIVEN[name] for name in HOW_TO_GET if name in GIVEN} | {"PIPELINE_BOT_ROLE": "slack"})
    (fault,) = raised.value.faults
    assert "REDIS_URL is missing" in fault
    assert "PIPELINE_BOT_ROLE=all" in fault


UNKNOWN = {
    "poller": "a word in it names no role",
    "redaer": "a word in it names no role (did you mean reader?)",
    "slack, Schedular": "a word in it names no role (did you mean scheduler?)",
    "Slack": "a word in it names no role (did you mean slack?)",
    "slack,": "put one comma between two roles",
    "slack sender": "put one comma between two roles",
    ",": "it names no role",
    "all,slack": "write all by itself",
}


@pytest.mark.parametrize("role", UNKNOWN)
def test_an_unknown_role_is_the_only_fault_even_without_any_secret(monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    for given in (GIVEN, {}):
        with pytest.raises(SettingsError) as raised:
            load(monkeypatch, given | {"PIPELINE_BOT_ROLE": role})
        fault = f"PIPELINE_BOT_ROLE is not valid: {UNKNOWN[role]}. It must be {ROLES_FORM}."
        assert raised.value.faults == [fault]


def test_secrets_that_are_not_set_hide_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = {name: GIVEN[name] for name in NEEDED["reader"]} | {"PIPELINE_BOT_ROLE": "reader"}
    assert "" not in load(monkeypatch, reader).secrets


def test_roles_are_named_in_one_order() -> None:
    assert named({Role.SENDER, Role.SLACK}) == "slack,sender"
    assert named(frozenset(Role)) == "all"
