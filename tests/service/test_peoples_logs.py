"""People get redacted logs in every process, and share one request."""

import asyncio

import redis.asyncio

from bot.domain.log_lines import PodLog
from bot.monitoring.budget import Route
from bot.monitoring.peoples_logs import ANSWER_SECONDS, SharedLogs
from bot.ports.pipeline_api import Forbidden, Unavailable
from bot.ports.status_reads import NOBODY_READS
from tests.fake_details import A_LOG, NO_LOG, FakeDetails
from tests.fakes import FakeApi, FakeClock, settle
from tests.service.test_poller import ONE, pipelines, running


async def test_many_clicks_cost_one_request_within_half_a_minute(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1), details=FakeDetails()) as bot:
        answers = await asyncio.gather(*(bot.logs.logs(ONE) for _ in range(20)))
        assert {answer.pods for answer in answers} == {A_LOG}
        await bot.clock.pass_time(29)
        await bot.logs.logs(ONE)
        assert bot.details.times("logs") == 1
        await bot.clock.pass_time(2)
        await bot.logs.logs(ONE)
        assert bot.details.times("logs") == 2


async def test_a_click_after_the_diagnosis_costs_no_request(fake_redis: redis.asyncio.Redis) -> None:
    details = FakeDetails()
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        await bot.diagnoses._reader._details.logs(ONE, spare_until=10.0)
        assert (await bot.logs.logs(ONE)).pods == A_LOG
        assert details.times("logs") == 1


async def test_the_end_of_a_long_log_comes_redacted_and_whole_lines(fake_redis: redis.asyncio.Redis) -> None:
    details = FakeDetails()
    text = "INFO block 1 written\n" * 20_000 + "ERROR login failed: password=hunter2hunter2\n"
    details.log = tuple(PodLog(pod=f"pod-{n}", text=text) for n in range(20))
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        answer = await bot.logs.logs(ONE)
    assert len(answer.pods) == 20
    assert sum(len(pod.text) for pod in answer.pods) < 128 * 1024
    for pod in answer.pods:
        assert pod.text.startswith("INFO block 1 written\n")
        assert pod.text.endswith("ERROR login failed: password=[redacted]\n")


async def test_a_log_that_is_missing_or_refused_is_named(fake_redis: redis.asyncio.Redis) -> None:
    details = FakeDetails()
    details.log = NO_LOG
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        answer = await bot.logs.logs(ONE)
        assert (answer.not_yet, answer.pods, answer.problem) == (True, (), None)
        details.log = Forbidden("GoldRush refuses the ServiceKey here.")
        await bot.clock.pass_time(31)
        assert (await bot.logs.logs(ONE)).problem == "GoldRush refuses the ServiceKey here."


async def test_a_failed_read_is_forgotten_soon(fake_redis: redis.asyncio.Redis) -> None:
    details = FakeDetails()
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        for number in range(6):  # more failures in a row than a diagnosis tries
            details.log = Unavailable(f"problem {number}")
            answer = await bot.logs.logs(ONE)
            assert (answer.at, answer.problem) == (bot.clock.now(), f"problem {number}")
            await bot.clock.pass_time(6)
        details.log = A_LOG
        assert (await bot.logs.logs(ONE)).pods == A_LOG


async def test_a_person_waits_a_few_seconds_for_a_log_that_hangs(fake_redis: redis.asyncio.Redis) -> None:
    details = FakeDetails()
    details.log = asyncio.Event()
    async with running(fake_redis, *pipelines(1), details=details) as bot:
        answer = asyncio.create_task(bot.logs.logs(ONE))
        await bot.clock.pass_time(ANSWER_SECONDS)
        await settle()
        assert answer.result().problem == "No answer came in time. Try again in a minute."
        assert details.times("logs") == 1


async def test_a_person_does_not_wait_behind_diagnoses_that_wait_for_the_budget(
    fake_redis: redis.asyncio.Redis,
) -> None:
    details, known = FakeDetails(), pipelines(4)
    async with running(fake_redis, *known, details=details, rate=2.0) as bot:
        while bot.budget.try_take(Route.STATUS) or await bot.budget.take(Route.STATUS, 0.0):
            pass  # polling and people have used up their requests
        reader = bot.diagnoses._reader._details
        waiting = [asyncio.create_task(reader.logs(one.id, spare_until=100.0)) for one in known[:3]]
        await settle()
        answer = asyncio.create_task(bot.logs.logs(known[3].id))
        for _ in range(8):
            bot.budget.try_take(Route.STATUS)  # the polling waits too
            await bot.clock.pass_time(0.25)
        assert answer.result().pods == A_LOG
        for diagnosis in waiting:
            diagnosis.cancel()


async def test_a_process_that_does_not_lead_asks_the_leader(fake_redis: redis.asyncio.Redis) -> None:
    clock, api = FakeClock(), FakeApi(*pipelines(1))
    async with running(fake_redis, clock=clock, api=api, details=FakeDetails()) as one:
        await one.heartbeat.beat()
        async with running(fake_redis, clock=clock, api=api, leader=one.local_leader, details=FakeDetails()) as two:
            only_answers = SharedLogs(own=None, follower=two.follower, leadership=two.leadership, clock=clock)
            assert (await two.logs.logs(ONE)).pods == A_LOG
            assert (await only_answers.logs(ONE)).pods == A_LOG
            assert (one.details.times("logs"), two.details.times("logs")) == (1, 0)


async def test_without_a_leader_the_process_reads_itself_or_says_so(fake_redis: redis.asyncio.Redis) -> None:
    clock, api = FakeClock(), FakeApi(*pipelines(1))
    async with running(fake_redis, clock=clock, api=api, details=FakeDetails()) as one:
        await one.heartbeat.beat()
        async with running(fake_redis, clock=clock, api=api, details=FakeDetails()) as two:
            only_answers = SharedLogs(own=None, follower=two.follower, leadership=two.leadership, clock=clock)
            assert (await two.logs.logs(ONE)).problem == "No answer came in time. Try again in a minute."
            await clock.pass_time(30)
            assert (await two.logs.logs(ONE)).pods == A_LOG
            assert (await only_answers.logs(ONE)).problem == NOBODY_READS
