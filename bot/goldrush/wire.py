"""GoldRush's Pipeline REST API without I/O: builds paths and decodes answers.

Sources: the pages under https://goldrush.dev/docs/api-reference/pipeline-api/ . They mark no field as required. An
optional field that is absent or of another type becomes None; a field that the bot needs makes the answer `Malformed`.
The functions raise nothing but `ApiError`.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from sys import intern
from typing import NoReturn
from urllib.parse import quote

from pydantic import SecretStr

from bot.domain.catalogue import Pipeline
from bot.domain.observation import PipelineId
from bot.domain.phase import Intent, Phase
from bot.goldrush.refusal import error_for, redacted
from bot.ports.pipeline_api import ListingPage, Malformed, NotFound, Status

BASE = "/platform/pipeline-api/"  # every path of the documentation ends in a slash
PAGE_SIZE = 50  # the documentation names neither a default nor a maximum
LONGEST_TEXT = 256  # characters of a name, id or phase; the rest is cut off
MOST_REPLICAS = 1_000_000
MASKED = "******"  # GoldRush's text in place of a secret
FIRST_YEAR = 2000  # runtimes write 0001 or 1970 if a pipeline has not started

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")  # and lone surrogates, which no encoding can write


def page_path(number: int) -> str:
    """https://goldrush.dev/docs/api-reference/pipeline-api/list-pipelines.md ; pages count from 1."""
    return f"{BASE}?page_number={number}&page_size={PAGE_SIZE}"


def pipeline_path(pipeline_id: PipelineId) -> str:
    """https://goldrush.dev/docs/api-reference/pipeline-api/get-pipeline.md

    Raises:
        NotFound: no pipeline can have this id.
    """
    # Even encoded, "." and ".." would name another path. httpx refuses very long addresses.
    if pipeline_id in {"", ".", ".."} or len(pipeline_id) > LONGEST_TEXT:
        raise NotFound("There is no pipeline with this id.")
    return f"{BASE}{quote(pipeline_id, safe='', errors='replace')}/"


def status_path(pipeline_id: PipelineId) -> str:
    """https://goldrush.dev/docs/api-reference/pipeline-api/get-pipeline-status.md

    Raises:
        NotFound: no pipeline can have this id.
    """
    return f"{pipeline_path(pipeline_id)}status/"


def decode_status(
    status: int, headers: Mapping[str, str], body: bytes, *, service_key: SecretStr | None = None
) -> Status:
    """The runtime's phase, kept as received if the documentation does not list it. Without a phase: `Malformed`."""
    data = _data(status, headers, body, service_key=service_key)
    phase = _text(data, "status")
    if not phase:
        raise Malformed("GoldRush's answer names no phase.")
    return Status(
        phase=Phase(phase),
        replicas=_count(data, "replicas"),
        ready=_count(data, "ready"),
        uid=_text(data, "uid") or None,
        start_time=_moment(data, "start_time"),
    )


def decode_pipeline(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    pipeline_id: PipelineId,
    service_key: SecretStr | None = None,
) -> Pipeline:
    """The requested pipeline. An answer about another one is `Malformed`."""
    data = _data(status, headers, body, service_key=service_key)
    pipeline = _pipeline(data if data.get("id") is not None else {**data, "id": pipeline_id})
    if pipeline is None or pipeline.id != pipeline_id:
        raise Malformed("GoldRush answered about another pipeline than the one that I asked about.")
    return pipeline


def decode_page(
    status: int, headers: Mapping[str, str], body: bytes, *, service_key: SecretStr | None = None
) -> ListingPage:
    """One page of the listing. The documentation does not describe `pagination`.

    An empty page or `has_more` false ends the listing. Otherwise the caller stops at a page without new ids. Items
    without a usable id are skipped. A page of only such items is `Malformed`: it must not look like an empty page.
    """
    data = _data(status, headers, body, service_key=service_key)
    items = data.get("items", ...)
    if items is None:
        items = []  # some servers write an empty list like this
    if not isinstance(items, list):
        raise Malformed("GoldRush's answer holds no list of pipelines.")
    pipelines = tuple(filter(None, (_pipeline(_object(item)) for item in items)))
    if items and not pipelines:
        raise Malformed("GoldRush's list holds no pipeline with an id.")
    pagination = _object(data.get("pagination"))
    return ListingPage(
        pipelines=pipelines,
        more=bool(items) and pagination.get("has_more") is not False,
        total=_count(pagination, "total_count"),
        skipped=len(items) - len(pipelines),
        emails=_emails(items),
    )


def _data(
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


def _pipeline(item: Mapping[str, object]) -> Pipeline | None:
    raw_id = item.get("id")
    identity = _text(item, "id")
    if not identity or identity != raw_id:
        return None  # an id that needs cleaning names no pipeline
    intent = _text(item, "status").lower()
    return Pipeline(
        id=PipelineId(identity),
        name=_text(item, "name") or identity,
        project=_text(item, "project"),
        intent=Intent(intent) if intent in set(Intent) else None,
        bounded=_text(item, "execution_mode").lower() == "bounded",
        destination=_destination(item),
        owner=intern(_text(_object(item.get("created_by")), "id")),
    )


def _emails(items: Iterable[object]) -> dict[str, str]:
    """By the owner's id. Empty for an owner without one."""
    owners = [_object(_object(item).get("created_by")) for item in items]
    return {_text(owner, "id"): _text(owner, "email") for owner in owners if _text(owner, "id")}


def _destination(item: Mapping[str, object]) -> str:
    """Equal for pipelines with equal destinations, as far as GoldRush shows them. Empty without a configuration."""
    config = _object(item.get("destination_config"))
    shown = {name: value for name, value in config.items() if value != MASKED}
    if not shown:
        return ""
    text = json.dumps([item.get("destination_type"), shown], sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(data: Mapping[str, object], name: str) -> str:
    value = data.get(name)
    return _clean(value)[:LONGEST_TEXT] if isinstance(value, str) else ""


def _clean(value: str) -> str:
    return (value if value.isprintable() else _CONTROLS.sub(" ", value)).strip()


def _count(data: Mapping[str, object], name: str) -> int | None:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MOST_REPLICAS else None


def _moment(data: Mapping[str, object], name: str) -> datetime | None:
    """Reads ISO 8601 with Z or an offset, else as UTC, or a date alone. Anything else becomes None."""
    try:
        moment = datetime.fromisoformat(_text(data, name))
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year >= FIRST_YEAR else None
