"""Waits at the start until the store and Slack answer. Raises a StartError if a person has to fix something."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import redis.asyncio
from redis.exceptions import RedisError

from bot.domain.watch import TeamId
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.slack import SlackAway
from bot.ports.telemetry.store import Component, StoreUnreachable, StoreWeak
from bot.redis_address import parse_redis_url
from bot.slack.inbound.bolt_app import Identity
from bot.slack.outbound.calls import SlackClient, call
from bot.store.identity import save_identity, saved_identity
from bot.store.probe import connection_problem, probe
from bot.store.problem import Problem, Weight
from bot.store.tls_mismatch import tls_mismatch

SLACK_BACKOFF_SECONDS = 30.0
SLACK_PATIENCE_SECONDS = 5.0  # then a bot that knows its workspace from an earlier start goes on without Slack
STORE_BACKOFF_SECONDS = 3.0  # Redis is the operator's own and near: a short retry costs it nothing

ORG_WIDE = (
    "The bot token belongs to a whole organization (Enterprise Grid); the bot serves one workspace. "
    "Install the app in that workspace only, and set SLACK_BOT_TOKEN to the xoxb-… token shown there"
)

OTHER_APP = (
    "SLACK_APP_TOKEN belongs to another Slack app than SLACK_BOT_TOKEN. Take both from the same app: "
    "https://api.slack.com/apps > your app"
)

SLACK_ADDRESS = "set SLACK_API_URL to the address of Slack's Web API, such as https://slack.com/api/, or leave it empty"

OTHER_TEAM = "PIPELINE_BOT_TEAM is not the workspace of SLACK_BOT_TOKEN"


class StartError(Exception):
    """The bot can't start until a person fixes something. The text says what, and how."""


class SlackRefusedError(StartError):
    """Slack does not accept a token."""


class StoreRefusedError(StartError):
    """The bot can't use this Redis."""


class PortUnusableError(StartError):
    """The bot can't listen on PORT."""


class StoppedError(Exception):
    """Someone stopped the bot before it was ready."""


@dataclass(slots=True)
class _Backoff:
    """Waits between two attempts, each time twice as long, up to `longest`. A set `stopped` raises StoppedError."""

    stopped: asyncio.Event
    longest: float
    seconds: float = 0.5

    async def wait(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopped.wait(), self.seconds)
        if self.stopped.is_set():
            raise StoppedError
        self.seconds = min(self.seconds * 2, self.longest)


async def until_store_fits(
    client: redis.asyncio.Redis, team: TeamId, stopped: asyncio.Event, url: str, *, shares_reads: bool = False
) -> None:
    """Waits until the store at `url` answers and takes writes. `shares_reads`: see `probe`.

    Raises:
        StoreRefusedError, StoppedError
    """
    backoff = _Backoff(stopped, STORE_BACKOFF_SECONDS)
    while problem := await _wait_reason(client, team, url, shares_reads=shares_reads):
        emit(StoreUnreachable(component=Component.STARTUP, problem=problem, next_try_seconds=backoff.seconds))
        await backoff.wait()


async def _wait_reason(client: redis.asyncio.Redis, team: TeamId, url: str, *, shares_reads: bool) -> str | None:
    """Why the bot has to wait; None if it can use the store."""
    try:
        problems = (await probe(client, team, parse_redis_url(url).kind, shares_reads=shares_reads)).problems
    except (RedisError, OSError) as exc:
        problem = connection_problem(exc) or await tls_mismatch(url)
        if problem and problem.weight is Weight.FATAL:
            raise _refused(problem) from None
        return problem.text if problem else f"{type(exc).__name__}: {exc}"
    for weakness in problems:
        if weakness.weight is Weight.FATAL:
            raise _refused(weakness)
        if weakness.weight is Weight.WAITS:
            return weakness.text
    for weakness in problems:
        emit(StoreWeak(problem=weakness.text, fix=weakness.fix))
    return None


def _refused(problem: Problem) -> StoreRefusedError:
    return StoreRefusedError(f"{problem.subject}: {problem.text}. To fix it: {problem.fix}.")


