"""Runs the bot's core on a virtual clock, with delays, drops and crashes at every call. Hours pass in a second.

    python -m tests.proofs.simulation --hours 1000          roughly the CI run
    python -m tests.proofs.simulation --seed 17             repeats one world

A world lasts four hours, with one or two bots. Faults stop for its last ten minutes. Then the oracle judges the
messages in Slack.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import random
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from bot.coordination.heartbeat import Heartbeat
from bot.coordination.leadership import Leadership
from bot.delivery.carrier import Carrier
from bot.delivery.dispatcher import Dispatcher
from bot.delivery.doubt import Doubt
from bot.delivery.lane_services import LaneServices
from bot.delivery.rate_limiter import RateLimiter
from bot.delivery.suspensions import Suspensions
from bot.domain.body import Content
from bot.domain.cadence import Cadence
from bot.domain.catalogue import BlockRange, Pipeline
from bot.domain.delivery import (
    Delivery,
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
from bot.domain.episode import Acknowledgement
from bot.domain.flapping import DEFAULT_WINDOW
from bot.domain.measurement import Measurement
from bot.domain.observation import PipelineId
from bot.domain.page_plan import plan_acknowledgement
from bot.domain.pager import PagerAction, PagerEvent
from bot.domain.phase import Intent, Phase
from bot.domain.setup import Setup
from bot.domain.setup_change import SetupEdit
from bot.domain.silence import Mute
from bot.domain.summary import Digest, HeldPages
from bot.domain.watch import ChannelId, Target, TargetKind, TeamId, UserId, Watch
from bot.monitoring.bounded_runs import BoundedRuns
from bot.monitoring.budget import Budget
from bot.monitoring.monitoring import Monitoring
from bot.pagers.pagerduty import PAGERDUTY, PAGERDUTY_LIMITS
from bot.pagers.pagers import NoSuspensions
from bot.paging.timers import PageTimers
from bot.ports.lease_store import ACTIVE_SENDER
from bot.ports.pipeline_api import ApiError, ListingPage, Status, Unavailable
from bot.ports.store_errors import StoreAway
from bot.requests.setup_changes import SetupChanges, SetupPlan
from bot.requests.silence_ends import SilenceEnds
from bot.slack.outbound.metadata import bot_messages_in, lookup_result, metadata_to_attach
from bot.slack.render.renderer import Renderer
from bot.state.repository import Repository
from tests.carriers import by_slack
from tests.fake_details import A_LOG, NO_LOG, FakeDetails, at_once
from tests.fakes import NO_MEMBERSHIPS
from tests.proofs.memory import Disk, MemoryStore
from tests.proofs.messages import US, Slack
from tests.proofs.mutes import MutedPost, MuteHistory, MuteSpan, judge_mutes
from tests.proofs.oracle import CALL, FAILED, FINISHED, RUNNING, Change, Verdict, judge
from tests.proofs.paging import PageAnswer, PageCall, PageHistory, judge_pages
from tests.proofs.traffic import Call, Promise, judge_traffic
from tests.proofs.virtual import BEGIN, VirtualClock, VirtualLoop

HOURS = 4.0
STEADY_SECONDS = 15.0  # three times the default, so that a thousand hours take minutes
CALM_SECONDS = 600.0
HELD_SECONDS = 240.0  # each phase lasts at least this long, so that the bot reads it despite all faults
TOGETHER_SECONDS = 600.0
FORGETS_SECONDS = 4.0
CHANNELS = (ChannelId("C0ALERTS"), ChannelId("C0TEAM"))
MUTED = ChannelId("C0MUTED")
MUTABLE = (PipelineId("pipe-1"), PipelineId("pipe-2"))
MUTED_SECONDS = 1800.0
BOB = Target(kind=TargetKind.USER, id="U0BOB", direct=ChannelId("D0BOB"), label="Bob")
ANN = Target(kind=TargetKind.USER, id="U0ANN", direct=ChannelId("D0ANN"), label="Ann")
RUNS = (PipelineId("run-1"), PipelineId("run-2"))
BLOCKS = BlockRange(start=1_000, stop=5_000)
CARL = Target(kind=TargetKind.USER, id="U0CARL", direct=ChannelId("D0CARL"), label="Carl")
"""Only runs page him."""
PAGER = Target(kind=TargetKind.PAGER, id="night", label="night")
DEADLINE = 5.0
OLDEST_SECONDS = 40.0
DRAINED_SECONDS = 180.0
LANDS_WITHIN = 8.0


@dataclass(frozen=True)
class Odds:
    """The odds of each fault at each call. A world draws each fault with probability one half."""

    crash: float = 0.0
    store_away: float = 0.0
    slow: float = 0.0
    lost_request: float = 0.0
    lost_reply: float = 0.0
    late: float = 0.0
    throttled: float = 0.0
    throttled_yet_posted: float = 0.0
    unreadable: float = 0.0
    away: float = 0.0
    api: float = 0.0
    rollback: float = 0.0
    stall: float = 0.0

    @classmethod
    def drawn(cls, chance: random.Random) -> "Odds":
        most = {
            "crash": 0.002,
            "store_away": 0.01,
            "slow": 0.05,
            "lost_request": 0.1,
            "lost_reply": 0.1,
            "late": 0.1,
            "throttled": 0.1,
            "throttled_yet_posted": 0.05,
            "unreadable": 0.1,
            "away": 0.01,
            "api": 0.1,
            "rollback": 0.0005,
            "stall": 0.0003,
        }
        return cls(**{name: chance.uniform(0, odds) for name, odds in most.items() if chance.random() < 0.5})


@dataclass
class World:
    seed: int
    budget: float = 1.0
    """Requests a second: too few for the watched pipelines, so that the limit binds."""
    chance: random.Random = field(init=False)
    odds: Odds = field(init=False)
    together: bool = field(init=False)
    flaps: bool = field(init=False)
    """The last pipeline flaps now and then."""
    slack: Slack = field(init=False)
    disk: Disk = field(default_factory=Disk)
    phases: dict[PipelineId, Phase] = field(default_factory=dict)
    started: dict[PipelineId, datetime] = field(default_factory=dict)
    happened: list[Change] = field(default_factory=list)
    calm: bool = False
    away_until: float = 0.0
    takes_all_the_same: bool = False
    """During the outage, Slack still posts messages without answering."""
    crashes: int = 0
    rollbacks: int = 0
    clock: VirtualClock = field(default_factory=VirtualClock)
    journal: list[str] = field(default_factory=list)
    slack_calls: list[Call] = field(default_factory=list)
    reads: dict[str, list[float]] = field(default_factory=dict)
    began: list[float] = field(default_factory=list)
    accepted_at: list[float] = field(default_factory=list)
    pages: PageHistory = field(default_factory=lambda: PageHistory(places=(CHANNELS[0], "D0ANN", "pager")))
    mutes: MuteHistory = field(default_factory=lambda: MuteHistory(places=(MUTED, "D0BOB")))
    living: dict[int, "Process"] = field(default_factory=dict)
    diagnoses: bool = False
    """The bots diagnose failures. Off by default, since it changes the course of every seed."""
    runs: bool = False
    """There are pipelines with an end block too. Off by default, for the same reason."""
    heights: dict[PipelineId, int] = field(default_factory=dict)
    """Where each run stopped."""
    failed_runs: list[Change] = field(default_factory=list)
    """The stops before the end, and the starts after them."""

    def note(self, text: str) -> None:
        self.journal.append(f"{self.clock.monotonic():9.2f} {text}")

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311
        self.odds = Odds.drawn(self.chance)
        self.together = self.chance.random() < 0.3
        self.flaps = self.chance.random() < 0.5
        self.slack = Slack(self.clock)

    def strikes(self, odds: float) -> bool:
        return not self.calm and odds > 0 and self.chance.random() < odds

    @property
    def away(self) -> bool:
        """True during an outage of Slack, which lasts 5 s to 5 minutes."""
        if self.strikes(self.odds.away):
            self.away_until = self.clock.monotonic() + self.chance.uniform(5, 300)
            self.takes_all_the_same = self.chance.random() < 0.3
        return not self.calm and self.clock.monotonic() < self.away_until

    def become(self, pipeline_id: PipelineId, phase: Phase) -> None:
        self.phases[pipeline_id] = phase
        if phase == Phase.RUNNING and self.chance.random() < 0.5:
            self.started[pipeline_id] = self.clock.now()
        self.note(f"{pipeline_id} becomes {phase}")
        if pipeline_id in RUNS:
            is_short = self.heights.pop(pipeline_id) < BLOCKS.stop
            self.failed_runs += [Change(str(pipeline_id), RUNNING)] if is_short else []
        else:
            self.pages.changes.append((self.clock.monotonic(), str(pipeline_id), phase == Phase.FAILED))
        self.happened.append(Change(str(pipeline_id), str(phase)))

    def stop_run(self, pipeline_id: PipelineId, height: int) -> None:
        self.phases[pipeline_id], self.heights[pipeline_id] = Phase.STOPPED, height
        self.note(f"{pipeline_id} stops at block {height}")
        change = Change(str(pipeline_id), FINISHED if height == BLOCKS.stop else FAILED)
        self.happened.append(change)
        self.failed_runs += [change] if change.phase == FAILED else []

    @property
    def pipelines(self) -> tuple[Pipeline, ...]:
        return tuple(
            Pipeline(
                id=pipeline_id,
                name=str(pipeline_id),
                project="p",
                intent=Intent.RUNNING,
                bounded=pipeline_id in RUNS,
                blocks=BLOCKS if pipeline_id in RUNS else None,
            )
            for pipeline_id in self.phases
        )


class Pager:
    """A service outside Slack that drops repeats by their key. Its calls fail as Slack's do."""

    def __init__(self, process: "Process") -> None:
        self._process = process

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:
        assert isinstance(content, PagerEvent)
        world, event = self._process.world, content

        def lands() -> str:
            world.note(f"the pager takes {event.action} of {event.key[:6]}")
            if event.action is PagerAction.RESOLVE:
                world.pages.incidents.discard(event.key)
            if event.action is PagerAction.TRIGGER:
                world.pages.incidents.add(event.key)
                names = tuple(str(failure.pipeline.id) for failure in event.failures)
                made_at = (delivery.message.made_at - BEGIN).total_seconds()
                at = world.clock.monotonic()
                world.pages.calls.append(PageCall(delivery.id, "pager", made_at, at, "trigger", names, may_repeat=True))
            return delivery.id

        return await self._process.called(lands)

    async def update(self, delivery: Delivery, content: Content, *, message_id: str, now: datetime) -> Outcome:
        raise NotImplementedError

    async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
        return [Unreadable("it can't be asked")] * len(lookups)

    async def delete(self, receiver: Receiver, message_id: str) -> bool:
        return False


