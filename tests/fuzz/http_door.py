"""Sends `http_requests` to the bot's HTTP endpoint."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from time import process_time

import aiohttp

from bot.slack.inbound import http_mode
from sandbox.server import Sandbox
from tests.fuzz.bot_under_fire import Bot, under_fire
from tests.fuzz.http_requests import SSL_CHECK, Request, a_good_request, a_signed_request, an_unsigned_request
from tests.fuzz.mangle import seeded
from tests.fuzz.tally import Tally

BATCH = 200
CONNECTIONS = 16
SLOWEST_SECONDS = 5.0  # of CPU: a busy machine changes no verdict
SILENCE_SECONDS = 60


async def fuzz(inputs: int, seed: int, tally: Tally) -> None:
    rng = seeded(seed, tally.boundary)
    async with (
        Sandbox.start() as sandbox,
        under_fire(sandbox, signing=True) as bot,
        http_mode.http(bot.app, 0) as port,
        aiohttp.ClientSession(
            f"http://127.0.0.1:{port}", connector=aiohttp.TCPConnector(limit=CONNECTIONS), auto_decompress=False
        ) as session,
    ):
        sandbox.slack.limits.enabled = False
        attack = Attack(bot, session, port, tally)
        while tally.tried < inputs:
            size = min(BATCH, inputs - tally.tried)
            if rng.random() < 0.6:
                await attack.unsigned([an_unsigned_request(rng) for _ in range(size)])
            else:
                await attack.signed([a_signed_request(rng) for _ in range(size)], again=rng.random() < 0.3)
            await attack.is_still_well()


@dataclass(slots=True)
class Attack:
    bot: Bot
    session: aiohttp.ClientSession
    port: int
    tally: Tally

    async def unsigned(self, requests: Sequence[Request]) -> None:
        """The bot may act on none of these requests. If it does, each goes out again alone to find the culprit."""
        acted, tracebacks_seen = len(self.bot.acted), len(self.bot.tracebacks_seen)
        for request, status in await self._sent(requests):
            self.tally.count(accepted=status == 200)
            if status == 200 and request.kind != SSL_CHECK:
                self.tally.broken(f"an unsigned request ({request.kind}) was answered 200", request)
        if len(self.bot.acted) > acted or len(self.bot.tracebacks_seen) > tracebacks_seen:
            await self._blame(requests, signed=False)

    async def signed(self, requests: Sequence[Request], *, again: bool) -> None:
        """No gesture counts twice, although the same requests come again within five minutes."""
        tracebacks_seen, taken = len(self.bot.tracebacks_seen), list[Request]()
        for request, status in await self._sent(requests):
            self.tally.count(accepted=status == 200)
            taken += [request] if status == 200 else []
            if status == 200 and len(request.body) > http_mode.LARGEST_REQUEST:
                self.tally.broken("a huge request was taken", request)
        if again:
            gestures = self.bot.gestures()
            for _, status in await self._sent(taken):
                self.tally.count(accepted=status == 200)
            if self.bot.gestures() > gestures:
                self.tally.broken("a request that came again was acted on again", self.bot.acted[-5:])
        if len(self.bot.tracebacks_seen) > tracebacks_seen:
            await self._blame(requests, signed=True)

    async def is_still_well(self) -> None:
        """The bot runs a good command once, although it arrives twice, and loses nothing."""
        text = f"status good-{self.tally.tried}"
        good = a_good_request(text)
        statuses = [status for _, status in (*await self._sent([good]), *await self._sent([good]))]
        lost = await self.bot.lost()
        if statuses != [200, 200] or self.bot.acted.count(text) != 1:
            self.tally.broken("a good command was not acted on once", (statuses, text))
        if lost:
            self.tally.broken(f"{lost} is lost", text)

    async def _sent(self, requests: Sequence[Request]) -> list[tuple[Request, int]]:
        statuses = await asyncio.gather(*(self._send(request) for request in requests))
        await self.bot.quiet()
        return list(zip(requests, statuses, strict=True))

    async def _blame(self, requests: Sequence[Request], *, signed: bool) -> None:
        kind = "a signed" if signed else "an unsigned"
        for request in requests:
            await self.bot.forget_gestures()
            acted, tracebacks_seen = len(self.bot.acted), len(self.bot.tracebacks_seen)
            await self._send(request)
            await self.bot.quiet()
            if len(self.bot.acted) > acted and not signed:
                self.tally.broken(f"an unsigned request ({request.kind}) was acted on", request)
            for trip in self.bot.tracebacks_seen[tracebacks_seen:]:
                self.tally.broken(f"{kind} request left a traceback: {trip.where}", (request, trip.log_text[-300:]))

    async def _send(self, request: Request) -> int:
        """Returns the answer's status, or 0 if the bot closed the connection."""
        began = process_time()
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                status, answer = await (self._down_a_wire(request.raw) if request.raw else self._ask(request))
        except (aiohttp.ClientError, ConnectionError):
            return 0
        except TimeoutError:
            self.tally.broken("no answer", request)
            return 0
        if process_time() - began > SLOWEST_SECONDS:
            self.tally.broken("it takes long", request)
        if status >= 500 or b"Traceback" in answer:
            self.tally.broken(f"answered {status} ({request.kind})", (request, answer[:300]))
        return status

    async def _ask(self, request: Request) -> tuple[int, bytes]:
        asking = self.session.request(request.method, request.path, data=BytesIO(request.body), headers=request.headers)
        async with asking as response:
            return response.status, await response.read()

    async def _down_a_wire(self, raw: bytes) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(raw)
            writer.write_eof()
            answer = await reader.read()
        finally:
            writer.close()
        status = answer.split(b" ", 2)[1:2]
        return (int(status[0]) if status and status[0].isdigit() else 0), answer
