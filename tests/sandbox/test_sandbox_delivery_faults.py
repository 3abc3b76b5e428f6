"""Commands, clicks and events come twice, late, out of order, or not at all.

A real Bolt app listens, over sockets or behind a Request URL.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp

from sandbox.server import Sandbox
from sandbox.slack.delivery_faults import DeliveryFault, DeliveryFaultKind
from sandbox.slack.wire import Refused
from tests.contract.slack_rig import bolt_app, over_http, over_socket, web_client

ANN, ALERTS = "U0ANN", "C0ALERTS"
BUTTON = {"type": "button", "action_id": "ack", "text": {"type": "plain_text", "text": "Acknowledge"}}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start() as started:
        started.slack.installation.hear_everything()
        started.slack.delivery.event_retry_seconds = (0.0, 0.0, 0.0)
        yield started


class Heard:
    """Everything that reached the app."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.retries: list[Any] = []
        self._sandbox = sandbox

    async def listen(self, ack: Any, body: dict[str, Any]) -> None:
        await ack()
        self.bodies.append(body)
        self._sandbox.notify("heard")

    async def times(self, count: int) -> None:
        await self._sandbox.until(lambda: len(self.bodies) >= count)


@pytest.fixture
def received(sandbox: Sandbox) -> Heard:
    return Heard(sandbox)


@pytest.fixture
def app(sandbox: Sandbox, received: Heard) -> AsyncApp:
    app = bolt_app(sandbox)
    app.command("/pipeline")(received.listen)
    app.action("ack")(received.listen)
    app.event("app_mention")(received.listen)
    return app


async def act(sandbox: Sandbox, kind: str) -> None:
    """A command, a click or an event."""
    if kind == "command":
        assert (await sandbox.slack.run_command(ANN, ALERTS, "/pipeline", "list")).ok
    elif kind == "click":
        client = web_client(sandbox)
        reply = await client.chat_postMessage(
            channel=ALERTS, text="x", blocks=[{"type": "actions", "elements": [BUTTON]}]
        )
        assert (await sandbox.slack.click(ANN, ALERTS, reply["ts"], "ack")).ok
    else:
        sandbox.slack.mention(ANN, ALERTS, "hello")


def identity(body: dict[str, Any]) -> str:
    """The id by which an app recognizes a duplicate."""
    return str(body.get("event_id") or body["trigger_id"])


async def silence() -> None:
    """The time that another payload would need to arrive."""
    await asyncio.sleep(0.2)


