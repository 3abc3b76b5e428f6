"""Answers that come too slowly, are too long, or grow when unpacked.

The stand-in never holds a whole body in memory. A good client doesn't either.
"""

import asyncio
import functools
import zlib
from collections.abc import AsyncIterator

from aiohttp import web

from sandbox.trouble import NEVER_ANSWERED

DRIP_SECONDS = 0.2
ENDLESS_SECONDS = 0.02
MEBIBYTE = 1024 * 1024
FLOOD_BYTES = 100 * MEBIBYTE
BOMB_BYTES = 256 * MEBIBYTE
OPENING, CLOSING = b'{"data": {"status": "FAILED", "pad": "', b'"}, "error": false}'
"""A valid body for a client that reads to the end."""


async def drip_headers(request: web.Request, _: bytes) -> web.StreamResponse:
    """The status line, then a header whose value comes a byte at a time and never ends."""
    transport = request.transport  # aiohttp drops its own transport when the caller hangs up
    if transport is not None:
        transport.write(b"HTTP/1.1 200 OK\r\nX-Filler: ")
        while not transport.is_closing():
            await asyncio.sleep(DRIP_SECONDS)
            transport.write(b"x")
    return web.Response(status=NEVER_ANSWERED)


async def drip(request: web.Request, body: bytes) -> web.StreamResponse:
    """One byte at a time: each comes within a read timeout, but the whole body takes minutes."""

    async def bytewise() -> AsyncIterator[bytes]:
        for byte in body:
            yield bytes([byte])
            await asyncio.sleep(DRIP_SECONDS)

    return await _streamed(request, {"Content-Length": str(len(body))}, bytewise())


async def without_end(request: web.Request, _: bytes) -> web.StreamResponse:
    """Chunked without a last chunk, so the length is unknown."""

    async def forever() -> AsyncIterator[bytes]:
        yield OPENING
        while True:
            yield b"x" * 1024
            await asyncio.sleep(ENDLESS_SECONDS)

    return await _streamed(request, {}, forever())


async def flood(request: web.Request, _: bytes) -> web.StreamResponse:
    """100 MiB of valid JSON, as fast as the caller reads."""

    async def parts() -> AsyncIterator[bytes]:
        yield OPENING
        for _ in range(FLOOD_BYTES // MEBIBYTE):
            yield b"x" * MEBIBYTE
        yield CLOSING

    length = len(OPENING) + FLOOD_BYTES + len(CLOSING)
    return await _streamed(request, {"Content-Length": str(length)}, parts())


async def gzip_bomb(request: web.Request, _: bytes) -> web.StreamResponse:
    """About 270 kB that unpack to 256 MiB of valid JSON, even for a caller that doesn't accept gzip."""
    packed = await asyncio.to_thread(_bomb)

    async def whole() -> AsyncIterator[bytes]:
        yield packed

    return await _streamed(request, {"Content-Encoding": "gzip", "Content-Length": str(len(packed))}, whole())


@functools.cache
def _bomb() -> bytes:
    """One gzip member; the padding is packed once and repeated, which a full flush between the blocks allows."""
    block = b"x" * MEBIBYTE
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    parts = [packer.compress(OPENING) + packer.flush(zlib.Z_FULL_FLUSH)]
    parts += [packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)] * (BOMB_BYTES // MEBIBYTE)
    parts.append(packer.compress(CLOSING) + packer.flush())
    check = zlib.crc32(OPENING)
    for _ in range(BOMB_BYTES // MEBIBYTE):
        check = zlib.crc32(block, check)
    check = zlib.crc32(CLOSING, check)
    length = len(OPENING) + BOMB_BYTES + len(CLOSING)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"  # deflate, no name, no time, packed tightly, unknown system
    return head + b"".join(parts) + check.to_bytes(4, "little") + length.to_bytes(4, "little")


async def _streamed(request: web.Request, headers: dict[str, str], parts: AsyncIterator[bytes]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", **headers})
    try:
        await response.prepare(request)
        async for part in parts:
            await response.write(part)
    except ConnectionError:
        pass  # the caller gave up, as it should
    return response
