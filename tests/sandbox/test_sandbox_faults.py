"""Faults of Slack's Web API: the caller's view, and whether the call took effect."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.server import Sandbox
from sandbox.slack.faults import Fault, FaultKind, Moment
from tests.contract.slack_rig import web_client

ALERTS = "C0ALERTS"
POST = "chat.postMessage"
CARD = {"event_type": "card", "event_payload": {}}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start() as started:
        yield started


@pytest.fixture
def client(sandbox: Sandbox) -> AsyncWebClient:
    return web_client(sandbox)


async def post(client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel=ALERTS, text="Failed", metadata=CARD)


@pytest.mark.parametrize("when", Moment)
async def test_an_error_may_come_before_or_after_the_post_landed(
    sandbox: Sandbox, client: AsyncWebClient, when: Moment
) -> None:
    sandbox.slack.set_fault(POST, Fault(kind=FaultKind.ERROR, error="fatal_error", when=when))
    with pytest.raises(SlackApiError) as caught:
        await post(client)
    assert caught.value.response["error"] == "fatal_error"
    assert len(sandbox.slack.messages(ALERTS)) == (1 if when is Moment.AFTER else 0)


@pytest.mark.parametrize("when", Moment)
async def test_a_server_error_may_come_before_or_after_the_post_landed(
    sandbox: Sandbox, client: AsyncWebClient, when: Moment
) -> None:
    sandbox.slack.set_fault(POST, Fault(kind=FaultKind.SERVER_ERROR, when=when))
    with pytest.raises(SlackApiError) as caught:
        await post(client)
    assert caught.value.response.status_code == 500
    assert len(sandbox.slack.accepted) == (1 if when is Moment.AFTER else 0)


@pytest.mark.parametrize("when", Moment)
async def test_a_reset_may_come_before_or_after_the_post_landed(
    sandbox: Sandbox, client: AsyncWebClient, when: Moment
) -> None:
    sandbox.slack.set_fault(POST, Fault(kind=FaultKind.RESET, when=when))
    with pytest.raises(aiohttp.ClientConnectionError):
        await post(client)
    assert len(sandbox.slack.accepted) == (1 if when is Moment.AFTER else 0)
    assert sandbox.slack.calls[-1].status is None


@pytest.mark.parametrize("when", Moment)
async def test_a_429_may_sit_beside_a_post_that_landed(sandbox: Sandbox, client: AsyncWebClient, when: Moment) -> None:
    sandbox.slack.set_fault(POST, Fault(kind=FaultKind.THROTTLED, retry_after=7, when=when))
    with pytest.raises(SlackApiError) as caught:
        await post(client)
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "7")
    assert len(sandbox.slack.accepted) == (1 if when is Moment.AFTER else 0)


@pytest.mark.parametrize("when", Moment)
async def test_a_hanging_call_never_answers(sandbox: Sandbox, client: AsyncWebClient, when: Moment) -> None:
    sandbox.slack.set_fault(POST, Fault(kind=FaultKind.HANG, when=when))
    waiting = asyncio.create_task(post(client))
    await sandbox.until(lambda: sandbox.slack.calls)
    assert not waiting.done()
    assert len(sandbox.slack.accepted) == (1 if when is Moment.AFTER else 0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


@pytest.mark.parametrize("when", Moment)
async def test_a_call_may_land_once_after_its_caller_gave_up(
    sandbox: Sandbox, client: AsyncWebClient, when: Moment
) -> None:
    sandbox.slack.set_fault(POST, Fault(kind=FaultKind.LAND_LATE, seconds=0.1, when=when))
    waiting = asyncio.create_task(post(client))
    await sandbox.until(lambda: sandbox.slack.calls)
    assert sandbox.slack.accepted == []
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await sandbox.until(lambda: sandbox.slack.accepted)
    assert sandbox.slack.messages(ALERTS)[0].metadata == CARD


@pytest.mark.parametrize("when", Moment)
async def test_a_slow_call_answers_in_the_end(sandbox: Sandbox, client: AsyncWebClient, when: Moment) -> None:
    sandbox.slack.set_fault(POST, Fault(kind=FaultKind.SLOW, seconds=0.02, when=when))
    await post(client)
    assert len(sandbox.slack.accepted) == 1


async def test_an_answer_may_lack_its_ts(sandbox: Sandbox, client: AsyncWebClient) -> None:
    sandbox.slack.set_fault(POST, Fault(kind=FaultKind.NO_TS))
    reply = await client.chat_postMessage(channel=ALERTS, text="Failed")
    assert (reply["ok"], reply.get("ts"), reply["message"].get("ts")) == (True, None, None)
    assert len(sandbox.slack.accepted) == 1


async def test_an_answer_may_stop_short(sandbox: Sandbox, client: AsyncWebClient) -> None:
    sandbox.slack.set_fault(POST, Fault(kind=FaultKind.TRUNCATED))
    with pytest.raises(aiohttp.ClientError):
        await post(client)
    assert len(sandbox.slack.accepted) == 1


async def test_a_message_may_lose_its_metadata(sandbox: Sandbox, client: AsyncWebClient) -> None:
    sandbox.slack.set_fault(POST, Fault(kind=FaultKind.STRIP_METADATA))
    await post(client)
    assert sandbox.slack.accepted[0].metadata is None


async def test_a_fault_wears_off_and_strikes_its_method_only(sandbox: Sandbox, client: AsyncWebClient) -> None:
    sandbox.slack.set_fault(POST, Fault(kind=FaultKind.ERROR, times=1))
    assert (await client.auth_test())["ok"] is True
    with pytest.raises(SlackApiError):
        await post(client)
    await post(client)


async def test_a_star_strikes_every_method(sandbox: Sandbox, client: AsyncWebClient) -> None:
    sandbox.slack.set_fault("*", Fault(kind=FaultKind.ERROR, error="service_unavailable"))
    with pytest.raises(SlackApiError):
        await client.auth_test()
    sandbox.slack.set_fault("*", None)
    assert (await client.auth_test())["ok"] is True
