"""The sandbox's logs, metrics, probes and chains are as GoldRush's might be, and move with the pipeline."""

import re
from datetime import datetime
from typing import Any

import httpx
import pytest

from bot.domain.causes import CAUSES, cause_of
from bot.domain.fingerprint import fingerprint
from bot.domain.log_lines import PodLog, is_tail_error, lines_that_matter
from bot.log_redaction import redact_log
from sandbox.goldrush import GoldRush
from sandbox.goldrush_causes import BY_SLUG, DESTINATIONS, fitting
from sandbox.goldrush_pipelines import FIRST_BLOCK, LogContent, Pipeline
from tests.sandbox.test_sandbox_goldrush import HandTurnedClock, client, clock, goldrush, orders

__all__ = ["client", "clock", "goldrush", "orders"]  # the fixtures

API_KEY = {"Authorization": "Bearer cqt_demo_api_key"}
FITTING = [(kind, slug) for kind in DESTINATIONS for slug in fitting(kind)]


async def read(client: httpx.AsyncClient, pipeline: Pipeline, resource: str) -> Any:
    reply = await client.get(f"{pipeline.id}/{resource}/")
    assert reply.status_code == 200
    return reply.json()["data"]


async def logs(client: httpx.AsyncClient, pipeline: Pipeline) -> list[str]:
    return [pod["logs"] for pod in (await read(client, pipeline, "logs"))["pods"]]


# --- causes -----------------------------------------------------------------------------------------------------------


def test_each_cause_that_the_bot_knows_can_be_played() -> None:
    assert set(BY_SLUG) == {cause.slug for cause in CAUSES}
    assert {slug for _, slug in FITTING} == set(BY_SLUG)


@pytest.mark.parametrize("destination_type", DESTINATIONS)
async def test_the_bot_finds_each_cause_in_the_log(
    client: httpx.AsyncClient, goldrush: GoldRush, destination_type: str
) -> None:
    goldrush.rate_limit = None
    pipeline = goldrush.add(name="fills", destination_type=destination_type)
    for slug in fitting(destination_type):
        goldrush.set_phase(pipeline.id, "FAILED", cause=slug)
        (text,) = await logs(client, pipeline)
        excerpt = lines_that_matter(PodLog(pod="a", text=text))
        assert cause_of(excerpt.error, "\n".join(excerpt.lines)).slug == slug, excerpt
        assert "exits" not in excerpt.error, "a fingerprint of it would join every failure with every other"


@pytest.mark.parametrize("destination_type", DESTINATIONS)
async def test_one_cause_has_one_fingerprint_and_two_have_two(
    client: httpx.AsyncClient, goldrush: GoldRush, clock: HandTurnedClock, destination_type: str
) -> None:
    goldrush.rate_limit = None
    pipelines = [goldrush.add(name=name, destination_type=destination_type) for name in ("one", "two")]
    marks: dict[str, set[str | None]] = {}
    for slug in fitting(destination_type):
        marks[slug] = set()
        for pipeline in pipelines:
            clock.seconds += 4321.7
            goldrush.set_phase(pipeline.id, "FAILED", cause=slug)
            (text,) = await logs(client, pipeline)
            marks[slug].add(fingerprint(lines_that_matter(PodLog(pod="a", text=redact_log(text))).error))
    assert [slug for slug, found in marks.items() if len(found) != 1 or None in found] == []
    assert len(set().union(*marks.values())) == len(marks)


@pytest.mark.parametrize("destination_type", DESTINATIONS)
async def test_the_bot_hides_each_secret_of_a_log(
    client: httpx.AsyncClient, goldrush: GoldRush, destination_type: str
) -> None:
    pipeline = goldrush.add(name="fills", destination_type=destination_type)
    goldrush.set_phase(pipeline.id, "FAILED", cause="unknown", log=LogContent.SECRETS)
    (text,) = await logs(client, pipeline)
    assert re.search(_SECRETS, text)
    assert not re.search(_SECRETS, redact_log(text))


_SECRETS = r"hunter2|Bearer [0-9a-f]{8}|cqt_[0-9a-f]{6}|_KEY=[0-9a-f]{8}"


