"""The demo: the sandbox in this process, and the bot in another one, which does not know about the sandbox."""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from rich.console import Console

from sandbox.bot_faults import BotProcess
from sandbox.child_processes import end_with_parent
from sandbox.pagerduty import ROUTING_KEY, WEBHOOK_SECRET
from sandbox.ports import free_port
from sandbox.redis_faults import RedisStandIn
from sandbox.server import Sandbox
from sandbox.slack.directory import BOT_USER, Channel
from sandbox.wall_clock import ClockOffset

GOODBYE_SECONDS = 12.0
PAUSE_SECONDS = 1.0
"""Between an unexpected end of the bot and its restart."""
MOST_FAILED_STARTS = 5
"""The demo gives up after this many starts in a row that never reached Slack."""
OPERATOR = "C0OPS"
OWN_BOT = (
    "SLACK_BOT_TOKEN",
    "SLACK_APP_TOKEN",
    "SLACK_API_URL",
    "GOLDRUSH_SERVICE_KEY",
    "GOLDRUSH_API_URL",
    "REDIS_URL",
    "OPERATOR_CHANNEL",
    "FALLBACK_CHANNEL",
)
INVITED = ("C0ALERTS", "C0TEAM")


async def run(port: int, out: Console, hosts: tuple[str, ...] = (), *, own_bot: bool = False) -> int:
    """Runs until Ctrl-C, or until the bot keeps failing. Returns the exit code. `hosts`: see `Sandbox.start`.

    `own_bot`: the person starts the bot, with the settings that this prints.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    # The sandbox forgets everything when it ends, so the bot's data lives only for this run too.
    with tempfile.TemporaryDirectory(prefix="pipeline-bot-") as data_dir:
        return await _run(port, hosts, Path(data_dir), out, stopped, own_bot=own_bot)


async def _run(
    port: int, hosts: tuple[str, ...], data_dir: Path, out: Console, stopped: asyncio.Event, *, own_bot: bool
) -> int:
    code: int | None = None
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(RedisStandIn.start())
        try:
            sandbox = await stack.enter_async_context(Sandbox.start(port=port, redis=store, hosts=hosts))
        except OSError as exc:
            reason = os.strerror(exc.errno) if exc.errno else type(exc).__name__
            out.print(f"[red]✗[/] Port {port} cannot be used: {reason}. Try `pipeline-bot demo --port 0`.")
            return 2
        _prepare_channels(sandbox)
        env = environment(sandbox.url, data_dir) | {
            "REDIS_URL": store.url,
            "OPERATOR_CHANNEL": OPERATOR,
            "FALLBACK_CHANNEL": OPERATOR,
            "GOLDRUSH_API_KEY": sandbox.goldrush.regular_api_key,
            "PIPELINE_BOT_MEASURE_SECONDS": "25",
            "PIPELINE_BOT_CATALOGUE_SECONDS": "10",
            "PIPELINE_BOT_BLIND_SECONDS": "86400",  # hours that pass at once are no gap in the readings
            **pagers(sandbox),
        }
        if own_bot:
            _show_settings(sandbox, env, out)
            await stopped.wait()
        else:
            bot = await stack.enter_async_context(_bot(env, sandbox, data_dir))
            code = await _until_stopped(_play(env, sandbox, bot, out), stopped)
    if code is None:
        out.print("Stopped.")
    return code or 0


async def _until_stopped(play: Coroutine[None, None, int], stopped: asyncio.Event) -> int | None:
    """The result of `play`; None if it was stopped."""
    play_task, stop_task = asyncio.ensure_future(play), asyncio.ensure_future(stopped.wait())
    await asyncio.wait({play_task, stop_task}, return_when=asyncio.FIRST_COMPLETED)
    for task in (play_task, stop_task):
        task.cancel()
    await asyncio.wait({play_task, stop_task})
    return None if play_task.cancelled() else play_task.result()


def _prepare_channels(sandbox: Sandbox) -> None:
    """Adds the operator's channel, and takes the bot out of all others.

    A bot that finds itself in channels at its first start would report lost data.
    """
    channels = sandbox.slack.directory.channels
    for name in INVITED:
        channels[name].members.remove(BOT_USER)
    channels[OPERATOR] = Channel(id=OPERATOR, name="pipeline-ops", members=["U0ANN", "U0BOB", BOT_USER])


def _show_settings(sandbox: Sandbox, env: dict[str, str], out: Console) -> None:
    """What a bot of one's own needs: line by line, to copy into a `.env` file."""
    out.print(f"\n  [bold green]Open {sandbox.url}[/]\n")
    out.print("  A Slack and a GoldRush. Start your own bot with these settings:\n")
    for name in OWN_BOT:
        out.print(f"{name}={env[name]}", soft_wrap=True, markup=False, highlight=False)
    out.print(
        "\n  Then type `/invite @Pipeline Bot` in a channel. HTTP mode: docs/faults.md. Ctrl-C stops the sandbox.\n"
    )


async def _play(env: dict[str, str], sandbox: Sandbox, bot: BotProcess, out: Console) -> int:
    """From the bot's first start to its last end. Returns the exit code."""
    out.print("Starting the sandbox and the bot …")
    if not await _connected(sandbox, bot):
        return 1
    await _first_watch(sandbox)
    await sandbox.set_scenario(running=True)
    out.print(f"\n  [bold green]Open {sandbox.url}[/]\n")
    out.print("  A Slack, a GoldRush and the bot, all on this machine.")
    out.print("  The first alert comes within seconds.")
    out.print("  Ctrl-C stops all of it.\n")
    await _keep_alive(env, sandbox, bot, out)
    out.print(f"[red]The bot ended {MOST_FAILED_STARTS} times before it was connected. See its messages above.[/]")
    return 1


