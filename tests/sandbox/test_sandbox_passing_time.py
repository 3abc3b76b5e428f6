"""Hours pass within seconds: for Slack, GoldRush and the bots' shared time, and without warnings of a dead bot."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import redis.asyncio

from bot.domain.watch import TeamId
from bot.store.keys import Keys
from sandbox.clock import Clock
from sandbox.passing_time import MOST_STEPS, SHORTEST_STEP, PassingTime
from sandbox.redis_faults import TIME_KEY, RedisStandIn, ServerFaultKind
from sandbox.server import Sandbox
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.messages import Draft
from sandbox.slack.wire import Refused

HOUR = 3600.0
START = 1_800_000_000.0
ALERTS = "C0ALERTS"


class StandingClock(Clock):
    """Moves by jumps only."""

    def now(self) -> float:
        return START + self._ahead


@pytest.fixture
async def store() -> AsyncIterator[RedisStandIn]:
    async with RedisStandIn.start() as started:
        yield started


@pytest.fixture
async def sandbox(store: RedisStandIn) -> AsyncIterator[Sandbox]:
    async with Sandbox.start(clock=StandingClock(), redis=store) as started:
        yield started


@pytest.fixture
async def passing_time(sandbox: Sandbox, store: RedisStandIn) -> AsyncIterator[PassingTime]:
    """Without the pause after each step."""
    passing = PassingTime(sandbox.clock, sandbox.slack, store, lambda: None, followed_by=0)
    yield passing
    await passing.close()


async def bots_time(store: RedisStandIn) -> float:
    """In seconds since 1970, as the bots' script reads it."""
    async with redis.asyncio.Redis.from_url(store.url, decode_responses=True) as client:
        latest: Any = await client.hget(TIME_KEY, "latest")
    return float(latest) / 1_000_000


def test_the_key_is_that_of_the_bots_time() -> None:
    assert Keys(TeamId(TEAM_ID))["clock"] == TIME_KEY


async def test_an_hour_passes_for_the_sandbox_and_the_bots(
    sandbox: Sandbox, store: RedisStandIn, passing_time: PassingTime
) -> None:
    before = sandbox.clock.now()
    await passing_time.let_pass(HOUR)
    assert sandbox.clock.now() == before + HOUR
    assert await bots_time(store) == pytest.approx(before + HOUR)
    assert sandbox.goldrush.now().timestamp() == before + HOUR
    assert passing_time.left == 0


@pytest.mark.parametrize(("seconds", "steps"), [(60.0, 1), (600.0, 5), (24 * HOUR, MOST_STEPS)])
async def test_time_passes_in_few_steps(sandbox: Sandbox, store: RedisStandIn, seconds: float, steps: int) -> None:
    """A long wait has few steps, and a short one has none that is longer than the bot may read nothing."""
    left: list[float] = []
    passing = PassingTime(sandbox.clock, sandbox.slack, store, lambda: left.append(passing.left), followed_by=0)
    await passing.let_pass(seconds)
    await passing.close()
    assert len(left) == steps + 1
    assert left[-1] == 0
    assert steps == 1 or seconds - left[0] >= SHORTEST_STEP


async def test_scheduled_messages_stay_as_far_ahead(sandbox: Sandbox, passing_time: PassingTime) -> None:
    """An app that takes its messages back in time had no time to do so."""
    now = sandbox.clock.now()
    sandbox.slack.scheduled.add(ALERTS, Draft(text="Later"), int(now + 600), now, None)
    await passing_time.let_pass(HOUR)
    (message,) = sandbox.slack.scheduled.pending()
    assert message.post_at == int(now + 600 + HOUR)


async def test_the_control_api_refuses_what_it_cannot_do(sandbox: Sandbox, store: RedisStandIn) -> None:
    async with Sandbox.start() as without_redis, httpx.AsyncClient() as client:
        for url, fields, status in (
            (without_redis.url, {"seconds": 60}, 409),
            (sandbox.url, {}, 400),
            (sandbox.url, {"seconds": -1}, 400),
            (sandbox.url, {"seconds": 8 * 24 * HOUR}, 400),
        ):
            answer = await client.post(f"{url}/sandbox/time", json=fields)
            assert answer.status_code == status
            assert answer.json()["error"]
        assert (await client.get(f"{sandbox.url}/sandbox/state")).json()["time"] == {
            "now": sandbox.clock.now(),
            "left": 0.0,
        }


async def test_a_store_that_is_down_ends_the_step(
    sandbox: Sandbox, store: RedisStandIn, passing_time: PassingTime
) -> None:
    await store.break_server(ServerFaultKind.KILLED)
    before = sandbox.clock.now()
    with pytest.raises(Refused, match="Fix that first"):
        await passing_time.let_pass(HOUR)
    assert (passing_time.left, sandbox.clock.now()) == (0, before)
    await store.fix()
    await passing_time.let_pass(HOUR)
    assert await bots_time(store) == pytest.approx(sandbox.clock.now())
