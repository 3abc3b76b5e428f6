"""Bad settings and machine faults. The bot prints one line, exits with 2, and shows no value and no traceback."""

import asyncio
import signal
import socket
import sys
from pathlib import Path

import pytest

from sandbox.child_processes import end_with_parent
from sandbox.demo import environment
from sandbox.ports import free_port
from sandbox.server import Sandbox
from tests.journey.test_cli import bare, cli
from tests.journey.valkey import Valkey

pytestmark = pytest.mark.journey


@pytest.mark.parametrize("command", ["run", "check"])
async def test_a_password_that_is_not_encoded_is_not_shown(tmp_path: Path, command: str) -> None:
    env = environment("http://127.0.0.1:1", tmp_path) | {"REDIS_URL": "redis://:hunter2#x@127.0.0.1:6379"}
    code, output = await cli(command, env=env, cwd=tmp_path)
    assert code == 2
    assert "percent-encode the password" in output
    assert "hunter2" not in output
    assert "Traceback" not in output


async def test_swapped_tokens_and_misspelled_names_are_reported_together(tmp_path: Path) -> None:
    swapped = {"SLACK_BOT_TOKEN": "xapp-hush", "SLACK_APP_TOKEN": "xoxb-hush", "PIPELINE_BOT_STEDY_SECONDS": "5"}
    (tmp_path / ".env").write_text("PIPELINE_BOT_LOGLEVEL=debug\n")
    code, output = await cli("run", env=environment("http://127.0.0.1:1", tmp_path) | swapped, cwd=tmp_path)
    assert code == 2
    assert "which belongs in SLACK_APP_TOKEN" in output
    assert "which belongs in SLACK_BOT_TOKEN" in output
    assert "Did you mean PIPELINE_BOT_STEADY_SECONDS?" in output
    assert "Did you mean PIPELINE_BOT_LOG_LEVEL?" in output
    assert "hush" not in output


