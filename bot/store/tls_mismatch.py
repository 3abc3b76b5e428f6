"""Finds out whether a server speaks TLS where REDIS_URL says that it does not, or the other way round."""

import asyncio
import ssl
from urllib.parse import urlsplit

from bot.redis_address import REDIS_PORT
from bot.store.connect import ANSWER_SECONDS
from bot.store.problem import Problem, Weight

_NO_TLS = Problem(
    "Store",
    Weight.FATAL,
    "this server does not speak TLS on that port",
    "write redis:// in REDIS_URL, or the server's TLS port",
)
_WANTS_TLS = Problem(
    "Store",
    Weight.FATAL,
    "this server speaks TLS on that port",
    "write rediss:// in REDIS_URL, or the server's port without TLS",
)


async def tls_mismatch(url: str) -> Problem | None:
    """Asks a server that gave the bot no answer. `url` is a valid address. Sends no password."""
    scheme = url.partition("://")[0]
    if scheme == "rediss" and await _answers_without_tls(url):
        return _NO_TLS
    if scheme == "redis" and await _answers_with_tls(url):
        return _WANTS_TLS
    return None


async def _answers_without_tls(url: str) -> bool:
    """A Redis without TLS waits for the end of a line, so TLS ends in a timeout there."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await _connection(url)
            try:
                writer.write(b"PING\r\n")
                return (await reader.read(1)) in {b"+", b"-"}
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


async def _answers_with_tls(url: str) -> bool:
    """Trusts any certificate: nothing but the handshake goes to the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            _, writer = await _connection(url, context)
    except (OSError, TimeoutError):
        return False
    writer.transport.abort()
    return True


async def _connection(
    url: str, context: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port or REDIS_PORT, ssl=context)
