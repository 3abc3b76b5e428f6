"""The bot as several processes, each with its own role."""

import asyncio
import json
from pathlib import Path
from time import monotonic

import httpx
import pytest

from sandbox.goldrush_faults import Fault, FaultKind
from sandbox.ports import free_port
from tests.journey.rig import BOB, PATIENCE, Rig
from tests.journey.roles import split
from tests.journey.test_cli import cli
from tests.journey.test_two_bots import a_failure, assert_reported_once, seconds_until_read

pytestmark = pytest.mark.journey


def events(rig: Rig) -> list[dict[str, object]]:
    return [json.loads(line) for line in rig.log.read_text().splitlines() if line.startswith("{")]


async def test_processes_with_one_role_each_do_together_what_one_does(tmp_path: Path) -> None:
    async with split(tmp_path) as processes:
        slack = processes["slack"]
        assert "1 of 1 ready" in await slack.ask("status orders-eu")
        await slack.ask("watch orders-eu page @bob")
        await slack.card("added a watch", "orders-eu")
        slack.set_phase("orders-eu", "FAILED")
        card = await slack.card("orders-eu failed", "Since")
        await slack.click(card, "acknowledge", user=BOB)
        await slack.thread(card, "Acknowledged by")
        slack.set_phase("orders-eu", "RUNNING")
        await slack.thread(card, "recovered after")
        for name, rig in processes.rigs.items():
            assert [event["role"] for event in events(rig) if event["event"] == "ready"] == [name]
        processes.sandbox.goldrush.add(name="payments-new")
        await slack.ask("watch payments-new")  # no listing has shown it yet
        await slack.card("added a watch", "payments-new")
        leaders = [name for name, rig in processes.rigs.items() if "polling_started" in rig.log.read_text()]
        assert leaders == ["scheduler"]
        for rig in processes.rigs.values():
            assert await rig.stop() == 0


async def test_another_reader_takes_over_when_one_is_killed_in_mid_batch(tmp_path: Path) -> None:
    async with split(tmp_path, "scheduler", "reader", "reader-2", "slack", "sender") as processes:
        slack, goldrush = processes["slack"], processes.sandbox.goldrush
        await slack.ask("watch *")
        await slack.card("added a watch")
        await slack.reads(20)
        goldrush.set_fault(Fault(kind=FaultKind.HANG, times=200))
        hanging = len(goldrush.requests)
        await slack.reads(len(goldrush.pipelines))  # both readers hold batches now
        await processes["reader"].kill()
        killed_at = monotonic()
        goldrush.faults.clear()
        slack.set_phase("orders-eu", "FAILED")
        names = {request.pipeline_id for request in goldrush.requests[hanging:]}
        before = len(goldrush.requests)

        def read_again() -> set[str | None]:
            later = goldrush.requests[before:]
            return {request.pipeline_id for request in later if request.status == 200} & names

        async with asyncio.timeout(PATIENCE):
            while read_again() != names:  # the sandbox reports no event for a read
                await asyncio.sleep(0.05)
        seconds = monotonic() - killed_at
        print(f"every pipeline was read again {seconds:.1f} s after the reader's death")  # noqa: T201
        assert seconds < 15
        card = await slack.card("orders-eu failed", "Since")
        slack.set_phase("orders-eu", "RUNNING")
        await slack.thread(card, "recovered after")
        await assert_reported_once(slack, "orders-eu", failures=1)


async def test_the_standby_reads_after_the_scheduler_was_killed_and_repeats_nothing(tmp_path: Path) -> None:
    async with split(tmp_path, "scheduler", "scheduler-2", "reader", "slack", "sender") as processes:
        slack = processes["slack"]
        for name in ("orders-eu", "orders-us"):
            await slack.ask(f"watch {name} page @bob")
            await slack.card("added a watch", name)
        await a_failure(slack, "orders-eu")
        slack.set_phase("orders-us", "FAILED")
        await processes["scheduler"].kill()
        slack.set_phase("orders-eu", "FAILED")
        seconds = await seconds_until_read(slack)
        print(f"the standby read {seconds:.1f} s after the scheduler's death")  # noqa: T201
        assert seconds < 40  # the lease lasts for ten
        for name, failures in (("orders-eu", 2), ("orders-us", 1)):
            await slack.card(f"{name} failed", "Since")
            slack.set_phase(name, "RUNNING")
            await slack.card(f"{name} recovered after")
            await assert_reported_once(slack, name, failures=failures)
        assert "polling_started" in processes["scheduler-2"].log.read_text()
        assert [call for call in slack.sandbox.slack.calls if call.error] == []


