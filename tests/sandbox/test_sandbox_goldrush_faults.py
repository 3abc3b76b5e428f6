"""Faults of GoldRush with slow answers, large ones, or ones from the pipeline's past."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.goldrush import BASE
from sandbox.goldrush_faults import Fault, FaultKind
from sandbox.goldrush_pipelines import Pipeline
from sandbox.goldrush_streams import BOMB_BYTES, FLOOD_BYTES
from sandbox.server import Sandbox
from tests.contract.slack_rig import START, HandClock

KEY = {"Authorization": "Bearer demo-service-key"}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start(clock=HandClock()) as running:
        running.goldrush.rate_limit = None
        yield running


@pytest.fixture
def orders(sandbox: Sandbox) -> Pipeline:
    return sandbox.goldrush.named("orders-eu")


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{sandbox.url}{BASE}", headers=KEY, timeout=1.0) as http:
        yield http


def strike(sandbox: Sandbox, kind: FaultKind, retry_after: str | None = None) -> None:
    sandbox.goldrush.set_fault(Fault(kind=kind, retry_after=retry_after))


async def status(client: httpx.AsyncClient, pipeline: Pipeline) -> httpx.Response:
    return await client.get(f"{pipeline.id}/status/")


@pytest.mark.parametrize("kind", [FaultKind.THROTTLED, FaultKind.UNAVAILABLE])
async def test_retry_after_may_be_a_date(sandbox: Sandbox, client: httpx.AsyncClient, kind: FaultKind) -> None:
    strike(sandbox, kind, "date+30")
    when = parsedate_to_datetime((await client.get("")).headers["Retry-After"])
    assert when.timestamp() == START + 30


async def test_a_redirect_may_lead_to_itself(sandbox: Sandbox, client: httpx.AsyncClient, orders: Pipeline) -> None:
    strike(sandbox, FaultKind.REDIRECT_LOOP)
    reply = await status(client, orders)
    assert (reply.status_code, reply.headers["Location"]) == (302, str(reply.url))
    with pytest.raises(httpx.TooManyRedirects):
        await client.get(f"{orders.id}/status/", follow_redirects=True)


async def test_the_phase_may_be_null(sandbox: Sandbox, client: httpx.AsyncClient, orders: Pipeline) -> None:
    strike(sandbox, FaultKind.NULL_PHASE)
    assert (await status(client, orders)).json()["data"] | {"uid": ""} == {
        "uid": "",
        "status": None,
        "replicas": 1,
        "ready": 1,
        "start_time": "2027-01-15T08:00:00Z",
    }


async def test_an_answer_may_repeat_a_key(sandbox: Sandbox, client: httpx.AsyncClient, orders: Pipeline) -> None:
    strike(sandbox, FaultKind.DUPLICATE_KEYS)
    body = (await status(client, orders)).content
    assert body.count(b'"status"') == 2
    assert json.loads(body)["data"]["status"] == "FAILED", "the last one wins with most parsers, and it is false"


async def test_a_lagging_replica_answers_with_the_state_before(
    sandbox: Sandbox, client: httpx.AsyncClient, orders: Pipeline
) -> None:
    sandbox.goldrush.set_phase(orders.id, "FAILED")
    strike(sandbox, FaultKind.STALE)
    phases = [(await status(client, orders)).json()["data"]["status"]]
    sandbox.goldrush.set_fault(None)
    phases += [(await status(client, orders)).json()["data"]["status"]]
    assert phases == ["RUNNING", "FAILED"]
    other = sandbox.goldrush.named("orders-us")
    strike(sandbox, FaultKind.STALE)
    assert (await status(client, other)).json()["data"]["status"] == "RUNNING", "it never moved, so nothing is older"


async def test_an_answer_may_be_about_another_pipeline(
    sandbox: Sandbox, client: httpx.AsyncClient, orders: Pipeline
) -> None:
    strike(sandbox, FaultKind.WRONG_PIPELINE)
    reply = await status(client, orders)
    assert reply.status_code == 200
    uids = {pipeline.uid: pipeline.name for pipeline in sandbox.goldrush.pipelines.values()}
    assert uids[reply.json()["data"]["uid"]] != "orders-eu"


async def test_a_header_may_never_end(sandbox: Sandbox, orders: Pipeline) -> None:
    """Each byte comes within a read timeout, so only a deadline for the whole ends it."""
    strike(sandbox, FaultKind.HEADER_DRIP)
    url = httpx.URL(sandbox.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = f"Host: {url.netloc.decode()}\r\nAuthorization: {KEY['Authorization']}"
    writer.write(f"GET {BASE}{orders.id}/status/ HTTP/1.1\r\n{head}\r\n\r\n".encode())
    assert await reader.readuntil(b": xxx") == b"HTTP/1.1 200 OK\r\nX-Filler: xxx"
    writer.close()
    await writer.wait_closed()


async def test_a_chunked_body_may_have_no_end(sandbox: Sandbox, client: httpx.AsyncClient, orders: Pipeline) -> None:
    strike(sandbox, FaultKind.ENDLESS)
    async with client.stream("GET", f"{orders.id}/status/") as reply:
        assert reply.headers["Transfer-Encoding"] == "chunked"
        came = 0
        async for part in reply.aiter_raw():
            came += len(part)
            if came > 20_000:
                break
    assert came > 20_000


async def test_a_hundred_megabytes_come_as_a_stream(
    sandbox: Sandbox, client: httpx.AsyncClient, orders: Pipeline
) -> None:
    strike(sandbox, FaultKind.FLOOD)
    before, came = peak_kilobytes(), 0
    async with client.stream("GET", f"{orders.id}/status/") as reply:
        async for part in reply.aiter_raw():
            came += len(part)
    assert came == int(reply.headers["Content-Length"]) > FLOOD_BYTES
    assert peak_kilobytes() - before < 40_000, "it was held in memory"


def peak_kilobytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


async def test_a_small_body_may_unpack_to_a_huge_one(
    sandbox: Sandbox, client: httpx.AsyncClient, orders: Pipeline
) -> None:
    strike(sandbox, FaultKind.GZIP_BOMB)
    async with client.stream("GET", f"{orders.id}/status/") as reply:
        packed = b"".join([part async for part in reply.aiter_raw()])
    assert reply.headers["Content-Encoding"] == "gzip"
    assert len(packed) < 1_000_000
    unpacker, length, head = zlib.decompressobj(zlib.MAX_WBITS | 16), 0, b""
    for start in range(0, len(packed), 4096):
        part = unpacker.decompress(packed[start : start + 4096])
        head, length = head or part[:20], length + len(part)
    assert unpacker.eof, "the checksum at the end is right"
    assert (head[:8], length > BOMB_BYTES) == (b'{"data":', True)


@pytest.mark.parametrize("kind", ["header_drip", "drip", "endless", "flood", "hang"])
async def test_a_caller_who_leaves_is_let_go(
    sandbox: Sandbox, client: httpx.AsyncClient, orders: Pipeline, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = len(asyncio.all_tasks())
    strike(sandbox, FaultKind(kind))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await status(client, orders)
    async with asyncio.timeout(60):
        while len(asyncio.all_tasks()) > tasks:
            await asyncio.sleep(0.02)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_bodies_of_the_details_are_odd(sandbox: Sandbox, client: httpx.AsyncClient, orders: Pipeline) -> None:
    async def data(resource: str) -> Any:
        reply = await client.get(f"{orders.id}/{resource}/", timeout=10.0)
        assert reply.status_code == 200
        return reply.json()["data"]

    for kind, resource, odd in (
        ("long", "logs", lambda given: len(given["pods"][0]["logs"]) > 9_900_000),
        ("tail_error", "logs", lambda given: "container not found" in given["pods"][0]["logs"]),
        ("no_pods", "logs", lambda given: given["pods"] == []),
        ("only_uid", "metrics", lambda given: given == {"uid": orders.uid}),
        ("odd_numbers", "metrics", lambda given: given["last_offset"] == 2**70 or given["records_consumed"] == 2**70),
        ("only_uid", "destination-health", lambda given: given == {}),
    ):
        sandbox.goldrush.set_fault(Fault(kind=FaultKind(kind), route=resource))
        assert odd(await data(resource)), kind
        sandbox.goldrush.set_fault(None)


async def test_chains_may_bear_the_newer_names(sandbox: Sandbox) -> None:
    sandbox.goldrush.set_fault(Fault(kind=FaultKind.RENAMED, route="chains"))
    async with httpx.AsyncClient() as http:
        key = {"Authorization": "Bearer cqt_demo_api_key"}
        (first, *_) = (await http.get(f"{sandbox.url}/v1/chains/status/", headers=key)).json()["data"]["items"]
    assert {"chain_tip_height", "chain_tip_signed_at"} <= set(first)
    assert "synced_block_height" not in first
