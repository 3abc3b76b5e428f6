"""The life of a bot on a large fleet: it loads, leads, polls 4 pipelines a second, and answers commands.

    python -m bench.growth_life URL PIPELINES SECONDS

Its GoldRush answers at once, so all CPU is the bot's. Prints its figures as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count
from pathlib import Path

import redis.asyncio

from bench.large_fleet import ANN, BEGAN, TEAM, channel_of, pipeline_of
from bench.machine import cost
from bot.clock import StoreClock
from bot.coordination.heartbeat import Heartbeat
from bot.coordination.leadership import Leadership
from bot.delivery.doubt import Doubt
from bot.domain.cadence import Cadence
from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.subscription import WatchLimits, Wish
from bot.domain.watch import ChannelId
from bot.garbage import collect_rarely, keep_for_good, without_collections
from bot.monitoring.budget import Budget
from bot.monitoring.follower_reads import FollowerReads
from bot.monitoring.monitoring import Monitoring
from bot.monitoring.scheduler import TICK_SECONDS
from bot.ports.pipeline_api import Page, Status
from bot.ports.telemetry import EventRecord, subscribe
from bot.ports.telemetry.monitoring import PollingStarted
from bot.requests.services import RequestServices
from bot.slack.features.list import list_blocks
from bot.slack.features.status import status_blocks
from bot.slack.features.watches import watches_blocks
from bot.slack.render.render_context import RenderContext
from bot.slack.render.saved_question import SavedQuestion
from bot.state.repository import Repository
from bot.store.clock import RedisClock
from bot.store.leader_calls import RemoteLeader
from bot.store.redis import RedisStore
from bot.store.scripts import Scripts
from tests.fakes import FakeChat

RATE = 4.0
SETTLE_SECONDS = 3.0
MOST_WATCHES = 100_000
RENDER = RenderContext(platform_url="https://goldrush.dev/platform/", command="/pipeline")


class _InstantApi:
    """A GoldRush that answers at once, and a bot that is in no channel."""

    def __init__(self, pipelines: int) -> None:
        self._pipelines = pipelines
        self.reads = 0
        self.first_at = float("nan")
        """In CPU seconds since the process began."""

    async def memberships(self) -> tuple[ChannelId, ...]:
        return ()

    async def status(self, pipeline_id: PipelineId) -> Status:
        if self.reads == 0:
            self.first_at = time.process_time()
        self.reads += 1
        number = int(pipeline_id.removeprefix("pipe_"), 16)
        uid = f"{number:08x}-91f1-4b6e-a2a4-0123456789ab"
        return Status(phase=Phase.RUNNING, replicas=1, ready=1, uid=uid, start_time=BEGAN)

    async def pipeline(self, pipeline_id: PipelineId) -> Pipeline:
        return pipeline_of(int(pipeline_id.removeprefix("pipe_"), 16))

    async def page(self, number: int) -> Page:
        first = (number - 1) * 50
        listed = tuple(map(pipeline_of, range(first, min(first + 50, self._pipelines))))
        return Page(pipelines=listed, more=first + 50 < self._pipelines, total=self._pipelines, skipped=0)


async def live(url: str, pipelines: int, seconds: float) -> dict[str, object]:
    """The child's life. It says when it is settled; with the next line from its parent, it measures."""
    client = redis.asyncio.Redis.from_url(url)
    scripts = Scripts(client, TEAM)
    clock = await StoreClock.start(RedisClock(scripts))
    store, api = RedisStore(scripts, clock), _InstantApi(pipelines)
    repository = Repository(store, asyncio.Event())
    with without_collections():
        await repository.load()
    keep_for_good()
    leadership, budget = Leadership(store, clock), Budget(RATE, clock)
    monitoring = Monitoring.build(
        api=api,
        repository=repository,
        budget=budget,
        clock=clock,
        cadence=Cadence(),
        leadership=leadership,
        slots=8,
    )
    heartbeat = Heartbeat.build(
        repository=repository,
        store=store,
        outbox=store,
        polling=monitoring.scheduler,
        leadership=leadership,
        clock=clock,
        doubt=Doubt(clock),
        memberships=api,
        blind_after=timedelta(hours=10000),
    )
    led = 0

    def count_leads(event: EventRecord) -> None:
        nonlocal led
        led += isinstance(event, PollingStarted)

    subscribe(count_leads)
    await heartbeat.beat()
    follower = FollowerReads(
        leader=RemoteLeader(scripts, clock),
        repository=repository,
        unrecorded=monitoring.recorder.unrecorded,
        budget=budget,
        cadence=Cadence(),
        clock=clock,
        heartbeat=heartbeat,
    )
    peoples_reads = monitoring.reads(leadership, follower)
    requests = RequestServices.build(
        repository=repository,
        store=store,
        reads=peoples_reads,
        unrecorded=monitoring.recorder.unrecorded,
        catalogue=peoples_reads,
        clock=clock,
        conversations=FakeChat(),
        limits=WatchLimits(watches=MOST_WATCHES, patterns=MOST_WATCHES),
    )
    stopped = asyncio.Event()
    scheduler = asyncio.create_task(monitoring.scheduler.run(stopped))

    async def idle_until(has_ended: Callable[[], bool]) -> None:
        for turn in count():
            if has_ended():
                return
            await monitoring.scheduler.tick()
            if turn % 8 == 0:
                await heartbeat.beat()
            await asyncio.sleep(TICK_SECONDS)

    began = time.monotonic()
    await idle_until(lambda: time.monotonic() >= began + SETTLE_SECONDS)
    sys.stdout.write("settled\n")
    sys.stdout.flush()
    go = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    await idle_until(go.done)
    commands, reads = (await client.info("stats"))["total_commands_processed"], api.reads
    cpu, began = time.process_time(), time.monotonic()
    await idle_until(lambda: time.monotonic() >= began + seconds)
    share = (time.process_time() - cpu) / (time.monotonic() - began)
    commands = (await client.info("stats"))["total_commands_processed"] - commands
    rss = cost(_own_pid()).rss
    answers, blocks = await _answers(requests, repository)
    stopped.set()
    await scheduler
    await client.aclose()
    return {
        "start": api.first_at,
        "led": led,
        "idle_share": share,
        "rss": rss,
        "commands_per_read": commands / max(1, api.reads - reads),
        "answers": answers,
        "blocks": blocks,
    }


