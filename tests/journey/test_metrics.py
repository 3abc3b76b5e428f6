"""A real Prometheus scrapes the running bot, and real faults show in its probes."""

import asyncio
import json
import re
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.slack.inbound import socket_mode
from sandbox.child_processes import end_with_parent
from sandbox.demo import environment
from sandbox.ports import free_port
from sandbox.server import Sandbox
from sandbox.slack.faults import Fault, FaultKind
from sandbox.slack.installation import Loss
from tests.journey.rig import ALERTS, PATIENCE, Rig, rigged
from tests.journey.roles import split
from tests.journey.test_cli import cli
from tests.journey.valkey import Valkey
from tests.unit.test_deploy_metrics import DEPLOY, metrics_named

pytestmark = pytest.mark.journey
needs_prometheus = pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed")


@asynccontextmanager
async def prometheus(folder: Path, target: int) -> AsyncIterator[str]:
    """A Prometheus that scrapes the port every second, with our rules; yields its address."""
    folder.mkdir()
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(DEPLOY / "prometheus" / "rules.yml")],
        "scrape_configs": [
            {"job_name": "pipeline-bot", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]},
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    address = f"127.0.0.1:{free_port()}"
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
            stdout=log,
            stderr=log,
        )
        end_with_parent(process.pid)
        try:
            yield f"http://{address}"
        finally:
            process.terminate()
            await process.wait()


async def found(url: str, query: str) -> list[dict[str, Any]]:
    """The series of a query; none while Prometheus starts."""
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{url}/api/v1/query", params={"query": query}) as answer,
        ):
            body = await answer.json(content_type=None)
    except (aiohttp.ClientError, json.JSONDecodeError):
        return []
    assert body["status"] == "success", body
    return list(body["data"]["result"])


async def until_found(url: str, query: str) -> list[dict[str, Any]]:
    async with asyncio.timeout(PATIENCE):
        while not (series := await found(url, query)):
            await asyncio.sleep(0.2)
        return series


async def probed(port: int, path: str) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.json()


async def until_problem(port: int, check: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while check not in (await probed(port, "/readyz"))[1]["problems"]:
            await asyncio.sleep(0.2)


async def alert_about_a_failure(rig: Rig) -> None:
    await rig.ask("watch orders-eu")
    rig.set_phase("orders-eu", "FAILED")
    await rig.card("orders-eu failed")


def assert_the_log_names_the_message(rig: Rig) -> None:
    lines = [json.loads(line) for line in rig.log.read_text().splitlines()]
    about = {(line.get("pipeline"), line.get("channel")) for line in lines if line["event"] == "delivery"}
    assert (rig.pipeline("orders-eu"), ALERTS) in about
    assert all(line["delivery"] for line in lines if line["event"] == "delivery")


@needs_prometheus
@pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])
async def test_prometheus_finds_the_metrics_of_the_bot(tmp_path: Path, http: bool) -> None:
    port = free_port()
    async with (
        rigged(tmp_path, http=http, settings={"PIPELINE_BOT_METRICS_PORT": str(port)}) as rig,
        prometheus(tmp_path / "prometheus", port) as url,
    ):
        await alert_about_a_failure(rig)
        for query in (
            'pipeline_bot_reads_total{outcome="ok"} > 0',
            'pipeline_bot_transitions_total{became="failed"} == 1',
            'pipeline_bot_delivery_delay_seconds_count{priority="failure"} > 0',
            'pipeline_bot_slack_requests_total{method="chat.postMessage", outcome="ok"} > 0',
            'pipeline_bot_interactions_total{kind="command"} > 0',
            "pipeline_bot_interaction_ack_seconds_count > 0",
            'pipeline_bot_reading_age_ratio{percentile="99"} > 0',
            "pipeline_bot_outbox_messages",
            "pipeline_bot_budget_used_requests_total > 0",
            "pipeline_bot_leader == 1",
            "pipeline_bot_sending == 1",
            "pipeline_bot_slack_connected == 1",
            "sum(pipeline_bot_problem) == 0",
            'up{job="pipeline-bot"} == 1',
        ):
            await until_found(url, query)
        for name in sorted(metrics_named()):
            await until_found(url, name)
        assert_the_log_names_the_message(rig)
        assert await found(url, 'ALERTS{alertstate="firing"}') == []
        assert (await probed(port, "/readyz"))[0] == 200
        assert (await probed(port, "/livez"))[0] == 200


