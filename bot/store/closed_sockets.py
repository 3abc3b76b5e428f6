"""Connections that don't write to a socket after the other end has reset it."""

from collections.abc import Iterable

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError


def with_closed_socket_check(base: type[AbstractConnection]) -> type[AbstractConnection]:
    """A connection class that raises ConnectionError if asyncio has closed its transport already.

    From Python 3.12 on, `writelines` on a lost transport raises AttributeError, or registers a file descriptor that the
    next connection gets. That connection then hangs until its deadline. https://github.com/python/cpython/issues/136234
    """

    class Checked(base):  # type: ignore[misc, valid-type]  # one of three, by the address's scheme
        async def _send_packed_command(self, command: Iterable[bytes]) -> None:
            if self._writer is None or self._writer.is_closing():
                raise RedisConnectionError("the connection was lost")
            await super()._send_packed_command(command)

    return Checked
