"""A client of the stand-in for GoldRush, over a real socket. The real API's contract checks the answers."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from aiohttp import web
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from sandbox.clock import Clock
from sandbox.goldrush import BASE, GoldRush
from sandbox.goldrush_faults import Fault, FaultKind
from sandbox.goldrush_pipelines import Pipeline

CONTRACT = Path(__file__).parents[3] / "shared" / "goldrush" / "openapi.yaml"
KEY = {"Authorization": "Bearer demo-service-key"}


class HandTurnedClock(Clock):
    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def now(self) -> float:
        return 1_700_000_000.0 + self.seconds

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> HandTurnedClock:
    return HandTurnedClock()


@pytest.fixture
def goldrush(clock: HandTurnedClock) -> GoldRush:
    return GoldRush(clock)


@pytest.fixture
async def client(goldrush: GoldRush) -> AsyncIterator[httpx.AsyncClient]:
    app = web.Application()
    app.add_routes(goldrush.routes())
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}{BASE}", headers=KEY, timeout=1.0) as http:
        yield http
    await runner.cleanup()


@pytest.fixture
def orders(goldrush: GoldRush) -> Pipeline:
    return goldrush.named("orders-eu")


def status_path(pipeline: Pipeline) -> str:
    return f"{pipeline.id}/status/"


# --- the contract ---------------------------------------------------------------------------------------------------

ENDPOINTS = {
    "": "PipelineListEnvelope",
    "{id}/": "PipelineEnvelope",
    "{id}/status/": "PipelineStatusEnvelope",
    "{id}/logs/": "PipelineLogsEnvelope",
    "{id}/metrics/": "PipelineMetricsEnvelope",
    "{id}/destination-health/": "DestinationHealthEnvelope",
}
PHASES = ("DEPLOYING", "RUNNING", "PAUSED", "FAILED", "STOPPING", "STOPPED")


FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(value: object) -> bool:
    """Without a further package, jsonschema accepts any date."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def validator(schema: str) -> Draft202012Validator:
    if not CONTRACT.exists():
        pytest.skip("the API's contract is not beside this checkout (../shared/goldrush/openapi.yaml)")
    contract = Resource.from_contents(yaml.safe_load(CONTRACT.read_text()), default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("contract", contract)
    return Draft202012Validator(
        {"$ref": f"contract#/components/schemas/{schema}"},
        registry=registry,
        format_checker=FORMATS,
    )


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(("path", "schema"), ENDPOINTS.items())
async def test_every_answer_fits_the_contract(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline, path: str, schema: str, phase: str
) -> None:
    goldrush.set_phase(orders.id, phase)

    reply = await client.get(path.format(id=orders.id))

    assert reply.status_code == 200
    validator(schema).validate(reply.json())
    assert reply.json()["data"], "an empty object would fit any schema"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("", {"Authorization": ""}, 401),
        ("", {"Authorization": "Basic demo-service-key"}, 401),
        ("", {"Authorization": "Bearer revoked-key"}, 401),
        ("", {"Authorization": "Bearer cqt_demo_api_key"}, 403),
        ("pipe_nobody/status/", KEY, 404),
        ("pipe_nobody/", KEY, 404),
        ("?page_number=0", KEY, 400),
        ("?page_size=many", KEY, 400),
    ],
)
async def test_errors_come_in_the_envelope_with_a_code_that_is_text(
    client: httpx.AsyncClient, path: str, headers: dict[str, str], status: int
) -> None:
    reply = await client.get(path, headers=headers)

    assert reply.status_code == status
    validator("ErrorEnvelope").validate(reply.json())
    assert reply.json()["data"] is None
    assert reply.json()["error"] is True
    assert reply.json()["error_code"] == str(status)
    assert reply.json()["error_message"]


async def test_intent_and_phase_differ(client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline) -> None:
    goldrush.set_phase(orders.id, "FAILED")

    assert (await client.get(f"{orders.id}/")).json()["data"]["status"] == "running"
    assert (await client.get(status_path(orders))).json()["data"]["status"] == "FAILED"


async def test_only_get_is_offered(client: httpx.AsyncClient, orders: Pipeline) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        reply = await client.request(method, f"{orders.id}/", json={"status": "paused"})
        assert reply.status_code == 405
        assert reply.headers["Allow"] == "GET"
        assert reply.json()["error_code"] == "405"
    assert orders.phase == "RUNNING"


