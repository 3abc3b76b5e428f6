"""Checks that a reader fits to the scheduler of its workspace, which left its settings in Redis."""

import redis.asyncio

from bot.check.finding import Finding, Verdict
from bot.clock import StoreClock
from bot.domain.presence import misfit, reader_obstacle
from bot.domain.watch import TeamId
from bot.settings import Settings
from bot.store.clock import RedisClock
from bot.store.presence import RedisPresence
from bot.store.scripts import Scripts
from bot.store.teams import teams
from bot.workspace.presence import reading_source

_SUBJECT = "Scheduler"


async def scheduler_finding(settings: Settings, team: TeamId, client: redis.asyncio.Redis) -> Finding | None:
    """None for a process that reads for no other.

    Raises:
        StoreAway
    """
    if not settings.reads_for_others:
        return None
    scripts = Scripts(client, team)
    clock = await StoreClock.start(RedisClock(scripts))
    announced = await RedisPresence(scripts, clock).announce(())
    obstacle = reader_obstacle(reading_source(settings), announced, team, clock.now())
    if obstacle is None:
        return Finding(_SUBJECT, Verdict.GOOD, "it hands its reads to readers with these settings")
    if announced.source:
        wrong = misfit(reading_source(settings), announced.source)
        return Finding(_SUBJECT, Verdict.BAD if wrong else Verdict.WEAK, wrong or obstacle)
    others = await teams(client)
    if others and team not in others:
        detail = f"this Redis has data of {', '.join(others)}, and none of {team}"
        return Finding(_SUBJECT, Verdict.BAD, detail, "set PIPELINE_BOT_TEAM to the id of the scheduler's workspace")
    detail = f"no scheduler has used this Redis for {team} yet, so PIPELINE_BOT_TEAM can't be checked"
    return Finding(_SUBJECT, Verdict.WEAK, detail, "start a process with the role scheduler, then check again")
