"""HTTP requests to the bot: unsigned, wrongly signed, too old, huge, malformed; and signed ones that are malformed."""

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.clock import Clock
from bot.sandbox.server import Sandbox
from bot.slack import serving
from tests.fuzz.bot_under_fire import Bot, under_fire
from tests.fuzz.mangle import NASTY, mangled, mangled_bytes, seeded
from tests.fuzz.slack_payloads import FORM, JSON, a_body, a_command
from tests.fuzz.tally import Tally

SECRET = "the signing secret"
PATH = "/slack/events"
TOO_OLD_SECONDS = 301
BATCH = 200
CONNECTIONS = 16
PATIENCE_SECONDS = 10.0
CONTENT_TYPES = (
    *[FORM, JSON, "", "text/plain", "application/json; charset=klingon", f"{FORM}; charset=utf-16", "multipart/form-data"],
    *["multipart/form-data; boundary=x", "application/xml", ";", "charset", f"{JSON}; charset", "image/png", "a/b; charset=\""],
)


@dataclass(frozen=True, slots=True)
class Request:
    """`raw`: these very bytes go down a connection of their own, and nothing else counts."""

    kind: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    path: str = PATH
    raw: bytes = b""


async def fuzz(inputs: int, seed: int) -> Tally:
    rng, tally = seeded(seed, "HTTP requests"), Tally("HTTP requests")
    async with (
        Sandbox.start() as sandbox,
        under_fire(sandbox, SECRET) as bot,
        serving.http(bot.app, 0) as port,
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
                await attack.signed([a_signed_request(rng) for _ in range(size)])
            await attack.is_still_well()
    return tally


@dataclass(slots=True)
class Attack:
    bot: Bot
    session: aiohttp.ClientSession
    port: int
    tally: Tally

    async def unsigned(self, requests: Sequence[Request]) -> None:
        """Nothing of it may be acted on. Where something was, each is sent again by itself, to know which it was."""
        acted, tripped = len(self.bot.acted), len(self.bot.tripped)
        for request, status in await self._sent(requests):
            self.tally.count(accepted=status == 200)
            if status == 200 and request.kind != "ssl check":
                self.tally.broken(f"an unsigned request ({request.kind}) was answered 200", request)
        if len(self.bot.acted) > acted or len(self.bot.tripped) > tripped:
            await self._blame(requests, signed=False)

    async def signed(self, requests: Sequence[Request]) -> None:
        tripped = len(self.bot.tripped)
        for _, status in await self._sent(requests):
            self.tally.count(accepted=status == 200)
        if len(self.bot.tripped) > tripped:
            await self._blame(requests, signed=True)

    async def is_still_well(self) -> None:
        """A good command is acted on once, though it is delivered twice, and nothing is lost."""
        text = f"status good-{self.tally.tried}"
        body = urlencode(a_command(text)).encode()
        good = Request("good", body, {"Content-Type": FORM, **signed(body)})
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
        for request in requests:
            await self.bot.forget_gestures()
            acted, tripped = len(self.bot.acted), len(self.bot.tripped)
            await self._send(request)
            await self.bot.quiet()
            if len(self.bot.acted) > acted and not signed:
                self.tally.broken(f"an unsigned request ({request.kind}) was acted on", request)
            for trip in self.bot.tripped[tripped:]:
                kind = "a signed" if signed else "an unsigned"
                self.tally.broken(f"{kind} request left a traceback: {trip.where}", (request, trip.said[-300:]))

    async def _send(self, request: Request) -> int:
        """The status it was answered with; 0 where the connection was closed on us."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                status, answer = await (self._down_a_wire(request.raw) if request.raw else self._ask(request))
        except (aiohttp.ClientError, ConnectionError):
            return 0
        except TimeoutError:
            self.tally.broken("no answer", request)
            return 0
        if status >= 500 or b"Traceback" in answer:
            self.tally.broken(f"answered {status} ({request.kind})", (request, answer[:300]))
        return status

    async def _ask(self, request: Request) -> tuple[int, bytes]:
        asking = self.session.request(request.method, request.path, data=request.body, headers=request.headers)
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


def signed(body: bytes, *, secret: str = SECRET, stamp: str = "", shift: int = 0) -> dict[str, str]:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    stamp = stamp or str(int(Clock().now()) + shift)
    digest = hmac.new(secret.encode(), b"v0:%s:%s" % (stamp.encode(), body), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def a_signed_request(rng: Random) -> Request:
    content_type, body = a_body(rng)
    if rng.random() < 0.2:
        body = mangled_bytes(rng, body)
    if rng.random() < 0.1:
        content_type = rng.choice(CONTENT_TYPES)
    if rng.random() < 0.005:
        body += b"&x=" + b"x" * 1_100_000
    path = PATH if rng.random() < 0.95 else f"{PATH}?{urlencode({rng.choice(NASTY): rng.choice(NASTY)}, errors='replace')}"
    return Request("signed", body, {"Content-Type": content_type, **signed(body)}, path=path)


def an_unsigned_request(rng: Random) -> Request:
    content_type, body = a_body(rng)
    if rng.random() < 0.3:
        body = urlencode(a_command("watch orders-eu")).encode()
        content_type = FORM
    headers = {"Content-Type": content_type}
    match rng.randrange(14):
        case 0:
            return Request("no signature", body, headers)
        case 1:
            return Request("another's secret", body, headers | signed(body, secret=rng.choice(("x", SECRET.upper(), "xoxb-1"))))
        case 2:
            return Request("another body's signature", body + b" ", headers | signed(body))
        case 3:
            shift = rng.choice((-1, 1)) * (TOO_OLD_SECONDS + rng.randint(1, 10**6))
            return Request("too old or of the future", body, headers | signed(body, shift=shift))
        case 4:
            stamp = mangled(rng, rng.choice(("", "1", str(int(Clock().now()))))).encode(errors="replace").decode()
            return Request("no time", body, headers | _one_line(signed(body, stamp=stamp or "x")))
        case 5:
            good = signed(body)
            broken = mangled(rng, good["X-Slack-Signature"])
            changed = broken if broken.strip() != good["X-Slack-Signature"] else "v0="
            return Request("no signature's form", body, headers | _one_line(good | {"X-Slack-Signature": changed}))
        case 6:
            lone = rng.choice(("X-Slack-Request-Timestamp", "X-Slack-Signature"))
            return Request("half a signature", body, headers | {lone: signed(body)[lone]})
        case 7:
            return Request("ssl check", body + b"&ssl_check=1&token=x", {"Content-Type": FORM})
        case 8:
            challenge = b'{"type":"url_verification","challenge":"x","token":"x"}'
            return Request("a challenge", challenge, {"Content-Type": JSON})
        case 9:
            return Request("another method", body, headers | signed(body), method=rng.choice(("GET", "PUT", "DELETE", "HEAD")))
        case 10:
            path = rng.choice(("/", "/slack", "/slack/events/", "/slack/events/..", "/slack/install", "/%00", "/" + "x" * 9000))
            return Request("another path", body, headers | signed(body), path=path)
        case 11:
            return Request("another type", body, {"Content-Type": rng.choice(CONTENT_TYPES)})
        case 12 if rng.random() < 0.1:
            return Request("huge", body + b"x" * rng.randint(600_000, 2_000_000), headers)
        case _:
            return Request("no HTTP", raw=_raw(rng, body))


def _one_line(headers: dict[str, str]) -> dict[str, str]:
    """What our own client refuses to send goes down a wire of its own, in `_raw`."""
    return {name: "".join(sign for sign in value if sign.isprintable()) or "x" for name, value in headers.items()}


def _raw(rng: Random, body: bytes) -> bytes:
    """A whole unsigned request, garbled somewhere: line, headers, length, chunks, body."""
    length = rng.choice((len(body), len(body) + 5, 0, -1, 10**30))
    framing = rng.choice((b"Content-Length: %d\r\n" % length, b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n"))
    head = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\n%s" % (FORM.encode(), framing)
    if rng.random() < 0.5:
        head = mangled_bytes(rng, head)
    if rng.random() < 0.1:
        head += b"X: " + b"x" * 20_000 + b"\r\n"
    return head + b"\r\n" + (body if rng.random() < 0.5 else mangled_bytes(rng, body))
