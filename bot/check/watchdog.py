"""Checks the outside watchdog. A ping counts there as a sign of life, so only `--post` sends one."""

from pydantic import SecretStr

from bot.check.finding import Finding, Verdict
from bot.outside_watchdog import HttpWatchdog

SUBJECT = "Outside watchdog"


async def watchdog_finding(url: SecretStr, *, ping: bool) -> Finding:
    if not ping:
        return Finding(SUBJECT, Verdict.GOOD, "WATCHDOG_URL is set; `check --post CHANNEL_ID` also pings it")
    problem = await HttpWatchdog(url).ping()
    if problem is None:
        return Finding(SUBJECT, Verdict.GOOD, "took a ping")
    fix = "copy WATCHDOG_URL again from the watchdog's page, and look at the network and any proxy"
    return Finding(SUBJECT, Verdict.BAD, problem, fix)
