"""Broken connections: silence, a reset, or a body that ends too early."""

import asyncio
import socket
import struct

from aiohttp import web

GONE_CHECK_SECONDS = 0.05
NEVER_ANSWERED = 499
"""nginx's status for a caller that hung up. No one reads it here."""


async def stay_silent(request: web.Request) -> web.StreamResponse:
    """Never answers. Ends when the caller hangs up, which aiohttp does not report to a handler."""
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110  no event to wait on
        await asyncio.sleep(GONE_CHECK_SECONDS)
    return web.Response(status=NEVER_ANSWERED)


def reset(request: web.Request) -> web.StreamResponse:
    """An RST: a socket that lingers for 0 seconds is reset when closed."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response(status=NEVER_ANSWERED)


async def stop_short(request: web.Request, body: bytes) -> web.StreamResponse:
    """Half the body under a Content-Length that promises the whole."""
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
