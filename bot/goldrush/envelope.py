"""GoldRush's envelope of `data`, `error`, `error_message` and `error_code`, and the fields in it. Without I/O.

No field is marked as required. One that is absent or of another type becomes None or empty.
Source: https://goldrush.dev/docs/goldrush-pipeline-api/rest-api/overview.md
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NoReturn

from pydantic import SecretStr

from bot.goldrush.refusal import error_for, redacted
from bot.ports.pipeline_api import Malformed

LONGEST_TEXT = 256  # characters of a name, id or phase; the rest is cut off
MOST_REPLICAS = 1_000_000
FIRST_YEAR = 2000  # runtimes write 0001 or 1970 if a pipeline has not started

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")  # and lone surrogates, which no encoding can write


def payload(
    status: int, headers: Mapping[str, str], body: bytes, *, service_key: SecretStr | None
) -> Mapping[str, object]:
    """The payload of the envelope: https://goldrush.dev/docs/goldrush-pipeline-api/rest-api/overview.md"""
    if status != 200:
        try:
            envelope: Mapping[str, object] | None = _envelope(body)
        except Malformed:
            envelope = None  # a gateway's page
        complaint = _complaint(envelope or {}, service_key, known_code=str(status))
        raise error_for(status, headers, envelope, complaint)
    envelope = _envelope(body)
    if envelope.get("error") is True:
        complaint = _complaint(envelope, service_key)
        raise Malformed(f"GoldRush answered 200 and calls it an error{f': {complaint}' if complaint else ''}.")
    data = envelope.get("data")
    if not isinstance(data, dict):
        raise Malformed("GoldRush's answer holds no data.")
    return data


def _envelope(body: bytes) -> Mapping[str, object]:
    """Parses strict JSON: one object, in UTF-8 without a byte order mark, no NaN, no name twice."""
    try:
        parsed: object = _STRICT.decode(body.decode())
    except (ValueError, RecursionError) as exc:
        reason = type(exc).__name__
    else:
        if isinstance(parsed, dict):
            return parsed
        reason = type(parsed).__name__
    # Raised without its cause: those exceptions carry the whole body, which must not reach the log.
    raise Malformed(f"GoldRush's answer is not the JSON object that its documentation promises ({reason}).")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _without_doubles(members: list[tuple[str, object]]) -> dict[str, object]:
    unique = dict(members)
    if len(unique) != len(members):
        raise ValueError("a name occurs twice")
    return unique


_STRICT = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_without_doubles)


def _complaint(envelope: Mapping[str, object], service_key: SecretStr | None, *, known_code: str = "") -> str:
    """The API's own message, and its `error_code` (text, a number or null) unless it equals `known_code`."""
    message, code = envelope.get("error_message"), envelope.get("error_code")
    words = [message] if isinstance(message, str) else []
    if isinstance(code, int | str) and not isinstance(code, bool) and str(code) not in {"", known_code}:
        words.append(f"(code {code})")
    return redacted(_clean(" ".join(words)), service_key)


def member_object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def text_of(data: Mapping[str, object], name: str) -> str:
    value = data.get(name)
    return _clean(value)[:LONGEST_TEXT] if isinstance(value, str) else ""


def _clean(value: str) -> str:
    return (value if value.isprintable() else _CONTROLS.sub(" ", value)).strip()


def count_of(data: Mapping[str, object], name: str, most: int = MOST_REPLICAS) -> int | None:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= most else None


def number_of(data: Mapping[str, object], name: str) -> float | None:
    """A finite number from 0 on."""
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e18 else None


def time_of(data: Mapping[str, object], name: str) -> datetime | None:
    """Reads ISO 8601 with Z or an offset, else as UTC, or a date alone. Anything else becomes None."""
    try:
        moment = datetime.fromisoformat(text_of(data, name))
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year >= FIRST_YEAR else None
