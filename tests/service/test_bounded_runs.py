"""A bounded run is judged once it has stopped: by its height, once, and over restarts and changes of the leader."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest
import redis.asyncio

from bot.domain.bounded_run import RunEnd
from bot.domain.catalogue import BlockRange, Pipeline
from bot.domain.history import History
from bot.domain.log_lines import PodLog
from bot.domain.measurement import DestinationHealth, Measurement
from bot.domain.observation import PipelineId
from bot.domain.phase import Intent, Phase
from bot.domain.transition import Event
from bot.monitoring.bounded_runs import BoundedRuns
from bot.monitoring.budget import Route
from bot.ports.pipeline_api import ApiError, Status, Throttled, Unavailable
from tests.builders import a_watch
from tests.contract.test_store import an_announcement
from tests.fakes import FakeApi, FakeClock
from tests.service.test_poller import FAILED, LIVE, ONE, TWO, Bot, pipelines, running

STOPPED = Status(phase=Phase.STOPPED, replicas=0, ready=0)
PAUSED = Status(phase=Phase.PAUSED, replicas=0, ready=0)
END = 5_000


def bounded(count: int) -> list[Pipeline]:
    blocks = BlockRange(start=1_000, stop=END)
    return [replace(pipeline, bounded=True, blocks=blocks) for pipeline in pipelines(count)]


@dataclass
class Details:
    """GoldRush's metrics: a height for each pipeline, or an error."""

    heights: dict[PipelineId, int | ApiError] = field(default_factory=dict)
    recent: dict[PipelineId, list[Measurement]] = field(default_factory=dict)
    requests: int = 0
    are_loaded: bool = True
    gate: asyncio.Event | None = None

    async def metrics(self, pipeline_id: PipelineId, at: datetime) -> Measurement:
        self.requests += 1
        if self.gate:
            await self.gate.wait()
        height = self.heights.get(pipeline_id)
        if isinstance(height, ApiError):
            raise height
        return Measurement(at=at, last_block_height=height)

    async def logs(self, pipeline_id: PipelineId) -> tuple[PodLog, ...]:
        raise AssertionError(pipeline_id)

    async def destination_health(self, pipeline_id: PipelineId) -> DestinationHealth:
        raise AssertionError(pipeline_id)

    def measured(self, pipeline_id: PipelineId) -> Sequence[Measurement]:
        return self.recent.get(pipeline_id, ())


