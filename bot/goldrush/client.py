"""Reads GoldRush over httpx: GET only, with limits for time, size and number. The ServiceKey never leaves this file."""

import asyncio
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Protocol, Self, TypeVar, cast

import httpx
from pydantic import SecretStr

from bot.domain.catalogue import Pipeline
from bot.domain.chains import Chain
from bot.domain.configuration import Configuration
from bot.domain.credits import Usage
from bot.domain.log_lines import PodLog
from bot.domain.measurement import DestinationHealth, Measurement
from bot.domain.observation import PipelineId
from bot.goldrush import wire, wire_account, wire_chains, wire_configuration, wire_details
from bot.goldrush.body import ResponseBody
from bot.goldrush.connection import HttpAnswer, PersistentConnection, Unanswered
from bot.goldrush.connections import IDLE_SECONDS, Connections
from bot.goldrush.deadlines import Deadlines
from bot.goldrush.slots import Slots
from bot.ports.pipeline_api import NEEDS_OPERATOR, ApiError, ListingPage, OnOutcome, Status, Unavailable
from bot.proxy import proxy_for

REMEMBERED_ANSWERS = 4096  # statuses decoded before, half a kilobyte each: most answers equal the one before

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_BROKE = "The connection to GoldRush broke before its answer was complete."
# The first row that fits the failure or one of its causes gives the sentences: for the operator, and for people.
_SENTENCES: tuple[tuple[type[BaseException], str, str], ...] = (
    (
        ssl.SSLError,
        "I could not connect to GoldRush safely: TLS failed. Check GOLDRUSH_API_URL, the clock and any proxy.",
        f"I can't connect to GoldRush safely. {NEEDS_OPERATOR}",
    ),
    (
        socket.gaierror,
        "I could not resolve GoldRush's host name, or the proxy's: check GOLDRUSH_API_URL, any proxy and DNS.",
        "I can't reach GoldRush.",
    ),
    (
        ConnectionRefusedError,
        "The connection to GoldRush was refused: check GOLDRUSH_API_URL and any proxy.",
        "I can't reach GoldRush.",
    ),
    (httpx.ProxyError, "The proxy blocked the request to GoldRush.", "I can't reach GoldRush."),
    (httpx.ConnectError, "I could not reach GoldRush: check the network.", "I can't reach GoldRush."),
    (httpx.HTTPError, _BROKE, _BROKE),
)


class _Decode(Protocol[T_co]):
    def __call__(self, status: int, headers: httpx.Headers, body: bytes, /, *, service_key: SecretStr) -> T_co: ...