def _own_pid() -> int:
    return int(Path("/proc/self").readlink().name)


async def _answers(requests: RequestServices, repository: Repository) -> tuple[dict[str, float], dict[str, float]]:
    """CPU seconds of each command with its rendering, and the longest time for which it held the event loop."""
    channel, question, queries = channel_of(0), SavedQuestion(text="x"), requests.queries
    name = pipeline_of(7).name

    async def status(*references: str) -> object:
        names = requests.references.names(channel)
        answer = await queries.status(channel, references, names=names)
        return status_blocks(answer, question, RENDER)

    async def browse(words: str) -> object:
        return list_blocks(await queries.browse(channel, words, 0, 20), question)

    async def watch() -> object:
        resolved = await requests.subscriptions.prepare(channel, [pipeline_of(11).name])
        return await requests.subscriptions.watch(channel, resolved, Wish(by=ANN, by_name="Ann"))  # type: ignore[arg-type]

    async def watches() -> object:
        return watches_blocks(await queries.watches(channel), RENDER)

    async def home() -> object:
        return queries.failures(channel), await watches()

    commands: dict[str, Callable[[], Awaitable[object]]] = {
        "status NAME": lambda: status(name),
        "status UNKNOWN": lambda: status("tea-7-ordrs-7"),
        "status": status,
        "list": lambda: browse(""),
        "list WORDS": lambda: browse("orders-0000"),
        "watch": watch,
        "watches": watches,
        "home": home,
    }
    answers, blocks = {}, {}
    for command, run in commands.items():
        await repository.catch_up()
        began = time.process_time()
        await run()
        answers[command] = time.process_time() - began
        blocks[command] = await _longest_block(run)
    return answers, blocks


async def _longest_block(run: Callable[[], Awaitable[object]]) -> float:
    longest, done = 0.0, False

    async def look() -> None:
        nonlocal longest
        last = time.process_time()
        while not done:
            await asyncio.sleep(0)
            now = time.process_time()
            longest, last = max(longest, now - last), now

    looking = asyncio.create_task(look())
    await asyncio.sleep(0)
    await run()
    await asyncio.sleep(0)
    done = True
    await looking
    return longest


def main() -> None:
    collect_rarely()
    url, pipelines, seconds = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(live(url, int(pipelines), float(seconds)))) + "\n")


if __name__ == "__main__":
    main()
