"""The commands as an operator types them."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import main
from sandbox.child_processes import end_with_parent
from sandbox.demo import environment
from sandbox.goldrush_faults import Fault, FaultKind
from sandbox.server import Sandbox
from tests.journey.rig import ALERTS, QUIET, rigged

pytestmark = pytest.mark.journey


async def cli(*arguments: str, env: dict[str, str], cwd: Path, columns: str = "300") -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.cli",
        *arguments,
        env=env | {"COLUMNS": columns, "NO_COLOR": "1"},
        cwd=cwd,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    end_with_parent(process.pid)
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, output.decode()


def bare() -> dict[str, str]:
    ours = ("SLACK_", "GOLDRUSH_", "REDIS_", "OPERATOR_", "PIPELINE_BOT_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


async def test_a_pipe_gets_each_line_in_one_piece(tmp_path: Path) -> None:
    _, output = await cli("check", env=bare() | {"PIPELINE_BOT_ROLE": "reader"}, cwd=tmp_path, columns="80")
    assert "Set them in the environment or in a .env file:\n" in output
    assert all(line.startswith(("✗", "  •", ".env.example")) for line in output.splitlines())


@pytest.mark.parametrize("command", ["run", "check"])
async def test_all_missing_settings_are_listed_with_how_to_get_each(tmp_path: Path, command: str) -> None:
    code, output = await cli(command, env=bare(), cwd=tmp_path)
    assert code == 2
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "GOLDRUSH_SERVICE_KEY"):
        assert name in output
    assert "Create Service Key" in output
    assert "Traceback" not in output


async def test_an_invalid_setting_is_named_without_its_value(tmp_path: Path) -> None:
    env = (
        bare()
        | environment("http://127.0.0.1:1", tmp_path)
        | {
            "OPERATOR_CHANNEL": "#hush",
            "PORT": "many",
            "REDIS_URL": "hush",
        }
    )
    code, output = await cli("run", env=env, cwd=tmp_path)
    assert code == 2
    assert "OPERATOR_CHANNEL is not valid" in output
    assert "PORT is not valid" in output
    assert "REDIS_URL is not valid" in output
    assert "hush" not in output


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_mistyped_role_is_quoted_with_the_nearest_one(command: str) -> None:
    answers = {
        "redaer": "“redaer” is not a role. Did you mean reader?",
        "slack,poller": "“poller” is not a role. It must be all, or one or more of slack, scheduler",
        "all,slack": "Write all by itself.",
        "": "It names no role.",
    }
    for role, answer in answers.items():
        result = CliRunner().invoke(main, [command, "--role", role], env={"COLUMNS": "300", "NO_COLOR": "1"})
        assert result.exit_code == 2
        assert answer in " ".join(result.output.replace("│", " ").split())
        assert "SLACK_BOT_TOKEN" not in result.output
        assert "PIPELINE_BOT_ROLE" not in result.output


@pytest.mark.parametrize("transport", ["--http", "--socket"])
async def test_a_process_that_hears_nobody_takes_no_transport(tmp_path: Path, transport: str) -> None:
    env = environment("http://127.0.0.1:9", tmp_path / "data") | {"REDIS_URL": "redis://127.0.0.1:9/0"}
    code, output = await cli("run", transport, "--role", "scheduler,sender", env=env, cwd=tmp_path)
    assert code == 2
    answer = " ".join(output.replace("│", " ").split())
    assert f"{transport} is for the role slack, and this process plays scheduler,sender." in answer


async def test_a_rejected_bot_token_ends_the_run_and_says_what_to_do(tmp_path: Path) -> None:
    async with Sandbox.start() as sandbox:
        env = environment(sandbox.url, tmp_path / "data") | {"SLACK_BOT_TOKEN": "xoxb-wrong"}
        code, output = await cli("run", env=env, cwd=tmp_path)
    assert code == 2
    assert "Slack refuses the bot token (invalid_auth)" in output
    assert "xoxb-wrong" not in output
    assert "Traceback" not in output


async def test_check_passes_a_good_configuration(tmp_path: Path) -> None:
    async with Sandbox.start() as sandbox:
        code, output = await cli(
            "check", "--post", ALERTS, env=environment(sandbox.url, tmp_path / "data"), cwd=tmp_path
        )
        assert code == 0, output
        assert output.count("✓") == 7, output
        assert sandbox.slack.messages(ALERTS)[-1].text.startswith("Test message")


async def test_check_names_each_fault_and_its_fix(tmp_path: Path) -> None:
    async with Sandbox.start() as sandbox:
        sandbox.slack.scopes -= {"users:read", "im:write"}
        sandbox.goldrush.set_fault(Fault(kind=FaultKind.FORBIDDEN))
        env = environment(sandbox.url, tmp_path / "data") | {
            "SLACK_APP_TOKEN": "xapp-wrong",
            "REDIS_URL": "redis://:hush@127.0.0.1:1/0",
        }
        code, output = await cli("check", "--post", QUIET, env=env, cwd=tmp_path)
    assert code == 1
    assert "missing optional scopes turn these off: im:write (direct messages" in output
    assert "Socket Mode: invalid_auth" in output
    assert "a ServiceKey is needed" in output
    assert "check the host and port in REDIS_URL" in output
    assert "Test post: not_in_channel" in output
    assert "hush" not in output


async def test_check_does_not_blame_the_key_when_goldrush_is_unreachable(tmp_path: Path) -> None:
    async with Sandbox.start() as sandbox:
        env = environment(sandbox.url, tmp_path / "data") | {"GOLDRUSH_API_URL": "http://127.0.0.1:1/pipelines/"}
        code, output = await cli("check", env=env, cwd=tmp_path)
    assert code == 1
    assert "The connection to GoldRush was refused" in output
    assert "refused: check GOLDRUSH_API_URL and any proxy" in output
    assert "set GOLDRUSH_SERVICE_KEY" not in output


async def test_the_demo_prints_one_address_alerts_and_stops_cleanly(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.cli",
        "demo",
        "--port",
        "0",
        env=bare() | {"NO_COLOR": "1"},
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    end_with_parent(process.pid)
    assert process.stdout is not None
    address = None
    async with asyncio.timeout(90):
        while address is None:
            line = (await process.stdout.readline()).decode()
            assert line, "the demo ended"
            address = re.search(r"http://127\.0\.0\.1:\d+", line)
    process.send_signal(signal.SIGINT)
    output, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert "Stopped." in output.decode()
    assert "Traceback" not in output.decode()
    assert list(tmp_path.iterdir()) == []  # nothing is left behind


async def test_the_demo_says_when_its_port_is_taken(tmp_path: Path) -> None:
    async with Sandbox.start() as sandbox:
        code, output = await cli("demo", "--port", sandbox.url.rpartition(":")[2], env=bare(), cwd=tmp_path)
    assert code == 2
    assert "cannot be used" in output


async def test_sigterm_stops_the_bot_and_its_store_with_exit_code_0(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.ask("watch orders-eu")
        assert await rig.stop() == 0
        assert not (rig.data_dir / "valkey.sock").exists()


async def test_a_rejected_app_token_ends_the_run_and_says_what_to_do(tmp_path: Path) -> None:
    async with Sandbox.start() as sandbox:
        env = environment(sandbox.url, tmp_path / "data") | {"SLACK_APP_TOKEN": "xapp-wrong"}
        code, output = await cli("run", env=env, cwd=tmp_path)
    assert code == 2
    assert "Slack refuses the app-level token (invalid_auth)" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("away", ["REDIS_URL", "SLACK_API_URL"])
async def test_an_unreachable_service_at_startup_is_one_log_line_and_a_retry_that_can_be_stopped(
    tmp_path: Path, away: str
) -> None:
    address = "redis://127.0.0.1:1/0" if away == "REDIS_URL" else "http://127.0.0.1:1/api/"
    async with Sandbox.start() as sandbox:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot.cli",
            "run",
            env=environment(sandbox.url, tmp_path / "data") | {away: address},
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        end_with_parent(process.pid)
        assert process.stdout is not None
        lines = [(await asyncio.wait_for(process.stdout.readline(), 20)).decode() for _ in range(2)]
        process.terminate()
        rest, _ = await asyncio.wait_for(process.communicate(), 20)
    event = "store_away" if away == "REDIS_URL" else "slack_away"
    assert all(event in line and "next_try_seconds" in line for line in lines)
    assert process.returncode == 0
    assert "Traceback" not in rest.decode()
