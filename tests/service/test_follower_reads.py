"""A process that does not poll reads and lists through the leader, so that all processes share one budget."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import redis.asyncio

from bot.domain.answer import PipelineView
from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.monitoring import follower_reads
from bot.monitoring.catalogue import CatalogueSync
from bot.ports.leader import Leader, LeaderSilent, ReadReply
from bot.ports.pipeline_api import Status, Throttled
from bot.ports.status_reads import NOBODY_READS
from bot.ports.store_errors import StoreAway
from bot.requests.pipeline_views import NOT_SINCE, PipelineViews
from tests.builders import ALERTS, a_pipeline
from tests.fakes import FakeApi, FakeClock
from tests.service.test_poller import FAILED, LIVE, ONE, SILENT_LEADER, TWO, Bot, SilentLeader, pipelines, running

PAUSED = Status(phase=Phase.PAUSED)


@asynccontextmanager
async def two_bots(
    fake_redis: redis.asyncio.Redis, *known: Pipeline, rate: float = 100.0
) -> AsyncIterator[tuple[Bot, Bot]]:
    """The bot that leads, and one that does not: people ask the second one."""
    clock, api = FakeClock(), FakeApi(*known)
    async with running(fake_redis, clock=clock, api=api, rate=rate) as one:
        await one.catalogue.refresh()
        async with running(fake_redis, clock=clock, api=api, rate=rate, leader=one.local_leader) as two:
            assert not two.leadership.is_leader
            yield one, two


async def both_poll(one: Bot, two: Bot, seconds: float) -> None:
    for count in range(round(seconds / 0.25)):
        if count % 8 == 0:
            await one.heartbeat.beat()
            await two.heartbeat.beat()
        await one.scheduler.tick()
        await one.clock.pass_time(0.25)


def views_without_a_scheduler(bot: Bot) -> PipelineViews:
    """The answers of a process with the role slack alone."""
    return PipelineViews(
        repository=bot.repository, reads=bot.follower, unrecorded=bot.recorder.unrecorded, clock=bot.clock
    )


def known(views: PipelineViews, bot: Bot, *pipeline_ids: PipelineId) -> tuple[PipelineView, ...]:
    return views.known([bot.repository.pipeline(pipeline_id) for pipeline_id in pipeline_ids], ALERTS)


async def test_the_leader_reads_for_the_people_of_another_bot_and_tells_what_it_finds(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with two_bots(fake_redis, *pipelines(2)) as (one, two):
        await one.watch(ONE)
        await both_poll(one, two, 4)
        one.api.statuses[ONE] = FAILED
        one.api.statuses[TWO] = PAUSED
        one.clock.seconds += 3
        watched, other = (await two.requests.queries.status(ALERTS, [ONE, TWO])).views
        assert watched.state.phase == Phase.FAILED
        assert (watched.problem, other.problem) == (None, None)
        assert other.state.phase == Phase.PAUSED  # nobody watches it, so no record has it
        assert two.budget.figures().used == 0
        assert await one.cards() == ["orders-1 failure"]


async def test_both_bots_together_keep_the_budget(fake_redis: redis.asyncio.Redis) -> None:
    async with two_bots(fake_redis, *pipelines(40), rate=4.0) as (one, two):
        await one.watch(*(f"pipe_{number:04}" for number in range(1, 21)))
        await both_poll(one, two, 10)
        used, read = one.budget.figures().used, len(one.api.reads)
        people = [
            asyncio.create_task(bot.reads.read_now(PipelineId(f"pipe_{number:04}")))
            for number in range(21, 41)
            for bot in (one, two)
        ]
        await both_poll(one, two, 20)
        assert len(one.api.reads) - read <= 4.0 * 20 + 4
        assert one.budget.figures().used - used == len(one.api.reads) - read
        for person in people:
            person.cancel()


async def test_the_leader_reads_nothing_that_it_has_just_read(fake_redis: redis.asyncio.Redis) -> None:
    async with two_bots(fake_redis, *pipelines(1)) as (one, two):
        await one.watch(ONE)
        await both_poll(one, two, 30)
        before, read_at = len(one.api.reads), one.repository.record(ONE).state.observation
        assert read_at is not None
        assert await two.reads.read_now(ONE, older_than=60.0) is None
        assert len(one.api.reads) == before
        assert two.recorder.unrecorded[ONE].observation == read_at
        assert await two.reads.read_now(ONE) is None
        assert len(one.api.reads) == before + 1


async def test_a_new_pipeline_is_found_by_name_at_once(fake_redis: redis.asyncio.Redis) -> None:
    async with two_bots(fake_redis, *pipelines(1)) as (one, two):
        new = a_pipeline("payments", pipeline_id=PipelineId("pipe_new"))
        one.api.pipelines[new.id], one.api.statuses[new.id] = new, LIVE
        one.clock.seconds += 2
        (view,) = (await two.requests.queries.status(ALERTS, ["payments"])).views
        assert view.pipeline == new
        assert view.state.phase == Phase.RUNNING
        assert two.budget.figures().used == 0


async def test_a_wait_that_goldrush_asked_for_reaches_the_person(fake_redis: redis.asyncio.Redis) -> None:
    async with two_bots(fake_redis, *pipelines(1)) as (one, two):
        one.api.statuses[ONE] = Throttled("GoldRush allows no more requests now.", 60.0)
        assert await two.reads.read_now(ONE) is not None
        (view,) = (await two.requests.queries.status(ALERTS, [ONE])).views
        assert view.problem is not None
        assert view.wait_until == one.scheduler.waits_until() is not None
        one.clock.seconds += 61
        assert two.follower.waits_until() is None


async def test_unchanged_readings_of_the_leader_count(fake_redis: redis.asyncio.Redis) -> None:
    """The leader does not store them. Its heartbeats say since when it has read everything."""
    async with two_bots(fake_redis, *pipelines(2)) as (one, two):
        one.api.statuses[TWO] = PAUSED
        await one.watch(ONE, TWO)
        await both_poll(one, two, 300)
        before = len(one.api.reads)
        views = views_without_a_scheduler(two)
        running_one, paused = known(views, two, ONE, TWO)
        assert (running_one.problem, paused.problem) == (None, None)
        observation = running_one.state.observation
        assert observation is not None
        assert one.clock.now() - observation.observed_at < timedelta(seconds=15)
        assert await views.read([two.repository.pipeline(one_id) for one_id in (ONE, TWO)], older_than=60.0) == {}
        assert len(one.api.reads) == before


async def test_readings_that_grow_old_are_marked_and_say_that_nobody_reads(fake_redis: redis.asyncio.Redis) -> None:
    async with two_bots(fake_redis, *pipelines(2)) as (one, two):
        one.api.statuses[TWO] = PAUSED
        await one.watch(ONE, TWO)
        await both_poll(one, two, 60)
        views = views_without_a_scheduler(two)
        one.clock.seconds += 11  # the leader was killed
        assert views.outage == NOBODY_READS
        assert [view.problem for view in known(views, two, ONE, TWO)] == [None, None]  # still young enough
        one.clock.seconds += 60
        marked = known(views, two, ONE, TWO)
        assert [view.problem for view in marked] == [NOBODY_READS] * 2


async def test_a_leader_without_readers_keeps_its_lease_but_readings_grow_old(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with two_bots(fake_redis, *pipelines(1)) as (one, two):
        await one.watch(ONE)
        await both_poll(one, two, 20)
        for _ in range(45):  # it records heartbeats, and reads nothing
            await one.heartbeat.beat()
            await two.heartbeat.beat()
            await one.clock.pass_time(2)
        views = views_without_a_scheduler(two)
        assert views.outage is None
        (view,) = known(views, two, ONE)
        assert view.problem == NOT_SINCE
        assert f"I couldn't read it just now: {view.problem}".endswith("than it should be. I'm catching up.")


class FailingLeader(SilentLeader):
    async def read(self, pipeline_id: PipelineId, *, older_than: float) -> ReadReply:
        raise StoreAway("no answer")


async def test_a_process_without_a_scheduler_says_why_it_cannot_read(fake_redis: redis.asyncio.Redis) -> None:
    clock, api = FakeClock(), FakeApi(*pipelines(1))
    leaders: list[tuple[Leader, str]] = [
        (SILENT_LEADER, "no answer came in time. Try again in a minute."),
        (FailingLeader(), "I can't reach my database"),
    ]
    async with running(fake_redis, clock=clock, api=api) as one:
        for leader, problem in leaders:
            async with running(fake_redis, clock=clock, api=api, leader=leader) as two:
                assert await two.follower.read_now(ONE) == problem
        async with running(fake_redis, clock=clock, api=api) as two:
            clock.seconds += 11
            assert await two.follower.read_now(ONE) == NOBODY_READS
            assert (await two.follower.refresh()).problem == NOBODY_READS
        assert api.reads == []
        assert one.budget.figures().used == 0


async def test_a_bot_that_could_lead_reads_by_itself_while_nobody_does(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1), leader=SILENT_LEADER) as bot:
        await bot.leadership.release()
        assert await bot.reads.read_now(ONE) == "no answer came in time. Try again in a minute."
        bot.clock.seconds += 11
        assert await bot.reads.read_now(ONE) is None
        assert (await bot.reads.refresh()).problem is None
        assert bot.budget.figures().used == 2


async def test_a_leader_that_never_answers_delays_no_answer_for_long(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_reads, "UNSURE_SECONDS", 0.01)

    class HangingLeader(SilentLeader):
        async def read(self, pipeline_id: PipelineId, *, older_than: float) -> ReadReply:
            await asyncio.Event().wait()
            raise LeaderSilent

    async with running(fake_redis, *pipelines(1), leader=HangingLeader()) as bot:
        bot.clock.seconds += 11
        assert await bot.follower.read_now(ONE) == NOBODY_READS


async def test_a_follower_knows_from_the_heartbeat_that_the_first_listing_goes_on(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_bots(fake_redis, *pipelines(2)) as (one, two):
        await both_poll(one, two, 2)
        assert not two.reads.still_listing
        with monkeypatch.context() as patch:
            patch.setattr(CatalogueSync, "still_listing", True)
            await both_poll(one, two, 4)
        assert two.follower.still_listing
        assert two.reads.still_listing
        await both_poll(one, two, 4)
        assert not two.reads.still_listing
