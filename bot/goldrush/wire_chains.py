"""GoldRush's status of all chains, without I/O: path, decoder, and the errors of the API key that it needs.

Source: https://goldrush.dev/docs/api-reference/foundational-api/utility/get-all-chain-statuses.md
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from pydantic import SecretStr

from bot.domain.chains import Chain
from bot.goldrush.envelope import count_of, member_object, payload, text_of, time_of
from bot.ports.pipeline_api import ApiError, Forbidden, Malformed, Unauthorized

CHAINS_PATH = "/v1/chains/status/"
MOST_CHAINS = 1000

_height = partial(count_of, most=2**63)
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
        name, height = text_of(item, "name").lower(), _height(item, "synced_block_height")
        if name and height is not None:
            signed_at = time_of(item, "synced_blocked_signed_at") or time_of(item, "synced_block_signed_at")
            chains.append(Chain(name=name, height=height, at=at, signed_at=signed_at))
    return tuple(chains)


def _about_the_api_key(exc: ApiError) -> ApiError:
    return Unauthorized(_UNAUTHORIZED) if isinstance(exc, Unauthorized) else Forbidden(_FORBIDDEN)
