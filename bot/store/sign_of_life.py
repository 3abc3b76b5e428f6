"""Asks Redis for a sign of life."""

import asyncio

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.domain.watch import TeamId
from bot.store.keys import Keys
from bot.store.refusals import temporary_refusal

ANSWER_SECONDS = 1.0  # a probe's own deadline is often a few seconds


async def store_problem(redis: Redis, team: TeamId) -> str | None:
    """Why Redis takes no writes; None if it does.

    Tries a write that changes nothing, since its key never exists: a full Redis, or a replica, still answers a PING.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await redis.set(Keys(team)["probe:readyz"], "", xx=True)
    except TimeoutError:
        return f"Redis does not answer within {ANSWER_SECONDS:g} s"
    except (RedisError, OSError) as exc:
        refusal = temporary_refusal(str(exc))
        return refusal.text if refusal else f"Redis does not answer: {exc}"
    return None
