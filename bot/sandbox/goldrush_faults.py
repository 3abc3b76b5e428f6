"""The ways in which the stand-in for GoldRush misbehaves on demand.

Three families: an error answered instead of the good answer, a good answer whose body is spoiled, and trouble on the
connection itself. A gateway in front of a real API can do each of them.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

from bot.sandbox import trouble
from bot.sandbox.goldrush_wire import MESSAGES, Answer, Json, failure

DEFAULT_SLOWNESS = 5.0
DRIP_INTERVAL = 0.2
HUGE = 2 * 1024 * 1024
DEPTH = 100_000
HTML = "<!doctype html><title>Sign in</title><h1>Please sign in to continue</h1>"


class FaultKind(StrEnum):
    # An error instead of the answer.
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    THROTTLED = "throttled"
    SERVER_ERROR = "server_error"
    BAD_GATEWAY = "bad_gateway"
    REDIRECT = "redirect"
    NOT_JSON = "not_json"
    # The answer, spoiled.
    MISSING_FIELD = "missing_field"
    NULL_DATA = "null_data"
    UNKNOWN_PHASE = "unknown_phase"
    ERROR_TRUE = "error_true"
    WRONG_TYPES = "wrong_types"
    HUGE = "huge"
    DEEP = "deep"
    NAN = "nan"
    BOM = "bom"
    BAD_UTF8 = "bad_utf8"
    # The connection.
    HANG = "hang"
    DRIP = "drip"
    TRUNCATED = "truncated"
    RESET = "reset"
    SLOW = "slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    kind: FaultKind
    times: int | None = None
    """How many requests it strikes; None: until it is taken away."""
    seconds: float | None = None
    """How long `slow` waits."""
    retry_after: str | None = None
    """The Retry-After of `throttled`, as it stands in the header: seconds, an HTTP date, or nonsense."""


STATUSES = {
    FaultKind.UNAUTHORIZED: 401,
    FaultKind.FORBIDDEN: 403,
    FaultKind.NOT_FOUND: 404,
    FaultKind.THROTTLED: 429,
    FaultKind.SERVER_ERROR: 500,
}


def render(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, body=_encode(answer.body), content_type="application/json")


async def strike(fault: Fault, request: web.Request, answer: Answer) -> web.StreamResponse:
    """What the caller gets in place of `answer`."""
    kind = fault.kind
    if kind in STATUSES:
        refusal = render(failure(STATUSES[kind], MESSAGES[STATUSES[kind]]))
        if fault.retry_after is not None:
            refusal.headers["Retry-After"] = fault.retry_after
        return refusal
    if kind in SPOILERS:
        return _spoiled(SPOILERS[kind], answer)
    match kind:
        case FaultKind.BAD_GATEWAY:
            return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
        case FaultKind.NOT_JSON:
            return web.Response(text=HTML, content_type="text/html")
        case FaultKind.REDIRECT:
            return web.Response(status=302, headers={"Location": _elsewhere(request)})
    return await _disturb(fault, request, answer)


def _encode(body: Json) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _elsewhere(request: web.Request) -> str:
    """The same server by another host name: a client that follows it hands its key to another host."""
    host = "127.0.0.1" if request.url.host == "localhost" else "localhost"
    return str(request.url.with_host(host))


# --- the answer, spoiled -------------------------------------------------------------------------------------------


def _spoiled(spoil: Callable[[Json], bytes], answer: Answer) -> web.Response:
    """Spoils good answers only: a 404 stays the 404 that it is."""
    if answer.status != 200:
        return render(answer)
    return web.Response(body=spoil(answer.body), content_type="application/json")


def _in_records(body: Json, changed: Callable[[Json], Json]) -> Json:
    """Changes the object that `data` is, or each item where it is a page of a list."""
    data = body["data"]
    if "items" not in data:
        return body | {"data": changed(data)}
    return body | {"data": data | {"items": [changed(item) for item in data["items"]]}}


def _without_status(record: Json) -> Json:
    return {name: value for name, value in record.items() if name != "status"}


def _with_unknown_phase(record: Json) -> Json:
    """The list's `status` is the intent, which has no such value: only a status answer changes."""
    return record | {"status": "HIBERNATING"} if "uid" in record and "status" in record else record


def _with_wrong_types(record: Json) -> Json:
    """Text becomes a number, a number becomes text, the rest becomes a list."""
    return {name: _of_another_type(value) for name, value in record.items()}


def _of_another_type(value: object) -> object:
    match value:
        case str():
            return len(value)
        case int() | float():
            return f"{value}!"
        case _:
            return [value]


def _claiming_failure(body: Json) -> bytes:
    """HTTP 200 and plausible data beside `error: true`: the envelope's own word must count."""
    verdict: Json = {"error": True, "error_message": "Upstream runtime is unavailable.", "error_code": "503"}
    return _encode(body | verdict)


def _with_nan(record: Json) -> Json:
    """`NaN` is no JSON, but Python's own parser lets it pass."""
    return record | {"ready": float("nan")}


def _with_bad_utf8(body: Json) -> bytes:
    mark = "\N{REPLACEMENT CHARACTER}"
    text = _encode(_in_records(body, lambda record: record | {"uid": mark, "name": mark}))
    return text.replace(mark.encode(), b"\xff\xfe\xc0")


SPOILERS: dict[FaultKind, Callable[[Json], bytes]] = {
    FaultKind.MISSING_FIELD: lambda body: _encode(_in_records(body, _without_status)),
    FaultKind.NULL_DATA: lambda body: _encode(body | {"data": None}),
    FaultKind.UNKNOWN_PHASE: lambda body: _encode(_in_records(body, _with_unknown_phase)),
    FaultKind.ERROR_TRUE: _claiming_failure,
    FaultKind.WRONG_TYPES: lambda body: _encode(_in_records(body, _with_wrong_types)),
    FaultKind.HUGE: lambda body: _encode(_in_records(body, lambda record: record | {"description": "x" * HUGE})),
    FaultKind.DEEP: lambda _: b'{"data": ' + b"[" * DEPTH + b"]" * DEPTH + b', "error": false}',
    FaultKind.NAN: lambda body: _encode(_in_records(body, _with_nan)),
    FaultKind.BOM: lambda body: b"\xef\xbb\xbf" + _encode(body),
    FaultKind.BAD_UTF8: _with_bad_utf8,
}


# --- the connection ------------------------------------------------------------------------------------------------


async def _disturb(fault: Fault, request: web.Request, answer: Answer) -> web.StreamResponse:
    match fault.kind:
        case FaultKind.HANG:
            return await trouble.stay_silent(request)
        case FaultKind.DRIP:
            return await _drip(request, answer)
        case FaultKind.TRUNCATED:
            return await trouble.stop_short(request, _encode(answer.body))
        case FaultKind.RESET:
            return trouble.reset(request)
    await asyncio.sleep(DEFAULT_SLOWNESS if fault.seconds is None else fault.seconds)
    return render(answer)


async def _drip(request: web.Request, answer: Answer) -> web.StreamResponse:
    """A byte at a time: each arrives in time for a read timeout, the whole does not arrive for minutes."""
    body = _encode(answer.body)
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    response = web.StreamResponse(status=answer.status, headers=headers)
    try:
        await response.prepare(request)
        for byte in body:
            await response.write(bytes([byte]))
            await asyncio.sleep(DRIP_INTERVAL)
    except ConnectionError:
        pass  # the caller lost patience: that is what the fault is for
    return response
