"""What the bot waits for before it begins: a store and a Slack that answer. A mistake to fix is told at once."""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import redis.asyncio
import structlog
from redis.exceptions import RedisError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.watch import TeamId
from bot.slack.inbound.bolt_app import Identity
from bot.slack.outbound.calls import call
from bot.store.probe import Problem, Weight, probe, refusal

LONGEST_BACKOFF_SECONDS = 30.0

ORG_WIDE = (
    "The bot token belongs to a whole organization (Enterprise Grid); this bot serves one workspace. "
    "Install the app in that workspace only, and set SLACK_BOT_TOKEN to the xoxb-… token shown there"
)

OTHER_APP = (
    "SLACK_APP_TOKEN belongs to another Slack app than SLACK_BOT_TOKEN. Take both from the same app: "
    "https://api.slack.com/apps > your app"
)

log = structlog.get_logger(__name__)


class StartError(Exception):
    """The bot cannot start; the text says why, and how to fix it."""


class SlackRefusedError(StartError):
    """A token is not accepted."""


class StoreRefusedError(StartError):
    """This Redis cannot be the bot's store."""


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


async def until_store_fits(client: redis.asyncio.Redis, team: TeamId, stopped: asyncio.Event) -> None:
    """Waits for a store that answers and takes writes.

    Raises:
        StoreRefusedError, StoppedError
    """
    backoff = _Backoff(stopped)
    while waits_for := await _missing(client, team):
        log.warning("store_away", problem=waits_for, next_try_seconds=backoff.seconds)
        await backoff.wait()


async def _missing(client: redis.asyncio.Redis, team: TeamId) -> str | None:
    """What has to be waited for; None where the store can be used."""
    try:
        problems = (await probe(client, team)).problems
    except (RedisError, OSError) as exc:
        if problem := refusal(exc):
            raise _refused(problem) from None
        return f"{type(exc).__name__}: {exc}"
    for each in problems:
        if each.weight is Weight.FATAL:
            raise _refused(each)
        if each.weight is Weight.WAITS:
            return each.text
    for each in problems:
        log.warning("store_weak", problem=each.text, cure=each.cure)
    return None


def _refused(problem: Problem) -> StoreRefusedError:
    return StoreRefusedError(f"{problem.subject}: {problem.text}. To fix it: {problem.cure}.")


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
    if told.get("is_enterprise_install") is True:
        raise SlackRefusedError(ORG_WIDE)
    return Identity(
        team=TeamId(str(told.get("team_id"))),
        user=str(told.get("user_id", "")),
        name=str(told.get("user", "")),
        bot=str(told.get("bot_id", "")),
    )


async def refuse_another_app(slack: AsyncWebClient, bot_id: str, app_token: str) -> None:
    """Slack opens the sockets of whichever app the app-level token is of: those of another would bring nothing.

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
    """A Slack that is away is waited for; `refused` says how to fix a token that is not accepted."""
    backoff = _Backoff(stopped)
    while not (answer := await call(slack, method)).ok:
        if answer.lost is None and 0 < answer.status < 500 and answer.status != 429:
            raise SlackRefusedError(refused.format(error=answer.error))
        log.warning("slack_away", problem=answer.error, next_try_seconds=backoff.seconds)
        await backoff.wait()
    return answer.body
