"""A stand-in for GoldRush's Pipeline REST API: its state, its rules and its routes.

It answers GET only, because a monitoring bot needs no more. Sources: https://goldrush.dev/docs/goldrush-pipeline-api/
and the reference pages beside it. Where the vendor publishes nothing, the stand-in is strict.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from aiohttp import web

from sandbox import goldrush_wire as wire
from sandbox.clock import Clock
from sandbox.goldrush_faults import ELSEWHERE, Fault, FaultKind, render, strike
from sandbox.goldrush_pipelines import DEFAULTS, Pipeline
from sandbox.goldrush_rate import Allowance
from sandbox.trouble import NEVER_ANSWERED

BASE = "/platform/pipeline-api/"
DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MOST_ENTRIES = 50_000  # entries of each log: a demo may run for days


@dataclass(slots=True, kw_only=True)
class Request:
    """One request. `status` is None until the answer goes out."""

    at: float
    method: str
    path: str
    pipeline_id: str | None
    status: int | None = None


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
        self.regular_api_key = "regular-api-key"
        self.pipelines: dict[str, Pipeline] = {}
        self.removed: dict[str, Pipeline] = {}
        self.faults: dict[str | None, Fault] = {}
        self.requests: list[Request] = []
        self.changes: list[Change] = []
        self.on_change: Callable[[], None] = lambda: None
        self._allowance = Allowance(self.clock)
        self._before: dict[str, Pipeline] = {}
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
        now = self._now()
        pipeline = Pipeline(
            number=len(self.pipelines) + len(self.removed) + 1,
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
        )
        pipeline.move(phase, now)
        pipeline.ready = pipeline.ready if ready is None else ready
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
    ) -> None:
        """Moves a pipeline, and brings back a vanished one. Replica counts follow from the phase unless given."""
        pipeline = self.pipelines.get(pipeline_id) or self.removed[pipeline_id]
        if self.removed.pop(pipeline_id, None):
            self.pipelines[pipeline_id] = pipeline
        self._before[pipeline_id] = replace(pipeline)
        if replicas is not None:
            pipeline.size = pipeline.replicas = replicas
        if restart:
            pipeline.deploy(self._now())
        pipeline.move(phase, self._now())
        pipeline.ready = pipeline.ready if ready is None else ready
        pipeline.replicas = pipeline.replicas if replicas is None else replicas
        self._record(ChangeKind.MOVED, pipeline)

    def degrade(self, pipeline_id: str) -> None:
        """RUNNING with one replica not ready."""
        pipeline = self.pipelines.get(pipeline_id) or self.removed[pipeline_id]
        self.set_phase(pipeline_id, "RUNNING", ready=max(0, pipeline.size - 1))

    def remove(self, pipeline_id: str) -> None:
        """Deleted, or hidden from this key. The API answers 404 for both."""
        pipeline = self.pipelines.pop(pipeline_id)
        self.removed[pipeline_id] = pipeline
        self._record(ChangeKind.REMOVED, pipeline)

    def set_fault(self, fault: Fault | None, pipeline_id: str | None = None) -> None:
        """Sets the fault of one pipeline, or of the whole API without an id. None fixes it."""
        if fault is None:
            self.faults.pop(pipeline_id, None)
        else:
            self.faults[pipeline_id] = fault
        self.on_change()

    def named(self, name: str) -> Pipeline:
        return next(pipeline for pipeline in self.pipelines.values() if pipeline.name == name)

    @property
    def rate_limit(self) -> float | None:
        """Requests per second; None means no limit. A burst may reach twice the rate."""
        return self._allowance.rate

    @rate_limit.setter
    def rate_limit(self, rate: float | None) -> None:
        self._allowance.rate = rate

    def _now(self) -> datetime:
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

    # --- the API ---------------------------------------------------------------------------------------------------

    def routes(self) -> list[web.RouteDef]:
        return [web.route("*", BASE.rstrip("/") + "{rest:(/.*)?}", self._serve)]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        pipeline_id, _, resource = request.match_info["rest"].strip("/").partition("/")
        entry = Request(
            at=self.clock.monotonic(),
            method=request.method,
            path=request.path_qs,
            pipeline_id=pipeline_id or None,
        )
        self.requests.append(entry)
        del self.requests[:-MOST_ENTRIES]
        response = await self._respond(request, entry.pipeline_id, resource)
        entry.status = response.status if response.status != NEVER_ANSWERED else None
        return response

    async def _respond(self, request: web.Request, pipeline_id: str | None, resource: str) -> web.StreamResponse:
        if not request.path.endswith("/"):
            return web.Response(status=301, headers={"Location": str(request.url.with_path(f"{request.path}/"))})
        if refusal := self._refusal(request):
            return refusal
        fault = self._take_fault(pipeline_id, _route(pipeline_id, resource))
        if fault is not None and fault.kind in ELSEWHERE:
            return render(self._answer(request, pipeline_id, resource, fault.kind))
        answer = self._answer(request, pipeline_id, resource)
        return render(answer) if fault is None else await strike(fault, request, answer, self.clock.now())

    def _refusal(self, request: web.Request) -> web.Response | None:
        """Checks key, rate and HTTP method before the route's own work."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and key == self.regular_api_key:
            return render(wire.failure(403))
        if scheme.lower() != "bearer" or key != self.service_key:
            return render(wire.failure(401))
        if not self._allowance.take():
            refusal = render(wire.failure(429))
            refusal.headers["Retry-After"] = "1"
            return refusal
        if request.method != "GET":
            refusal = render(wire.failure(405))
            refusal.headers["Allow"] = "GET"
            return refusal
        return None

    def _take_fault(self, pipeline_id: str | None, route: str) -> Fault | None:
        """A pipeline's own fault comes before the API's. A fault with a count ends after that many requests."""
        scope = pipeline_id if pipeline_id in self.faults else None
        fault = self.faults.get(scope)
        if fault is not None and fault.route not in {None, route}:
            return None
        if fault is not None and fault.times is not None:
            self.set_fault(replace(fault, times=fault.times - 1) if fault.times > 1 else None, scope)
        return fault

    def _answer(
        self, request: web.Request, pipeline_id: str | None, resource: str, fault: FaultKind | None = None
    ) -> wire.Answer:
        if pipeline_id is None:
            return self._list(request)
        pipeline = self.pipelines.get(pipeline_id)
        if pipeline is None:
            return wire.failure(404)
        if fault is FaultKind.STALE:
            pipeline = self._before.get(pipeline.id, pipeline)
        elif fault is FaultKind.WRONG_PIPELINE:
            pipeline = self._neighbour(pipeline)
        match resource:
            case "":
                return wire.success(wire.configuration(pipeline))
            case "status":
                return wire.success(wire.status(pipeline))
            case "logs":
                return wire.success(wire.logs(pipeline, self._now()))
            case "metrics":
                return wire.success(wire.metrics(pipeline, self._now()))
            case "destination-health":
                return wire.success(wire.destination_health(pipeline, self._now()))
            case _:
                return wire.failure(404, "Not found.")

    def _neighbour(self, pipeline: Pipeline) -> Pipeline:
        """The next in the list, or the first after the last."""
        everything = list(self.pipelines.values())
        return everything[(everything.index(pipeline) + 1) % len(everything)]

    def _list(self, request: web.Request) -> wire.Answer:
        """The vendor publishes no default or maximum of page_size. Here they are 20 and 100; more counts as 100."""
        try:
            number = int(request.query.get("page_number", "1"))
            size = int(request.query.get("page_size", str(DEFAULT_PAGE_SIZE)))
        except ValueError:
            return wire.failure(400)
        if number < 1 or size < 1:
            return wire.failure(400)
        return wire.success(wire.page(tuple(self.pipelines.values()), number, min(size, MAX_PAGE_SIZE)))


def _route(pipeline_id: str | None, resource: str) -> str:
    if pipeline_id is None:
        return "listing"
    return resource or "pipeline"
