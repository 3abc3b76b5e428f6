"""Fuzzes GoldRush's answers. Each yields a complete value or an `ApiError`."""

import gzip
import json
from collections.abc import Callable, Mapping
from random import Random
from time import thread_time

from pydantic import SecretStr

from bot.domain.catalogue import Pipeline
from bot.goldrush.body import ResponseBody
from bot.goldrush.envelope import LONGEST_TEXT, MOST_REPLICAS
from bot.goldrush.wire import decode_page, decode_pipeline, decode_status
from bot.ports.pipeline_api import ApiError, ListingPage, Status
from tests.builders import ORDERS
from tests.fuzz.mangle import bent, mangled_bytes, random_text, seeded, written
from tests.fuzz.tally import Tally

KEY = SecretStr("cqt_rQopaque-service-key")
SLOWEST_SECONDS = 1.0  # of CPU: a busy machine changes no verdict
LONGEST_COMPLAINT = 1000  # characters of an error that people see

Decoded = Status | Pipeline | tuple[tuple[Pipeline, ...], bool]
Decode = Callable[[int, Mapping[str, str], bytes], Decoded]

ITEM: Mapping[str, object] = {
    "id": ORDERS,
    "name": "orders-eu",
    "project": "shop",
    "status": "running",
    "execution_mode": "bounded",
    "created_at": "2026-11-23T12:00:00Z",
    "tags": ["a", {"b": 1}],
}
PAYLOADS: tuple[object, ...] = (
    {
        "status": "RUNNING",
        "replicas": 2,
        "ready": 1,
        "uid": "0b9c",
        "start_time": "2026-11-23T12:00:00.123456789+02:00",
    },
    {"items": [ITEM, {**ITEM, "id": "pipe_0002"}], "pagination": {"page_number": 1, "has_more": True}},
    ITEM,
)
HEADERS: tuple[Mapping[str, str], ...] = (
    {},
    {"Retry-After": "7"},
    {"Retry-After": "9" * 400},
    {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "Date": "Wed, 21 Oct 2026 07:27:00 +9999"},
    {"Retry-After": "Wed, 99 Foo 0000 99:99:99 GMT", "Date": "\x00"},
    {"Retry-After": "٣"},
)


async def fuzz(inputs: int, seed: int, tally: Tally) -> None:
    rng = seeded(seed, tally.boundary)
    for _ in range(inputs):
        status, headers, encoding, body = an_answer(rng)
        began = thread_time()
        try:
            accepted = check(status, headers, encoding, body, rng)
            assert thread_time() - began < SLOWEST_SECONDS, "it takes long"
        except Exception as exc:  # noqa: BLE001  what it is is what is looked for
            accepted = False
            tally.broken(f"{type(exc).__name__}: {exc}"[:200], (status, headers, encoding, body))
        tally.count(accepted=accepted)


def an_answer(rng: Random) -> tuple[int, Mapping[str, str], str, bytes]:
    envelope: object = {"data": rng.choice(PAYLOADS), "error": False, "error_code": None, "error_message": None}
    if rng.random() < 0.1:
        envelope = {"data": None, "error": True, "error_code": 404, "error_message": f"no key {KEY.get_secret_value()}"}
    text = written(rng, bent(rng, envelope)) if rng.random() < 0.6 else json.dumps(envelope)
    body = text.encode(errors="surrogatepass")
    if rng.random() < 0.4:
        body = mangled_bytes(rng, body)
    if rng.random() < 0.03:
        body = random_text(rng, 200).encode(errors="replace")
    encoding = ""
    if rng.random() < 0.15:
        encoding, body = rng.choice(("gzip", " GZIP", "x-gzip", "br", "\x00")), gzip.compress(body, 1)
        body = mangled_bytes(rng, body) if rng.random() < 0.5 else body
    status = (
        200 if rng.random() < 0.7 else rng.choice((0, 100, 204, 301, 400, 401, 402, 403, 404, 418, 429, 500, 503, 999))
    )
    return status, rng.choice(HEADERS), encoding, body


def check(status: int, headers: Mapping[str, str], encoding: str, raw: bytes, rng: Random) -> bool:
    """Returns whether the body is a value. An `AssertionError` says what is wrong with the value or the error."""
    decode = rng.choice((_status, decode_page, _pipeline))
    try:
        body = ResponseBody(encoding)
        half = rng.randint(0, len(raw))
        for piece in (raw[:half], raw[half:]):
            body.feed(piece)
        value = decode(status, headers, body.whole())
    except ApiError as error:
        check_words(str(error))
        return False
    check_value(value)
    return True


def check_value(value: object) -> None:
    match value:
        case Status():
            _check_status(value)
        case Pipeline():
            _check_pipeline(value)
        case ListingPage(pipelines=pipelines):
            for pipeline in pipelines:
                _check_pipeline(pipeline)
        case _:
            raise AssertionError("neither a status, a pipeline nor a page")


def _status(status: int, headers: Mapping[str, str], body: bytes) -> Status:
    return decode_status(status, headers, body, service_key=KEY)


def _pipeline(status: int, headers: Mapping[str, str], body: bytes) -> Pipeline:
    return decode_pipeline(status, headers, body, pipeline_id=ORDERS, service_key=KEY)


def check_words(text: str) -> None:
    assert 0 < len(text) <= LONGEST_COMPLAINT, "an error of no words, or of too many"
    assert "\n" not in text, "an error of several lines"
    assert KEY.get_secret_value() not in text, "the ServiceKey is told"
    text.encode()


def _check_status(value: Status) -> None:
    _check_name(str(value.phase))
    assert value.start_time is None or value.start_time.tzinfo is not None
    for number in (value.replicas, value.ready):
        assert number is None or (type(number) is int and 0 <= number <= MOST_REPLICAS)


def _check_pipeline(pipeline: Pipeline) -> None:
    _check_name(pipeline.id)
    _check_name(pipeline.name)
    assert len(pipeline.project.encode()) >= 0


def _check_name(text: str) -> None:
    assert 0 < len(text) <= LONGEST_TEXT, "a name of no length, or of too much"
    text.encode()