async def _keep_alive(env: dict[str, str], sandbox: Sandbox, bot: BotProcess, out: Console) -> None:
    """Restarts the bot after each end, until it fails to connect MOST_FAILED_STARTS times in a row."""
    failed_starts = 0
    while failed_starts < MOST_FAILED_STARTS:
        await bot.ended()
        if bot.killed:
            out.print("The bot was killed. It restarts when you fix that.")
        else:
            out.print(f"[yellow]The bot ended by itself ({bot.last_end}). Restarting it.[/]")
            await asyncio.sleep(PAUSE_SECONDS)
        await bot.fixed()
        bot.started_again(await _start(env, bot.clock_offset))
        if await _connected(sandbox, bot):
            out.print("The bot is back.")
            failed_starts = 0
        elif not bot.killed:
            failed_starts += 1


def environment(url: str, data_dir: Path) -> dict[str, str]:
    """The settings of a bot that uses the sandbox at `url`. Nothing else differs from a real Slack and GoldRush."""
    ours = ("SLACK_", "GOLDRUSH_", "REDIS_", "OPERATOR_", "FALLBACK_", "PIPELINE_BOT_", "PORT", "PAGER", "WATCHDOG_")
    # The bot also takes names in lower case.
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(ours)}
    return inherited | {
        "SLACK_BOT_TOKEN": "xoxb-sandbox",
        "SLACK_APP_TOKEN": "xapp-sandbox",
        "SLACK_API_URL": f"{url}/api/",
        "GOLDRUSH_SERVICE_KEY": "demo-service-key",
        "GOLDRUSH_API_URL": url,
        "PIPELINE_BOT_DATA_DIR": str(data_dir.resolve()),
        "PIPELINE_BOT_LOG_LEVEL": "warning",
        "PIPELINE_BOT_STEADY_SECONDS": "5",
        "PIPELINE_BOT_AT_REST_SECONDS": "10",
        "PIPELINE_BOT_PAGES_PER_HOUR": "1000",  # people fail pipelines far more often here
    }


def pagers(sandbox: Sandbox) -> dict[str, str]:
    """The settings of a bot that pages the sandbox's PagerDuty and a workflow, and takes PagerDuty's webhook."""
    port = free_port()
    sandbox.pagerduty.webhook_url = f"http://127.0.0.1:{port}/pagerduty/webhook"
    return {
        "PAGERS": f"ops=pagerduty://{ROUTING_KEY} flow={sandbox.url}/triggers/T0SANDBOX/1/demo",
        "PAGERDUTY_EVENTS_URL": f"{sandbox.url}/pagerduty/v2/enqueue",
        "PAGERDUTY_API_URL": f"{sandbox.url}/pagerduty",
        "PAGERDUTY_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "PIPELINE_BOT_WEBHOOK_PORT": str(port),
    }


@asynccontextmanager
async def _bot(env: dict[str, str], sandbox: Sandbox, data_dir: Path) -> AsyncIterator[BotProcess]:
    clock_offset = ClockOffset(data_dir / "hands")
    bot = sandbox.bot = BotProcess(await _start(env, clock_offset), clock_offset)
    try:
        yield bot
    finally:
        bot.fix()  # a frozen process cannot shut down
        await _end(bot.process)


async def _start(env: dict[str, str], clock_offset: ClockOffset) -> asyncio.subprocess.Process:
    """The bot has its own session, so only we pass Ctrl-C on to it, and a wall clock that the page can set.

    Its working directory is its data directory. In ours it would read the operator's `.env`.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox.wall_clock", str(clock_offset.path), "bot.cli", "run"),
        env=env,
        cwd=env["PIPELINE_BOT_DATA_DIR"],
        start_new_session=True,
        stdin=asyncio.subprocess.DEVNULL,
    )
    end_with_parent(process.pid)
    return process


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), GOODBYE_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _connected(sandbox: Sandbox, bot: BotProcess) -> bool:
    """Waits until the bot is connected to Slack. False if it ended first."""
    while bot.alive:
        if sandbox.slack.delivery.transport.value == "socket":
            return True
        await asyncio.sleep(0.05)
    return False


async def _first_watch(sandbox: Sandbox) -> None:
    """People invite the bot and add a watch, so that the scenario's alerts have a channel."""
    for channel in INVITED:
        sandbox.slack.invite_bot(channel)
    await sandbox.slack.run_command("U0ANN", "C0ALERTS", "/pipeline", "watch * page @ann")


def main() -> None:
    """`pipeline-bot demo` runs this in place of itself, with the same options."""
    options = argparse.ArgumentParser(prog="pipeline-bot demo")
    options.add_argument("--port", type=int, default=8080)
    options.add_argument("--host", action="append", default=[])
    options.add_argument("--no-bot", action="store_true")
    chosen = options.parse_args()
    sys.exit(asyncio.run(run(chosen.port, Console(), tuple(chosen.host), own_bot=chosen.no_bot)))


if __name__ == "__main__":
    main()
