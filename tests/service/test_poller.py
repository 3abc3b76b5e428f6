"""Monitoring and requests over an in-memory GoldRush, an in-memory store and a fake clock."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from bot.coordination.heartbeat import Heartbeat
from bot.coordination.leadership import Leadership
from bot.delivery.doubt import Doubt
from bot.domain.answer import AcknowledgeFate, RefusalAnswer, UnmatchedAnswer, WatchAnswer
from bot.domain.cadence import Cadence
from bot.domain.card import SyncCard
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Message, Priority, ReceiverKind, in_slack
from bot.domain.episode import EpisodeKind, EpisodeOutcome
from bot.domain.notice import Notice, NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.subscription import Wish
from bot.domain.transition import Event, Reach
from bot.domain.watch import API_PIPELINE_ID, ChannelId, SuspendReason, Target, TargetKind, TeamId
from bot.monitoring.budget import Budget
from bot.monitoring.catalogue import CatalogueSync
from bot.monitoring.configurations import Configurations
from bot.monitoring.diagnoses import Diagnoses
from bot.monitoring.follower_reads import FollowerReads
from bot.monitoring.known_errors import KnownErrors
from bot.monitoring.leader_or_follower_reads import LeaderOrFollowerReads
from bot.monitoring.local_leader import LocalLeader
from bot.monitoring.monitoring import Monitoring
from bot.monitoring.peoples_logs import SharedLogs
from bot.monitoring.recorder import Recorder
from bot.monitoring.scheduler import TICK_SECONDS, Scheduler
from bot.ports.catalogue import ListingOutcome
from bot.ports.conversations import Memberships
from bot.ports.details_reads import LogAnswer
from bot.ports.leader import Leader, LeaderSilent, ReadReply
from bot.ports.lease_store import READER
from bot.ports.pipeline_api import (
    ApiError,
    Forbidden,
    ListingPage,
    Malformed,
    NotFound,
    Status,
    Throttled,
    Unauthorized,
    Unavailable,
)
from bot.ports.reads import Readers
from bot.requests.references import ResolvedReferences
from bot.requests.services import RequestPorts, RequestServices
from bot.requests.subscriptions import Subscriptions
from bot.state.repository import Repository
from tests.builders import ALERTS, ANN, TEAM, a_message, a_pipeline, a_watch, at
from tests.contract.test_store import an_announcement
from tests.fake_details import FakeDetails, at_once
from tests.fake_schedules import FakeFeed, FakeGroups, FakePeople
from tests.fakes import NO_MEMBERSHIPS, FakeApi, FakeCanvases, FakeChat, FakeClock, settle
from tests.stores import WholeStore

OTHER = ChannelId("C0OTHER")
OPERATOR = ChannelId("C0OPS")
ANN_DIRECT = ChannelId("D0ANN")
LIVE = Status(phase=Phase.RUNNING, replicas=1, ready=1)
FAILED = Status(phase=Phase.FAILED, replicas=1, ready=0)


def pipelines(count: int) -> list[Pipeline]:
    return [a_pipeline(f"orders-{n}", pipeline_id=PipelineId(f"pipe_{n:04}")) for n in range(1, count + 1)]


ONE = PipelineId("pipe_0001")
TWO = PipelineId("pipe_0002")


@dataclass
class Bot:
    api: FakeApi
    store: WholeStore
    repository: Repository
    scheduler: Scheduler
    recorder: Recorder
    heartbeat: Heartbeat
    leadership: Leadership
    requests: RequestServices
    reads: LeaderOrFollowerReads
    follower: FollowerReads
    local_leader: LocalLeader
    catalogue: CatalogueSync
    clock: FakeClock
    budget: Budget
    doubt: Doubt
    feed: FakeFeed
    people: FakePeople
    groups: FakeGroups
    configurations: Configurations
    canvases: FakeCanvases
    details: FakeDetails
    diagnoses: Diagnoses
    logs: SharedLogs

    async def watch(
        self,
        *references: str,
        channel: ChannelId = ALERTS,
        targets: tuple[Target, ...] = (),
        events: frozenset[Event] | None = None,
    ) -> None:
        watches = [a_watch(reference, channel=channel, targets=targets, events=events) for reference in references]
        notice = Notice(kind=NoticeKind.WATCHING, at=at(0), by=ANN, watches=tuple(watches))
        key = "|".join((channel, *references))
        await self.store.add_watches(
            watches,
            Message(id=key, receiver=in_slack(TEAM, channel), priority=Priority.UPDATE, body=notice, made_at=at(0)),
        )
        await self.repository.refresh_watches()

    async def poll(self, seconds: float) -> None:
        for count in range(round(seconds / TICK_SECONDS)):
            if count % 8 == 0:
                await self.heartbeat.beat()
            await self.scheduler.tick()
            if count % 2 == 0:
                await self.diagnoses.serve()
            await self.clock.pass_time(TICK_SECONDS)

    async def cards(self, channel: ChannelId = ALERTS) -> list[str]:
        """Returns the kind and phase of every card in the channel's outbox."""
        rows = await self.store.owed(channel)
        keys = [row.body.card_key for row in rows if isinstance(row.body, SyncCard)]
        cards = await self.store.cards(keys)
        return [f"{cards[key].content.pipeline.name} {cards[key].content.episode.kind}" for key in keys]


class SilentLeader:
    """Answers no call."""

    async def read(self, pipeline_id: PipelineId, *, older_than: float) -> ReadReply:
        raise LeaderSilent

    async def list_pipelines(self, *, older_than: float) -> ListingOutcome:
        raise LeaderSilent

    async def logs(self, pipeline_id: PipelineId) -> LogAnswer:
        raise LeaderSilent


