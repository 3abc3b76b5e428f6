"""The demo with the real bot. The tests break and fix it through the control API."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.child_processes import end_with_parent

pytestmark = pytest.mark.journey

PATIENCE = 90.0
"""Seconds. A busy machine needs most of them."""
FAILED = r"orders-{} failed(?: after .* healthy)?\n"
OVER = r"orders-{} recovered after "


class Demo:
    def __init__(self, process: asyncio.subprocess.Process, client: httpx.AsyncClient) -> None:
        self.process = process
        self._client = client

    async def printed(self) -> str:
        """The demo's output after its address. Waits until it ends."""
        assert self.process.stdout is not None
        return " ".join((await self.process.stdout.read()).decode().split())

    async def post(self, path: str, **body: Any) -> None:
        reply = await self._client.post(f"/sandbox/{path}", json=body)
        assert reply.status_code == 200, reply.text

    async def fix(self) -> None:
        """The whole state of the sandbox."""
        assert (await self._client.delete("/sandbox/faults")).status_code == 200

    async def state(self, channel: str = "C0ALERTS") -> Any:
        return (await self._client.get("/sandbox/state", params={"channel": channel})).json()

    async def until_posted(self, pattern: str, channel: str = "C0ALERTS") -> None:
        """Waits until a message in the channel matches the pattern.

        Single words would also match the answer to the first watch, which names every pipeline.
        """
        async with asyncio.timeout(PATIENCE):
            while await self.count(pattern, channel) == 0:
                await asyncio.sleep(0.1)

    async def until(self, holds: Callable[[Any], bool]) -> None:
        """Waits for a state of the sandbox."""
        async with asyncio.timeout(PATIENCE):
            while not holds(await self.state()):
                await asyncio.sleep(0.05)

    async def unanswered(self, method: str, channel: str) -> None:
        """Waits until an unanswered call has arrived."""
        async with asyncio.timeout(PATIENCE):
            while True:
                calls = (await self._client.get("/sandbox/calls")).json()
                if any((c["method"], c["channel"], c["status"]) == (method, channel, None) for c in calls):
                    return
                await asyncio.sleep(0.05)

    async def count(self, pattern: str, channel: str = "C0ALERTS") -> int:
        """The number of messages in the channel that match the pattern, without threads."""
        return sum(bool(re.search(pattern, text)) for text in await self._texts(channel))

    async def answered(self) -> None:
        """Waits until the bot answers a command."""
        before = len(await self._texts())
        await self.post("command", user="U0ANN", channel="C0ALERTS", text="/pipeline watches")
        async with asyncio.timeout(PATIENCE):
            while len(await self._texts()) == before:
                await asyncio.sleep(0.1)

    async def _texts(self, channel: str = "C0ALERTS") -> list[str]:
        return [message["text"] for message in (await self.state(channel))["conversation"]]


