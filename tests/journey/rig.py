"""Runs the bot as its own process. Only its settings point it to the sandbox."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.child_processes import end_with_parent
from sandbox.clock import Clock
from sandbox.demo import environment, pagers
from sandbox.ports import free_port
from sandbox.server import Sandbox
from sandbox.slack.entries import elements
from sandbox.slack.messages import Message

ANN, BOB = "U0ANN", "U0BOB"
ALERTS, TEAM, QUIET = "C0ALERTS", "C0TEAM", "C0QUIET"
PATIENCE = 60.0

FAST = {
    "PIPELINE_BOT_STEADY_SECONDS": "0.5",
    "PIPELINE_BOT_TRANSIENT_SECONDS": "0.5",
    "PIPELINE_BOT_AT_REST_SECONDS": "1",
    "PIPELINE_BOT_REQUESTS_PER_SECOND": "100",
    "PIPELINE_BOT_COMMANDS_PER_MINUTE": "10000",
    "PIPELINE_BOT_LOG_LEVEL": "info",
}


@dataclass
class Rig:
    """One sandbox and one bot, which a test can kill and restart."""

    sandbox: Sandbox
    data_dir: Path
    http: bool
    settings: dict[str, str] = field(default_factory=dict)
    program: tuple[str, ...] = ("-m", "bot.cli")
    """What Python runs."""
    process: asyncio.subprocess.Process | None = None
    log: Path = Path()

    async def start(self, *, until_ready: bool = True) -> None:
        env = environment(self.sandbox.url, self.data_dir) | FAST | self.settings
        if self.http:
            port = free_port()
            del env["SLACK_APP_TOKEN"]
            env |= {"SLACK_SIGNING_SECRET": "sandbox-signing-secret", "PORT": str(port)}
            self.sandbox.slack.request_url = f"http://127.0.0.1:{port}/slack/events"
        self.log = self.data_dir.parent / "bot.log"
        ready_before = self._ready()
        await self._spawn(env)
        if not until_ready:
            return
        async with asyncio.timeout(PATIENCE):
            while self._ready() == ready_before:
                assert self.is_running, self.log.read_text()
                await asyncio.sleep(0.05)

    async def _spawn(self, env: Mapping[str, str]) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, *self.program, "run"), env=env, stdout=log, stderr=log, cwd=self.data_dir.parent
            )
        end_with_parent(self.process.pid)

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def _ready(self) -> int:
        return self.log.read_text().count('"event": "ready"') if self.log.is_file() else 0

    async def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """Sends SIGTERM and returns the exit code."""
        assert self.process is not None
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), PATIENCE)

    async def reads(self, count: int) -> None:
        """Waits until the bot has sent `count` more requests to GoldRush. The sandbox reports no event for a read."""
        wanted = len(self.sandbox.goldrush.requests) + count
        async with asyncio.timeout(PATIENCE):
            while len(self.sandbox.goldrush.requests) < wanted:
                await asyncio.sleep(0.02)

    # --- as a person ---------------------------------------------------------------------------------------------

    async def ask(self, text: str, *, user: str = ANN, channel: str = ALERTS) -> str:
        """Types a command and waits for the ephemeral answer."""
        before = len(self.sandbox.slack.ephemerals(channel, user))
        ack = await self.sandbox.slack.run_command(user, channel, "/pipeline", text)
        assert ack.ok, ack.error
        await self.sandbox.until(lambda: len(self.sandbox.slack.ephemerals(channel, user)) > before, PATIENCE)
        return self.sandbox.slack.ephemerals(channel, user)[-1].text

    async def click(self, message: Message, action_id: str, *, user: str = ANN) -> None:
        ack = await self.sandbox.slack.click(user, message.channel, message.ts, action_id)
        assert ack.ok, ack.error

    async def choose(self, message: Message, action_id: str, label: str, *, user: str = ANN) -> None:
        """Chooses the entry with this label from a menu of the message."""
        blocks = message.all_blocks()
        menus = [element for _, element in elements(blocks) if element["action_id"] == action_id]
        value = next(option["value"] for menu in menus for option in menu["options"] if label in option["text"]["text"])
        ack = await self.sandbox.slack.click(user, message.channel, message.ts, action_id, option=value)
        assert ack.ok, ack.error

    async def card(self, *words: str, channel: str = ALERTS) -> Message:
        """Waits for a root message that contains all the words."""
        found = await self.sandbox.until(lambda: self._find(channel, words), PATIENCE)
        assert found is not None
        return found

    def _find(self, channel: str, words: tuple[str, ...]) -> Message | None:
        roots = self.sandbox.slack.messages(channel)
        return next((message for message in reversed(roots) if all(word in message.text for word in words)), None)

    async def thread(self, card: Message, *words: str) -> Message:
        found = await self.sandbox.until(
            lambda: next((message for message in card.replies if all(word in message.text for word in words)), None),
            PATIENCE,
        )
        assert found is not None
        return found

    async def direct(self, user: str) -> str:
        """Waits for the direct channel between this person and the bot."""

        def opened() -> str | None:
            channels = self.sandbox.slack.directory.channels.values()
            return next(
                (channel.id for channel in channels if channel.kind.value == "im" and user in channel.members), None
            )

        return await self.sandbox.until(opened, PATIENCE) or ""

    def pipeline(self, name: str) -> str:
        return next(pipeline.id for pipeline in self.sandbox.goldrush.pipelines.values() if pipeline.name == name)

    def set_phase(self, name: str, phase: str) -> None:
        self.sandbox.goldrush.set_phase(self.pipeline(name), phase)


@asynccontextmanager
async def rigged(
    tmp_path: Path,
    *,
    http: bool = False,
    settings: Mapping[str, str] | None = None,
    outside: bool = False,
    clock: Clock | None = None,
    kind: type[Rig] = Rig,
) -> AsyncIterator[Rig]:
    """`outside`: the bot can page the sandbox's PagerDuty and a workflow. `clock`: of the sandbox."""
    async with Sandbox.start(clock=clock) as sandbox:
        sandbox.goldrush.rate_limit = None
        rig = kind(sandbox, tmp_path / "data", http, {**(pagers(sandbox) if outside else {}), **(settings or {})})
        try:
            await rig.start()
            yield rig
        finally:
            if rig.is_running:
                await rig.stop()