async def test_a_healthy_log_names_no_error(client: httpx.AsyncClient, goldrush: GoldRush) -> None:
    for kind in DESTINATIONS:
        (text,) = await logs(client, goldrush.add(name="fills", destination_type=kind))
        assert len(text.splitlines()) == 40
        assert lines_that_matter(PodLog(pod="a", text=text)).error == ""


async def test_each_replica_has_a_pod_that_bears_the_workers_name(
    client: httpx.AsyncClient, goldrush: GoldRush
) -> None:
    swaps = goldrush.named("Base Swaps to Postgres")
    data = await read(client, swaps, "logs")
    assert data["uid"] == swaps.uid
    assert len({pod["pod"] for pod in data["pods"]}) == 3
    assert all(pod["pod"].startswith(f"pipeline-{swaps.uid}") for pod in data["pods"])


async def test_a_fault_of_one_replica_ends_the_others_without_an_error(
    client: httpx.AsyncClient, goldrush: GoldRush
) -> None:
    swaps = goldrush.named("Base Swaps to Postgres")
    goldrush.set_phase(swaps.id, "FAILED", cause="constraint")
    texts = await logs(client, swaps)
    assert ["duplicate key" in text for text in texts] == [True, False, False]


async def test_pipelines_of_one_destination_log_the_same_address(client: httpx.AsyncClient, goldrush: GoldRush) -> None:
    """The listing shows one destination for all of a type in a project, and the logs must not contradict it."""
    goldrush.rate_limit = None
    addresses: dict[str, set[str]] = {}
    for number, project in enumerate(("shop", "shop", "shop", "desk")):
        pipeline = goldrush.add(name=f"fills-{number}", project=project, destination_type="postgres")
        goldrush.set_phase(pipeline.id, "FAILED", cause="unreachable")
        (text,) = await logs(client, pipeline)
        addresses.setdefault(project, set()).update(re.findall(r"10\.\d+\.\d+\.\d+:\d+", text))
    assert [len(found) for found in addresses.values()] == [1, 1]
    assert not addresses["shop"] & addresses["desk"]


async def test_a_cause_that_the_destination_cannot_have_is_refused(goldrush: GoldRush, orders: Pipeline) -> None:
    with pytest.raises(ValueError, match="postgres"):
        goldrush.set_phase(orders.id, "FAILED", cause="too_many_parts")
    assert orders.phase == "RUNNING"


# --- logs -------------------------------------------------------------------------------------------------------------


async def test_right_after_a_crash_there_may_be_no_log_until_the_pipeline_runs(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline
) -> None:
    goldrush.set_phase(orders.id, "FAILED", cause="unreachable", log=LogContent.TAIL_ERROR)
    (text,) = await logs(client, orders)
    assert is_tail_error(text)

    goldrush.set_phase(orders.id, "RUNNING")
    (text,) = await logs(client, orders)
    assert "connection refused" in text
    assert "starting" in text


async def test_a_new_deployment_knows_nothing_of_the_old_log(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline, clock: HandTurnedClock
) -> None:
    goldrush.set_phase(orders.id, "FAILED", cause="unreachable")
    goldrush.set_phase(orders.id, "DEPLOYING")
    assert is_tail_error((await logs(client, orders))[0])
    clock.seconds += 60
    goldrush.set_phase(orders.id, "RUNNING")
    (text,) = await logs(client, orders)
    assert "connection refused" not in text
    assert text.splitlines()


async def test_a_log_may_be_hostile_secret_empty_or_long(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline
) -> None:
    texts = {}
    for log in LogContent:
        goldrush.set_phase(orders.id, "FAILED", cause="schema", log=log)
        (texts[log],) = await logs(client, orders)
    assert "<!channel>" in texts[LogContent.HOSTILE]
    assert "```" in texts[LogContent.HOSTILE]
    assert "\x1b" in texts[LogContent.HOSTILE]
    assert "hunter2" in texts[LogContent.SECRETS]
    assert "cqt_" in texts[LogContent.SECRETS]
    assert texts[LogContent.EMPTY] == ""
    assert len(texts[LogContent.LONG]) > 1_000_000


async def test_a_log_only_grows(client: httpx.AsyncClient, orders: Pipeline, clock: HandTurnedClock) -> None:
    (before,) = await logs(client, orders)
    clock.seconds += 30
    (after,) = await logs(client, orders)
    assert after != before
    assert [line[:40] for line in before.splitlines()[-20:]] == [line[:40] for line in after.splitlines()[-30:-10]]


