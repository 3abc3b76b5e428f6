"""GoldRush's status of all chains, without I/O: path, decoder, and the errors of the API key that it needs.

Source: https://goldrush.dev/docs/api-reference/foundational-api/utility/get-all-chain-statuses.md
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from pydantic import SecretStr

from bot.domain.chains import Chain
from bot.domain.measurement import HIGHEST
from bot.goldrush.envelope import count_of, member_object, payload, text_of, time_of
from bot.ports.pipeline_api import ApiError, Forbidden, Malformed, Unauthorized

T = TypeVar("T")
CHAINS_PATH = "/v1/chains/status/"
MOST_CHAINS = 1000
CLOCKS_DIFFER = timedelta(minutes=5)  # a later time of a block is no time

_height = partial(count_of, most=HIGHEST)
# The API's pages have spelled both fields in several ways.
_HEIGHTS = ("synced_block_height", "chain_tip_height")
_SIGNED_AT = ("synced_blocked_signed_at", "synced_block_signed_at", "chain_tip_signed_at")
_UNAUTHORIZED = "GoldRush answered 401: the API key is wrong or revoked. Check GOLDRUSH_API_KEY."
_FORBIDDEN = (
    "GoldRush answered 403: it takes an ordinary API key here, and this looks like a ServiceKey. "
    "Set GOLDRUSH_API_KEY to an API key, or leave it empty."
)


def decode_chains(
    status: int, headers: Mapping[str, str], body: bytes, *, at: datetime, service_key: SecretStr | None = None
) -> tuple[Chain, ...]:
    """Each chain with a name and a height. `service_key`: the API key, to keep it out of errors."""
    try:
        data = payload(status, headers, body, service_key=service_key)
    except (Unauthorized, Forbidden) as exc:
        raise _about_the_api_key(exc) from None
    items = data.get("items", [])
    if not isinstance(items, list):
        raise Malformed("GoldRush's answer holds no list of chains.")
    chains = []
    for item in map(member_object, items[:MOST_CHAINS]):
        name, height = text_of(item, "name").lower(), _first(item, _HEIGHTS, _height)
        if name and height is not None:
            signed_at = _first(item, _SIGNED_AT, time_of)
            is_past = signed_at is not None and signed_at <= at + CLOCKS_DIFFER
            chains.append(Chain(name=name, height=height, at=at, signed_at=signed_at if is_past else None))
    return tuple(chains)


def _first(
    item: Mapping[str, object], names: tuple[str, ...], of: Callable[[Mapping[str, object], str], T | None]
) -> T | None:
    return next((value for name in names if (value := of(item, name)) is not None), None)


def _about_the_api_key(exc: ApiError) -> ApiError:
    return Unauthorized(_UNAUTHORIZED) if isinstance(exc, Unauthorized) else Forbidden(_FORBIDDEN)
