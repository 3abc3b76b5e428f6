"""A person gets at most ten direct pages an hour, then a summary. The bot loses nothing and delays nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import redis.asyncio

from bot.coordination.leadership import Leadership
from bot.delivery.dispatcher import Dispatcher
from bot.delivery.doubt import Doubt
from bot.delivery.lane_services import LaneServices
from bot.delivery.suspensions import Suspensions
from bot.domain.body import Content
from bot.domain.card import Card, Group, ThreadEntry
from bot.domain.delivery import Delivery
from bot.domain.flapping import FlapWindow
from bot.domain.held_pages import CALLS_AT_LIMIT
from bot.domain.notice import Notice
from bot.domain.observation import PipelineId
from bot.domain.page_plan import plan_timer
from bot.domain.phase import Phase
from bot.domain.plan import Record, plan_reading
from bot.domain.summary import HeldPages
from bot.domain.transition import Event
from bot.domain.watch import ChannelId
from bot.ports.lease_store import ACTIVE_SENDER
from bot.state.repository import Repository
from tests.builders import ALERTS, TEAM, a_person, a_pipeline, a_routing, a_watch, an_observation
from tests.carriers import by_slack
from tests.fakes import FakeChat, FakeClock
from tests.stores import WholeStore

DIRECT, OTHERS = ChannelId("D0BOB"), ChannelId("D0CAT")
LIMIT = 10
HOUR = 3600.0
SHORT_MEMORY = FlapWindow(results=2, quiet=timedelta(seconds=1), enter_above=2)
"""Each failure is a story of its own, with a page of its own."""


class Rig:
    """A dispatcher, and pipelines that a test fails and recovers. Each failure pages Bob and Cat."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self.clock = FakeClock()
        self.chat = FakeChat()
        self.store = WholeStore(client, TEAM, self.clock)
        self._reads = 0

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        wake = asyncio.Event()
        suspensions = Suspensions(
            store=self.store,
            repository=Repository(self.store, wake),
            conversations=self.chat,
            clock=self.clock,
            wake=wake,
            fallback=None,
        )
        around = LaneServices(
            store=self.store,
            clock=self.clock,
            doubt=Doubt(self.clock),
            sending_right=Leadership(self.store, self.clock, ACTIVE_SENDER),
            carriers=by_slack(self.chat, self.clock, suspensions),
            pages_an_hour=LIMIT,
        )
        dispatcher = Dispatcher(around, wake)
        task = asyncio.create_task(dispatcher.run())
        yield
        dispatcher.stop()
        while not task.done():
            await self.clock.pass_time(1)
        await task

    async def reads(self, phase: Phase, number: int = 1, *directs: ChannelId) -> None:
        """Plans one reading at the current time."""
        self._reads += 1
        pipeline = a_pipeline(f"orders-{number}", pipeline_id=PipelineId(f"pipe_{number:04}"))
        targets = tuple(a_person(f"U{channel}", direct=channel) for channel in directs or (DIRECT,))
        ready = 1 if phase is Phase.RUNNING else 0
        observation = an_observation(phase, self._reads, ready=ready, pipeline_id=pipeline.id)
        observation = replace(observation, observed_at=self.clock.now())
        record = await self.store.record(pipeline.id)
        routing = a_routing(a_watch(pipeline.id, targets=targets), pipeline=pipeline)
        plan = plan_reading(record, observation, replace(routing, flap_window=SHORT_MEMORY))
        assert await self.store.commit(plan, 0)

    async def calls_again(self, *numbers: int) -> None:
        """Serves the next timers of these pipelines, whose failures nobody answered."""
        for number in numbers:
            pipeline = a_pipeline(f"orders-{number}", pipeline_id=PipelineId(f"pipe_{number:04}"))
            record = await self.store.record(pipeline.id)
            bob = a_person(f"U{DIRECT}", direct=DIRECT)
            plan = plan_timer(
                record, a_routing(a_watch(pipeline.id, targets=(bob,)), pipeline=pipeline), self.due(record)
            )
            assert plan
            assert await self.store.commit(plan, 0)

    def due(self, record: Record) -> datetime:
        return max(self.clock.now(), record.next_at or self.clock.now())

    def repeated_calls(self, channel: ChannelId) -> list[int]:
        """How many failures each repeated call names."""
        contents = (content for _, content in self.posts(channel))
        return [len(content.failures) for content in contents if isinstance(content, Notice)]

    async def flap(self, times: int, number: int = 1, *directs: ChannelId, every: float = 20) -> None:
        for _ in range(times):
            await self.reads(Phase.FAILED, number, *directs)
            await self.clock.pass_time(every / 2)
            await self.reads(Phase.RUNNING, number, *directs)
            await self.clock.pass_time(every / 2)

    async def jump(self, seconds: float) -> None:
        """Passes time in one step, because nothing is due in between."""
        self.clock.seconds += seconds
        await self.clock.pass_time(5)

    def posts(self, channel: ChannelId) -> list[tuple[Delivery, Content]]:
        return [(delivery, content) for delivery, content, _ in self.chat.posts if delivery.receiver.id == channel]

    def pages(self, channel: ChannelId) -> int:
        return sum(isinstance(content, Card | Group) for _, content in self.posts(channel))

    def summaries(self, channel: ChannelId) -> list[HeldPages]:
        return [content for _, content in self.posts(channel) if isinstance(content, HeldPages)]

    async def idle(self) -> bool:
        return not await self.store.lanes_with_work()