async def test_http_mode_on_a_port_in_use_fails_with_one_line(tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:  # noqa: S104  as the bot would
        port = taken.getsockname()[1]
        async with Sandbox.start() as sandbox:
            env = environment(sandbox.url, tmp_path / "data") | {
                "SLACK_SIGNING_SECRET": "hush",
                "PORT": str(port),
            }
            code, output = await cli("run", "--http", env=env, cwd=tmp_path)
    assert code == 2
    assert f"Cannot receive from Slack on port {port}: Address already in use" in output
    assert len(output.strip().splitlines()) == 1
    assert "hush" not in output


@pytest.mark.parametrize("host", ["203.0.113.7", "nowhere.invalid"])
async def test_http_mode_on_a_foreign_address_fails_with_one_line(tmp_path: Path, host: str) -> None:
    async with Sandbox.start() as sandbox:
        env = environment(sandbox.url, tmp_path / "data") | {
            "SLACK_SIGNING_SECRET": "hush",
            "PORT": "0",
            "PIPELINE_BOT_HTTP_HOST": host,
        }
        code, output = await cli("run", "--http", env=env, cwd=tmp_path)
    assert code == 2
    assert "the address of PIPELINE_BOT_HTTP_HOST is not one of this machine" in output
    assert len(output.strip().splitlines()) == 1


async def test_only_what_a_person_must_fix_ends_with_exit_code_2(tmp_path: Path) -> None:
    """systemd does not restart after 2. After 3 a restart may help."""
    data_dir = tmp_path / "data"
    (data_dir / "appendonlydir").mkdir(parents=True)
    (data_dir / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    blocked = tmp_path / "file"
    blocked.write_text("")
    async with Sandbox.start() as sandbox:
        env = environment(sandbox.url, data_dir)
        code, output = await cli("run", env=env, cwd=tmp_path)
        assert (code, "the embedded store stopped at once" in output) == (3, True)
        code, output = await cli("run", env=env | {"PIPELINE_BOT_DATA_DIR": str(blocked)}, cwd=tmp_path)
        assert (code, "The bot can't use the directory" in output) == (2, True)


async def test_the_demo_rejects_an_invalid_port(tmp_path: Path) -> None:
    code, output = await cli("demo", "--port", "65536", env=bare(), cwd=tmp_path)
    assert code == 2
    assert "Traceback" not in output


async def test_the_version_is_printed(tmp_path: Path) -> None:
    code, output = await asyncio.wait_for(cli("--version", env=bare(), cwd=tmp_path), 60)
    assert (code, output.split()[0]) == (0, "pipeline-bot")


NO_WAY = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")


@pytest.mark.parametrize("exceptions", ["", "localhost,127.0.0.1", "fd00::/8,.slack.com"])
async def test_local_services_are_reached_without_a_proxy(tmp_path: Path, exceptions: str) -> None:
    async with Sandbox.start() as sandbox:
        env = environment(sandbox.url, tmp_path / "data") | NO_WAY | {"NO_PROXY": exceptions}
        code, output = await cli("check", env=env, cwd=tmp_path)
    assert code == 0, output


async def test_the_demo_starts_with_any_proxy_setting(tmp_path: Path) -> None:
    junk = {"HTTPS_PROXY": "socks5://127.0.0.1:9", "all_proxy": "junk", "HTTP_PROXY": "http://127.0.0.1:9"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.cli", "demo", "--port", "0"),
        env=bare() | junk | {"NO_PROXY": "fd00::/8,localhost,127.0.0.1"},
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
    )
    end_with_parent(process.pid)
    assert process.stdout is not None
    output = b""
    async with asyncio.timeout(60):
        while b"Open http" not in output:
            output += (line := await process.stdout.readline())
            assert line, output
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 30) == 0


@pytest.mark.parametrize("command", ["run", "check"])
async def test_a_token_of_a_whole_organization_is_refused_with_the_reason(tmp_path: Path, command: str) -> None:
    async with Sandbox.start() as sandbox:
        sandbox.slack.installation.organization = True
        code, output = await cli(command, env=environment(sandbox.url, tmp_path / "data"), cwd=tmp_path)
    assert code == (2 if command == "run" else 1)
    assert "whole organization" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("command", ["run", "check"])
async def test_an_app_token_of_another_app_is_refused_with_the_reason(tmp_path: Path, command: str) -> None:
    async with Sandbox.start() as sandbox:
        env = environment(sandbox.url, tmp_path / "data") | {"SLACK_APP_TOKEN": "xapp-1-A0OTHER-1-sandbox"}
        code, output = await cli(command, env=env, cwd=tmp_path)
    assert code == (2 if command == "run" else 1)
    assert "SLACK_APP_TOKEN belongs to another Slack app than SLACK_BOT_TOKEN" in output
    assert "A0OTHER" not in output


async def test_check_warns_of_files_that_others_can_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("")
    (tmp_path / ".env").chmod(0o644)
    async with Sandbox.start() as sandbox:
        env = environment(sandbox.url, tmp_path / "data") | {"PIPELINE_BOT_STEDY_SECONDS": "5"}
        code, output = await cli("check", env=env, cwd=tmp_path)
        assert code == 0, output
        assert "other users of this machine can read .env" in output
        assert "chmod 600 .env" in output
        assert "Did you mean PIPELINE_BOT_STEADY_SECONDS?" in output
        (tmp_path / ".env").chmod(0o600)
        code, output = await cli("check", env=env, cwd=tmp_path)
    assert (code, ".env" in output) == (0, False)


@pytest.mark.parametrize("command", ["run", "check"])
async def test_the_plain_address_of_a_cluster_is_refused_at_the_start(tmp_path: Path, command: str) -> None:
    async with (
        Valkey(tmp_path / "valkey", "--cluster-enabled", "yes", "--cluster-port", str(free_port())) as valkey,
        Sandbox.start() as sandbox,
    ):
        env = environment(sandbox.url, tmp_path / "data") | {"REDIS_URL": valkey.url}
        code, output = await cli(command, env=env, cwd=tmp_path)
    assert code == (2 if command == "run" else 1)
    assert "write redis+cluster://HOST:PORT in REDIS_URL" in " ".join(output.split())
    assert "Traceback" not in output


NOWHERE = {
    "SLACK_BOT_TOKEN": "xoxb-hush",
    "SLACK_APP_TOKEN": "xapp-hush",
    "SLACK_SIGNING_SECRET": "hush",
    "GOLDRUSH_SERVICE_KEY": "hush-hush",
    "SLACK_API_URL": "https://slack.invalid/api/",
    "GOLDRUSH_API_URL": "https://goldrush.invalid",
    "HTTPS_PROXY": "http://ann:hush@127.0.0.1:9",
}


@pytest.mark.parametrize(
    "store", ["redis://:hush@redis.invalid", "rediss://ann:hush@127.0.0.1:9/0", "redis://:hush%23%2F%40@127.0.0.1:9/3"]
)
async def test_no_unreachable_service_makes_check_show_a_secret(tmp_path: Path, store: str) -> None:
    env = environment("http://127.0.0.1:1", tmp_path) | NOWHERE | {"REDIS_URL": store}
    code, output = await cli("check", env=env, cwd=tmp_path)
    assert code == 1
    assert "Slack token" in output
    assert "GoldRush" in output
    assert "Store" in output
    assert "hush" not in output
    assert "Traceback" not in output


async def test_no_secret_is_logged_while_waiting_for_slack_and_redis(tmp_path: Path) -> None:
    async with Sandbox.start() as sandbox:
        away = NOWHERE | {"REDIS_URL": "redis://:hush@127.0.0.1:9/0"}
        there = {"SLACK_API_URL": f"{sandbox.url}/api/", "SLACK_BOT_TOKEN": "xoxb-sandbox"}
        for env, waits_for in ((away, "slack_away"), (away | there, "store_away")):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot.cli", "run"),
                env=environment("http://127.0.0.1:1", tmp_path) | env,
                cwd=tmp_path,
                stderr=asyncio.subprocess.PIPE,
            )
            assert process.stderr is not None
            output = b""
            async with asyncio.timeout(60):
                while output.count(waits_for.encode()) < 2:
                    output += (line := await process.stderr.readline())
                    assert line, output
            process.send_signal(signal.SIGTERM)
            output += (await asyncio.wait_for(process.communicate(), 30))[1]
            assert b"hush" not in output
            assert b"Traceback" not in output


async def test_check_does_not_blame_a_key_for_a_bad_certificate_file(tmp_path: Path) -> None:
    env = environment("http://127.0.0.1:1", tmp_path) | {"SSL_CERT_FILE": str(tmp_path / "absent.pem")}
    code, output = await cli("check", env=env, cwd=tmp_path)
    assert code == 1
    assert "GoldRush: SSL_CERT_FILE is not valid" in output
    assert "set GOLDRUSH_SERVICE_KEY" not in output
