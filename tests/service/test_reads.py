"""Figures of the reading: each read with its outcome and time, and the ages of the readings."""

import pytest
import redis.asyncio

from bot.domain.cadence import Cadence
from bot.domain.observation import PipelineId, ReadSequence
from bot.domain.phase import Phase
from bot.monitoring.api_trouble import ApiTrouble
from bot.monitoring.local_readers import FAILED_OUTCOMES, read
from bot.monitoring.safe_api import SafeApi
from bot.monitoring.staleness import Staleness
from bot.ports.figures import ApiProblem
from bot.ports.pipeline_api import ApiError, Status, Throttled, Unauthorized
from bot.ports.reads import ReadRequest
from bot.ports.telemetry import EventRecord, subscribed
from bot.ports.telemetry.monitoring import ReadEnded, ReadOutcome
from bot.requests.pipeline_views import PipelineViews
from tests.builders import ALERTS, ORDERS, a_pipeline
from tests.fakes import FakeApi, FakeClock
from tests.service.test_poller import LIVE, Bot, pipelines, running

REQUEST = ReadRequest(pipeline_id=ORDERS, sequence=ReadSequence(1, 1))


def every_error(kind: type[ApiError] = ApiError) -> set[type[ApiError]]:
    return {kind}.union(*(every_error(error) for error in kind.__subclasses__())) - {ApiError}


def test_each_error_of_a_read_has_an_outcome() -> None:
    assert set(FAILED_OUTCOMES) == {error for error in every_error() if error.__module__ == ApiError.__module__}


@pytest.mark.parametrize(("error", "outcome"), [(None, ReadOutcome.OK), (Throttled("429"), ReadOutcome.THROTTLED)])
async def test_a_read_is_reported_with_its_outcome(error: ApiError | None, outcome: ReadOutcome) -> None:
    api, records = FakeApi(a_pipeline()), list[EventRecord]()
    if error:
        api.statuses[ORDERS] = error
    with subscribed(records.append):
        await read(SafeApi(api), FakeClock(), REQUEST)
    assert records == [ReadEnded(pipeline=ORDERS, outcome=outcome, seconds=0.0)]


def staleness(bot: Bot, sample: int = 100) -> Staleness:
    return Staleness(
        repository=bot.repository,
        reads=bot.scheduler,
        promise=bot.scheduler._promise,
        unrecorded=bot.recorder.unrecorded,
        leadership=bot.leadership,
        clock=bot.clock,
        sample=sample,
    )


async def test_ages_are_those_of_successful_reads(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await bot.scheduler.refresh_catalogue()
        await bot.watch("*")
        await bot.poll(2)
        bot.api.statuses[PipelineId("pipe_0002")] = Throttled("429")
        await bot.poll(70)
        figures = staleness(bot).figures()
    assert figures is not None
    assert figures.pipelines == 2
    fresh, old = sorted(figures.ages)
    assert fresh < 20
    assert old > 40
    assert sorted(figures.lateness)[1] > 1


async def test_pipelines_at_rest_that_are_read_on_schedule_are_as_fresh_as_promised(
    fake_redis: redis.asyncio.Redis,
) -> None:
    """The setting for pipelines at rest may be longer than the promised age of all others."""
    paused, fleet = PipelineId("pipe_0001"), pipelines(100)
    clock, api = FakeClock(), FakeApi(*fleet)
    api.statuses[paused] = Status(phase=Phase.PAUSED)
    cadence = Cadence(at_rest_seconds=600)
    async with (
        running(fake_redis, clock=clock, api=api, rate=4.0, cadence=cadence) as leader,
        running(fake_redis, clock=clock, api=api, rate=4.0, cadence=cadence) as follower,
    ):
        await leader.repository.save_page(fleet)
        await leader.watch("*")
        await leader.poll(300)
        await follower.repository.catch_up()
        assert api.reads.count(paused) == 1
        assert leader.reads.promised(paused) == follower.reads.promised(paused) == 600
        views = PipelineViews(
            repository=leader.repository, reads=leader.reads, unrecorded=leader.recorder.unrecorded, clock=clock
        )
        (view,) = views.known([leader.repository.pipeline(paused)], ALERTS)
        assert view.problem is None
        figures = staleness(leader, sample=1000).figures()
        assert figures is not None
        assert max(figures.ages) > 200
        assert max(figures.lateness) < 1


async def test_a_bot_that_does_not_lead_has_no_ages(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await bot.leadership.release()
        assert staleness(bot).figures() is None


async def test_samples_take_turns_over_all_pipelines(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(10)) as bot:
        await bot.scheduler.refresh_catalogue()
        await bot.watch("*")
        await bot.poll(2)
        sampled = staleness(bot, sample=4)
        counts = [len(figures.ages) for _ in range(3) if (figures := sampled.figures())]
    assert sum(counts) == 10
    assert max(counts) <= 4


def trouble(bot: Bot) -> ApiProblem | None:
    return ApiTrouble(repository=bot.repository, breaker=bot.recorder._breaker, leadership=bot.leadership).current()


async def test_the_leader_alone_reports_an_outage_as_long_as_it_lasts(fake_redis: redis.asyncio.Redis) -> None:
    clock, api = FakeClock(), FakeApi(*pipelines(5))
    async with running(fake_redis, clock=clock, api=api) as one, running(fake_redis, clock=clock, api=api) as two:
        await one.watch("orders-*")
        await one.catalogue.refresh()
        await one.poll(30)
        assert trouble(one) is None
        api.statuses |= dict.fromkeys(api.statuses, Unauthorized("the ServiceKey is wrong."))
        await one.poll(30)
        assert trouble(one) == ApiProblem(text="key_rejected: the ServiceKey is wrong.", key_rejected=True)
        assert trouble(two) is None
        await one.leadership.release()
        await two.heartbeat.beat()
        assert trouble(one) is None  # it reads no more, so it can't see the end
        before_any_read = trouble(two)
        assert before_any_read
        assert "the ServiceKey is wrong" in before_any_read.text
        api.statuses |= dict.fromkeys(api.statuses, LIVE)
        await two.poll(60)
        assert trouble(two) is None
