"""Growth from 100 to 100,000 pipelines, by one pattern and by a watch each: start, idle CPU, memory and answers.

The parent fills a real Valkey through the store's code. A child process then lives the bot's life on it: it loads,
leads, polls 4 pipelines a second from a GoldRush that answers at once, and answers commands. All times are CPU times.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import redis.asyncio

from bench.machine import cost
from bot.clock import StoreClock
from bot.coordination.heartbeat import Heartbeat
from bot.coordination.leadership import Leadership
from bot.delivery.doubt import Doubt
from bot.domain.cadence import Cadence
from bot.domain.catalogue import Pipeline
from bot.domain.observation import Observation, PipelineId, ReadSequence
from bot.domain.phase import Intent, Phase
from bot.domain.plan import Record
from bot.domain.subscription import WatchLimits, Wish
from bot.domain.transition import Healthy, PipelineState
from bot.domain.watch import ChannelId, TeamId, UserId, Watch
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
from bot.store.codec import RECORD, WATCH
from bot.store.leader_calls import RemoteLeader
from bot.store.redis import RedisStore
from bot.store.scripts import Scripts
from tests.fakes import FakeChat
from tests.journey.valkey import Valkey

TEAM, ANN = TeamId("T0BENCH"), UserId("U0ANN")
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
RATE = 4.0
SMALL, LARGE = 100, 100_000
IDLE_SECONDS = 20.0
MOST_WATCHES = 3000  # in one channel
CHANNELS = 1000
Columns = dict[bytes | bytearray | memoryview | str | int | float, bytes | bytearray | memoryview | str | int | float]
RENDER = RenderContext(platform_url="https://goldrush.dev/platform/", command="/pipeline")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """One child's figures. CPU times in seconds, memory in bytes."""

    start: float
    led: int
    """How often it became the leader: more than once if it lost its lease."""
    idle_share: float
    rss: int
    redis: int
    commands_per_read: float
    answers: dict[str, float]
    blocks: dict[str, float]


def _pipeline(number: int) -> Pipeline:
    pipeline_id = PipelineId(f"pipe_{number:027x}")
    name = f"team-{number % 97}-orders-{number:06}"
    return Pipeline(id=pipeline_id, name=name, project=f"project-{number % 40}", intent=Intent.RUNNING)


def _record(number: int) -> Record:
    pipeline_id, seen = _pipeline(number).id, BEGAN + timedelta(seconds=number / 10)
    observation = Observation(
        pipeline_id=pipeline_id,
        sequence=ReadSequence(1, number),
        observed_at=seen,
        phase=Phase.RUNNING,
        replicas=1,
        ready=1,
        uid=f"{number:08x}-91f1-4b6e-a2a4-0123456789ab",
        start_time=BEGAN,
        intent=Intent.RUNNING,
    )
    state = PipelineState(
        observation=observation,
        since=seen,
        first_seen=True,
        live=True,
        uid=observation.uid,
        start_time=BEGAN,
        healthy=Healthy(since=seen, at_least=True),
        sequence=observation.sequence,
    )
    return Record(pipeline_id=pipeline_id, state=state, version=0)


def _watches(pipelines: int, shape: str) -> Iterator[Watch]:
    """`pattern`: one watch of all. `channel`: a watch each in one channel. `channels`: spread over 1,000 channels."""
    if shape == "pattern":
        yield Watch(channel=_channel(0), reference="*", made_by=ANN, made_by_name="Ann", made_at=BEGAN, label="*")
        return
    for number in range(pipelines if shape == "channels" else min(pipelines, MOST_WATCHES)):
        pipeline = _pipeline(number)
        yield Watch(
            channel=_channel(number % CHANNELS if shape == "channels" else 0),
            reference=pipeline.id,
            made_by=ANN,
            made_by_name="Ann",
            made_at=BEGAN + timedelta(seconds=number),
            label=pipeline.name,
        )


def _channel(number: int) -> ChannelId:
    return ChannelId(f"C{number:010}")