@pytest.mark.parametrize("role", ["scheduler", "reader", "slack", "sender"])
async def test_check_verifies_what_a_role_needs_and_nothing_else(tmp_path: Path, role: str) -> None:
    async with split(tmp_path, "scheduler") as processes:
        code, output = await cli("check", "--role", role, env=processes.environment(role), cwd=tmp_path)
    assert code == 0, output
    assert ("Slack token" in output) is (role != "reader")
    assert ("Socket Mode" in output) is (role == "slack")
    assert ("GoldRush key" in output) is (role in {"scheduler", "reader"})
    assert "Redis at REDIS_URL" in output


async def test_a_reader_is_ready_without_slack_and_says_what_is_wrong_without_redis(tmp_path: Path) -> None:
    port = free_port()
    async with split(tmp_path, "scheduler") as processes:
        await processes.start("reader", {"PIPELINE_BOT_METRICS_PORT": str(port)})
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            for probe in ("/livez", "/readyz"):
                answer = await http.get(probe)
                assert answer.status_code == 200, answer.text
            await processes.valkey.kill()
            answer = await http.get("/readyz", timeout=10)
            assert answer.status_code == 503
            assert "store" in answer.text
        assert await processes["reader"].stop() == 0  # Redis being away delays no stop


MISFITS = {
    "PIPELINE_BOT_TEAM": ("T0OTHER", "PIPELINE_BOT_TEAM"),
    "GOLDRUSH_SERVICE_KEY": ("another-service-key", "GOLDRUSH_SERVICE_KEY, or the bot's version, is not that"),
    "GOLDRUSH_API_URL": ("http://127.0.0.1:1/", "GOLDRUSH_API_URL is http://127.0.0.1:1/ here and http://127.0.0.1:"),
}


@pytest.mark.parametrize("name", MISFITS)
async def test_a_reader_that_does_not_fit_its_scheduler_names_the_setting(tmp_path: Path, name: str) -> None:
    port, (value, words) = free_port(), MISFITS[name]
    async with split(tmp_path, "scheduler") as processes:
        reader = await processes.start("reader", {"PIPELINE_BOT_METRICS_PORT": str(port), name: value})
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            answer = await http.get("/readyz")
            assert answer.status_code == 503
            assert words in answer.json()["problems"]["scheduler"]
        assert [event["event"] for event in events(reader) if "reader_" in str(event["event"])] == ["reader_idle"]
        code, output = await cli(
            "check", "--role", "reader", env=processes.environment("reader") | {name: value}, cwd=tmp_path
        )
    assert code == 1
    assert "✗ Scheduler" in output
    assert name.removesuffix("S") in output


async def test_without_a_sender_the_others_say_that_messages_wait(tmp_path: Path) -> None:
    port = free_port()
    async with split(tmp_path, "scheduler", "reader") as processes:
        slack = await processes.start("slack", {"PIPELINE_BOT_METRICS_PORT": str(port)})
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http, asyncio.timeout(60):
            while "roles" not in (answer := await http.get("/readyz")).json()["warnings"]:
                await asyncio.sleep(0.5)
            assert answer.status_code == 200
            assert "no process with the role sender has run" in answer.json()["warnings"]["roles"]
            assert 'pipeline_bot_problem{check="roles"} 1.0' in (await http.get("/metrics")).text
        assert "roles_missing" in [event["event"] for event in events(slack)]
        assert "I can't send messages right now" in await slack.ask("status orders-eu")
        await processes.start("sender")
        await slack.ask("watch orders-eu")
        await slack.card("added a watch")