class TroubledDetails(FakeDetails):
    """Answers late, with a tail error, with an error, or never in time. Its chance leaves the world's alone."""

    def __init__(self, world: World, number: int) -> None:
        super().__init__()
        self._world = world
        self._chance = random.Random(f"details {world.seed} {number}")  # noqa: S311

    async def metrics(self, pipeline_id: PipelineId, at: datetime) -> Measurement:
        measured = await super().metrics(pipeline_id, at)
        return replace(measured, last_block_height=self._world.heights.get(pipeline_id))

    async def _wait(self, answer: object) -> None:
        await asyncio.sleep(self._chance.choice((0.05, 0.05, 1.0, 5.0, 20.0)))
        if self._chance.random() < 0.2:
            raise Unavailable("GoldRush does not answer")
        self.log = self._chance.choice((A_LOG, A_LOG, NO_LOG))


class Process:
    """One life of one bot. After its death, its calls have no effect."""

    flap_window = DEFAULT_WINDOW
    poll_seconds = 5.0
    """Ten times the bot's own value, so that a thousand hours take fewer steps. Lanes then lose their claims while
    they wait; a proof of the order between lanes must set the bot's value."""
    tick_seconds = 2.0
    """Eight times the bot's own value, for the same reason. The budget holds one second's requests, so half of it is
    lost; a proof of how often the bot reads must set the bot's value."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.dead = False
        self._number = number
        self._tasks: list[asyncio.Task[None]] = []
        self.store = MemoryStore(lambda: world.disk, TeamId("T"), world.clock, number, self._trip)

    async def _trip(self) -> None:
        """Runs on the way to the store and back."""
        await self._pause(0.0005)
        if self.world.strikes(self.world.odds.store_away):
            raise StoreAway("it does not answer")

    async def _pause(self, seconds: float) -> None:
        """Waits as a call does; the process may die or stand still meanwhile."""
        world = self.world
        self._die_if_dead()
        if world.strikes(world.odds.crash):
            self.kill()
        if world.strikes(world.odds.stall):
            seconds += world.chance.uniform(1, 40)
        if world.strikes(world.odds.slow):
            seconds += world.chance.expovariate(1.0)
        await asyncio.sleep(seconds)
        self._die_if_dead()

    def _die_if_dead(self) -> None:
        if self.dead:
            raise asyncio.CancelledError

    def kill(self) -> None:
        self.dead = True
        self.world.note(f"bot {self._number} dies")
        self.world.crashes += 1
        for task in self._tasks:
            task.cancel()
        raise asyncio.CancelledError

    # --- GoldRush --------------------------------------------------------------------------------------------------

    async def status(self, pipeline_id: PipelineId) -> Status:
        self.world.reads.setdefault(str(pipeline_id), []).append(self.world.clock.monotonic())
        await self._pause(0.05)
        if self.world.strikes(self.world.odds.api):
            await asyncio.sleep(self.world.chance.choice((0.0, 5.0)))
            raise Unavailable("GoldRush does not answer")
        phase = self.world.phases[pipeline_id]
        ready = 1 if phase == Phase.RUNNING else 0
        return Status(phase=phase, replicas=1, ready=ready, start_time=self.world.started[pipeline_id])

    async def pipeline(self, pipeline_id: PipelineId) -> Pipeline:
        await self._pause(0.05)
        return next(pipeline for pipeline in self.world.pipelines if pipeline.id == pipeline_id)

    async def page(self, number: int) -> ListingPage:
        if number > 1:
            raise ApiError("there is one page")
        return ListingPage(pipelines=self.world.pipelines, more=False)

    # --- Slack -----------------------------------------------------------------------------------------------------

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:
        text = self._renderer(content).content(content, delivery, now).text
        self._note(f"posts to {ChannelId(delivery.receiver.id)} under {parent_id}, {delivery.id[:6]}", text)

        def lands() -> str:
            self._notes_call(delivery, text)
            self._notes_muted(delivery, text)
            return self.world.slack.land(delivery, content, parent_id, text)

        # A person gets one summary an hour of the pages beyond the limit.
        in_time = not isinstance(content, HeldPages)
        return await self._logged("post", ChannelId(delivery.receiver.id), lands, in_time=in_time)

    async def update(self, delivery: Delivery, content: Content, *, message_id: str, now: datetime) -> Outcome:
        text = RENDERER.content(content, delivery, now).text
        if message_id not in self.world.slack.messages:
            return Refused(kind=RefusalKind.CARD_GONE, error="message_not_found")
        self._note(f"edits {message_id} in {ChannelId(delivery.receiver.id)}, {delivery.id[:6]}", text)
        lands = partial(self.world.slack.edit, message_id, text, metadata_to_attach(delivery, content))
        return await self._logged("update", ChannelId(delivery.receiver.id), lands)

    def _renderer(self, content: Content) -> Renderer:
        """The digest after a mute shows the latest states."""
        is_after_mute = isinstance(content, Digest) and content.silence is not None
        return replace(RENDERER, record=self.repository.record) if is_after_mute else RENDERER

    def _notes_muted(self, delivery: Delivery, text: str) -> None:
        if delivery.receiver.id in self.world.mutes.places:
            self.world.mutes.posts.append(
                MutedPost(
                    place=delivery.receiver.id,
                    made_at=(delivery.message.made_at - BEGIN).total_seconds(),
                    at=self.world.clock.monotonic(),
                    text=text,
                    pipelines=tuple(name for name in MUTABLE if name in text),
                )
            )

    def _notes_call(self, delivery: Delivery, text: str) -> None:
        if CALL.search(text):
            self.world.pages.calls.append(
                PageCall(
                    key=delivery.id,
                    place=delivery.receiver.id,
                    made_at=(delivery.message.made_at - BEGIN).total_seconds(),
                    at=self.world.clock.monotonic(),
                    text=text,
                    pipelines=tuple(name for name in map(str, self.world.phases) if name in text),
                    may_repeat="Possible repeat" in text,
                )
            )

    def _note(self, event: str, text: str) -> None:
        self.world.note(f"bot {self._number} {event}: {text[:200]!r}")

    async def _logged(
        self, method: str, channel: ChannelId, lands: Callable[[], str], *, in_time: bool = True
    ) -> Outcome:
        """Calls Slack and logs the call as Slack would. `in_time`: it may not wait once nothing fails any more."""
        world, wait, at = self.world, 0.0, self.world.clock.monotonic()

        def takes() -> str:
            if in_time:
                world.accepted_at.append(world.clock.monotonic())
            return lands()

        try:
            outcome = await self.called(takes)
            if isinstance(outcome, Refused) and outcome.retry_after:
                wait = outcome.retry_after.total_seconds()
            return outcome
        finally:
            until = world.clock.monotonic()
            world.slack_calls.append(
                Call(life=self._number, method=method, channel=channel, at=at, until=until, wait=wait)
            )

    async def called(self, lands: Callable[[], str]) -> Outcome:
        world, odds, chance = self.world, self.world.odds, self.world.chance
        await self._pause(0.0)
        if world.away:
            if world.takes_all_the_same:
                lands()
            await self._pause(DEADLINE)
            return Unknown("timeout")
        if world.strikes(odds.throttled):
            return Refused(
                kind=RefusalKind.RATE_LIMITED, error="ratelimited", retry_after=timedelta(seconds=chance.randint(1, 30))
            )
        if world.strikes(odds.lost_request):
            await self._pause(chance.uniform(0, DEADLINE))
            return Unknown("reset")
        if world.strikes(odds.late):
            asyncio.get_running_loop().call_later(chance.uniform(0, LANDS_WITHIN - 0.1), lands)
            await self._pause(DEADLINE)
            return Unknown("timeout")
        await asyncio.sleep(0.05)
        message_id = lands()
        if world.strikes(odds.throttled_yet_posted):
            return Refused(
                kind=RefusalKind.RATE_LIMITED, error="ratelimited", retry_after=timedelta(seconds=chance.randint(1, 5))
            )
        await self._pause(0.05)
        if world.strikes(odds.lost_reply):
            return Unknown("reset")
        return Posted(message_id)

    async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
        await self._pause(0.1)
        if self.world.away:
            await self._pause(DEADLINE)
            return [Unreadable("timeout", lost=True)] * len(lookups)
        if self.world.strikes(self.world.odds.unreadable):
            return [Unreadable("ratelimited", timedelta(seconds=3))] * len(lookups)
        oldest = min(lookup.oldest for lookup in lookups)
        messages = self.world.slack.history(
            Lookup(receiver=lookups[0].receiver, key="", oldest=oldest, parent_id=lookups[0].parent_id)
        )
        return [lookup_result(bot_messages_in({"messages": messages}, US), lookup) for lookup in lookups]

    async def delete(self, _: Receiver, message_id: str) -> bool:
        await self._pause(0.1)
        if self.world.away or self.world.strikes(self.world.odds.throttled):
            return False
        self.world.note(f"bot {self._number} deletes {message_id}")
        self.world.slack.messages.pop(message_id, None)
        return True

    async def direct(self, user: UserId) -> ChannelId | None:
        return ChannelId(f"D{user}")

    # --- life ------------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        self.world.began.append(self.world.clock.monotonic())
        clock, wake = self.world.clock, asyncio.Event()
        repository = Repository(self.store, wake, pagers={PAGER.id: PAGERDUTY}, flap_window=self.flap_window)
        await repository.load()
        self.repository = repository
        leadership, doubt = Leadership(self.store, clock), Doubt(clock)
        details, budget = TroubledDetails(self.world, self._number), Budget(self.world.budget, clock)
        monitoring = Monitoring(
            api=self,
            details=details,
            in_thread=at_once,
            repository=repository,
            budget=budget,
            clock=clock,
            cadence=Cadence(steady_seconds=STEADY_SECONDS),
            leadership=leadership,
            slots=20,
        )
        heartbeat = Heartbeat.build(
            repository=repository,
            store=self.store,
            outbox=self.store,
            polling=monitoring.scheduler,
            leadership=leadership,
            clock=clock,
            blind_after=timedelta(minutes=5),
            operator=ChannelId("C0OPS"),
            doubt=doubt,
            memberships=NO_MEMBERSHIPS,
        )
        suspensions = Suspensions(
            store=self.store, repository=repository, conversations=self, clock=clock, wake=wake, fallback=None
        )
        around = LaneServices(
            store=self.store,
            clock=clock,
            doubt=doubt,
            sending_right=Leadership(self.store, clock, ACTIVE_SENDER),
            carriers={
                **by_slack(self, clock, suspensions),
                PAGERDUTY: Carrier(
                    chat=Pager(self), limiter=RateLimiter(clock, PAGERDUTY_LIMITS), suspender=NoSuspensions()
                ),
            },
        )
        self.setup_changes = SetupChanges(repository=repository, setup_store=self.store, clock=clock)
        silences = SilenceEnds(repository=repository, changes=self.setup_changes, clock=clock)
        await heartbeat.beat()
        jobs: list[Coroutine[Any, Any, None]] = [
            monitoring.scheduler.run(asyncio.Event()),
            Dispatcher(around, wake, poll_seconds=self.poll_seconds).run(),
            _every(self.tick_seconds, monitoring.scheduler.tick),
            _every(4.0, heartbeat.beat),
            _every(self.tick_seconds, leadership.only_as_leader(silences.follow)),
            _every(self.tick_seconds, PageTimers(repository, leadership, clock).serve),
        ]
        if self.world.diagnoses:
            jobs.append(monitoring.diagnoses.run(asyncio.Event()))
            jobs.append(_every(self.tick_seconds, monitoring.diagnoses.serve))
        if self.world.runs:
            runs = BoundedRuns(
                repository=repository,
                details=details,
                recent=lambda _: (),
                are_loaded=lambda: True,
                confirm_intent=monitoring.recorder.confirm_intent,
                budget=budget,
                clock=clock,
                leadership=leadership,
            )
            jobs.append(_every(self.tick_seconds, runs.follow))
        self.world.living[self._number] = self
        self._tasks = [asyncio.create_task(job) for job in jobs]
        try:
            await asyncio.gather(*self._tasks)
        finally:  # `gather` returns when the first one ends
            self.dead = True
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)


async def _every(seconds: float, run: Any) -> None:
    while True:
        with contextlib.suppress(StoreAway):
            await run()
        await asyncio.sleep(seconds)


RENDERER = Renderer(command="/pipeline", platform_url="https://example.com/")


# --- a world's course ------------------------------------------------------------------------------------------------


async def _kept_alive(world: World, number: int) -> None:
    for life in itertools.count(number, 10):
        process = Process(world, life)
        try:
            await process.live()
        except (asyncio.CancelledError, StoreAway, BaseExceptionGroup):
            current = asyncio.current_task()
            if current and current.cancelling():
                raise
        process.dead = True
        await asyncio.sleep(world.chance.uniform(1, 20))


async def _moved(world: World, pipeline_id: PipelineId) -> None:
    """Takes the pipeline out of RUNNING and back, over and over. In some worlds all pipelines change together."""
    while True:
        for phase in (world.chance.choice((Phase.FAILED, Phase.FAILED, Phase.PAUSED)), Phase.RUNNING):
            await asyncio.sleep(_until_the_next_change(world))
            world.become(pipeline_id, phase)


async def _flapped(world: World, pipeline_id: PipelineId, until: float) -> None:
    """Fails and recovers as soon as the bot has read the phase before, for a while, and then holds it."""
    while world.clock.monotonic() < until:
        for number in range(2 * world.chance.randint(2, 20)):
            while not _has_recorded(world, pipeline_id):
                await asyncio.sleep(1.0)
            world.become(pipeline_id, Phase.RUNNING if number % 2 else Phase.FAILED)
        await asyncio.sleep(world.chance.uniform(HELD_SECONDS, 2000.0))


async def _ran(world: World, pipeline_id: PipelineId, until: float) -> None:
    """Stops at its end, or before it, until the bot knows which, and starts again. Some stops last much longer."""
    chance = random.Random(f"{pipeline_id} {world.seed}")  # noqa: S311
    while world.clock.monotonic() < until:
        await asyncio.sleep(HELD_SECONDS + chance.expovariate(1 / 600))
        world.stop_run(pipeline_id, chance.choice((BLOCKS.stop, chance.randint(1_001, BLOCKS.stop - 1))))
        await asyncio.sleep(HELD_SECONDS + chance.choice((0, chance.expovariate(1 / 600))))
        while not _has_judged(world, pipeline_id):
            await asyncio.sleep(1.0)
        world.become(pipeline_id, Phase.RUNNING)


def _has_judged(world: World, pipeline_id: PipelineId) -> bool:
    """True if the bot knows how the run ended, and if no rollback can make it forget."""
    record = world.disk.records.get(pipeline_id)
    known = record is not None and record.state.run is not None and record.state.run.end is not None
    return known and _has_recorded(world, pipeline_id)


def _has_recorded(world: World, pipeline_id: PipelineId) -> bool:
    """True if the bot knows the phase, and if no rollback can make it forget."""
    record = world.disk.records.get(pipeline_id)
    if record is None or record.state.phase != world.phases[pipeline_id] or record.state.since is None:
        return False
    return (world.clock.now() - record.state.since).total_seconds() > 2 * FORGETS_SECONDS


def _until_the_next_change(world: World) -> float:
    if not world.together:
        return HELD_SECONDS + world.chance.expovariate(1 / 600)
    now = world.clock.monotonic()
    return (now // TOGETHER_SECONDS + 1) * TOGETHER_SECONDS - now + world.chance.uniform(0, 15)


async def _answered(world: World) -> None:
    """Ann acknowledges a failure now and then. She never answers some of them."""
    chance = random.Random(world.seed)  # noqa: S311
    while True:
        await asyncio.sleep(chance.expovariate(1 / 600))
        failed = [pipeline_id for pipeline_id, phase in world.phases.items() if phase == Phase.FAILED]
        alive = [process for process in world.living.values() if not process.dead]
        if failed and alive:
            await _acknowledge(world, chance.choice(alive), chance.choice(failed))


async def _acknowledge(world: World, process: Process, pipeline_id: PipelineId) -> None:
    answer = Acknowledgement(by=UserId(ANN.id), at=world.clock.now(), name="Ann")
    plan, certain = None, False
    try:
        plan = await process.repository.write(
            pipeline_id, lambda record, routing: plan_acknowledgement(record, routing, answer)
        )
        certain = True
    except (StoreAway, asyncio.CancelledError):
        if (task := asyncio.current_task()) and task.cancelling():
            raise
    if plan or not certain:
        world.note(f"Ann acknowledges {pipeline_id}")
        world.pages.answers.append(PageAnswer(str(pipeline_id), world.clock.monotonic(), certain))


async def _muted(world: World, until: float) -> None:
    """Ann mutes a pipeline now and then. Each mute ends by itself, the last one at `until`."""
    chance = random.Random(f"mutes {world.seed}")  # noqa: S311
    while True:
        await asyncio.sleep(chance.expovariate(1 / MUTED_SECONDS))
        pipeline_id = chance.choice(MUTABLE)
        seconds = min(chance.uniform(60, MUTED_SECONDS), until - world.clock.monotonic())
        alive = [process for process in world.living.values() if not process.dead]
        if alive and seconds > 0 and not any(span.pipeline == pipeline_id for span in _open_mutes(world)):
            await _mute(world, chance.choice(alive), pipeline_id, seconds)


def _open_mutes(world: World) -> list[MuteSpan]:
    return [span for span in world.mutes.spans if span.until > world.clock.monotonic()]


async def _mute(world: World, process: Process, pipeline_id: PipelineId, seconds: float) -> None:
    at = world.clock.now()
    mute = Mute(
        made_in=MUTED,
        reference=pipeline_id,
        name=pipeline_id,
        made_by=UserId(ANN.id),
        made_at=at,
        until=at + timedelta(seconds=seconds),
    )

    def change(setup: Setup, _: datetime) -> SetupPlan[None]:
        before = next((row for row in setup.all(Mute) if row.id == mute.id), None)
        return SetupPlan(answer=None, edits=(SetupEdit(before=before, after=mute),))

    with contextlib.suppress(StoreAway):
        try:
            await process.setup_changes.write(change, by=UserId(ANN.id))
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
    if world.disk.setup.get(mute.key) == mute:
        world.note(f"Ann mutes {pipeline_id} for {seconds:.0f} s")
        until = (mute.until - BEGIN).total_seconds()
        world.mutes.spans.append(MuteSpan(pipeline_id, world.clock.monotonic(), until))


async def _forgotten(world: World) -> None:
    """Rolls Redis back by a few seconds now and then."""
    while True:
        await asyncio.sleep(1.0)
        if world.strikes(world.odds.rollback):
            copy = world.disk.snapshot()
            await asyncio.sleep(world.chance.uniform(0, FORGETS_SECONDS))
            copy.run = world.disk.run + 1
            world.disk = copy
            world.rollbacks += 1
            world.pages.rollbacks.append(world.clock.monotonic())
            muted = {row.reference for row in copy.setup.values() if isinstance(row, Mute)}
            for span in _open_mutes(world):
                if span.pipeline not in muted:
                    span.until, span.is_forgotten = world.clock.monotonic(), True
            world.note("Redis forgets its last seconds")


def _watches(*, runs: bool) -> Iterator[Watch]:
    named = [
        (CHANNELS[0], "pipe-*", (ANN, PAGER)),
        (CHANNELS[1], "pipe-*", ()),
        *((MUTED, reference, (BOB,)) for reference in MUTABLE),
        *([(CHANNELS[0], "run-*", (CARL,)), (CHANNELS[1], "run-*", ())] if runs else []),
    ]
    for channel, reference, targets in named:
        yield Watch(channel=channel, reference=reference, targets=targets, made_by=UserId("U0ANN"), made_at=BEGIN)


async def live_through(
    seed: int, hours: float = HOURS, *, diagnoses: bool = False, runs: bool = False
) -> tuple[Verdict, World]:
    world = World(seed, diagnoses=diagnoses, runs=runs)
    world.phases = {PipelineId(f"pipe-{number}"): Phase.RUNNING for number in range(1, 6)}
    *steady, last = world.phases
    world.phases |= dict.fromkeys(RUNS if runs else (), Phase.RUNNING)
    world.started = dict.fromkeys(world.phases, BEGIN)
    world.disk.watches = {watch.id: watch for watch in _watches(runs=runs)}
    world.disk.watches_version = 1
    world.disk.catalogue = {pipeline.id: pipeline for pipeline in world.pipelines}
    bots = 1 + world.chance.randint(0, 1)
    settled_by = hours * 3600 - 3 * CALM_SECONDS
    moving = [asyncio.create_task(_moved(world, pipeline_id)) for pipeline_id in steady]
    if world.flaps:
        world.pages.flapping.add(str(last))
    moving += [asyncio.create_task(_answered(world)), asyncio.create_task(_muted(world, settled_by))]
    moving.append(asyncio.create_task(_flapped(world, last, settled_by) if world.flaps else _moved(world, last)))
    moving += [asyncio.create_task(_ran(world, pipeline_id, settled_by)) for pipeline_id in RUNS if runs]
    living = [asyncio.create_task(_kept_alive(world, number)) for number in range(1, bots + 1)]
    tasks = [*moving, *living, asyncio.create_task(_forgotten(world))]
    await asyncio.sleep(hours * 3600 - CALM_SECONDS)
    for task in moving:
        task.cancel()
    await asyncio.sleep(HELD_SECONDS)
    world.calm = True
    for pipeline_id, phase in world.phases.items():
        if phase != Phase.RUNNING:
            world.become(pipeline_id, Phase.RUNNING)
    await asyncio.sleep(CALM_SECONDS)
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    for result in ended:
        if isinstance(result, Exception):
            raise result
    verdict = judge(world.happened, {str(channel): world.slack.channel_messages(channel) for channel in CHANNELS})
    assert CARL.direct
    return judge(world.failed_runs, {CARL.direct: world.slack.channel_messages(CARL.direct)}, verdict), world


def run_world(
    seed: int, hours: float = HOURS, *, diagnoses: bool = False, runs: bool = False
) -> tuple[int, list[str], int, int, int, int]:
    """Returns the seed, the faults, and the counts of reports, admitted repeats, crashes and rollbacks."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    loop = VirtualLoop()
    try:
        verdict, world = loop.run_until_complete(live_through(seed, hours, diagnoses=diagnoses, runs=runs))
    finally:
        loop.close()
        structlog.reset_defaults()  # a later test in this process reads its log
    calm_from = hours * 3600 - CALM_SECONDS + HELD_SECONDS
    promise = Promise(
        budget=world.budget,
        oldest=OLDEST_SECONDS,
        calm_from=calm_from,
        drained_within=DRAINED_SECONDS,
        late=[(float("-inf"), calm_from + Cadence().at_rest_seconds)],  # the bot may still take it for paused till then
    )
    traffic = judge_traffic(world.slack_calls, world.reads, world.began, world.accepted_at, promise)
    return (
        seed,
        [*verdict.faults, *traffic, *judge_pages(world.pages), *judge_mutes(world.mutes, world.pages.changes)],
        verdict.reported,
        verdict.possible_repeats,
        world.crashes,
        world.rollbacks,
    )


