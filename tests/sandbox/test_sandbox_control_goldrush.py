"""The control API and the scenario move pipelines."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from sandbox.goldrush import Change, ChangeKind
from sandbox.goldrush_pipelines import LAST_BLOCK
from sandbox.scenario import DEMO, Act, Scenario
from sandbox.server import Sandbox

QUICK = Scenario(steps=tuple(replace(step, at_seconds=step.at_seconds / 10_000) for step in DEMO), period_seconds=0.03)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start(scenario=None) as running:
        yield running


@pytest.fixture
async def control(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{sandbox.url}/sandbox") as client:
        yield client


async def row(control: httpx.AsyncClient, name: str) -> dict[str, Any]:
    rows = (await control.get("/pipelines")).json()["pipelines"]
    return next(dict(row) for row in rows if row["name"] == name)


async def test_the_rows_have_everything_the_page_shows(control: httpx.AsyncClient) -> None:
    swaps = await row(control, "Base Swaps to Postgres")

    assert swaps.pop("id").startswith("pipe_")
    assert swaps.pop("start_time").endswith("Z")
    assert "unreachable" in swaps.pop("causes")
    assert swaps == {
        "name": "Base Swaps to Postgres",
        "project": "defi-analytics",
        "phase": "RUNNING",
        "replicas": 3,
        "ready": 3,
        "intent": "running",
        "visible": True,
        "destination_type": "postgres",
        "cause": None,
        "pace": 1.0,
        "last_block": None,
        "chain": "base-mainnet",
        "chain_late": False,
        "fault": None,
    }


@pytest.mark.parametrize(
    ("body", "phase", "ready"),
    [
        ({"phase": "FAILED"}, "FAILED", 0),
        ({"phase": "RUNNING", "ready": 2}, "RUNNING", 2),
        ({"ready": 1}, "RUNNING", 1),
        ({"degrade": True}, "RUNNING", 2),
        ({"phase": "HIBERNATING"}, "HIBERNATING", 3),
    ],
)
async def test_a_pipeline_is_moved_by_id_or_by_name(
    control: httpx.AsyncClient, body: dict[str, Any], phase: str, ready: int
) -> None:
    by_id = (await row(control, "Base Swaps to Postgres"))["id"]

    moved = (await control.post(f"/pipelines/{by_id}", json=body)).json()
    assert (moved["phase"], moved["ready"]) == (phase, ready)

    again = (await control.post("/pipelines/Base Swaps to Postgres", json=body)).json()
    assert (again["phase"], again["ready"]) == (phase, ready)


@pytest.mark.parametrize("rest", ["PAUSED", "STOPPED"])
@pytest.mark.parametrize("between", ["FAILED", "STOPPING", "HIBERNATING"])
async def test_a_resumed_pipeline_has_its_replicas(
    sandbox: Sandbox, control: httpx.AsyncClient, rest: str, between: str
) -> None:
    for phase in (rest, between, "RUNNING"):
        await control.post("/pipelines/Base Swaps to Postgres", json={"phase": phase})

    moved = await row(control, "Base Swaps to Postgres")
    assert (moved["ready"], moved["replicas"]) == (3, 3)
    assert sandbox.goldrush.named("Base Swaps to Postgres").deployments == 2, "and they are a new deployment's"


async def test_a_restart_moves_the_start_and_not_the_phase(control: httpx.AsyncClient) -> None:
    before = await row(control, "orders-eu")

    after = (await control.post(f"/pipelines/{before['id']}", json={"restart": True})).json()

    assert after.pop("start_time") > before.pop("start_time")
    assert after == before


async def test_a_pipeline_is_added_vanishes_and_comes_back(control: httpx.AsyncClient) -> None:
    added = (await control.post("/pipelines", json={"name": "nightly", "project": "ops", "replicas": 2})).json()
    assert (added["visible"], added["ready"]) == (True, 2)

    assert (await control.delete("/pipelines/nightly")).json()["visible"] is False
    assert (await control.delete("/pipelines/nightly")).status_code == 409

    assert (await control.post("/pipelines/nightly", json={"phase": "RUNNING"})).json()["visible"] is True
    assert (await row(control, "nightly"))["id"] == added["id"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/pipelines/pipe_nobody", b"{}", 404),
        ("POST", "/pipelines/orders-eu", b"{", 400),
        ("POST", "/pipelines/orders-eu", b"[]", 400),
        ("POST", "/pipelines/orders-eu", b'{"ready": "all"}', 400),
        ("POST", "/pipelines/orders-eu", b'{"ready": true}', 400),
        ("POST", "/pipelines", b"{}", 400),
        ("POST", "/scenario", b"{}", 400),
        ("POST", "/usage", b'{"consumed": "all"}', 400),
        ("GET", "/requests?limit=-1", b"", 400),
        ("POST", "/faults", b'{"target": "goldrush", "kind": "drought"}', 400),
        ("POST", "/faults", b'{"target": "goldrush", "kind": "hang", "pipeline_id": "pipe_nobody"}', 400),
        ("POST", "/faults", b'{"target": "goldrush", "kind": "hang", "times": 0}', 400),
    ],
)
async def test_nonsense_is_answered_with_a_sentence(
    control: httpx.AsyncClient, method: str, path: str, body: bytes, status: int
) -> None:
    reply = await control.request(method, path, content=body)

    assert reply.status_code == status
    assert list(reply.json()) == ["error"]


async def test_a_fault_may_strike_one_route_only(control: httpx.AsyncClient) -> None:
    wanted = {"target": "goldrush", "kind": "throttled", "retry_after": 600, "route": "listing"}
    assert (await control.post("/faults", json=wanted)).status_code == 200
    (fault,) = (await control.get("/state")).json()["faults"]
    assert (fault["route"], fault["retry_after"]) == ("listing", "600")
    refused = await control.post("/faults", json=wanted | {"route": "elsewhere"})
    assert refused.status_code == 400
    assert "status, listing, pipeline" in refused.text


async def test_faults_come_and_go(control: httpx.AsyncClient) -> None:
    orders = await row(control, "orders-eu")
    one = {"target": "goldrush", "kind": "server_error", "pipeline_id": orders["id"], "times": 3}
    await control.post("/faults", json={"target": "goldrush", "kind": "throttled", "retry_after": 7})
    await control.post("/faults", json=one)

    assert (await row(control, "orders-eu"))["fault"] == "server_error"
    faults = (await control.get("/state")).json()["faults"]
    whole = {"target": "goldrush", "pipeline_id": None, "kind": "throttled", "times": None}
    assert whole | {"seconds": None, "retry_after": "7"} in faults
    assert one | {"seconds": None, "retry_after": None} in faults

    await control.post("/faults", json={"target": "goldrush", "kind": "none", "pipeline_id": orders["id"]})
    assert len((await control.get("/state")).json()["faults"]) == 1
    await control.delete("/faults")
    assert (await control.get("/state")).json()["faults"] == []


async def test_the_logs_can_be_read(sandbox: Sandbox, control: httpx.AsyncClient) -> None:
    await control.post("/pipelines/orders-eu", json={"phase": "FAILED"})
    await control.get(f"{sandbox.url}/platform/pipeline-api/")

    change = (await control.get("/changes", params={"limit": 1})).json()[0]
    assert (change["kind"], change["phase"], change["ready"]) == ("moved", "FAILED", 0)
    request = (await control.get("/requests")).json()[-1]
    assert (request["method"], request["path"], request["status"]) == ("GET", "/platform/pipeline-api/", 401)


# --- the scenario ---------------------------------------------------------------------------------------------------


def test_the_demo_fails_orders_eu_first_and_soon() -> None:
    first = DEMO[0]

    assert (first.pipeline, first.act) == ("orders-eu", Act.FAILED)
    assert first.at_seconds <= 15
    assert list(DEMO) == sorted(DEMO, key=lambda step: step.at_seconds)
    assert DEMO[-1].at_seconds < Scenario.demo().period_seconds


def test_the_demo_knows_its_pipelines_and_uses_every_act() -> None:
    assert {step.act for step in DEMO} == set(Act)
    last = {step.pipeline: step.act for step in DEMO}
    assert set(last.values()) <= {Act.RUNNING, Act.RESTART, Act.FINISH}, "a round ends with everything well"


async def test_a_round_leaves_everything_as_it_was_and_begins_again(sandbox: Sandbox) -> None:
    goldrush = sandbox.goldrush

    def figures() -> dict[str, tuple[str | None, int, str]]:
        return {
            pipeline.name: (pipeline.phase, pipeline.ready, pipeline.intent) for pipeline in goldrush.pipelines.values()
        }

    def failures() -> list[Change]:
        orders = goldrush.named("orders-eu").id
        return [change for change in goldrush.changes if change.pipeline_id == orders and change.phase == "FAILED"]

    before = figures()
    task = asyncio.create_task(QUICK.run(goldrush))
    await sandbox.until(lambda: len(failures()) == 2)
    task.cancel()

    assert any(change.kind is ChangeKind.REMOVED for change in goldrush.changes)
    assert figures() | {"orders-eu": before["orders-eu"]} == before


async def test_the_scenario_is_started_and_stopped(sandbox: Sandbox, control: httpx.AsyncClient) -> None:
    assert (await control.post("/scenario", json={"running": True})).json() == {"running": True}
    assert (await control.get("/state")).json()["scenario"] == {"running": True}
    assert (await control.post("/scenario", json={"running": False})).json() == {"running": False}
    assert not sandbox.scenario_running


# --- what ails a pipeline ---------------------------------------------------------------------------------------------


async def test_a_pipeline_fails_with_a_chosen_cause_and_log(sandbox: Sandbox, control: httpx.AsyncClient) -> None:
    failed = (await control.post("/pipelines/orders-eu", json={"cause": "rejected_login", "log": "tail_error"})).json()
    assert (failed["phase"], failed["cause"]) == ("FAILED", "rejected_login")
    assert "too_many_parts" not in failed["causes"], "that happens at ClickHouse only"

    ailing = (await control.post("/pipelines/orders-us", json={"phase": "RUNNING", "cause": "unreachable"})).json()
    assert (ailing["phase"], ailing["cause"]) == ("RUNNING", "unreachable")
    well = (await control.post("/pipelines/orders-us", json={"phase": "RUNNING"})).json()
    assert well["cause"] is None

    slow = (await control.post("/pipelines/orders-us", json={"pace": 0.5, "height": 77})).json()
    assert (slow["pace"], slow["phase"]) == (0.5, "RUNNING")
    assert 77 <= sandbox.goldrush.named("orders-us").work.height < 78


async def test_a_new_pipeline_has_the_destination_of_ones_choice(control: httpx.AsyncClient) -> None:
    added = (await control.post("/pipelines", json={"name": "queue", "destination_type": "sqs"})).json()
    assert added["destination_type"] == "sqs"
    assert "missing_place" in added["causes"]


async def test_a_bounded_pipeline_is_moved_to_its_end(sandbox: Sandbox, control: httpx.AsyncClient) -> None:
    added = (await control.post("/pipelines", json={"name": "backfill", "execution_mode": "bounded"})).json()
    await control.post(f"/pipelines/{added['id']}", json={"height": LAST_BLOCK})
    pipeline = sandbox.goldrush.pipelines[added["id"]]
    sandbox.goldrush.end_run(pipeline)
    assert (pipeline.phase, pipeline.intent) == ("STOPPED", "running")


async def test_goldrush_is_made_late_with_a_chain(control: httpx.AsyncClient) -> None:
    await control.post("/chains/base-mainnet", json={"late_seconds": 2400})
    assert [chain["name"] for chain in (await control.get("/chains")).json() if chain["late"]] == ["base-mainnet"]
    await control.post("/chains/base-mainnet", json={"late_seconds": 0})
    assert not any(chain["late"] for chain in (await control.get("/chains")).json())

    await control.post("/chains/base-mainnet", json={"late_seconds": 2400})
    assert (await row(control, "usdc-approvals"))["chain_late"]
    await control.delete("/faults")
    assert not (await row(control, "usdc-approvals"))["chain_late"]


async def test_a_transform_is_edited(sandbox: Sandbox, control: httpx.AsyncClient) -> None:
    edited = (await control.post("/pipelines/orders-us", json={"query": "SELECT hash FROM source"})).json()
    assert (edited["phase"], edited["pace"]) == ("RUNNING", 1.0)
    assert sandbox.goldrush.named("orders-us").query == "SELECT hash FROM source"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/pipelines/orders-eu", {"cause": "too_many_parts"}, 400),
        ("/pipelines/orders-eu", {"cause": "sabotage"}, 400),
        ("/pipelines/orders-eu", {"log": "loud"}, 400),
        ("/pipelines/orders-eu", {"pace": -1}, 400),
        ("/pipelines/orders-eu", {"pace": True}, 400),
        ("/pipelines/orders-eu", {"behind_seconds": -1}, 400),
        ("/pipelines/orders-eu", {"intent": "stopped"}, 400),
        ("/pipelines/orders-eu", {"progress": 0.5}, 400),
        ("/pipelines/orders-eu", {"query": 1}, 400),
        ("/pipelines", {"name": "x", "destination_type": "paper"}, 400),
        ("/pipelines", {"name": "x", "execution_mode": "eternal"}, 400),
        ("/chains/base-mainnet", {}, 400),
        ("/chains/nowhere-mainnet", {"late_seconds": 1}, 404),
    ],
)
async def test_an_ailment_that_cannot_be_is_refused(
    control: httpx.AsyncClient, path: str, body: dict[str, Any], status: int
) -> None:
    reply = await control.post(path, json=body)
    assert reply.status_code == status
    assert list(reply.json()) == ["error"]
    assert (await row(control, "orders-eu"))["phase"] == "RUNNING"


async def test_each_route_has_a_fault_of_its_own(sandbox: Sandbox, control: httpx.AsyncClient) -> None:
    goldrush, key = f"{sandbox.url}/platform/pipeline-api", {"Authorization": "Bearer demo-service-key"}
    orders = (await row(control, "orders-eu"))["id"]
    for route, kind in (("logs", "server_error"), ("metrics", "forbidden")):
        await control.post("/faults", json={"target": "goldrush", "kind": kind, "route": route})

    async def statuses() -> list[int]:
        paths = ("logs", "metrics", "destination-health", "status")
        return [(await control.get(f"{goldrush}/{orders}/{path}/", headers=key)).status_code for path in paths]

    assert await statuses() == [500, 403, 200, 200]
    await control.post("/faults", json={"target": "goldrush", "kind": "none", "route": "logs"})
    assert await statuses() == [200, 403, 200, 200]
    await control.delete("/faults")
    assert (await control.get("/state")).json()["faults"] == []


async def test_the_credits_of_the_account_can_be_set(sandbox: Sandbox, control: httpx.AsyncClient) -> None:
    reply = await control.post("/usage", json={"consumed": 299_000, "per_day": 500})
    assert reply.json() == {"max_credits": 300_000, "flex_credits": 0, "per_day": 500, "consumed": 299_000}
    assert sandbox.goldrush.usage.consumed == 299_000
