"""GoldRush's Pipeline REST API without I/O: builds paths and decodes answers.

Sources: the pages under https://goldrush.dev/docs/api-reference/pipeline-api/ . They mark no field as required. An
optional field that is absent or of another type becomes None; a field that the bot needs makes the answer `Malformed`.
The functions raise nothing but `ApiError`.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from sys import intern
from urllib.parse import quote

from pydantic import SecretStr

from bot.domain.catalogue import AccountLimit, BlockRange, Pipeline
from bot.domain.chains import chain_of
from bot.domain.observation import PipelineId
from bot.domain.phase import Intent, Phase
from bot.goldrush.envelope import LONGEST_TEXT, count_of, member_object, payload, text_of, time_of
from bot.goldrush.wire_configuration import lazy_configuration
from bot.ports.pipeline_api import ListingPage, Malformed, NotFound, Status

BASE = "/platform/pipeline-api/"  # every path of the documentation ends in a slash
PAGE_SIZE = 50  # the documentation names neither a default nor a maximum
_HEIGHT = re.compile(r"[0-9]{1,18}")
MASKED = "******"  # GoldRush's text in place of a secret


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
    data = payload(status, headers, body, service_key=service_key)
    phase = text_of(data, "status")
    if not phase:
        raise Malformed("GoldRush's answer names no phase.")
    return Status(
        phase=Phase(phase),
        replicas=count_of(data, "replicas"),
        ready=count_of(data, "ready"),
        uid=text_of(data, "uid") or None,
        start_time=time_of(data, "start_time"),
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
    data = payload(status, headers, body, service_key=service_key)
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
    data = payload(status, headers, body, service_key=service_key)
    items = data.get("items", ...)
    if items is None:
        items = []  # some servers write an empty list like this
    if not isinstance(items, list):
        raise Malformed("GoldRush's answer holds no list of pipelines.")
    known = [(pipeline, item) for item in items if (pipeline := _pipeline(member_object(item)))]
    if items and not known:
        raise Malformed("GoldRush's list holds no pipeline with an id.")
    pagination = member_object(data.get("pagination"))
    return ListingPage(
        pipelines=tuple(pipeline for pipeline, _ in known),
        more=bool(items) and pagination.get("has_more") is not False,
        total=count_of(pagination, "total_count"),
        skipped=len(items) - len(known),
        emails=_emails(items),
        configurations={pipeline.id: lazy_configuration(item) for pipeline, item in known},
    )


def _pipeline(item: Mapping[str, object]) -> Pipeline | None:
    raw_id = item.get("id")
    identity = text_of(item, "id")
    if not identity or identity != raw_id:
        return None  # an id that needs cleaning names no pipeline
    intent = text_of(item, "status").lower()
    return Pipeline(
        id=PipelineId(identity),
        name=text_of(item, "name") or identity,
        project=text_of(item, "project"),
        intent=Intent(intent) if intent in set(Intent) else None,
        bounded=_is_bounded(item),
        destination=_destination(item),
        destination_type=intern(text_of(item, "destination_type").lower()),
        owner=intern(text_of(member_object(item.get("created_by")), "id")),
        blocks=_blocks(item),
        chain=intern(chain_of(text_of(item, "topic"))),
        account_limit=_account_limit(member_object(item.get("group"))),
    )


def _account_limit(group: Mapping[str, object]) -> AccountLimit | None:
    if group.get("is_over_limit") is True:
        return AccountLimit.OVER_LIMIT
    return AccountLimit.TRIAL_EXPIRED if group.get("is_free_trial_expired") is True else None


def _blocks(item: Mapping[str, object]) -> BlockRange | None:
    """None for an unbounded pipeline, and for one without an end that is a block height above 0."""
    start, stop = (_height(item, name) for name in ("execution_start_from", "execution_stop_from"))
    if not _is_bounded(item) or not stop:
        return None
    return BlockRange(start=start if start is not None and start < stop else None, stop=stop)


def _height(item: Mapping[str, object], name: str) -> int | None:
    """The API writes heights as text."""
    text = text_of(item, name)
    return int(text) if _HEIGHT.fullmatch(text) else None


def _is_bounded(item: Mapping[str, object]) -> bool:
    return text_of(item, "execution_mode").lower() == "bounded"


def _emails(items: Iterable[object]) -> dict[str, str]:
    """By the owner's id. Empty for an owner without one."""
    owners = [member_object(member_object(item).get("created_by")) for item in items]
    return {text_of(owner, "id"): text_of(owner, "email") for owner in owners if text_of(owner, "id")}


def _destination(item: Mapping[str, object]) -> str:
    """Equal for pipelines with equal destinations, as far as GoldRush shows them. Empty without a configuration."""
    config = member_object(item.get("destination_config"))
    shown = {name: value for name, value in config.items() if value != MASKED}
    if not shown:
        return ""
    text = json.dumps([item.get("destination_type"), shown], sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]
