"""Pings an outside watchdog, such as healthchecks.io. Its address is a secret and never leaves this file."""

import asyncio
import ssl

import httpx
from pydantic import SecretStr

from bot.proxy import ProxyError, proxy_for

PING_SECONDS = 10.0


class HttpWatchdog:
    """Implements `OutsideWatchdog` with a GET that follows no redirect. `trusted`: the certificates that count."""

    def __init__(self, url: SecretStr, *, trusted: ssl.SSLContext | None = None, seconds: float = PING_SECONDS) -> None:
        self._url = url
        self._trusted = trusted
        self._seconds = seconds

    async def ping(self) -> str | None:
        """The texts of exceptions may quote the address, so only their kind counts."""
        try:
            async with asyncio.timeout(self._seconds):
                status = await self._status()
        except TimeoutError:
            return f"no answer within {self._seconds:.0f} s"
        except (httpx.HTTPError, httpx.InvalidURL, ProxyError, OSError, UnicodeError) as exc:
            return f"no connection ({type(exc).__name__})"
        return None if 200 <= status < 300 else f"HTTP {status}"

    async def _status(self) -> int:
        """Reads no body: it may be long."""
        url = self._url.get_secret_value()
        if self._trusted is None:
            self._trusted = httpx.create_ssl_context()
        async with (
            httpx.AsyncClient(
                proxy=proxy_for(url), verify=self._trusted, trust_env=False, timeout=self._seconds
            ) as client,
            client.stream("GET", url) as response,
        ):
            return response.status_code
