"""Slack's JSON, errors and cursors."""

import base64
import binascii
from typing import Any

JsonObject = dict[str, Any]
"""Block Kit and payloads stay JSON: the sandbox checks them and passes them on."""


class SlackError(Exception):
    """A method's refusal: `{"ok": false, "error": ...}`, with further fields."""

    def __init__(self, error: str, **details: object) -> None:
        super().__init__(error)
        self.error = error
        self.details = details

    def body(self) -> JsonObject:
        return {"ok": False, "error": self.error, **self.details}


class Refused(Exception):
    """Slack's client does not let the person do this, such as writing in an archived channel."""


def encode_cursor(position: str) -> str:
    return base64.b64encode(f"next:{position}".encode()).decode()


def decode_cursor(cursor: str) -> str:
    """Slack answers `invalid_cursor` to a cursor that it did not issue."""
    try:
        kind, _, position = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise SlackError("invalid_cursor") from None
    if kind != "next" or not position:
        raise SlackError("invalid_cursor")
    return position
