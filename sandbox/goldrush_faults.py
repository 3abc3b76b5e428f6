"""Faults of the stand-in for GoldRush.

There are four families: an error in place of the answer, a broken body, a good answer to another question, and a broken
connection. A gateway in front of a real API can cause each of them.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

from sandbox import goldrush_bodies as bodies
from sandbox import goldrush_streams as streams
from sandbox import retry_after, trouble
from sandbox.goldrush_wire import MESSAGES, Answer, Json, encoded, failure

DEFAULT_SLOWNESS = 5.0
HTML = "<!doctype html><title>Sign in</title><h1>Please sign in to continue</h1>"


class FaultKind(StrEnum):
    # An error instead of the answer.
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    THROTTLED = "throttled"
    SERVER_ERROR = "server_error"
    BAD_GATEWAY = "bad_gateway"
    UNAVAILABLE = "unavailable"
    NO_ROUTE = "no_route"
    """404 of a gateway in front of GoldRush that has lost its route."""
    WALLED = "walled"
    """403 of a firewall in front of GoldRush."""
    REDIRECT = "redirect"
    REDIRECT_LOOP = "redirect_loop"
    NOT_JSON = "not_json"
    # A broken body.
    MISSING_FIELD = "missing_field"
    MISSING_READY = "missing_ready"
    MISSING_UID = "missing_uid"
    EMPTY_LIST = "empty_list"
    SHORT_LIST = "short_list"
    NULL_DATA = "null_data"
    NULL_PHASE = "null_phase"
    UNKNOWN_PHASE = "unknown_phase"
    ERROR_TRUE = "error_true"
    WRONG_TYPES = "wrong_types"
    DUPLICATE_KEYS = "duplicate_keys"
    HUGE = "huge"
    DEEP = "deep"
    NAN = "nan"
    BOM = "bom"
    BAD_UTF8 = "bad_utf8"
    LONG = "long"
    """Ten megabytes of valid JSON: of a log, usual lines before the true ones."""
    TAIL_ERROR = "tail_error"
    """Logs of which each is the error of reading it."""
    NO_PODS = "no_pods"
    ONLY_UID = "only_uid"
    """The worker's name without any figure, as if GoldRush knew nothing else."""
    ODD_NUMBERS = "odd_numbers"
    """Figures below 0, beyond 64 bits, or with a fraction."""
    RENAMED = "renamed"
    """Chains by the field names of the newer reference page."""
    # A good answer, to another question.
    STALE = "stale"
    """The state before the pipeline's last change, as from a replica that lags behind."""
    WRONG_PIPELINE = "wrong_pipeline"
    """200 with another pipeline's state."""
    # The connection.
    HANG = "hang"
    SLOW = "slow"
    HEADER_DRIP = "header_drip"
    DRIP = "drip"
    ENDLESS = "endless"
    FLOOD = "flood"
    GZIP_BOMB = "gzip_bomb"
    TRUNCATED = "truncated"
    RESET = "reset"


ELSEWHERE = frozenset({FaultKind.STALE, FaultKind.WRONG_PIPELINE})
"""Faults that need other pipelines or the past, so the stand-in itself applies them."""


