"""The client over real sockets: against the stand-in for GoldRush, and against servers that misbehave below HTTP."""

import asyncio
import gzip
import json
import logging
import re
import socket
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import httpx
import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.domain.catalogue import BlockRange
from bot.domain.observation import PipelineId
from bot.domain.phase import Intent, Phase
from bot.goldrush.client import Client
from bot.ports.pipeline_api import (
    ApiError,
    Forbidden,
    Malformed,
    NotFound,
    PipelineApi,
    StrayNotFound,
    Throttled,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from sandbox.goldrush import BASE, GoldRush
from sandbox.goldrush_faults import Fault, FaultKind
from sandbox.goldrush_pipelines import FIRST_BLOCK, LAST_BLOCK
from tests.fakes import NOON

KEY = "demo-service-key"
SLOT_DEADLINE = 3.0  # seconds: also what a healthy answer may take on a busy machine
DEADLINE = 0.3  # seconds: what a test of a server that never answers costs
PATIENCE = 5.0  # seconds in which a local server surely answers
Write = Callable[[asyncio.StreamWriter], Awaitable[None]]


def client_of(
    url: str,
    *,
    key: str = KEY,
    deadline: float = PATIENCE,
    connections: int = 8,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Client:
    return Client(
        base_url=url,
        service_key=SecretStr(key),
        deadline_seconds=deadline,
        max_connections=connections,
        transport=transport,
    )


@asynccontextmanager
async def serving(*routes: web.RouteDef) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


class RawServer:
    """Writes whatever bytes a test wants; keeps the requests as they came."""

    def __init__(self, write: Write) -> None:
        self.requests: list[str] = []
        self._write = write
        self._running: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def answering(cls, write: Write | bytes) -> AsyncIterator[tuple["RawServer", str]]:
        async def write_bytes(writer: asyncio.StreamWriter) -> None:
            assert isinstance(write, bytes)
            writer.write(write)

        raw = cls(write_bytes if isinstance(write, bytes) else write)
        server = await asyncio.start_server(raw._accept, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            yield raw, f"http://127.0.0.1:{port}"
        finally:
            server.close()
            for task in raw._running:
                task.cancel()
            await asyncio.gather(*raw._running, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._running.add(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            await self._write(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client hung up
        finally:
            writer.close()


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.fixture
def goldrush() -> GoldRush:
    goldrush = GoldRush()
    goldrush.rate_limit = None
    return goldrush


@pytest.fixture
async def url(goldrush: GoldRush) -> AsyncIterator[str]:
    async with serving(*goldrush.routes()) as address:
        yield address


@pytest.fixture
def orders(goldrush: GoldRush) -> PipelineId:
    return PipelineId(goldrush.named("orders-eu").id)


class TestReading:
    async def test_a_status(self, goldrush: GoldRush, url: str, orders: PipelineId) -> None:
        goldrush.set_phase(orders, "RUNNING", replicas=3, ready=2)
        truth = goldrush.pipelines[orders]
        async with client_of(url) as client:
            status = await client.status(orders)
        assert (status.phase, status.replicas, status.ready, status.uid) == (Phase.RUNNING, 3, 2, truth.uid)
        assert truth.start_time is not None
        assert status.start_time == truth.start_time.replace(microsecond=0)

    async def test_a_pipeline(self, goldrush: GoldRush, url: str) -> None:
        bounded = goldrush.named("ETH backfill 2024")
        async with client_of(url) as client:
            api: PipelineApi = client
            pipeline = await api.pipeline(PipelineId(bounded.id))
        assert (pipeline.id, pipeline.name, pipeline.project) == (bounded.id, bounded.name, bounded.project)
        assert pipeline.bounded
        assert pipeline.blocks == BlockRange(start=FIRST_BLOCK, stop=LAST_BLOCK)
        assert pipeline.intent is Intent.RUNNING

    async def test_all_pages(self, goldrush: GoldRush, url: str) -> None:
        for number in range(100):
            goldrush.add(name=f"extra-{number}")
        async with client_of(url) as client:
            pages = [await client.page(number) for number in (1, 2, 3, 4)]
        assert [page.more for page in pages] == [True, True, False, False]
        assert {page.total for page in pages} == {len(goldrush.pipelines)}
        listed = [pipeline.id for page in pages for pipeline in page.pipelines]
        assert listed == list(goldrush.pipelines)

    async def test_a_pipeline_that_is_gone(self, goldrush: GoldRush, url: str, orders: PipelineId) -> None:
        goldrush.remove(orders)
        async with client_of(url) as client:
            with pytest.raises(NotFound):
                await client.status(orders)
            with pytest.raises(NotFound):
                await client.pipeline(orders)

    async def test_requests_are_gets_and_their_paths_end_in_a_slash(
        self, goldrush: GoldRush, url: str, orders: PipelineId
    ) -> None:
        async with client_of(url) as client:
            await client.status(orders)
            await client.pipeline(orders)
            await client.page(1)
        requests = [(request.method, request.path.partition("?")[0], request.status) for request in goldrush.requests]
        assert requests == [
            ("GET", f"{BASE}{orders}/status/", 200),
            ("GET", f"{BASE}{orders}/", 200),
            ("GET", BASE, 200),
        ]

    @pytest.mark.parametrize("prefix", ["", "/", "/gateway", "/gateway/"])
    async def test_a_base_url_may_end_in_a_slash_or_have_a_path(self, prefix: str) -> None:
        async with AsyncExitStack() as stack:
            answer = http(b'{"data": {"status": "PAUSED"}}')
            raw, url = await stack.enter_async_context(RawServer.answering(answer))
            client = await stack.enter_async_context(client_of(url + prefix))
            assert (await client.status(PipelineId("pipe_1"))).phase is Phase.PAUSED
        assert raw.requests[0].startswith(f"GET {prefix.rstrip('/')}/platform/pipeline-api/pipe_1/status/ HTTP/1.1\r\n")

    async def test_the_request_as_the_server_sees_it(self) -> None:
        async with RawServer.answering(http(b'{"data": {"status": "PAUSED"}}')) as (raw, url):
            address = url.replace("http://", "http://somebody:password@")
            async with client_of(address, key=f"{KEY}\n") as client:
                await client.status(PipelineId("../x?y"))
        (request,) = raw.requests
        assert request.startswith("GET /platform/pipeline-api/..%2Fx%3Fy/status/ HTTP/1.1\r\n")
        assert f"\r\nauthorization: bearer {KEY}\r\n" in request.lower()
        assert request.lower().count("authorization") == 1
        assert "\r\naccept-encoding: gzip\r\n" in request.lower()
        assert re.search(r"(?im)^user-agent: pipeline-bot/\S+\r$", request)

    async def test_a_compressed_answer(self) -> None:
        body = gzip.compress(b'{"data": {"status": "PAUSED"}}')
        async with RawServer.answering(http(body, "Content-Encoding: gzip")) as (_, url), client_of(url) as client:
            assert (await client.status(PipelineId("pipe_1"))).phase is Phase.PAUSED


REFUSED: dict[FaultKind, tuple[type[ApiError], str]] = {
    FaultKind.UNAUTHORIZED: (Unauthorized, "Create Service Key"),
    FaultKind.FORBIDDEN: (Forbidden, "a ServiceKey is needed"),
    FaultKind.NOT_FOUND: (NotFound, "not visible"),
    FaultKind.CONFLICT: (Malformed, "answered 409"),
    FaultKind.THROTTLED: (Throttled, "too many requests"),
    FaultKind.SERVER_ERROR: (Unavailable, "answered 500"),
    FaultKind.BAD_GATEWAY: (Unavailable, "answered 502"),
    FaultKind.UNAVAILABLE: (Unavailable, "answered 503"),
    FaultKind.NO_ROUTE: (StrayNotFound, "gateway or proxy"),
    FaultKind.WALLED: (Unavailable, "gateway or proxy"),
    FaultKind.REDIRECT: (Unavailable, "n't follow"),
    FaultKind.REDIRECT_LOOP: (Unavailable, "n't follow"),
    FaultKind.NOT_JSON: (Malformed, "not the JSON object"),
    FaultKind.MISSING_FIELD: (Malformed, "names no phase"),
    FaultKind.NULL_DATA: (Malformed, "holds no data"),
    FaultKind.NULL_PHASE: (Malformed, "names no phase"),
    FaultKind.ERROR_TRUE: (Malformed, "calls it an error"),
    FaultKind.WRONG_TYPES: (Malformed, "names no phase"),
    FaultKind.DUPLICATE_KEYS: (Malformed, "not the JSON object"),
    FaultKind.HUGE: (TooLarge, "longer than"),
    FaultKind.FLOOD: (TooLarge, "longer than"),
    FaultKind.GZIP_BOMB: (TooLarge, "longer than"),
    FaultKind.DEEP: (Malformed, "RecursionError"),
    FaultKind.NAN: (Malformed, "not the JSON object"),
    FaultKind.BOM: (Malformed, "not the JSON object"),
    FaultKind.BAD_UTF8: (Malformed, "UnicodeDecodeError"),
    FaultKind.HANG: (Unavailable, "within 0.3 s"),
    FaultKind.HEADER_DRIP: (Unavailable, "within 0.3 s"),
    FaultKind.DRIP: (Unavailable, "within 0.3 s"),
    FaultKind.ENDLESS: (Unavailable, "within 0.3 s"),
    FaultKind.SLOW: (Unavailable, "within 0.3 s"),
    FaultKind.TRUNCATED: (Unavailable, "broke before"),
    FaultKind.RESET: (Unavailable, "broke before"),
}
BELIEVED = {
    FaultKind.UNKNOWN_PHASE,
    FaultKind.STALE,
    FaultKind.WRONG_PIPELINE,
    FaultKind.MISSING_READY,
    FaultKind.MISSING_UID,
    FaultKind.EMPTY_LIST,
    FaultKind.SHORT_LIST,
}
# Logs, figures and chains have them. What the bot reads from each: test_wire_details.py.
OF_DETAILS = {
    FaultKind.LONG,
    FaultKind.TAIL_ERROR,
    FaultKind.NO_PODS,
    FaultKind.ONLY_UID,
    FaultKind.ODD_NUMBERS,
    FaultKind.RENAMED,
}
# What only the people who run the bot can understand or change.
OPERATORS_WORDS = re.compile(r"GOLDRUSH_|Service ?Key|TLS|DNS|proxy|gateway|settings|JSON|gzip|phase|answered \d")
IMPATIENT = {FaultKind.HANG, FaultKind.HEADER_DRIP, FaultKind.DRIP, FaultKind.ENDLESS, FaultKind.SLOW}


def patience(kind: FaultKind) -> float:
    return DEADLINE if kind in IMPATIENT else PATIENCE


def is_for_people(sentence: str) -> bool:
    return sentence.endswith(".") and not OPERATORS_WORDS.search(sentence)


class TestFaults:
    def test_every_fault_of_the_stand_in_is_tried(self) -> None:
        assert REFUSED.keys() | BELIEVED | OF_DETAILS == set(FaultKind)

    @pytest.mark.parametrize("kind", sorted(OF_DETAILS))
    async def test_a_fault_of_the_details_is_an_answer_or_an_error(
        self, kind: FaultKind, goldrush: GoldRush, url: str, orders: PipelineId
    ) -> None:
        goldrush.set_fault(Fault(kind=kind), orders)
        async with client_of(url) as client:
            for request in (client.logs(orders), client.metrics(orders, NOON), client.destination_health(orders)):
                with suppress(ApiError):
                    await request
            goldrush.set_fault(None, orders)
            assert (await client.status(orders)).phase is Phase.RUNNING

    @pytest.mark.parametrize("kind", REFUSED)
    async def test_each_fault_has_its_error_and_leaves_no_trace(
        self, kind: FaultKind, goldrush: GoldRush, url: str, orders: PipelineId
    ) -> None:
        error, says = REFUSED[kind]
        other = PipelineId(goldrush.named("orders-us").id)
        goldrush.set_fault(Fault(kind=kind), orders)
        async with client_of(url, deadline=patience(kind)) as client:
            with pytest.raises(error, match=says) as caught:
                await client.status(orders)
            assert (await client.status(other)).phase is Phase.RUNNING
            goldrush.set_fault(None, orders)
            assert (await client.status(orders)).phase is Phase.RUNNING
        assert type(caught.value) is error
        assert is_for_people(caught.value.plain)

    @pytest.mark.parametrize("kind", [kind for kind in REFUSED if kind is not FaultKind.NULL_PHASE])  # a list has none
    async def test_the_list_never_passes_a_fault_for_an_empty_list(
        self, kind: FaultKind, goldrush: GoldRush, url: str
    ) -> None:
        goldrush.set_fault(Fault(kind=kind))
        async with client_of(url, deadline=patience(kind)) as client:
            try:
                pipelines = (await client.page(1)).pipelines
            except ApiError:
                return
        assert kind is FaultKind.MISSING_FIELD  # there, the intent: a listing can do without
        assert len(pipelines) == len(goldrush.pipelines)
        assert {pipeline.intent for pipeline in pipelines} == {None}

    async def test_a_reading_without_readiness_or_worker(
        self, goldrush: GoldRush, url: str, orders: PipelineId
    ) -> None:
        async with client_of(url) as client:
            goldrush.set_fault(Fault(kind=FaultKind.MISSING_READY), orders)
            observation = await client.status(orders)
            assert (observation.replicas, observation.ready) == (1, None)
            goldrush.set_fault(Fault(kind=FaultKind.MISSING_UID), orders)
            observation = await client.status(orders)
            assert (observation.uid, observation.ready) == (None, 1)

    async def test_listings_that_are_not_whole(self, goldrush: GoldRush, url: str) -> None:
        async with client_of(url) as client:
            goldrush.set_fault(Fault(kind=FaultKind.SHORT_LIST))
            page = await client.page(1)
            assert (len(page.pipelines), page.total, page.more) == (1, len(goldrush.pipelines), False)
            goldrush.set_fault(Fault(kind=FaultKind.EMPTY_LIST))
            assert (await client.page(1)).pipelines == ()

    async def test_a_fault_of_one_route_strikes_no_other(
        self, goldrush: GoldRush, url: str, orders: PipelineId
    ) -> None:
        async with client_of(url) as client:
            goldrush.set_fault(Fault(kind=FaultKind.THROTTLED, retry_after="600", route="listing"))
            with pytest.raises(Throttled) as caught:
                await client.page(1)
            assert caught.value.retry_after == 600.0
            assert (await client.status(orders)).phase is Phase.RUNNING
            assert (await client.pipeline(orders)).id == orders

    async def test_an_unknown_phase_is_kept_as_received(self, goldrush: GoldRush, url: str, orders: PipelineId) -> None:
        goldrush.set_fault(Fault(kind=FaultKind.UNKNOWN_PHASE), orders)
        async with client_of(url) as client:
            assert (await client.status(orders)).phase.value == "HIBERNATING"

    async def test_a_stale_answer_reads_like_a_fresh_one(
        self, goldrush: GoldRush, url: str, orders: PipelineId
    ) -> None:
        """Nothing in it says how old it is: it is for the reader to look again."""
        goldrush.set_phase(orders, "FAILED")
        goldrush.set_fault(Fault(kind=FaultKind.STALE), orders)
        async with client_of(url) as client:
            assert (await client.status(orders)).phase is Phase.RUNNING
            goldrush.set_fault(None, orders)
            assert (await client.status(orders)).phase is Phase.FAILED

    async def test_an_answer_about_another_pipeline_is_malformed(
        self, goldrush: GoldRush, url: str, orders: PipelineId
    ) -> None:
        """A status has none: GoldRush documents no field by which it could be told."""
        goldrush.set_fault(Fault(kind=FaultKind.WRONG_PIPELINE), orders)
        async with client_of(url) as client:
            with pytest.raises(Malformed, match="another pipeline"):
                await client.pipeline(orders)
            assert (await client.status(orders)).phase.known

    @pytest.mark.parametrize(
        ("sent", "seconds"), [(None, None), ("7", 7.0), ("Fri, 01 May 2099 10:00:30 GMT", 3600.0), ("soon", None)]
    )
    async def test_retry_after(
        self, sent: str | None, seconds: float | None, goldrush: GoldRush, url: str, orders: PipelineId
    ) -> None:
        goldrush.set_fault(Fault(kind=FaultKind.THROTTLED, retry_after=sent))
        async with client_of(url) as client:
            with pytest.raises(Throttled) as caught:
                await client.status(orders)
        assert caught.value.retry_after == seconds

    @pytest.mark.parametrize(("key", "error"), [("cqt_demo_api_key", Forbidden), ("a-key-of-old", Unauthorized)])
    async def test_a_wrong_key(self, key: str, error: type[ApiError], url: str, orders: PipelineId) -> None:
        async with client_of(url, key=key) as client:
            with pytest.raises(error, match="GoldRush says: ") as caught:
                await client.status(orders)
        assert key not in str(caught.value)


async def nothing(writer: asyncio.StreamWriter) -> None:
    pass


async def headers_by_drips(writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" * 100:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.02)  # the drip itself, not synchronisation


async def without_end(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + b" " * 4096 + b"\r\n")
        await writer.drain()


class TestBelowHttp:
    @pytest.mark.parametrize(
        ("answer", "error", "says"),
        [
            (nothing, Unavailable, "broke before"),
            (headers_by_drips, Unavailable, "within 0.3 s"),
            (without_end, TooLarge, "longer than"),
            (b"SSH-2.0-OpenSSH_9.6\r\n", Unavailable, "broke before"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: banana\r\n\r\n", Unavailable, "broke before"),
            (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 500_000 + b"\r\n\r\n", Unavailable, "broke before"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Unavailable, "broke before"),
            (http(b"", status="204 No Content"), Malformed, "answered 204"),
            (http(gzip.compress(b"\0" * 2**26), "Content-Encoding: gzip"), TooLarge, "longer than"),
            (http(b"not gzip", "Content-Encoding: gzip"), Malformed, "gzip"),
            (http(b"{}", "Content-Encoding: br"), Malformed, "that I didn't ask for"),
            (http(b"<h1>Not here</h1>", status="404 Not Found"), Malformed, "GOLDRUSH_API_URL"),
        ],
    )
    async def test_invalid_answers_are_malformed(self, answer: Write | bytes, error: type[ApiError], says: str) -> None:
        deadline = DEADLINE if answer is headers_by_drips else PATIENCE
        async with RawServer.answering(answer) as (_, url), client_of(url, deadline=deadline) as client:
            for _ in range(3):
                with pytest.raises(error, match=says):
                    await client.status(PipelineId("pipe_1"))

    async def test_a_refused_connection_is_unavailable(self) -> None:
        with socket.socket() as reserved:  # bound, but not listening
            reserved.bind(("127.0.0.1", 0))
            async with client_of(f"http://127.0.0.1:{reserved.getsockname()[1]}") as client:
                with pytest.raises(Unavailable, match="refused") as caught:
                    await client.status(PipelineId("pipe_1"))
        assert is_for_people(caught.value.plain)

    async def test_a_server_without_tls_is_unavailable(self, url: str) -> None:
        async with client_of(url.replace("http://", "https://")) as client:
            with pytest.raises(Unavailable, match="TLS failed"):
                await client.status(PipelineId("pipe_1"))

    @pytest.mark.parametrize(
        ("failure", "cause", "says"),
        [
            (httpx.ConnectError("no"), socket.gaierror(-2, "Name or service not known"), "host name"),
            (httpx.ConnectError("no"), ssl.SSLCertVerificationError("self-signed"), "TLS failed"),
            (httpx.ConnectError("no"), OSError(113, "No route to host"), "could not reach GoldRush"),
            (httpx.ProxyError("403 Forbidden"), None, "proxy"),
            (httpx.ReadTimeout("slow"), None, "broke before"),
        ],
    )
    async def test_failures_that_no_local_server_can_show(
        self, failure: httpx.HTTPError, cause: Exception | None, says: str
    ) -> None:
        class Failing(httpx.AsyncBaseTransport):
            async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
                raise failure from cause

        async with client_of("https://api.example.com", transport=Failing()) as client:
            with pytest.raises(Unavailable, match=says) as caught:
                await client.status(PipelineId("pipe_1"))
        assert is_for_people(caught.value.plain)


class TestRedirects:
    @pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
    async def test_the_key_goes_nowhere_else(self, status: str) -> None:
        async with AsyncExitStack() as stack:
            elsewhere, target = await stack.enter_async_context(RawServer.answering(http(b"{}")))
            location = f"Location: {target.replace('http://', 'http://user:pass@')}/platform/?secret=1"
            moved, url = await stack.enter_async_context(RawServer.answering(http(b"", location, status=status)))
            client = await stack.enter_async_context(client_of(url))
            with pytest.raises(Unavailable, match=rf"redirect \({status[:3]}\).*n't follow") as caught:
                await client.status(PipelineId("pipe_1"))
            assert len(moved.requests) == 1
            assert elsewhere.requests == []
        assert "secret" not in str(caught.value)
        assert "pass" not in str(caught.value)


class TestSlots:
    @pytest.mark.parametrize("kind", [FaultKind.HANG, FaultKind.DRIP])
    async def test_calls_that_hang_cost_no_slot_for_good(
        self, kind: FaultKind, goldrush: GoldRush, url: str, orders: PipelineId
    ) -> None:
        goldrush.set_fault(Fault(kind=kind))
        async with client_of(url, deadline=SLOT_DEADLINE, connections=4) as client:
            hung = await asyncio.gather(*(client.status(orders) for _ in range(12)), return_exceptions=True)
            goldrush.set_fault(None)
            healthy = await asyncio.gather(*(client.status(orders) for _ in range(12)))
        assert {type(outcome) for outcome in hung} == {Unavailable}
        assert {status.phase for status in healthy} == {Phase.RUNNING}

    async def test_cancelled_calls_cost_no_slot_for_good(self) -> None:
        all_here, healed = asyncio.Barrier(5), asyncio.Event()  # four requests and the test

        async def answer(_: web.Request) -> web.Response:
            if not healed.is_set():
                await all_here.wait()
                await healed.wait()
            return web.json_response({"data": {"status": "RUNNING"}})

        async with serving(web.get("/{rest:.*}", answer)) as url, client_of(url, connections=4) as client:
            calls = [asyncio.ensure_future(client.status(PipelineId("pipe_1"))) for _ in range(12)]
            await all_here.wait()
            for call in calls:
                call.cancel()
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            healed.set()
            healthy = await asyncio.gather(*(client.status(PipelineId("pipe_1")) for _ in range(12)))
        assert {type(outcome) for outcome in outcomes} == {asyncio.CancelledError}
        assert len(healthy) == 12

    async def test_no_more_requests_at_once_than_slots(self) -> None:
        batch, under_way, most = asyncio.Barrier(3), 0, 0

        async def answer(_: web.Request) -> web.Response:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await batch.wait()
            under_way -= 1
            return web.json_response({"data": {"status": "RUNNING"}})

        async with serving(web.get("/{rest:.*}", answer)) as url, client_of(url, connections=3) as client:
            await asyncio.gather(*(client.status(PipelineId("pipe_1")) for _ in range(9)))
        assert most == 3

    async def test_waiting_for_a_slot_ends_too(self, goldrush: GoldRush, url: str, orders: PipelineId) -> None:
        goldrush.set_fault(Fault(kind=FaultKind.HANG))
        async with client_of(url, deadline=DEADLINE, connections=1) as client:
            loop = asyncio.get_running_loop()
            began = loop.time()
            outcomes = await asyncio.gather(*(client.status(orders) for _ in range(20)), return_exceptions=True)
            took = loop.time() - began
        assert {type(outcome) for outcome in outcomes} == {Unavailable}
        assert any("busy" in str(outcome) for outcome in outcomes)
        assert took < 10 * DEADLINE  # twice in theory; one after the other it would be 20 times

    async def test_the_deadline_begins_when_the_slot_is_got(
        self, goldrush: GoldRush, url: str, orders: PipelineId
    ) -> None:
        """Two reads through one slot take longer together than the deadline, and none is cut."""
        goldrush.set_fault(Fault(kind=FaultKind.SLOW, seconds=0.6))
        async with client_of(url, deadline=1.0, connections=1) as client:
            read = await asyncio.gather(client.status(orders), client.status(orders))
        assert len(read) == 2


def everything_of(error: BaseException) -> str:
    """As much as any logger could print: texts, reprs, the causes, and the local variables of every frame."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    links = [error, error.__cause__, error.__context__]
    return "".join([*shown.format(), *map(repr, links), *map(str, links)])


class TestTheKeyStaysInside:
    @pytest.mark.parametrize("kind", REFUSED)
    async def test_in_no_error_log_or_repr(
        self, kind: FaultKind, goldrush: GoldRush, url: str, orders: PipelineId, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        goldrush.set_fault(Fault(kind=kind))
        async with client_of(url, deadline=patience(kind)) as client:
            with pytest.raises(ApiError) as caught:
                await client.status(orders)
            printed = f"{client} {client!r} {vars(client)}"
        for text in (printed, caplog.text, everything_of(caught.value)):
            assert KEY not in text

    @pytest.mark.parametrize("failing", [True, False])
    async def test_not_in_the_frames_of_the_library(self, failing: bool) -> None:
        class Careless(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                headers = request.headers.raw
                if failing:
                    raise httpx.WriteError("broken pipe") from OSError(len(headers))
                await asyncio.Event().wait()
                raise AssertionError(headers)

        async with client_of("https://api.example.com", deadline=DEADLINE, transport=Careless()) as client:
            with pytest.raises(Unavailable) as caught:
                await client.status(PipelineId("pipe_1"))
        assert KEY not in everything_of(caught.value)

    async def test_the_key_stays_hidden_when_the_server_repeats_it(self) -> None:
        async def echo(request: web.Request) -> web.Response:
            complaint = f"{request.headers['Authorization']} or {KEY} is not known"
            return web.json_response({"data": None, "error": True, "error_message": complaint}, status=401)

        async with serving(web.get("/{rest:.*}", echo)) as url, client_of(url) as client:
            with pytest.raises(Unauthorized, match=r"is not known$") as caught:
                await client.status(PipelineId("pipe_1"))
        assert KEY not in f"{caught.value} {caught.value!r}"

    @pytest.mark.parametrize("key", ["", "  ", "two words", "line\nbreak", "schlüssel", "nul\0"])
    def test_a_key_that_no_header_can_carry_is_refused_unseen(self, key: str) -> None:
        with pytest.raises(ValueError, match="GOLDRUSH_SERVICE_KEY") as caught:
            client_of("https://api.example.com", key=key)
        assert not key.strip() or key not in str(caught.value)

    @pytest.mark.parametrize(
        "address",
        ["", "api.example.com", "ftp://api.example.com", "https://", "https://[::1", "http://a:99999", "http://xn--a/"],
    )
    def test_an_address_that_is_none_is_refused_unseen(self, address: str) -> None:
        with pytest.raises(ValueError, match="GOLDRUSH_API_URL") as caught:
            client_of(address)
        assert not address or address not in str(caught.value)


async def test_connections_are_used_again() -> None:
    peers = set()

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response(body=json.dumps({"data": {"status": "RUNNING"}}))

    async with serving(web.get("/{rest:.*}", answer)) as url, client_of(url) as client:
        for _ in range(5):
            await client.status(PipelineId("pipe_1"))
    assert len(peers) == 1
