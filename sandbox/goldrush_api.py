"""GoldRush's answers: the Pipeline REST API, and the status of the chains.

It answers GET only, because a monitoring bot needs no more. Sources: https://goldrush.dev/docs/goldrush-pipeline-api/
and the reference pages beside it. Where the vendor publishes nothing, the stand-in is strict.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from aiohttp import web

from sandbox import goldrush_wire as wire
from sandbox.clock import Clock
from sandbox.goldrush_chains import PATH as CHAINS_PATH
from sandbox.goldrush_chains import Chains
from sandbox.goldrush_faults import ELSEWHERE, Fault, FaultKey, FaultKind, render, strike
from sandbox.goldrush_pipelines import Pipeline
from sandbox.goldrush_rate import Allowance
from sandbox.goldrush_usage import DURATIONS, AccountUsage
from sandbox.goldrush_usage import PATH as USAGE_PATH
from sandbox.goldrush_work import Source
from sandbox.trouble import NEVER_ANSWERED

BASE = "/platform/pipeline-api/"
DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MOST_REQUESTS = 50_000  # a demo may run for days


@dataclass(slots=True, kw_only=True)
class Request:
    """One request. `status` is None until the answer goes out."""

    at: float
    method: str
    path: str
    pipeline_id: str | None
    status: int | None = None


class State(Protocol):
    """The state that the API shows."""

    @property
    def clock(self) -> Clock: ...

    @property
    def service_key(self) -> str: ...

    @property
    def regular_api_key(self) -> str: ...

    @property
    def pipelines(self) -> Mapping[str, Pipeline]: ...

    @property
    def before(self) -> Mapping[str, Pipeline]: ...

    @property
    def faults(self) -> Mapping[FaultKey, Fault]: ...

    @property
    def chains(self) -> Chains: ...

    @property
    def usage(self) -> AccountUsage: ...

    @property
    def requests(self) -> list[Request]: ...

    @property
    def allowance(self) -> Allowance: ...

    def now(self) -> datetime: ...

    def source(self, pipeline: Pipeline) -> Source: ...

    def end_run(self, pipeline: Pipeline) -> None: ...

    def set_fault(self, fault: Fault | None, pipeline_id: str | None = None) -> None: ...

    def clear_fault(self, pipeline_id: str | None, route: str | None) -> None: ...


Answering = Callable[[FaultKind | None], wire.Answer]


class GoldRushApi:
    def __init__(self, goldrush: State) -> None:
        self._goldrush = goldrush
        self._chains_allowance = Allowance(goldrush.clock)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.route("*", BASE.rstrip("/") + "{rest:(/.*)?}", self._serve_pipelines),
            web.route("*", CHAINS_PATH.rstrip("/") + "{slash:/?}", self._serve_chains),
            web.route("*", USAGE_PATH.rstrip("/") + "{slash:/?}", self._serve_usage),
        ]

    async def _serve_pipelines(self, request: web.Request) -> web.StreamResponse:
        pipeline_id, _, resource = request.match_info["rest"].strip("/").partition("/")
        route = (resource or "pipeline") if pipeline_id else "listing"

        def answer(fault: FaultKind | None) -> wire.Answer:
            return self._pipeline(pipeline_id, resource, fault) if pipeline_id else self._list(request)

        goldrush = self._goldrush
        door = Door(goldrush.service_key, goldrush.regular_api_key, goldrush.allowance)
        return await self._serve(request, door, pipeline_id or None, route, answer)

    async def _serve_chains(self, request: web.Request) -> web.StreamResponse:
        """The Foundational API: an ordinary API key with a limit of its own. Its errors carry no `data`."""

        def answer(_: FaultKind | None) -> wire.Answer:
            return self._statuses_of_chains(request)

        goldrush = self._goldrush
        door = Door(goldrush.regular_api_key, goldrush.service_key, self._chains_allowance, bare_errors=True)
        return await self._serve(request, door, None, "chains", answer)

    async def _serve_usage(self, request: web.Request) -> web.StreamResponse:
        """The account, for a ServiceKey. GoldRush requires the trailing slash: without it, nothing is there."""

        def answer(_: FaultKind | None) -> wire.Answer:
            months = request.query.get("duration", "1")
            if months not in DURATIONS:
                return wire.failure(400)
            return wire.success(goldrush.usage.answer(goldrush.now(), int(months)))

        goldrush = self._goldrush
        door = Door(goldrush.service_key, goldrush.regular_api_key, goldrush.allowance)
        if not request.path.endswith("/"):
            return render(wire.failure(404, "Not found."))
        return await self._serve(request, door, None, "usage", answer)

    async def _serve(
        self, request: web.Request, door: "Door", pipeline_id: str | None, route: str, answer: Answering
    ) -> web.StreamResponse:
        requests = self._goldrush.requests
        at = self._goldrush.clock.monotonic()
        entry = Request(at=at, method=request.method, path=request.path_qs, pipeline_id=pipeline_id)
        requests.append(entry)
        del requests[:-MOST_REQUESTS]
        if not request.path.endswith("/"):
            location = str(request.url.with_path(f"{request.path}/"))
            response: web.StreamResponse = web.Response(status=301, headers={"Location": location})
        elif refusal := door.refusal(request):
            response = render(refusal)
        else:
            response = await self._strike(request, self._take_fault(pipeline_id, route), answer)
        entry.status = response.status if response.status != NEVER_ANSWERED else None
        return response

    async def _strike(self, request: web.Request, fault: Fault | None, answer: Answering) -> web.StreamResponse:
        if fault is None:
            return render(answer(None))
        if fault.kind in ELSEWHERE:
            return render(answer(fault.kind))
        return await strike(fault, request, answer(None), self._goldrush.clock.now())

    def _take_fault(self, pipeline_id: str | None, route: str) -> Fault | None:
        """A pipeline's own fault comes before the API's, and that of a route before that of all routes.

        A fault with a count ends after that many requests.
        """
        for scope in (pipeline_id, None) if pipeline_id else (None,):
            for its_route in (route, None):
                fault = self._goldrush.faults.get((scope, its_route))
                if fault is not None:
                    self._count_down(fault, scope)
                    return fault
        return None

    def _count_down(self, fault: Fault, scope: str | None) -> None:
        if fault.times is None:
            return
        if fault.times > 1:
            self._goldrush.set_fault(replace(fault, times=fault.times - 1), scope)
        else:
            self._goldrush.clear_fault(scope, fault.route)

    # --- the Pipeline API

    def _pipeline(self, pipeline_id: str, resource: str, fault: FaultKind | None) -> wire.Answer:
        pipeline = self._goldrush.pipelines.get(pipeline_id)
        if pipeline is None:
            return wire.failure(404)
        self._goldrush.end_run(pipeline)
        if fault is FaultKind.STALE:
            pipeline = self._goldrush.before.get(pipeline.id, pipeline)
        elif fault is FaultKind.WRONG_PIPELINE:
            pipeline = self._neighbour(pipeline)
        now, source = self._goldrush.now(), self._goldrush.source(pipeline)
        work = pipeline.progress(now, source)
        match resource:
            case "":
                return wire.success(wire.configuration(pipeline, over_limit=self._goldrush.usage.is_over_limit))
            case "status":
                return wire.success(wire.status(pipeline))
            case "logs":
                return wire.success(wire.logs(pipeline, work, now))
            case "metrics":
                return wire.success(wire.metrics(pipeline, work, source, now))
            case "destination-health":
                return wire.success(wire.destination_health(pipeline, now))
            case _:
                return wire.failure(404, "Not found.")

    def _neighbour(self, pipeline: Pipeline) -> Pipeline:
        """The next in the list, or the first after the last."""
        everything = list(self._goldrush.pipelines.values())
        return everything[(everything.index(pipeline) + 1) % len(everything)]

    def _list(self, request: web.Request) -> wire.Answer:
        """The vendor publishes no default or maximum of page_size. Here they are 20 and 100; more counts as 100."""
        page = _asked_page(request)
        if page is None:
            return wire.failure(400)
        pipelines, over_limit = tuple(self._goldrush.pipelines.values()), self._goldrush.usage.is_over_limit
        return wire.success(wire.page(pipelines, *page, over_limit=over_limit))

    # --- the Foundational API

    def _statuses_of_chains(self, request: web.Request) -> wire.Answer:
        page = _asked_page(request)
        if page is None:
            return wire.without_data(wire.failure(400))
        return wire.success(wire.chain_statuses(self._goldrush.chains, *page, self._goldrush.now()))


def _asked_page(request: web.Request) -> tuple[int, int] | None:
    """Number and size of the page; None if the query makes no sense."""
    try:
        number = int(request.query.get("page_number", "1"))
        size = int(request.query.get("page_size", str(DEFAULT_PAGE_SIZE)))
    except ValueError:
        return None
    return (number, min(size, MAX_PAGE_SIZE)) if number >= 1 and size >= 1 else None


@dataclass(frozen=True, slots=True)
class Door:
    """What a route asks of a request before its own work: the right key, the group's rate, and GET."""

    key: str
    other_key: str
    """One of the other product, which is known and refused."""
    allowance: Allowance
    bare_errors: bool = False

    def refusal(self, request: web.Request) -> wire.Answer | None:
        refusal = self._refusal(request)
        return wire.without_data(refusal) if refusal and self.bare_errors else refusal

    def _refusal(self, request: web.Request) -> wire.Answer | None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or key not in {self.key, self.other_key}:
            return wire.failure(401)
        if key == self.other_key:
            return wire.failure(403)
        if not self.allowance.take():
            return wire.with_headers(wire.failure(429), {"Retry-After": "1"})
        if request.method != "GET":
            return wire.with_headers(wire.failure(405), {"Allow": "GET"})
        return None
