"""Keys of an older version get their names of today, whatever happens meanwhile."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from bot.domain.alias import IdChange
from bot.domain.watch import ChannelId
from bot.ports.lease_store import READER
from bot.ports.store_errors import StoreAway, StoreNewer
from bot.store.keys import SCHEMA
from bot.store.migration import BARRIER, BARRIER_TEXT, migrate, schema_of
from bot.store.scripts import Scripts
from tests.builders import TEAM, a_message, a_watch
from tests.fakes import FakeClock
from tests.stores import WholeStore

PREFIX = f"pipeline-bot:{{{TEAM}}}:"
OLD: Mapping[str, object] = {
    "parked": {"C0QUIET": "archived", "-": "-"},
    "woken": {"C0QUIET": "2026-11-23T12:00:00+00:00"},
    "pulse": {"at": "2026-11-23T12:00:00+00:00", "present": " records parked moving "},
    "gestures": {"click 1": "{}"},
    "moved": {"C0OLD": "C0NEW"},
    "moving": {"C0OLD"},
    "moved_at": {"C0OLD": "1.0"},
    "told:C0QUIET": "archived 1.0 ",
    "paged:D0BOB": [("page 1", 1.0)],
    "gesture:abc": "token",
    "group:burst-1": [("storm-1", 0.0)],
    "storm:storm-1": {"card-1", "card-2"},
    "card:card-1": {"content": "{}", "revision": "2", "storm": "storm-1", "ts": "1.5"},
    "card:card-2": {"content": "{}", "revision": "3", "group": "storm-1", "delivered": "3"},
    "card:card-3": {"forgotten": "1"},
    "watches_version": "7",
    "catalogue": '{"v":1,"pipelines":[{"id":"pipe_1","name":"orders-eu","project":"shop","intent":"running"}]}',
}
NEW: Mapping[str, object] = {
    "suspended": OLD["parked"],
    "resumed": OLD["woken"],
    "heartbeat": {"at": "2026-11-23T12:00:00+00:00", "present": " records suspended open_renames "},
    "interactions": OLD["gestures"],
    "aliases": {"C0OLD": "C0OLD ", "C0NEW": "C0OLD 1.0"},
    "suspend_notice:C0QUIET": OLD["told:C0QUIET"],
    "page_log:D0BOB": OLD["paged:D0BOB"],
    "interaction:abc": OLD["gesture:abc"],
    "burst:burst-1": "storm-1",
    "group:storm-1": {"card-1", "card-2"},
    "card:card-1": "{}",
    "card:card-2": "{}",
    "posted:card-1": {"revision": 2, "group": "storm-1", "ts": "1.5"},
    "posted:card-2": {"revision": 3, "group": "storm-1", "delivered": 3},
    "posted:card-3": {"forgotten": 1},
    "watches_version": "8",
    "pipelines": {"pipe_1": '{"v":1,"name":"orders-eu","project":"shop","intent":"running"}'},
    "schema": str(SCHEMA),
    BARRIER: BARRIER_TEXT,
}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def fill(client: redis.asyncio.Redis, rows: Mapping[str, object]) -> None:
    for name, value in rows.items():
        key = PREFIX + name
        if name.startswith("posted:"):
            await client.set(key, json.dumps(value))
        elif isinstance(value, dict):
            await client.hset(key, mapping=value)
        elif isinstance(value, set):
            await client.sadd(key, *value)
        elif isinstance(value, list):
            await client.zadd(key, dict(value))
        else:
            await client.set(key, str(value))


async def contents(client: Any) -> dict[str, object]:
    found: dict[str, object] = {}
    for key in sorted(await client.keys(f"{PREFIX}*")):
        name = key.decode().removeprefix(PREFIX)
        match (await client.type(key)).decode():
            case "stream":
                continue  # a log of changes
            case "hash":
                found[name] = {k.decode(): v.decode() for k, v in (await client.hgetall(key)).items()}
            case "set":
                found[name] = {member.decode() for member in await client.smembers(key)}
            case "zset":
                found[name] = [(member.decode(), at) for member, at in await client.zrange(key, 0, -1, withscores=True)]
            case _:
                found[name] = _text(name, (await client.get(key)).decode())
    return found


def _text(name: str, text: str) -> object:
    match name.partition(":")[0]:
        case "group":
            return set(text.split())
        case "posted":
            return json.loads(text)
        case _:
            return text


async def test_every_old_key_gets_its_new_name_and_keeps_its_time_to_live(
    any_redis: redis.asyncio.Redis, clock: FakeClock
) -> None:
    await fill(any_redis, OLD)
    await any_redis.expire(f"{PREFIX}told:C0QUIET", 100)
    await migrate(Scripts(any_redis, TEAM), clock)
    assert await contents(any_redis) == NEW
    assert 0 < await any_redis.ttl(f"{PREFIX}suspend_notice:C0QUIET") <= 100


async def test_only_a_migration_that_changed_keys_is_logged(any_redis: redis.asyncio.Redis, clock: FakeClock) -> None:
    with capture_logs() as lines:
        await migrate(Scripts(any_redis, TEAM), clock)
    assert lines == []
    await any_redis.flushall()
    await fill(any_redis, {"schema": "2", "card:card-1": OLD["card:card-1"], "group:storm-1": {"card-1"}})
    with capture_logs() as lines:
        await migrate(Scripts(any_redis, TEAM), clock)
    assert [(line["event"], line["keys"]) for line in lines] == [("migrated", 2)]


async def test_a_channel_whose_rows_version_1_moved_keeps_its_newest_id(
    any_redis: redis.asyncio.Redis, clock: FakeClock
) -> None:
    renames = {"C0A": "C0C", "C0B": "C0C", "C0D": "C0F", "C0E": "C0F", "C0G": "C0H"}
    at = {"C0A": "1.0", "C0B": "2.0", "C0D": "3.0", "C0E": "4.0", "C0G": "5.0"}
    await fill(any_redis, {"schema": "1", "renames": renames, "renamed_at": at, "open_renames": {"-", "C0E", "C0G"}})
    await migrate(Scripts(any_redis, TEAM), clock)
    aliases = await WholeStore(any_redis, TEAM, clock).aliases()
    rows = {name: aliases.stable(ChannelId(f"C0{name}")).removeprefix("C0") for name in "ABCDEFGH"}
    known = {name: aliases.current(ChannelId(f"C0{name}")).removeprefix("C0") for name in "ABCDEFGH"}
    assert rows == dict.fromkeys("ABC", "C") | dict.fromkeys("DEF", "E") | dict.fromkeys("GH", "G")
    assert known == dict.fromkeys("ABC", "C") | dict.fromkeys("DEF", "F") | dict.fromkeys("GH", "H")
    later = aliases.with_changes([IdChange(ChannelId("C0B"), ChannelId("C0C"), "2.0")])  # Slack repeats it
    assert later == aliases
    assert not {"renames", "open_renames", "renamed_at"} & (await contents(any_redis)).keys()


async def test_nothing_is_renamed_twice(any_redis: redis.asyncio.Redis, clock: FakeClock) -> None:
    await fill(any_redis, {**NEW, "schema": "0"})
    await migrate(Scripts(any_redis, TEAM), clock)
    await migrate(Scripts(any_redis, TEAM), clock)
    assert await contents(any_redis) == NEW


class Mortal:
    """Dies before its last command, or right after Redis has done it."""

    def __init__(self, client: Any, commands: int, *, after: bool) -> None:
        self._execute = client.execute_command
        self._left = commands
        self._after = after

    async def __call__(self, *args: Any, **options: Any) -> Any:
        self._left -= 1
        if self._left > 0:
            return await self._execute(*args, **options)
        if self._left == 0 and self._after:
            await self._execute(*args, **options)
        raise redis.exceptions.ConnectionError("killed")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_at_any_command_leaves_the_rest_to_the_next_start(
    any_redis: redis.asyncio.Redis, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    for commands in count(1):
        await any_redis.flushall()
        await fill(any_redis, OLD)
        with monkeypatch.context() as patched:
            patched.setattr(any_redis, "execute_command", Mortal(any_redis, commands, after=after))
            try:
                await migrate(Scripts(any_redis, TEAM), clock)
                break
            except StoreAway:
                pass
        await any_redis.delete(f"{PREFIX}lease:{READER}")  # it runs out
        await migrate(Scripts(any_redis, TEAM), clock)
        assert await contents(any_redis) == NEW
    assert commands > 20
    assert await contents(any_redis) == NEW


async def test_of_two_bots_that_start_one_migrates_and_the_other_waits(
    any_redis: redis.asyncio.Redis, clock: FakeClock
) -> None:
    await fill(any_redis, OLD)
    both = [asyncio.create_task(migrate(Scripts(any_redis, TEAM), clock)) for _ in range(2)]
    while not all(task.done() for task in both):
        await clock.pass_time(1)
        await asyncio.sleep(0.01)
    await asyncio.gather(*both)
    assert await contents(any_redis) == NEW


async def test_a_bot_of_the_older_version_that_leads_must_stop_first(
    any_redis: redis.asyncio.Redis, clock: FakeClock
) -> None:
    await fill(any_redis, OLD)
    await any_redis.set(f"{PREFIX}lease:{READER}", "the older one")
    waits = asyncio.create_task(migrate(Scripts(any_redis, TEAM), clock))
    with capture_logs() as lines:
        while not waits.done():
            await clock.pass_time(1)
            await asyncio.sleep(0.01)
    with pytest.raises(StoreAway, match="stop it, then start this one"):
        await waits
    assert 1 <= [line["event"] for line in lines].count("migration_waits") <= 3
    await any_redis.delete(f"{PREFIX}lease:{READER}")
    assert await contents(any_redis) == OLD


async def test_late_writes_of_an_older_bot_never_replace_newer_data(
    any_redis: redis.asyncio.Redis, clock: FakeClock
) -> None:
    await fill(
        any_redis, {**OLD, "suspended": {"C0QUIET": "not_found"}, "parked": {"C0QUIET": "x", "C0LATE": "archived"}}
    )
    await migrate(Scripts(any_redis, TEAM), clock)
    found = await contents(any_redis)
    assert found["suspended"] == {"C0QUIET": "not_found", "C0LATE": "archived"}
    assert found[BARRIER] == BARRIER_TEXT


async def test_data_of_a_newer_version_is_refused_in_one_line(any_redis: redis.asyncio.Redis, clock: FakeClock) -> None:
    scripts = Scripts(any_redis, TEAM)
    assert await schema_of(scripts) == 0
    await any_redis.set(f"{PREFIX}schema", SCHEMA + 1)
    with pytest.raises(StoreNewer, match="Update this bot") as refused:
        await migrate(scripts, clock)
    assert "\n" not in str(refused.value)


async def test_a_bot_stops_writing_once_a_newer_one_has_migrated(
    any_redis: redis.asyncio.Redis, clock: FakeClock
) -> None:
    store = WholeStore(any_redis, TEAM, clock)
    await store.add_watches([a_watch()], a_message())
    await any_redis.set(f"{PREFIX}schema", SCHEMA + 1)
    with pytest.raises(StoreNewer):
        await store.enqueue([a_message("late")])
    assert await store.lanes_with_work() == (a_message().lane,)


READS: Mapping[str, Callable[[WholeStore], Awaitable[object]]] = {
    "watches": WholeStore.watches,
    "notes": WholeStore.watches,
    "records": WholeStore.records,
    "deliveries": lambda store: store.deliveries(a_message().lane),
    "interactions": WholeStore.unfinished_interactions,
    "pipelines": WholeStore.catalogue,
    "undo": lambda store: store.undo("x"),
    "card": lambda store: store.cards(["x"]),
}


@pytest.mark.parametrize("key", list(READS))
async def test_a_row_of_a_newer_version_is_refused_in_one_line(
    any_redis: redis.asyncio.Redis, clock: FakeClock, key: str
) -> None:
    row = '{"v":99}'
    rows: dict[str, object] = {f"outbox:{a_message().lane.name}": [("x", 1.0)], key: {"x": row}}
    rows |= {"undo:x": row, "card:x": f"{row}\n{{}}", "posted:x": {"revision": 1}}
    await fill(any_redis, rows)
    with pytest.raises(StoreNewer, match=f"wrote the key {key}") as refused:
        await READS[key](WholeStore(any_redis, TEAM, clock))
    assert "\n" not in str(refused.value)


async def test_a_bot_of_the_older_version_cannot_read_migrated_data(
    any_redis: redis.asyncio.Redis, clock: FakeClock
) -> None:
    await fill(any_redis, OLD)
    await migrate(Scripts(any_redis, TEAM), clock)
    for read in (any_redis.hgetall, any_redis.hkeys):  # of its start and of its sender
        with pytest.raises(redis.exceptions.ResponseError, match="WRONGTYPE"):
            await read(f"{PREFIX}parked")
