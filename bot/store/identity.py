"""What Slack said about the bot and its workspace, for a start while Slack is away. Another token finds nothing."""

import hashlib
import json
from collections.abc import Mapping
from typing import cast

import redis.asyncio

from bot.domain.watch import TeamId
from bot.store.connect import connect
from bot.store.keys import Keys
from bot.store.scripts import translating_redis_errors
from bot.store.teams import teams


async def save_identity(client: redis.asyncio.Redis, team: TeamId, token: str, facts: Mapping[str, str]) -> None:
    """
    Raises:
        StoreAway
    """
    keys = Keys(team)
    with translating_redis_errors():
        await client.set(keys["identity"], json.dumps({**facts, "token": _fingerprint(token)}))


async def saved_identity(url: str, team: TeamId | None, token: str) -> Mapping[str, str] | None:
    """The facts of the workspace whose token it was, with `team`. None if the store at `url` knows none.

    `team` None: any workspace in this Redis. In a cluster it must be known.

    Raises:
        StoreAway
    """
    try:
        client = connect(url, team)
    except ValueError:
        return None
    try:
        for known in [team] if team else await teams(client):
            keys = Keys(known)
            with translating_redis_errors():
                facts = _facts(cast("bytes | None", await client.get(keys["identity"])))
            if facts.get("token") == _fingerprint(token):
                return {**facts, "team": known}
    finally:
        await client.aclose()
    return None


def _facts(row: bytes | None) -> Mapping[str, str]:
    """Empty for a row that is missing or unreadable: then the start waits for Slack."""
    try:
        facts = json.loads(row or b"{}")
    except ValueError:
        return {}
    return {name: str(value) for name, value in facts.items()} if isinstance(facts, dict) else {}


def _fingerprint(token: str) -> str:
    """A token is random and long, so nobody finds it by its hash."""
    return hashlib.sha256(token.encode()).hexdigest()
