"""Broken forms of GoldRush's good answers: pure functions of the good body."""

from collections.abc import Callable

from sandbox.goldrush_wire import Json, encoded

HUGE = 2 * 1024 * 1024
DEPTH = 100_000
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