OWN = {"leader", "sending", "reading_age_seconds", "slack_connected", "budget_used_requests_total", "outbox_messages"}
"""Metrics that only some roles export."""
EXPECTED = {
    "scheduler": {"leader", "reading_age_seconds", "budget_used_requests_total", "outbox_messages"},
    "reader": set[str](),
    "slack": {"slack_connected", "outbox_messages"},  # it reads through the leader, out of the leader's budget
    "sender": {"sending", "outbox_messages"},
}


async def test_each_role_is_ready_and_exports_what_it_does(tmp_path: Path) -> None:
    async with split(tmp_path, *EXPECTED, settings={"PIPELINE_BOT_METRICS_PORT": "0"}) as processes:
        await alert_about_a_failure(processes["slack"])
        for name, rig in processes.rigs.items():
            port = port_of(rig)
            text = await scraped(port)
            exported = {metric for metric in OWN if f"\npipeline_bot_{metric}" in text}
            assert exported == EXPECTED[name]
            assert (await probed(port, "/readyz"))[0] == 200, name
        reads = await scraped(port_of(processes["reader"]))
        assert re.search(r'pipeline_bot_reads_total\{outcome="ok"\} [1-9]', reads)


def port_of(rig: Rig) -> int:
    lines = [json.loads(line) for line in rig.log.read_text().splitlines()]
    return next(int(line["port"]) for line in lines if line["event"] == "metrics_served")


async def scraped(port: int) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        return await answer.text()


async def test_the_probe_says_that_redis_is_away(tmp_path: Path) -> None:
    port = free_port()
    async with Valkey(tmp_path / "valkey") as valkey:
        settings = {"PIPELINE_BOT_METRICS_PORT": str(port), "REDIS_URL": valkey.url}
        async with rigged(tmp_path, settings=settings):
            assert await probed(port, "/readyz") == (200, {"ready": True, "problems": {}, "warnings": {}})
            await valkey.kill()
            await until_problem(port, "store")
            assert (await probed(port, "/livez"))[0] == 200  # a restart would not help
            await valkey.start()
            async with asyncio.timeout(PATIENCE):
                while (await probed(port, "/readyz"))[0] != 200:
                    await asyncio.sleep(0.2)


async def test_the_probe_says_that_slack_is_deaf(tmp_path: Path) -> None:
    port = free_port()
    async with rigged(tmp_path, settings={"PIPELINE_BOT_METRICS_PORT": str(port)}) as rig:
        sockets = rig.sandbox.slack.delivery.sockets
        await rig.sandbox.until(lambda: len(sockets.open) == socket_mode.CONNECTIONS, PATIENCE)
        rig.sandbox.slack.set_fault("apps.connections.open", Fault(kind=FaultKind.ERROR))
        await rig.sandbox.slack.close_sockets(None)
        await until_problem(port, "slack")


async def test_the_probe_says_that_slack_refuses_the_token(tmp_path: Path) -> None:
    port = free_port()
    async with rigged(tmp_path, settings={"PIPELINE_BOT_METRICS_PORT": str(port)}) as rig:
        await rig.ask("watch orders-eu")
        rig.sandbox.slack.lose(Loss.UNINSTALLED)
        rig.set_phase("orders-eu", "FAILED")
        await until_problem(port, "token")


async def test_the_probe_of_a_sender_says_that_slack_refuses_the_token(tmp_path: Path) -> None:
    async with split(tmp_path, "scheduler", settings={"PIPELINE_BOT_METRICS_PORT": "0"}) as processes:
        await processes.valkey.kill()  # so that the sender has identified itself, but waits
        slack = processes.sandbox.slack
        identified = sum(call.method == "auth.test" for call in slack.calls)
        starting = asyncio.create_task(processes.start("sender"))
        await processes.sandbox.until(
            lambda: sum(call.method == "auth.test" for call in slack.calls) > identified, PATIENCE
        )
        slack.lose(Loss.INVALID)
        await processes.valkey.start()
        await until_problem(port_of(await starting), "token")


async def test_a_port_in_use_ends_the_start_with_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with Sandbox.start() as sandbox:
            env = environment(sandbox.url, tmp_path / "data") | {"PIPELINE_BOT_METRICS_PORT": str(port)}
            code, output = await cli("run", env=env, cwd=tmp_path)
    assert code == 2
    assert f"Cannot serve metrics on port {port}: Address already in use. Set PIPELINE_BOT_METRICS_PORT" in output
    assert len(output.strip().splitlines()) == 1
