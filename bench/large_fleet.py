"""A large fleet in Redis, written by the store's own code, as a bot would leave it.

The pipelines are those of `bench.fake_goldrush`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import Enum

import redis.asyncio

from bench.fake_goldrush import START_TIME, pipeline_id
from bench.fake_goldrush import status as status_of
from bench.fleet import Fleet
from bot.clock import StoreClock
from bot.domain.catalogue import Pipeline
from bot.domain.observation import Observation, PipelineId, ReadSequence
from bot.domain.phase import Intent, Phase
from bot.domain.plan import Record
from bot.domain.transition import Healthy, PipelineState
from bot.domain.watch import ChannelId, TeamId, UserId, Watch
from bot.store.clock import RedisClock
from bot.store.codec import RECORD, WATCH
from bot.store.redis import RedisStore
from bot.store.scripts import Scripts
from sandbox.slack.directory import TEAM_ID
from tests.journey.rig import ALERTS, ANN

BEGAN = datetime.fromisoformat(START_TIME)
PROJECTS = 20
RATE = 4.0  # reads a second
IN_ONE_CHANNEL = 3000
CHANNELS = 1000
Columns = dict[bytes | bytearray | memoryview | str | int | float, bytes | bytearray | memoryview | str | int | float]


class Shape(Enum):
    """How the pipelines are watched."""

    PATTERN = "one pattern"
    ONE_CHANNEL = "3,000 watches in one channel"
    CHANNELS = "a watch each over 1,000 channels"


def pipeline_of(number: int) -> Pipeline:
    return Pipeline(
        id=PipelineId(pipeline_id(number)),
        name=Fleet.name(number),
        project=f"project-{number % PROJECTS:05}",
        intent=Intent.RUNNING,
    )


def _record(number: int, now: datetime) -> Record:
    """Last read in a round at `RATE`."""
    pipeline, since = pipeline_of(number), BEGAN + timedelta(seconds=number / 10)
    observation = Observation(
        pipeline_id=pipeline.id,
        sequence=ReadSequence(1, number),
        observed_at=now - timedelta(seconds=number / RATE),
        phase=Phase.RUNNING,
        replicas=1,
        ready=1,
        uid=status_of(number, "RUNNING")["uid"],
        start_time=BEGAN,
        intent=Intent.RUNNING,
    )
    state = PipelineState(
        observation=observation,
        since=since,
        first_seen=True,
        live=True,
        uid=observation.uid,
        start_time=BEGAN,
        healthy=Healthy(since=since, at_least=True),
        sequence=observation.sequence,
    )
    return Record(pipeline_id=pipeline.id, state=state, version=0)


def _watches(pipelines: int, shape: Shape) -> Iterator[Watch]:
    if shape is Shape.PATTERN:
        yield Watch(
            channel=channel_of(0), reference="*", made_by=UserId(ANN), made_by_name="Ann", made_at=BEGAN, label="*"
        )
        return
    for number in range(pipelines if shape is Shape.CHANNELS else min(pipelines, IN_ONE_CHANNEL)):
        pipeline = pipeline_of(number)
        yield Watch(
            channel=channel_of(number % CHANNELS if shape is Shape.CHANNELS else 0),
            reference=pipeline.id,
            made_by=UserId(ANN),
            made_by_name="Ann",
            made_at=BEGAN + timedelta(seconds=number),
            label=pipeline.name,
        )


def channel_of(number: int) -> ChannelId:
    return ChannelId(f"C{number:010}" if number else ALERTS)


async def filled(url: str, pipelines: int, shape: Shape) -> int:
    """Writes a fleet that has been read, and its watches. Returns the bytes that Redis uses for them."""
    client = redis.asyncio.Redis.from_url(url)
    scripts = Scripts(client, TeamId(TEAM_ID))
    clock = await StoreClock.start(RedisClock(scripts))
    store = RedisStore(scripts, clock)
    before = (await client.info("memory"))["used_memory"]
    await store.save_pipelines(map(pipeline_of, range(pipelines)))
    watches = list(_watches(pipelines, shape))
    watched = pipelines if shape is not Shape.ONE_CHANNEL else len(watches)
    for begin in range(0, watched, 1000):
        records = [_record(number, clock.now()) for number in range(begin, min(begin + 1000, watched))]
        written: Columns = {it.pipeline_id: RECORD.encode(it) for it in records}
        await client.hset(scripts.keys["records"], mapping=written)
        await client.hset(scripts.keys["versions"], mapping={it.pipeline_id: 1 for it in records})
    for begin in range(0, len(watches), 1000):
        rows: Columns = {watch.id: WATCH.encode(watch) for watch in watches[begin : begin + 1000]}
        await client.hset(scripts.keys["watches"], mapping=rows)
    await client.set(scripts.keys["watches_version"], 1)
    used = int((await client.info("memory"))["used_memory"]) - int(before)
    # Without a heartbeat, a bot would take the rows for what a loss of data left, and restore them.
    run_id = (await store.last_heartbeat()).run_id
    await store.record_heartbeat(clock.now(), run_id, read_since=clock.now() - timedelta(seconds=pipelines / RATE))
    await client.aclose()
    return used