SILENT_LEADER = SilentLeader()
DEFAULT_CADENCE = Cadence()


@asynccontextmanager
async def running(
    fake_redis: redis.asyncio.Redis,
    *known: Pipeline,
    rate: float = 100.0,
    clock: FakeClock | None = None,
    operator: ChannelId | None = None,
    fallback: ChannelId | None = None,
    api: FakeApi | None = None,
    memberships: Memberships = NO_MEMBERSHIPS,
    team: TeamId = TEAM,
    readers: Readers | None = None,
    leader: Leader = SILENT_LEADER,
    cadence: Cadence = DEFAULT_CADENCE,
    pagers: Mapping[str, ReceiverKind] | None = None,
    details: FakeDetails | None = None,
) -> AsyncIterator[Bot]:
    """`leader`: the bot that leads, if this one does not. With `details`, it diagnoses failures."""
    clock = clock or FakeClock()
    diagnoses = details is not None
    api, details = api or FakeApi(*known), details or FakeDetails()
    store = WholeStore(fake_redis, team, clock)
    repository = Repository(store, asyncio.Event(), fallback, operator, pagers)
    await repository.load()
    budget, leadership, doubt = Budget(rate, clock), Leadership(store, clock), Doubt(clock)
    configurations = Configurations(store=store, repository=repository, clock=clock, leadership=leadership)
    details.configurations = api.configurations
    known_errors = KnownErrors(repository=repository, store=store, history=store, clock=clock)
    monitoring = Monitoring(
        api=api,
        details=details,
        in_thread=at_once,
        repository=repository,
        budget=budget,
        clock=clock,
        cadence=cadence,
        leadership=leadership,
        slots=20,
        operator=operator,
        readers=readers,
        configurations=configurations,
        add_facts=(known_errors.add_seen_before,),
    )
    # The loop times the slices of a tick, and no fake clock moves it: they would run at random moments of the story.
    monitoring.scheduler._start_slice = lambda until: None  # type: ignore[method-assign]
    heartbeat = Heartbeat.build(
        repository=repository,
        store=store,
        outbox=store,
        polling=monitoring.scheduler,
        leadership=leadership,
        clock=clock,
        doubt=doubt,
        memberships=memberships,
        blind_after=timedelta(minutes=5),
        operator=operator,
        is_listing=lambda: monitoring.catalogue.still_listing,
    )
    await heartbeat.beat()
    follower = FollowerReads(
        leader=leader,
        repository=repository,
        unrecorded=monitoring.recorder.unrecorded,
        budget=budget,
        cadence=cadence,
        clock=clock,
        heartbeat=heartbeat,
    )
    reads = monitoring.reads(follower)
    feed, people, groups, canvases = FakeFeed(), FakePeople(), FakeGroups(), FakeCanvases()
    logs = SharedLogs(own=monitoring.logs, follower=follower, leadership=leadership, clock=clock)
    requests = RequestPorts(
        repository=repository,
        store=store,
        reads=reads,
        unrecorded=monitoring.recorder.unrecorded,
        catalogue=reads,
        clock=clock,
        conversations=FakeChat(),
        log_reads=logs,
        feed=feed,
        people=people,
        groups=groups,
        canvases=canvases,
    ).services()
    stopped = asyncio.Event()
    task = asyncio.create_task(monitoring.scheduler.run(stopped))
    diagnosing = asyncio.create_task(monitoring.diagnoses.run(stopped)) if diagnoses else None
    await settle()
    yield Bot(
        api,
        store,
        repository,
        monitoring.scheduler,
        monitoring.recorder,
        heartbeat,
        leadership,
        requests,
        reads,
        follower,
        monitoring.local_leader,
        monitoring.catalogue,
        clock,
        budget,
        doubt,
        feed,
        people,
        groups,
        configurations,
        canvases,
        details,
        monitoring.diagnoses,
        logs,
    )
    stopped.set()
    while not task.done():
        await clock.pass_time(1)
    await task
    if diagnosing:
        await diagnosing
    await leadership.release()


async def test_each_phase_has_its_cadence_and_each_pipeline_one_read_for_all_watches(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(4)) as bot:
        for n, phase in ((1, Phase.RUNNING), (2, Phase.DEPLOYING), (3, Phase.PAUSED)):
            bot.api.statuses[PipelineId(f"pipe_{n:04}")] = Status(phase=phase, replicas=1, ready=1)
        bot.api.statuses[PipelineId("pipe_0004")] = Status(phase=Phase.RUNNING, replicas=2, ready=1)
        for channel in (ALERTS, OTHER):
            await bot.watch(*(f"pipe_{n:04}" for n in range(1, 5)), channel=channel)
        await bot.poll(121)
    reads = Counter(bot.api.reads)
    assert reads[ONE] in {22, 23, 24, 25}  # 5 s, since the budget allows it
    assert reads[TWO] in {38, 39, 40, 41, 42}  # 3 s
    assert reads[PipelineId("pipe_0003")] in {22, 23, 24, 25}  # at rest: the budget is free
    assert reads[PipelineId("pipe_0004")] in {38, 39, 40, 41, 42}  # degraded: 3 s


async def test_the_budget_is_spent_evenly_and_the_interval_is_even(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(30), rate=4.0) as bot:
        await bot.watch("orders-*")
        await bot.catalogue.refresh()
        await bot.poll(60)
        at_once, before = [], Counter(bot.api.reads)
        for _ in range(300):
            reads = len(bot.api.reads)
            await bot.poll(TICK_SECONDS)
            at_once.append(len(bot.api.reads) - reads)
        fresh = Counter(bot.api.reads) - before
    assert sum(at_once) == pytest.approx(300, abs=6)  # 4 a second
    assert max(at_once) <= 2
    assert set(fresh.values()) <= {9, 10, 11}