ROUTES = ("status", "listing", "pipeline", "logs", "metrics", "destination-health", "chains", "usage")
FaultKey = tuple[str | None, str | None]
"""A pipeline's id (None: the whole API) and a route (None: every one)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    kind: FaultKind
    times: int | None = None
    """The number of requests it affects; None means until it is fixed."""
    route: str | None = None
    """One of `ROUTES`: the requests it affects. None means every request."""
    seconds: float | None = None
    """How long `slow` waits."""
    retry_after: str | None = None
    """The Retry-After of an error: seconds, an HTTP date (`date+30`: in 30 s), or nonsense."""


STATUSES = {
    FaultKind.UNAUTHORIZED: 401,
    FaultKind.FORBIDDEN: 403,
    FaultKind.NOT_FOUND: 404,
    FaultKind.CONFLICT: 409,
    FaultKind.THROTTLED: 429,
    FaultKind.SERVER_ERROR: 500,
    FaultKind.UNAVAILABLE: 503,
}

SPOILERS = {
    FaultKind.MISSING_FIELD: bodies.without_status,
    FaultKind.MISSING_READY: bodies.without_ready,
    FaultKind.MISSING_UID: bodies.without_uid,
    FaultKind.EMPTY_LIST: bodies.with_empty_list,
    FaultKind.SHORT_LIST: bodies.with_short_list,
    FaultKind.NULL_DATA: bodies.without_data,
    FaultKind.NULL_PHASE: bodies.with_null_phase,
    FaultKind.UNKNOWN_PHASE: bodies.with_unknown_phase,
    FaultKind.ERROR_TRUE: bodies.claiming_failure,
    FaultKind.WRONG_TYPES: bodies.with_wrong_types,
    FaultKind.DUPLICATE_KEYS: bodies.with_duplicate_keys,
    FaultKind.HUGE: bodies.huge,
    FaultKind.DEEP: bodies.deep,
    FaultKind.NAN: bodies.with_nan,
    FaultKind.BOM: bodies.with_byte_order_mark,
    FaultKind.BAD_UTF8: bodies.with_bad_utf8,
    FaultKind.LONG: bodies.of_ten_megabytes,
    FaultKind.TAIL_ERROR: bodies.with_tail_errors,
    FaultKind.NO_PODS: bodies.without_pods,
    FaultKind.ONLY_UID: bodies.with_uid_alone,
    FaultKind.ODD_NUMBERS: bodies.with_odd_numbers,
    FaultKind.RENAMED: bodies.with_renamed_heights,
}

STREAMS = {
    FaultKind.HEADER_DRIP: streams.drip_headers,
    FaultKind.DRIP: streams.drip,
    FaultKind.ENDLESS: streams.without_end,
    FaultKind.FLOOD: streams.flood,
    FaultKind.GZIP_BOMB: streams.gzip_bomb,
}


def render(answer: Answer) -> web.Response:
    body = encoded(answer.body)
    return web.Response(status=answer.status, body=body, content_type="application/json", headers=answer.headers)


async def strike(fault: Fault, request: web.Request, answer: Answer, now: float) -> web.StreamResponse:
    """The reply in place of `answer`. `now` is wall time, for a Retry-After with a date."""
    kind = fault.kind
    if kind in STATUSES:
        return _refused(fault, now)
    if kind in SPOILERS:
        return _spoiled(SPOILERS[kind], answer)
    match kind:
        case FaultKind.BAD_GATEWAY:
            return web.Response(status=502, text="<html><h1>502 Bad Gateway</h1></html>", content_type="text/html")
        case FaultKind.NO_ROUTE:
            return web.json_response({"message": "no Route matched with those values"}, status=404)
        case FaultKind.WALLED:
            return web.Response(status=403, text="<html><h1>Access denied</h1></html>", content_type="text/html")
        case FaultKind.NOT_JSON:
            return web.Response(text=HTML, content_type="text/html")
        case FaultKind.REDIRECT:
            return web.Response(status=302, headers={"Location": _elsewhere(request)})
        case FaultKind.REDIRECT_LOOP:
            return web.Response(status=302, headers={"Location": str(request.url)})
    return await _disturb(fault, request, answer)


def _spoiled(spoil: Callable[[Json], bytes], answer: Answer) -> web.Response:
    """Breaks good answers only. A 404 stays a 404."""
    if answer.status != 200:
        return render(answer)
    return web.Response(body=spoil(answer.body), content_type="application/json")


def _refused(fault: Fault, now: float) -> web.Response:
    refusal = render(failure(STATUSES[fault.kind], MESSAGES[STATUSES[fault.kind]]))
    if fault.retry_after is not None:
        refusal.headers["Retry-After"] = retry_after.spelled(fault.retry_after, now)
    return refusal


def _elsewhere(request: web.Request) -> str:
    """The same server under another host name. A client that follows it gives its key to another host."""
    host = "127.0.0.1" if request.url.host == "localhost" else "localhost"
    return str(request.url.with_host(host))


async def _disturb(fault: Fault, request: web.Request, answer: Answer) -> web.StreamResponse:
    if fault.kind in STREAMS:
        return await STREAMS[fault.kind](request, encoded(answer.body))
    match fault.kind:
        case FaultKind.HANG:
            return await trouble.stay_silent(request)
        case FaultKind.TRUNCATED:
            return await trouble.stop_short(request, encoded(answer.body))
        case FaultKind.RESET:
            return trouble.reset(request)
    await asyncio.sleep(DEFAULT_SLOWNESS if fault.seconds is None else fault.seconds)
    return render(answer)
