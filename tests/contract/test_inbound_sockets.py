"""Envelopes that are not as Slack documents them: dropped with one line in the log, and the next good one is heard."""

import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from random import Random

import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.slack.inbound.socket_mode import CONNECTIONS, listening
from bot.slack.outbound.calls import call, web_client
from sandbox.server import Sandbox
from tests.fuzz.slack_payloads import a_click, a_command, an_event
from tests.fuzz.socket_frames import LONGEST_FRAME

CLICK = a_click(Random(1))  # noqa: S311
EVENT = an_event(Random(1))  # noqa: S311
BOLT_TRIPPED = "Failed to run a request listener"  # so the SDK tells of it; `connections` takes the traceback away


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start() as sandbox:
        yield sandbox


@pytest.fixture
async def commands(sandbox: Sandbox) -> AsyncIterator[list[str]]:
    app = AsyncApp(client=web_client("xoxb-sandbox", f"{sandbox.url}/api/"), request_verification_enabled=False)
    commands: list[str] = []

    @app.command("/pipeline")
    async def on_command(ack: AsyncAck, command: dict[str, str]) -> None:
        await ack()
        commands.append(command["text"])

    answer = await call(web_client("xapp-sandbox", f"{sandbox.url}/api/"), "apps.connections.open")
    async with listening(app, "xapp-sandbox", str(answer.body["url"])):
        await sandbox.until(lambda: len(sandbox.slack.delivery.sockets.open) == CONNECTIONS, 20)
        yield commands


@pytest.mark.parametrize(
    "envelope",
    [
        {"type": "interactive", "envelope_id": "x", "payload": {**CLICK, "actions": []}},
        {"type": "interactive", "envelope_id": "x", "payload": {**CLICK, "channel": 1.5}},
        {"type": "events_api", "envelope_id": "x", "payload": {**EVENT, "event": 1}},
        {"type": "events_api", "envelope_id": "x", "payload": "text"},
        {"type": "events_api", "envelope_id": "x", "payload": [1]},
        {"type": "slash_commands", "envelope_id": None, "payload": a_command("nobody asked")},
        {"type": ["slash_commands"], "envelope_id": "x", "payload": a_command("nobody asked")},
        {"type": "events_api", "envelope_id": "x", "payload": EVENT, "retry_attempt": 1, "retry_reason": {"id": 1}},
    ],
)
async def test_a_bent_envelope_is_dropped(
    sandbox: Sandbox, commands: list[str], envelope: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for socket in sandbox.slack.delivery.sockets.open:
            await socket.ws.send_json(envelope)
        good = await sandbox.slack.run_command("U0ANN", "C0ALERTS", "/pipeline", "status")
        await sandbox.slack.run_command("U0ANN", "C0ALERTS", "/pipeline", "status")
    assert good.ok
    assert commands == ["status", "status"]
    assert not [record for record in caplog.records if record.exc_info or BOLT_TRIPPED in record.getMessage()]


@pytest.mark.parametrize("moment", ["nan", "inf"])
async def test_a_pong_of_no_time_does_not_keep_a_connection_from_being_renewed(sandbox: Sandbox, moment: str) -> None:
    app = AsyncApp(client=web_client("xoxb-sandbox", f"{sandbox.url}/api/"), request_verification_enabled=False)
    answer = await call(web_client("xapp-sandbox", f"{sandbox.url}/api/"), "apps.connections.open")
    sockets = sandbox.slack.delivery.sockets
    async with listening(app, "xapp-sandbox", str(answer.body["url"]), check_seconds=0.1, ping_seconds=1.0):
        await sandbox.until(lambda: len(sockets.open) == CONNECTIONS, 20)
        first = sockets.open[0]
        await first.ws.pong(f"sdk-ping-pong:{moment}".encode())
        with suppress(ConnectionError):
            await first.ws.send_str("x" * LONGEST_FRAME)  # the client breaks off
        await sandbox.until(lambda: first not in sockets.open and len(sockets.open) == CONNECTIONS, 30)