# --- metrics ----------------------------------------------------------------------------------------------------------


async def test_a_working_pipeline_moves_with_its_chain_and_a_failed_one_stands_still(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline, clock: HandTurnedClock
) -> None:
    moving = ("records_consumed", "last_offset", "last_block_height")

    async def counters() -> list[int]:
        data = await read(client, orders, "metrics")
        return [data[name] for name in moving]

    first = await counters()
    clock.seconds += 600
    second = await counters()
    assert all(after > before for before, after in zip(first, second, strict=True))
    goldrush.set_phase(orders.id, "FAILED")
    clock.seconds += 600
    assert await counters() == second
    assert (await read(client, orders, "metrics"))["records_per_second"] == 0


async def test_a_restart_resets_the_record_count_and_keeps_height_and_offset(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline, clock: HandTurnedClock
) -> None:
    clock.seconds += 3600
    before = await read(client, orders, "metrics")
    goldrush.set_phase(orders.id, "RUNNING", restart=True)
    clock.seconds += 30
    after = await read(client, orders, "metrics")
    assert after["uid"] != before["uid"]
    assert after["records_consumed"] < before["records_consumed"]
    assert after["last_offset"] >= before["last_offset"]
    assert after["last_block_height"] >= before["last_block_height"]


async def test_a_dead_destination_shows_before_the_pipeline_fails(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline, clock: HandTurnedClock
) -> None:
    usual = (await read(client, orders, "metrics"))["pending_records"]
    goldrush.set_phase(orders.id, "RUNNING", cause="unreachable")
    clock.seconds += 60
    health = await read(client, orders, "destination-health")
    assert (health["healthy"], health["last_error"]) == (False, "connection refused")
    assert (await read(client, orders, "metrics"))["pending_records"] > 100 * usual
    goldrush.set_phase(orders.id, "RUNNING")
    assert (await read(client, orders, "destination-health"))["healthy"] is True


async def test_a_backlog_is_worked_off_faster_than_the_chain_grows(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline, clock: HandTurnedClock
) -> None:
    async def delay() -> float:
        return float((await read(client, orders, "metrics"))["processing_delay_ms"])

    assert await delay() < 5_000
    goldrush.set_work(orders.id, pace=0)
    clock.seconds += 1200
    assert await delay() > 1_100_000
    goldrush.set_work(orders.id, pace=1)
    clock.seconds += 200
    assert 100_000 < await delay() < 1_000_000
    clock.seconds += 300
    assert await delay() < 5_000


async def test_a_bounded_pipeline_ends_at_its_last_block(
    client: httpx.AsyncClient, goldrush: GoldRush, clock: HandTurnedClock
) -> None:
    backfill = goldrush.add(name="backfill", execution_mode="bounded")
    first = int((await read(client, backfill, "metrics"))["last_block_height"])
    clock.seconds += 3600
    assert (await read(client, backfill, "metrics"))["last_block_height"] == first + 72_000
    assert (await read(client, backfill, "status"))["status"] == "RUNNING"
    clock.seconds += 10**6
    assert (await read(client, backfill, "metrics"))["last_block_height"] == 21_525_890
    assert (await read(client, backfill, "status"))["status"] == "STOPPED"
    assert backfill.intent == "running"


async def test_a_bounded_pipeline_that_is_stopped_early_keeps_its_height(
    client: httpx.AsyncClient, goldrush: GoldRush, clock: HandTurnedClock
) -> None:
    backfill = goldrush.add(name="backfill", execution_mode="bounded")
    clock.seconds += 3600
    goldrush.set_phase(backfill.id, "STOPPED")
    clock.seconds += 3600
    assert (await read(client, backfill, "metrics"))["last_block_height"] == FIRST_BLOCK + 72_000
    goldrush.set_phase(backfill.id, "RUNNING")
    assert (await read(client, backfill, "metrics"))["last_block_height"] == FIRST_BLOCK + 72_000


