"""Calls Slack's Web API within a deadline, and returns the answer as plain data.

Never repeats a call that Slack may have carried out.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from time import monotonic

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.ports.telemetry import emit
from bot.ports.telemetry.slack import CallOutcome, SlackCalled
from bot.proxy import proxy_for
from bot.slack.outbound.channel_ids import ChannelIds

DEADLINE_SECONDS = 5.0
IDLE_SECONDS = 2.0
"""A connection serves the next call only so soon. Servers keep idle ones far longer, so none closes one just then."""
_PASSING = frozenset({"fatal_error", "internal_error", "ratelimited", "request_timeout", "service_unavailable"})


class Lost(Enum):
    """Why there is no answer."""

    NEVER_SENT = "never sent"
    UNKNOWN = "unknown"
    """Slack may have carried out the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackAnswer:
    """Slack's answer to one call, or the reason why there is none."""

    status: int = 0
    body: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    lost: Lost | None = None
    """Set if no readable answer came."""
    detail: str = ""
    """Why no answer came, without secrets."""

    @property
    def ok(self) -> bool:
        return self.lost is None and self.body.get("ok") is True

    @property
    def transient(self) -> bool:
        """True if the call failed, and may succeed later."""
        return not self.ok and (
            self.lost is not None or self.status == 429 or self.status >= 500 or self.error in _PASSING
        )

    @property
    def is_foreign(self) -> bool:
        """True if something else than Slack's Web API answered: its every answer has `ok`."""
        return self.lost is None and not self.transient and "ok" not in self.body

    @property
    def outcome(self) -> CallOutcome:
        if self.ok:
            return CallOutcome.OK
        if self.status == 429 or self.error == "ratelimited":
            return CallOutcome.RATE_LIMITED
        return CallOutcome.REFUSED if self.lost is None else CallOutcome.NO_ANSWER

    @property
    def error(self) -> str:
        return str(self.body.get("error") or self.detail or f"HTTP {self.status}")


class SlackClient(AsyncWebClient):
    """Speaks to Slack with the current ids of channels."""

    def __init__(self, token: str | None, api_url: str, channel_ids: ChannelIds) -> None:
        super().__init__(token=token, base_url=api_url, timeout=int(DEADLINE_SECONDS), retry_handlers=[])
        self.channel_ids = channel_ids


def web_client(token: str | None, api_url: str, channel_ids: ChannelIds | None = None) -> SlackClient:
    """A client that never retries, and uses the proxy for `api_url`.

    slack_sdk's default handler repeats a request after its connection broke. The message may be posted by then.
    slack_sdk also ignores NO_PROXY, so this function sets the proxy.

    Raises:
        ProxyError
    """
    client = SlackClient(token, api_url, channel_ids or ChannelIds())
    client.proxy = proxy_for(api_url)
    return client


@asynccontextmanager
async def kept_connections(client: SlackClient) -> AsyncIterator[None]:
    """Lets calls that follow each other use one connection. slack_sdk opens one for each call.

    Keeps no cookies, as before: Slack needs none.
    """
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS)
    timeout = aiohttp.ClientTimeout(total=DEADLINE_SECONDS)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        client.session = session
        try:
            yield
        finally:
            client.session = None


async def call(client: SlackClient, method: str, **arguments: object) -> SlackAnswer:
    """Calls `method` (e.g. `chat.postMessage`), and emits a record of the call.

    Returns failures of Slack or the network instead of raising. Arguments may hold any id of a channel. If the channel
    gets another id during the call, calls once more.
    """
    began = monotonic()
    answer = await _answered(client, method, arguments)
    channel = str(arguments.get("channel") or "") or None
    emit(SlackCalled(method=method, outcome=answer.outcome, seconds=monotonic() - began, channel=channel))
    return answer


async def _answered(client: SlackClient, method: str, arguments: Mapping[str, object]) -> SlackAnswer:
    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            sent = await client.channel_ids.current(given)
            answer = await _called(client, method, sent)
            if answer.error == "channel_not_found" and (later := await client.channel_ids.current(given)) != sent:
                return await _called(client, method, later)
            return answer
    except aiohttp.ClientConnectorError as exc:
        return SlackAnswer(lost=Lost.NEVER_SENT, detail=f"no connection to Slack ({type(exc).__name__})")
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as exc:
        return SlackAnswer(lost=Lost.UNKNOWN, detail=f"no answer from Slack ({type(exc).__name__})")


async def _called(client: SlackClient, method: str, arguments: Mapping[str, object]) -> SlackAnswer:
    """Methods that write take JSON; methods that read take a form (https://docs.slack.dev/apis/web-api/)."""
    try:
        if method.startswith(("chat.", "views.", "conversations.open", "conversations.join")):
            response = await client.api_call(method, json=dict(arguments))
        else:
            response = await client.api_call(method, data={name: _form(value) for name, value in arguments.items()})
    except SlackClientError as exc:
        return _answer_in(exc)
    return _answer(response)


def _form(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _answer_in(exc: SlackClientError) -> SlackAnswer:
    """slack_sdk raises for `ok: false` with the response, and for a body that is not JSON without one."""
    response = getattr(exc, "response", None)
    if isinstance(response, AsyncSlackResponse):
        return _answer(response)
    status = getattr(response, "status", 0)
    return SlackAnswer(lost=Lost.UNKNOWN, detail=f"unreadable answer from Slack (HTTP {status})")


def _answer(response: AsyncSlackResponse) -> SlackAnswer:
    body = response.data if isinstance(response.data, dict) else {}
    return SlackAnswer(status=response.status_code, body=body, headers=dict(response.headers))