async def test_a_fresh_failure_is_reported_and_polled_closely(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await bot.watch(ONE)
        await bot.poll(31)
        bot.api.statuses[ONE] = FAILED
        await bot.poll(16)
        before = len(bot.api.reads)
        await bot.poll(30)
        assert await bot.cards() == ["pipe_0001 failure"]
        assert len(bot.api.reads) - before >= 9
        assert bot.repository.record(ONE).state.phase == Phase.FAILED


async def test_each_pipeline_has_one_read_at_a_time_and_a_slow_one_delays_no_other(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(3)) as bot:
        await bot.watch("orders-*")
        await bot.catalogue.refresh()
        stuck = asyncio.Event()
        bot.api.gate = lambda pipeline_id: stuck if pipeline_id == ONE else None
        await bot.poll(60)
        reads = Counter(bot.api.reads)
        assert reads[ONE] == 1
        assert reads[TWO] >= 4
        person = asyncio.create_task(bot.scheduler.read_now(ONE))
        await settle()
        assert Counter(bot.api.reads)[ONE] == 1  # joined
        stuck.set()
        await settle()
        assert await person is None


async def test_a_read_delayed_by_longer_periods_is_due_once_they_shorten(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(4), rate=0.5) as bot:
        others = [PipelineId(f"pipe_{n:04}") for n in range(2, 5)]
        bot.api.statuses[ONE] = Status(phase=Phase.PAUSED, replicas=1, ready=1)
        bot.api.statuses |= dict.fromkeys(others, Status(phase=Phase.DEPLOYING, replicas=1, ready=0))
        await bot.watch(ONE, *others)
        while bot.api.reads.count(ONE) < 3:
            await bot.poll(1)
        bot.api.statuses |= dict.fromkeys(others, LIVE)
        await bot.poll(60)  # promised after 60 s, and the reads of the others take turns with it
        assert bot.api.reads.count(ONE) >= 4


async def test_the_budget_is_kept_and_equal_pipelines_are_read_equally_often(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(120), rate=4.0) as bot:
        await bot.watch("orders-*")
        await bot.catalogue.refresh()
        await bot.poll(120)
        assert len(bot.api.reads) <= 4 * 120 + 4
        before = Counter(bot.api.reads)
        await bot.poll(120)
        fresh = Counter(bot.api.reads) - before
    assert {fresh[PipelineId(f"pipe_{n:04}")] for n in range(1, 121)} <= {3, 4}


async def test_people_get_answers_while_polling_uses_up_the_budget(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(200), rate=4.0) as bot:
        await bot.watch("orders-*")
        await bot.catalogue.refresh()
        await bot.poll(30)
        query = asyncio.create_task(bot.requests.queries.status(ALERTS, ["orders-150"]))
        await bot.poll(1)
        answer = await query
    assert answer.views[0].problem is None
    assert answer.views[0].state.observation is not None


async def test_a_429_is_obeyed_and_shrinks_the_budget(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await bot.watch("orders-*")
        await bot.catalogue.refresh()
        await bot.poll(20)
        bot.api.statuses[ONE] = Throttled("slow down", retry_after=30.0)
        await bot.poll(6)
        assert bot.budget.rate < 100
        bot.api.statuses[ONE] = LIVE
        before = len(bot.api.reads)
        await bot.poll(20)
        assert len(bot.api.reads) == before
        await bot.poll(40)
        assert len(bot.api.reads) > before
        assert bot.repository.record(ONE).state.failed_reads == 0  # a 429 says nothing about the pipeline


@pytest.mark.parametrize("error", [Unavailable("no answer"), Malformed("not JSON"), Forbidden("no access")])
async def test_one_broken_pipeline_is_unreachable_after_three_reads_and_back_after_one(
    fake_redis: redis.asyncio.Redis, error: ApiError
) -> None:
    async with running(fake_redis, *pipelines(3)) as bot:
        await bot.watch("orders-*")
        await bot.catalogue.refresh()
        await bot.poll(20)
        bot.api.statuses[ONE] = error
        await bot.poll(60)
        assert bot.repository.record(ONE).state.reach is Reach.UNREACHABLE
        assert await bot.cards() == ["orders-1 blind"]
        bot.api.statuses[ONE] = LIVE
        await bot.poll(20)
        assert bot.repository.record(ONE).state.reach is Reach.REACHABLE


async def test_an_api_outage_is_one_notice_per_channel_closed_on_recovery(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(20)) as bot:
        await bot.watch("orders-*")
        await bot.watch("orders-1*", channel=OTHER)
        await bot.catalogue.refresh()
        await bot.poll(30)
        for pipeline_id in list(bot.api.statuses):
            bot.api.statuses[pipeline_id] = Unavailable("GoldRush didn't answer within 5 s.")
        await bot.poll(90)
        assert await bot.cards() == ["GoldRush API blind"]
        assert await bot.cards(OTHER) == ["GoldRush API blind"]
        before = len(bot.api.reads)
        await bot.poll(60)
        assert len(bot.api.reads) - before <= 6  # the bot reads rarely while the API is away
        for pipeline_id in list(bot.api.statuses):
            bot.api.statuses[pipeline_id] = LIVE
        bot.api.statuses[TWO] = FAILED
        await bot.poll(60)
        outage = bot.repository.record(API_PIPELINE_ID).episode
        assert outage is not None
        assert not outage.open
        assert sorted(await bot.cards()) == ["GoldRush API blind", "orders-2 failure"]


@pytest.mark.parametrize("operator", [OPERATOR, ALERTS, None])
async def test_somebody_hears_of_an_outage_though_no_watch_asks_for_unreachable(
    fake_redis: redis.asyncio.Redis, operator: ChannelId | None
) -> None:
    async with running(fake_redis, *pipelines(5), operator=operator) as bot:
        await bot.watch("orders-*", events=frozenset({Event.FAILED}))
        await bot.catalogue.refresh()
        await bot.poll(30)
        for answer in (Unavailable("GoldRush didn't answer within 5 s."), LIVE):
            bot.api.statuses |= dict.fromkeys(bot.api.statuses, answer)
            await bot.poll(90)
        hears = operator or ALERTS
        assert await bot.cards(hears) == ["GoldRush API blind"]
        announced = hears == ALERTS  # the watch
        assert len(await bot.store.owed(hears)) == 2 + announced  # the card, and the reply with its end
        if hears != ALERTS:
            assert await bot.cards() == []


async def test_an_outage_with_good_moments_is_one_notice(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(4)) as bot:
        await bot.watch("orders-*")
        await bot.catalogue.refresh()
        await bot.poll(30)
        for _ in range(4):
            bot.api.statuses |= dict.fromkeys(bot.api.statuses, Unavailable("GoldRush didn't answer within 5 s."))
            await bot.poll(40)
            assert bot.scheduler.outage is not None
            bot.api.statuses |= dict.fromkeys(bot.api.statuses, LIVE)
            await bot.poll(20)
            assert bot.scheduler.outage is None
        outage = bot.repository.record(API_PIPELINE_ID).episode
        assert outage is not None
        assert outage.open
        assert await bot.cards() == ["GoldRush API blind"]
        await bot.poll(20)
        outage = bot.repository.record(API_PIPELINE_ID).episode
        assert outage is not None
        assert not outage.open
        assert len(outage.timeline) == 2


@pytest.mark.parametrize("error", [RuntimeError("boom"), ValueError("hush"), KeyError("data"), OSError(24, "too many")])
async def test_any_error_inside_a_read_is_reported_as_an_outage_and_logged_once(
    fake_redis: redis.asyncio.Redis, error: Exception
) -> None:
    with capture_logs() as lines:
        async with running(fake_redis, *pipelines(5)) as bot:
            await bot.watch("orders-*")
            await bot.catalogue.refresh()
            for pipeline_id in list(bot.api.statuses):
                bot.api.statuses[pipeline_id] = error
            await bot.poll(60)
            assert await bot.cards() == ["GoldRush API blind"]
            for pipeline_id in list(bot.api.statuses):
                bot.api.statuses[pipeline_id] = LIVE
            await bot.poll(60)
            outage = bot.repository.record(API_PIPELINE_ID).episode
            assert outage is not None
            assert not outage.open
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["read_crashed"]


async def test_a_rejected_key_is_one_notice_to_the_operator(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(5), operator=OPERATOR) as bot:
        await bot.watch("orders-*")
        await bot.catalogue.refresh()
        await bot.poll(30)
        for pipeline_id in list(bot.api.statuses):
            bot.api.statuses[pipeline_id] = Unauthorized("the ServiceKey is wrong.")
        await bot.poll(200)
        assert await bot.cards(OPERATOR) == ["GoldRush API blind"]
        assert await bot.cards() == []
        assert bot.repository.record(ONE).state.phase == Phase.RUNNING  # held
        for pipeline_id in list(bot.api.statuses):
            bot.api.statuses[pipeline_id] = LIVE
        await bot.poll(90)
        outage = bot.repository.record(API_PIPELINE_ID).episode
        assert outage is not None
        assert [*outage.cards.values()] == [OPERATOR]
        assert not outage.open
        assert await bot.cards() == []  # only channels that got the beginning get the end
        assert len(await bot.store.owed(OPERATOR)) == 2  # the card, and the reply with its end


async def test_a_deleted_pipeline_is_reported_once_and_read_again_when_listed(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await bot.watch(ONE, TWO)
        await bot.catalogue.refresh()
        await bot.poll(20)
        deleted = bot.api.pipelines.pop(ONE)
        bot.api.statuses[ONE] = NotFound("no such pipeline")
        await bot.poll(60)
        assert bot.repository.record(ONE).state.reach is Reach.GONE
        before = Counter(bot.api.reads)[ONE]
        await bot.poll(120)
        await bot.catalogue.refresh()
        assert Counter(bot.api.reads)[ONE] == before
        bot.api.pipelines[ONE] = deleted
        bot.api.statuses[ONE] = LIVE
        await bot.catalogue.refresh()
        await bot.poll(20)
        assert bot.repository.record(ONE).state.reach is Reach.REACHABLE
        assert len(await bot.store.owed(ALERTS)) <= 4


async def test_changes_during_downtime_are_reported_once(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await bot.watch(ONE)
        await bot.poll(20)
    bot.api.statuses[ONE] = FAILED
    async with running(fake_redis, clock=bot.clock, api=bot.api) as again:
        await again.poll(40)
        assert await again.cards() == ["pipe_0001 failure"]
    async with running(fake_redis, clock=bot.clock, api=bot.api) as third:
        await third.poll(40)
        assert await third.cards() == ["pipe_0001 failure"]


def doubt_of_the_failure(bot: Bot, pipeline_id: PipelineId = ONE) -> float:
    """Returns the seconds between the failure's reading and the previous one, if known."""
    episode = bot.repository.record(pipeline_id).episode
    assert episode is not None
    line = next(line for line in episode.timeline if Event.FAILED in line.events)
    assert line.after is not None
    return (line.at - line.after).total_seconds()


async def test_a_bot_that_stood_still_knows_its_last_read(fake_redis: redis.asyncio.Redis) -> None:
    """Restarts the leadership from the store, which does not keep unchanged readings."""
    async with running(fake_redis, *pipelines(2)) as bot:
        bot.api.statuses[TWO] = replace(LIVE, phase=Phase.PAUSED)
        await bot.watch(ONE, TWO)
        await bot.poll(600)
        bot.api.statuses |= dict.fromkeys((ONE, TWO), FAILED)
        bot.clock.seconds += 40
        await bot.poll(80)
        assert 40 <= doubt_of_the_failure(bot) <= 40 + 20
        assert 40 <= doubt_of_the_failure(bot, TWO) <= 40 + 80


async def test_a_bot_whose_plan_was_refused_knows_its_last_read(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await bot.watch(ONE)
        await bot.poll(600)
        slow = asyncio.Event()
        bot.api.gate = lambda _: slow
        bot.api.statuses[ONE] = FAILED
        await bot.poll(16)
        await bot.store.add_watches([a_watch(TWO, channel=OTHER)], a_message())
        slow.set()
        await settle()
        assert doubt_of_the_failure(bot) <= 32


async def test_a_restarted_bot_knows_its_predecessors_last_read(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        bot.api.statuses[TWO] = replace(LIVE, phase=Phase.PAUSED)
        await bot.watch(ONE, TWO)
        await bot.poll(600)
    bot.api.statuses |= dict.fromkeys((ONE, TWO), FAILED)
    bot.clock.seconds += 40
    async with running(fake_redis, clock=bot.clock, api=bot.api) as again:
        await again.poll(80)
        assert 40 <= doubt_of_the_failure(again) <= 40 + 20
        assert (
            doubt_of_the_failure(again, TWO) >= 600
        )  # the bot rarely reads a pipeline at rest, so it claims nothing about it


async def test_a_heartbeat_without_successful_reads_claims_none(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await bot.watch(ONE, TWO)
        await bot.poll(600)
        bot.api.statuses |= dict.fromkeys((ONE, TWO), Unavailable("GoldRush didn't answer within 5 s."))
        await bot.poll(200)
    bot.api.statuses |= {ONE: FAILED, TWO: LIVE}
    async with running(fake_redis, clock=bot.clock, api=bot.api) as again:
        await again.poll(80)
        assert 200 <= doubt_of_the_failure(again) <= 300


async def test_a_pipeline_watched_later_claims_no_earlier_read(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await bot.watch(ONE, TWO)
        await bot.poll(20)
        await bot.store.remove_watches([a_watch(ONE).id], a_message())  # by a bot that died before it cleaned up
        await bot.poll(600)
    late = replace(a_watch(ONE), made_at=bot.clock.now())
    await bot.store.add_watches([late], a_message())
    bot.api.statuses[ONE] = FAILED
    async with running(fake_redis, clock=bot.clock, api=bot.api) as again:
        await again.poll(20)
        assert doubt_of_the_failure(again) >= 600


async def test_the_bot_asks_for_the_intent_behind_a_stop(fake_redis: redis.asyncio.Redis) -> None:
    pipeline = Pipeline(id=ONE, name="backfill", bounded=True)
    async with running(fake_redis, pipeline) as bot:
        await bot.watch(ONE)
        await bot.poll(20)
        bot.api.statuses[ONE] = Status(phase=Phase.STOPPED, replicas=0, ready=0)
        await bot.poll(20)
        observation = bot.repository.record(ONE).state.observation
        assert observation is not None
        assert observation.bounded


# --- what people ask for ---------------------------------------------------------------------------------------------


async def subscribe(
    subscriptions: Subscriptions, channel: ChannelId, references: Sequence[str], wish: Wish, *, confirmed: bool = False
) -> WatchAnswer | UnmatchedAnswer | RefusalAnswer:
    prepared = await subscriptions.prepare(channel, references, confirmed=confirmed)
    return await subscriptions.watch(channel, prepared, wish) if isinstance(prepared, ResolvedReferences) else prepared


async def watch(
    bot: Bot, *references: str, channel: ChannelId = ALERTS, targets: tuple[Target, ...] = ()
) -> WatchAnswer:
    task = asyncio.create_task(
        subscribe(bot.requests.subscriptions, channel, references, Wish(targets=targets, by=ANN))
    )
    await bot.poll(10)
    answer = await task
    assert isinstance(answer, WatchAnswer)
    return answer


async def test_a_new_watch_shows_the_state_and_opens_existing_failures(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(3)) as bot:
        bot.api.statuses[TWO] = FAILED
        await watch(bot, "ORDERS-1", channel=OTHER)
        page = Target(kind=TargetKind.USER, id=ANN, direct=ChannelId("D0ANN"))
        answer = await watch(bot, "orders-1", "pipe_0002", targets=(page,))
        assert [watch.reference for watch in answer.added] == [ONE, TWO]
        assert [view.state.phase for view in answer.matched] == [Phase.RUNNING, Phase.FAILED]
        assert await bot.cards() == ["orders-2 failure"]
        assert await bot.cards(ChannelId("D0ANN")) == ["orders-2 failure"]
        await watch(bot, "orders-2", channel=OTHER)
        assert await bot.cards(OTHER) == ["orders-2 failure"]
        await bot.store.suspend_now(ALERTS, SuspendReason.RESTRICTED)
        await bot.repository.catch_up()
        assert (await watch(bot, "nosuch")).added == ()
        assert ALERTS in (await bot.store.watches()).suspended  # no new watch begins there
        same = await watch(bot, "orders-1", targets=(page,))
        assert same.added == ()
        assert len(same.unchanged) == 1
        assert (await bot.store.watches()).suspended == {}


async def test_unwatching_clears_the_state_and_a_new_watch_starts_fresh(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2)) as bot:
        await watch(bot, "orders-*")
        answer = await bot.requests.subscriptions.unwatch(ALERTS, ["orders-1"], ANN)
        assert answer.removed == ()
        assert [watch.reference for watch in answer.still_covered_by] == ["orders-*"]
        unwatched = await bot.requests.subscriptions.unwatch(ALERTS, None, ANN)
        assert [watch.reference for watch in unwatched.removed] == ["orders-*"]
        assert bot.repository.watched == frozenset()
        before = len(bot.api.reads)
        bot.api.statuses[ONE] = Status(phase=Phase.PAUSED)
        await bot.poll(60)
        assert len(bot.api.reads) == before
        await watch(bot, "orders-1")
        assert await bot.cards() == []  # the pipeline was paused before; it did not change


async def test_a_pattern_covers_later_pipelines(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-*")
        newcomer = a_pipeline("orders-new", pipeline_id=PipelineId("pipe_9999"))
        bot.api.pipelines[newcomer.id] = newcomer
        bot.api.statuses[newcomer.id] = FAILED
        await bot.catalogue.refresh()
        await bot.poll(5)
        assert await bot.cards() == ["orders-new failure"]


async def test_browsing_reads_only_the_shown_page_and_stores_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(9)) as bot:
        answer = await bot.requests.queries.browse(ALERTS, "orders shop", 0, 4)
        assert len(answer.views) == 9
        assert [view.state.observation is not None for view in answer.views] == [True] * 4 + [False] * 5
        assert await bot.store.records() == {}
        assert (await bot.requests.queries.browse(ALERTS, "nothing like it", 0, 4)).views == ()


async def test_a_failure_is_acknowledged_once_and_only_on_its_own_card(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        bot.api.statuses[ONE] = FAILED
        await watch(bot, "orders-1")
        episode = bot.repository.record(ONE).episode
        assert episode is not None
        assert episode.kind is EpisodeKind.FAILURE
        key = episode.key(TEAM, ALERTS)
        assert (
            await bot.requests.acknowledgements.acknowledge(ALERTS, ONE, "another card", ANN)
        ).fate is AcknowledgeFate.UNKNOWN
        first = await bot.requests.acknowledgements.acknowledge(ALERTS, ONE, key, ANN)
        assert (first.fate, first.by) == (AcknowledgeFate.ACKNOWLEDGED, ANN)
        second = await bot.requests.acknowledgements.acknowledge(ALERTS, ONE, key, ANN)
        assert (second.fate, second.by) == (AcknowledgeFate.ALREADY_ACKNOWLEDGED, ANN)


async def test_the_end_of_the_last_watch_redraws_the_open_cards(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        ann = Target(kind=TargetKind.USER, id=ANN, direct=ANN_DIRECT)
        bot.api.statuses[ONE] = FAILED
        await watch(bot, "orders-1", targets=(ann,))
        await bot.watch(ONE, channel=OTHER)
        await bot.poll(2)
        episode = bot.repository.record(ONE).episode
        assert episode is not None
        keys = [episode.key(TEAM, channel) for channel in (ALERTS, ANN_DIRECT)]
        await bot.requests.subscriptions.unwatch(ALERTS, ["orders-1"], ANN)
        other = episode.key(TEAM, OTHER)
        assert {await outcome(bot, key) for key in keys} == {EpisodeOutcome.UNWATCHED}
        assert await outcome(bot, other) is None  # one watch remains, so polling continues
        now = bot.repository.record(ONE).episode
        assert now is not None
        assert set(now.cards) == {other}
        await bot.requests.subscriptions.unwatch(OTHER, None, ANN)
        assert {await outcome(bot, key) for key in (*keys, other)} == {EpisodeOutcome.UNWATCHED}
        assert (
            await bot.requests.acknowledgements.acknowledge(ANN_DIRECT, ONE, keys[1], ANN)
        ).fate is AcknowledgeFate.UNWATCHED


async def test_a_suspended_channel_still_counts_as_watching(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1), fallback=OPERATOR) as bot:
        bot.api.statuses[ONE] = FAILED
        await bot.watch(ONE, "orders-*")
        await bot.watch(ONE, channel=OTHER)
        await bot.catalogue.refresh()
        await bot.poll(2)
        await bot.store.suspend(ALERTS, SuspendReason.ARCHIVED, [], bot.repository.watches.in_channel(ALERTS))
        await bot.repository.refresh_watches()
        await bot.requests.subscriptions.unwatch(ALERTS, [ONE], ANN)
        episode = bot.repository.record(ONE).episode
        assert episode is not None
        assert await outcome(bot, episode.key(TEAM, ALERTS)) is None


@pytest.mark.parametrize("cut_short", [False, True])
async def test_the_last_card_of_an_unlisted_pipeline_keeps_its_name(
    fake_redis: redis.asyncio.Redis, *, cut_short: bool
) -> None:
    async with running(fake_redis) as bot:
        named = replace(a_watch(ONE), label="orders-eu")
        bot.api.statuses[ONE] = FAILED
        await bot.store.add_watches([named], an_announcement())
        await bot.poll(20)
        episode = bot.repository.record(ONE).episode
        assert episode is not None
        (key,) = episode.cards
        if cut_short:  # the bot died while it ended the watch; the card's button discovers that
            await bot.store.remove_watches([named.id], an_announcement("bye"))
            await bot.poll(5)
            await bot.requests.acknowledgements.acknowledge(ALERTS, ONE, key, ANN)
        else:
            await bot.requests.subscriptions.unwatch(ALERTS, None, ANN)
        card = (await bot.store.cards([key]))[key].content
        assert (card.pipeline.name, card.episode.outcome) == ("orders-eu", EpisodeOutcome.UNWATCHED)


async def outcome(bot: Bot, key: str) -> EpisodeOutcome | None:
    return (await bot.store.cards([key]))[key].content.episode.outcome


async def test_the_next_request_cleans_up_a_watch_whose_removal_crashed(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        bot.api.statuses[ONE] = FAILED
        await watch(bot, "orders-1")
        episode = bot.repository.record(ONE).episode
        assert episode is not None
        key = episode.key(TEAM, ALERTS)
        watch_ids = [watch.id for watch in bot.repository.watches.all]
        await bot.store.remove_watches(watch_ids, a_message("ended"))  # the bot died here
        await bot.repository.refresh_watches()
        answer = await bot.requests.acknowledgements.acknowledge(ALERTS, ONE, key, ANN)
        assert (answer.fate, answer.watched) == (AcknowledgeFate.UNWATCHED, False)
        assert await outcome(bot, key) is EpisodeOutcome.UNWATCHED


async def test_two_bots_on_one_store_report_a_failure_once(fake_redis: redis.asyncio.Redis) -> None:
    clock = FakeClock()
    async with running(fake_redis, *pipelines(3), clock=clock) as one:
        await one.watch("orders-*")
        await one.catalogue.refresh()
        async with running(fake_redis, api=one.api, clock=clock) as two:
            await one.poll(20)
            one.api.statuses[ONE] = FAILED
            reads = len(one.api.reads)
            for count in range(160):
                for bot in (one, two):
                    if count % 8 == 0:
                        await bot.heartbeat.beat()
                    await bot.scheduler.tick()
                await clock.pass_time(TICK_SECONDS)
            assert await one.cards() == ["orders-1 failure"]
            assert len(one.api.reads) - reads <= 3 + 40 / 3 + 2 * 40 / 5  # because only one bot reads
            assert two.repository.record(ONE).episode == one.repository.record(ONE).episode  # both bots know the state


async def test_the_other_bot_continues_when_the_reading_bot_leaves(fake_redis: redis.asyncio.Redis) -> None:
    clock = FakeClock()
    api = FakeApi(*pipelines(1))
    async with running(fake_redis, clock=clock, api=api) as one:
        await one.watch(ONE)
        await one.poll(20)
        async with running(fake_redis, clock=clock, api=api) as two:
            await two.poll(20)
            assert not two.leadership.is_leader
            await one.leadership.release()
            api.statuses[ONE] = FAILED
            await two.poll(20)
            assert two.leadership.is_leader
        await one.poll(20)
        api.statuses[ONE] = LIVE
        await one.poll(40)
        episode = one.repository.record(ONE).episode
        assert episode is not None
        assert episode.outcome is EpisodeOutcome.RECOVERED


async def test_a_frozen_leader_writes_no_reading_after_another_bot_leads(fake_redis: redis.asyncio.Redis) -> None:
    clock, api = FakeClock(), FakeApi(*pipelines(1))
    async with running(fake_redis, clock=clock, api=api) as one:
        await one.watch(ONE)
        await one.poll(20)
        async with running(fake_redis, clock=clock, api=api) as two:
            await fake_redis.delete(one.store._keys.lease(READER))  # it ran out while the leader was frozen
            await two.heartbeat.beat()
            assert two.leadership.is_leader
            api.statuses[ONE] = FAILED
            assert one.leadership.is_leader  # it has not noticed yet
            for _ in range(40):
                await one.scheduler.tick()
                await clock.pass_time(TICK_SECONDS)
            assert await one.cards() == []
            await one.heartbeat.beat()
            assert not one.leadership.is_leader
            await two.poll(20)
            assert await two.cards() == ["pipe_0001 failure"]  # the catalogue came to the other bot


async def test_a_bot_that_takes_over_loads_nothing_again(fake_redis: redis.asyncio.Redis) -> None:
    """At 100,000 pipelines, loading takes longer than the lease lasts."""
    async with (
        running(fake_redis, *pipelines(3)) as one,
        running(fake_redis, clock=one.clock, api=one.api) as two,
    ):
        await watch(one, "orders-*")
        await one.poll(20)
        await two.heartbeat.beat()
        await one.poll(20)  # it stores no steady reading
        one.api.statuses[ONE] = FAILED
        await one.poll(10)
        await one.leadership.release()
        loaded = []

        async def catalogue() -> None:
            loaded.append("catalogue")

        two.store.first = {"catalogue": catalogue}
        await two.heartbeat.beat()
        assert two.leadership.is_leader
        assert loaded == []
        assert two.repository.record(ONE).state.phase == Phase.FAILED  # written since its last heartbeat
        read_since = (await two.store.last_heartbeat()).read_since
        assert read_since is not None
        assert two.repository.all_read_since == read_since
        steady = two.repository.record(TWO).state.observation
        assert steady is not None
        assert steady.observed_at == read_since


async def test_a_bot_that_leads_again_keeps_its_due_times(fake_redis: redis.asyncio.Redis) -> None:
    """For 100,000 pipelines, new ones take seconds of CPU. A busy machine would lose the lease again meanwhile."""
    async with (
        running(fake_redis, *pipelines(3)) as one,
        running(fake_redis, clock=one.clock, api=one.api) as two,
    ):
        await watch(one, "orders-*")
        await one.poll(20)
        due_times = one.scheduler._fleet.due
        one.clock.seconds += 30  # nothing runs meanwhile, so the lease expires
        await one.poll(20)
        assert one.leadership.is_leader
        assert one.scheduler._fleet.due is due_times
        one.clock.seconds += 30
        await fake_redis.delete(one.store._keys.lease(READER))
        await two.poll(4)
        assert two.leadership.is_leader
        await two.leadership.release()
        await one.poll(20)
        assert one.scheduler._fleet.due is not due_times


async def test_answers_show_the_age_of_a_reading_during_an_outage(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(1)) as bot:
        await watch(bot, "orders-1")
        bot.api.statuses[ONE] = Unavailable("GoldRush didn't answer within 5 s.")
        await bot.clock.pass_time(100)
        (view,) = (await bot.requests.queries.status(ALERTS, ["orders-1"])).views
        assert view.problem == "GoldRush didn't answer within 5 s."
        assert view.state.observation is not None


async def test_after_a_standstill_answers_use_fresh_readings(fake_redis: redis.asyncio.Redis) -> None:
    """A request without names reuses polled readings. It reads again only the pipelines that polling could not read."""
    async with running(fake_redis, *pipelines(3)) as bot:
        await watch(bot, "orders-*")
        await bot.poll(20)
        before = len(bot.api.reads)
        await bot.requests.queries.status(ALERTS, [])
        assert len(bot.api.reads) == before
        bot.api.statuses[ONE] = FAILED
        bot.api.statuses[TWO] = Unavailable("GoldRush didn't answer within 5 s.")
        bot.clock.seconds += 30  # nothing runs meanwhile, as after SIGSTOP
        one, two, three = (await bot.requests.queries.status(ALERTS, [])).views
        now = bot.clock.now()
    assert (one.state.phase, one.problem) == (Phase.FAILED, None)
    assert two.problem == "GoldRush didn't answer within 5 s."
    observed = [view.state.observation for view in (one, two, three)]
    assert [observation is not None and observation.observed_at == now for observation in observed] == [
        True,
        False,
        True,
    ]


async def test_a_reading_for_a_person_is_shown_even_after_a_reload_of_the_records(
    fake_redis: redis.asyncio.Redis,
) -> None:
    """The bot recovers from a loss of data during an answer. The store does not keep unchanged readings."""
    async with running(fake_redis, *pipelines(2)) as bot:
        await watch(bot, "orders-*")
        await bot.poll(20)
        bot.clock.seconds += 30
        slow = asyncio.Event()
        bot.api.gate = lambda pipeline_id: slow if pipeline_id == TWO else None
        assert await bot.leadership.acquire()
        query = asyncio.create_task(bot.requests.queries.status(ALERTS, []))
        await settle()
        await bot.repository.restore(bot.repository.known, emptied=False)
        slow.set()
        views = (await query).views
        now = bot.clock.now()
    assert [view.state.observation and view.state.observation.observed_at for view in views] == [now, now]


async def test_a_bot_without_leadership_reads_no_more_than_the_cadence_promises(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with (
        running(fake_redis, *pipelines(40), rate=1.0) as one,
        running(fake_redis, rate=1.0, clock=one.clock, api=one.api) as two,
    ):
        await watch(one, "orders-*")
        await one.poll(100)
        assert one.scheduler.promised_seconds > 60
        await two.repository.catch_up()
        await two.catalogue.refresh()
        assert not two.leadership.is_leader
        before = len(one.api.reads)
        await two.requests.queries.status(ALERTS, [])
        assert len(one.api.reads) == before


@pytest.mark.parametrize("error", [Unauthorized("The ServiceKey is wrong."), Forbidden("A ServiceKey is needed.")])
async def test_a_rejected_key_is_announced_even_if_nothing_is_watched(
    fake_redis: redis.asyncio.Redis, error: ApiError
) -> None:
    async with running(fake_redis, *pipelines(2), operator=OPERATOR, api=RefusedApi(error)) as bot:
        with capture_logs() as lines:
            for _ in range(3):
                await bot.scheduler.refresh_catalogue()
                await bot.poll(10)
        assert [line["problem"] for line in lines if line["log_level"] == "error"] == [str(error)]
        assert await bot.cards(OPERATOR) == ["GoldRush API blind"]
        assert isinstance(bot.api, RefusedApi)
        bot.api.refusal = None
        await bot.scheduler.refresh_catalogue()
        outage = bot.repository.record(API_PIPELINE_ID).episode
        assert outage is not None
        assert not outage.open


async def test_a_rejected_key_is_logged_without_an_operator_channel(fake_redis: redis.asyncio.Redis) -> None:
    api = RefusedApi(Unauthorized("The ServiceKey is wrong."))
    async with running(fake_redis, *pipelines(2), api=api) as bot:
        with capture_logs() as lines:
            await bot.scheduler.refresh_catalogue()
        assert [line["event"] for line in lines if line["log_level"] == "error"] == ["key_rejected"]
        assert bot.repository.record(API_PIPELINE_ID).episode is None  # a later watch reports it


class RefusedApi(FakeApi):
    """Lists nothing while `refusal` is set."""

    def __init__(self, refusal: ApiError) -> None:
        super().__init__()
        self.refusal: ApiError | None = refusal

    async def page(self, number: int) -> ListingPage:
        if self.refusal:
            raise self.refusal
        return await super().page(number)