async def test_a_finished_pipeline_starts_at_its_first_block_again(
    client: httpx.AsyncClient, goldrush: GoldRush
) -> None:
    backfill = goldrush.add(name="backfill", execution_mode="bounded")
    goldrush.finish(backfill.id)
    assert (await read(client, backfill, "status"))["status"] == "STOPPED"
    goldrush.set_phase(backfill.id, "DEPLOYING")
    assert (await read(client, backfill, "metrics"))["last_block_height"] == FIRST_BLOCK


# --- the destination's probe ------------------------------------------------------------------------------------------


async def test_the_probe_of_a_failed_pipeline_ages(
    client: httpx.AsyncClient, goldrush: GoldRush, orders: Pipeline, clock: HandTurnedClock
) -> None:
    def age(health: Any) -> float:
        return clock.now() - datetime.fromisoformat(health["last_checked_at"]).timestamp()

    clock.seconds += 3600
    assert 0 <= age(await read(client, orders, "destination-health")) < 30
    goldrush.set_phase(orders.id, "FAILED", cause="unreachable")
    clock.seconds += 3600
    health = await read(client, orders, "destination-health")
    assert 3600 <= age(health) < 3630
    assert health["healthy"] is False


# --- chains -----------------------------------------------------------------------------------------------------------


async def chains(client: httpx.AsyncClient) -> dict[str, Any]:
    reply = await client.get("/v1/chains/status/", headers=API_KEY)
    assert reply.status_code == 200
    return {item["name"]: item for item in reply.json()["data"]["items"]}


def absolute(client: httpx.AsyncClient) -> httpx.AsyncClient:
    client.base_url = client.base_url.join("/")
    return client


async def test_each_pipelines_chain_has_a_status(
    client: httpx.AsyncClient, goldrush: GoldRush, clock: HandTurnedClock
) -> None:
    first = await chains(absolute(client))
    assert {"eth-mainnet", "matic-mainnet", "base-mainnet", "solana-mainnet"} <= set(first)
    clock.seconds += 60
    second = await chains(client)
    assert second["base-mainnet"]["synced_block_height"] == first["base-mainnet"]["synced_block_height"] + 30
    signed = datetime.fromisoformat(second["base-mainnet"]["synced_blocked_signed_at"]).timestamp()
    assert 0 <= clock.now() - signed < 3


async def test_goldrush_may_be_late_with_a_chain_and_so_are_its_pipelines(
    client: httpx.AsyncClient, goldrush: GoldRush, clock: HandTurnedClock
) -> None:
    swaps = goldrush.named("Base Swaps to Postgres")
    goldrush.chains.set_late("base-mainnet", 0.5)
    height = (await read(client, swaps, "metrics"))["last_block_height"]
    clock.seconds += 900
    assert (await read(client, swaps, "metrics"))["last_block_height"] == height
    late = (await chains(absolute(client)))["base-mainnet"]
    assert 900 <= clock.now() - datetime.fromisoformat(late["synced_blocked_signed_at"]).timestamp() < 905
    goldrush.chains.set_late("base-mainnet", 0)
    assert (await chains(client))["base-mainnet"]["synced_block_height"] >= height + 450


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("GET", "/v1/chains/status/", "demo-service-key", 403),
        ("GET", "/v1/chains/status/", "somebody", 401),
        ("POST", "/v1/chains/status/", "cqt_demo_api_key", 405),
        ("GET", "/v1/chains/status/?page_number=x", "cqt_demo_api_key", 400),
    ],
)
async def test_the_chains_take_an_api_key_and_get_only(
    client: httpx.AsyncClient, method: str, path: str, key: str, status: int
) -> None:
    reply = await absolute(client).request(method, path, headers={"Authorization": f"Bearer {key}"})
    assert reply.status_code == status
    assert "data" not in reply.json()
    assert reply.json()["error_code"] == str(status)


async def test_the_chains_come_in_pages(client: httpx.AsyncClient) -> None:
    reply = await absolute(client).get("/v1/chains/status/?page_size=2&page_number=2", headers=API_KEY)
    data = reply.json()["data"]
    assert len(data["items"]) == 2
    assert data["pagination"] == {"has_more": True, "page_number": 2, "page_size": 2, "total_count": 7}


async def test_the_chains_need_their_slash(client: httpx.AsyncClient) -> None:
    assert (await absolute(client).get("/v1/chains/status", headers=API_KEY)).status_code == 301