async def test_a_path_without_its_slash_is_redirected(client: httpx.AsyncClient, orders: Pipeline) -> None:
    reply = await client.get(f"{orders.id}/status")

    assert reply.status_code == 301
    assert reply.headers["Location"] == str(client.base_url.join(status_path(orders)))


# --- the list -------------------------------------------------------------------------------------------------------


async def test_every_pipeline_is_on_exactly_one_page(client: httpx.AsyncClient, goldrush: GoldRush) -> None:
    goldrush.rate_limit = None
    for number in range(36):
        goldrush.add(name=f"load {number}")
    pages: list[dict[str, Any]] = []
    while not pages or pages[-1]["pagination"]["has_more"]:
        query = {"page_number": len(pages) + 1, "page_size": 7}
        pages.append((await client.get("", params=query)).json()["data"])

    assert [item["id"] for page in pages for item in page["items"]] == list(goldrush.pipelines)
    assert pages[-1]["pagination"] == {"has_more": False, "page_number": 7, "page_size": 7, "total_count": 45}


@pytest.mark.parametrize(("page_size", "given"), [(None, 20), (1, 1), (100, 100), (5000, 100)])
async def test_a_page_holds_20_unless_asked_and_never_more_than_100(
    client: httpx.AsyncClient, goldrush: GoldRush, page_size: int | None, given: int
) -> None:
    for number in range(120):
        goldrush.add(name=f"load {number}")

    data = (await client.get("", params={} if page_size is None else {"page_size": page_size})).json()["data"]

    assert len(data["items"]) == data["pagination"]["page_size"] == given
    assert data["pagination"]["has_more"]


async def test_a_page_past_the_end_is_empty(client: httpx.AsyncClient) -> None:
    data = (await client.get("", params={"page_number": 99})).json()["data"]

    assert data["items"] == []
    assert data["pagination"]["has_more"] is False


async def test_a_secret_is_unreadable_in_settings(client: httpx.AsyncClient, orders: Pipeline) -> None:
    assert (await client.get(f"{orders.id}/")).json()["data"]["destination_config"]["password"] == "******"


# --- the rate limit -------------------------------------------------------------------------------------------------


async def test_a_burst_of_eight_then_four_a_second(client: httpx.AsyncClient, clock: HandTurnedClock) -> None:
    async def statuses(count: int) -> list[int]:
        return [(await client.get("")).status_code for _ in range(count)]

    assert await statuses(9) == [200] * 8 + [429]
    clock.seconds += 1
    assert await statuses(5) == [200] * 4 + [429]
    clock.seconds += 3600
    assert await statuses(9) == [200] * 8 + [429]


async def test_over_the_limit_the_answer_says_when_to_come_back(client: httpx.AsyncClient, goldrush: GoldRush) -> None:
    goldrush.rate_limit = 0.5
    await client.get("")

    reply = await client.get("")

    assert reply.status_code == 429
    assert reply.headers["Retry-After"] == "1"
    assert reply.json()["error_code"] == "429"


async def test_without_a_limit_nobody_is_refused(client: httpx.AsyncClient, goldrush: GoldRush) -> None:
    goldrush.rate_limit = None

    assert {(await client.get("")).status_code for _ in range(30)} == {200}


# --- what moves -----------------------------------------------------------------------------------------------------


def test_a_phase_brings_its_figures_along(goldrush: GoldRush, clock: HandTurnedClock) -> None:
    swaps = goldrush.named("Base Swaps to Postgres")
    figures = {}
    for phase in ("FAILED", "DEPLOYING", "RUNNING", "PAUSED", "RUNNING", "STOPPED"):
        clock.seconds += 60
        goldrush.set_phase(swaps.id, phase)
        figures[phase] = (swaps.ready, swaps.replicas, swaps.intent)

    assert figures == {
        "FAILED": (0, 3, "running"),
        "DEPLOYING": (0, 3, "running"),
        "RUNNING": (3, 3, "running"),
        "PAUSED": (0, 0, "paused"),
        "STOPPED": (0, 0, "running"),
    }
    assert swaps.start_time is None


