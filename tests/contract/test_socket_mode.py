"""Two Socket Mode connections over real sockets: refreshed, deaf, fed with nonsense, closed."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from time import monotonic
from typing import cast

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.slack.inbound.socket_mode import CONNECTIONS, DEAF_SECONDS, SOCKET_CLOSE_SECONDS, SocketConnection, listening
from bot.slack.outbound.calls import call, web_client
from sandbox.server import Sandbox
from sandbox.slack.faults import Fault, FaultKind

ANN, ALERTS = "U0ANN", "C0ALERTS"
NONSENSE = ["", "hello", "{", "{}", "[]", "null", '{"type": 5}', '{"type": "events_api"}', '{"envelope_id": 1}']
NONSENSE += ['{"type": "slash_commands", "envelope_id": "x", "payload": []}', '{"a": "' + "x" * 3_000_000 + '"}']


@pytest.fixture
def entrance() -> Iterator[socket.socket]:
    """Where a wire between the bot and the sandbox listens."""
    with socket.create_server(("127.0.0.1", 0)) as entrance:
        yield entrance


@pytest.fixture
async def sandbox(entrance: socket.socket) -> AsyncIterator[Sandbox]:
    async with Sandbox.start(hosts=[address(entrance)]) as sandbox:
        sandbox.slack.delivery.sockets.ping_seconds = 0.1
        yield sandbox


def address(entrance: socket.socket) -> str:
    host, port = entrance.getsockname()
    return f"{host}:{port}"


def an_app(sandbox: Sandbox) -> AsyncApp:
    app = AsyncApp(client=web_client("xoxb-sandbox", f"{sandbox.url}/api/"), request_verification_enabled=False)

    @app.command("/pipeline")
    async def on_command(ack: AsyncAck) -> None:
        await ack("heard")

    return app


async def first_url(sandbox: Sandbox) -> str:
    answer = await call(web_client("xapp-sandbox", f"{sandbox.url}/api/"), "apps.connections.open")
    return str(answer.body["url"])


async def both_open(sandbox: Sandbox) -> None:
    await sandbox.until(lambda: len(sandbox.slack.delivery.sockets.open) == CONNECTIONS, 60)


async def test_while_one_is_renewed_the_other_hears(sandbox: Sandbox) -> None:
    sandbox.slack.delivery.ack_seconds = 60.0  # the test judges no speed
    sockets = sandbox.slack.delivery.sockets
    async with listening(an_app(sandbox), "xapp-sandbox", await first_url(sandbox)), asyncio.TaskGroup() as closing:
        for count in range(200):
            if count in {0, 20, 100}:
                await both_open(sandbox)
            if count in {20, 100}:  # as Slack does: it says so, and sends nothing down this one any more
                renewed = sockets.open[0]
                await renewed.ws.send_json({"type": "disconnect", "reason": "refresh_requested"})
                closing.create_task(renewed.ws.close())
                while not renewed.ws.closed:
                    await asyncio.sleep(0)
            assert (await sandbox.slack.run_command(ANN, ALERTS, "/pipeline", str(count))).error is None
        await both_open(sandbox)


async def test_a_goodbye_in_two_frames_renews_a_connection_once(sandbox: Sandbox) -> None:
    """A second time would close the new connection, with whatever Slack is sending down it."""
    sandbox.slack.delivery.ack_seconds = 60.0
    sockets = sandbox.slack.delivery.sockets
    async with listening(an_app(sandbox), "xapp-sandbox", await first_url(sandbox)):
        await both_open(sandbox)
        old, earlier = list(sockets.open), int(sockets.issue_ticket().removeprefix("ticket-"))
        await sockets.close("refresh_requested")
        await sandbox.until(lambda: sum(socket not in old for socket in sockets.open) == CONNECTIONS, 60)
        for _ in range(20):
            assert (await sandbox.slack.run_command(ANN, ALERTS, "/pipeline", "hello")).ok
        later = int(sockets.issue_ticket().removeprefix("ticket-"))
    assert later - earlier - 1 == 2 * CONNECTIONS, "tickets and sockets share one count"


async def test_a_deaf_connection_is_noticed_and_replaced(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    sockets = sandbox.slack.delivery.sockets
    url = await first_url(sandbox)
    async with listening(an_app(sandbox), "xapp-sandbox", url, deaf_seconds=0.5, check_seconds=0.05):
        await both_open(sandbox)
        old = list(sockets.open)
        sockets.deaf = True
        await sandbox.until(lambda: any(open_socket not in old for open_socket in sockets.open), 60)
        sockets.deaf = False
        await sandbox.until(lambda: len(sockets.open) >= CONNECTIONS, 60)
        ack = await sandbox.slack.run_command(ANN, ALERTS, "/pipeline", "hello")
        assert ack.ok


class Wire:
    """Between the bot and Slack. Cut, it stays up and carries nothing any more, as where a router has forgotten it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cut = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []

    def cut(self) -> None:
        """What is connected now; what comes later is carried."""
        self._cut.set()
        self._cut = asyncio.Event()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, there_writer]
        cut = self._cut
        await asyncio.gather(self._pump(reader, there_writer, cut), self._pump(there_reader, writer, cut))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: asyncio.Event) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if cut.is_set():
                    return
                writer.write(data)
                await writer.drain()
            if not cut.is_set():
                writer.close()

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


