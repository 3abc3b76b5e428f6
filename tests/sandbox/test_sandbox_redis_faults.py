"""A client of Redis under each fault, over real sockets to a real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic

import pytest
import redis.asyncio
from redis.exceptions import BusyLoadingError, NoScriptError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from bot.store.closed_sockets import with_closed_socket_check
from bot.store.fast_writes import with_fast_writes
from sandbox.redis_faults import RedisActKind, RedisStandIn, ServerFaultKind
from sandbox.redis_proxy import WireFault, WireFaultKind, command_of

AWAY = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)


PATIENT_SECONDS = 5  # longer than any answer of a busy machine takes
IMPATIENT_SECONDS = 0.5


@pytest.fixture
async def stand_in() -> AsyncIterator[RedisStandIn]:
    async with RedisStandIn.start() as running:
        yield running


@pytest.fixture
async def client(stand_in: RedisStandIn) -> AsyncIterator[redis.asyncio.Redis]:
    async with client_of(stand_in, seconds=PATIENT_SECONDS) as client:
        yield client


@asynccontextmanager
async def client_of(stand_in: RedisStandIn, *, seconds: float) -> AsyncIterator[redis.asyncio.Redis]:
    """A client without retries, since the tests check the first answer. It waits `seconds` for an answer."""
    async with redis.asyncio.Redis.from_url(stand_in.url, socket_timeout=seconds, retry=None) as client:
        pool = client.connection_pool
        pool.connection_class = with_fast_writes(with_closed_socket_check(pool.connection_class))
        yield client


async def wire(
    stand_in: RedisStandIn, kind: WireFaultKind, seconds: float | None = None, times: int | None = None
) -> None:
    await stand_in.break_wire(WireFault(kind=kind, seconds=seconds, times=times))


async def run_id(client: redis.asyncio.Redis) -> str:
    return str((await client.info("server"))["run_id"])


async def reconnected(client: redis.asyncio.Redis) -> None:
    """Waits until Redis answers again."""
    async with asyncio.timeout(60):
        while True:
            with suppress(RedisError):
                await client.ping()
                return
            await asyncio.sleep(0.02)


async def test_without_a_fault_everything_passes(client: redis.asyncio.Redis) -> None:
    await client.set("big", b"\x00\r\n" * 100_000)
    assert await client.get("big") == b"\x00\r\n" * 100_000
    assert await client.get("nothing") is None
    await client.hset("h", mapping={"a": "1", "b": "2"})
    assert await client.hgetall("h") == {b"a": b"1", b"b": b"2"}
    async with client.pipeline(transaction=True) as pipe:
        pipe.incr("n")
        pipe.incr("n")
        assert await pipe.execute() == [1, 2]
    assert await client.eval("return {1, {'x', false}, redis.call('GET', 'n')}", 0) == [1, [b"x", None], b"2"]
    with pytest.raises(ResponseError):
        await client.incr("h")


async def test_it_is_slow(stand_in: RedisStandIn, client: redis.asyncio.Redis) -> None:
    await client.ping()
    await wire(stand_in, WireFaultKind.SLOW, 0.2)
    began = monotonic()
    await client.ping()
    assert monotonic() - began >= 0.2
    await wire(stand_in, WireFaultKind.SLOW, 60)
    with pytest.raises(AWAY):
        await client.ping()


async def test_it_drips(stand_in: RedisStandIn) -> None:
    async with client_of(stand_in, seconds=30) as client:
        await client.ping()
        await wire(stand_in, WireFaultKind.DRIP, 0.02)
        began = monotonic()
        assert await client.echo("0123456789") == b"0123456789"
        assert monotonic() - began >= 16 * 0.02  # $10, the ten, and their line ends


async def test_it_is_half_open(stand_in: RedisStandIn, client: redis.asyncio.Redis) -> None:
    """An open and a new connection both work, but neither gets an answer or an effect."""
    await client.set("n", "before")
    await wire(stand_in, WireFaultKind.SILENT)
    for _ in range(2):
        with pytest.raises(AWAY):
            await client.set("n", "meanwhile")
    await stand_in.fix()
    await reconnected(client)
    assert await client.get("n") == b"before"


async def test_an_answer_is_lost_after_the_command_was_executed(
    stand_in: RedisStandIn, client: redis.asyncio.Redis
) -> None:
    await client.set("n", 1)
    await wire(stand_in, WireFaultKind.LOST_REPLY, times=1)
    with pytest.raises(AWAY):
        await client.incr("n")
    assert await client.get("n") == b"2"
    assert stand_in.active_faults() == []


async def test_connections_are_refused_and_come_back_at_the_same_address(
    stand_in: RedisStandIn, client: redis.asyncio.Redis
) -> None:
    await client.ping()
    await wire(stand_in, WireFaultKind.REFUSED)
    with pytest.raises(AWAY):
        await client.ping()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", int(stand_in.url.rsplit(":")[-1].partition("/")[0]))
    await stand_in.fix()
    assert await client.ping()


async def test_connections_are_reset(stand_in: RedisStandIn) -> None:
    host, _, port = stand_in.url.removeprefix("redis://").removesuffix("/0").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"PING\r\n")
    assert await reader.readline() == b"+PONG\r\n"
    await stand_in.act(RedisActKind.RESET)
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


async def test_it_loads(stand_in: RedisStandIn, client: redis.asyncio.Redis) -> None:
    await client.ping()
    await wire(stand_in, WireFaultKind.LOADING)
    with pytest.raises(BusyLoadingError):
        await client.get("n")
    await stand_in.fix(WireFaultKind.LOADING)
    assert await client.get("n") is None


async def test_a_full_disk_refuses_writes_and_scripts_and_still_reads(
    stand_in: RedisStandIn, client: redis.asyncio.Redis
) -> None:
    await client.set("n", 1)
    await wire(stand_in, WireFaultKind.MISCONF)
    for refused in (client.set("n", 2), client.eval("return 1", 0), client.ping()):
        with pytest.raises(ResponseError, match="MISCONF"):
            await refused
    assert await client.get("n") == b"1"


async def test_full_memory_refuses_writes(stand_in: RedisStandIn, client: redis.asyncio.Redis) -> None:
    await client.set("n", 1)
    await stand_in.break_server(ServerFaultKind.FULL)
    with pytest.raises(OutOfMemoryError):
        await client.set("n", 2)
    with pytest.raises(OutOfMemoryError):
        await client.eval("return redis.call('SET', 'n', 3)", 0)
    assert await client.get("n") == b"1"
    await stand_in.fix()
    assert await client.set("n", 4)


async def test_it_is_killed_and_comes_back_with_everything_as_another_run(
    stand_in: RedisStandIn, client: redis.asyncio.Redis
) -> None:
    await client.set("n", 1)
    before = await run_id(client)
    await stand_in.break_server(ServerFaultKind.KILLED)
    with pytest.raises(AWAY):
        await client.ping()
    assert [active_fault.kind for active_fault in stand_in.active_faults()] == [ServerFaultKind.KILLED]
    await stand_in.fix()
    await reconnected(client)
    assert await client.get("n") == b"1"
    assert await run_id(client) != before


async def test_a_server_killed_for_some_seconds_restarts_by_itself(
    stand_in: RedisStandIn, client: redis.asyncio.Redis
) -> None:
    await stand_in.break_server(ServerFaultKind.KILLED, 0.2)
    await reconnected(client)
    assert stand_in.active_faults() == []


async def test_a_frozen_server_later_runs_what_had_reached_it(
    stand_in: RedisStandIn, client: redis.asyncio.Redis
) -> None:
    async with client_of(stand_in, seconds=IMPATIENT_SECONDS) as impatient:
        await reconnected(impatient)
        await stand_in.break_server(ServerFaultKind.STALLED, 4.0)
        with pytest.raises(AWAY):
            await impatient.set("n", 2)
    await reconnected(client)
    assert await client.get("n") == b"2"


async def test_writes_and_scripts_wait_and_abandoned_ones_are_dropped(
    stand_in: RedisStandIn, client: redis.asyncio.Redis
) -> None:
    await client.set("n", 1)
    async with client_of(stand_in, seconds=IMPATIENT_SECONDS) as impatient:
        await reconnected(impatient)
        await stand_in.break_server(ServerFaultKind.PAUSED, 5.0)
        for given_up in (impatient.set("n", 2), impatient.eval("redis.call('SET', 'n', 3)", 0)):
            with pytest.raises(AWAY):
                await given_up
    assert await client.get("n") == b"1"
    async with asyncio.timeout(60):
        while stand_in.active_faults():
            await asyncio.sleep(0.02)
    assert await client.incr("n") == 2


@pytest.mark.parametrize("kind", [ServerFaultKind.STALLED, ServerFaultKind.PAUSED])
async def test_a_frozen_server_can_be_fixed(
    stand_in: RedisStandIn, client: redis.asyncio.Redis, kind: ServerFaultKind
) -> None:
    began = monotonic()
    await stand_in.break_server(kind, 60)
    await stand_in.fix(kind)
    await reconnected(client)
    assert monotonic() - began < 50


async def test_a_restart_is_another_run_with_the_same_memory(
    stand_in: RedisStandIn, client: redis.asyncio.Redis
) -> None:
    await client.set("n", 1)
    before = await run_id(client)
    await stand_in.break_server(ServerFaultKind.FULL)
    await stand_in.act(RedisActKind.RESTARTED)
    assert stand_in.active_faults() == []
    await reconnected(client)
    assert (await client.get("n"), await run_id(client) == before) == (b"1", False)


async def test_it_is_emptied(stand_in: RedisStandIn, client: redis.asyncio.Redis) -> None:
    await client.set("n", 1)
    before = await run_id(client)
    await stand_in.act(RedisActKind.EMPTIED)
    assert (await client.dbsize(), await run_id(client) == before) == (0, True)


async def test_it_forgets_its_scripts(stand_in: RedisStandIn, client: redis.asyncio.Redis) -> None:
    digest = await client.script_load("return 1")
    assert await client.evalsha(digest, 0) == 1
    await stand_in.act(RedisActKind.SCRIPTS_FORGOTTEN)
    with pytest.raises(NoScriptError):
        await client.evalsha(digest, 0)


@pytest.mark.parametrize("kind", [RedisActKind.ROLLED_BACK, RedisActKind.PROMOTED])
async def test_it_goes_back_in_time(stand_in: RedisStandIn, client: redis.asyncio.Redis, kind: RedisActKind) -> None:
    """The last second's writes are gone, older ones are there, and the run id is new."""
    await client.set("old", "kept")
    before = await run_id(client)
    writing = asyncio.create_task(keep_writing(client))
    await asyncio.sleep(1.5)  # lets a second pass, to lose its writes
    await stand_in.act(kind, 1.0)
    last = await writing
    await reconnected(client)
    count = int(await client.get("n") or 0)
    assert await client.get("old") == b"kept"
    assert count < last
    assert await run_id(client) != before
    assert (await client.info("replication"))["role"] == "master"
    assert await client.incr("n") == count + 1


