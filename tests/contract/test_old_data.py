"""The bot starts on Redis data of an older version: it keeps every watch and open card, and repeats nothing.

docs/contributing.md says how to make the next dump.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.watch import ChannelId, TeamId
from bot.ports.pipeline_api import Status
from bot.store.migration import migrate
from bot.store.scripts import Scripts
from tests.fakes import US, FakeApi, FakeChat, FakeClock
from tests.service.test_heartbeat import Whole, whole
from tests.stores import WholeStore

DUMPS = sorted((Path(__file__).parent.parent / "data").glob("redis-*.json"))
SUSPENDED = ChannelId("C0QUIET")
ROUND_TRIPS = 20  # of a ping: so long the bot's own calls to Redis may go on before time passes


@dataclass(frozen=True, slots=True)
class Dump:
    """What an older version left in Redis and in Slack."""

    at: datetime
    team: TeamId
    keys: Mapping[str, Any]
    messages: tuple[Mapping[str, Any], ...]

    @classmethod
    def read(cls, path: Path) -> "Dump":
        document = json.loads(path.read_text())
        team = TeamId(next(iter(document["keys"])).partition("{")[2].partition("}")[0])
        return cls(datetime.fromisoformat(document["at"]), team, document["keys"], tuple(document["slack"]))

    def rows(self, name: str) -> dict[str, Any]:
        """The JSON rows of a hash, by field."""
        hashed = self.keys[f"pipeline-bot:{{{self.team}}}:{name}"]["value"]
        return {field: json.loads(row) for field, row in hashed.items() if field != "-"}

    @property
    def posted(self) -> set[str]:
        """The keys of the messages that stand in Slack."""
        return {message["metadata"]["event_payload"]["key"] for message in self.messages if message["metadata"]}

    @property
    def open_cards(self) -> set[str]:
        episodes = [record.get("episode") for record in self.rows("records").values()]
        open_ = [episode for episode in episodes if episode and episode["closed_at"] is None]
        return {key for episode in open_ for key in episode.get("told", episode.get("cards"))}

    async def load(self, client: redis.asyncio.Redis) -> None:
        """Leases have run out by the time of the next start."""
        for name, key in self.keys.items():
            match key["type"], key["value"]:
                case _ if ":lease:" in name:
                    continue
                case "hash", value:
                    await client.hset(name, mapping=value)
                case "set", value:
                    await client.sadd(name, *value)
                case "zset", value:
                    await client.zadd(name, dict(value))
                case _, value:
                    await client.set(name, value)
            if key["ttl_ms"] > 0:
                await client.pexpire(name, key["ttl_ms"])


async def the_api(store: WholeStore) -> FakeApi:
    """Every pipeline is as the older bot read it last."""
    api = FakeApi(*(await store.catalogue()).values())
    for pipeline_id, record in (await store.records()).items():
        if observation := record.state.observation:
            api.statuses[pipeline_id] = Status(
                phase=observation.phase,
                replicas=observation.replicas,
                ready=observation.ready,
                uid=observation.uid,
                start_time=observation.start_time,
            )
    return api


def the_chat(dump: Dump) -> FakeChat:
    """The messages of the older bot stand there."""
    chat = FakeChat()
    chat._stamps = count(int(dump.at.timestamp()))
    for message in dump.messages:
        chat._messages[message["ts"]] = {"ts": message["ts"], "user": US, "metadata": message["metadata"]}
    return chat


@dataclass
class Started:
    dump: Dump
    world: Whole
    client: redis.asyncio.Redis

    async def run(self, seconds: float) -> None:
        """As long as Redis has something to answer, no time passes."""
        for _ in range(round(seconds / 0.25)):
            await self.world.bot.poll(0.25)
            for _ in range(ROUND_TRIPS):
                await self.client.ping()

    @property
    def posts(self) -> list[str]:
        return [delivery.id for delivery, _, _ in self.world.chat.posts]


@asynccontextmanager
async def started(
    dump: Dump, client: redis.asyncio.Redis, chat: FakeChat, *, after: timedelta = timedelta(seconds=30)
) -> AsyncIterator[Started]:
    """The parts of today's bot, on the data that Redis has."""
    clock = FakeClock(dump.at + after)
    await migrate(Scripts(client, dump.team), clock)
    store = WholeStore(client, dump.team, clock)
    await client.hset(store._keys["heartbeat"], "run_id", await store._run_id())  # it is the same server
    async with whole(client, chat=chat, team=dump.team, clock=clock, api=await the_api(store)) as world:
        yield Started(dump, world, client)


