import gc
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import fakeredis
import pytest
import redis.asyncio
from hypothesis import settings

from bot.garbage import without_collections
from bot.ports.telemetry import subscribe
from bot.store.connect import connect, connected
from bot.store.embedded import embedded
from bot.telemetry.logs import log_record
from tests.builders import TEAM
from tests.redis_groups import DEBIAN_REDIS, Cluster, Processes, SentinelGroup, any_server, one_server

OTHER_SERVERS = ("redis7", "cluster", "sentinel")
SERVERS = pytest.mark.servers

# The same examples each time, so that a passing test passes again. `make fuzz` draws new ones.
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True, database=None)
settings.load_profile("ci")


subscribe(log_record)  # as the bot does at startup, so that tests can read its log


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", type=int, metavar="SEED", help="service tests: run ready tasks in a random order")


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Imports the tests without collections of garbage: these took a third of each worker's start."""
    with without_collections():
        result = yield
    gc.collect()
    gc.freeze()
    return result


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


@pytest.fixture(scope="session")
def redis7_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not DEBIAN_REDIS.exists():
        pytest.skip("needs Debian's package redis-server")
    with one_server(DEBIAN_REDIS, tmp_path_factory.mktemp("redis7") / "server") as url:
        yield url


@pytest.fixture(scope="session")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Processes(any_server(), tmp_path_factory.mktemp("cluster")) as processes:
        yield Cluster(processes).url


@pytest.fixture(scope="session")
def sentinel_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Processes(any_server(), tmp_path_factory.mktemp("sentinel")) as processes:
        yield SentinelGroup(processes, sentinels=1).url


@pytest.fixture
async def redis7(redis7_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with emptied(redis7_url) as client:
        yield client


@pytest.fixture
async def cluster(cluster_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    """Three masters; the client serves TEAM."""
    async with emptied(cluster_url) as client:
        yield client


@pytest.fixture
async def sentinel(sentinel_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    """A primary and a replica, found through Sentinel."""
    async with emptied(sentinel_url) as client:
        yield client


@asynccontextmanager
async def emptied(url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with connected(url, TEAM) as client:
        await client.flushall()
        await client.script_flush()
        yield client


@pytest.fixture(params=["valkey", "fake_redis", *(pytest.param(name, marks=SERVERS) for name in OTHER_SERVERS)])
def any_redis(request: pytest.FixtureRequest) -> redis.asyncio.Redis:
    """Runs a test over real servers and over fakeredis, because the faster tests rely on fakeredis."""
    client: redis.asyncio.Redis = request.getfixturevalue(request.param)
    return client