async def keep_writing(client: redis.asyncio.Redis) -> int:
    """Counts up until the store goes away. Returns the last confirmed number."""
    count = 0
    while True:
        try:
            count = await client.incr("n")
        except RedisError:
            return count
        await asyncio.sleep(0.01)


async def test_going_back_beyond_the_beginning_empties_it(stand_in: RedisStandIn, client: redis.asyncio.Redis) -> None:
    await client.set("n", 1)
    await stand_in.act(RedisActKind.ROLLED_BACK, 3600)
    await reconnected(client)
    assert await client.dbsize() == 0


def test_the_proxy_reads_commands_in_both_forms() -> None:
    assert command_of(b"*2\r\n$3\r\nget\r\n$1\r\nn\r\n") == b"GET"
    assert command_of(b"ping\r\n") == b"PING"


async def test_a_planned_failover_leaves_the_old_primary_alive_as_a_replica(
    stand_in: RedisStandIn, client: redis.asyncio.Redis
) -> None:
    """An old connection gets a refusal for every write. A new one finds all data."""
    await client.set("old", "kept")
    await stand_in.act(RedisActKind.DEMOTED)
    for _ in range(3):
        with pytest.raises(ReadOnlyError):
            await client.set("new", "lost")
    assert await client.get("old") == b"kept"
    async with redis.asyncio.Redis.from_url(stand_in.url) as fresh:
        assert await fresh.get("old") == b"kept"
        assert await fresh.set("new", "written")
