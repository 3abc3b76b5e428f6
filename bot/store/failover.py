"""Connections that leave a server after a failover.

After a planned failover the old primary goes on as a replica: it answers, and refuses every write. A client that keeps
its connections would never leave it.
"""

import re
from dataclasses import dataclass
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    ReadOnlyError,
    RedisError,
    TryAgainError,
)
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
)

from bot.redis_address import RedisNode

# A script's error carries the code inside its text, and redis-py has no class for some of them.
# https://redis.io/docs/latest/operate/oss_and_stack/management/replication/, …/latest/develop/reference/protocol-spec/
_CODES = re.compile(
    r"\b(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|MISCONF|UNBLOCKED|NOAUTH|TRYAGAIN|MOVED|ASK)\b"
)
_KINDS = (AskError, AuthenticationError, BusyLoadingError, ClusterDownError, ReadOnlyError, TryAgainError)


class WrongServerError(RedisConnectionError):
    """The server is no primary. A ConnectionError makes redis-py reconnect and retry.

    The retry is safe: such a server refuses the first write of a script, so nothing was done.
    """


@dataclass(slots=True)
class Generation:
    """Counts failovers. The pool closes a connection with an older number before it uses it again."""

    number: int = 0
    server: RedisNode | None = None
    """Where new connections lead, if a lookup found it."""

    def leads_to(self, server: RedisNode) -> None:
        """Makes the pool leave the server before."""
        if self.server not in {None, server}:
            self.number += 1
        self.server = server


def means_another_server(error: RedisError) -> bool:
    """True if another server, or the same one a moment later, may accept the write."""
    return isinstance(error, _KINDS) or bool(_CODES.search(str(error)))


def with_failover_check(base: type[AbstractConnection], generation: Generation) -> type[AbstractConnection]:
    """A connection class. After one connection meets a former primary, its whole pool connects to the address again."""

    class Leaving(base):  # type: ignore[misc, valid-type]  # one of three, by the address's scheme
        _made_in = 0

        async def connect(self) -> None:
            if self.is_connected and self._made_in != generation.number:
                await self.disconnect(nowait=True)
            await super().connect()

        async def connect_check_health(self, *args: Any, **options: Any) -> None:
            if not self.is_connected:
                self._made_in = generation.number
            await super().connect_check_health(*args, **options)

        async def read_response(self, *args: Any, **options: Any) -> Any:
            try:
                return await super().read_response(*args, **options)
            except RedisError as exc:
                if not means_another_server(exc):
                    raise
                if self._made_in == generation.number:
                    generation.number += 1
                if isinstance(exc, RedisConnectionError):
                    raise
                raise WrongServerError(f"the server refuses: {exc}") from exc

    return Leaving
