"""Asks Redis for a sign of life."""

import asyncio

from redis.asyncio import Redis
from redis.exceptions import RedisError

ANSWER_SECONDS = 1.0  # a probe's own deadline is often a few seconds


async def store_problem(redis: Redis) -> str | None:
    """Why Redis does not answer; None if it does."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await redis.ping()
    except TimeoutError:
        return f"Redis does not answer within {ANSWER_SECONDS:g} s"
    except (RedisError, OSError) as exc:
        return f"Redis does not answer: {exc}"
    return None
