"""What the bot waits for before it begins: a store and a Slack that answer. A mistake to mend is told at once."""

import asyncio
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


class SlackRefusedError(Exception):
    """A token is not accepted; the text says how to mend it."""


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
    """Which workspace this token is of, and who the bot is there."""
    backoff = _Backoff(stopped)
    while True:
        answer = await call(slack, "auth.test")
        if answer.ok:
            return Identity(
                team=TeamId(str(answer.body.get("team_id"))),
                user=str(answer.body.get("user_id", "")),
                name=str(answer.body.get("user", "")),
            )
        if answer.lost is None and 0 < answer.status < 500 and answer.status != 429:
            raise SlackRefusedError(
                f"Slack refuses the bot token ({answer.error}). Set SLACK_BOT_TOKEN to the xoxb-… token of your app: "
                "https://api.slack.com/apps > your app > OAuth & Permissions"
            )
        log.warning("slack_away", problem=answer.error, next_try_seconds=backoff.seconds)
        await backoff.wait()


async def socket_url(slack: AsyncWebClient, stopped: asyncio.Event) -> str:
    """Asked by ourselves the first time: a wrong token is a mistake to mend, a Slack that is away is waited for."""
    backoff = _Backoff(stopped)
    while not (answer := await call(slack, "apps.connections.open")).ok:
        if answer.lost is None and 0 < answer.status < 500 and answer.status != 429:
            raise SlackRefusedError(
                f"Slack refuses the app-level token ({answer.error}). Set SLACK_APP_TOKEN to an xapp-… token with "
                "connections:write, and switch Socket Mode on: https://api.slack.com/apps > your app"
            )
        log.warning("slack_away", problem=answer.error, next_try_seconds=backoff.seconds)
        await backoff.wait()
    return str(answer.body.get("url"))
