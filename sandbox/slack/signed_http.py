"""Slack's signed requests to an app's Request URL.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import aiohttp

from sandbox.clock import Clock
from sandbox.slack.wire import JsonObject


class HttpRefused(Exception):
    """The app did not answer 2xx. The text is Slack's name for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    payload: JsonObject | None
    no_retry: bool
    """The app sent `x-slack-no-retry: 1`."""


class SignedHttp:
    def __init__(self, clock: Clock, secret: str) -> None:
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self.secret = secret

    async def post_form(self, url: str, fields: Mapping[str, str], seconds: float) -> Answer:
        """Commands and interactivity."""
        return await self._post(url, urlencode(fields).encode(), "application/x-www-form-urlencoded", {}, seconds)

    async def post_json(
        self, url: str, body: JsonObject, seconds: float, extra: Mapping[str, str] | None = None
    ) -> Answer:
        """Events, and the challenge that proves a Request URL."""
        return await self._post(url, json.dumps(body).encode(), "application/json", extra or {}, seconds)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def sign(self, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._clock.now()))
        digest = hmac.new(self.secret.encode(), b"v0:%s:%s" % (timestamp.encode(), body), hashlib.sha256)
        return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest.hexdigest()}"}

    async def _post(self, url: str, body: bytes, content_type: str, extra: Mapping[str, str], seconds: float) -> Answer:
        headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0 (sandbox)", **self.sign(body), **extra}
        self._session = self._session or aiohttp.ClientSession()
        timeout = aiohttp.ClientTimeout(total=seconds)
        async with self._session.post(
            url, data=body, headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            text = await response.text()
            if response.status >= 500:
                raise HttpRefused("http_service_error")
            if response.status >= 300:
                raise HttpRefused("http_client_error")
            no_retry = response.headers.get("x-slack-no-retry") == "1"
            return Answer(payload=_payload(response.content_type, text), no_retry=no_retry)


def _payload(content_type: str, text: str) -> JsonObject | None:
    """The answer in the body: JSON, or plain text, which Slack shows unchanged."""
    if not text.strip():
        return None
    if content_type != "application/json":
        return {"text": text}
    try:
        parsed = json.loads(text)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None
