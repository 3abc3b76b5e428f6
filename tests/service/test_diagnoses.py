"""Each failure gets one diagnosis on its card, by few requests, after its page and never instead of a reading."""

import asyncio
from dataclasses import replace

import pytest
import redis.asyncio

from bot.domain.diagnosis import Diagnosis, LeftOut, LogFault, LogOutcome
from bot.domain.log_lines import PodLog
from bot.domain.measurement import DestinationHealth
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import Record
from bot.domain.transition import Event
from bot.domain.watch import ChannelId
from bot.monitoring.budget import Route
from bot.monitoring.diagnosis_needs import LOG_AGE, LOG_WAITS
from bot.monitoring.diagnosis_reader import FACTS_SECONDS, GATHER_SECONDS
from bot.monitoring.ended_failures import WHOLE_FOR
from bot.ports.pipeline_api import ApiError, Forbidden, Malformed, Status, Throttled, TooLarge, Unavailable
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import EventRecord, subscribed
from bot.ports.telemetry.diagnoses import Diagnosed, DiagnosisCrashed
from bot.ports.telemetry.store import StoreUnreachable
from tests.builders import a_person, an_episode
from tests.fake_details import A_LOG, NO_LOG, NO_TABLE, FakeDetails
from tests.fakes import FakeApi, FakeClock
from tests.service.test_poller import FAILED, LIVE, ONE, TWO, Bot, pipelines, running

OTHER = ChannelId("C0OTHER")
DEPLOYING = Status(phase=Phase.DEPLOYING, replicas=1, ready=0)
LATEST = GATHER_SECONDS + FACTS_SECONDS
ALL = ["configuration", "health", "logs", "metrics"]


def diagnosis(bot: Bot, pipeline_id: PipelineId = ONE) -> Diagnosis | None:
    episode = bot.repository.record(pipeline_id).episode
    return episode.diagnosis if episode else None


def entries(bot: Bot, pipeline_id: PipelineId = ONE) -> int:
    episode = bot.repository.record(pipeline_id).episode
    return sum(Event.DIAGNOSED in entry.events for entry in episode.timeline) if episode else 0


async def failed(bot: Bot, *pipeline_ids: PipelineId, status: Status = FAILED) -> None:
    """Watches the pipelines, which were live, and reads their failure."""
    await bot.watch(*pipeline_ids)
    await bot.poll(6)
    for pipeline_id in pipeline_ids:
        bot.api.statuses[pipeline_id] = status
    await bot.poll(9)


async def test_a_failure_gets_log_measurements_and_health(fake_redis: redis.asyncio.Redis) -> None:
    details = FakeDetails()
    details.probe = DestinationHealth(healthy=False, last_error="10.0.0.1 failed: password=hunter2")
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        await failed(bot, ONE)
        found = diagnosis(bot)
    assert found
    assert (found.log, found.cause) == (LogOutcome.READ, "schema")
    assert found.excerpt
    assert found.excerpt.error == NO_TABLE
    assert found.fingerprint
    assert found.measured
    assert found.measured.pending_records == 48_000
    assert found.health
    assert "hunter2" not in found.health.last_error


async def test_one_request_to_each_endpoint_however_many_channels_and_readings(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2), details=FakeDetails()) as bot:
        await bot.watch(ONE, channel=OTHER)
        await failed(bot, ONE)
        await bot.poll(120)
        assert sorted(bot.details.asked) == [(name, ONE) for name in ALL]
        assert entries(bot) == 1


async def test_pages_have_a_second_before_the_first_read(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1), details=FakeDetails()) as bot:
        await bot.watch(ONE)
        await bot.poll(6)
        bot.api.statuses[ONE] = FAILED
        while bot.repository.record(ONE).state.phase != Phase.FAILED:
            await bot.poll(0.25)
        await bot.poll(0.75)
        assert bot.details.asked == []
        await bot.poll(1)
        assert len(bot.details.asked) == 4


