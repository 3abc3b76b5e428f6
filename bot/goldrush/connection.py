"""One HTTP/1.1 connection to GoldRush, as a transport of httpx: GET only, no proxy.

httpx's own transport costs ten times the CPU per read (docs/performance.md). llhttp, the parser of Node.js, reads the
answers here.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, cast

import httptools
import httpx
from aiohappyeyeballs import start_connection

from bot.goldrush.body import LONGEST_BODY

LONGEST_HEAD = 64 * 1024  # bytes of status line and headers, interim answers (1xx) included
LONGEST_ANSWER = 16 * 1024 * 1024  # bytes on the wire; a body of 1 MiB in chunks of one byte needs less than half
HAPPY_EYEBALLS_SECONDS = 0.25  # https://www.rfc-editor.org/rfc/rfc8305#section-5


class HttpAnswer(NamedTuple):
    """An answer as it came. Its body may be compressed, and is incomplete if it is too long."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def content_encoding(self) -> str:
        """As httpx reads it: empty without one."""
        found = [value for name, value in self.headers if len(name) == 16 and name.lower() == b"content-encoding"]
        return b", ".join(found).decode("latin-1")


class Unanswered(httpx.ReadError):
    """The connection broke before the first byte of the answer."""


OnAnswer = Callable[[HttpAnswer | httpx.TransportError], None]


