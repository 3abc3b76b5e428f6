"""Checks the shape of a payload before Bolt reads it. Bolt reads payloads before it checks the signature, and raises on
shapes that Slack never sends. Pure.

Source of the shapes: https://docs.slack.dev/reference/interaction-payloads and https://docs.slack.dev/apis/events-api/
"""

import re
from collections.abc import Callable, Mapping

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.request.internals import build_normalized_headers, extract_content_type, parse_body

_STAMP = re.compile(r"[0-9]{1,12}")  # int() accepts more forms, and numbers too large for a clock
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


def signable(headers: Mapping[str, str]) -> bool:
    """True if the signature has the right form, or is absent. Bolt checks whether it is valid.

    Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    forms = {"x-slack-request-timestamp": _STAMP, "x-slack-signature": _SIGNATURE}
    return all(forms[name.lower()].fullmatch(value) for name, value in headers.items() if name.lower() in forms)


def bolt_request(query: str, headers: Mapping[str, str], body: bytes) -> AsyncBoltRequest | None:
    """None if the body is unreadable, or has a shape that Slack never sends. Any body counts as UTF-8."""
    try:
        text = body.decode()
        payload: object = parse_body(text, extract_content_type(build_normalized_headers(dict(headers))))
    except (ValueError, RecursionError):
        return None
    return AsyncBoltRequest(body=text, query=query, headers=dict(headers)) if well_formed(payload) else None


def well_formed(payload: object) -> bool:
    """True if each field that Bolt or a listener reads has its documented type."""
    if not (isinstance(payload, dict) and _sound(payload)):
        return False
    match payload.get("type"):
        case "event_callback":
            return "type" in payload.get("event", {})
        case "block_actions":
            return bool(payload.get("actions")) and "action_id" in payload["actions"][0]
        case _:
            return True


def is_envelope(type: object, envelope_id: object, retry_reason: object) -> bool:  # noqa: A002 (Slack's own names)
    """True if the envelope can be identified and acknowledged, and its retry reason is readable.

    Source: https://docs.slack.dev/apis/events-api/using-socket-mode#events
    """
    return _text(type) and _text(envelope_id) and bool(envelope_id) and (retry_reason is None or _text(retry_reason))


def encodable(text: object) -> str:
    """The text with half surrogate pairs replaced, because they cannot be encoded. Empty if it is no text."""
    return text.encode(errors="replace").decode() if isinstance(text, str) else ""


def _sound(value: object) -> bool:
    """Checks each known field. A field has the same type at every level."""
    return isinstance(value, dict) and all(_FORMS[name](item) for name, item in value.items() if name in _FORMS)


def _text(value: object) -> bool:
    return isinstance(value, str)


def _named(value: object) -> bool:
    """An id, an object with an id, or null, as for an app that is installed in a whole organization."""
    return value is None or _text(value) or _sound(value)


def _list(value: object) -> bool:
    return isinstance(value, list) and all(_sound(item) for item in value)


_FORMS: dict[str, Callable[[object], bool]] = {
    **dict.fromkeys(("type", "command", "challenge", "action_id", "callback_id", "id"), _text),
    **dict.fromkeys(("team", "enterprise", "user", "channel"), _named),
    **dict.fromkeys(("event", "view", "message", "previous_message", "item", "assistant_thread"), _sound),
    **dict.fromkeys(("function", "function_data"), _sound),
    **dict.fromkeys(("actions", "authorizations", "response_urls"), _list),
}