async def _fill(url: str, pipelines: int, shape: str) -> int:
    """Returns the bytes that Redis uses for it."""
    client = redis.asyncio.Redis.from_url(url)
    scripts = Scripts(client, TEAM)
    clock = await StoreClock.start(RedisClock(scripts))
    store = RedisStore(scripts, clock)
    before = (await client.info("memory"))["used_memory"]
    await store.save_pipelines(map(_pipeline, range(pipelines)))
    watches = list(_watches(pipelines, shape))
    watched = pipelines if shape != "channel" else len(watches)
    for begin in range(0, watched, 1000):
        records = [_record(number) for number in range(begin, min(begin + 1000, watched))]
        written: Columns = {it.pipeline_id: RECORD.encode(it) for it in records}
        await client.hset(scripts.keys["records"], mapping=written)
        await client.hset(scripts.keys["versions"], mapping={it.pipeline_id: 1 for it in records})
    for begin in range(0, len(watches), 1000):
        rows: Columns = {watch.id: WATCH.encode(watch) for watch in watches[begin : begin + 1000]}
        await client.hset(scripts.keys["watches"], mapping=rows)
    await client.set(scripts.keys["watches_version"], 1)
    used = int((await client.info("memory"))["used_memory"]) - int(before)
    # Without a heartbeat, the child would take the rows for what a loss of data left, and restore them.
    await store.record_heartbeat(clock.now(), (await store.last_heartbeat()).run_id)
    await client.aclose()
    return used


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
        return _pipeline(int(pipeline_id.removeprefix("pipe_"), 16))

    async def page(self, number: int) -> Page:
        first = (number - 1) * 50
        listed = tuple(map(_pipeline, range(first, min(first + 50, self._pipelines))))
        return Page(pipelines=listed, more=first + 50 < self._pipelines, total=self._pipelines, skipped=0)


async def live(url: str, pipelines: int, idle_seconds: float) -> dict[str, object]:
    """The child's life."""
    client = redis.asyncio.Redis.from_url(url)
    scripts = Scripts(client, TEAM)
    clock = await StoreClock.start(RedisClock(scripts))
    store, api = RedisStore(scripts, clock), _InstantApi(pipelines)
    repository = Repository(store, asyncio.Event())
    await repository.load()
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
    led: list[EventRecord] = []
    subscribe(lambda event: led.append(event) if isinstance(event, PollingStarted) else None)
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
        limits=WatchLimits(watches=LARGE, patterns=LARGE),
    )
    stopped = asyncio.Event()
    scheduler = asyncio.create_task(monitoring.scheduler.run(stopped))

    async def idle(seconds: float) -> None:
        end = time.monotonic() + seconds
        for turn in count():
            if time.monotonic() >= end:
                return
            await monitoring.scheduler.tick()
            if turn % 8 == 0:
                await heartbeat.beat()
            await asyncio.sleep(TICK_SECONDS)

    await idle(5.0)
    commands, reads = (await client.info("stats"))["total_commands_processed"], api.reads
    cpu, began = time.process_time(), time.monotonic()
    await idle(idle_seconds)
    share = (time.process_time() - cpu) / (time.monotonic() - began)
    commands = (await client.info("stats"))["total_commands_processed"] - commands
    rss = cost(_own_pid()).rss
    answers, blocks = await _answers(requests, repository)
    stopped.set()
    await scheduler
    await client.aclose()
    return {
        "start": api.first_at,
        "led": len(led),
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
    channel, question, queries = _channel(0), SavedQuestion(text="x"), requests.queries
    name = _pipeline(7).name

    async def status(*references: str) -> object:
        names = requests.references.names(channel)
        answer = await queries.status(channel, references, names=names)
        return status_blocks(answer, question, RENDER)

    async def browse(words: str) -> object:
        return list_blocks(await queries.browse(channel, words, 0, 20), question)

    async def watch() -> object:
        resolved = await requests.subscriptions.prepare(channel, [_pipeline(11).name])
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


async def lived(pipelines: int, shape: str, *, idle_seconds: float) -> Lived:
    """Fills a Valkey, and lets a child live on it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        async with Valkey(Path(scratch) / "redis", "--appendfsync", "no") as valkey:
            used = await _fill(valkey.url, pipelines, shape)
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bench.growth",
                "--child",
                valkey.url,
                str(pipelines),
                str(idle_seconds),
                stdout=asyncio.subprocess.PIPE,
            )
            out, _ = await child.communicate()
    return Lived(redis=used, **json.loads(out.decode().splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", nargs=3)
    parser.add_argument("--sizes", nargs="+", type=int, default=[SMALL, 1000, 10_000, LARGE])
    parser.add_argument("--shapes", nargs="+", default=["pattern", "channel", "channels"])
    parser.add_argument("--idle", type=float, default=IDLE_SECONDS)
    given = parser.parse_args()
    if given.child:
        url, pipelines, seconds = given.child
        sys.stdout.write(f"\n{json.dumps(asyncio.run(live(url, int(pipelines), float(seconds))))}\n")
        return
    for size in given.sizes:
        for shape in given.shapes:
            figures = asyncio.run(lived(size, shape, idle_seconds=given.idle))
            sys.stdout.write(f"{size} {shape} {figures}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
