"""A few minutes in the life of the default pipelines: the steps, and the loop that plays them."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from sandbox.goldrush import GoldRush


class Act(StrEnum):
    DEPLOYING = "DEPLOYING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    FAILED = "FAILED"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    DEGRADE = "degrade"
    """RUNNING with one replica not ready."""
    FINISH = "finish"
    """A bounded pipeline reaches its last block, and stops."""
    RESTART = "restart"
    """A new deployment between two reads: start_time changes, the phase does not."""
    VANISH = "vanish"
    """404 until a later step brings the pipeline back."""


@dataclass(frozen=True, slots=True)
class Step:
    at_seconds: float
    pipeline: str
    act: Act
    cause: str | None = None
    """Why it fails. None: the usual cause of its destination."""


DEMO = (
    Step(8, "orders-eu", Act.FAILED, "unreachable"),
    Step(20, "ETH backfill 2024", Act.DEPLOYING),
    Step(26, "ETH backfill 2024", Act.RUNNING),
    Step(35, "orders-eu", Act.DEPLOYING),
    Step(45, "orders-eu", Act.RUNNING),
    Step(55, "Base Swaps to Postgres", Act.DEGRADE),
    Step(75, "Base Swaps to Postgres", Act.RUNNING),
    Step(85, "orders-us", Act.RESTART),
    Step(95, "hypercore-fills", Act.STOPPING),
    Step(100, "hypercore-fills", Act.PAUSED),
    Step(110, "<!channel> & <b>bold</b>", Act.FAILED, "rejected_login"),
    Step(130, "hypercore-fills", Act.DEPLOYING),
    Step(138, "hypercore-fills", Act.RUNNING),
    Step(145, "<!channel> & <b>bold</b>", Act.RUNNING),
    Step(150, "ETH backfill 2024", Act.STOPPED),
    Step(155, "🐳 Whale Watch", Act.VANISH),
    Step(180, "ETH backfill 2024", Act.RUNNING),
    Step(190, "🐳 Whale Watch", Act.RUNNING),
    Step(200, "Solana Transfers → ClickHouse", Act.FAILED, "too_many_parts"),
    Step(204, "Solana Transfers → ClickHouse", Act.DEPLOYING),
    Step(210, "Solana Transfers → ClickHouse", Act.FAILED, "too_many_parts"),
    Step(214, "Solana Transfers → ClickHouse", Act.DEPLOYING),
    Step(222, "Solana Transfers → ClickHouse", Act.RUNNING),
    Step(230, "ETH backfill 2024", Act.FINISH),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Timed steps in order. They repeat every `period_seconds`."""

    steps: tuple[Step, ...]
    period_seconds: float

    @classmethod
    def demo(cls) -> Self:
        """The first failure comes within 15 seconds. Everything has recovered before the next round."""
        return cls(steps=DEMO, period_seconds=240)

    async def run(self, goldrush: GoldRush) -> None:
        """Plays until cancelled. Skips the steps of pipelines that a person has deleted."""
        ids = {pipeline.name: pipeline.id for pipeline in goldrush.pipelines.values()}
        ids |= {pipeline.name: pipeline.id for pipeline in goldrush.removed.values()}
        while True:
            passed = 0.0
            for step in self.steps:
                await asyncio.sleep(step.at_seconds - passed)
                passed = step.at_seconds
                if step.pipeline in ids:
                    perform(goldrush, ids[step.pipeline], step.act, step.cause)
            await asyncio.sleep(self.period_seconds - passed)


def perform(goldrush: GoldRush, pipeline_id: str, act: Act, cause: str | None = None) -> None:
    match act:
        case Act.VANISH:
            if pipeline_id in goldrush.pipelines:
                goldrush.remove(pipeline_id)
        case Act.DEGRADE:
            goldrush.degrade(pipeline_id)
        case Act.FINISH:
            goldrush.finish(pipeline_id)
        case Act.RESTART:
            goldrush.set_phase(pipeline_id, "RUNNING", restart=True)
        case _:
            goldrush.set_phase(pipeline_id, act.value, cause=cause)
