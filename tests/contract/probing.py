"""What `check` and `run` find in a store."""

import asyncio

from redis.exceptions import RedisError

from bot.domain.watch import TeamId
from bot.redis_address import parse_redis_url
from bot.startup import StoppedError, StoreRefusedError, until_store_fits
from bot.store.connect import connect
from bot.store.probe import connection_problem, probe
from bot.store.problem import Problem

TEAM = TeamId("T1")


async def problems(url: str) -> list[Problem]:
    """What `check` would tell."""
    async with connect(url, TEAM) as client:
        try:
            return list((await probe(client, TEAM, parse_redis_url(url).kind)).problems)
        except (RedisError, OSError) as exc:
            problem = connection_problem(exc)
            return [problem] if problem else []


async def starts(url: str) -> str | None:
    """What `run` says where it refuses; None where it starts, or waits."""
    stopped = asyncio.Event()
    stopped.set()  # it waits no longer
    async with connect(url, TEAM) as client:
        try:
            await until_store_fits(client, TEAM, stopped, parse_redis_url(url).kind)
        except StoreRefusedError as exc:
            return str(exc)
        except StoppedError:
            return None
    return None
