"""HTTP requests to the bot: unsigned, wrongly signed, too old, huge, malformed; and signed ones that are malformed."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from urllib.parse import urlencode

from sandbox.clock import Clock
from tests.fuzz.mangle import NASTY, mangled, mangled_bytes
from tests.fuzz.slack_payloads import FORM, JSON, a_body, a_command

SECRET = "the signing secret"
PATH = "/slack/events"
TOO_OLD_SECONDS = 301
SSL_CHECK = "ssl check"  # the only one answered 200 without a signature; it does nothing
STAMP, SIGNATURE = "X-Slack-Request-Timestamp", "X-Slack-Signature"

Headers = dict[str, str]

CONTENT_TYPES = (
    *[FORM, JSON, "", "text/plain", f"{JSON}; charset=klingon", f"{FORM}; charset=utf-16", "multipart/form-data"],
    *["multipart/form-data; boundary=x", "application/xml", ";", "charset", f"{JSON}; charset", 'a/b; charset="'],
)
ODD_HEADERS: tuple[Headers, ...] = (
    *[
        {"X-Slack-Retry-Num": "9" * 400, "X-Slack-Retry-Reason": "\t"},
        {"Expect": "a miracle"},
        {"Expect": "100-continue"},
    ],
    *[
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "br, klingon"},
        {"Cookie": "=;=;a=b; c"},
        {"Accept": "x" * 4000},
    ],
    *[{"Connection": "Upgrade", "Upgrade": "websocket"}, {"X-HTTP-Method-Override": "GET"}, {"Range": "bytes=9-1"}],
    *[{STAMP.lower(): "1"}, {SIGNATURE.lower(): "v0="}, {"Host": "[::1"}, {"X-Forwarded-For": "127.0.0.1"}],
)
METHODS = ("GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")
PATHS = ("/", "/slack", "/slack/events/", "/slack/events/..", "/slack/install", "/%00", "/%ff", "/" + "x" * 9000)


@dataclass(frozen=True, slots=True)
class Request:
    """If `raw` is set, exactly these bytes go down their own connection, and the other fields do not count."""

    body: bytes = b""
    headers: Headers = field(default_factory=dict)
    kind: str = "signed"
    method: str = "POST"
    path: str = PATH
    raw: bytes = b""


Maker = Callable[[Random, bytes, Headers], Request]


def signed(body: bytes, *, secret: str = SECRET, stamp: str = "", shift: int = 0) -> Headers:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    stamp = stamp or str(int(Clock().now()) + shift)
    digest = hmac.new(secret.encode(), b"v0:%s:%s" % (stamp.encode(), body), hashlib.sha256).hexdigest()
    return {STAMP: stamp, SIGNATURE: f"v0={digest}"}


def a_good_request(text: str) -> Request:
    body = urlencode(a_command(text)).encode()
    return Request(body, {"Content-Type": FORM, **signed(body)}, kind="good")


def a_signed_request(rng: Random) -> Request:
    content_type, body = a_body(rng)
    if rng.random() < 0.2:
        body = mangled_bytes(rng, body)
    if rng.random() < 0.1:
        content_type = rng.choice(CONTENT_TYPES)
    if rng.random() < 0.005:
        body += b"&x=" + b"x" * rng.choice((400_000, 1_100_000))
    odd = rng.choice(ODD_HEADERS) if rng.random() < 0.1 else {}
    query = f"?{urlencode({rng.choice(NASTY): rng.choice(NASTY)}, errors='replace')}" if rng.random() < 0.05 else ""
    return Request(body, {"Content-Type": content_type, **odd, **signed(body)}, path=f"{PATH}{query}")


def an_unsigned_request(rng: Random) -> Request:
    content_type, body = a_body(rng)
    if rng.random() < 0.3:
        content_type, body = FORM, urlencode(a_command("watch orders-eu")).encode()
    kind = rng.choice(tuple(_UNSIGNED))
    return replace(_UNSIGNED[kind](rng, body, {"Content-Type": content_type}), kind=kind)


def _with_another_secret(rng: Random, body: bytes, headers: Headers) -> Request:
    return Request(body, headers | signed(body, secret=rng.choice(("x", SECRET.upper(), SECRET + " ", "xoxb-1"))))


def _of_another_time(rng: Random, body: bytes, headers: Headers) -> Request:
    """A correctly signed request that is over five minutes old or from the future."""
    return Request(body, headers | signed(body, shift=rng.choice((-1, 1)) * (TOO_OLD_SECONDS + rng.randint(0, 10**6))))


def _with_another_time(rng: Random, body: bytes, headers: Headers) -> Request:
    """An old request with a fresh timestamp, which its signature does not cover."""
    return Request(body, headers | signed(body, shift=-TOO_OLD_SECONDS) | {STAMP: signed(body)[STAMP]})


def _at_no_time(rng: Random, body: bytes, headers: Headers) -> Request:
    now = int(Clock().now())
    stamp = _one_line(mangled(rng, rng.choice(("", "1", str(now)))))
    recent = stamp.strip().isdecimal() and abs(int(stamp) - now) < TOO_OLD_SECONDS
    return Request(body, headers | signed(body, stamp="x" if recent else stamp))


def _with_no_signature_at_all(rng: Random, body: bytes, headers: Headers) -> Request:
    good = signed(body)
    bad = _one_line(mangled(rng, good[SIGNATURE]))
    return Request(body, headers | good | {SIGNATURE: bad if bad.strip() != good[SIGNATURE] else "v0="})


def _with_half_a_signature(rng: Random, body: bytes, headers: Headers) -> Request:
    half = rng.choice((STAMP, SIGNATURE))
    return Request(body, headers | {half: signed(body)[half]})


def _huge(rng: Random, body: bytes, headers: Headers) -> Request:
    return Request(body + b"x" * (rng.randint(600_000, 2_000_000) if rng.random() < 0.05 else 60_000), headers)


def _garbled(rng: Random, body: bytes, headers: Headers) -> Request:
    """A complete unsigned request, garbled in its line, headers, length, chunks or body."""
    length = rng.choice((len(body), len(body) + 5, 0, -1, 10**30))
    framings = (b"Content-Length: %d\r\n" % length, b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n")
    framing = b"".join(rng.sample(framings, rng.randint(1, 3)))
    head = b"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\n%s" % (FORM.encode(), framing)
    if rng.random() < 0.5:
        head = mangled_bytes(rng, head)
    if rng.random() < 0.1:
        head += b"X: " + b"x" * 20_000 + b"\r\n"
    return Request(raw=head + b"\r\n" + (body if rng.random() < 0.5 else mangled_bytes(rng, body)))


_UNSIGNED: dict[str, Maker] = {
    "no signature": lambda _, body, headers: Request(body, headers),
    "another's secret": _with_another_secret,
    "another body's signature": lambda _, body, headers: Request(body + b" ", headers | signed(body)),
    "replayed, or of the future": _of_another_time,
    "replayed with a new time": _with_another_time,
    "no time": _at_no_time,
    "no signature's form": _with_no_signature_at_all,
    "half a signature": _with_half_a_signature,
    SSL_CHECK: lambda _, body, __: Request(body + b"&ssl_check=1&token=x", {"Content-Type": FORM}),
    "a challenge": lambda *_: Request(b'{"type":"url_verification","challenge":"x"}', {"Content-Type": JSON}),
    "another method": lambda rng, body, headers: Request(body, headers | signed(body), method=rng.choice(METHODS)),
    "another path": lambda rng, body, headers: Request(body, headers | signed(body), path=rng.choice(PATHS)),
    "another type": lambda rng, body, _: Request(body, {"Content-Type": rng.choice(CONTENT_TYPES)}),
    "odd headers": lambda rng, body, headers: Request(body, headers | rng.choice(ODD_HEADERS)),
    "huge": _huge,
    "no HTTP": _garbled,
}


def _one_line(value: str) -> str:
    """Returns only headers that our own client can send; `_garbled` sends the others as raw bytes."""
    return "".join(sign for sign in value.encode(errors="replace").decode() if sign.isprintable()) or "x"
