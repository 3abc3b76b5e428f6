"""The demo: the sandbox in this process, the bot as a process of its own that knows nothing of it."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console

from bot.sandbox.bot_faults import BotProcess
from bot.sandbox.redis_faults import RedisStandIn
from bot.sandbox.server import Sandbox
from bot.sandbox.wall_clock import Hands

GOODBYE_SECONDS = 12.0


async def run(port: int, out: Console) -> int:
    """Runs until Ctrl-C or until the bot ends; answers the exit code."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    # The sandbox forgets everything when it ends, so the bot's memory is for this run only too.
    with tempfile.TemporaryDirectory(prefix="pipeline-bot-") as data_dir:
        return await _run(port, Path(data_dir), out, stopped)


async def _run(port: int, data_dir: Path, out: Console, stopped: asyncio.Event) -> int:
    try:
        async with (
            RedisStandIn.start() as store,
            Sandbox.start(port=port, redis=store) as sandbox,
            _bot(environment(sandbox.url, data_dir) | {"REDIS_URL": store.url}, sandbox, data_dir) as bot,
        ):
            out.print("Starting the sandbox and the bot …")
            if not await _connected(sandbox, bot, stopped):
                return 0 if stopped.is_set() else 1
            await _first_watch(sandbox)
            await sandbox.set_scenario(running=True)
            out.print(f"\n  [bold green]Open {sandbox.url}[/]\n")
            out.print("  A Slack, a GoldRush and the bot, all on this machine.")
            out.print("  The first alert comes within seconds.")
            out.print("  Ctrl-C stops all of it.\n")
            ended = asyncio.ensure_future(bot.wait())
            asked = asyncio.ensure_future(stopped.wait())
            await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
            for each in (ended, asked):
                each.cancel()
            if bot.returncode:
                out.print(f"[red]The bot ended by itself (exit {bot.returncode}); its messages stand above.[/]")
                return 1
    except OSError as exc:
        out.print(f"[red]✗[/] Port {port} cannot be used ({exc.strerror}). Try `pipeline-bot demo --port 0`.")
        return 1
    out.print("Stopped.")
    return 0


def environment(url: str, data_dir: Path) -> dict[str, str]:
    """The settings by which a bot meets the sandbox at `url`: nothing else tells it apart from the real thing."""
    ours = ("SLACK_", "GOLDRUSH_", "REDIS_", "OPERATOR_", "PIPELINE_BOT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {
        "SLACK_BOT_TOKEN": "xoxb-sandbox",
        "SLACK_APP_TOKEN": "xapp-sandbox",
        "SLACK_API_URL": f"{url}/api/",
        "GOLDRUSH_SERVICE_KEY": "demo-service-key",
        "GOLDRUSH_API_URL": url,
        "PIPELINE_BOT_DATA_DIR": str(data_dir.resolve()),
        "PIPELINE_BOT_LOG_LEVEL": "warning",
        "PIPELINE_BOT_STEADY_SECONDS": "5",
        "PIPELINE_BOT_AT_REST_SECONDS": "10",
    }


@asynccontextmanager
async def _bot(env: dict[str, str], sandbox: Sandbox, data_dir: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """In a session of its own, so that Ctrl-C reaches it once, through us; under a clock that the page can turn."""
    hands = Hands(data_dir / "hands")
    bot = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.sandbox.wall_clock", str(hands.path), "bot.cli", "run"),
        env=env,
        start_new_session=True,
        stdin=asyncio.subprocess.DEVNULL,
    )
    sandbox.bot = BotProcess(bot, hands)
    try:
        yield bot
    finally:
        await sandbox.bot.close()
        if bot.returncode is None:
            bot.terminate()
            try:
                await asyncio.wait_for(bot.wait(), GOODBYE_SECONDS)
            except TimeoutError:
                bot.kill()
                await bot.wait()


async def _connected(sandbox: Sandbox, bot: asyncio.subprocess.Process, stopped: asyncio.Event) -> bool:
    while bot.returncode is None and not stopped.is_set():
        if sandbox.slack.delivery.transport.value == "socket":
            return True
        await asyncio.sleep(0.05)
    return False


async def _first_watch(sandbox: Sandbox) -> None:
    """What a person would type first, so that the scenario has somebody to tell."""
    await sandbox.slack.run_command("U0ANN", "C0ALERTS", "/pipeline", "watch * page @ann")
