"""Calls the real store and the in-memory reference, and compares their answers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.ports.changes import Changes
from bot.ports.heartbeat_store import LastHeartbeat
from bot.ports.lease_store import Lease
from bot.ports.store_errors import LeadershipLost, StoreAway, StoreRolledBack
from bot.ports.watch_store import WatchChanges, Watches
from tests.proofs.memory import MemoryStore
from tests.stores import WholeStore

_LEASING = {"lease", "acquire_lease"}


class DifferentialStore:
    """Implements every port of the store by calling both stores. Run ids of the server come from the reference."""

    def __init__(self, real: WholeStore, reference: MemoryStore) -> None:
        self.team = real.team
        self.real = real
        self._reference = reference
        self._leases: dict[str, Lease] = {}
        """The reference's lease, by the token of the real lease."""
        self._positions: dict[str, str] = {}
        """The reference's position in its log of changes, by the real one."""

    @property
    def knows_the_server(self) -> bool:
        return self._reference.knows_the_server

    def meet_another_server(self) -> None:
        """Makes the real store see a new server, as the reference already does.

        Before the bot's first heartbeat, neither store knows a server.
        """
        if self.knows_the_server:
            self.real.meet_another_server()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def ask(*args: Any, **kwargs: Any) -> Any:
            real = await _answer(getattr(self.real, name), args, kwargs)
            theirs = [self._translated(arg) for arg in args]
            reference = await _answer(getattr(self._reference, name), theirs, kwargs)
            if name in _LEASING:
                assert (real is None) == (reference is None), (name, args, real, reference)
                if real is not None:
                    self._leases[real.token] = reference
                return real
            if isinstance(real, Changes | WatchChanges | Watches):
                self._positions[real.position] = reference.position
            if isinstance(real, LastHeartbeat):
                for field in ("last_at", "late_promise", "gap_reported", "doubt_since"):
                    assert getattr(real, field) == getattr(reference, field), (field, real, reference)
                return reference
            assert real == reference, (name, args, real, reference)
            if isinstance(real, _Raised):
                raise real.error
            return real

        return ask

    def _translated(self, argument: Any) -> Any:
        """A lease or a position of the real store, as the reference knows it."""
        if isinstance(argument, Lease):
            return self._leases.get(argument.token, argument)
        return self._positions.get(argument, argument) if isinstance(argument, str) else argument


async def _answer(call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    try:
        return await call(*args, **kwargs)
    except (StoreRolledBack, LeadershipLost) as exc:
        return _Raised(type(exc), exc)


@dataclass(frozen=True)
class _Raised:
    """Two are equal if both stores raised an error of one kind."""

    kind: type[StoreAway]
    error: StoreAway = field(compare=False)
