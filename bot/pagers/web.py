"""Posts to a pager's service over httpx: one try, a deadline, no redirect. An error never quotes the address."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

import httpx

from bot.headers import header
from bot.proxy import proxy_for

DEADLINE_SECONDS = 5.0
LARGEST_ANSWER = 256 * 1024
LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """What the service answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Mapping[str, Any]:
        """Empty if the body is no JSON object."""
        with suppress(ValueError):
            decoded = json.loads(self.body)
            if isinstance(decoded, dict):
                return decoded
        return {}

    @property
    def retry_after(self) -> timedelta | None:
        """The pause that the service asks for, in whole seconds."""
        raw = header(self.headers, "retry-after")
        return min(timedelta(seconds=int(raw)), LONGEST_PAUSE) if raw.isdecimal() and len(raw) < 6 else None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """No answer came. `never_sent`: the request surely did not reach the service."""

    problem: str
    never_sent: bool = False


class WebClient:
    """The connections to one service.

    Raises:
        ProxyError: a proxy variable is not valid.
    """

    def __init__(self, base_url: str, *, headers: Mapping[str, str] | None = None) -> None:
        transport = httpx.AsyncHTTPTransport(proxy=proxy_for(base_url), verify=_trusted(), trust_env=False)
        self._client = httpx.AsyncClient(
            transport=transport,
            headers={"User-Agent": "pipeline-bot", **(headers or {})},
            timeout=DEADLINE_SECONDS,
            trust_env=False,
            follow_redirects=False,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def post(self, url: str, body: Mapping[str, object]) -> WebAnswer | NoAnswer:
        return await self._request("POST", url, json_body=body)

    async def get(self, url: str, params: Mapping[str, str]) -> WebAnswer | NoAnswer:
        return await self._request("GET", url, params=params)

    async def _request(
        self,
        method: str,
        url: str,
        *,
        json_body: Mapping[str, object] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> WebAnswer | NoAnswer:
        try:
            async with (
                asyncio.timeout(DEADLINE_SECONDS),
                self._client.stream(method, url, json=json_body, params=params) as response,
            ):
                body = b""
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > LARGEST_ANSWER:
                        break
                return WebAnswer(response.status_code, dict(response.headers), body[:LARGEST_ANSWER])
        except TimeoutError:
            return NoAnswer(f"no answer within {DEADLINE_SECONDS:g} s")
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as exc:
            return NoAnswer(f"not reached: {type(exc).__name__}", never_sent=True)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:
            return NoAnswer(f"the connection broke: {type(exc).__name__}")


@lru_cache(maxsize=1)  # made once, since that takes longer than a request
def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context()
