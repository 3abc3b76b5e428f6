"""The control API for pipelines, for the page, tests and curl."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Protocol, TypeVar

from aiohttp import web

from sandbox import control_work
from sandbox.control_body import Body
from sandbox.goldrush import GoldRush
from sandbox.goldrush_causes import DESTINATIONS, fitting
from sandbox.goldrush_faults import ROUTES, Fault, FaultKind
from sandbox.goldrush_pipelines import LogContent, Pipeline
from sandbox.goldrush_wire import timestamp

Json = dict[str, Any]
T = TypeVar("T")
LOG_PAGE = 1000


class Controlled(Protocol):
    """The part of the sandbox that these calls reach."""

    @property
    def goldrush(self) -> GoldRush: ...

    @property
    def scenario_running(self) -> bool: ...

    async def set_scenario(self, running: bool) -> None: ...  # noqa: FBT001  it is the value that is set

    def notify(self, kind: str) -> None: ...


class RefusedError(Exception):
    """A control request that makes no sense, and how to answer it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def routes(sandbox: Controlled) -> list[web.RouteDef]:
    control = _Control(sandbox)
    return [
        web.get("/sandbox/pipelines", _answering(control.list)),
        web.post("/sandbox/pipelines", _answering(control.add)),
        web.post("/sandbox/pipelines/{id}", _answering(control.move)),
        web.delete("/sandbox/pipelines/{id}", _answering(control.remove)),
        web.get("/sandbox/chains", _answering(control.chains)),
        web.post("/sandbox/chains/{name}", _answering(control.delay_chain)),
        web.post("/sandbox/scenario", _answering(control.scenario)),
        web.post("/sandbox/usage", _answering(control.usage)),
        web.get("/sandbox/requests", _answering(control.requests)),
        web.get("/sandbox/changes", _answering(control.changes)),
    ]


def pipeline_rows(goldrush: GoldRush) -> list[Json]:
    """All pipelines in the order of their creation, hidden ones included."""
    everything = goldrush.pipelines | goldrush.removed
    return [_row(goldrush, pipeline) for pipeline in sorted(everything.values(), key=lambda listed: listed.number)]


def chain_rows(goldrush: GoldRush) -> list[Json]:
    return [
        {"name": chain.name, "height": height, "late": chain.name in goldrush.chains.late}
        for chain, height, _ in goldrush.chains.newest()
    ]


def usage_row(goldrush: GoldRush) -> Json:
    return asdict(goldrush.usage)


def fault_rows(goldrush: GoldRush) -> list[Json]:
    return [
        {
            "target": "goldrush",
            "pipeline_id": pipeline_id,
            "kind": fault.kind.value,
            "times": fault.times,
            "seconds": fault.seconds,
            "retry_after": fault.retry_after,
            **({"route": fault.route} if fault.route else {}),
        }
        for (pipeline_id, _), fault in goldrush.faults.items()
    ]


def set_fault(goldrush: GoldRush, body: Mapping[str, Any]) -> None:
    """Sets the fault that a request describes, or raises ValueError with the reason.

    `{"kind": "none"}` fixes the named pipeline, or everything without one. With a route or `fix` it fixes one fault:
    that of the route, or of every route.
    """
    pipeline_id, kind = body.get("pipeline_id"), body.get("kind")
    if pipeline_id is not None and pipeline_id not in goldrush.pipelines:
        raise ValueError(f"no pipeline has the id {pipeline_id!r}")
    route = body.get("route")
    if route is not None and route not in ROUTES:
        raise ValueError(f"route must be one of {', '.join(ROUTES)}")
    if kind == "none":
        if route is not None or body.get("fix") is not None:
            goldrush.clear_fault(pipeline_id, route)
        elif pipeline_id is None:
            clear_faults(goldrush)
        else:
            goldrush.set_fault(None, pipeline_id)
        return
    if kind not in set(FaultKind):
        raise ValueError(f"kind must be none or one of {', '.join(FaultKind)}")
    times, seconds, retry_after = body.get("times"), body.get("seconds"), body.get("retry_after")
    if times is not None and (not isinstance(times, int) or times < 1):
        raise ValueError("times must be a positive integer")
    if seconds is not None and (not isinstance(seconds, int | float) or seconds < 0):
        raise ValueError("seconds must be a number, not below 0")
    retry_after = None if retry_after is None else str(retry_after)
    fault = Fault(kind=FaultKind(kind), times=times, seconds=seconds, retry_after=retry_after, route=route)
    goldrush.set_fault(fault, pipeline_id)