def test_a_deployment_has_its_own_start_and_worker(goldrush: GoldRush, orders: Pipeline) -> None:
    before = (orders.start_time, orders.uid)
    goldrush.set_phase(orders.id, "FAILED")
    assert (orders.start_time, orders.uid) == before

    goldrush.set_phase(orders.id, "DEPLOYING")
    deployed = (orders.start_time, orders.uid)
    goldrush.set_phase(orders.id, "RUNNING")
    assert (orders.start_time, orders.uid) == deployed

    goldrush.set_phase(orders.id, "RUNNING", restart=True)
    starts = {before, deployed, (orders.start_time, orders.uid)}
    assert len({start for start, _ in starts}) == len({uid for _, uid in starts}) == 3


async def test_a_pipeline_vanishes_and_comes_back(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline
) -> None:
    goldrush.remove(orders.id)
    assert (await client.get(status_path(orders))).status_code == 404
    assert orders.id not in (await client.get("")).text

    goldrush.set_phase(orders.id, "RUNNING")
    assert (await client.get(status_path(orders))).status_code == 200


def test_the_change_log_has_each_change_and_its_time(
    goldrush: GoldRush, orders: Pipeline, clock: HandTurnedClock
) -> None:
    known, beats = len(goldrush.changes), []
    goldrush.on_change = lambda: beats.append(clock.seconds)
    clock.seconds += 5
    goldrush.set_phase(orders.id, "FAILED")
    clock.seconds += 5
    goldrush.degrade(orders.id)
    goldrush.remove(orders.id)

    happened = [(change.at, change.kind, change.phase, change.ready) for change in goldrush.changes[known:]]
    assert happened == [
        (1_000_005, "moved", "FAILED", 0),
        (1_000_010, "moved", "RUNNING", 0),
        (1_000_010, "removed", "RUNNING", 0),
    ]
    assert beats == [1_000_005, 1_000_010, 1_000_010]


async def test_the_request_log_has_each_pipeline_and_answer(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline
) -> None:
    await client.get("", params={"page_size": 5})
    await client.get(status_path(orders))
    await client.get("pipe_nobody/status/")

    log = [(entry.pipeline_id, entry.path.removeprefix(BASE), entry.status) for entry in goldrush.requests]
    assert log == [
        (None, "?page_size=5", 200),
        (orders.id, status_path(orders), 200),
        ("pipe_nobody", "pipe_nobody/status/", 404),
    ]


def test_ids_are_the_same_in_every_run(goldrush: GoldRush) -> None:
    assert list(GoldRush().pipelines) == list(goldrush.pipelines)
    assert all(len(pipeline) == len("pipe_") + 27 for pipeline in goldrush.pipelines)


# --- faults ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("unauthorized", 401),
        ("forbidden", 403),
        ("not_found", 404),
        ("conflict", 409),
        ("throttled", 429),
        ("server_error", 500),
        ("unavailable", 503),
    ],
)
async def test_an_error_instead_of_the_answer(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline, kind: str, status: int
) -> None:
    goldrush.set_fault(Fault(kind=FaultKind(kind)))

    reply = await client.get(status_path(orders))

    assert reply.status_code == status
    assert reply.json()["error_code"] == str(status)
    assert "Retry-After" not in reply.headers


@pytest.mark.parametrize("retry_after", ["7", "Fri, 31 Dec 2027 23:59:59 GMT", "soon"])
async def test_a_throttle_may_carry_its_wait(client: httpx.AsyncClient, goldrush: GoldRush, retry_after: str) -> None:
    goldrush.set_fault(Fault(kind=FaultKind.THROTTLED, retry_after=retry_after))

    assert (await client.get("")).headers["Retry-After"] == retry_after


async def test_gateways_answer_in_html(client: httpx.AsyncClient, goldrush: GoldRush) -> None:
    for kind, status in ((FaultKind.BAD_GATEWAY, 502), (FaultKind.NOT_JSON, 200)):
        goldrush.set_fault(Fault(kind=kind))
        reply = await client.get("")
        assert reply.status_code == status
        assert reply.headers["Content-Type"].startswith("text/html")
        with pytest.raises(json.JSONDecodeError):
            reply.json()


async def test_a_redirect_points_at_another_host(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline
) -> None:
    goldrush.set_fault(Fault(kind=FaultKind.REDIRECT))

    reply = await client.get(status_path(orders))

    assert reply.status_code == 302
    assert httpx.URL(reply.headers["Location"]) == reply.url.copy_with(host="localhost")