@pytest.fixture
def rig(fake_redis: redis.asyncio.Redis) -> Rig:
    return Rig(fake_redis)


def counted(summaries: list[HeldPages], event: Event) -> int:
    return sum(entry.counts.get(event, 0) for held_pages in summaries for entry in held_pages.entries)


async def test_ten_failures_are_paged_one_by_one(rig: Rig) -> None:
    async with rig.sending():
        await rig.flap(LIMIT)
    assert rig.pages(DIRECT) == LIMIT
    assert rig.summaries(DIRECT) == []


async def test_the_eleventh_page_becomes_a_summary(rig: Rig) -> None:
    async with rig.sending():
        await rig.flap(LIMIT + 1)
        (first,) = rig.summaries(DIRECT)
        assert counted([first], Event.FAILED) == 1
        await rig.flap(20)
        assert len(rig.summaries(DIRECT)) == 1
        assert rig.pages(DIRECT) == LIMIT
        await rig.jump(HOUR)
        assert len(rig.summaries(DIRECT)) == 2
    assert counted(rig.summaries(DIRECT), Event.FAILED) == 21
    assert counted(rig.summaries(DIRECT), Event.RECOVERED) == 21
    assert await rig.idle()


async def test_the_channels_cards_still_mention_people(rig: Rig) -> None:
    async with rig.sending():
        await rig.flap(LIMIT + 5)
    cards = [content for _, content in rig.posts(ALERTS) if isinstance(content, Card)]
    assert len(cards) == LIMIT + 5
    assert all(card.targets for card in cards)


async def test_the_limit_holds_back_no_other_person(rig: Rig) -> None:
    async with rig.sending():
        await rig.flap(LIMIT + 3)
        await rig.reads(Phase.FAILED, 2, DIRECT, OTHERS)
        await rig.clock.pass_time(3)
    assert rig.pages(OTHERS) == 1
    assert rig.pages(DIRECT) == LIMIT


async def test_a_restart_and_another_bot_keep_the_count(rig: Rig) -> None:
    async with rig.sending():
        await rig.flap(LIMIT - 1)
    async with rig.sending():
        await rig.flap(4)
    assert rig.pages(DIRECT) == LIMIT
    assert len(rig.summaries(DIRECT)) == 1


