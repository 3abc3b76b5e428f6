"""What the client alone costs: the same reads through other transports of httpx, and by hand.

    python -m bench --only client
    python -m bench.client READER URL READS

Eight reads at a time, as fast as they come, without scheduler, store and Slack. Each reader is a process of its own. It
checks the status of each answer and parses the body. CPU is the process's own, start and first read excluded.
"""

import asyncio
import json
import sys
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.util import find_spec
from time import process_time
from urllib.parse import urlsplit

import aiohttp
import httpx
from pydantic import SecretStr

from bench.experiment import Absent, Experiment, Measurement, Results, Row, Run, at_most
from bench.fake_goldrush import BASE, pipeline_id
from bench.fleet import fleet
from bot.domain.observation import PipelineId
from bot.goldrush.client import Client
from bot.ports.pipeline_api import ApiError, Status

PIPELINES = 200
WORKERS = 8
READS = 8000
QUICK_READS = 1500
KEY = "demo-service-key"
HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "Authorization": f"Bearer {KEY}"}
GZIP = 16 + zlib.MAX_WBITS

Read = Callable[[int], Awaitable[None]]
"""Reads the pipeline with this number."""


def checked(status: int, body: bytes) -> None:
    assert status == 200
    assert json.loads(body)["data"]["status"]


def path_of(number: int) -> str:
    return f"{BASE}{pipeline_id(number)}/status/"


@asynccontextmanager
async def ours(url: str) -> AsyncIterator[Read]:
    """As the polling reads, and a future to wait for the outcome."""
    ids = [PipelineId(pipeline_id(number)) for number in range(PIPELINES)]
    async with Client(base_url=url, service_key=SecretStr(KEY), max_connections=WORKERS) as client:

        async def read(number: int) -> None:
            outcome: asyncio.Future[Status | ApiError | None] = asyncio.get_running_loop().create_future()
            client.begin_status(ids[number], outcome.set_result)
            status = await outcome or await client.status(ids[number])
            assert isinstance(status, Status)
            assert status.phase.known

        yield read


@asynccontextmanager
async def by_hand(url: str) -> AsyncIterator[Read]:
    """A request as bytes, and just enough of HTTP to find the end of the answer."""
    address = urlsplit(url)
    fields = "".join(f"{name}: {value}\r\n" for name, value in {"Host": address.netloc, **HEADERS}.items())
    requests = [f"GET {path_of(number)} HTTP/1.1\r\n{fields}\r\n".encode() for number in range(PIPELINES)]
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def read(number: int) -> None:
        reader, writer = connection = (
            idle.pop() if idle else await asyncio.open_connection(address.hostname, address.port)
        )
        writer.write(requests[number])
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        body = await reader.readexactly(int(length))
        checked(int(head[9:12]), zlib.decompress(body, GZIP) if b"content-encoding: gzip" in head else body)
        idle.append(connection)

    yield read
    for _, writer in idle:
        writer.close()


@asynccontextmanager
async def through_aiohttp(url: str) -> AsyncIterator[Read]:
    urls = [url + path_of(number) for number in range(PIPELINES)]
    async with aiohttp.ClientSession(headers=HEADERS) as session:

        async def read(number: int) -> None:
            async with session.get(urls[number]) as response:
                checked(response.status, await response.read())

        yield read


@asynccontextmanager
async def through_httpx(url: str) -> AsyncIterator[Read]:
    """As most programs use it."""
    urls = [url + path_of(number) for number in range(PIPELINES)]
    async with httpx.AsyncClient(headers=HEADERS, trust_env=False) as client:

        async def read(number: int) -> None:
            response = await client.get(urls[number])
            checked(response.status_code, response.content)

        yield read


@asynccontextmanager
async def directly(transport: httpx.AsyncBaseTransport, url: str) -> AsyncIterator[Read]:
    """Requests made in advance, past `httpx.AsyncClient`."""
    requests = [httpx.Request("GET", url + path_of(number), headers=HEADERS) for number in range(PIPELINES)]

    async def read(number: int) -> None:
        response = await transport.handle_async_request(requests[number])
        checked(response.status_code, await response.aread())

    async with transport:
        yield read


def through_httpcore(url: str) -> AbstractAsyncContextManager[Read]:
    return directly(httpx.AsyncHTTPTransport(trust_env=False), url)


def through_httpx_aiohttp(url: str) -> AbstractAsyncContextManager[Read]:
    from httpx_aiohttp import AiohttpTransport  # noqa: PLC0415 (not installed with the bot)

    return directly(AiohttpTransport(), url)


def through_pyreqwest(url: str) -> AbstractAsyncContextManager[Read]:
    from pyreqwest.compatibility.httpx import HttpxTransport  # noqa: PLC0415 (as above)

    return directly(HttpxTransport(), url)


READERS: Mapping[str, Callable[[str], AbstractAsyncContextManager[Read]]] = {
    "bot": ours,
    "sockets": by_hand,
    "aiohttp": through_aiohttp,
    "httpx": through_httpx,
    "httpcore": through_httpcore,
    "httpx_aiohttp": through_httpx_aiohttp,
    "pyreqwest": through_pyreqwest,
}
PEERS: Mapping[str, str] = {
    "sockets": "asyncio streams by hand",
    "aiohttp": "aiohttp",
    "httpx": "httpx.AsyncClient",
    "httpcore": "httpx's transport, requests made in advance",
    "httpx_aiohttp": "httpx-aiohttp's transport, likewise",
    "pyreqwest": "pyreqwest's transport for httpx, likewise",
}
OPTIONAL = frozenset({"httpx_aiohttp", "pyreqwest"})
"""Packages that the bot does not need."""
ROWS: Sequence[Row] = tuple(
    Row(
        name=f"client-{name}",
        label="G2",
        what="CPU per read of the client alone",
        against=against,
        goal=at_most(4.0) if name == "sockets" else None,
    )
    for name, against in PEERS.items()
)


async def micros_per_read(reader: str, url: str, reads: int) -> float:
    """CPU of this process."""
    async with READERS[reader](url) as read:
        numbers = iter(range(reads))

        async def work() -> None:
            for number in numbers:
                await read(number % PIPELINES)

        await read(0)
        before = process_time()
        await asyncio.gather(*(work() for _ in range(WORKERS)))
        return 1e6 * (process_time() - before) / reads


async def measure(run: Run) -> Results:
    reads = QUICK_READS if run.quick else READS
    async with fleet(PIPELINES) as served:
        micros: dict[str, float] = {}
        for reader in READERS:
            if reader in OPTIONAL and not find_spec(reader):
                continue
            run.tell(reader)
            arguments = ("-m", "bench.client", reader, served.url, str(reads))
            process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
            printed, _ = await process.communicate()
            micros[reader] = float(printed)
    bot = micros["bot"]
    return {
        row.name: Measurement(value=bot, peer=micros[reader], unit="µs")
        if reader in micros
        else Absent("not installed", bot, "µs")
        for row, reader in zip(ROWS, PEERS, strict=True)
    }


EXPERIMENT = Experiment(name="client", rows=tuple(ROWS), measure=measure)

if __name__ == "__main__":
    print(asyncio.run(micros_per_read(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
