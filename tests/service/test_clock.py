"""The bot's time while someone sets Redis' clock, or a server with another clock takes over, with the real Lua."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace

import fakeredis
import pytest
import redis.asyncio
from structlog.testing import capture_logs

from bot.clock import SLEW, StoreClock
from bot.ports.store_errors import StoreAway
from bot.ports.store_time import StoreTime, TimeStore
from bot.store.clock import RedisClock
from bot.store.scripts import Scripts
from tests.builders import TEAM

HOUR, DAY = 3600.0, 86_400.0
STEPS = pytest.mark.parametrize("step", [-DAY, -HOUR, -30.0, 30.0, HOUR, DAY])
EVERY = 2.0
"""Seconds from one `follow` to the next."""


@dataclass
class Room:
    """Redis' clock, which a test may set, and the monotonic clock, which only advances."""

    client: redis.asyncio.Redis
    server: float = 1_800_000_000.0
    passed: float = 50.0

    @property
    def store(self) -> RedisClock:
        return RedisClock(Scripts(self.client, TEAM))

    async def bot(self, store: TimeStore | None = None, paused: Callable[[], float] = lambda: 0.0) -> StoreClock:
        """`paused`: for how long the bot's machine stood still, and its monotonic clock with it."""
        booted_at = self.server  # no two machines booted at the same time
        return await StoreClock.start(store or self.store, lambda: self.passed - booted_at - paused())

    def wait(self, seconds: float) -> None:
        self.server += seconds
        self.passed += seconds

    async def live(self, seconds: float, *bots: StoreClock) -> None:
        for _ in range(round(seconds / EVERY)):
            self.wait(EVERY)
            for bot in bots:
                await bot.follow()

    def ahead(self, bot: StoreClock) -> float:
        """Seconds from Redis' clock to the bot's time."""
        return bot.now().timestamp() - self.server


@pytest.fixture
def room(fake_redis: fakeredis.FakeAsyncRedis, monkeypatch: pytest.MonkeyPatch) -> Room:
    room = Room(fake_redis)
    monkeypatch.setattr("fakeredis.commands_mixins.server_mixin.time", SimpleNamespace(time=lambda: room.server))
    return room


class Slow:
    """A store whose answers arrive late."""

    def __init__(self, store: TimeStore, before: Callable[[], None], after: Callable[[], None]) -> None:
        self._store = store
        self._before = before
        self._after = after

    async def time(self, now: datetime | None = None) -> StoreTime:
        self._before()
        answer = await self._store.time(now)
        self._after()
        return answer


async def test_the_time_is_the_stores_until_someone_sets_its_clock(room: Room) -> None:
    bots = await room.bot(), await room.bot()
    for _ in range(100):
        await room.live(EVERY, *bots)
        room.wait(0.7)
        assert [room.ahead(bot) for bot in bots] == pytest.approx([0.0, 0.0], abs=1e-5)


@STEPS
async def test_a_jump_is_reported_once(room: Room, step: float) -> None:
    bot = await room.bot()
    await room.live(10, bot)
    room.server += step
    with capture_logs() as warnings:
        await room.live(20, bot)
    assert [warning["seconds"] for warning in warnings if warning["event"] == "store_clock_set"] == [step]


@pytest.mark.parametrize("delays", [(0.0, 15.0), (15.0, 0.0), (15.0, 15.0)])
async def test_a_slow_answer_is_no_jump(room: Room, delays: tuple[float, float]) -> None:
    slow = False

    def delay(seconds: float) -> None:
        room.wait(seconds if slow else 0.0)

    bot = await room.bot(Slow(room.store, lambda: delay(delays[0]), lambda: delay(delays[1])))
    await room.live(10, bot)
    slow = True
    with capture_logs() as warnings:
        await room.live(60, bot)
    assert warnings == []
    assert room.ahead(bot) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("step", [-DAY, -HOUR, -30.0, 14.0])
async def test_a_wait_is_off_by_at_most_a_tenth_unless_the_time_steps(room: Room, step: float) -> None:
    bot = await room.bot()
    for seconds in (0.25, 1.0, 30.0, 600.0):
        until = bot.now() + timedelta(seconds=seconds)
        room.server += step
        waited = 0.0
        while bot.now() < until:
            room.wait(seconds / 100)
            waited += seconds / 100
            await bot.follow()
        assert seconds / (1 + SLEW) * 0.98 <= waited <= seconds / (1 - SLEW) * 1.02


@STEPS
async def test_the_time_returns_to_the_stores_clock_and_never_goes_back(room: Room, step: float) -> None:
    bot = await room.bot()
    room.server += step
    times = [bot.now()]
    for _ in range(int(abs(step) / SLEW / 600) + 2):
        await bot.follow()
        room.wait(600)
        times.append(bot.now())
    assert all(before < after for before, after in pairwise(times))
    assert room.ahead(bot) == pytest.approx(0.0, abs=0.001)


