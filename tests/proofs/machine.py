"""A Hypothesis state machine over the core and the store: two bots, one Redis, one Slack.

A step reads, runs the heartbeat, delivers, crashes within a call, lets time pass, or rolls Redis back. At the end all
faults stop, and the oracle judges the messages in Slack.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, cast

import redis.asyncio
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from bot.coordination.heartbeat import Heartbeat
from bot.coordination.leadership import Leadership
from bot.delivery.doubt import Doubt
from bot.delivery.lane_reader import LeaseLostError
from bot.delivery.lane_services import LaneServices
from bot.delivery.lane_worker import LaneWorker
from bot.delivery.suspensions import Suspensions
from bot.domain.body import Content
from bot.domain.cadence import Cadence
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import (
    Delivery,
    Lane,
    Lookup,
    LookupResult,
    Outcome,
    Posted,
    Receiver,
    RefusalKind,
    Refused,
    Unknown,
    Unreadable,
)
from bot.domain.flapping import DEFAULT_WINDOW, FlapWindow
from bot.domain.observation import Observation, PipelineId, ReadSequence
from bot.domain.phase import Intent, Phase
from bot.domain.plan import plan_reading
from bot.domain.watch import ChannelId, UserId
from bot.monitoring.budget import Budget
from bot.monitoring.monitoring import Monitoring
from bot.paging.timers import PageTimers
from bot.ports.pipeline_api import PipelineApi
from bot.ports.store_errors import StoreAway
from bot.requests.setup_changes import SetupChanges
from bot.requests.silence_ends import SilenceEnds
from bot.slack.outbound.metadata import bot_messages_in, lookup_result, metadata_to_attach
from bot.slack.render.renderer import Renderer
from bot.state.repository import Repository
from tests.builders import ALERTS, TEAM, a_pipeline, a_watch
from tests.carriers import OnlySender, by_slack
from tests.contract.test_store import an_announcement
from tests.fake_details import FakeDetails, at_once
from tests.fakes import NO_MEMBERSHIPS, FakeClock
from tests.proofs.differential_store import DifferentialStore
from tests.proofs.memory import Disk, MemoryStore
from tests.proofs.messages import US, Slack
from tests.proofs.oracle import Change, judge
from tests.rollback import Snapshot, go_back, snapshot
from tests.stores import WholeStore

RENDERER = Renderer(command="/pipeline", platform_url="https://example.com/")
PIPELINES = tuple(a_pipeline(f"pipe-{number}", pipeline_id=PipelineId(f"pipe_000{number}")) for number in (1, 2))
CHANNELS = (ALERTS, ChannelId("C0TEAM"))
LATE_SECONDS = 7.0
WITHIN_A_LEASE = 9.0  # longer than a request can be in flight, and shorter than each lease
MOST_WAITED = 1.0  # second in a lane, so each step sends a message or two
MOST_ROUNDS = 40


class Trouble(StrEnum):
    """The fate of one call to Slack."""

    NONE = "none"
    DIES_BEFORE = "dies before it"
    DIES_AFTER = "dies after it"
    LOST_REQUEST = "lost request"
    LOST_REPLY = "lost reply"
    LATE = "lands late"
    THROTTLED = "429"
    THROTTLED_YET_POSTED = "429 that posted"
    STALLS_BEFORE = "stands still before it"
    STALLS_AFTER = "stands still after it"


async def _nothing() -> None:
    return None


class Died(Exception):
    """The process crashed."""


class Chat:
    """A Slack whose calls meet the listed troubles, one after the other."""

    def __init__(self, slack: Slack, clock: FakeClock) -> None:
        self.troubles: list[Trouble] = []
        self.late: list[tuple[float, Callable[[], str]]] = []
        self.meanwhile: Callable[[], Awaitable[None]] = _nothing
        """Runs the other bots while the calling bot stands still."""
        self.renderer = RENDERER
        self._slack = slack
        self._clock = clock

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:
        text = self.renderer.content(content, delivery, now).text
        return await self._called(partial(self._slack.land, delivery, content, parent_id, text))

    async def update(self, delivery: Delivery, content: Content, *, message_id: str, now: datetime) -> Outcome:
        text = self.renderer.content(content, delivery, now).text
        return await self._called(partial(self._slack.edit, message_id, text, metadata_to_attach(delivery, content)))

    async def _called(self, lands: Callable[[], str]) -> Outcome:
        match self.troubles.pop(0) if self.troubles else Trouble.NONE:
            case Trouble.DIES_BEFORE:
                raise Died
            case Trouble.DIES_AFTER:
                lands()
                raise Died
            case Trouble.LOST_REQUEST:
                return Unknown("reset")
            case Trouble.LOST_REPLY:
                lands()
                return Unknown("reset")
            case Trouble.LATE:
                self.late.append((self._clock.monotonic() + LATE_SECONDS, lands))
                return Unknown("timeout")
            case Trouble.STALLS_BEFORE:
                await self._stand_still()
                return Posted(lands())
            case Trouble.STALLS_AFTER:
                message_id = lands()
                await self._stand_still()
                return Posted(message_id)
            case Trouble.THROTTLED_YET_POSTED:
                lands()
                return Refused(kind=RefusalKind.RATE_LIMITED, error="ratelimited", retry_after=timedelta(seconds=2))
            case Trouble.THROTTLED:
                return Refused(kind=RefusalKind.RATE_LIMITED, error="ratelimited", retry_after=timedelta(seconds=2))
            case _:
                return Posted(lands())

    async def _stand_still(self) -> None:
        """Stands still until another bot holds the lease."""
        meanwhile, self.meanwhile = self.meanwhile, _nothing
        rest, self.troubles = self.troubles, []
        await meanwhile()
        self.troubles = rest

    async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
        trouble = self.troubles.pop(0) if self.troubles else Trouble.NONE
        if trouble is Trouble.THROTTLED:
            return [Unreadable("ratelimited", timedelta(seconds=3))] * len(lookups)
        if trouble is Trouble.LOST_REQUEST:
            return [Unreadable("timeout", lost=True)] * len(lookups)
        first = lookups[0]
        oldest = min(lookup.oldest for lookup in lookups)
        query = Lookup(receiver=first.receiver, key="", oldest=oldest, parent_id=first.parent_id)
        metadata = bot_messages_in({"messages": self._slack.history(query)}, US)
        return [lookup_result(metadata, lookup) for lookup in lookups]

    async def delete(self, _: Receiver, message_id: str) -> bool:
        self._slack.messages.pop(message_id, None)
        return True

    async def direct(self, user: UserId) -> ChannelId | None:
        return ChannelId(f"D{user}")


class Bot:
    """One life of one bot. It acts only when the machine calls it."""

    def __init__(
        self, store: DifferentialStore, chat: Chat, clock: FakeClock, flap_window: FlapWindow = DEFAULT_WINDOW
    ) -> None:
        self.differential = store
        self.store = cast("Any", store)
        self.clock = clock
        self.repository = Repository(self.store, asyncio.Event(), flap_window=flap_window)
        self.leadership, doubt = Leadership(self.store, clock), Doubt(clock)
        monitoring = Monitoring(
            api=cast("PipelineApi", None),
            details=FakeDetails(),
            in_thread=at_once,
            repository=self.repository,
            budget=Budget(4.0, clock),
            clock=clock,
            cadence=Cadence(),
            leadership=self.leadership,
            slots=1,
        )
        self.scheduler = monitoring.scheduler
        self.heartbeat = Heartbeat.build(
            repository=self.repository,
            store=self.store,
            outbox=self.store,
            polling=monitoring.scheduler,
            leadership=self.leadership,
            clock=clock,
            blind_after=timedelta(hours=1),
            operator=None,
            doubt=doubt,
            memberships=NO_MEMBERSHIPS,
        )
        suspensions = Suspensions(
            store=self.store,
            repository=self.repository,
            conversations=chat,
            clock=clock,
            wake=asyncio.Event(),
            fallback=None,
        )
        self._services = LaneServices(
            store=self.store,
            clock=clock,
            doubt=doubt,
            sending_right=OnlySender(),
            carriers=by_slack(chat, clock, suspensions),
        )
        self.setup_changes = SetupChanges(repository=self.repository, setup_store=self.store, clock=clock)
        self._silences = SilenceEnds(repository=self.repository, changes=self.setup_changes, clock=clock)
        self._timers = PageTimers(self.repository, self.leadership, clock)
        self._lane_workers: dict[Lane, LaneWorker] = {}
        self._reads = 0

    async def look(self) -> None:
        if not self.repository.watches.all:
            await self.repository.load()
        await self.heartbeat.beat()

    async def serve(self) -> None:
        """Serves the timers of pages. The leader also carries out the begin and the end of mutes."""
        await self._timers.serve()
        if self.leadership.is_leader:
            await self._silences.follow()

    async def read(self, pipeline: Pipeline, phase: Phase) -> bool:
        """Returns whether the store has the phase."""
        if not self.leadership.is_leader or not self.scheduler.epoch:
            return False
        self._reads += 1
        self.clock.seconds += 0.05  # no two readings share a moment
        observation = Observation(
            pipeline_id=pipeline.id,
            sequence=ReadSequence(self.scheduler.epoch, self._reads),
            observed_at=self.clock.now(),
            phase=phase,
            replicas=1,
            ready=1 if phase == Phase.RUNNING else 0,
            uid="uid-1",
            start_time=None,
            intent=Intent.RUNNING,
            bounded=False,
        )
        await self.repository.refresh_watches()
        await self.repository.write(pipeline.id, lambda record, routing: plan_reading(record, observation, routing))
        return self.repository.record(pipeline.id).state.phase == phase

    async def deliver(self) -> None:
        """Keeps each lane until it is empty, as the dispatcher does. A bot delivers only after its first heartbeat."""
        if not self.differential.knows_the_server:
            await self.look()
        for lane in await self.store.lanes_with_work():
            if lane_worker := self._lane_workers.pop(lane, None) or await self._lane_worker_for(lane):
                with suppress(LeaseLostError):
                    await self._work_off(lane, lane_worker)

    async def _lane_worker_for(self, lane: Lane) -> LaneWorker | None:
        lease = await self.store.lease(lane)
        if lease is None:
            return None
        last_id, resumed_at = await self.store.last_id(lane), await self.store.resumed_at(lane.receiver)
        return LaneWorker(self._services, lane, lease, last_id, resumed_at)

    async def _work_off(self, lane: Lane, lane_worker: LaneWorker) -> None:
        waited = 0.0
        while waited <= MOST_WAITED:
            seconds = await lane_worker.step()
            if seconds is None:
                await self.store.release(lane_worker.lease)
                return
            if seconds > 1.0:
                break
            self.clock.seconds += seconds
            waited += seconds
        self._lane_workers[lane] = lane_worker


class DeliveryMachine(RuleBasedStateMachine):
    """`client` returns a connection to an empty Redis."""

    client: Callable[[], redis.asyncio.Redis]
    flap_window = DEFAULT_WINDOW

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.slack = Slack(self.clock)
        self.disk = Disk()
        self.phases = dict.fromkeys(PIPELINES, Phase.RUNNING)
        self.happened: list[Change] = []
        self.unseen: set[Pipeline] = set()
        self.copy: tuple[Disk, Snapshot, list[Pipeline]] | None = None
        self.lives = 0

    def run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(doing)

    @initialize()
    def begin(self) -> None:
        async def empty() -> redis.asyncio.Redis:
            client = self.client()
            await client.flushall()
            return client

        self.redis = self.run(empty())
        self.chat = Chat(self.slack, self.clock)
        self.bots = [self.new_bot(), self.new_bot()]
        store = self.bots[0].store
        for channel in CHANNELS:
            watch = a_watch("*", channel=channel)
            self.run(store.add_watches([watch], an_announcement(f"hello {channel}", channel)))
        self.prepare()
        self.run(store.save_pipelines(PIPELINES))
        self.run(self.bots[0].look())
        for pipeline in PIPELINES:
            assert self.run(self.bots[0].read(pipeline, Phase.RUNNING))

    def prepare(self) -> None:
        """Before the bots begin."""

    def changed(self, pipeline: Pipeline) -> None:
        """After a change of this pipeline."""

    def forgot(self) -> None:
        """After Redis went back in time."""

    def new_bot(self) -> Bot:
        self.lives += 1

        async def trip() -> None:
            return None

        real = WholeStore(self.redis, TEAM, self.clock)
        return Bot(
            DifferentialStore(real, MemoryStore(lambda: self.disk, TEAM, self.clock, self.lives, trip)),
            self.chat,
            self.clock,
            self.flap_window,
        )

    @rule(pipeline=st.sampled_from(PIPELINES), phase=st.sampled_from([Phase.FAILED, Phase.PAUSED]))
    def becomes(self, pipeline: Pipeline, phase: Phase) -> None:
        """Changes a phase only once a bot has read the previous one: no bot can report a phase that it never saw."""
        if pipeline in self.unseen:
            return
        if self.copy:
            *_, changed = self.copy
            self.copy = None if pipeline in changed else (*self.copy[:2], [*changed, pipeline])
        self.phases[pipeline] = phase if self.phases[pipeline] == Phase.RUNNING else Phase.RUNNING
        self.happened.append(Change(pipeline.name, str(self.phases[pipeline])))
        self.unseen.add(pipeline)
        self.changed(pipeline)

    @rule(which=st.integers(0, 1))
    def look(self, which: int) -> None:
        with suppress(StoreAway):
            self.run(self.bots[which].look())

    @rule(which=st.integers(0, 1), pipeline=st.sampled_from(PIPELINES))
    def read(self, which: int, pipeline: Pipeline) -> None:
        with suppress(StoreAway):
            if self.run(self.bots[which].read(pipeline, self.phases[pipeline])):
                self.unseen.discard(pipeline)

    @rule(which=st.integers(0, 1), troubles=st.lists(st.sampled_from(Trouble), max_size=6))
    def deliver(self, which: int, troubles: list[Trouble]) -> None:
        self.chat.troubles = troubles
        self.chat.meanwhile = partial(self.others_go_on, 1 - which)
        try:
            self.run(self.bots[which].deliver())
        except StoreAway:
            pass
        except Died:
            self.bots[which] = self.new_bot()
        self.chat.troubles = []

    async def others_go_on(self, which: int) -> None:
        """Passes enough time for another bot to take the lane, look twice and send."""
        for _ in range(3):
            self.pass_time(8.0)
            await self.run_out_leases()
            with suppress(StoreAway):
                await self.bots[which].deliver()

    @rule(which=st.integers(0, 1))
    def dies(self, which: int) -> None:
        self.bots[which] = self.new_bot()

    @rule(seconds=st.sampled_from([1.0, 5.0, 9.0, 16.0, 70.0]))
    def time_passes(self, seconds: float) -> None:
        self.pass_time(seconds)
        self.run(self.run_out_leases())

    def pass_time(self, seconds: float) -> None:
        self.clock.seconds += seconds
        due = [lands for at, lands in self.chat.late if at <= self.clock.seconds]
        self.chat.late = [call for call in self.chat.late if call[0] > self.clock.seconds]
        for lands in due:
            lands()
        if seconds > LATE_SECONDS:
            self.copy = None  # a replica lags only by seconds

    async def run_out_leases(self) -> None:
        """Expires the real store's leases by hand, because Redis does not use the fake clock."""
        keys = WholeStore(self.redis, TEAM, self.clock)._keys
        for name, (_, until) in self.disk.leases.items():
            if until <= self.clock.seconds:
                await self.redis.delete(keys.lease(name))

    @rule()
    def copied(self) -> None:
        self.copy = (self.disk.snapshot(), self.run(snapshot(self.redis)), [])

    @precondition(lambda self: self.copy is not None)
    @rule()
    def redis_forgets(self) -> None:
        assert self.copy
        disk, real, changed = self.copy
        self.copy = None
        disk.run = self.disk.run + 1
        self.disk = disk
        self.run(go_back(self.redis, real))
        for bot in self.bots:
            bot.differential.meet_another_server()
        self.run(self.run_out_leases())
        self.unseen |= set(changed)
        self.forgot()

    @rule(which=st.integers(0, 1), troubles=st.lists(st.sampled_from(Trouble), max_size=3))
    def redis_forgets_what_was_delivered(self, which: int, troubles: list[Trouble]) -> None:
        self.copied()
        self.deliver(which, troubles)
        if self.copy:
            self.redis_forgets()

    def teardown(self) -> None:
        if not hasattr(self, "bots"):
            return
        self.calm()
        verdict = judge(self.happened, {str(channel): self.slack.channel_messages(channel) for channel in CHANNELS})
        self.run(self.redis.aclose())
        self.runner.close()
        stands = "\n".join(
            f"{message.channel} {message.ts} {message.thread_ts}: {message.text}"
            for message in self.slack.messages.values()
        )
        assert not verdict.faults, f"{verdict.faults}\n{self.happened}\n{stands}"

    def calm(self) -> None:
        """Settles, then brings every pipeline back to RUNNING and settles again."""
        self.settle()
        for pipeline, phase in self.phases.items():
            if phase != Phase.RUNNING:
                self.becomes(pipeline, Phase.RUNNING)
        self.settle()
        assert not self.disk.rows, self.disk.rows

    def settle(self) -> None:
        """Runs both bots until nothing is unread, owed or under way, twice in a row."""
        quiet = 0
        for _ in range(MOST_ROUNDS):
            self.time_passes(16.0)
            for which in (0, 1):
                self.look(which)
                for pipeline in PIPELINES:
                    self.read(which, pipeline)
                self.deliver(which, [])
            self.time_passes(WITHIN_A_LEASE)  # so that a bot's wait for another one's requests in flight ends
            for which in (0, 1):
                self.deliver(which, [])
            quiet = 0 if self.unseen or self.disk.rows or self.chat.late else quiet + 1
            if quiet == 2:
                return
