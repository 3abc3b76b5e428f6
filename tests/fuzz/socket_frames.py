"""Socket Mode frames: valid envelopes, malformed ones, and frames that are no envelope."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from random import Random

from tests.fuzz.mangle import NASTY, bent, mangled, written
from tests.fuzz.slack_payloads import Json, a_command, a_payload

LONGEST_FRAME = 4 * 1024 * 1024  # bytes; above this, the bot's WebSocket client closes the connection
TYPES = (
    "hello",
    "slash_commands",
    "interactive",
    "events_api",
    "workflow_steps",
    "",
    "error",
    "goodbye",
    "\x00",
    "null",
)

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Frame:
    """`id` is the id that an acknowledgement would carry. After a `last` frame, the bot must connect again."""

    kind: str
    data: str | bytes
    id: str = ""
    last: bool = False


def an_envelope(kind: str, payload: object) -> Json:
    """https://docs.slack.dev/apis/events-api/using-socket-mode#events"""
    return {
        "envelope_id": f"envelope-{next(_numbers)}",
        "type": kind,
        "payload": payload,
        "accepts_response_payload": kind != "events_api",
        "retry_attempt": 0,
        "retry_reason": "",
    }


def a_good_frame(text: str) -> Frame:
    envelope = an_envelope("slash_commands", a_command(text))
    return Frame("good", json.dumps(envelope), str(envelope["envelope_id"]))


def a_frame(rng: Random) -> Frame:
    kind = rng.choice(_FRAMES)
    return kind(rng)


def a_last_frame(rng: Random) -> Frame:
    match rng.randrange(4):
        case 0:
            return Frame("too long", '{"a": "' + "x" * LONGEST_FRAME + '"}', last=True)
        case _:
            frame: object = {"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "x"}}
            if rng.random() < 0.7:
                frame = {**_object(bent(rng, frame)), "type": "disconnect"}
            return Frame("disconnect", json.dumps(frame), last=True)


def _right(rng: Random) -> Frame:
    """A valid envelope around a payload that may be malformed."""
    envelope = an_envelope(*a_payload(rng))
    return Frame("envelope", written(rng, envelope), str(envelope["envelope_id"]))


def _bent(rng: Random) -> Frame:
    envelope = _object(bent(rng, an_envelope(*a_payload(rng))))
    if rng.random() < 0.3:
        envelope = {**envelope, "type": rng.choice(TYPES)}
    if rng.random() < 0.2:
        envelope.pop(rng.choice(("envelope_id", "type", "payload")), None)
    if envelope.get("type") == "disconnect":
        envelope = {}
    return Frame("bent envelope", written(rng, envelope), str(envelope.get("envelope_id", "")))


def _hello(rng: Random) -> Frame:
    hello = {"type": "hello", "num_connections": 2, "connection_info": {"app_id": "A0"}, "debug_info": {"host": "x"}}
    return Frame("hello", written(rng, {**_object(bent(rng, hello)), "type": "hello"}))


def _garbled(rng: Random) -> Frame:
    envelope = json.dumps(an_envelope(*a_payload(rng)))
    return Frame("garbled", mangled(rng, envelope).encode(errors="replace").decode())


def _binary(rng: Random) -> Frame:
    envelope = json.dumps(an_envelope(*a_payload(rng))).encode()
    return Frame("binary", envelope if rng.random() < 0.5 else rng.randbytes(rng.randint(0, 300)))


def _odd(rng: Random) -> Frame:
    long = "x" * rng.choice((10, 10, 10, 200_000))
    texts = ("", "{", "{}", "[]", "null", '"', "0", "{]", '{"type"', rng.choice(NASTY), long, '{"a": "' + long + '"}')
    return Frame("no envelope", rng.choice(texts).encode(errors="replace").decode())


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


_FRAMES: tuple[Callable[[Random], Frame], ...] = (_right, _right, _right, _bent, _bent, _hello, _garbled, _binary, _odd)
