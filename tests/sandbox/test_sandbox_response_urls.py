"""response_url, used by slack_sdk's webhook client."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.webhook.async_client import AsyncWebhookClient

from sandbox.server import Sandbox
from tests.contract.slack_rig import HandClock, bolt_app, over_socket

QUIET = "C0QUIET"
ANN = "U0ANN"
BLOCK = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def sandbox(clock: HandClock) -> AsyncIterator[Sandbox]:
    async with Sandbox.start(clock=clock) as started:
        yield started


@pytest.fixture
def hook(sandbox: Sandbox) -> AsyncWebhookClient:
    """The URL of a command in a channel without the bot."""
    return AsyncWebhookClient(sandbox.slack.response_urls.issue(ANN, QUIET), retry_handlers=[])


async def test_only_the_author_sees_an_answer_even_without_the_bot(sandbox: Sandbox, hook: AsyncWebhookClient) -> None:
    reply = await hook.send(text="orders-eu is running", blocks=[BLOCK])
    assert reply.status_code == 200
    (shown,) = sandbox.slack.messages(QUIET, viewer=ANN)
    assert (shown.text, shown.ephemeral_to, shown.blocks[0]["type"]) == ("orders-eu is running", ANN, "section")
    assert sandbox.slack.messages(QUIET) == []


async def test_an_answer_can_be_for_everybody(sandbox: Sandbox, hook: AsyncWebhookClient) -> None:
    await hook.send(text="orders-eu is running", response_type="in_channel")
    assert [message.text for message in sandbox.slack.messages(QUIET)] == ["orders-eu is running"]


async def test_a_url_is_good_five_times(sandbox: Sandbox, hook: AsyncWebhookClient) -> None:
    statuses = [(await hook.send(text=str(number))).status_code for number in range(5)]
    sixth = await hook.send(text="6")
    assert statuses == [200] * 5
    assert (sixth.status_code, sixth.body) == (404, '{"ok": false, "error": "used_url"}')
    assert len(sandbox.slack.accepted) == 5


async def test_a_url_is_good_for_half_an_hour(hook: AsyncWebhookClient, clock: HandClock) -> None:
    clock.advance(1799)
    assert (await hook.send(text="in time")).status_code == 200
    clock.advance(2)
    late = await hook.send(text="late")
    assert (late.status_code, late.body) == (404, '{"ok": false, "error": "expired_url"}')


async def test_answers_keep_the_rules_of_messages(sandbox: Sandbox, hook: AsyncWebhookClient) -> None:
    broken = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}
    refused = await hook.send(text="x", blocks=[broken])
    empty = await hook.send_dict({"text": ""})
    assert (refused.status_code, "invalid_blocks" in refused.body) == (400, True)
    assert "no_text" in empty.body
    assert sandbox.slack.accepted == []


async def test_a_body_that_is_not_json_is_refused(sandbox: Sandbox) -> None:
    url = sandbox.slack.response_urls.issue(ANN, QUIET)
    async with aiohttp.ClientSession() as session, session.post(url, data=b"\xff{") as reply:
        assert reply.status == 400


async def test_a_click_can_replace_and_delete_the_message_it_was_on() -> None:
    async with Sandbox.start() as sandbox:
        app = bolt_app(sandbox)

        @app.action("replace")
        async def replace(ack: Any, respond: Any) -> None:
            await respond(text="replaced", replace_original=True)
            await ack()

        @app.action("delete")
        async def delete(ack: Any, respond: Any) -> None:
            await respond(delete_original=True)
            await ack()

        elements = [
            {"type": "button", "action_id": name, "text": {"type": "plain_text", "text": name}}
            for name in ("replace", "delete")
        ]
        card = [{"type": "actions", "elements": elements}]
        first = (await app.client.chat_postMessage(channel="C0ALERTS", text="a", blocks=card))["ts"]
        second = (await app.client.chat_postMessage(channel="C0ALERTS", text="b", blocks=card))["ts"]
        async with over_socket(sandbox, app):
            await sandbox.slack.click(ANN, "C0ALERTS", first, "replace")
            await sandbox.slack.click(ANN, "C0ALERTS", second, "delete")
        (message,) = sandbox.slack.messages("C0ALERTS")
        assert (message.ts, message.text) == (first, "replaced")


async def test_a_click_on_an_ephemeral_can_take_it_away(sandbox: Sandbox) -> None:
    app = bolt_app(sandbox)

    @app.action("dismiss")
    async def dismiss(ack: Any, respond: Any) -> None:
        await respond(delete_original=True)
        await ack()

    button = {"type": "button", "action_id": "dismiss", "text": {"type": "plain_text", "text": "Dismiss"}}
    card = [{"type": "actions", "elements": [button]}]
    await app.client.chat_postEphemeral(channel="C0ALERTS", user=ANN, text="x", blocks=card)
    async with over_socket(sandbox, app):
        await sandbox.slack.click(ANN, "C0ALERTS", sandbox.slack.ephemerals("C0ALERTS", ANN)[0].ts, "dismiss")
    assert sandbox.slack.ephemerals("C0ALERTS", ANN) == []


async def test_an_answer_can_go_into_a_thread_that_exists(sandbox: Sandbox, hook: AsyncWebhookClient) -> None:
    root = sandbox.slack.say(ANN, QUIET, "what is up?").ts
    await hook.send_dict({"text": "all well", "thread_ts": root, "response_type": "in_channel"})
    lost = await hook.send_dict({"text": "all well", "thread_ts": "1.000000"})
    assert [reply.text for reply in sandbox.slack.messages(QUIET)[0].replies] == ["all well"]
    assert "thread_not_found" in lost.body


async def test_the_limit_over_all_blocks_does_not_hold_here(hook: AsyncWebhookClient) -> None:
    long_section = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2900}}
    assert (await hook.send(text="x", blocks=[long_section] * 6)).status_code == 200
