"""What the bot waits for before it begins: a store and a Slack that answer. A mistake to mend is told at once."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import redis.asyncio
import structlog
from redis.exceptions import RedisError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.watch import TeamId
from bot.slack.app import Identity
from bot.slack.calls import call

LONGEST_BACKOFF_SECONDS = 30.0

log = structlog.get_logger(__name__)


class StartError(Exception):
    """The bot cannot start; the text says why, and how to fix it."""


class SlackRefusedError(StartError):
    """A token is not accepted."""


class PortUnusableError(StartError):
    """Nobody can listen on PORT."""


class StoppedError(Exception):
    """The bot was asked to stop before it was ready."""


@dataclass(slots=True)
class _Backoff:
    stopped: asyncio.Event
    seconds: float = 0.5

    async def wait(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopped.wait(), self.seconds)
        if self.stopped.is_set():
            raise StoppedError
        self.seconds = min(self.seconds * 2, LONGEST_BACKOFF_SECONDS)


async def until_there(client: redis.asyncio.Redis, stopped: asyncio.Event) -> None:
    backoff = _Backoff(stopped)
    while True:
        try:
            await client.ping()
        except (RedisError, OSError) as exc:
            log.warning("store_away", problem=f"{type(exc).__name__}: {exc}", next_try_seconds=backoff.seconds)
            await backoff.wait()
        else:
            return


async def identity(slack: AsyncWebClient, stopped: asyncio.Event) -> Identity:
    """Which workspace this token is of, and who the bot is there.

    Raises:
        SlackRefusedError, StoppedError
    """
    told = await _answered(
        slack,
        "auth.test",
        stopped,
        "Slack refuses the bot token ({error}). Set SLACK_BOT_TOKEN to the xoxb-… token of your app: "
        "https://api.slack.com/apps > your app > OAuth & Permissions",
    )
    return Identity(
        team=TeamId(str(told.get("team_id"))), user=str(told.get("user_id", "")), name=str(told.get("user", ""))
    )


async def socket_url(slack: AsyncWebClient, stopped: asyncio.Event) -> str:
    """Where to connect to. Asked by ourselves the first time, and not by the SDK, which does not tell a wrong token
    from a Slack that is away.

    Raises:
        SlackRefusedError, StoppedError
    """
    told = await _answered(
        slack,
        "apps.connections.open",
        stopped,
        "Slack refuses the app-level token ({error}). Set SLACK_APP_TOKEN to an xapp-… token with connections:write, "
        "and switch Socket Mode on: https://api.slack.com/apps > your app",
    )
    return str(told.get("url"))


async def _answered(slack: AsyncWebClient, method: str, stopped: asyncio.Event, refused: str) -> Mapping[str, object]:
    """A Slack that is away is waited for; `refused` says how to mend a token that is not accepted."""
    backoff = _Backoff(stopped)
    while not (answer := await call(slack, method)).ok:
        if answer.lost is None and 0 < answer.status < 500 and answer.status != 429:
            raise SlackRefusedError(refused.format(error=answer.error))
        log.warning("slack_away", problem=answer.error, next_try_seconds=backoff.seconds)
        await backoff.wait()
    return answer.body
