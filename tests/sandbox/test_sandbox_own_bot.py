"""A bot of one's own on the sandbox, as docs/faults.md describes it."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from bot.settings import HOW_TO_GET
from sandbox.child_processes import end_with_parent
from sandbox.demo import OWN_BOT
from sandbox.ports import free_port
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.state import SIGNING_SECRET

pytestmark = pytest.mark.journey

PATIENCE = 90.0
DOCS = Path(__file__).parents[2] / "docs/faults.md"
ENVIRONMENT = {"PATH": os.environ["PATH"], "NO_COLOR": "1", "COLUMNS": "200"}


@asynccontextmanager
async def started(*arguments: str, cwd: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.cli", *arguments),
        env=ENVIRONMENT,
        cwd=cwd,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    end_with_parent(process.pid)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), PATIENCE)


async def printed_until(process: asyncio.subprocess.Process, pattern: str) -> str:
    assert process.stdout is not None
    output = ""
    async with asyncio.timeout(PATIENCE):
        while not re.search(pattern, output):
            line = (await process.stdout.readline()).decode()
            assert line, output
            output += line
    return output


async def answers(http: httpx.AsyncClient) -> None:
    """Invites the bot and asks it, as a person on the page."""
    typed = {"user": "U0ANN", "channel": "C0ALERTS"}
    await http.post("/sandbox/command", json={**typed, "text": "/invite @Pipeline Bot"})
    async with asyncio.timeout(PATIENCE):
        while "orders-eu" not in str((await http.get("/sandbox/state?channel=C0ALERTS")).json()["conversation"]):
            await http.post("/sandbox/command", json={**typed, "text": "/pipeline status orders-eu"})
            await asyncio.sleep(0.5)


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_the_printed_settings_are_enough_for_a_bot_of_ones_own(tmp_path: Path, transport: str) -> None:
    async with started("demo", "--no-bot", "--port", "0", cwd=tmp_path) as demo:
        printed = await printed_until(demo, "FALLBACK_CHANNEL=.*\n")
        settings = dict(re.findall(r"^([A-Z_]+)=(\S+)$", printed, re.MULTILINE))
        assert tuple(settings) == OWN_BOT
        port = free_port()
        if transport == "http":
            del settings["SLACK_APP_TOKEN"]
            settings |= {"SLACK_SIGNING_SECRET": SIGNING_SECRET, "PORT": str(port)}
        (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        async with (
            started("run", f"--{transport}", cwd=tmp_path) as bot,
            httpx.AsyncClient(base_url=settings["GOLDRUSH_API_URL"], trust_env=False) as http,
        ):
            await printed_until(bot, '"ready"')
            if transport == "http":
                url = f"http://127.0.0.1:{port}/slack/events"
                assert (await http.post("/sandbox/request_url", json={"url": url})).status_code == 200
            await answers(http)


def test_the_documented_settings_are_those_that_the_demo_prints() -> None:
    page = DOCS.read_text()
    lines = dict(
        re.findall(r"^([A-Z_]+)=(\S+)$", page.partition("## Your own bot")[2].partition("## Four")[0], re.MULTILINE)
    )
    assert set(lines) == set(OWN_BOT) - {"REDIS_URL"}
    assert f"PIPELINE_BOT_TEAM={TEAM_ID}`" in page
    assert f"SLACK_SIGNING_SECRET={SIGNING_SECRET}`" in page
    assert set(HOW_TO_GET) - {"SLACK_SIGNING_SECRET"} <= set(lines)
