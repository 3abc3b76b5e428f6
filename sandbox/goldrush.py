"""A stand-in for GoldRush: its pipelines and chains, which tests and people move. goldrush_api.py answers for it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from aiohttp import web

from sandbox.clock import Clock
from sandbox.goldrush_api import BASE, GoldRushApi, Request
from sandbox.goldrush_causes import BY_SLUG, fitting, usual
from sandbox.goldrush_chains import Chains
from sandbox.goldrush_faults import Fault, FaultKey
from sandbox.goldrush_pipelines import DEFAULTS, FIRST_BLOCK, LAST_BLOCK, LogContent, Pipeline, hex27
from sandbox.goldrush_rate import Allowance
from sandbox.goldrush_usage import AccountUsage
from sandbox.goldrush_work import Source, Work

__all__ = ["BASE", "Change", "ChangeKind", "GoldRush", "Request"]
MOST_ENTRIES = 50_000  # entries of each log: a demo may run for days


class ChangeKind(StrEnum):
    ADDED = "added"
    MOVED = "moved"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A real phase change. Tests compare it with the bot's messages."""

    at: float
    kind: ChangeKind
    pipeline_id: str
    phase: str | None
    ready: int
    replicas: int
    start_time: datetime | None


class GoldRush:
    """Pipelines that tests and people move, behind GoldRush's published API."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.service_key = "demo-service-key"
        self.regular_api_key = "cqt_demo_api_key"
        self.pipelines: dict[str, Pipeline] = {}
        self.removed: dict[str, Pipeline] = {}
        self.chains = Chains(self.clock)
        self.usage = AccountUsage()
        self.faults: dict[FaultKey, Fault] = {}
        self.requests: list[Request] = []
        self.changes: list[Change] = []
        self.on_change: Callable[[], None] = lambda: None
        self.allowance = Allowance(self.clock)
        self.before: dict[str, Pipeline] = {}
        """Each pipeline as it was before its last change."""
        for pipeline in DEFAULTS:
            self.add(**pipeline)

    # --- moving things ---------------------------------------------------------------------------------------------

    def add(
        self,
        *,
        name: str,
        project: str = "storefront",
        description: str = "",
        topic: str = "base.mainnet.ref.block.logs",
        destination_type: str = "postgres",
        execution_mode: str = "unbounded",
        phase: str | None = "RUNNING",
        replicas: int = 1,
        ready: int | None = None,
    ) -> Pipeline:
        now, number = self.now(), len(self.pipelines) + len(self.removed) + 1
        pipeline = Pipeline(
            number=number,
            name=name,
            project=project,
            description=description,
            topic=topic,
            destination_type=destination_type,
            execution_mode=execution_mode,
            intent="running",
            phase=None,
            replicas=replicas,
            ready=0,
            start_time=now,
            created_at=now,
            updated_at=now,
            size=replicas,
            work=self._first_work(number, topic, now, bounded=execution_mode == "bounded", ended=phase == "STOPPED"),
        )
        pipeline.move(phase, now)
        pipeline.ready = pipeline.ready if ready is None else ready
        if phase == "FAILED":
            pipeline.suffer(usual(destination_type), now)
        self.pipelines[pipeline.id] = pipeline
        self._record(ChangeKind.ADDED, pipeline)
        return pipeline

    def set_phase(
        self,
        pipeline_id: str,
        phase: str | None,
        *,
        ready: int | None = None,
        replicas: int | None = None,
        restart: bool = False,
        cause: str | None = None,
        log: LogContent | None = None,
    ) -> None:
        """Moves a pipeline, and brings back a vanished one. Replica counts follow from the phase unless given.

        `cause` is the fault of the pipeline: it has failed because of it, or still retries it while RUNNING.
        """
        pipeline = self.pipelines.get(pipeline_id) or self.removed[pipeline_id]
        if cause is not None and cause not in fitting(pipeline.destination_type):
            raise ValueError(f"no pipeline that writes to {pipeline.destination_type} has the fault {cause!r}")
        if self.removed.pop(pipeline_id, None):
            self.pipelines[pipeline_id] = pipeline
        self.before[pipeline_id] = replace(pipeline)
        now = self.now()
        pipeline.settle(now, self.source(pipeline))
        if replicas is not None:
            pipeline.size = pipeline.replicas = replicas
        if restart:
            pipeline.deploy(now)
        pipeline.move(phase, now)
        pipeline.ready = pipeline.ready if ready is None else ready
        pipeline.replicas = pipeline.replicas if replicas is None else replicas
        if phase == "FAILED" or cause is not None:
            pipeline.suffer(BY_SLUG[cause] if cause else usual(pipeline.destination_type), now, log)
        elif phase in {"DEPLOYING", "RUNNING"}:
            pipeline.recover(now)
        self._record(ChangeKind.MOVED, pipeline)

    def edit(self, pipeline_id: str, query: str) -> None:
        """Somebody changes the SQL of the pipeline's transform."""
        pipeline = self.pipelines[pipeline_id]
        pipeline.query, pipeline.updated_at = query, self.now()

    def end_run(self, pipeline: Pipeline) -> None:
        """Stops a bounded pipeline that has reached its last block. Its owner still wants it to run."""
        last = pipeline.last_block
        if last is not None and pipeline.progress(self.now(), self.source(pipeline)).height >= last and pipeline.works:
            self.set_phase(pipeline.id, "STOPPED")

    def finish(self, pipeline_id: str) -> None:
        """A bounded pipeline reaches its last block now."""
        pipeline = self.pipelines[pipeline_id]
        self.set_work(pipeline_id, height=pipeline.last_block)
        self.end_run(pipeline)

    def degrade(self, pipeline_id: str) -> None:
        """RUNNING with one replica not ready."""
        pipeline = self.pipelines.get(pipeline_id) or self.removed[pipeline_id]
        self.set_phase(pipeline_id, "RUNNING", ready=max(0, pipeline.size - 1))

    def remove(self, pipeline_id: str) -> None:
        """Deleted, or hidden from this key. The API answers 404 for both."""
        pipeline = self.pipelines.pop(pipeline_id)
        self.removed[pipeline_id] = pipeline
        self._record(ChangeKind.REMOVED, pipeline)

    def set_work(self, pipeline_id: str, *, pace: float | None = None, height: int | None = None) -> None:
        """Changes how fast a pipeline works (0 stands still, 1 keeps up with its chain), or how far it has come."""
        pipeline = self.pipelines[pipeline_id]
        pipeline.settle(self.now(), self.source(pipeline))
        pipeline.pace = pipeline.pace if pace is None else pace
        if height is not None:
            pipeline.work = replace(pipeline.work, height=height)
        self.on_change()

    def set_fault(self, fault: Fault | None, pipeline_id: str | None = None) -> None:
        """Sets the fault of one pipeline, or of the whole API without an id. Each route may have one at once.

        None fixes every fault of the pipeline, or of the whole API.
        """
        if fault is not None:
            self.faults[pipeline_id, fault.route] = fault
        else:
            for key in [key for key in self.faults if key[0] == pipeline_id]:
                del self.faults[key]
        self.on_change()

    def clear_fault(self, pipeline_id: str | None, route: str | None) -> None:
        """Fixes the fault of one route; without one, the fault that strikes every route."""
        self.faults.pop((pipeline_id, route), None)
        self.on_change()

    def named(self, name: str) -> Pipeline:
        return next(pipeline for pipeline in self.pipelines.values() if pipeline.name == name)

    @property
    def rate_limit(self) -> float | None:
        """Requests per second; None means no limit. A burst may reach twice the rate."""
        return self.allowance.rate

    @rate_limit.setter
    def rate_limit(self, rate: float | None) -> None:
        self.allowance.rate = rate

    def source(self, pipeline: Pipeline) -> Source:
        """What the pipeline reads, at this moment."""
        return self.chains.source(pipeline.topic, pipeline.last_block)

    def _first_work(self, number: int, topic: str, now: datetime, *, bounded: bool, ended: bool) -> Work:
        """At the head of its chain; a bounded pipeline at its first block, or at its last one if it has ended."""
        height = (LAST_BLOCK if ended else FIRST_BLOCK) if bounded else self.chains.source(topic, None).head
        return Work(at=now, height=height, records_per_block=40 + int(hex27(f"rate {number}")[:4], 16) % 200)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now(), UTC)

    def _record(self, kind: ChangeKind, pipeline: Pipeline) -> None:
        self.changes.append(
            Change(
                at=self.clock.monotonic(),
                kind=kind,
                pipeline_id=pipeline.id,
                phase=pipeline.phase,
                ready=pipeline.ready,
                replicas=pipeline.replicas,
                start_time=pipeline.start_time,
            )
        )
        del self.changes[:-MOST_ENTRIES]
        self.on_change()

    def routes(self) -> list[web.RouteDef]:
        return GoldRushApi(self).routes()