def clear_faults(goldrush: GoldRush) -> None:
    for pipeline_id, _ in tuple(goldrush.faults):
        goldrush.set_fault(None, pipeline_id)
    goldrush.chains.late.clear()


class _Control:
    def __init__(self, sandbox: Controlled) -> None:
        self._sandbox = sandbox
        self._goldrush = sandbox.goldrush

    async def list(self, _: web.Request) -> Any:
        return {"pipelines": pipeline_rows(self._goldrush)}

    async def add(self, request: web.Request) -> Any:
        body = await _body(request)
        name = _typed(body, "name", str)
        if not name:
            raise RefusedError(400, "name is missing")
        project = _typed(body, "project", str) or "storefront"
        phase = _typed(body, "phase", str) or "RUNNING"
        destination_type = _typed(body, "destination_type", str) or "postgres"
        if destination_type not in DESTINATIONS:
            raise RefusedError(400, f"destination_type must be one of {', '.join(DESTINATIONS)}")
        execution_mode = _typed(body, "execution_mode", str) or "unbounded"
        if execution_mode not in {"bounded", "unbounded"}:
            raise RefusedError(400, "execution_mode must be one of bounded, unbounded")
        pipeline = self._goldrush.add(
            name=name,
            project=project,
            phase=phase,
            replicas=_typed(body, "replicas", int) or 1,
            destination_type=destination_type,
            execution_mode=execution_mode,
        )
        return _row(self._goldrush, pipeline)

    async def move(self, request: web.Request) -> Any:
        pipeline, body = self._find(request), await _body(request)
        cause, log = _typed(body, "cause", str), _typed(body, "log", str)
        if log is not None and log not in set(LogContent):
            raise RefusedError(400, f"log must be one of {', '.join(LogContent)}")
        if cause is not None and cause not in fitting(pipeline.destination_type):
            fit = ", ".join(fitting(pipeline.destination_type))
            raise RefusedError(
                400, f"cause must be one of {fit}: {pipeline.name!r} writes to {pipeline.destination_type}"
            )
        phase = _typed(body, "phase", str) or ("FAILED" if cause or log else pipeline.phase)
        ready, replicas = _typed(body, "ready", int), _typed(body, "replicas", int)
        restart = bool(_typed(body, "restart", bool))
        if not control_work.FIELDS.isdisjoint(body):
            control_work.set_work(self._goldrush, pipeline, Body(body))
        elif _typed(body, "degrade", bool):
            self._goldrush.degrade(pipeline.id)
        else:
            self._goldrush.set_phase(
                pipeline.id,
                phase,
                ready=ready,
                replicas=replicas,
                restart=restart,
                cause=cause,
                log=LogContent(log) if log else None,
            )
        return _row(self._goldrush, pipeline)

    async def chains(self, _: web.Request) -> Any:
        return chain_rows(self._goldrush)

    async def delay_chain(self, request: web.Request) -> Any:
        name, seconds = request.match_info["name"], (await _body(request)).get("late_seconds")
        if name not in self._goldrush.chains.names:
            raise RefusedError(404, f"name must be one of {', '.join(self._goldrush.chains.names)}")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
            raise RefusedError(400, "late_seconds must be a number, not below 0")
        self._goldrush.chains.set_late(name, seconds)
        self._goldrush.on_change()
        return chain_rows(self._goldrush)

    async def remove(self, request: web.Request) -> Any:
        pipeline = self._find(request)
        if pipeline.id not in self._goldrush.pipelines:
            raise RefusedError(409, f"{pipeline.name!r} has vanished already")
        self._goldrush.remove(pipeline.id)
        return _row(self._goldrush, pipeline)

    async def scenario(self, request: web.Request) -> Any:
        running = _typed(await _body(request), "running", bool)
        if running is None:
            raise RefusedError(400, "running is missing")
        await self._sandbox.set_scenario(running)
        self._sandbox.notify("goldrush")
        return {"running": self._sandbox.scenario_running}

    async def usage(self, request: web.Request) -> Any:
        """Sets the account's credits, and shows them."""
        body, usage = await _body(request), self._goldrush.usage
        for name in ("max_credits", "flex_credits", "per_day", "consumed"):
            if (value := _typed(body, name, int)) is not None:
                setattr(usage, name, value)
        self._goldrush.on_change()
        return usage_row(self._goldrush)

    async def requests(self, request: web.Request) -> Any:
        return [asdict(entry) for entry in self._goldrush.requests[-_limit(request) :]]

    async def changes(self, request: web.Request) -> Any:
        return [
            asdict(change) | {"start_time": _shown(change.start_time)}
            for change in self._goldrush.changes[-_limit(request) :]
        ]

    def _find(self, request: web.Request) -> Pipeline:
        """By id, or, for people with curl, by name."""
        wanted = request.match_info["id"]
        for pipeline in (self._goldrush.pipelines | self._goldrush.removed).values():
            if wanted in {pipeline.id, pipeline.name}:
                return pipeline
        raise RefusedError(404, f"no pipeline has the id or name {wanted!r}")


