"""Broken forms of GoldRush's good answers: pure functions of the good body."""

from collections.abc import Callable

from sandbox.goldrush_logs import TAIL_ERROR
from sandbox.goldrush_wire import Json, encoded

HUGE = 2 * 1024 * 1024
LONG = 10_000_000
DEPTH = 100_000
ODD = (-1, 2**70, 1e308, 0.5)
NEWER_NAMES = {"synced_block_height": "chain_tip_height", "synced_blocked_signed_at": "chain_tip_signed_at"}
TWIN = "status, once more"


def without_status(body: Json) -> bytes:
    return _each(body, lambda record: {name: value for name, value in record.items() if name != "status"})


def without_ready(body: Json) -> bytes:
    return _each(body, lambda record: {name: value for name, value in record.items() if name != "ready"})


def without_uid(body: Json) -> bytes:
    return _each(body, lambda record: {name: value for name, value in record.items() if name != "uid"})


def with_empty_list(body: Json) -> bytes:
    """A valid but false answer: the key sees nothing."""
    return _listing(body, 0, 0)


def with_short_list(body: Json) -> bytes:
    """Only the first pipeline, as if this were the last page, with the true total."""
    return _listing(body, 1, None)


def _listing(body: Json, items: int, total: int | None) -> bytes:
    data = body["data"]
    if "items" not in data:
        return encoded(body)
    count = data["pagination"]["total_count"] if total is None else total
    pagination = data["pagination"] | {"has_more": False, "total_count": count}
    return encoded(body | {"data": data | {"items": data["items"][:items], "pagination": pagination}})


def without_data(body: Json) -> bytes:
    return encoded(body | {"data": None})


def with_null_phase(body: Json) -> bytes:
    return _each(body, lambda record: record | {"status": None} if _has_phase(record) else record)


def with_unknown_phase(body: Json) -> bytes:
    return _each(body, lambda record: record | {"status": "HIBERNATING"} if _has_phase(record) else record)


def claiming_failure(body: Json) -> bytes:
    """HTTP 200 with plausible data and `error: true`. A client must believe `error`."""
    verdict: Json = {"error": True, "error_message": "Upstream runtime is unavailable.", "error_code": "503"}
    return encoded(body | verdict)


def with_wrong_types(body: Json) -> bytes:
    """Text becomes a number, a number becomes text, the rest becomes a list."""
    return _each(body, lambda record: {name: _of_another_type(value) for name, value in record.items()})


def with_duplicate_keys(body: Json) -> bytes:
    """A second, false `status` after the true one. Most parsers take the last; a client should refuse both."""

    def doubled(record: Json) -> Json:
        if "status" not in record:
            return record
        other = "FAILED" if record["status"] != "FAILED" else "RUNNING"
        return record | {TWIN: other if _has_phase(record) else "paused"}

    return _each(body, doubled).replace(f'"{TWIN}"'.encode(), b'"status"')


def huge(body: Json) -> bytes:
    return _each(body, lambda record: record | {"description": "x" * HUGE})


def deep(_: Json) -> bytes:
    return b'{"data": ' + b"[" * DEPTH + b"]" * DEPTH + b', "error": false}'


def with_nan(body: Json) -> bytes:
    """`NaN` is not JSON, but Python's parser accepts it."""
    return _each(body, lambda record: record | {"ready": float("nan")})


def with_byte_order_mark(body: Json) -> bytes:
    return b"\xef\xbb\xbf" + encoded(body)


def with_bad_utf8(body: Json) -> bytes:
    mark = "\N{REPLACEMENT CHARACTER}"
    return _each(body, lambda record: record | {"uid": mark, "name": mark}).replace(mark.encode(), b"\xff\xfe\xc0")


def of_ten_megabytes(body: Json) -> bytes:
    filler = "2026-11-23T10:00:00.000Z INFO  sink: batch written rows=512 took=38ms\n"
    text = filler * (LONG // len(filler))
    if "pods" in body["data"]:
        return _each_log(body, lambda log: text + log)
    return _each(body, lambda record: record | {"description": text})


def with_tail_errors(body: Json) -> bytes:
    return _each_log(body, lambda _: TAIL_ERROR)


def without_pods(body: Json) -> bytes:
    return _each(body, lambda record: record | {"pods": []} if "pods" in record else record)


def with_uid_alone(body: Json) -> bytes:
    return _each(body, lambda record: {"uid": record["uid"]} if "uid" in record else {})


def with_odd_numbers(body: Json) -> bytes:
    """Each number becomes another kind of nonsense."""
    return _each(
        body,
        lambda record: {
            name: ODD[number % len(ODD)] if isinstance(value, int | float) and not isinstance(value, bool) else value
            for number, (name, value) in enumerate(record.items())
        },
    )


def with_renamed_heights(body: Json) -> bytes:
    """https://goldrush.dev/docs/api-reference/foundational-api/utility/get-all-chain-statuses , read 2026-12-01."""
    return _each(body, lambda record: {NEWER_NAMES.get(name, name): value for name, value in record.items()})


def _each_log(body: Json, changed: Callable[[str], str]) -> bytes:
    data = body["data"]
    if "pods" not in data:
        return encoded(body)
    pods = [pod | {"logs": changed(pod["logs"])} for pod in data["pods"]]
    return encoded(body | {"data": data | {"pods": pods}})


def _each(body: Json, changed: Callable[[Json], Json]) -> bytes:
    """Changes the object in `data`, or each item if `data` is a page of a list."""
    data = body["data"]
    if "items" not in data:
        return encoded(body | {"data": changed(data)})
    return encoded(body | {"data": data | {"items": [changed(item) for item in data["items"]]}})


def _has_phase(record: Json) -> bool:
    """Only a status answer has the phase. In the list, `status` is the intent."""
    return "uid" in record and "status" in record


def _of_another_type(value: object) -> object:
    match value:
        case str():
            return len(value)
        case int() | float():
            return f"{value}!"
        case _:
            return [value]