async def test_a_dead_connection_is_replaced_at_once(sandbox: Sandbox, entrance: socket.socket) -> None:
    wire = Wire(int(sandbox.url.rsplit(":", 1)[1]))
    server = await asyncio.start_server(wire.carry, sock=entrance)
    sandbox.slack.base_url = f"http://{address(entrance)}"
    sockets, url = sandbox.slack.delivery.sockets, await first_url(sandbox)
    async with listening(an_app(sandbox), "xapp-sandbox", url, deaf_seconds=DEAF_SECONDS / 60, check_seconds=0.1):
        await both_open(sandbox)
        old = list(sockets.open)
        wire.cut()
        await sandbox.until(lambda: sum(open_socket not in old for open_socket in sockets.open) == CONNECTIONS, 60)
        for open_socket in old:
            sockets.open.remove(open_socket)  # Slack learns of it later
        assert (await sandbox.slack.run_command(ANN, ALERTS, "/pipeline", "hello")).ok
        sockets.open += old
    wire.close()
    server.close()


async def test_the_end_does_not_wait_for_a_goodbye_that_is_not_answered(
    sandbox: Sandbox, entrance: socket.socket
) -> None:
    wire = Wire(int(sandbox.url.rsplit(":", 1)[1]))
    server = await asyncio.start_server(wire.carry, sock=entrance)
    sandbox.slack.base_url = f"http://{address(entrance)}"
    before = asyncio.all_tasks()
    async with listening(an_app(sandbox), "xapp-sandbox", await first_url(sandbox)):
        await both_open(sandbox)
        wire.cut()
        ours = {task for task in asyncio.all_tasks() - before if "socket_mode" in str(task)}
        assert ours
        began = monotonic()
    assert monotonic() - began < SOCKET_CLOSE_SECONDS + 20  # it would wait for minutes
    assert all(task.done() for task in ours)
    wire.close()
    server.close()


async def test_a_crash_of_the_socket_watchdog_is_logged_and_ends_nothing(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    sockets, url = sandbox.slack.delivery.sockets, await first_url(sandbox)
    async with listening(an_app(sandbox), "xapp-sandbox", url, deaf_seconds=0.5, check_seconds=0.05) as held:
        await both_open(sandbox)
        old, output = list(sockets.open), ""
        held.insert(0, cast("SocketConnection", None))
        while "socket_mode_crashed" not in (output := output + capsys.readouterr().out):
            assert (await sandbox.slack.run_command(ANN, ALERTS, "/pipeline", "hello")).ok
        del held[0]
        sockets.deafen()
        await sandbox.until(lambda: sum(open_socket not in old for open_socket in sockets.open) == CONNECTIONS, 60)


async def test_nonsense_stops_nothing_and_leaves_no_traceback(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(an_app(sandbox), "xapp-sandbox", await first_url(sandbox)):
        await both_open(sandbox)
        with caplog.at_level(logging.WARNING):
            for text in NONSENSE:
                for socket in list(sandbox.slack.delivery.sockets.open):
                    with suppress(ConnectionError):  # what is too long ends the connection, and another one comes
                        await socket.ws.send_str(text)
            await asyncio.gather(*(socket.ws.send_bytes(b"\xff\x00") for socket in sandbox.slack.delivery.sockets.open))
            acks = [await sandbox.slack.run_command(ANN, ALERTS, "/pipeline", "hello") for _ in range(10)]
            await both_open(sandbox)
        assert all(ack.ok for ack in acks)
        assert not [record for record in caplog.records if record.exc_info]
        assert all(len(record.getMessage()) <= 200 for record in caplog.records if record.name == "bot.slack.socket")


async def test_a_slack_that_is_away_is_waited_for(sandbox: Sandbox) -> None:
    url = await first_url(sandbox)
    sandbox.slack.set_fault("apps.connections.open", Fault(kind=FaultKind.SERVER_ERROR))
    async with listening(an_app(sandbox), "xapp-sandbox", url, ping_seconds=1.0):  # the SDK's own pause
        await sandbox.until(lambda: len(sandbox.slack.delivery.sockets.open) == 1)
        assert (await sandbox.slack.run_command(ANN, ALERTS, "/pipeline", "hello")).ok  # one is enough meanwhile
        sandbox.slack.faults.clear()
        await both_open(sandbox)
    assert sandbox.slack.delivery.sockets.open == []


async def test_the_end_takes_no_longer_than_two_seconds(sandbox: Sandbox) -> None:
    async with listening(an_app(sandbox), "xapp-sandbox", await first_url(sandbox)):
        await both_open(sandbox)
        sandbox.slack.delivery.sockets.deaf = True
        began = monotonic()
    assert monotonic() - began < 9  # the library alone waits for ten


async def test_a_used_up_socket_address_delays_neither_connection(
    sandbox: Sandbox,
) -> None:
    sockets, url = sandbox.slack.delivery.sockets, await first_url(sandbox)
    async with aiohttp.ClientSession() as other, other.ws_connect(url):
        pass
    began = monotonic()
    async with listening(
        an_app(sandbox), "xapp-sandbox", url, deaf_seconds=0.5, check_seconds=0.05, ping_seconds=0.2
    ) as held:
        assert monotonic() - began < 60
        assert [connection.open for connection in held] == [False, True]
        assert (await sandbox.slack.run_command(ANN, ALERTS, "/pipeline", "hello")).ok
        await both_open(sandbox)
        stand, began = list(sockets.open), monotonic()
        while monotonic() - began < 1:  # nobody tries the first address any more
            assert (await sandbox.slack.run_command(ANN, ALERTS, "/pipeline", "hello")).ok
        assert sockets.open == stand
        assert all(connection.open for connection in held)
