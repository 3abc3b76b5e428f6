"""One connection to GoldRush, byte for byte: what it understands, when it is used again, and what breaks it."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from bot.goldrush.connection import LONGEST_ANSWER, LONGEST_HEAD, PersistentConnection

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSE = None  # in a script: the server closes the connection


class Scripted:
    """A server that answers the requests of each connection with the next steps of that connection's script."""

    def __init__(self, scripts: Sequence[Sequence[bytes | None]]) -> None:
        self.requests: list[list[bytes]] = []
        self._scripts = scripts
        self._tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @classmethod
    @asynccontextmanager
    async def playing(
        cls, *scripts: Sequence[bytes | None], tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[tuple["Scripted", str]]:
        scripted = cls(scripts)
        server = await asyncio.start_server(scripted._accept, "127.0.0.1", 0, ssl=tls)
        try:
            yield scripted, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for task in scripted._tasks:
                task.cancel()
            await asyncio.gather(*scripted._tasks, return_exceptions=True)

    async def say_unasked(self, words: bytes) -> None:
        """Down every open connection. Returns when the client has hung up on each."""
        for writer in self._tasks.values():
            writer.write(words)
        await asyncio.wait(self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks[asyncio.get_running_loop().create_task(self._serve(reader, writer))] = writer

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests: list[bytes] = []
        script = self._scripts[len(self.requests)]
        self.requests.append(requests)
        try:
            for step in script:
                requests.append(await reader.readuntil(b"\r\n\r\n"))
                if step is CLOSE:
                    return
                writer.write(step)
                await writer.drain()
            await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client hung up
        finally:
            writer.close()


def asked(url: str) -> httpx.Request:
    return httpx.Request("GET", f"{url}/a?b=c", headers={"X": "1"})


async def read(connection: PersistentConnection, url: str) -> bytes:
    response = await connection.handle_async_request(asked(url))
    try:
        return await response.aread()
    finally:
        await response.aclose()


@pytest.fixture
async def connection() -> AsyncIterator[PersistentConnection]:
    connection = PersistentConnection(ssl.create_default_context())
    yield connection
    await connection.aclose()


async def test_the_request_as_the_server_sees_it(connection: PersistentConnection) -> None:
    async with Scripted.playing([OK]) as (server, url):
        assert await read(connection, url) == b"ok"
    host = url.removeprefix("http://").encode()
    assert server.requests == [[b"GET /a?b=c HTTP/1.1\r\nHost: " + host + b"\r\nX: 1\r\n\r\n"]]


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\nTrailer: t\r\n\r\n",
            b"abc",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b""),
        (b"HTTP/1.1 200\r\nX-Empty:\r\nContent-Length:2\r\n\r\nok", b"ok"),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", b"ok"),
    ],
)
async def test_the_connection_stays_open_after_each_kind_of_body(
    connection: PersistentConnection, answer: bytes, body: bytes
) -> None:
    async with Scripted.playing([answer, OK]) as (server, url):
        assert await read(connection, url) == body
        assert await read(connection, url) == b"ok"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OK + b"unasked",
        OK + OK,
    ],
)
async def test_such_an_answer_counts_and_ends_the_connection(connection: PersistentConnection, answer: bytes) -> None:
    async with Scripted.playing([answer, CLOSE], [OK]) as (server, url):
        assert await read(connection, url) == b"ok"
        assert await read(connection, url) == b"ok"
    assert [len(requests) for requests in server.requests] == [1, 1]


async def test_the_end_of_the_connection_ends_a_body_without_length(connection: PersistentConnection) -> None:
    async with Scripted.playing([b"HTTP/1.0 200 OK\r\n\r\nall of it", CLOSE]) as (_, url):
        response = await connection.handle_async_request(asked(url))
        stream = response.aiter_raw()
        assert await anext(stream) == b"all of it"
    assert [piece async for piece in stream] == []


async def test_headers_come_as_sent(connection: PersistentConnection) -> None:
    answer = b"HTTP/1.1 200 OK\r\nX-Empty:\r\nRetry-After: 5\r\nVia: \xe9\r\nContent-Length: 0\r\n\r\n"
    async with Scripted.playing([answer]) as (_, url):
        response = await connection.handle_async_request(asked(url))
    assert (response.headers["x-empty"], response.headers["retry-after"], response.headers["via"]) == ("", "5", "é")


async def test_a_connection_that_the_server_closed_is_opened_again(connection: PersistentConnection) -> None:
    """The server closes it when the second request comes: the client could not know."""
    async with Scripted.playing([OK, CLOSE], [OK]) as (server, url):
        assert await read(connection, url) == b"ok"
        assert await read(connection, url) == b"ok"
    assert [len(requests) for requests in server.requests] == [2, 1]


async def test_a_request_is_sent_twice_and_no_more(connection: PersistentConnection) -> None:
    async with Scripted.playing([OK, CLOSE], [CLOSE], [OK]) as (server, url):
        assert await read(connection, url) == b"ok"
        with pytest.raises(httpx.ReadError):
            await read(connection, url)
    assert [len(requests) for requests in server.requests] == [2, 1]


