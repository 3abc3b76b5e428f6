"""Sends `socket_frames` to the bot's own Socket Mode client. The sandbox holds the other end."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import process_time

from bot.slack.inbound.socket_mode import CONNECTIONS, listening
from bot.slack.outbound.calls import call, web_client
from sandbox.server import Sandbox
from sandbox.slack.sockets import Socket
from tests.fuzz.bot_under_fire import Bot, under_fire
from tests.fuzz.mangle import seeded
from tests.fuzz.socket_frames import Frame, a_frame, a_good_frame, a_last_frame
from tests.fuzz.tally import Tally

BATCH = 100
FRAMES_A_CONNECTION = 2000  # a frame then ends the connection
SLOWEST_SECONDS = 5.0  # of CPU: a busy machine changes no verdict
SILENCE_SECONDS = 60
BACK_SECONDS = 30.0  # the SDK checks its connection every ten seconds
PONGS = (
    b"",
    b"\xff",
    b"sdk-ping-pong:nan",
    b"sdk-ping-pong:inf",
    b"sdk-ping-pong:-1e308",
    b"sdk-ping-pong:x",
    b":" * 100,
)

Ack = asyncio.Future[dict[str, object] | None]


async def fuzz(inputs: int, seed: int, tally: Tally) -> None:
    rng = seeded(seed, tally.boundary)
    async with Sandbox.start() as sandbox, under_fire(sandbox, signing=False) as bot:
        sandbox.slack.limits.enabled = False
        opened = await call(web_client("xapp-sandbox", f"{sandbox.url}/api/"), "apps.connections.open")
        async with listening(bot.app, "xapp-sandbox", str(opened.body["url"])):
            attack = Attack(bot, sandbox, tally)
            await attack.are_back()
            while tally.tried < inputs:
                size = min(BATCH, inputs - tally.tried)
                await attack.thrown([a_frame(rng) for _ in range(size)], again=rng.random() < 0.3)
                if tally.tried // FRAMES_A_CONNECTION > attack.broken_off:
                    await attack.break_off(rng.choice(PONGS), a_last_frame(rng))


@dataclass(slots=True)
class Attack:
    bot: Bot
    sandbox: Sandbox
    tally: Tally
    broken_off: int = 0
    _acks: dict[str, Ack] = field(default_factory=dict)

    async def thrown(self, frames: Sequence[Frame], *, again: bool) -> None:
        """Sends half of the frames down each connection. `again` repeats all crosswise; none may count twice."""
        tracebacks_seen = len(self.bot.tracebacks_seen)
        await self._send(frames, 0)
        await self.is_still_well()
        gestures = self.bot.gestures()
        if again:
            await self._send(frames, 1)
            await self.is_still_well()
            if self.bot.gestures() > gestures + 1:
                self.tally.broken("an envelope that came again was acted on again", self.bot.acted[-5:])
        for frame in frames:
            self.tally.count(accepted=self._acknowledged(frame))
        if len(self.bot.tracebacks_seen) > tracebacks_seen:
            await self._blame(frames)

    async def break_off(self, pong: bytes, frame: Frame) -> None:
        """Ends one connection. The other one keeps receiving, and the bot opens a new one."""
        self.broken_off += 1
        first = self.sockets[0]
        with suppress(ConnectionError):
            await first.ws.pong(pong)
        await self._down(first, frame)
        try:
            await self.sandbox.until(lambda: first not in self.sockets, BACK_SECONDS)
            await self.are_back()
        except TimeoutError:
            self.tally.broken(f"no new connection ({frame.kind})", frame)
        await self.is_still_well()
        self.tally.count(accepted=False)

    async def are_back(self) -> None:
        await self.sandbox.until(lambda: len(self.sockets) == CONNECTIONS, BACK_SECONDS)

    async def is_still_well(self) -> None:
        """The bot runs a good command once, although both connections carry it, and loses nothing."""
        began, text = process_time(), f"status good-{self.tally.tried}-{len(self.bot.acted)}"
        good = a_good_frame(text)
        for socket in list(self.sockets):
            ack = self._awaited(good.id)
            await self._down(socket, good)
            try:
                await asyncio.wait_for(ack, SILENCE_SECONDS)
            except TimeoutError:
                self.tally.broken("a good command was not acknowledged", text)
        if process_time() - began > SLOWEST_SECONDS:
            self.tally.broken("it takes long", text)
        lost = await self.bot.lost()
        if self.bot.acted.count(text) != 1:
            self.tally.broken("a good command was not acted on once", (self.bot.acted.count(text), text))
        if lost:
            self.tally.broken(f"{lost} is lost", text)
        self.sandbox.slack.delivery.sockets._waiting.clear()

    @property
    def sockets(self) -> list[Socket]:
        return self.sandbox.slack.delivery.sockets.open

    async def _send(self, frames: Sequence[Frame], first: int) -> None:
        for number, frame in enumerate(frames):
            if frame.id:
                self._acks[frame.id] = self._awaited(frame.id)
            await self._down(self.sockets[(number + first) % len(self.sockets)], frame)

    async def _down(self, socket: Socket, frame: Frame) -> None:
        with suppress(ConnectionError):
            if isinstance(frame.data, bytes):
                await socket.ws.send_bytes(frame.data)
            else:
                await socket.ws.send_str(frame.data.encode(errors="replace").decode())

    def _awaited(self, id: str) -> Ack:  # noqa: A002
        ack: Ack = asyncio.get_running_loop().create_future()
        self.sandbox.slack.delivery.sockets._waiting[id] = ack
        return ack

    def _acknowledged(self, frame: Frame) -> bool:
        ack = self._acks.pop(frame.id, None)
        return ack is not None and ack.done()

    async def _blame(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            await self.bot.forget_gestures()
            tracebacks_seen = len(self.bot.tracebacks_seen)
            await self._down(self.sockets[0], frame)
            await self.is_still_well()
            for trip in self.bot.tracebacks_seen[tracebacks_seen:]:
                self.tally.broken(
                    f"a frame ({frame.kind}) left a traceback: {trip.where}", (frame, trip.log_text[-300:])
                )
