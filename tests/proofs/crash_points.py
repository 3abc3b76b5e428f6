"""Runs the bot as a real process that dies at its n-th call to Redis, Slack or GoldRush.

All waits are a tenth of the real ones, and so are the sandbox's own. Many lives fit into a minute.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from multiprocessing.sharedctypes import Synchronized
from typing import Any

import aiohttp
import redis.asyncio.connection

from bot import jobs
from bot.app import run
from bot.coordination import leadership
from bot.delivery import choose_next, claims, dispatcher, handover, pending, rate_limiter
from bot.domain import call_joining, escalation, page_plan, page_progress, page_silences, protocol, silence_plan
from bot.domain import calls as page_calls
from bot.goldrush.connection import PersistentConnection
from bot.jobs import PeriodicJob
from bot.pagers import pagers, web
from bot.paging import timers
from bot.ports.rate_limits import RateLimits
from bot.readers import broker, remote
from bot.settings import Settings
from bot.slack.inbound import inbox
from bot.slack.outbound import calls
from bot.slack.outbound.limits import SLACK_LIMITS
from bot.store import lanes, leases
from bot.telemetry.logs import configure
from bot.workspace import parts

SCALE = 10.0
PAGES_SCALE = 100.0  # a repeated call after 3 s
JOBS_SCALE = 4.0  # a heartbeat every half second, and leadership for 2.5 s: even a busy machine can keep these
SHORTEST_SECONDS = 0.1
DIED = 137


def run_bot(env: Mapping[str, str], log: str, name: str, crash_at: int, calls_made: "Synchronized[int]") -> None:
    """Runs the bot until SIGTERM, a kill, or call number `crash_at` (0: never). `name` is its User-Agent for Slack."""
    os.environ.clear()
    os.environ.update(env)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    _shorten_waits()
    _count(_Counter(crash_at, calls_made))
    _send_name_as_user_agent(name)
    configure("info")
    asyncio.run(_until_signal())


async def _until_signal() -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await run(Settings.load(None), stopped)


def _shorten_waits() -> None:
    for name in (
        "LANDS_WITHIN",
        "STRAGGLES_FOR",
        "LOOKUP_INTERVAL",
        "UNREADABLE_FOR",
        "PAGE_UNREADABLE_FOR",
        "BACKOFF",
    ):
        setattr(protocol, name, getattr(protocol, name) / SCALE)
    protocol.RECHECK_AFTER /= SCALE
    vars(pending)["RECHECK_AFTER"] = protocol.RECHECK_AFTER
    protocol.LONGEST_BACKOFF = protocol.PAGE_LONGEST_BACKOFF = timedelta(seconds=2)
    _shorten_waits_of_pages()
    lanes.LEASE_SECONDS /= SCALE
    leases.LEADER_LEASE_SECONDS /= JOBS_SCALE
    leadership.SPARE_SECONDS /= JOBS_SCALE
    handover.RENEW_SECONDS /= JOBS_SCALE
    vars(dispatcher)["RENEW_SECONDS"] = handover.RENEW_SECONDS
    calls.DEADLINE_SECONDS /= SCALE
    dispatcher.STORE_AWAY_SECONDS /= SCALE
    rate_limiter.LONGEST_PAUSE_SECONDS /= SCALE
    rate_limiter.HEAD_START_SECONDS /= SCALE
    choose_next.CLAIM_AHEAD_SECONDS /= SCALE
    claims.CLAIM_SECONDS /= SCALE
    vars(rate_limiter)["CLAIM_SECONDS"] = claims.CLAIM_SECONDS
    vars(parts)["SLACK_LIMITS"] = _shorter(SLACK_LIMITS)
    vars(pagers)["_LIMITS"] = {kind: _shorter(limits) for kind, limits in pagers._LIMITS.items()}
    web.DEADLINE_SECONDS /= SCALE
    inbox.RECOVER_AFTER /= SCALE
    broker.IDLE_SECONDS /= SCALE
    broker.CLAIM_SECONDS /= SCALE
    remote.LEAST_LOST_SECONDS /= SCALE
    remote.CLAIMED_WITHIN_SECONDS /= SCALE
    remote.BEGIN_SECONDS /= JOBS_SCALE
    at_length = PeriodicJob.__init__

    def shorter(
        self: PeriodicJob, name: str, run: Callable[[], Awaitable[object]], seconds: float, **rest: Any
    ) -> None:
        at_length(self, name, run, max(seconds / JOBS_SCALE, SHORTEST_SECONDS), **rest)

    vars(jobs)["PeriodicJob"].__init__ = shorter


def _shorten_waits_of_pages() -> None:
    """The waits between the calls of a policy are the test's own."""
    page_progress.REPEAT_AFTER /= PAGES_SCALE
    page_silences.WHILE_SILENT /= PAGES_SCALE
    for module in (page_progress, page_silences, call_joining, page_plan, timers):
        vars(module)["TOGETHER"] = escalation.TOGETHER / SCALE
    timers.OTHERS_WAIT /= SCALE
    for module in (page_calls, page_plan):
        vars(module)["MERGE_WAIT"] = page_calls.MERGE_WAIT / SCALE
    silence_plan.DIGEST_WAIT /= SCALE


def _shorter(limits: RateLimits) -> RateLimits:
    return RateLimits(
        per_minute={method: rate * int(SCALE) for method, rate in limits.per_minute.items()},
        spacing_seconds=limits.spacing_seconds / SCALE,
        call_seconds=limits.call_seconds / SCALE,
    )


class _Counter:
    def __init__(self, crash_at: int, made: "Synchronized[int]") -> None:
        self._crash_at = crash_at
        self._made = made

    def call(self) -> None:
        self._made.value += 1
        if self._made.value == self._crash_at:
            os._exit(DIED)


def _count(counter: _Counter) -> None:
    """Counts each call once, when its bytes are out. Before the next call nobody can see if the answer arrived."""
    connection = redis.asyncio.connection.AbstractConnection
    _counted(connection, "send_packed_command", counter, before=False)
    _counted(aiohttp.ClientResponse, "start", counter)  # aiohttp calls it once the request is out
    _counted(PersistentConnection, "handle_async_request", counter)
    _count_reads_without_task(counter)


def _count_reads_without_task(counter: _Counter) -> None:
    begin = PersistentConnection.begin

    def counted(*args: Any) -> None:
        counter.call()
        begin(*args)

    PersistentConnection.begin = counted  # type: ignore[method-assign,assignment]


def _counted(owner: type, name: str, counter: _Counter, *, before: bool = True) -> None:
    method = getattr(owner, name)

    async def counted(*args: Any, **kwargs: Any) -> Any:
        if before:
            counter.call()
        answer = await method(*args, **kwargs)
        if not before:
            counter.call()
        return answer

    setattr(owner, name, counted)


def _send_name_as_user_agent(name: str) -> None:
    request = aiohttp.ClientSession._request

    async def named(*args: Any, headers: Mapping[str, str] | None = None, **kwargs: Any) -> aiohttp.ClientResponse:
        return await request(*args, headers={**(headers or {}), "User-Agent": name}, **kwargs)

    aiohttp.ClientSession._request = named  # type: ignore[assignment,method-assign]
