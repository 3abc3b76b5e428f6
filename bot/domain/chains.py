"""A blockchain as GoldRush has synced it, and which chain a pipeline reads. Pure.

Source: https://goldrush.dev/docs/api-reference/foundational-api/utility/get-all-chain-statuses.md
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

OFTEN = 48.0  # answers after which an old pace has faded to a third: four hours of them
LATE_GAPS = 20.0  # a chain is late only after so many of its usual times between two blocks
LATE_SECONDS = 300.0  # and after this time
REORGANISED = 1000  # blocks: a chain that reorganises goes back by fewer
FASTEST = 1000.0  # blocks a second, while the pace is unknown
TIMES_PACE, FEW_BLOCKS = 20.0, 20  # a chain that makes more blocks than that catches up, or GoldRush is wrong
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
    paced_blocks: float = 0.0
    """Made in `paced_seconds`. Both fade, so that the pace follows the chain."""
    paced_seconds: float = 0.0
    doubtful: int | None = None
    """The implausible height of the latest answer. It counts once another answer agrees."""

    @property
    def blocks_per_second(self) -> float | None:
        """As learned. None: the bot has seen no two blocks."""
        return self.paced_blocks / self.paced_seconds if self.paced_blocks and self.paced_seconds else None

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
        pace = self.blocks_per_second
        return blocks / pace if pace else None


def with_pace(before: Chain | None, now: Chain) -> Chain:
    """`now`, with the pace learned so far. `before`, if the new height is implausible and no earlier answer had it.

    A time in which the chain stood still says nothing about its pace.
    """
    if before is None:
        return now
    known = replace(now, paced_blocks=before.paced_blocks, paced_seconds=before.paced_seconds)
    begin, end = before.at, now.at
    if before.signed_at and now.signed_at:
        begin, end = before.signed_at, now.signed_at
    blocks, seconds = now.height - before.height, (end - begin).total_seconds()
    most = _most_blocks(before, max(seconds, (now.at - before.at).total_seconds()))
    if not -REORGANISED <= blocks <= most:
        agrees = before.doubtful is not None and -REORGANISED <= now.height - before.doubtful <= most
        return known if agrees else replace(before, doubtful=now.height)
    if blocks <= 0 or seconds <= 0 or _had_halted(before, blocks, seconds):
        return known
    return replace(
        known,
        paced_blocks=before.paced_blocks * (1 - 1 / OFTEN) + blocks,
        paced_seconds=before.paced_seconds * (1 - 1 / OFTEN) + seconds,
    )


def _most_blocks(before: Chain, seconds: float) -> float:
    """How many new blocks are plausible after this time."""
    pace = before.blocks_per_second
    return FEW_BLOCKS + max(1.0, seconds) * (FASTEST if pace is None else TIMES_PACE * pace)


def _had_halted(before: Chain, blocks: int, seconds: float) -> bool:
    usual = blocks / before.blocks_per_second if before.blocks_per_second else seconds
    return seconds > LATE_SECONDS + LATE_GAPS * usual / blocks + usual


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
