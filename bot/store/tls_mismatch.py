"""Finds out whether a server speaks TLS where REDIS_URL says that it does not, or the other way round."""

import asyncio
import ssl
from urllib.parse import urlsplit

from bot.redis_address import REDIS_PORT, RedisNode, parse_redis_url
from bot.store.connect import ANSWER_SECONDS
from bot.store.problem import Problem, Weight


async def tls_mismatch(url: str) -> Problem | None:
    """Asks the nodes of an address that gave the bot no answer. `url` is a valid address. Sends no password."""
    scheme = url.partition("://")[0]
    if scheme == "unix":
        return None
    wants_tls = scheme.startswith("rediss")
    answers = _answers_without_tls if wants_tls else _answers_with_tls
    if not any(await asyncio.gather(*map(answers, _nodes(url)))):
        return None
    if wants_tls:
        text = "this server does not speak TLS on that port"
        fix = f"write {scheme.replace('rediss', 'redis')}:// in REDIS_URL, or the server's TLS port"
    else:
        text = "this server speaks TLS on that port"
        fix = f"write {scheme.replace('redis', 'rediss')}:// in REDIS_URL, or the server's port without TLS"
    return Problem("Store", Weight.FATAL, text, fix)


def _nodes(url: str) -> tuple[RedisNode, ...]:
    address = parse_redis_url(url)
    parts = urlsplit(address.url)
    return address.nodes or (RedisNode(parts.hostname or "", parts.port or REDIS_PORT),)


async def _answers_without_tls(node: RedisNode) -> bool:
    """A Redis without TLS waits for the end of a line, so TLS ends in a timeout there."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await _connection(node)
            try:
                writer.write(b"PING\r\n")
                return (await reader.read(1)) in {b"+", b"-"}
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


async def _answers_with_tls(node: RedisNode) -> bool:
    """Trusts any certificate: nothing but the handshake goes to the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            _, writer = await _connection(node, context)
    except (OSError, TimeoutError):
        return False
    writer.transport.abort()
    return True


async def _connection(
    node: RedisNode, context: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(node.host, node.port, ssl=context)
