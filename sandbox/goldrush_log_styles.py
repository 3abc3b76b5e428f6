"""How workers write a line of their log: Go, Rust, Java, JSON and logfmt."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime

Fields = Mapping[str, object]
Style = Callable[[datetime, str, str, str, Fields], str]


def style_of(destination_type: str) -> str:
    return _OF_DESTINATION.get(destination_type, "go")


def writer(destination_type: str) -> Style:
    """Writes a line: its time, level (debug, info, warn, error or fatal), place, message and fields."""
    return _STYLES[style_of(destination_type)]


def _go(at: datetime, level: str, place: str, message: str, fields: Fields) -> str:
    return f"{_iso(at)} {level.upper():<5} {place}: {message}{_pairs(fields)}"


def _rust(at: datetime, level: str, place: str, message: str, fields: Fields) -> str:
    return f"{_iso(at, 6)} {level.upper():>5} pipeline_worker::{place}: {message}{_pairs(fields)}"


def _java(at: datetime, level: str, place: str, message: str, fields: Fields) -> str:
    stamp = f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03}"
    return f"{stamp} [worker-2] {level.upper():<5} c.g.pipeline.{place.title()} - {message}{_pairs(fields)}"


def _json(at: datetime, level: str, place: str, message: str, fields: Fields) -> str:
    parts = {"ts": _iso(at), "level": level, "logger": place, "msg": message, **fields}
    return json.dumps(parts, ensure_ascii=False)


def _logfmt(at: datetime, level: str, place: str, message: str, fields: Fields) -> str:
    return f"ts={_iso(at)} level={level} caller={place}.go:214 msg={json.dumps(message)}{_pairs(fields)}"


def _iso(at: datetime, digits: int = 3) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06}"[: 20 + digits] + "Z"


def _pairs(fields: Fields) -> str:
    return "".join(f" {name}={value}" for name, value in fields.items())


_STYLES: dict[str, Style] = {"go": _go, "rust": _rust, "java": _java, "json": _json, "logfmt": _logfmt}
_OF_DESTINATION = {
    "postgres": "go",
    "clickhouse": "rust",
    "kafka": "java",
    "bigquery": "java",
    "s3": "json",
    "sqs": "json",
    "webhook": "logfmt",
}
