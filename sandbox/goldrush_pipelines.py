"""GoldRush's pipelines: their data, their behaviour when the phase changes, and the default set."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

AT_REST = frozenset({"PAUSED", "STOPPED"})


def hex27(seed: str) -> str:
    """As long as in the vendor's samples, and the same in every run."""
    return sha256(seed.encode()).hexdigest()[:27]


@dataclass(slots=True, kw_only=True)
class Pipeline:
    """One pipeline: the configuration (with the user's intent) and the runtime's state beside it.

    Source of the two notions of status: https://goldrush.dev/docs/api-reference/pipeline-api/get-pipeline-status.md .
    """

    number: int
    """Counts up from 1. The ids derive from it."""
    name: str
    project: str
    description: str
    topic: str
    destination_type: str
    execution_mode: str
    intent: str
    phase: str | None
    """None: the runtime does not know, so the answer lacks the field."""
    replicas: int
    ready: int
    start_time: datetime | None
    """None: nothing is deployed, so the answer lacks the field."""
    created_at: datetime
    updated_at: datetime
    destination_error: str | None = None
    deployments: int = 1
    size: int = 1
    """Replicas when deployed. `replicas` is 0 while the pipeline is at rest."""

    @property
    def id(self) -> str:
        return f"pipe_{hex27(f'pipeline {self.number}')}"

    @property
    def uid(self) -> str:
        """The worker's name, `covalent-{destination_type}-pipe-{hex}`. Each deployment has a new one."""
        seed = self.id.removeprefix("pipe_") if self.deployments == 1 else hex27(f"{self.id} {self.deployments}")
        return f"covalent-{self.destination_type}-pipe-{seed}"

    def move(self, phase: str | None, at: datetime) -> None:
        """Enters a phase as the runtime would.

        A worker that was at rest gets a new deployment when it works again, even after FAILED or STOPPING in between.
        """
        rested = self.phase in AT_REST or self.replicas < self.size
        if phase == "DEPLOYING" or (phase == "RUNNING" and rested):
            self.deploy(at)
        match phase:
            case "DEPLOYING" | "RUNNING":
                self.intent = "running"
                self.ready = self.replicas if phase == "RUNNING" else 0
            case "PAUSED":
                self.intent = "paused"
                self.replicas = self.ready = 0
            case "STOPPED":
                self.replicas = self.ready = 0
                self.start_time = None
            case "FAILED":
                self.ready = 0
            case _:
                pass  # STOPPING, or an unknown phase: the replicas stay as they are
        self.phase = phase
        self.updated_at = at

    def deploy(self, at: datetime) -> None:
        """A new worker. The API shows whole seconds, so two deployments never share one."""
        self.deployments += 1
        self.replicas = self.size
        self.start_time = at if self.start_time is None else max(at, self.start_time + timedelta(seconds=1))


DEFAULTS: tuple[dict[str, Any], ...] = (
    {
        "name": "orders-eu",
        "project": "storefront",
        "topic": "polygon.mainnet.ref.block.logs",
        "description": "Order settlements for the EU shop",
    },
    {
        "name": "orders-us",
        "project": "storefront",
        "topic": "polygon.mainnet.ref.block.logs",
        "description": "Order settlements for the US shop",
        "replicas": 2,
    },
    {
        "name": "Base Swaps to Postgres",
        "project": "defi-analytics",
        "topic": "base.mainnet.ref.block.swap.v3",
        "description": "Every swap on Base, unbounded",
        "replicas": 3,
    },
    {
        "name": "Solana Transfers → ClickHouse",
        "project": "defi-analytics",
        "topic": "solana.mainnet.ref.block.transfers",
        "destination_type": "clickhouse",
        "replicas": 4,
    },
    {
        "name": "hypercore-fills",
        "project": "trading-desk",
        "topic": "hypercore.mainnet.ref.block.fills",
        "destination_type": "kafka",
        "replicas": 2,
    },
    {
        "name": "🐳 Whale Watch",
        "project": "trading-desk",
        "topic": "ethereum.mainnet.ref.block.transfers",
        "destination_type": "webhook",
    },
    {
        "name": "<!channel> & <b>bold</b>",
        "project": "trading-desk",
        "topic": "arbitrum.mainnet.ref.block.logs",
        "description": "Its name must ping nobody and format nothing",
    },
    {
        "name": "usdc-approvals",
        "project": "defi-analytics",
        "topic": "base.mainnet.ref.block.logs",
        "phase": "PAUSED",
    },
    {
        "name": "ETH backfill 2024",
        "project": "defi-analytics",
        "topic": "ethereum.mainnet.ref.block.logs",
        "destination_type": "s3",
        "execution_mode": "bounded",
        "phase": "STOPPED",
    },
)
"""Three projects. `orders-eu` fails first. One pipeline is paused, and one is bounded and has ended."""