def _answering(handler: Callable[[web.Request], Awaitable[Any]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        try:
            return web.json_response(await handler(request))
        except RefusedError as refusal:
            return web.json_response({"error": str(refusal)}, status=refusal.status)
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)

    return answer


def _row(goldrush: GoldRush, pipeline: Pipeline) -> Json:
    faults = [fault for (pipeline_id, _), fault in goldrush.faults.items() if pipeline_id == pipeline.id]
    trouble, chain = pipeline.trouble, goldrush.chains.of_topic(pipeline.topic).name
    return {
        "id": pipeline.id,
        "name": pipeline.name,
        "project": pipeline.project,
        "phase": pipeline.phase,
        "replicas": pipeline.replicas,
        "ready": pipeline.ready,
        "intent": pipeline.intent,
        "start_time": _shown(pipeline.start_time),
        "visible": pipeline.id in goldrush.pipelines,
        "destination_type": pipeline.destination_type,
        "cause": trouble.cause.slug if trouble is not None and trouble.over is None else None,
        "causes": fitting(pipeline.destination_type),
        "pace": pipeline.pace,
        "last_block": pipeline.last_block,
        "chain": chain,
        "chain_late": chain in goldrush.chains.late,
        "fault": faults[0].kind.value if faults else None,
    }


def _shown(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp(moment)


async def _body(request: web.Request) -> Json:
    try:
        body = await request.json()
    except ValueError as error:
        raise RefusedError(400, "the body is not JSON") from error
    if not isinstance(body, dict):
        raise RefusedError(400, "the body is not a JSON object")
    return body


def _typed(body: Json, name: str, kind: type[T]) -> T | None:
    value = body.get(name)
    if value is not None and type(value) is not kind:
        raise RefusedError(400, f"{name} must be of type {kind.__name__}")
    return value


def _limit(request: web.Request) -> int:
    limit = request.query.get("limit", str(LOG_PAGE))
    if not limit.isdecimal() or int(limit) < 1:
        raise RefusedError(400, "limit must be a positive integer")
    return int(limit)