async def bot_identity(
    slack: SlackClient, stopped: asyncio.Event, saved: Callable[[], Awaitable[Identity | None]]
) -> Identity:
    """The workspace that the token belongs to, and who the bot is there. While Slack is away, `saved` may know both.

    Raises:
        SlackRefusedError, StoppedError
    """
    asking = asyncio.ensure_future(
        _answered(
            slack,
            "auth.test",
            stopped,
            "Slack refuses the bot token ({error}). Set SLACK_BOT_TOKEN to your app's xoxb-… token: "
            "https://api.slack.com/apps > your app > OAuth & Permissions",
        )
    )
    try:
        await asyncio.wait({asking}, timeout=SLACK_PATIENCE_SECONDS)
        if not asking.done() and (identity := await saved()):
            return identity
        answer = await asking
    finally:
        asking.cancel()
    if answer.get("is_enterprise_install") is True:
        raise SlackRefusedError(ORG_WIDE)
    return Identity(
        team=TeamId(str(answer.get("team_id"))),
        user=str(answer.get("user_id", "")),
        name=str(answer.get("user", "")),
        bot=str(answer.get("bot_id", "")),
        url=str(answer.get("url", "")),
    )


async def saved_bot_identity(url: str, team: TeamId | None, token: str) -> Identity | None:
    """What Slack said at an earlier start with this token. None if the store at `url` does not know."""
    with suppress(StoreAway):
        if facts := await saved_identity(url, team, token):
            return Identity(
                team=TeamId(facts["team"]),
                user=facts.get("user", ""),
                name=facts.get("name", ""),
                bot=facts.get("bot", ""),
                url=facts.get("url", ""),
            )
    return None


async def save_bot_identity(client: redis.asyncio.Redis, identity: Identity, token: str) -> None:
    """
    Raises:
        StoreAway
    """
    facts = {"user": identity.user, "name": identity.name, "bot": identity.bot, "url": identity.url}
    await save_identity(client, identity.team, token, facts)


def refuse_another_team(team: TeamId, setting: str | None) -> None:
    """Refuses a wrong PIPELINE_BOT_TEAM: readers would wait for the batches of another workspace.

    Raises:
        SlackRefusedError
    """
    if setting is not None and setting != team:
        raise SlackRefusedError(f"{OTHER_TEAM}. Set it to {team}.")


async def refuse_another_app(slack: SlackClient, bot_id: str, app_token: str) -> None:
    """Refuses an app-level token of another app: Slack would open that app's sockets, and the bot would hear nothing.

    Raises:
        SlackRefusedError
    """
    named = re.match(r"xapp-\d+-(A[A-Z0-9]+)-", app_token)
    if named is None:
        return
    bot = (await call(slack, "bots.info", bot=bot_id)).body.get("bot")
    app_id = bot.get("app_id") if isinstance(bot, dict) else None
    if app_id and app_id != named[1]:
        raise SlackRefusedError(OTHER_APP)


async def socket_url(slack: SlackClient, stopped: asyncio.Event) -> str:
    """The address of the first socket. The SDK can't tell a refused token from a Slack that is away, so the bot asks.

    Raises:
        SlackRefusedError, StoppedError
    """
    answer = await _answered(
        slack,
        "apps.connections.open",
        stopped,
        "Slack refuses the app-level token ({error}). Set SLACK_APP_TOKEN to an xapp-… token with connections:write, "
        "and turn on Socket Mode: https://api.slack.com/apps > your app",
    )
    return str(answer.get("url"))


async def _answered(slack: SlackClient, method: str, stopped: asyncio.Event, refused: str) -> Mapping[str, object]:
    """Calls `method` until Slack answers. `refused` says how to fix a token that Slack does not accept.

    Raises:
        SlackRefusedError, StoppedError
    """
    backoff = _Backoff(stopped, SLACK_BACKOFF_SECONDS)
    while not (answer := await call(slack, method)).ok:
        if answer.is_foreign:
            raise SlackRefusedError(
                f"What answers at SLACK_API_URL is not Slack ({answer.error}). To fix it: {SLACK_ADDRESS}."
            )
        if not answer.transient:
            raise SlackRefusedError(refused.format(error=answer.error))
        emit(SlackAway(problem=answer.error, next_try_seconds=backoff.seconds))
        await backoff.wait()
    return answer.body