@asynccontextmanager
async def the_demo(tmp_path: Path, environment: Mapping[str, str] | None = None) -> AsyncIterator[Demo]:
    """The demo without its scenario, so that only the test changes anything."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.cli", "demo", "--port", "0"),
        env={"PATH": os.environ["PATH"], "NO_COLOR": "1", **(environment or {})},
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    end_with_parent(process.pid)
    assert process.stdout is not None
    address = None
    try:
        async with asyncio.timeout(PATIENCE):
            while address is None:
                line = (await process.stdout.readline()).decode()
                assert line, "the demo ended"
                address = re.search(r"http://127\.0\.0\.1:\d+", line)
        async with httpx.AsyncClient(base_url=address[0]) as client:
            demo = Demo(process, client)
            await demo.post("scenario", running=False)
            await demo.until_posted("added a watch")
            yield demo
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.wait(), PATIENCE)


async def test_the_bot_lives_through_trouble_with_its_store_its_clock_and_itself(tmp_path: Path) -> None:
    async with the_demo(tmp_path) as demo:
        await demo.post("faults", target="clock", kind="off", seconds=86400)
        await demo.post("pipelines/orders-eu", phase="FAILED")
        await demo.until_posted(FAILED.format("eu"))
        await demo.post("faults", target="clock", kind="off", seconds=-3600)
        await demo.post("pipelines/orders-us", phase="FAILED")
        await demo.until_posted(FAILED.format("us"))
        await demo.post("faults", target="clock", kind="none")

        await demo.post("faults", target="redis", kind="killed")
        await demo.post("pipelines/orders-eu", phase="RUNNING")
        await demo.post("faults", target="redis", kind="none")
        await demo.until_posted(OVER.format("eu"))
        for kind in ("restarted", "promoted", "scripts_forgotten"):
            await demo.post("faults", target="redis", kind=kind)
        await demo.post("faults", target="bot", kind="frozen", seconds=1)
        await demo.post("pipelines/orders-us", phase="RUNNING")
        await demo.until_posted(OVER.format("us"))
        await demo.answered()
        assert (await demo.state())["faults"] == []
    assert demo.process.returncode == 0


async def test_the_demo_uses_no_setting_of_the_operator(tmp_path: Path) -> None:
    """With one of these, the bot would end, serve another role, or answer another command."""
    (tmp_path / ".env").write_text(
        "SLACK_SIGNING_SECRET=of-the-operator\nPIPELINE_BOT_TRANSPORT=http\nPIPELINE_BOT_ROLE=sender\n"
        "PIPELINE_BOT_COMMAND=/goldrush\nPIPELINE_BOT_TEAM=T0OPERATOR\nPORT=many\n"
    )
    environment = {"PORT": "many", "pipeline_bot_role": "sender", "slack_bot_token": "xoxb-of-the-operator"}
    async with the_demo(tmp_path, environment) as demo:
        await demo.answered()
    assert demo.process.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


async def test_the_demo_ends_with_a_frozen_bot_and_no_store(tmp_path: Path) -> None:
    async with the_demo(tmp_path) as demo:
        await demo.post("faults", target="redis", kind="silent")
        await demo.post("faults", target="bot", kind="frozen", seconds=600)
    assert demo.process.returncode == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_bot_killed_while_it_posts_a_failure_comes_back_and_posts_one_card(tmp_path: Path, when: str) -> None:
    """Slack has either taken the post or not, and the bot cannot know."""
    async with the_demo(tmp_path) as demo:
        await demo.post("faults", target="slack", kind="hang", method="chat.postMessage", when=when)
        await demo.post("pipelines/orders-eu", phase="FAILED")
        await demo.unanswered("chat.postMessage", "C0ALERTS")
        await demo.post("faults", target="bot", kind="killed")
        await demo.until(lambda state: not state["process"]["alive"])
        assert [fault["target"] for fault in (await demo.state())["faults"]] == ["slack", "bot"]
        assert await demo.count(FAILED.format("eu")) == (1 if when == "after" else 0)

        await demo.fix()
        await demo.until_posted(FAILED.format("eu"))
        await demo.post("pipelines/orders-eu", phase="RUNNING")
        await demo.until_posted(OVER.format("eu"))
        await demo.answered()
        state = await demo.state()
        assert (state["process"]["starts"], state["process"]["last_end"]) == (2, "kill -9")
        assert await demo.count(OVER.format("eu")) == 1
        assert await demo.count(FAILED.format("eu")) == 0, "it is the card of the failure that was turned over"
    assert demo.process.returncode == 0


async def test_a_bot_killed_from_outside_restarts_with_its_operators_channel(tmp_path: Path) -> None:
    async with the_demo(tmp_path) as demo:
        os.kill((await demo.state())["process"]["pid"], signal.SIGKILL)
        await demo.until(lambda state: state["process"]["starts"] == 2 and state["bot"]["connected"] == "socket")
        await demo.answered()
        await demo.post("channels/C0ALERTS", action="make_read_only")
        await demo.post("pipelines/orders-eu", phase="FAILED")
        await demo.until_posted(FAILED.format("eu"), channel="C0OPS")
        assert (await demo.state())["process"]["last_end"] == "kill -9"
    assert demo.process.returncode == 0
    assert "The bot ended by itself (kill -9). Restarting it." in await demo.printed()


async def test_a_bot_that_cannot_be_started_again_ends_the_demo(tmp_path: Path) -> None:
    async with the_demo(tmp_path) as demo:
        await demo.post("faults", target="token", kind="invalid")
        await demo.post("faults", target="bot", kind="killed", seconds=0)
        async with asyncio.timeout(PATIENCE):
            await demo.process.wait()
    assert demo.process.returncode == 1
    assert "ended 5 times before it was connected" in await demo.printed()