@STEPS
async def test_a_bot_that_starts_after_a_jump_joins_the_time_of_the_others(room: Room, step: float) -> None:
    first = await room.bot()
    await room.live(10, first)
    room.server += step
    await room.live(10, first)
    second = await room.bot()
    for _ in range(10):
        assert second.now().timestamp() == pytest.approx(first.now().timestamp(), abs=0.01)
        await room.live(100, first, second)


@pytest.mark.parametrize("stopped_for", [0.0, 30.0, HOUR])
async def test_after_a_failover_to_an_earlier_clock_a_started_bot_is_not_behind_the_one_before(
    room: Room, stopped_for: float
) -> None:
    bot = await room.bot()
    await room.live(10, bot)
    latest = bot.now()
    room.wait(stopped_for)
    room.server -= DAY
    next_bot = await room.bot()
    assert next_bot.now() >= latest
    await room.live(10, next_bot)
    assert next_bot.now() > latest


async def test_a_stop_counts_as_time_that_passed(room: Room) -> None:
    bot = await room.bot()
    await room.live(10, bot)
    room.wait(DAY)
    assert room.ahead(await room.bot()) == pytest.approx(0.0, abs=1e-5)


async def test_no_bot_stays_behind_the_latest_time_of_any(room: Room) -> None:
    paused = 0.0
    first, second = await room.bot(), await room.bot(paused=lambda: paused)
    room.wait(600)
    paused = 600.0
    await first.follow()
    await second.follow()
    assert [room.ahead(bot) for bot in (first, second)] == pytest.approx([0.0, 0.0], abs=1e-5)


async def test_the_first_bots_follow_when_redis_clock_leaves_1970(room: Room) -> None:
    right, room.server = room.server, 100.0
    bots = [await room.bot(), await room.bot()]
    await room.live(10, *bots)
    room.server = right
    await room.live(EVERY, *bots)
    bots.append(await room.bot())
    await room.live(10, *bots)
    assert [room.ahead(bot) for bot in bots] == pytest.approx([0.0] * 3, abs=0.001)


async def test_after_a_pause_of_the_machine_the_next_beat_has_the_right_time(room: Room) -> None:
    """The monotonic clock stood still too. So the heartbeat after this beat sees the gap, and announces it."""
    paused = 0.0
    bot = await room.bot(paused=lambda: paused)
    await room.live(10, bot)
    room.wait(HOUR)
    paused = HOUR
    await bot.follow()
    assert room.ahead(bot) == pytest.approx(0.0, abs=0.001)


async def test_bots_that_started_a_day_ahead_say_so_once_and_deleting_the_key_helps(room: Room) -> None:
    right, room.server = room.server, room.server + DAY
    await room.live(10, await room.bot())
    room.server = right
    bots = await room.bot(), await room.bot()
    with capture_logs() as warnings:
        await room.live(20, *bots)
    assert [round(room.ahead(bot) / HOUR) for bot in bots] == [24, 24]
    reports = [warning for warning in warnings if warning["event"] == "time_ahead"]
    assert [round(warning["seconds"] / HOUR) for warning in reports] == [24, 24]
    assert "delete the key clock" in reports[0]["fix"]
    (key,) = await room.client.keys("*:clock")
    await room.client.delete(key)
    started = await room.bot()
    with capture_logs() as warnings:
        await room.live(10, started)
    assert warnings == []
    assert room.ahead(started) == pytest.approx(0.0, abs=0.001)


async def test_after_redis_was_emptied_the_time_goes_on(room: Room) -> None:
    bot = await room.bot()
    await room.live(10, bot)
    room.server -= HOUR
    await room.live(10, bot)
    before = bot.now()
    await room.client.flushall()
    assert room.ahead(await room.bot()) == pytest.approx(0.0, abs=1e-5)  # nobody is left to know better
    await bot.follow()
    assert bot.now() >= before
    assert (await room.bot()).now() >= before


async def test_while_the_store_is_away_the_time_goes_on(room: Room) -> None:
    away = False

    def fail() -> None:
        if away:
            raise StoreAway("no answer")

    bot = await room.bot(Slow(room.store, fail, fail))
    away = True
    for _ in range(10):
        room.wait(60)
        with pytest.raises(StoreAway):
            await bot.follow()
        assert room.ahead(bot) == pytest.approx(0.0, abs=1e-5)


async def test_due_times_do_not_depend_on_the_stores_clock(room: Room) -> None:
    bot = await room.bot()
    began = bot.monotonic()
    room.wait(10)
    room.server += HOUR
    await bot.follow()
    assert bot.monotonic() - began == pytest.approx(10.0)


async def test_by_default_the_machines_monotonic_clock_passes(fake_redis: fakeredis.FakeAsyncRedis) -> None:
    bot = await StoreClock.start(RedisClock(Scripts(fake_redis, TEAM)))
    first, began = bot.now(), bot.monotonic()
    while bot.monotonic() - began < 0.01:
        pass
    assert timedelta(seconds=0.009) < bot.now() - first
    assert first.tzinfo is UTC
