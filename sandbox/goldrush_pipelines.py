"""GoldRush's pipelines: their data, their behaviour when the phase changes, and the default set."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from sandbox.goldrush_causes import FailureCause
from sandbox.goldrush_work import Source, Work

AT_REST = frozenset({"PAUSED", "STOPPED"})


FIRST_BLOCK, LAST_BLOCK = 18_908_895, 21_525_890  # of a bounded pipeline
RETRIED_FOR = timedelta(minutes=3)
"""How long GoldRush retries a fault that it retries. The vendor publishes no limit."""


class LogContent(StrEnum):
    """What a failed pipeline's log holds beside the error, or in its place."""

    HOSTILE = "hostile"
    """Text that would ping, format or hide something if Slack showed it as it is."""
    SECRETS = "secrets"
    TAIL_ERROR = "tail_error"
    """No log, as right after a crash. The lines come when the pipeline runs again."""
    EMPTY = "empty"
    LONG = "long"
    """A megabyte of usual lines before the error, and as much after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """The fault of a pipeline."""

    cause: FailureCause
    since: datetime
    """When it began. A retried one fails the pipeline only later."""
    at: datetime
    """When the pipeline failed, or the fault was set."""
    deployment: int
    """The deployment that it struck. A later one has pods, and so logs, of its own."""
    log: LogContent | None = None
    over: datetime | None = None
    """When the pipeline ran again."""


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
    work: Work
    pace: float = 1.0
    """How fast it works: 1 keeps up with its chain, 0 stands still."""
    trouble: Trouble | None = None
    query: str = "SELECT * FROM source"
    """The SQL of its transform."""
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

    @property
    def destination_address(self) -> str:
        """One for each type in a project, as if each project had one database."""
        return f"{self.destination_type}://warehouse.example.com/{self.project}"

    @property
    def last_block(self) -> int | None:
        return LAST_BLOCK if self.execution_mode == "bounded" else None

    @property
    def works(self) -> bool:
        return self.phase == "RUNNING" and self.ready > 0

    def progress(self, now: datetime, source: Source) -> Work:
        return self.work.later(now, source, self.pace) if self.works else self.work

    def settle(self, now: datetime, source: Source) -> None:
        """Counts the work up to `now`, before the phase or the pace changes."""
        self.work = self.progress(now, source).idle(now)

    def suffer(self, cause: FailureCause, at: datetime, log: LogContent | None = None) -> None:
        """A fault of the destination has lasted for a while when the pipeline fails."""
        since = at - RETRIED_FOR if cause.retried or cause.probe else at
        self.trouble = Trouble(cause=cause, since=since, at=at, deployment=self.deployments, log=log)

    def recover(self, at: datetime) -> None:
        if self.trouble is not None and self.trouble.over is None:
            self.trouble = replace(self.trouble, over=at)

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
        if phase != "FAILED":  # nobody did anything
            self.updated_at = at

    def deploy(self, at: datetime) -> None:
        """A new worker. The API shows whole seconds, so two deployments never share one.

        A bounded pipeline that has ended begins at its first block again.
        """
        if self.last_block is not None and self.work.height >= self.last_block:
            self.work = replace(self.work, height=FIRST_BLOCK)
        self.deployments += 1
        self.replicas = self.size
        self.work = self.work.restarted()
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
