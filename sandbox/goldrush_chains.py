"""The chains at GoldRush, and their status: `GET /v1/chains/status/`.

Source: https://goldrush.dev/docs/api-reference/foundational-api/utility/get-all-chain-statuses.md . The endpoint takes
an ordinary API key. A ServiceKey gets 403, as the ServiceKeys page says of the Foundational API.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from sandbox.clock import Clock
from sandbox.goldrush_work import Source

PATH = "/v1/chains/status/"
HEIGHTS_FROM = 1_700_000_000.0
"""The time at which each chain has its first height here. Tests have clocks of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    name: str
    chain_id: str
    block_seconds: float
    first_height: int


CHAINS = (
    Chain(name="eth-mainnet", chain_id="1", block_seconds=12.0, first_height=18_570_000),
    Chain(name="matic-mainnet", chain_id="137", block_seconds=2.1, first_height=49_900_000),
    Chain(name="base-mainnet", chain_id="8453", block_seconds=2.0, first_height=6_600_000),
    Chain(name="arbitrum-mainnet", chain_id="42161", block_seconds=0.25, first_height=150_000_000),
    Chain(name="solana-mainnet", chain_id="1399811149", block_seconds=0.4, first_height=229_000_000),
    Chain(name="hypercore-mainnet", chain_id="1337", block_seconds=0.1, first_height=100_000_000),
    Chain(name="bsc-mainnet", chain_id="56", block_seconds=0.75, first_height=33_400_000),
)
_OTHER = Chain(name="", chain_id="0", block_seconds=2.0, first_height=1_000_000)
_ALIASES = {"ethereum": "eth", "polygon": "matic", "bnb": "bsc"}


def chain_name(topic: str) -> str:
    """`base.mainnet.ref.block.logs` is of `base-mainnet`. Ethereum's and Polygon's chains have older names."""
    chain, _, rest = topic.partition(".")
    return f"{_ALIASES.get(chain, chain)}-{rest.partition('.')[0]}"


class Chains:
    """The height of each chain, and how late GoldRush is with it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known = {chain.name: chain for chain in CHAINS}
        self.late: dict[str, tuple[float, float]] = {}
        """By chain: the time since which GoldRush is late, and by how many seconds then. It stands still since."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._known)

    def of_topic(self, topic: str) -> Chain:
        return self._known.get(chain_name(topic), _OTHER)

    def set_late(self, name: str, seconds: float) -> None:
        """GoldRush's own copy of a chain stands still, `seconds` behind the chain. 0 ends it."""
        if seconds > 0:
            self.late[name] = (self._clock.now(), seconds)
        else:
            self.late.pop(name, None)

    def head(self, chain: Chain) -> int:
        """The newest block that GoldRush has."""
        return chain.first_height + int((self._synced(chain) - HEIGHTS_FROM) / chain.block_seconds)

    def _synced(self, chain: Chain) -> float:
        if chain.name in self.late:
            since, seconds = self.late[chain.name]
            return since - seconds
        return self._clock.now()

    def source(self, topic: str, last_block: int | None) -> Source:
        """What a pipeline with this topic reads. `last_block` bounds it."""
        chain = self.of_topic(topic)
        bounded = last_block is not None
        return Source(head=last_block or self.head(chain), block_seconds=chain.block_seconds, bounded=bounded)

    def newest(self) -> tuple[tuple[Chain, int, datetime], ...]:
        """Each chain with its newest block at GoldRush and the time when that was signed."""
        blocks = [(chain, self.head(chain)) for chain in self._known.values()]
        return tuple((chain, height, self._signed_at(chain, height)) for chain, height in blocks)

    def _signed_at(self, chain: Chain, height: int) -> datetime:
        return datetime.fromtimestamp(HEIGHTS_FROM + (height - chain.first_height) * chain.block_seconds, UTC)
