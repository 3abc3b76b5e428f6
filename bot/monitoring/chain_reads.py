"""Asks GoldRush how far it has synced the chains: one request for all of them, which costs a credit of the API key."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from bot.domain.chains import Chain, find_chain, with_pace
from bot.monitoring.budget import Budget, Route
from bot.ports.chain_status import ChainStatus
from bot.ports.clock import Clock
from bot.ports.pipeline_api import ApiError
from bot.ports.telemetry import emit
from bot.ports.telemetry.monitoring import ChainsUnknown

FRESH_PERIODS = 2.5  # an older answer says nothing about now


class ChainReads:
    """`api` is None without the setting GOLDRUSH_API_KEY: then no chain is known."""

    def __init__(self, *, api: ChainStatus | None, budget: Budget, clock: Clock, seconds: float) -> None:
        self._api = api
        self._budget = budget
        self._clock = clock
        self._seconds = seconds
        self._asked_at = float("-inf")
        self._answered_at = float("-inf")
        self._problem = ""
        self.known: dict[str, Chain] = {}
        """The chains that pipelines need, with their pace."""
        self._needed: set[str] = set()
        """Of all pipelines so far: each asks at its own time, and most of them a short time after an answer."""

    @property
    def fresh(self) -> Mapping[str, Chain]:
        """Empty if GoldRush has not answered for some minutes."""
        age = self._clock.monotonic() - self._answered_at
        return self.known if age <= FRESH_PERIODS * self._seconds else {}

    def load(self, chains: Iterable[Chain]) -> None:
        """Takes over what the leader before has learned."""
        self.known = {chain.name: chain for chain in chains}

    async def refresh(self, needed: AbstractSet[str]) -> bool:
        """Asks again, unless nobody needs it, or it was asked a short time ago. True if there is an answer."""
        now = self._clock.monotonic()
        self._needed |= needed
        if self._api is None or not needed or now - self._asked_at < self._seconds:
            return False
        if not self._budget.try_take_spare(Route.CHAINS):
            return False
        self._asked_at = now
        try:
            listed = {chain.name: chain for chain in await self._api.chains(self._clock.now())}
        except ApiError as exc:
            self._budget.obey(Route.CHAINS, exc)
            if str(exc) != self._problem:
                self._problem = str(exc)
                emit(ChainsUnknown(problem=self._problem))
            return False
        wanted = {chain.name for name in self._needed if (chain := find_chain(name, listed))} | self.known.keys()
        self.known = {name: with_pace(self.known.get(name), listed[name]) for name in wanted & listed.keys()}
        self._answered_at, self._problem = self._clock.monotonic(), ""
        return True
