"""What goes over the wire: JSON objects, Slack's way of refusing, and its cursors."""

import base64
import binascii
from typing import Any

JsonObject = dict[str, Any]
"""Block Kit and payloads stay JSON here: the stand-in checks and hands them on, it does not interpret them."""


class SlackError(Exception):
    """A method's refusal: `{"ok": false, "error": ...}` with whatever Slack adds to it."""

    def __init__(self, error: str, **details: object) -> None:
        super().__init__(error)
        self.error = error
        self.details = details

    def body(self) -> JsonObject:
        return {"ok": False, "error": self.error, **self.details}


class Refused(Exception):
    """A person tried what Slack's client would not let them do, such as to type in an archived channel."""


def encode_cursor(position: str) -> str:
    return base64.b64encode(f"next:{position}".encode()).decode()


def decode_cursor(cursor: str) -> str:
    """Slack answers `invalid_cursor` to one it did not hand out."""
    try:
        kind, _, position = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise SlackError("invalid_cursor") from None
    if kind != "next" or not position:
        raise SlackError("invalid_cursor")
    return position