@pytest.mark.parametrize(
    ("kind", "spoiled"),
    [
        ("missing_field", lambda reply: "status" not in reply["data"] and reply["data"]["replicas"] == 1),
        ("null_data", lambda reply: reply["data"] is None and reply["error"] is False),
        ("unknown_phase", lambda reply: reply["data"]["status"] == "HIBERNATING"),
        ("error_true", lambda reply: reply["error"] is True and reply["data"]["status"] == "RUNNING"),
        ("wrong_types", lambda reply: reply["data"]["status"] == 7 and reply["data"]["ready"] == "1!"),
        ("nan", lambda reply: reply["data"]["ready"] != reply["data"]["ready"]),
        ("huge", lambda reply: len(reply["data"]["description"]) == 2 * 1024 * 1024),
    ],
)
async def test_a_spoiled_answer_is_still_a_200(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline, kind: str, spoiled: Any
) -> None:
    goldrush.set_fault(Fault(kind=FaultKind(kind)))

    reply = await client.get(status_path(orders))

    assert reply.status_code == 200
    assert spoiled(reply.json())


async def test_bodies_that_break_parsers(client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline) -> None:
    for kind, error in (
        (FaultKind.DEEP, RecursionError),
        (FaultKind.BAD_UTF8, UnicodeDecodeError),
        (FaultKind.BOM, json.JSONDecodeError),
    ):
        goldrush.set_fault(Fault(kind=kind))
        reply = await client.get(status_path(orders))
        assert reply.status_code == 200
        with pytest.raises(error):
            json.loads(reply.content.decode("utf-8"))


@pytest.mark.parametrize("kind", ["missing_field", "wrong_types", "nan", "bad_utf8", "unknown_phase"])
async def test_the_list_is_spoiled_in_its_items(client: httpx.AsyncClient, goldrush: GoldRush, kind: str) -> None:
    sound = (await client.get("")).content
    goldrush.set_fault(Fault(kind=FaultKind(kind)))

    spoiled = (await client.get("")).content

    assert (spoiled == sound) == (kind == "unknown_phase"), "the list shows the intent, which has no unknown value"


async def test_a_404_is_not_spoiled(client: httpx.AsyncClient, goldrush: GoldRush) -> None:
    goldrush.set_fault(Fault(kind=FaultKind.MISSING_FIELD))

    assert (await client.get("pipe_nobody/status/")).status_code == 404


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("hang", httpx.ReadTimeout),
        ("slow", httpx.ReadTimeout),
        ("truncated", httpx.RemoteProtocolError),
        ("reset", httpx.ReadError),
    ],
)
async def test_trouble_on_the_connection(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline, kind: str, error: type[httpx.TransportError]
) -> None:
    goldrush.set_fault(Fault(kind=FaultKind(kind)))

    with pytest.raises(error):
        await client.get(status_path(orders), timeout=0.3)

    goldrush.set_fault(None)
    assert (await client.get(status_path(orders))).status_code == 200


async def test_a_drip_satisfies_every_read_timeout(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline
) -> None:
    goldrush.set_fault(Fault(kind=FaultKind.DRIP))
    async with client.stream("GET", status_path(orders), timeout=1.0) as reply:
        chunks = reply.aiter_raw()
        assert [await anext(chunks) for _ in range(3)] == [b"{", b'"', b"d"]

    assert int(reply.headers["Content-Length"]) > 100


async def test_slow_still_answers(client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline) -> None:
    goldrush.set_fault(Fault(kind=FaultKind.SLOW, seconds=0.0))

    assert (await client.get(status_path(orders))).json()["data"]["status"] == "RUNNING"


async def test_a_fault_of_one_pipeline_leaves_the_others_alone(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline
) -> None:
    other = goldrush.named("orders-us")
    goldrush.set_fault(Fault(kind=FaultKind.SERVER_ERROR), orders.id)

    paths = (status_path(orders), status_path(other), "")
    assert [(await client.get(path)).status_code for path in paths] == [500, 200, 200]


async def test_a_fault_wears_off_after_its_number_of_times(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline
) -> None:
    fault = Fault(kind=FaultKind.NOT_FOUND, times=2)
    goldrush.set_fault(fault)

    assert [(await client.get(status_path(orders))).status_code for _ in range(4)] == [404, 404, 200, 200]
    assert fault == replace(fault, times=2), "the fault that was handed in is the caller's"


async def test_an_unanswered_request_has_no_status_in_the_log(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline
) -> None:
    goldrush.set_fault(Fault(kind=FaultKind.RESET))
    with pytest.raises(httpx.ReadError):
        await client.get(status_path(orders))

    assert [entry.status for entry in goldrush.requests] == [None]
