"""Turns an answer that is no success into the `ApiError` that says what happened and what to do.

Sources: https://goldrush.dev/docs/api-reference/pipeline-api/get-pipeline-status.md (401, 403, 404) and
https://goldrush.dev/docs/error-handling (402, 429, 5xx; that page is about GoldRush's other APIs).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pydantic import SecretStr

from bot.headers import header
from bot.ports.pipeline_api import (
    NEEDS_OPERATOR,
    ApiError,
    Forbidden,
    Malformed,
    NotFound,
    StrayNotFound,
    Throttled,
    Unauthorized,
    Unavailable,
)
from bot.redaction import REDACTED, hide_suspects

LONGEST_COMPLAINT = 200  # characters of the API's own text
LONGEST_WAIT = 3600.0  # seconds; a longer Retry-After counts as a mistake

_UNAUTHORIZED = (
    "GoldRush answered 401: the ServiceKey is missing, wrong or revoked. Create one in the GoldRush Platform "
    "(account settings > Service Keys > Create Service Key) and set GOLDRUSH_SERVICE_KEY."
)
_FORBIDDEN = (
    "GoldRush answered 403: a regular API key was used where a ServiceKey is needed, or this ServiceKey has no access "
    "to this pipeline. ServiceKeys are made in the GoldRush Platform (account settings > Service Keys)."
)
_NOT_FOUND = (
    "GoldRush answered 404: there is no such pipeline, or it is not visible to this ServiceKey, "
    "which sees the pipelines of its creator's group only."
)
_STRAY = (
    "Something answered {status}, but not in GoldRush's format, so it says nothing about {what}. A gateway or proxy "
    "may be in the way. Check GOLDRUSH_API_URL and the network."
)


def error_for(
    status: int, headers: Mapping[str, str], envelope: Mapping[str, object] | None, complaint: str
) -> ApiError:
    """The error for an HTTP status other than 200.

    `envelope` is the body, if it was a JSON object. `complaint` is its message without secrets. A 401, 403 or 404 that
    is not in GoldRush's format comes from a proxy or gateway: it rejects no key and ends no pipeline.
    """
    quoted = f" GoldRush says: {complaint}" if complaint else ""
    if status in {401, 403, 404} and not _is_goldrushs(envelope):
        stray = _STRAY.format(status=status, what="the pipeline" if status == 404 else "the ServiceKey")
        plain = f"Something between GoldRush and me refused the request ({status})."
        return StrayNotFound(stray, plain=plain) if status == 404 else Unavailable(stray, plain=plain)
    match status:
        case 401:
            return Unauthorized(_UNAUTHORIZED + quoted, plain=f"GoldRush doesn't accept my key (401). {NEEDS_OPERATOR}")
        case 403:
            return Forbidden(_FORBIDDEN + quoted, plain=f"GoldRush doesn't let me read this (403). {NEEDS_OPERATOR}")
        case 404:
            return NotFound(_NOT_FOUND + quoted, plain="GoldRush finds no such pipeline (404).")
        case 429:
            text = f"GoldRush answered 429: too many requests with this ServiceKey.{quoted}"
            return Throttled(text, retry_after_seconds(headers), plain="GoldRush asked me to slow down (429).")
    return _other_error(status, headers, quoted)


def _is_goldrushs(envelope: Mapping[str, object] | None) -> bool:
    """True for GoldRush's envelope: `error` is true beside `error_message` or `error_code`. A sample lacks `data`."""
    return (
        envelope is not None and envelope.get("error") is True and bool({"error_message", "error_code"} & set(envelope))
    )


def _other_error(status: int, headers: Mapping[str, str], quoted: str) -> ApiError:
    """The error for a status that says nothing about the key or the pipeline."""
    if 300 <= status < 400:
        return Unavailable(
            f"GoldRush answered with a redirect ({status}). I didn't follow it, since the ServiceKey must not go "
            "elsewhere: check GOLDRUSH_API_URL.",
            plain=f"Something between GoldRush and me redirected the request ({status}).",
        )
    if status == 402:
        return Unavailable(
            f"GoldRush answered 402: the account's credits are used up.{quoted}",
            plain=f"The GoldRush account has used up its credits (402). {NEEDS_OPERATOR}",
        )
    if status == 408 or 500 <= status < 600:
        fault = f"GoldRush answered {status}. I'll retry.{quoted}"
        return Unavailable(fault, retry_after_seconds(headers), plain=f"GoldRush had an internal error ({status}).")
    return Malformed(f"GoldRush answered {status}, which its documentation doesn't mention for this request.{quoted}")


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, 0 to 3600; None if the header is missing or not valid.

    The header has seconds or a date: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after . A date counts from the
    server's own `Date`, since our clock may disagree with the server's.
    """
    value = header(headers, "retry-after").strip()
    if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
        seconds = float(value)
    else:
        until, now = _http_date(value), _http_date(header(headers, "date"))
        if until is None or now is None:
            return None
        seconds = (until - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _http_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def redacted(text: str, service_key: SecretStr | None = None) -> str:
    """Makes outside text fit for a log or a channel: one line, no secrets, at most 200 characters."""
    text = " ".join(text.split())
    if len(text) > 1000:  # limits the work below; the last word goes too, since no pattern knows half a secret
        text = text[:1000].rpartition(" ")[0]
    if service_key:
        text = text.replace(service_key.get_secret_value(), REDACTED)
    text = hide_suspects(text)
    return text if len(text) <= LONGEST_COMPLAINT else text[: LONGEST_COMPLAINT - 1] + "…"