class Runs:
    """A bot that follows bounded runs."""

    def __init__(self, bot: Bot, details: Details) -> None:
        self.bot, self.details = bot, details
        self.runs = BoundedRuns(
            repository=bot.repository,
            details=details,
            recent=details.measured,
            are_loaded=lambda: details.are_loaded,
            confirm_intent=bot.recorder.confirm_intent,
            budget=bot.budget,
            clock=bot.clock,
            leadership=bot.leadership,
        )

    async def pass_time(self, seconds: int) -> None:
        for _ in range(seconds // 5):
            await self.bot.poll(5)
            await self.runs.follow()

    async def skip(self, seconds: int) -> None:
        """As `pass_time`, without the readings in between."""
        self.bot.clock.seconds += seconds
        await self.pass_time(20)

    async def watched(self, reference: str = ONE) -> None:
        await self.bot.watch(reference)
        await self.bot.catalogue.refresh()
        await self.pass_time(20)

    async def becomes(self, status: Status, pipeline_id: PipelineId = ONE) -> None:
        self.bot.api.statuses[pipeline_id] = status
        await self.pass_time(60)

    async def history(self, pipeline_id: PipelineId = ONE) -> list[Event]:
        history: History = await self.bot.store.history(pipeline_id)
        return [transition.event for transition in history.transitions]

    def end(self, pipeline_id: PipelineId = ONE) -> RunEnd | None:
        run = self.bot.repository.record(pipeline_id).state.run
        return run.end if run else None


@pytest.fixture
def details() -> Details:
    return Details()


async def test_a_run_at_its_end_has_finished(fake_redis: redis.asyncio.Redis, details: Details) -> None:
    async with running(fake_redis, *bounded(1)) as bot:
        runs = Runs(bot, details)
        await runs.watched()
        details.heights[ONE] = END
        await runs.becomes(STOPPED)
        assert runs.end() is RunEnd.FINISHED
        await runs.skip(7_200)
        assert await runs.history() == [Event.FINISHED, Event.STOPPED]
        assert details.requests == 1
        assert await bot.cards() == ["orders-1 pause"]


async def test_a_stop_without_a_judgement_is_announced_within_two_minutes(
    fake_redis: redis.asyncio.Redis, details: Details
) -> None:
    async with running(fake_redis, *bounded(1)) as bot:
        runs = Runs(bot, details)
        await runs.watched()
        details.heights[ONE] = Unavailable("away")
        bot.api.statuses[ONE] = STOPPED
        await runs.pass_time(40)
        assert await runs.history() == []
        assert await bot.cards() == []
        await runs.pass_time(80)
        assert await runs.history() == [Event.STOPPED]
        assert await bot.cards() == ["orders-1 pause"]


async def test_a_stop_without_a_judgement_outlives_the_bot(fake_redis: redis.asyncio.Redis, details: Details) -> None:
    clock, api = FakeClock(), FakeApi(*bounded(1))
    async with running(fake_redis, clock=clock, api=api) as bot:
        runs = Runs(bot, details)
        await runs.watched()
        details.heights[ONE], api.statuses[ONE] = Unavailable("away"), STOPPED
        await runs.pass_time(20)
        assert await runs.history() == []
    async with running(fake_redis, clock=clock, api=api) as bot:
        runs = Runs(bot, replace(details, are_loaded=False))
        await runs.pass_time(120)
        assert await runs.history() == [Event.STOPPED]
        assert await bot.cards() == ["orders-1 pause"]


async def test_a_run_before_its_end_has_failed(fake_redis: redis.asyncio.Redis, details: Details) -> None:
    async with running(fake_redis, *bounded(1)) as bot:
        runs = Runs(bot, details)
        await runs.watched()
        details.heights[ONE] = 1_200
        await runs.becomes(STOPPED)
        await runs.skip(7_200)
        assert runs.end() is RunEnd.SHORT
        assert await runs.history() == [Event.FAILED, Event.STOPPED]
        assert await bot.cards() == ["orders-1 failure"]
        await runs.becomes(LIVE)
        assert (await runs.history())[-1] is Event.RECOVERED
        assert runs.end() is None


async def test_a_person_pauses_one_that_stopped_short(fake_redis: redis.asyncio.Redis, details: Details) -> None:
    async with running(fake_redis, *bounded(1)) as bot:
        runs = Runs(bot, details)
        await runs.watched()
        details.heights[ONE] = 1_200
        await runs.becomes(STOPPED)
        bot.api.pipelines[ONE] = replace(bot.api.pipelines[ONE], intent=Intent.PAUSED)
        await bot.catalogue.refresh()
        await runs.pass_time(600)
        episode = bot.repository.record(ONE).episode
        assert episode
        assert not episode.open
        assert bot.repository.record(ONE).state.failed_since is None


async def test_a_stop_on_purpose_is_no_failure(fake_redis: redis.asyncio.Redis, details: Details) -> None:
    async with running(fake_redis, *bounded(1)) as bot:
        runs = Runs(bot, details)
        await runs.watched()
        details.heights[ONE] = 1_200
        bot.api.pipelines[ONE] = replace(bot.api.pipelines[ONE], intent=Intent.PAUSED)  # no listing shows it
        await runs.becomes(STOPPED)
        assert await runs.history() == [Event.STOPPED]
        bot.api.pipelines[ONE] = replace(bot.api.pipelines[ONE], intent=Intent.RUNNING)  # resumed, not deployed yet
        await bot.catalogue.refresh()
        await runs.pass_time(600)
        assert await runs.history() == [Event.STOPPED]


async def test_without_the_owners_wish_nothing_fails(fake_redis: redis.asyncio.Redis, details: Details) -> None:
    async with running(fake_redis, *bounded(1)) as bot:
        runs = Runs(bot, details)
        await runs.watched()
        details.heights[ONE], bot.api.refusal = 1_200, Unavailable("away")
        await runs.becomes(STOPPED)
        assert await runs.history() == [Event.STOPPED]
        bot.api.refusal = None
        await runs.pass_time(600)
        assert await runs.history() == [Event.STOPPED, Event.FAILED]


@pytest.mark.parametrize("error", [Unavailable("away"), Throttled("429", retry_after=5.0)])
async def test_metrics_that_come_late_decide(
    fake_redis: redis.asyncio.Redis, details: Details, error: ApiError
) -> None:
    async with running(fake_redis, *bounded(1)) as bot:
        runs = Runs(bot, details)
        await runs.watched()
        details.heights[ONE] = error
        await runs.becomes(STOPPED)
        assert runs.end() is None
        details.heights[ONE] = END
        await runs.pass_time(120)
        assert await runs.history() == [Event.STOPPED, Event.FINISHED]


async def test_the_attempts_are_few_and_end(fake_redis: redis.asyncio.Redis, details: Details) -> None:
    async with running(fake_redis, *bounded(1)) as bot:
        runs = Runs(bot, details)
        await runs.watched()
        details.heights[ONE] = Unavailable("away")
        await runs.becomes(STOPPED)
        assert details.requests == 2
        for minutes in (2, 10, 30, 60, 120, 139, 60, 24 * 60):
            await runs.skip(minutes * 60)
        assert details.requests == 8
        assert await runs.history() == [Event.STOPPED]


async def test_a_measurement_from_before_the_stop_decides_if_the_metrics_are_gone(
    fake_redis: redis.asyncio.Redis, details: Details
) -> None:
    async with running(fake_redis, *bounded(1)) as bot:
        runs = Runs(bot, details)
        await runs.watched()
        details.recent[ONE] = [Measurement(at=bot.clock.now(), last_block_height=END)]
        details.heights[ONE] = Unavailable("away")
        await runs.becomes(STOPPED)
        assert await runs.history() == [Event.FINISHED, Event.STOPPED]


async def test_a_new_leader_first_loads_the_measurements(fake_redis: redis.asyncio.Redis, details: Details) -> None:
    async with running(fake_redis, *bounded(1)) as bot:
        runs = Runs(bot, details)
        await runs.watched()
        details.heights[ONE], details.are_loaded = 1_200, False
        await runs.becomes(STOPPED)
        assert await runs.history() == [Event.STOPPED]
        details.are_loaded = True
        await runs.pass_time(10)
        assert await runs.history() == [Event.STOPPED, Event.FAILED]


async def test_a_restart_neither_loses_nor_repeats_the_judgement(
    fake_redis: redis.asyncio.Redis, details: Details
) -> None:
    clock, api = FakeClock(), FakeApi(*bounded(2))
    async with running(fake_redis, clock=clock, api=api) as bot:
        runs = Runs(bot, details)
        await runs.watched("orders-*")
        details.heights = {ONE: 1_200, TWO: Unavailable("away")}
        api.statuses[TWO] = STOPPED
        await runs.becomes(STOPPED)
    details.heights = {ONE: 1_200, TWO: END}
    async with running(fake_redis, clock=clock, api=api) as bot:
        runs = Runs(bot, details)
        await runs.pass_time(120)
        assert await runs.history(ONE) == [Event.FAILED, Event.STOPPED]
        assert await runs.history(TWO) == [Event.STOPPED, Event.FINISHED]


async def test_a_bot_that_lost_the_lead_before_the_answer_leaves_the_judgement_to_the_next(
    fake_redis: redis.asyncio.Redis, details: Details
) -> None:
    clock, api = FakeClock(), FakeApi(*bounded(1))
    async with running(fake_redis, clock=clock, api=api) as one, running(fake_redis, clock=clock, api=api) as two:
        first, second = Runs(one, details), Runs(two, details)
        await first.watched()
        details.heights[ONE], api.statuses[ONE] = 1_200, STOPPED
        await one.poll(300)
        details.gate = asyncio.Event()
        task = asyncio.create_task(first.runs.follow())
        await asyncio.sleep(0)
        await one.leadership.release()
        await two.repository.catch_up()
        await two.poll(20)
        assert two.leadership.is_leader
        details.gate.set()
        await task
        assert await first.history() == [Event.STOPPED]
        await second.pass_time(60)
        await one.repository.catch_up()
        await first.runs.follow()
        assert await second.history() == [Event.STOPPED, Event.FAILED]


async def test_a_judgement_waits_for_a_request_that_nobody_needs(
    fake_redis: redis.asyncio.Redis, details: Details
) -> None:
    async with running(fake_redis, *bounded(1)) as bot:
        runs = Runs(bot, details)
        await runs.watched()
        details.heights[ONE] = END
        bot.budget.hold(Route.METRICS, 90.0)
        await runs.becomes(STOPPED)
        assert details.requests == 0
        await runs.pass_time(60)
        assert await runs.history() == [Event.STOPPED, Event.FINISHED]


async def test_a_failure_that_stops_short_stays_one_failure(fake_redis: redis.asyncio.Redis, details: Details) -> None:
    async with running(fake_redis, *bounded(1)) as bot:
        runs = Runs(bot, details)
        await runs.watched()
        details.heights[ONE] = 1_200
        await runs.becomes(FAILED)
        await runs.becomes(STOPPED)
        assert await runs.history() == [Event.FAILED, Event.STOPPED]
        assert runs.end() is RunEnd.SHORT
        assert await bot.cards() == ["orders-1 failure"]


async def test_a_channel_that_waits_for_readings_hears_of_a_failure_that_stopped_short(
    fake_redis: redis.asyncio.Redis, details: Details
) -> None:
    async with running(fake_redis, *bounded(1)) as bot:
        await bot.store.add_watches([replace(a_watch(ONE), confirm=3)], an_announcement("watch"))
        await bot.repository.refresh_watches()
        await bot.catalogue.refresh()
        runs = Runs(bot, details)
        await runs.pass_time(20)
        details.heights[ONE] = 1_200
        bot.api.statuses[ONE] = FAILED
        while bot.repository.record(ONE).episode is None:
            await bot.poll(1)
        assert await bot.cards() == []
        await runs.becomes(STOPPED)
        assert runs.end() is RunEnd.SHORT
        assert await bot.cards() == ["orders-1 failure"]


async def test_each_measurement_shows_the_progress_once(fake_redis: redis.asyncio.Redis, details: Details) -> None:
    async with running(fake_redis, *bounded(1)) as bot:
        runs = Runs(bot, details)
        await runs.watched()
        recent: list[Measurement] = []
        details.recent[ONE] = recent
        for height in (1_000, 2_000, 3_000):
            recent.append(Measurement(at=bot.clock.now(), last_block_height=height))
            await runs.pass_time(300)
        run = bot.repository.record(ONE).state.run
        assert run
        assert (run.percent, run.seconds_left) == (50, 600.0)
        version = bot.repository.record(ONE).version
        await runs.pass_time(120)
        assert bot.repository.record(ONE).version == version
        assert await bot.cards() == []
        assert details.requests == 0


async def test_all_runs_that_were_measured_show_their_progress_at_once(
    fake_redis: redis.asyncio.Redis, details: Details
) -> None:
    known = bounded(30)
    async with running(fake_redis, *known) as bot:
        runs = Runs(bot, details)
        await bot.watch(*(one.id for one in known))
        await bot.catalogue.refresh()
        await bot.poll(20)
        for one in known:
            details.recent[one.id] = [Measurement(at=bot.clock.now(), last_block_height=2_000)]
        await runs.runs.follow()
        shown = [bot.repository.record(one.id).state.run for one in known]
        assert [run.percent if run else None for run in shown] == [25] * 30


async def test_a_new_deployment_does_not_show_the_progress_of_the_one_before(
    fake_redis: redis.asyncio.Redis, details: Details
) -> None:
    async with running(fake_redis, *bounded(1)) as bot:
        runs = Runs(bot, details)
        await runs.watched()
        details.recent[ONE] = [Measurement(at=bot.clock.now(), last_block_height=3_000)]
        await runs.becomes(FAILED)
        await runs.becomes(LIVE)
        assert bot.repository.record(ONE).state.run is None
        details.recent[ONE].append(Measurement(at=bot.clock.now(), last_block_height=1_400))
        await runs.pass_time(20)
        run = bot.repository.record(ONE).state.run
        assert run
        assert run.percent == 10