def main() -> int:
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of a set changes a world's course
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.proofs.simulation", *sys.argv[1:]],
            os.environ | {"PYTHONHASHSEED": "0"},
        )
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hours", type=float, default=1000)
    options.add_argument("--first", type=int, default=1)
    options.add_argument("--seed", type=int)
    options.add_argument("--diagnoses", action="store_true")
    options.add_argument("--runs", action="store_true")
    options.add_argument("--workers", type=int, default=2)
    chosen = options.parse_args()
    seeds = [chosen.seed] if chosen.seed is not None else range(chosen.first, chosen.first + int(chosen.hours / HOURS))
    began, faulty = time.monotonic(), 0
    sums = [0, 0, 0, 0]
    with ProcessPoolExecutor(chosen.workers) as pool:
        for seed, faults, *counts in pool.map(partial(run_world, diagnoses=chosen.diagnoses, runs=chosen.runs), seeds):
            sums = [total + count for total, count in zip(sums, counts, strict=True)]
            faulty += bool(faults)
            for fault in faults:
                sys.stdout.write(f"seed {seed}: {fault}\n")
    reported, repeats, crashes, rollbacks = sums
    sys.stdout.write(
        f"{len(seeds) * HOURS:.0f} hours in {time.monotonic() - began:.0f} s: {reported} reports, {crashes} crashes, "
        f"{rollbacks} Redis rollbacks, {repeats} admitted as possible repeats, {faulty} worlds with a fault\n"
    )
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
