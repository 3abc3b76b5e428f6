"""A blockchain as GoldRush has synced it, and which chain a pipeline reads. Pure.

Source: https://goldrush.dev/docs/api-reference/foundational-api/utility/get-all-chain-statuses.md
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

OFTEN = 12.0  # measurements after which an old pace has faded to a third: an hour of them
LATE_GAPS = 20.0  # a chain is late only after so many of its usual times between two blocks
LATE_SECONDS = 300.0  # and after this time
# Names of chains in topics that GoldRush's other products spell in another way.
_OTHER_NAMES = {
    "ethereum": "eth",
    "polygon": "matic",
    "bnb": "bsc",
    "arb": "arbitrum",
    "avax": "avalanche",
}
_LABELS = {"eth": "Ethereum", "matic": "Polygon", "bsc": "BNB", "bnb": "BNB", "hypercore": "HyperCore"}
_MAIN = "mainnet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One chain as GoldRush has synced it. The fields are stored in Redis, so a new field needs a default."""

    name: str
    """As GoldRush's list of chains spells it, such as `base-mainnet`."""
    height: int
    at: datetime
    """When the bot asked."""
    signed_at: datetime | None = None
    """The time of the latest synced block."""
    blocks_per_second: float | None = None
    """As learned. None: the bot has seen no two blocks."""

    @property
    def late_seconds(self) -> float:
        """How far GoldRush itself is behind on this chain. 0 for a delay that is usual between two blocks."""
        if self.signed_at is None:
            return 0.0
        seconds = (self.at - self.signed_at).total_seconds()
        usual = LATE_GAPS / self.blocks_per_second if self.blocks_per_second else 0.0
        return seconds if seconds > max(LATE_SECONDS, usual) else 0.0

    def height_at(self, at: datetime) -> int:
        """The height a little later: the chain goes on while the bot measures pipeline after pipeline."""
        if self.blocks_per_second is None or self.late_seconds:
            return self.height
        seconds = min(max((at - self.at).total_seconds(), 0.0), LATE_SECONDS)
        return self.height + int(seconds * self.blocks_per_second)

    def seconds_for(self, blocks: int) -> float | None:
        """How long the chain takes for so many blocks."""
        return blocks / self.blocks_per_second if self.blocks_per_second else None


def with_pace(before: Chain | None, now: Chain) -> Chain:
    """`now`, with the pace learned so far. A time in which the chain stood still says nothing about its pace."""
    if before is None:
        return now
    if now.height <= before.height:
        return replace(now, blocks_per_second=before.blocks_per_second)
    begin, end = before.at, now.at
    if before.signed_at and now.signed_at and now.signed_at > before.signed_at:
        begin, end = before.signed_at, now.signed_at
    seconds = (end - begin).total_seconds()
    if seconds <= 0:
        return replace(now, blocks_per_second=before.blocks_per_second)
    pace, old = (now.height - before.height) / seconds, before.blocks_per_second
    return replace(now, blocks_per_second=pace if old is None else old + (pace - old) / OFTEN)


def chain_of(topic: str) -> str:
    """The chain of a topic: `base.mainnet.ref.block.logs` reads `base-mainnet`. Empty for a topic of another form."""
    chain, network, *rest = [*topic.lower().split("."), "", ""]
    return f"{chain}-{network}" if chain and network and any(rest) else ""


def find_chain(name: str, chains: Mapping[str, Chain]) -> Chain | None:
    """The chain that a pipeline reads, if GoldRush lists it."""
    if found := chains.get(name):
        return found
    chain, dash, network = name.partition("-")
    return chains.get(_OTHER_NAMES.get(chain, chain) + dash + network) if dash else None


def chain_label(name: str) -> str:
    """A chain's name for people: Base, or Base Sepolia."""
    chain, _, network = name.partition("-")
    label = _LABELS.get(chain, chain.capitalize())
    return label if network in {"", _MAIN} else f"{label} {network.replace('-', ' ').capitalize()}"
