"""The pings of the outside watchdog over Redis, on a fake clock."""

from datetime import timedelta

import redis.asyncio
from structlog.testing import capture_logs

from bot.coordination.leadership import Leadership
from bot.coordination.sign_of_life import SignOfLife
from bot.coordination.vital_signs import UNDELIVERED_SECONDS, VitalSigns
from bot.domain.watch import ChannelId
from bot.ports.lease_store import ACTIVE_SENDER
from tests.builders import TEAM, a_message
from tests.fakes import FakeClock
from tests.stores import WholeStore


class FakeWatchdog:
    def __init__(self) -> None:
        self.pings = 0
        self.problem: str | None = None

    async def ping(self) -> str | None:
        self.pings += 1
        return self.problem


class Rig:
    def __init__(self, fake_redis: redis.asyncio.Redis) -> None:
        self.clock, self.watchdog = FakeClock(), FakeWatchdog()
        self.store = WholeStore(fake_redis, TEAM, self.clock)
        self.right = Leadership(self.store, self.clock, ACTIVE_SENDER)
        signs = VitalSigns(heartbeats=self.store, outbox=self.store.outbox_figures, clock=self.clock)
        self.sign = SignOfLife(watchdog=self.watchdog, vital_signs=signs, sending_right=self.right)

    async def read(self) -> None:
        await self.store.record_heartbeat(self.clock.now(), "run")


async def test_only_the_active_sender_pings(fake_redis: redis.asyncio.Redis) -> None:
    rig = Rig(fake_redis)
    await rig.read()
    await rig.sign.give()
    assert rig.watchdog.pings == 0
    await rig.right.acquire()
    await rig.sign.give()
    assert rig.watchdog.pings == 1


async def test_no_ping_without_reads(fake_redis: redis.asyncio.Redis) -> None:
    rig = Rig(fake_redis)
    await rig.right.acquire()
    await rig.sign.give()
    await rig.read()
    await rig.clock.pass_time(61)
    await rig.right.acquire()
    await rig.sign.give()
    assert rig.watchdog.pings == 0


async def test_no_ping_while_a_message_waits_too_long(fake_redis: redis.asyncio.Redis) -> None:
    rig = Rig(fake_redis)
    await rig.read()  # the first contact with Redis
    made_at = rig.clock.now() - timedelta(seconds=UNDELIVERED_SECONDS + 1)
    await rig.store.enqueue([a_message("key", channel=ChannelId("C0ALERTS"), made_at=made_at)])
    await rig.right.acquire()
    await rig.sign.give()
    assert rig.watchdog.pings == 0


async def test_the_log_has_each_change_once(fake_redis: redis.asyncio.Redis) -> None:
    rig = Rig(fake_redis)
    await rig.read()
    await rig.right.acquire()
    with capture_logs() as logs:
        for problem in (None, None, "HTTP 404", "HTTP 404", None):
            rig.watchdog.problem = problem
            await rig.sign.give()
    assert [line["event"] for line in logs] == ["watchdog_pinged", "watchdog_not_pinged", "watchdog_pinged"]
