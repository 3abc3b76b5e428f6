from collections.abc import AsyncIterator
from pathlib import Path

import fakeredis
import pytest
import redis.asyncio
from hypothesis import settings

from bot.ports.telemetry import subscribe
from bot.store.connect import connect
from bot.store.embedded import embedded
from bot.telemetry.logs import log_record

# The same examples each time, so that a passing test passes again. `make fuzz` draws new ones.
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True, database=None)
settings.load_profile("ci")


subscribe(log_record)  # as the bot does at startup, so that tests can read its log


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", type=int, metavar="SEED", help="service tests: run ready tasks in a random order")


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[redis.asyncio.Redis]:
    """A real server, started in the same way as the bot's embedded store."""
    async with embedded(tmp_path / "store") as url:
        client = connect(url)
        yield client
        await client.aclose()


@pytest.fixture
async def fake_redis() -> AsyncIterator[redis.asyncio.Redis]:
    client = fakeredis.FakeAsyncRedis()
    yield client
    await client.aclose()


@pytest.fixture(params=["valkey", "fake_redis"])
def any_redis(request: pytest.FixtureRequest) -> redis.asyncio.Redis:
    """Runs a test over a real server and over fakeredis, because the faster tests rely on fakeredis."""
    client: redis.asyncio.Redis = request.getfixturevalue(request.param)
    return client