async def test_a_live_pipeline_costs_no_request(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2), details=FakeDetails()) as bot:
        await bot.watch(ONE, TWO)
        await bot.poll(60)
        assert bot.details.asked == []


async def test_a_failure_that_comes_back_gets_a_diagnosis_of_its_own(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1), details=FakeDetails()) as bot:
        await failed(bot, ONE)
        first = diagnosis(bot)
        bot.api.statuses[ONE] = LIVE
        await bot.poll(60)
        bot.api.statuses[ONE] = FAILED
        await bot.poll(10)
        second = diagnosis(bot)
        assert first
        assert second
        assert second.began_at > first.began_at
        assert bot.details.times("logs") == 2


async def test_a_log_that_hangs_delays_neither_readings_nor_the_rest_for_long(fake_redis: redis.asyncio.Redis) -> None:
    details = FakeDetails()
    details.log = asyncio.Event()
    async with running(fake_redis, *pipelines(2), details=details) as bot:
        await bot.watch(TWO)
        await failed(bot, ONE)
        reads = len(bot.api.reads)
        await bot.poll(LATEST)
        assert len(bot.api.reads) > reads
        found = diagnosis(bot)
        assert found
        assert found.log is LogOutcome.UNREADABLE
        assert found.problem == "GoldRush didn't answer in time."
        assert found.measured
        assert found.health


@pytest.mark.parametrize(
    "error",
    [
        Throttled("GoldRush asked me to slow down (429)."),
        Malformed("GoldRush's answer is not JSON (str).", plain="GoldRush sent something else."),
        Forbidden("GoldRush refuses the ServiceKey here."),
        Unavailable("GoldRush didn't answer within 5 s."),
        RuntimeError("a bug"),
    ],
)
async def test_an_unreadable_log_is_named_and_read_again_a_few_times(
    fake_redis: redis.asyncio.Redis, error: Exception
) -> None:
    details = FakeDetails()
    details.log = error
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        await failed(bot, ONE)
        found = diagnosis(bot)
        assert found
        assert found.log is LogOutcome.UNREADABLE
        assert found.problem == error.plain if isinstance(error, ApiError) else "RuntimeError" in found.problem
        for wait in LOG_WAITS:
            await bot.clock.pass_time(wait)
            await bot.poll(10)
        await bot.clock.pass_time(1200)
        await bot.poll(10)
        assert bot.details.times("logs") == 1 + len(LOG_WAITS)
        assert bot.details.times("metrics") == 1
        assert entries(bot) == 1


async def test_a_log_that_is_too_large_is_not_read_again(fake_redis: redis.asyncio.Redis) -> None:
    details = FakeDetails()
    details.log = TooLarge("GoldRush's answer is longer than 1048576 bytes, so I stopped reading it.")
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        await failed(bot, ONE)
        found = diagnosis(bot)
        assert found
        assert found.unread is LogFault.TOO_LARGE
        await bot.poll(LOG_WAITS[0] + 60)
        assert details.times("logs") == 1


