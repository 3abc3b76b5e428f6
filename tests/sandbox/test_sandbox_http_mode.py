"""HTTP mode: signed requests to a Bolt app that checks signatures."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp

from sandbox.server import Sandbox
from sandbox.slack.delivery import Transport
from sandbox.slack.signed_http import HttpRefused
from tests.contract.slack_rig import HandClock, bolt_app, over_http, over_socket

ALERTS = "C0ALERTS"
ANN = "U0ANN"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start() as started:
        started.slack.installation.hear_everything()
        yield started


@pytest.fixture
def app(sandbox: Sandbox) -> AsyncApp:
    app = bolt_app(sandbox)

    @app.command("/pipeline")
    async def answer(ack: Any, command: dict[str, Any]) -> None:
        await ack(f"You said: {command['text']}")

    return app


async def test_a_command_is_signed_and_its_answer_shown(sandbox: Sandbox, app: AsyncApp) -> None:
    async with over_http(sandbox, app):
        ack = await sandbox.slack.run_command(ANN, ALERTS, "/pipeline", "status @bob")
    assert (ack.ok, ack.transport) == (True, Transport.HTTP)
    assert sandbox.slack.ephemerals(ALERTS, ANN)[0].text == "You said: status <@U0BOB|bob>"


async def test_a_wrong_signature_is_refused_by_the_app(sandbox: Sandbox, app: AsyncApp) -> None:
    sandbox.slack.delivery.http.secret = "another secret"
    async with over_http(sandbox, app):
        ack = await sandbox.slack.run_command(ANN, ALERTS, "/pipeline")
    assert ack.error == "http_client_error"
    assert sandbox.slack.ephemerals(ALERTS, ANN)[0].text == '/pipeline failed with the error "http_client_error"'


async def test_a_signature_carries_its_time_so_an_old_one_is_refused() -> None:
    far_from_the_apps_own_time = HandClock()
    async with (
        Sandbox.start(clock=far_from_the_apps_own_time) as sandbox,
        over_http(sandbox, bolt_app(sandbox)),
    ):
        assert (await sandbox.slack.run_command(ANN, ALERTS, "/pipeline")).error == "http_client_error"


async def test_clicks_and_events_arrive_too(sandbox: Sandbox, app: AsyncApp) -> None:
    received: list[str] = []
    mention_heard = asyncio.Event()

    @app.action("go")
    async def clicked(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        received.append(body["type"])

    @app.event("app_mention")
    async def mentioned(event: dict[str, Any]) -> None:
        received.append(event["type"])
        mention_heard.set()

    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    blocks = [{"type": "actions", "elements": [button]}]
    ts = (await app.client.chat_postMessage(channel=ALERTS, text="x", blocks=blocks))["ts"]
    async with over_http(sandbox, app):
        assert (await sandbox.slack.click(ANN, ALERTS, ts, "go")).ok
        sandbox.slack.mention(ANN, ALERTS, "hello")
        await sandbox.until(lambda: len(sandbox.slack.delivery.log) == 2)
        await asyncio.wait_for(mention_heard.wait(), 5)
    assert sandbox.slack.delivery.log[-1].ack.ok
    assert received == ["block_actions", "app_mention"]


async def test_an_open_socket_goes_before_the_request_url(sandbox: Sandbox, app: AsyncApp) -> None:
    async with over_http(sandbox, app), over_socket(sandbox, app):
        assert (await sandbox.slack.run_command(ANN, ALERTS, "/pipeline")).transport is Transport.SOCKET


async def test_a_request_url_without_a_server_fails_to_dispatch(sandbox: Sandbox, app: AsyncApp) -> None:
    async with over_http(sandbox, app) as url:
        pass
    sandbox.slack.request_url = url
    assert (await sandbox.slack.run_command(ANN, ALERTS, "/pipeline")).error == "dispatch_failed"


async def test_an_event_is_tried_again_with_its_number_and_reason_until_it_is_taken(
    sandbox: Sandbox, app: AsyncApp
) -> None:
    sandbox.slack.delivery.event_retry_seconds = (0.0, 0.0, 0.0)
    retries: list[tuple[str | None, str | None]] = []

    @app.middleware
    async def note(req: Any, next_: Any, resp: Any) -> Any:
        number, reason = (req.headers.get(f"x-slack-retry-{name}", [None])[0] for name in ("num", "reason"))
        retries.append((number, reason))
        if number != "2":
            resp.status = 500
            return resp
        return await next_()

    @app.event("app_mention")
    async def mentioned() -> None:
        pass

    async with over_http(sandbox, app):
        sandbox.slack.mention(ANN, ALERTS, "hello")
        await sandbox.until(lambda: sandbox.slack.delivery.log and sandbox.slack.delivery.log[-1].ack.ok)
    assert retries == [(None, None), ("1", "http_error"), ("2", "http_error")]


async def test_a_request_url_must_answer_its_challenge(sandbox: Sandbox, app: AsyncApp) -> None:
    async with over_http(sandbox, app) as url:
        await sandbox.slack.delivery.prove(url)
        with pytest.raises(HttpRefused):
            await sandbox.slack.delivery.prove(f"{url}/elsewhere")
    with pytest.raises(aiohttp.ClientConnectionError):
        await sandbox.slack.delivery.prove(url)