class PersistentConnection(httpx.AsyncBaseTransport):
    """Sends one request at a time. Opens its socket for the first one, and again after the server closed it.

    `handle_async_request` is httpx's interface. `begin` is for callers without a task: it builds no response of httpx.

    The request's extension `target` replaces the path of its URL, as in httpx's own transport.

    Raises:
        httpx.ConnectError: no connection. Its cause says why.
        httpx.ReadError: the connection broke before the answer was complete.
        httpx.RemoteProtocolError: the answer is not HTTP, or too long.
    """

    def __init__(self, trusted: ssl.SSLContext) -> None:
        self._trusted = trusted
        self._socket: _Socket | None = None
        self._headers: httpx.Headers | None = None
        self._encoded_headers = b""
        """Those of `_headers`. All requests of a client have the same."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        head = self._head(request, request.extensions.get("target") or request.url.raw_path)
        if self._socket and self._socket.is_idle:
            try:
                return await self._socket.exchange(head)
            except Unanswered:
                pass  # the server had closed the idle connection; a GET may be sent twice
        self._socket = await _open(request.url, self._trusted)
        return await self._socket.exchange(head)

    @property
    def is_open(self) -> bool:
        """True if `begin` may be called."""
        return self._socket is not None and self._socket.is_idle

    def begin(self, request: httpx.Request, target: bytes, on_answer: OnAnswer) -> None:
        """Sends a request. `on_answer` gets the whole answer, or the error that came in its place."""
        assert self._socket is not None  # noqa: S101 (the caller looked at `is_open`)
        self._socket.begin(self._head(request, target), on_answer)

    def abandon(self) -> None:
        """Closes the connection. `on_answer` hears no more."""
        if self._socket:
            self._socket.abandon()

    def _head(self, request: httpx.Request, target: bytes) -> bytes:
        if request.headers is not self._headers:
            self._headers = request.headers
            self._encoded_headers = b"".join(b"%b: %b\r\n" % header for header in request.headers.raw)
        return b"GET %b HTTP/1.1\r\n%b\r\n" % (target, self._encoded_headers)

    async def aclose(self) -> None:
        if self._socket:
            self._socket.abort()
            await self._socket.lost.wait()


async def _open(url: httpx.URL, trusted: ssl.SSLContext) -> "_Socket":
    secure = url.scheme == "https"
    host = url.raw_host.decode()
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, url.port or (443 if secure else 80), type=socket.SOCK_STREAM)
        opened = await start_connection(found, happy_eyeballs_delay=HAPPY_EYEBALLS_SECONDS, interleave=1)
        _, protocol = await loop.create_connection(
            _Socket, sock=opened, ssl=trusted if secure else None, server_hostname=host if secure else None
        )
    except UnicodeError:  # a label of the host name is empty or too long, says Python's codec
        raise httpx.ConnectError("no such host") from socket.gaierror("no such host")
    except OSError as exc:
        raise httpx.ConnectError(str(exc)) from exc
    return protocol


class _Socket(asyncio.Protocol):
    """An open socket and the answer that arrives on it. llhttp calls the methods `on_…`."""

    __slots__ = (
        "_body_length",
        "_busy",
        "_complete",
        "_failure",
        "_headers",
        "_keeps_alive",
        "_loop",
        "_on_answer",
        "_parser",
        "_pieces",
        "_progress",
        "_received",
        "_status",
        "_transport",
        "lost",
    )

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._progress: asyncio.Future[None] | None = None
        self._on_answer: OnAnswer | None = None
        self._failure: httpx.TransportError | None = None
        self._busy = False
        self._pieces: deque[bytes] = deque()
        self._begin()

    def _begin(self) -> None:
        self._received = 0
        self._status = 0  # 0 until the head is complete
        self._headers: list[tuple[bytes, bytes]] = []
        self._pieces.clear()
        self._body_length = 0
        self._complete = False
        self._keeps_alive = False

    # --- one exchange ----------------------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """True if the next request may use this connection."""
        return not self._busy and not self.lost.is_set()

    async def exchange(self, head: bytes) -> httpx.Response:
        """Returns when the head of the answer is complete. The caller closes the answer's stream, read or not."""
        self._send(head)
        try:
            while not self._status:
                await self._next_change()
        except BaseException:  # a cancelled read too: its answer may still come
            self.abort()
            raise
        return httpx.Response(self._status, headers=self._headers, stream=_Body(self))

    def begin(self, head: bytes, on_answer: OnAnswer) -> None:
        """The same without a task. Collects the whole body."""
        self._on_answer = on_answer
        self._send(head)

    def abandon(self) -> None:
        """Nobody waits for the answer to `begin` any more."""
        self._on_answer = None
        self.abort()

    def _send(self, head: bytes) -> None:
        self._begin()
        self._busy = True
        self._transport.write(head)

    def _tell(self) -> None:
        """Hands over what `begin` asked for, once it is there."""
        if self._on_answer and (self._complete or self._failure or self._body_length > LONGEST_BODY):
            on_answer, self._on_answer = self._on_answer, None
            answer = self._failure or HttpAnswer(self._status, self._headers, b"".join(self._pieces))
            self.end()
            on_answer(answer)

    async def next_piece(self) -> bytes | None:
        """The next bytes of the body; None after the last."""
        while not self._pieces:
            if self._complete:
                return None
            await self._next_change()
        return self._pieces.popleft()

    def end(self) -> None:
        """Ends the exchange. A connection with unread bytes can't be used again."""
        if self._complete and self._keeps_alive and not self._failure:
            self._busy = False
        else:
            self.abort()

    def abort(self) -> None:
        self._busy = True
        self._transport.abort()

    def _next_change(self) -> asyncio.Future[None]:
        """Done once more of the answer has arrived."""
        if self._failure:
            raise self._failure
        self._progress = self._loop.create_future()
        return self._progress

    def _wake(self) -> None:
        if self._progress and not self._progress.done():
            self._progress.set_result(None)

    def _fail(self, failure: httpx.TransportError) -> None:
        self._failure = self._failure or failure
        self._wake()

    # --- what asyncio calls ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # create_connection makes no other

    def data_received(self, data: bytes) -> None:
        if not self._busy:
            self.abort()  # nobody asked: these bytes must not pass for the next answer
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            self._fail(httpx.RemoteProtocolError(f"not HTTP: {exc}"))
        if self._received > (LONGEST_ANSWER if self._status else LONGEST_HEAD):
            self._fail(httpx.RemoteProtocolError("too long"))
        if self._failure:
            self._transport.abort()
        self._tell()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()
        if self._status and not exc and not self._failure and self._is_ended_by_close():
            self._complete = True
            self._wake()
        elif not self._complete:
            self._fail(httpx.ReadError("closed") if self._received else Unanswered("closed"))
        self._tell()

    def _is_ended_by_close(self) -> bool:
        """https://www.rfc-editor.org/rfc/rfc9112#section-6.3, the last rule"""
        return not any(name.lower() in {b"content-length", b"transfer-encoding"} for name, _ in self._headers)

    # --- what llhttp calls -----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._complete:
            self._keeps_alive = False  # a second answer to one request

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._status:  # else a trailer
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            self._headers.clear()  # an interim answer: the final one follows
        elif not self._status:
            self._keeps_alive = self._parser.should_keep_alive()
            self._status = status
            self._wake()

    def on_body(self, piece: bytes) -> None:
        if not self._complete:
            self._pieces.append(piece)
            self._body_length += len(piece)
            self._wake()

    def on_message_complete(self) -> None:
        if self._status:
            self._complete = True
            self._wake()


class _Body(httpx.AsyncByteStream):
    """The body of an answer, in the pieces that arrive."""

    def __init__(self, exchange: _Socket) -> None:
        self._exchange = exchange

    def __aiter__(self) -> "_Body":
        return self

    async def __anext__(self) -> bytes:
        piece = await self._exchange.next_piece()
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        self._exchange.end()