@pytest.fixture(params=DUMPS, ids=lambda path: path.stem)
async def dump(request: pytest.FixtureRequest, valkey: redis.asyncio.Redis) -> Dump:
    read = Dump.read(request.param)
    await read.load(valkey)
    return read


async def test_every_watch_note_and_open_card_is_kept(dump: Dump, valkey: redis.asyncio.Redis) -> None:
    async with started(dump, valkey, the_chat(dump)) as bot:
        await bot.run(20)
        watches = bot.world.bot.repository.watches
        assert {watch.id for watch in watches.all} == dump.rows("watches").keys()
        assert {note.text for note in watches.notes} == {row["text"] for row in dump.rows("notes").values()}
        assert watches.suspended.keys() == {SUSPENDED}
        assert bot.world.bot.repository.open_cards.keys() == dump.open_cards
        stored = await bot.world.bot.store.cards(sorted(dump.open_cards))
        assert stored.keys() == dump.open_cards


async def test_old_deliveries_are_sent_once(dump: Dump, valkey: redis.asyncio.Redis) -> None:
    chat = the_chat(dump)
    owed = dump.rows("deliveries")
    messages = {key: row.get("message", row) for key, row in owed.items()}
    channels = {key: row["receiver"]["id"] if "receiver" in row else row["channel"] for key, row in messages.items()}
    new = {key for key, channel in channels.items() if channel != SUSPENDED and key not in dump.posted}
    new -= {key for key, row in messages.items() if row["body"]["is"].lower() == "recheck"}
    with capture_logs() as lines:
        async with started(dump, valkey, chat) as bot:
            await bot.run(120)
            assert set(bot.posts) == new
            assert max(Counter(bot.posts).values()) == 1
            assert {lane.receiver.id for lane in await bot.world.bot.store.suspended_lanes()} == {SUSPENDED}
            assert await bot.world.bot.store.lanes_with_work() == ()
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == []
    before = len(chat.posts)
    async with started(dump, valkey, chat, after=timedelta(minutes=5)) as again:
        await again.run(20)
    assert len(chat.posts) == before


async def test_an_open_card_goes_on_as_the_same_message(dump: Dump, valkey: redis.asyncio.Redis) -> None:
    async with started(dump, valkey, the_chat(dump)) as bot:
        repository = bot.world.bot.repository
        (orders,) = [pipeline.id for pipeline in repository.catalogue if pipeline.name == "orders-eu"]
        cards = {key for key, pipeline_id in repository.open_cards.items() if pipeline_id == orders}
        bot.world.bot.api.statuses[orders] = Status(phase=Phase.RUNNING, replicas=1, ready=1)
        await bot.run(90)
        turned = {delivery.id: ts for delivery, _, ts in bot.world.chat.updates if delivery.id in cards}
    stood = {
        message["metadata"]["event_payload"]["key"]: message["ts"] for message in dump.messages if message["metadata"]
    }
    assert len(cards) == 3  # two channels and one person
    assert turned == {key: stood[key] for key in cards}


async def test_a_channel_that_got_another_id_keeps_its_card(valkey: redis.asyncio.Redis) -> None:
    dump = Dump.read(next(path for path in DUMPS if path.stem == "redis-1"))
    await dump.load(valkey)
    ((old, new),) = dump.keys[f"pipeline-bot:{{{dump.team}}}:renames"]["value"].items()
    async with started(dump, valkey, the_chat(dump)) as bot:
        aliases = await bot.world.bot.store.aliases()
        assert {aliases.stable(old), aliases.current(old), aliases.stable(new), aliases.current(new)} == {new}
        (watch,) = bot.world.bot.repository.watches.in_channel(new)
        bot.world.bot.api.statuses[PipelineId(watch.reference)] = Status(phase=Phase.RUNNING, replicas=1, ready=1)
        await bot.run(90)
        updated = {ts for delivery, _, ts in bot.world.chat.updates if delivery.receiver.id == new}
    cards = [message for message in dump.messages if message["channel"] == new and "ledger failed" in message["text"]]
    posted = {card["ts"] for card in cards}
    assert len(posted) == 1
    assert updated == posted
