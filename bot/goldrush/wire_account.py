"""GoldRush's usage of an account, without I/O: path, decoder, and the errors of a key that may not read it.

Source: https://goldrush.dev/docs/api-reference/service-keys/get-account-usage.md . The page names the fields of
`aggregate`, and `by_day[]` and `by_api_key[]` without their members. So several spellings of those are read, and a
member of another kind is left out.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import TypeVar

from pydantic import SecretStr

from bot.domain.credits import Usage
from bot.goldrush.envelope import member_object, number_of, payload, text_of, time_of
from bot.ports.pipeline_api import Forbidden, Malformed

USAGE_PATH = "/platform/usage/?duration=1"
"""The last month. The slash before the query is required."""
MOST_DAYS = 400
MOST_KEYS = 1000

V = TypeVar("V")

_DAYS = ("date", "day", "signed_at", "timestamp")
_CREDITS = ("credits_consumed", "credits", "consumed")
_KEYS = ("api_key", "key", "service_key")
_FORBIDDEN = "GoldRush answered 403: this key may not read the account's usage."


def decode_usage(
    status: int, headers: Mapping[str, str], body: bytes, *, at: datetime, service_key: SecretStr | None = None
) -> Usage:
    """The usage. Of the keys, only the credits of `service_key` itself are kept, and no key."""
    try:
        data = payload(status, headers, body, service_key=service_key)
    except Forbidden:
        raise Forbidden(_FORBIDDEN) from None
    total = member_object(data.get("aggregate"))
    days: dict[date, float] = {}
    for item in _members(data, "by_day", MOST_DAYS):
        moment, used = _first(_moments(item)), _first(_credits(item))
        if moment is not None and used is not None:
            days[moment.date()] = days.get(moment.date(), 0.0) + used
    usage = Usage(
        at=at,
        consumed=number_of(total, "credits_consumed"),
        maximum=number_of(total, "max_credits"),
        flex=number_of(total, "flex_credits"),
        by_day=days,
        own=_own(data, service_key),
    )
    if usage.consumed is None and not days:
        raise Malformed("GoldRush's answer holds no credits.")
    return usage


def _own(data: Mapping[str, object], service_key: SecretStr | None) -> float | None:
    """Only a member that holds the very key counts: a shortened key may be another one."""
    for item in _members(data, "by_api_key", MOST_KEYS):
        if service_key and service_key.get_secret_value() in {item.get(name) for name in _KEYS if _is_text(item, name)}:
            return _first(_credits(item))
    return None


def _is_text(item: Mapping[str, object], name: str) -> bool:
    return isinstance(item.get(name), str)


def _members(data: Mapping[str, object], name: str, most: int) -> Iterator[Mapping[str, object]]:
    items = data.get(name)
    if isinstance(items, list):
        yield from map(member_object, items[-most:])


def _moments(item: Mapping[str, object]) -> Iterator[datetime | None]:
    return (time_of(item, name) for name in _DAYS if text_of(item, name))


def _credits(item: Mapping[str, object]) -> Iterator[float | None]:
    return (number_of(item, name) for name in _CREDITS)


def _first(values: Iterator[V | None]) -> V | None:
    return next((value for value in values if value is not None), None)
