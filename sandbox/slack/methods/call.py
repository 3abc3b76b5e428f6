"""Methods and their arguments, as Slack reads them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from sandbox.slack.drafts import from_json
from sandbox.slack.wire import JsonObject, SlackError, decode_cursor, encode_cursor
from sandbox.slack.workspace import Workspace

T = TypeVar("T")


class TokenKind(StrEnum):
    BOT = "xoxb"
    APP = "xapp"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Arguments:
    """A form's values are text, and JSON's have their types. Both mean the same."""

    values: Mapping[str, object]

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise invalid(f"must be a string [json-pointer:/{name}]")
        return value

    def required(self, name: str) -> str:
        """Slack answers `invalid_arguments` with the name of a missing field."""
        value = self.text(name)
        if value is None:
            raise invalid(f"missing required field: {name}")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        return value in (True, 1, "true", "True", "1")

    def number(self, name: str, *, default: int) -> int:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        try:
            return int(str(value))
        except ValueError:
            raise invalid(f"must be a number [json-pointer:/{name}]") from None

    def required_number(self, name: str) -> int:
        if self.values.get(name) in (None, ""):
            raise invalid(f"missing required field: {name}")
        return self.number(name, default=0)

    def names(self, name: str, *, default: str) -> list[str]:
        """A list, with commas or as JSON."""
        value = self.values.get(name) or default
        parts: Iterable[object] = value if isinstance(value, list) else str(value).split(",")
        return [str(part).strip() for part in parts if str(part).strip()]

    def json_object(self, name: str) -> JsonObject:
        value = from_json(self.values.get(name), "invalid_arguments")
        if not isinstance(value, dict):
            raise invalid(f"missing required field: {name}")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    run: Callable[[Workspace, Arguments], JsonObject]
    scope: str | None = None
    token: TokenKind = TokenKind.BOT


def invalid(complaint: str) -> SlackError:
    return SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {complaint}"]})


def page_limit(arguments: Arguments, *, default: int, most: int) -> int:
    limit = arguments.number("limit", default=default)
    if limit < 1:
        raise SlackError("invalid_limit")
    return min(limit, most)


def page_of(items: list[T], arguments: Arguments, *, default: int, most: int) -> tuple[list[T], str]:
    """One page by `cursor` and `limit`, and the next cursor, "" on the last page."""
    cursor = arguments.text("cursor")
    start = _position(cursor) if cursor else 0
    end = start + page_limit(arguments, default=default, most=most)
    return items[start:end], encode_cursor(str(end)) if end < len(items) else ""


def _position(cursor: str) -> int:
    try:
        return int(decode_cursor(cursor))
    except ValueError:
        raise SlackError("invalid_cursor") from None