class Client:
    """Implements the ports of GoldRush (`PipelineApi` and those beside it). An async context manager.

    A call waits at most `deadline_seconds` for one of `max_connections` slots. Then it waits at most
    `deadline_seconds` for the last byte of the answer. It follows no redirect.

    Raises:
        ValueError: an HTTP header can't carry `service_key`, `base_url` is no address, or the environment names a
            proxy or a certificate file that is not valid.
    """

    def __init__(
        self,
        *,
        base_url: str,
        service_key: SecretStr,
        deadline_seconds: float = 5.0,
        max_connections: int = 8,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._service_key = _checked(service_key)
        self._deadline_seconds = deadline_seconds
        self._deadlines = Deadlines(deadline_seconds)
        self._slots = Slots(max_connections)
        self._template = _template(_address(base_url), self._service_key)
        self._prefix = self._template.url.raw_path.partition(b"?")[0].rstrip(b"/")
        self._connections = Connections((lambda: transport) if transport else _maker(base_url))
        self._decoded = lru_cache(REMEMBERED_ANSWERS)(self._decode)

    async def __aenter__(self) -> Self:
        """Makes the first transport, so that a wrong setting fails here and not at the first read."""
        self._connections.release(await self._connections.acquire())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._connections.close()
        self._deadlines.close()

    async def status(self, pipeline_id: PipelineId) -> Status:
        return await self._read(wire.status_path(pipeline_id), wire.decode_status)

    def begin_status(self, pipeline_id: PipelineId, on_outcome: OnOutcome) -> None:
        connection = None
        if self._slots.try_take() and (connection := self._connections.acquire_open()) is None:
            self._slots.release()
        if connection is None:
            on_outcome(None)
            return
        read = _ReadWithoutTask(self, connection, on_outcome)
        self._deadlines.begin(read)
        try:
            target = self._target(wire.status_path(pipeline_id))
        except ApiError:  # no pipeline can have this id
            read.end(Unanswered("no request"))
        else:
            connection.begin(self._template, target, read.end)

    def end_status(self, read: "_ReadWithoutTask") -> None:
        """Takes back what `begin_status` took."""
        self._deadlines.end(read)
        self._connections.release(read.connection)
        self._slots.release()

    def outcome(self, answer: HttpAnswer | httpx.TransportError | TimeoutError) -> Status | ApiError | None:
        """What `begin_status` found out."""
        if isinstance(answer, Unanswered):
            return None  # the server had perhaps closed the idle connection; a GET may be sent twice
        if not isinstance(answer, HttpAnswer):
            return self._unavailable(answer)
        try:
            if answer.status == 200:
                return self._decoded(answer.content_encoding, answer.body)
            return self._decode(answer.content_encoding, answer.body, answer.status, answer.headers)
        except ApiError as exc:
            return exc
        except Exception:  # noqa: BLE001 (`status` meets the same error, and its caller reports it)
            return None

    def _decode(
        self, encoding: str, body: bytes, status: int = 200, headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> Status:
        collected = ResponseBody(encoding)
        collected.feed(body)
        known = httpx.Headers(headers, encoding="latin-1")
        return wire.decode_status(status, known, collected.whole(), service_key=self._service_key)

    async def pipeline(self, pipeline_id: PipelineId) -> Pipeline:
        decode = partial(wire.decode_pipeline, pipeline_id=pipeline_id)
        return await self._read(wire.pipeline_path(pipeline_id), decode)

    async def page(self, number: int) -> ListingPage:
        return await self._read(wire.page_path(number), wire.decode_page)

    async def logs(self, pipeline_id: PipelineId) -> tuple[PodLog, ...]:
        return await self._read(wire_details.logs_path(pipeline_id), wire_details.decode_logs)

    async def metrics(self, pipeline_id: PipelineId, at: datetime) -> Measurement:
        decode = partial(wire_details.decode_metrics, at=at)
        return await self._read(wire_details.metrics_path(pipeline_id), decode)

    async def destination_health(self, pipeline_id: PipelineId) -> DestinationHealth:
        path = wire_details.destination_health_path(pipeline_id)
        return await self._read(path, wire_details.decode_destination_health)

    async def configuration(self, pipeline_id: PipelineId) -> Configuration:
        decode = partial(wire_configuration.decode_configuration, pipeline_id=pipeline_id)
        return await self._read(wire.pipeline_path(pipeline_id), decode)

    async def chains(self, at: datetime) -> tuple[Chain, ...]:
        """Of `ChainStatus`: only for a client with an API key in place of the ServiceKey."""
        return await self._read(wire_chains.CHAINS_PATH, partial(wire_chains.decode_chains, at=at))

    async def usage(self, at: datetime) -> Usage:
        return await self._read(wire_account.USAGE_PATH, partial(wire_account.decode_usage, at=at))

    async def _read(self, path: str, decode: _Decode[T]) -> T:
        if not self._slots.try_take():  # the usual case needs no timer
            await self._wait_for_slot()
        try:
            with self._deadlines.limit():
                status, headers, body = await self._exchange(path)
        except (TimeoutError, httpx.HTTPError) as exc:
            raise self._unavailable(exc) from exc
        finally:
            self._slots.release()
        return decode(status, headers, body, service_key=self._service_key)

    def _unavailable(self, exc: TimeoutError | httpx.HTTPError) -> Unavailable:
        _strip(exc)
        if isinstance(exc, TimeoutError):
            return Unavailable(f"GoldRush didn't answer within {self._deadline_seconds:g} s.")
        return _unreachable(exc)

    async def _wait_for_slot(self) -> None:
        try:
            async with asyncio.timeout(self._deadline_seconds):
                await self._slots.wait()
        except TimeoutError as exc:
            raise Unavailable("GoldRush is slow and all connections to it are busy, so I didn't ask.") from exc

    async def _exchange(self, path: str) -> tuple[int, httpx.Headers, bytes]:
        connection = await self._connections.acquire()
        try:
            response = await connection.handle_async_request(self._request(path))
            response.headers.encoding = "latin-1"  # else httpx tries several encodings on all headers
            stream = cast("httpx.AsyncByteStream", response.stream)  # a transport for asyncio gives no other
            try:
                body = ResponseBody(response.headers.get("Content-Encoding", ""))
                async for piece in stream:
                    body.feed(piece)
            finally:
                await stream.aclose()
            return response.status_code, response.headers, body.whole()
        finally:
            self._connections.release(connection)

    def _request(self, path: str) -> httpx.Request:
        return _Get(self._template, self._target(path))

    def _target(self, path: str) -> bytes:
        return self._prefix + path.encode("ascii")


class _ReadWithoutTask:
    """A read on a lent connection. It ends once: with what came, or by its deadline."""

    __slots__ = ("_client", "_on_outcome", "connection")

    def __init__(self, client: Client, connection: PersistentConnection, on_outcome: OnOutcome) -> None:
        self._client = client
        self._on_outcome = on_outcome
        self.connection = connection

    def end(self, answer: HttpAnswer | httpx.TransportError | TimeoutError) -> None:
        self._client.end_status(self)
        self._on_outcome(self._client.outcome(answer))

    def expire(self) -> None:
        self.connection.abandon()
        self.end(TimeoutError())


class _Get(httpx.Request):
    """A request like the template, but for another path. It takes a hundredth of the CPU of one with its own URL."""

    def __init__(self, template: httpx.Request, target: bytes) -> None:
        self.method, self.url = template.method, template.url
        self.headers, self.stream = template.headers, template.stream
        self.extensions = {"target": target}


def _template(url: httpx.URL, service_key: SecretStr) -> httpx.Request:
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": _user_agent(),
        "Authorization": f"Bearer {service_key.get_secret_value()}",
    }
    return httpx.Request("GET", url, headers=headers)


def _maker(base_url: str) -> Callable[[], httpx.AsyncBaseTransport]:
    """Makes transports of one connection each. Only httpx's own transport can use a proxy."""
    trusted = _trusted()  # made once, since that takes longer than a read
    proxy = proxy_for(base_url)
    if proxy is None:
        return partial(PersistentConnection, trusted)
    return partial(
        httpx.AsyncHTTPTransport,
        proxy=proxy,
        verify=trusted,
        trust_env=False,
        limits=httpx.Limits(max_keepalive_connections=1, keepalive_expiry=IDLE_SECONDS),
    )


def _address(base_url: str) -> httpx.URL:
    """Refuses a wrong address without quoting it, since it may contain a password."""
    with suppress(httpx.InvalidURL, UnicodeError):
        url = httpx.URL(base_url)
        if url.scheme in {"http", "https"} and url.host and (url.port or 80) < 2**16:
            return url.copy_with(username="", password="")
    raise ValueError("GOLDRUSH_API_URL is not an http or https address")


def _trusted() -> ssl.SSLContext:
    """The certificates of SSL_CERT_FILE or SSL_CERT_DIR, or else those that come with httpx."""
    try:
        return httpx.create_ssl_context()
    except OSError as exc:  # ssl.SSLError is one
        raise ValueError(
            "SSL_CERT_FILE is not valid: it contains no readable certificates. It must be a PEM file"
        ) from exc


def _checked(service_key: SecretStr) -> SecretStr:
    """Removes the newline that a file may end in. Refuses other odd keys: httpx would quote them in its error."""
    service_key = SecretStr(service_key.get_secret_value().strip())
    if not re.fullmatch(r"[\x21-\x7e]+", service_key.get_secret_value()):
        raise ValueError("GOLDRUSH_SERVICE_KEY is empty, or contains characters that no ServiceKey has")
    return service_key


def _user_agent() -> str:
    try:
        return f"pipeline-bot/{version('pipeline-bot')}"
    except PackageNotFoundError:  # a checkout that is not installed
        return "pipeline-bot/0"


def _chain(failure: BaseException | None) -> Iterator[BaseException]:
    while failure is not None:
        yield failure
        failure = failure.__cause__ or failure.__context__


def _strip(failure: BaseException) -> None:
    """Removes the library's frames: their local variables hold the key, and some loggers print those."""
    for link in _chain(failure):
        link.__traceback__ = None


def _unreachable(failure: httpx.HTTPError) -> Unavailable:
    links = tuple(_chain(failure))
    fits = ((text, plain) for kind, text, plain in _SENTENCES if any(isinstance(link, kind) for link in links))
    text, plain = next(fits)
    return Unavailable(text, plain=plain)
