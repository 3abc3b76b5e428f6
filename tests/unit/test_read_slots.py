"""The reads at once leave descriptors for everything else, and a limit that is too low is named."""

import pytest

from bot.http.connection_limit import FEWEST_CONNECTIONS, RESERVED_DESCRIPTORS
from bot.read_slots import FEWEST_SLOTS, OTHER_CONNECTIONS, descriptor_shortage, goldrush_connections, read_slots
from bot.settings import Settings


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "SLACK_SIGNING_SECRET": "0" * 32,
        "GOLDRUSH_SERVICE_KEY": "key-1",
        "REDIS_URL": "redis://localhost",
        "PIPELINE_BOT_TEAM": "T0TEAM",
        "PIPELINE_BOT_READ_TIMEOUT_SECONDS": "5",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def settings(given: pytest.MonkeyPatch, rate: float, role: str = "all", transport: str = "socket") -> Settings:
    given.setenv("PIPELINE_BOT_REQUESTS_PER_SECOND", str(rate))
    given.setenv("PIPELINE_BOT_ROLE", role)
    given.setenv("PIPELINE_BOT_TRANSPORT", transport)
    return Settings.load(env_file=None)


@pytest.mark.parametrize(("rate", "slots"), [(0.1, FEWEST_SLOTS), (4, 20), (100, 500)])
def test_the_slots_carry_the_budget_even_if_each_read_takes_until_its_deadline(
    given: pytest.MonkeyPatch, rate: float, slots: int
) -> None:
    assert read_slots(settings(given, rate), 1024) == slots
    assert descriptor_shortage(settings(given, rate), 1024) is None


@pytest.mark.parametrize("role", ["all", "reader", "scheduler,reader"])
@pytest.mark.parametrize("descriptors", [1024, 4096, 64])
def test_connections_to_goldrush_leave_descriptors_for_the_rest(
    given: pytest.MonkeyPatch, role: str, descriptors: int
) -> None:
    busy = settings(given, 2500, role)
    opened = goldrush_connections(busy, descriptors)
    assert opened == read_slots(busy, descriptors) + OTHER_CONNECTIONS
    assert opened == max(FEWEST_SLOTS + OTHER_CONNECTIONS, descriptors - RESERVED_DESCRIPTORS)


def test_http_mode_keeps_descriptors_for_slack(given: pytest.MonkeyPatch) -> None:
    opened = goldrush_connections(settings(given, 2500, transport="http"), 1024)
    assert opened == 1024 - RESERVED_DESCRIPTORS - FEWEST_CONNECTIONS


def test_the_reads_of_other_processes_need_no_descriptors_here(given: pytest.MonkeyPatch) -> None:
    scheduler = settings(given, 2500, "scheduler")
    assert read_slots(scheduler, 1024) == 12_500
    assert goldrush_connections(scheduler, 1024) == FEWEST_SLOTS + OTHER_CONNECTIONS
    assert descriptor_shortage(scheduler, 1024) is None
    answers = settings(given, 2500, "slack", "http")
    assert goldrush_connections(answers, 1024) == 0
    assert descriptor_shortage(answers, 1024) is None


@pytest.mark.parametrize(("transport", "needed"), [("socket", 12_713), ("http", 12_913)])
def test_a_limit_that_is_too_low_is_named_with_the_limit_that_suffices(
    given: pytest.MonkeyPatch, transport: str, needed: int
) -> None:
    busy = settings(given, 2500, transport=transport)
    shortage = descriptor_shortage(busy, 1024)
    assert shortage is not None
    assert "may open 1024 files and sockets" in shortage.problem
    assert f"at most {read_slots(busy, 1024)} reads at once, not 12500" in shortage.problem
    assert f"at least {needed} " in shortage.fix
    assert descriptor_shortage(busy, needed) is None
