"""The probes say what is wrong with this process."""

from functools import partial

import pytest

from bot.ports.figures import ApiProblem, PollingFigures
from bot.ports.telemetry import EventRecord
from bot.ports.telemetry.process import Ready
from bot.ports.telemetry.slack import SlackAway, SlackTokenAccepted, SlackTokenRefused
from bot.ports.telemetry.store import Component, MigrationWaits, StoreUnreachable
from bot.telemetry.health import NOBODY_READS_SECONDS, WATCHDOG_SECONDS, Check, HealthMonitor
from bot.telemetry.sources import Sources
from tests.exported import POLLING, full_sources

READY = Ready(team="T1", role="all", transport="socket")


def started(sources: Sources, *records: EventRecord) -> HealthMonitor:
    monitor = HealthMonitor(sources)
    for record in (READY, *records):
        monitor.on_record(record)
    return monitor


async def problems(sources: Sources, *records: EventRecord) -> set[Check]:
    return set((await started(sources, *records).health()).problems)


async def test_a_healthy_bot_has_no_problem() -> None:
    health = await started(full_sources()).health()
    assert (health.problems, health.warnings) == ({}, {})


async def test_a_bot_that_still_starts_is_not_ready() -> None:
    monitor = HealthMonitor(full_sources())
    assert set((await monitor.health()).problems) == {Check.STARTED}
    monitor.on_record(READY)
    assert (await monitor.health()).problems == {}


async def test_a_bot_that_waits_at_its_start_names_what_it_waits_for() -> None:
    monitor = HealthMonitor(Sources())
    for record, words in (
        (SlackAway(problem="timeout", next_try_seconds=1.0), "waiting for Slack: timeout"),
        (StoreUnreachable(component=Component.STARTUP, problem="refused"), "waiting for Redis: refused"),
        (MigrationWaits(seconds=30), "waiting for a bot of an older version: it still runs, so stop it"),
    ):
        monitor.on_record(record)
        assert (await monitor.health()).problems == {Check.STARTED: words}
    monitor.on_record(READY)
    monitor.on_record(StoreUnreachable(component=Component.MONITORING, problem="refused"))
    assert (await monitor.health()).problems == {}


async def test_a_deaf_bot_is_not_ready() -> None:
    assert await problems(Sources(hears_slack=lambda: False)) == {Check.SLACK}


async def test_a_store_that_does_not_answer_makes_the_bot_not_ready() -> None:
    async def away() -> str | None:
        return "Redis does not answer: refused"

    health = await started(Sources(store_problem=away)).health()
    assert health.problems == {Check.STORE: "Redis does not answer: refused"}


@pytest.mark.parametrize("age", [None, NOBODY_READS_SECONDS + 1])
async def test_a_bot_that_may_poll_is_not_ready_while_nobody_reads(age: float | None) -> None:
    assert await problems(Sources(heartbeat_age=lambda: age, polling=lambda: POLLING)) == {Check.READS}


async def test_a_process_that_never_polls_only_warns_that_nobody_reads() -> None:
    health = await started(Sources(heartbeat_age=lambda: 300.0)).health()
    assert (health.problems, set(health.warnings)) == ({}, {Check.READS})
    assert "300 s" in health.warnings[Check.READS]


async def test_a_fresh_heartbeat_of_another_bot_is_enough() -> None:
    assert await problems(Sources(heartbeat_age=lambda: 3.0, polling=lambda: None)) == set()


async def test_a_reader_that_gets_no_reads_is_not_ready() -> None:
    assert await problems(Sources(reader_problem=lambda: "no scheduler")) == {Check.SCHEDULER}


async def test_a_role_that_nobody_plays_is_a_warning_in_the_others() -> None:
    health = await started(Sources(roles_problem=lambda: "no process with the role sender has run for 21 s")).health()
    assert (health.problems, set(health.warnings)) == ({}, {Check.ROLES})


STANDSTILL = PollingFigures(pipelines=2, ages=[130.0, 140.0], lateness=[2.1, 2.3])


async def test_a_leader_without_any_fresh_reading_is_not_ready() -> None:
    sources = Sources(heartbeat_age=lambda: 1.0, polling=lambda: STANDSTILL)
    health = await started(sources).health()
    assert health.problems == {Check.READS: "no read of any pipeline has succeeded for 130 s"}


async def test_a_leader_that_no_reader_answers_is_not_ready() -> None:
    """Even if nothing was ever read, and during an outage of GoldRush."""
    unanswered = PollingFigures(pipelines=2, ages=[], lateness=[], unanswered_seconds=16.0)
    away = ApiProblem(text="no answer")
    sources = Sources(heartbeat_age=lambda: 1.0, polling=lambda: unanswered, api_problem=lambda: away)
    health = await started(sources).health()
    assert health.problems == {Check.READS: "no process with the role reader has answered for 16 s"}


async def test_an_outage_of_goldrush_is_no_fault_of_the_reading() -> None:
    away = ApiProblem(text="no answer")
    sources = Sources(heartbeat_age=lambda: 1.0, polling=lambda: STANDSTILL, api_problem=lambda: away)
    assert await problems(sources) == set()


async def test_one_fresh_reading_shows_that_somebody_reads() -> None:
    one_hangs = PollingFigures(pipelines=2, ages=[5.0, 900.0], lateness=[0.1, 15.0])
    assert await problems(Sources(heartbeat_age=lambda: 1.0, polling=lambda: one_hangs)) == set()


async def test_a_refused_token_makes_the_bot_not_ready_until_slack_accepts_it() -> None:
    refusal = SlackTokenRefused(error="token_revoked", fix="x")
    assert await problems(Sources(), refusal) == {Check.TOKEN}
    assert await problems(Sources(), refusal, SlackTokenAccepted()) == set()


@pytest.mark.parametrize(
    ("problem", "warnings"),
    [
        (ApiProblem(text="401", key_rejected=True), {Check.KEY: "401"}),
        (ApiProblem(text="no answer"), {Check.GOLDRUSH: "no answer"}),
        (None, {}),
    ],
)
async def test_a_fault_of_goldrush_is_a_warning(problem: ApiProblem | None, warnings: dict[Check, str]) -> None:
    health = await started(Sources(api_problem=lambda: problem)).health()
    assert (health.problems, health.warnings) == ({}, warnings)


def test_a_watchdog_that_stands_still_calls_for_a_restart() -> None:
    assert HealthMonitor(Sources()).stall() is None  # it has not begun
    assert HealthMonitor(Sources(watchdog_age=lambda: 1.0)).stall() is None
    assert HealthMonitor(Sources(watchdog_age=lambda: WATCHDOG_SECONDS + 1)).stall() is not None


@pytest.mark.parametrize("ages", [(1.0, 60.0), (60.0, 1.0)])
def test_one_watchdog_of_several_that_stands_still_is_enough(ages: tuple[float, float]) -> None:
    sources = Sources()
    for age in ages:
        sources.add_watchdog(partial(float, age))
    assert HealthMonitor(sources).stall() is not None