async def test_a_log_that_the_own_budget_left_unread_is_read_as_soon_as_a_request_is_free(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(fake_redis, *pipelines(1), details=FakeDetails()) as bot:
        monkeypatch.setattr(bot.budget, "try_take_spare", lambda route: False)
        await failed(bot, ONE)
        await bot.poll(30)
        found = diagnosis(bot)
        assert found
        assert (found.log, found.unread) == (LogOutcome.UNREADABLE, LogFault.NOT_ASKED)
        assert (bot.details.asked, entries(bot)) == ([], 1)
        monkeypatch.undo()
        await bot.poll(6)
        found = diagnosis(bot)
        assert found
        assert (found.log, found.cause) == (LogOutcome.READ, "schema")
        assert bot.details.times("logs") == 1


async def test_a_log_that_the_own_budget_left_unread_says_when_goldrush_refuses_it(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    details = FakeDetails()
    details.log = Forbidden("no", plain="GoldRush doesn't let me read this.")
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        monkeypatch.setattr(bot.budget, "try_take_spare", lambda route: False)
        await failed(bot, ONE)
        await bot.poll(10)
        monkeypatch.undo()
        await bot.poll(20)
        found = diagnosis(bot)
        assert found
        assert (found.unread, found.problem) == (LogFault.FAILED, "GoldRush doesn't let me read this.")
        assert bot.details.times("logs") == 1


@pytest.mark.parametrize("before", [Unavailable("GoldRush didn't answer within 5 s."), NO_LOG])
async def test_a_log_that_a_person_reads_also_goes_to_the_open_failure(
    fake_redis: redis.asyncio.Redis, before: Exception | tuple[PodLog, ...]
) -> None:
    details = FakeDetails()
    details.log = before
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        await failed(bot, ONE)
        await bot.clock.pass_time(LOG_AGE.total_seconds() + 60)
        await bot.poll(10)
        before_it, details.log = details.times("logs"), A_LOG
        await bot.clock.pass_time(31)
        assert (await bot.logs.logs(ONE)).pods
        await bot.poll(10)
        found = diagnosis(bot)
        assert found
        assert (found.log, found.cause) == (LogOutcome.READ, "schema")
        assert details.times("logs") == before_it + 1, "the person's read serves the diagnosis too"
        assert entries(bot) == 2


async def test_a_log_that_becomes_readable_is_added_once(fake_redis: redis.asyncio.Redis) -> None:
    details = FakeDetails()
    details.log = Unavailable("GoldRush didn't answer within 5 s.")
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        await failed(bot, ONE)
        details.log = A_LOG
        await bot.poll(LOG_WAITS[0] + 10)
        found = diagnosis(bot)
        assert found
        assert (found.log, found.problem, found.cause) == (LogOutcome.READ, "", "schema")
        assert found.measured
        await bot.poll(120)
        assert entries(bot) == 2
        assert bot.details.times("logs") == 2


async def test_a_log_that_is_not_there_yet_is_asked_for_when_the_pipeline_runs_again(
    fake_redis: redis.asyncio.Redis,
) -> None:
    details = FakeDetails()
    details.log = NO_LOG
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        await failed(bot, ONE)
        found = diagnosis(bot)
        assert found
        assert found.log is LogOutcome.NOT_YET
        await bot.poll(60)
        assert bot.details.times("logs") == 1
        details.log = A_LOG
        bot.api.statuses[ONE] = DEPLOYING
        await bot.poll(10)
        found = diagnosis(bot)
        assert found
        assert (found.log, found.cause) == (LogOutcome.READ, "schema")
        assert bot.details.times("logs") == 2
        assert entries(bot) == 2


async def test_a_new_workers_log_without_an_error_changes_nothing(fake_redis: redis.asyncio.Redis) -> None:
    details = FakeDetails()
    details.log = NO_LOG
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        await failed(bot, ONE)
        details.log = (PodLog(pod="pod-b", text="INFO starting\n"),)
        bot.api.statuses[ONE] = DEPLOYING
        await bot.poll(120)
        assert bot.details.times("logs") == 2
        assert entries(bot) == 1


async def test_replicas_with_the_same_error_are_counted(fake_redis: redis.asyncio.Redis) -> None:
    details = FakeDetails()
    pods = [PodLog(pod=f"pod-{n}", text=f"INFO {n}\nERROR connection refused at block {n}00\n") for n in range(3)]
    details.log = (PodLog(pod="pod-x", text="ERROR disk is full\n"), *pods)
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        await failed(bot, ONE)
        found = diagnosis(bot)
    assert found
    assert (found.pods, found.pods_alike) == (4, 2)
    assert found.cause == "unreachable"


async def test_a_restarted_bot_diagnoses_what_it_finds_without_a_diagnosis(fake_redis: redis.asyncio.Redis) -> None:
    clock, api = FakeClock(), FakeApi(*pipelines(2))
    async with running(fake_redis, clock=clock, api=api) as bot:
        await failed(bot, ONE, TWO)
        assert diagnosis(bot) is None  # it does not run diagnoses
    async with running(fake_redis, clock=clock, api=api, details=FakeDetails()) as bot:
        await bot.poll(10)
        assert diagnosis(bot, ONE)
        assert diagnosis(bot, TWO)
    async with running(fake_redis, clock=clock, api=api, details=FakeDetails()) as bot:
        await bot.poll(60)
        assert bot.details.asked == []
        assert (entries(bot, ONE), entries(bot, TWO)) == (1, 1)


async def test_a_write_that_may_have_landed_is_not_repeated(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(fake_redis, *pipelines(1), details=FakeDetails()) as bot:
        commit, lost = bot.store.commit, 0

        async def commits_but_breaks(*args: object) -> bool:
            nonlocal lost
            done = await commit(*args)  # type: ignore[arg-type]
            if bot.details.asked and not lost:
                lost += 1
                raise StoreAway("no answer")
            return done

        monkeypatch.setattr(bot.store, "commit", commits_but_breaks)
        await failed(bot, ONE)
        await bot.poll(30)
        assert lost == 1
        stored = await bot.store.record(ONE)
        assert stored.episode
        assert sum(Event.DIAGNOSED in entry.events for entry in stored.episode.timeline) == 1
        assert bot.details.times("logs") == 1


async def test_nothing_is_read_while_goldrush_is_in_trouble(fake_redis: redis.asyncio.Redis) -> None:
    clock, api = FakeClock(), FakeApi(*pipelines(3))
    async with running(fake_redis, clock=clock, api=api) as bot:
        await failed(bot, ONE)
    for pipeline in pipelines(3):
        api.statuses[pipeline.id] = Unavailable("GoldRush didn't answer within 5 s.")
    details = FakeDetails()
    async with running(fake_redis, clock=clock, api=api) as bot:
        await bot.watch("orders-*")
    async with running(fake_redis, clock=clock, api=api, details=details) as bot:
        bot.diagnoses._breaker.record_rejected_key("no", plain="no")
        await bot.poll(5)
        assert details.asked == []
        api.statuses = {pipeline.id: FAILED for pipeline in pipelines(3)}
        await bot.poll(90)
        assert diagnosis(bot)


async def test_many_failures_wait_briefly_for_a_log_endpoint_that_hangs(fake_redis: redis.asyncio.Redis) -> None:
    details = FakeDetails()
    details.log = Unavailable("GoldRush didn't answer within 5 s.")
    many = pipelines(30)
    async with running(fake_redis, *many, details=details) as bot:
        await failed(bot, *(pipeline.id for pipeline in many))
        await bot.poll(10)
        assert all(diagnosis(bot, pipeline.id) for pipeline in many)
        assert details.times("logs") <= 6
        assert details.times("metrics") == 30


async def test_failures_that_page_come_first_then_the_newest(fake_redis: redis.asyncio.Redis) -> None:
    clock, many = FakeClock(), pipelines(6)
    api = FakeApi(*many)
    async with running(fake_redis, clock=clock, api=api) as bot:
        await bot.watch(ONE, targets=(a_person("U0ANN", direct=ChannelId("D0ANN")),))
        await bot.watch(*(pipeline.id for pipeline in many[1:]), channel=OTHER)
        await bot.poll(6)
        for pipeline in many:
            api.statuses[pipeline.id] = FAILED
            await bot.poll(6)
    details = FakeDetails()
    async with running(fake_redis, clock=clock, api=api, details=details) as bot:
        await bot.poll(20)
    order = [pipeline_id for endpoint, pipeline_id in details.asked if endpoint == "logs"]
    assert order == [ONE, *(pipeline.id for pipeline in reversed(many[1:]))]


async def test_a_bug_ends_one_diagnosis_and_no_more(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    records: list[EventRecord] = []
    async with running(fake_redis, *pipelines(2), details=FakeDetails()) as bot:
        read_all = bot.diagnoses._reader.read_all

        async def breaks(episode: object) -> object:
            if getattr(episode, "pipeline_id", None) == ONE:
                raise RuntimeError("a bug")
            return await read_all(episode)  # type: ignore[arg-type]

        monkeypatch.setattr(bot.diagnoses._reader, "read_all", breaks)
        with subscribed(records.append):
            await failed(bot, ONE, TWO)
            await bot.poll(60)
        assert diagnosis(bot, TWO)
        assert sum(isinstance(record, DiagnosisCrashed) for record in records) == 3
        assert [record.pipeline for record in records if isinstance(record, Diagnosed)] == [TWO]


async def test_a_store_that_is_away_leaves_out_the_past_and_is_no_bug(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StoreAway("the store does not answer")

    records: list[EventRecord] = []
    async with running(fake_redis, *pipelines(1), details=FakeDetails()) as bot:
        monkeypatch.setattr(bot.store, "add_occurrence", away)
        with subscribed(records.append):
            await failed(bot, ONE)
            await bot.poll(20)
        assert diagnosis(bot, ONE)
        assert not any(isinstance(record, DiagnosisCrashed) for record in records)
        assert any(isinstance(record, StoreUnreachable) for record in records)


async def test_the_search_of_many_failures_leaves_the_event_loop_its_turns(fake_redis: redis.asyncio.Redis) -> None:
    many = pipelines(3_000)
    async with running(fake_redis) as bot:
        await bot.watch("*")
        await bot.leadership.acquire()
        bot.repository._take_page(many)
        for one in many:
            episode = replace(an_episode(), pipeline_id=one.id)
            bot.repository._records.put(Record(pipeline_id=one.id, episode=episode))
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count_turns())
        await bot.diagnoses.serve()
        counting.cancel()
        assert turns >= 3


async def test_all_that_the_own_budget_left_out_is_read_once_requests_are_free(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    details = FakeDetails()
    details.probe = DestinationHealth(healthy=False, last_error="connection refused")
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        monkeypatch.setattr(bot.budget, "try_take_spare", lambda route: False)
        await failed(bot, ONE)
        await bot.poll(30)
        monkeypatch.undo()
        await bot.poll(6)
        found = diagnosis(bot)
        assert found
        assert (found.log, found.left_out) == (LogOutcome.READ, ())
        assert found.measured
        assert found.health
        await bot.poll(120)
        assert sorted(name for name, _ in details.asked) == ALL
        assert entries(bot) == 2


@pytest.mark.parametrize("route", [Route.LOGS, Route.METRICS, Route.HEALTH])
async def test_one_part_that_the_own_budget_left_out_is_read_alone(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch, route: Route
) -> None:
    async with running(fake_redis, *pipelines(1), details=FakeDetails()) as bot:
        take = bot.budget.try_take_spare
        monkeypatch.setattr(bot.budget, "try_take_spare", lambda one: one is not route and take(one))
        await failed(bot, ONE)
        await bot.poll(30)
        before = diagnosis(bot)
        assert before
        monkeypatch.undo()
        await bot.poll(60)
        found = diagnosis(bot)
        assert found
        assert (found.log, found.cause, found.left_out) == (LogOutcome.READ, "schema", ())
        assert found.measured
        assert found.health
        assert found.read_log_at == before.at or route is Route.LOGS, "the thread says when the log was read"
        assert sorted(name for name, _ in bot.details.asked) == ALL
        assert entries(bot) == 2


async def test_metrics_that_goldrush_refuses_after_the_wait_are_not_asked_again(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    details = FakeDetails()
    details.measured = Unavailable("GoldRush didn't answer within 5 s.")
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        take = bot.budget.try_take_spare
        monkeypatch.setattr(bot.budget, "try_take_spare", lambda one: one is not Route.METRICS and take(one))
        await failed(bot, ONE)
        monkeypatch.undo()
        await bot.poll(120)
        assert details.times("metrics") == 1
        assert entries(bot) == 1


@pytest.mark.parametrize("endpoint", ["logs", "metrics", "destination_health"])
async def test_a_429_of_one_endpoint_holds_back_no_other(fake_redis: redis.asyncio.Redis, endpoint: str) -> None:
    async with running(fake_redis, *pipelines(1), details=FakeDetails()) as bot:
        bot.budget.throttled(Route(endpoint), retry_after=3.0)
        await bot.watch(ONE)
        await bot.poll(6)
        bot.api.statuses[ONE] = FAILED
        while bot.repository.record(ONE).state.phase != Phase.FAILED:
            await bot.poll(0.25)
        bot.budget.throttled(Route(endpoint), retry_after=3.0)
        await bot.poll(1.5)
        held = endpoint.removeprefix("destination_")
        assert sorted(name for name, _ in bot.details.asked) == sorted({*ALL} - {held})
        await bot.poll(6)
        found = diagnosis(bot)
        assert found
        assert (found.log, bool(found.measured), bool(found.health)) == (LogOutcome.READ, True, True)


@pytest.mark.parametrize("fact", ["add_occurrence", "configuration", "history"])
async def test_facts_of_a_store_that_was_away_are_added_after_it_returns(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch, fact: str
) -> None:
    async def away(*_: object) -> None:
        raise StoreAway("the store does not answer")

    async with running(fake_redis, *pipelines(1), details=FakeDetails()) as bot:
        await failed(bot, ONE)
        bot.api.statuses[ONE] = LIVE
        await bot.poll(60)
        await bot.clock.pass_time(2 * 3600)
        await bot.poll(10)
        tries = 0

        async def counted(*_: object) -> None:
            nonlocal tries
            tries += 1
            raise StoreAway("the store does not answer")

        monkeypatch.setattr(bot.store, fact, counted)
        bot.api.statuses[ONE] = FAILED
        await bot.poll(60)
        assert 2 <= tries <= 6, "each wait is twice as long"
        found = diagnosis(bot)
        assert found
        assert LeftOut.PAST in found.left_out
        requests = [name for name, _ in bot.details.asked if name != "configuration"]
        monkeypatch.undo()
        await bot.poll(64)
        found = diagnosis(bot)
        assert found
        assert found.seen
        again = [name for name, _ in bot.details.asked if name != "configuration"]
        assert again == requests, "no read is repeated, except for what the store compares"
        assert entries(bot) == (1 if fact == "configuration" else 2), "nobody changed the configuration"
        monkeypatch.setattr(bot.store, fact, away)
        await bot.poll(60)
        assert entries(bot) == (1 if fact == "configuration" else 2)


async def test_a_configuration_that_hangs_delays_the_diagnosis_briefly(fake_redis: redis.asyncio.Redis) -> None:
    details = FakeDetails()
    details.no_configuration = asyncio.Event()
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        await failed(bot, ONE)
        await bot.poll(LATEST)
        found = diagnosis(bot)
        assert found
        assert (found.log, found.left_out) == (LogOutcome.READ, (LeftOut.CHANGES,))
        await bot.poll(60)
        assert details.times("configuration") == 1


async def test_a_configuration_that_goldrush_refuses_is_read_again_a_few_times(fake_redis: redis.asyncio.Redis) -> None:
    details = FakeDetails()
    details.no_configuration = Unavailable("GoldRush didn't answer within 5 s.")
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        await failed(bot, ONE)
        await bot.poll(1200)
        assert details.times("configuration") == 1 + len(LOG_WAITS)
        assert entries(bot) == 1


async def test_a_log_that_was_not_there_is_asked_for_once_after_the_failure_recovered_in_one_step(
    fake_redis: redis.asyncio.Redis,
) -> None:
    details = FakeDetails()
    details.log = NO_LOG
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        await failed(bot, ONE)
        details.log = A_LOG
        bot.api.statuses[ONE] = LIVE
        await bot.poll(60)
        episode = bot.repository.record(ONE).episode
        assert episode
        assert not episode.open
        assert episode.timeline[-1].ends
        found = diagnosis(bot)
        assert found
        assert (found.log, found.cause) == (LogOutcome.READ, "schema")
        assert details.times("logs") == 2
        assert entries(bot) == 2


async def test_a_new_leader_asks_for_the_log_of_a_failure_that_just_recovered(fake_redis: redis.asyncio.Redis) -> None:
    clock, api, details = FakeClock(), FakeApi(*pipelines(1)), FakeDetails()
    details.log = NO_LOG
    async with running(fake_redis, clock=clock, api=api, details=details) as bot:
        await failed(bot, ONE)
    async with running(fake_redis, clock=clock, api=api) as bot:  # it does not run diagnoses
        api.statuses[ONE] = LIVE
        await bot.poll(20)
    details.log = A_LOG
    async with running(fake_redis, clock=clock, api=api, details=details) as bot:
        await bot.poll(20)
        found = diagnosis(bot)
        assert found
        assert found.log is LogOutcome.READ
        assert details.times("logs") == 2


async def test_a_recovered_failure_whose_new_log_says_nothing_costs_one_request(
    fake_redis: redis.asyncio.Redis,
) -> None:
    details = FakeDetails()
    details.log = NO_LOG
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        await failed(bot, ONE)
        details.log = (PodLog(pod="pod-b", text="INFO starting\n"),)
        bot.api.statuses[ONE] = LIVE
        await bot.poll(900)
        assert details.times("logs") == 2
        assert entries(bot) == 1


async def test_a_request_that_the_own_budget_lacks_is_no_attempt_to_read_a_late_log(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    details = FakeDetails()
    details.log = NO_LOG
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        await failed(bot, ONE)
        monkeypatch.setattr(bot.budget, "try_take_spare", lambda route: False)
        details.log = A_LOG
        bot.api.statuses[ONE] = DEPLOYING
        await bot.poll(30)
        assert details.times("logs") == 1
        monkeypatch.undo()
        await bot.poll(10)
        found = diagnosis(bot)
        assert found
        assert found.log is LogOutcome.READ


@pytest.mark.filterwarnings("error")
async def test_diagnoses_that_are_cancelled_begin_no_other(fake_redis: redis.asyncio.Redis) -> None:
    many = pipelines(6)
    async with running(fake_redis, *many) as bot:
        bot.details.log = asyncio.Event()
        run = asyncio.create_task(bot.diagnoses.run(asyncio.Event()))
        await failed(bot, *(pipeline.id for pipeline in many))
        assert bot.details.under_way
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run


async def test_the_record_of_a_failure_that_is_long_over_keeps_its_cause_alone(fake_redis: redis.asyncio.Redis) -> None:
    clock, api, details = FakeClock(), FakeApi(*pipelines(1)), FakeDetails()
    async with running(fake_redis, clock=clock, api=api, details=details) as bot:
        await failed(bot, ONE)
        api.statuses[ONE] = LIVE
        await bot.poll(60)
        whole = diagnosis(bot)
        assert whole
    async with running(fake_redis, clock=clock, api=api, details=details) as bot:
        for _ in range(2):
            await clock.pass_time(WHOLE_FOR.total_seconds() / 2 - 60)
            await bot.poll(10)
            assert diagnosis(bot) == whole
        await clock.pass_time(120)
        await bot.poll(10)
        stored = (await bot.store.record(ONE)).episode
        assert stored
        assert diagnosis(bot) == stored.diagnosis == whole.shortened
        (card,) = (await bot.store.cards([*stored.cards])).values()
        assert card.content.episode.diagnosis == whole, "a postmortem needs it"
        writes = (await bot.store.record(ONE)).version
        await bot.poll(60)
        assert (await bot.store.record(ONE)).version == writes
