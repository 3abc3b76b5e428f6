"""The start against Slack's answers: the bot waits for what passes by itself, and refuses what a person must fix."""

import asyncio
from collections.abc import Coroutine

import pytest

from bot.domain.watch import TeamId
from bot.ports.telemetry import EventRecord, subscribed
from bot.ports.telemetry.store import StoreUnreachable
from bot.slack.outbound.calls import web_client
from bot.startup import SlackRefusedError, StoppedError, bot_identity, until_store_fits
from bot.store.connect import connect
from sandbox.ports import free_port
from sandbox.server import Sandbox
from sandbox.slack.faults import Fault, FaultKind


async def knows_none() -> None:
    """A store without an earlier start."""


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=FaultKind.ERROR, error="internal_error"),
        Fault(kind=FaultKind.ERROR, error="ratelimited"),
        Fault(kind=FaultKind.THROTTLED),
        Fault(kind=FaultKind.UNAVAILABLE),
    ],
    ids=lambda fault: f"{fault.kind} {fault.error}",
)
async def test_the_bot_waits_while_slack_has_a_problem_of_its_own(fault: Fault) -> None:
    stopped = asyncio.Event()
    stopped.set()  # so that it ends where it would wait
    async with Sandbox.start() as sandbox:
        sandbox.slack.set_fault("auth.test", fault)
        with pytest.raises(StoppedError):
            await bot_identity(web_client("xoxb-sandbox", f"{sandbox.url}/api/"), stopped, knows_none)


async def test_the_bot_refuses_a_token_that_slack_refuses() -> None:
    async with Sandbox.start() as sandbox:
        with pytest.raises(SlackRefusedError, match="invalid_auth"):
            await bot_identity(web_client("xoxb-wrong", f"{sandbox.url}/api/"), asyncio.Event(), knows_none)


async def test_an_address_that_is_not_slacks_is_no_fault_of_the_token() -> None:
    async with Sandbox.start() as sandbox:
        with pytest.raises(SlackRefusedError, match="SLACK_API_URL is not Slack"):
            await bot_identity(web_client("xoxb-sandbox", sandbox.url), asyncio.Event(), knows_none)


async def test_a_redis_that_comes_back_is_noticed_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    waits, stopped, url = list[float](), asyncio.Event(), f"redis://127.0.0.1:{free_port()}/0"

    async def at_once(waiting: Coroutine[object, object, object], seconds: float) -> None:
        waiting.close()
        waits.append(seconds)
        if len(waits) == 10:
            stopped.set()
        raise TimeoutError

    records = list[EventRecord]()
    async with connect(url) as client:
        monkeypatch.setattr(asyncio, "wait_for", at_once)
        with subscribed(records.append), pytest.raises(StoppedError):
            await until_store_fits(client, TeamId("T1"), stopped, url)
    assert len(records) == 10
    assert all(isinstance(record, StoreUnreachable) for record in records)
    assert max(waits) <= 5