async def test_repeated_calls_count_and_beyond_the_limit_one_call_names_all_failures(rig: Rig) -> None:
    failing = range(1, LIMIT - 1)
    async with rig.sending():
        for number in failing:
            await rig.reads(Phase.FAILED, number)
            await rig.clock.pass_time(40)
        assert rig.pages(DIRECT) == LIMIT - 2
        await rig.calls_again(1)
        await rig.clock.pass_time(20)
        await rig.calls_again(2)
        await rig.clock.pass_time(20)
        assert rig.repeated_calls(DIRECT) == [1, 1]
        await rig.jump(5 * 60)
        await rig.calls_again(*failing)
        await rig.clock.pass_time(10)
        assert rig.repeated_calls(DIRECT) == [1, 1]
        assert sum(rig.repeated_calls(ALERTS)) == 2 + len(failing)  # the channel is not limited
        await rig.jump(CALLS_AT_LIMIT.total_seconds())
        assert rig.repeated_calls(DIRECT) == [1, 1, LIMIT - 2]
    assert rig.summaries(DIRECT) == []


async def test_a_first_page_beyond_the_limit_is_named_in_the_summary_and_in_the_next_call(rig: Rig) -> None:
    failing = range(1, LIMIT + 2)
    async with rig.sending():
        for number in failing:
            await rig.reads(Phase.FAILED, number)
            await rig.clock.pass_time(40)
        (summary,) = rig.summaries(DIRECT)
        assert [entry.pipeline.name for entry in summary.entries] == [f"orders-{LIMIT + 1}"]
        await rig.calls_again(*failing)
        await rig.jump(CALLS_AT_LIMIT.total_seconds())
        assert rig.repeated_calls(DIRECT) == [LIMIT + 1]


async def test_two_bots_share_the_count(rig: Rig) -> None:
    async with rig.sending(), rig.sending():
        await rig.flap(LIMIT + 4)
    assert rig.pages(DIRECT) == LIMIT
    assert len(rig.summaries(DIRECT)) == 1


async def test_after_an_hour_pages_come_again(rig: Rig) -> None:
    async with rig.sending():
        await rig.flap(LIMIT + 2)
        await rig.jump(HOUR)
        await rig.flap(1)
        assert rig.pages(DIRECT) == LIMIT + 1
        await rig.jump(HOUR)
    assert await rig.idle()


async def test_many_pipelines_are_one_summary(rig: Rig) -> None:
    async with rig.sending():
        await rig.flap(LIMIT)
        for number in range(2, 42):
            await rig.reads(Phase.FAILED, number)
        await rig.clock.pass_time(5)
        await rig.jump(HOUR)
    names = {entry.pipeline.name for held_pages in rig.summaries(DIRECT) for entry in held_pages.entries}
    assert names == {f"orders-{number}" for number in range(2, 42)}
    assert len(rig.summaries(DIRECT)) <= 2


async def test_a_held_page_sends_no_recovery_message(rig: Rig) -> None:
    async with rig.sending():
        await rig.flap(LIMIT)
        before = len(rig.posts(DIRECT))
        await rig.reads(Phase.FAILED, 2)
        await rig.clock.pass_time(5)
        await rig.reads(Phase.RUNNING, 2)
        await rig.clock.pass_time(60)
        after = rig.posts(DIRECT)[before:]
        assert [type(content) for _, content in after] == [HeldPages]
        await rig.jump(HOUR)
    (_, last) = rig.summaries(DIRECT)
    assert [(entry.pipeline.name, entry.counts.get(Event.RECOVERED)) for entry in last.entries] == [("orders-2", 1)]
    assert counted([last], Event.FAILED) == 0
    assert await rig.idle()


async def test_a_paged_failure_gets_its_recovery_even_at_the_limit(rig: Rig) -> None:
    async with rig.sending():
        await rig.reads(Phase.FAILED, 2)
        await rig.clock.pass_time(3)
        await rig.flap(LIMIT + 3)
        before = len(rig.posts(DIRECT))
        await rig.reads(Phase.RUNNING, 2)
        await rig.clock.pass_time(10)
        (reply,) = [content for _, content in rig.posts(DIRECT)[before:] if isinstance(content, ThreadEntry)]
        assert reply.pipeline.name == "orders-2"


async def test_simultaneous_failures_are_one_page(rig: Rig) -> None:
    for number in range(1, 31):
        await rig.reads(Phase.FAILED, number)
    async with rig.sending():
        await rig.clock.pass_time(10)
    assert rig.pages(DIRECT) == 1
    assert rig.summaries(DIRECT) == []