async def test_the_same_envelope_comes_twice(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as session, opened(sandbox, session) as socket:
        sandbox.slack.delivery.set_fault(DeliveryFault(kind=DeliveryFaultKind.TWICE, times=1))
        asking = asyncio.create_task(sandbox.slack.run_command(ANN, ALERTS, "/pipeline"))
        first, second = await socket.receive_json(), await socket.receive_json()
        assert first == second
        await socket.send_json({"envelope_id": first["envelope_id"]})
        assert (await asking).ok
        assert sandbox.slack.delivery.delivery_faults() == []


@pytest.mark.parametrize("kind", ["command", "click", "event"])
@pytest.mark.parametrize("how", ["socket", "http"])
async def test_each_kind_comes_twice_over_either_way(
    sandbox: Sandbox, app: AsyncApp, received: Heard, kind: str, how: str
) -> None:
    sandbox.slack.delivery.set_fault(DeliveryFault(kind=DeliveryFaultKind.TWICE))
    async with over_socket(sandbox, app) if how == "socket" else over_http(sandbox, app):
        await act(sandbox, kind)
        await received.times(2)
        await silence()
    assert len(received.bodies) == 2
    assert len({identity(body) for body in received.bodies}) == 1
    sandbox.slack.delivery.clear_fault()
    assert sandbox.slack.delivery.delivery_faults() == []


@pytest.mark.parametrize("kind", ["command", "click", "event"])
async def test_the_same_comes_again_later_in_a_new_envelope(
    sandbox: Sandbox, app: AsyncApp, received: Heard, kind: str
) -> None:
    """Slack sends an acknowledged payload again. Only an event can say that it is a retry."""
    envelopes: list[str] = []
    sent = sandbox.slack.delivery.sockets.deliver

    async def noted(envelope: dict[str, Any], seconds: float, **how: Any) -> Any:
        envelopes.append(envelope["envelope_id"])
        return await sent(envelope, seconds, **how)

    sandbox.slack.delivery.sockets.deliver = noted  # type: ignore[method-assign]  # to see what the app is not shown
    sandbox.slack.delivery.set_fault(DeliveryFault(kind=DeliveryFaultKind.AGAIN, seconds=0.1, times=1))
    async with over_socket(sandbox, app):
        await act(sandbox, kind)
        await received.times(2)
        await silence()
    assert len({identity(body) for body in received.bodies}) == 1
    assert len(received.bodies) == len(set(envelopes)) == 2
    assert [entry.retry is not None for entry in sandbox.slack.delivery.log] == [False, kind == "event"]


@pytest.mark.parametrize("kind", ["command", "click", "event"])
@pytest.mark.parametrize("how", ["socket", "http"])
async def test_the_last_one_is_repeated_on_demand(
    sandbox: Sandbox, app: AsyncApp, received: Heard, kind: str, how: str
) -> None:
    with pytest.raises(Refused):
        sandbox.slack.delivery.repeat()
    async with over_socket(sandbox, app) if how == "socket" else over_http(sandbox, app):
        await act(sandbox, kind)
        await received.times(1)
        await sandbox.until(lambda: sandbox.slack.delivery.log)
        sandbox.slack.delivery.repeat()
        await received.times(2)
    assert len({identity(body) for body in received.bodies}) == 1


async def test_the_second_overtakes_the_first(sandbox: Sandbox, app: AsyncApp, received: Heard) -> None:
    sandbox.slack.delivery.set_fault(DeliveryFault(kind=DeliveryFaultKind.OUT_OF_ORDER, seconds=5))
    async with over_socket(sandbox, app):
        first = asyncio.create_task(sandbox.slack.run_command(ANN, ALERTS, "/pipeline", "first"))
        await silence()
        assert received.bodies == []
        assert (await sandbox.slack.run_command(ANN, ALERTS, "/pipeline", "second")).ok
        assert (await first).ok
    assert [body["text"] for body in received.bodies] == ["second", "first"]


async def test_a_payload_that_nothing_overtakes_goes_at_the_deadline(
    sandbox: Sandbox, app: AsyncApp, received: Heard
) -> None:
    sandbox.slack.delivery.set_fault(DeliveryFault(kind=DeliveryFaultKind.OUT_OF_ORDER, seconds=0.05))
    async with over_socket(sandbox, app):
        assert (await sandbox.slack.run_command(ANN, ALERTS, "/pipeline", "alone")).ok
    assert len(received.bodies) == 1


async def test_the_socket_is_closed_before_the_ack_is_read(sandbox: Sandbox) -> None:
    """Slack counts the event as undelivered, and sends it again through another socket."""
    sandbox.slack.delivery.ack_seconds = 0.5
    sandbox.slack.delivery.set_fault(DeliveryFault(kind=DeliveryFaultKind.REFRESH_MID_ACK, times=1))
    async with aiohttp.ClientSession() as session, opened(sandbox, session) as first:
        await act(sandbox, "event")
        envelope = await first.receive_json()
        await first.send_json({"envelope_id": envelope["envelope_id"]})
        assert (await first.receive_json())["reason"] == "refresh_requested"
        async with opened(sandbox, session) as second:
            again = await second.receive_json()
            await second.send_json({"envelope_id": again["envelope_id"]})
            await sandbox.until(lambda: sandbox.slack.delivery.log and sandbox.slack.delivery.log[-1].ack.ok)
    assert sandbox.slack.delivery.log[0].ack.error == "operation_timeout"
    assert identity(again["payload"]) == identity(envelope["payload"])
    assert again["envelope_id"] != envelope["envelope_id"]
    assert again["retry_attempt"] > 0


async def test_an_ack_down_the_new_socket_still_counts(sandbox: Sandbox, app: AsyncApp, received: Heard) -> None:
    """Bolt may send the ack through any of its sockets."""
    async with over_socket(sandbox, app):
        (before,) = sandbox.slack.delivery.sockets.open
        sandbox.slack.delivery.set_fault(DeliveryFault(kind=DeliveryFaultKind.REFRESH_MID_ACK, times=1))
        assert (await sandbox.slack.run_command(ANN, ALERTS, "/pipeline")).ok
        await sandbox.until(lambda: sandbox.slack.delivery.sockets.open not in ([], [before]))
    assert len(received.bodies) == 1


@asynccontextmanager
async def opened(
    sandbox: Sandbox, session: aiohttp.ClientSession, **how: Any
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A socket without Bolt that has received Slack's hello."""
    url = (await web_client(sandbox).apps_connections_open(app_token="xapp-sandbox"))["url"]
    async with session.ws_connect(url, **how) as socket:
        assert (await socket.receive_json())["type"] == "hello"
        yield socket


async def test_open_sockets_go_deaf_and_new_ones_work(sandbox: Sandbox, app: AsyncApp, received: Heard) -> None:
    slack = sandbox.slack
    slack.delivery.ack_seconds = 0.1
    async with over_socket(sandbox, app):
        slack.delivery.set_fault(DeliveryFault(kind=DeliveryFaultKind.DEAF))
        assert (await slack.run_command(ANN, ALERTS, "/pipeline")).error == "operation_timeout"
        assert [(delivery_fault.kind, delivery_fault.times) for delivery_fault in slack.delivery.delivery_faults()] == [
            (DeliveryFaultKind.DEAF, 1)
        ]
        async with aiohttp.ClientSession() as session, opened(sandbox, session) as fresh:
            asking = [asyncio.create_task(slack.run_command(ANN, ALERTS, "/pipeline")) for _ in range(2)]
            envelope = await fresh.receive_json()
            await fresh.send_json({"envelope_id": envelope["envelope_id"]})
            errors = [ack.error for ack in await asyncio.gather(*asking)]
            assert sorted(errors, key=str) == [None, "operation_timeout"]
        slack.delivery.clear_fault(DeliveryFaultKind.DEAF)
        assert (await slack.run_command(ANN, ALERTS, "/pipeline")).ok
    assert len(received.bodies) == 1


async def test_a_deaf_socket_answers_no_ping_and_sends_none(sandbox: Sandbox) -> None:
    sockets = sandbox.slack.delivery.sockets
    sockets.ping_seconds = 0.05
    async with aiohttp.ClientSession() as session, opened(sandbox, session, autoping=False) as socket:
        assert (await socket.receive()).type is aiohttp.WSMsgType.PING
        before = list(sockets.open)
        sandbox.slack.delivery.set_fault(DeliveryFault(kind=DeliveryFaultKind.ONE_DEAF))
        await socket.ping(b"?")
        while True:  # the payload that was under way when the socket went deaf
            try:
                message = await socket.receive(timeout=0.3)
            except TimeoutError:
                break
            assert message.type is aiohttp.WSMsgType.PING, "a pong is an answer"
        assert sockets.open == before, "it stands open"


async def test_one_of_two_sockets_goes_deaf(sandbox: Sandbox, app: AsyncApp, received: Heard) -> None:
    sandbox.slack.delivery.ack_seconds = 0.2
    async with over_socket(sandbox, app), over_socket(sandbox, bolt_app(sandbox)):
        sandbox.slack.delivery.set_fault(DeliveryFault(kind=DeliveryFaultKind.ONE_DEAF))
        assert [socket.deaf for socket in sandbox.slack.delivery.sockets.open] == [True, False]