async def test_a_request_is_not_repeated_once_the_answer_began(connection: PersistentConnection) -> None:
    async with Scripted.playing([OK, b"HTTP/1.1 2", CLOSE], [OK]) as (server, url):
        assert await read(connection, url) == b"ok"
        reading = asyncio.ensure_future(read(connection, url))
        while len(server.requests[0]) < 2:
            await asyncio.sleep(0)
    with pytest.raises(httpx.ReadError):
        await reading
    assert len(server.requests) == 1


async def test_bytes_that_nobody_asked_for_end_the_connection(connection: PersistentConnection) -> None:
    """Proxies end idle connections with a 408: it must not pass for the next answer."""
    async with Scripted.playing([OK], [OK]) as (server, url):
        assert await read(connection, url) == b"ok"
        await server.say_unasked(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        assert await read(connection, url) == b"ok"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Len", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"]
)
async def test_the_answer_to_a_cancelled_read_reaches_no_other(connection: PersistentConnection, begun: bytes) -> None:
    async with Scripted.playing([begun, b"gth: 9\r\n\r\nforeignxx"], [OK]) as (server, url):
        reading = asyncio.ensure_future(read(connection, url))
        while not server.requests or not server.requests[0]:
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert await read(connection, url) == b"ok"
    assert len(server.requests) == 2


async def test_an_answer_that_is_left_unread_ends_the_connection(connection: PersistentConnection) -> None:
    async with Scripted.playing([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"], [OK]) as (server, url):
        response = await connection.handle_async_request(asked(url))
        await response.aclose()
        assert await read(connection, url) == b"ok"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: banana\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 8 * LONGEST_HEAD,
        b"HTTP/1.1 100 Continue\r\n\r\n" * LONGEST_HEAD,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * (LONGEST_ANSWER + 1),
    ],
)
async def test_an_invalid_answer_is_an_error(connection: PersistentConnection, answer: bytes) -> None:
    async with Scripted.playing([answer], [OK]) as (_, url):
        with pytest.raises(httpx.RemoteProtocolError):
            await read(connection, url)
        assert await read(connection, url) == b"ok"


@pytest.mark.parametrize("length", [b"Content-Length: 9\r\n", b"Transfer-Encoding: chunked\r\n"])
async def test_a_body_that_is_cut_is_an_error(connection: PersistentConnection, length: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        with pytest.raises(httpx.ReadError):
            await read(connection, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")


async def test_a_refused_connection_names_its_cause(connection: PersistentConnection) -> None:
    with socket.socket() as reserved:  # bound, but not listening
        reserved.bind(("127.0.0.1", 0))
        with pytest.raises(httpx.ConnectError) as caught:
            await read(connection, f"http://127.0.0.1:{reserved.getsockname()[1]}")
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


@pytest.mark.parametrize("host", ["goldrush.invalid", "a..b", "x" * 70 + ".example"])
async def test_a_host_without_an_address_names_its_cause(connection: PersistentConnection, host: str) -> None:
    with pytest.raises(httpx.ConnectError) as caught:
        await read(connection, f"http://{host}")
    assert isinstance(caught.value.__cause__, socket.gaierror)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
class TestTls:
    @pytest.fixture
    def certificate(self, tmp_path: Path) -> Path:
        """Self-signed, for `localhost` only, with its key in the same file."""
        pem, key = tmp_path / "cert.pem", tmp_path / "key.pem"
        names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
        made = ("-keyout", str(key), "-out", str(pem), "-days", "2", "-nodes", "-newkey", "rsa:2048")
        subprocess.run(["openssl", "req", "-x509", *made, *names], check=True, capture_output=True)
        pem.write_text(pem.read_text() + key.read_text())
        return pem

    @pytest.fixture
    async def port(self, certificate: Path) -> AsyncIterator[int]:
        """Each connection answers twice, and ends at its third request."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        async with Scripted.playing([OK, OK, CLOSE], [OK, OK], tls=tls) as (_, url):
            yield int(url.rsplit(":", 1)[1])

    async def test_a_trusted_certificate(self, certificate: Path, port: int) -> None:
        connection = PersistentConnection(ssl.create_default_context(cafile=certificate))
        assert [await read(connection, f"https://localhost:{port}") for _ in range(4)] == [b"ok"] * 4
        await connection.aclose()

    async def test_a_certificate_of_another_host(self, certificate: Path, port: int) -> None:
        connection = PersistentConnection(ssl.create_default_context(cafile=certificate))
        with pytest.raises(httpx.ConnectError) as caught:
            await read(connection, f"https://127.0.0.1:{port}")
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)

    async def test_an_unknown_certificate(self, connection: PersistentConnection, port: int) -> None:
        with pytest.raises(httpx.ConnectError) as caught:
            await read(connection, f"https://localhost:{port}")
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
