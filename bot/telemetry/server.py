"""Serves `/metrics`, `/livez` and `/readyz` on a port of their own."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from bot.http.connection_limit import ConnectionLimiter, ConnectionLimits, Refusals
from bot.http.server import serving, watched
from bot.ports.telemetry import emit, subscribed
from bot.ports.telemetry.process import MetricsServed
from bot.redaction import hide_secrets
from bot.telemetry.gauges import Gauges
from bot.telemetry.health import Check, HealthMonitor
from bot.telemetry.metrics import Metrics
from bot.telemetry.sources import Sources

LIMITS = ConnectionLimits(connections=16, request=10.0)
LARGEST_REQUEST = 1024  # bytes: no request here has a body
HIDDEN = "…"


@asynccontextmanager
async def observed(sources: Sources, port: int, host: str, limits: ConnectionLimits = LIMITS) -> AsyncIterator[int]:
    """Counts event records and serves the result; yields the port.

    Raises:
        OSError: the port or the host can't be used.
    """
    limiter = ConnectionLimiter(limits, Refusals("metrics"))
    monitor, metrics, gauges = HealthMonitor(sources), Metrics(), Gauges(sources)
    metrics.registry.register(gauges)
    application = web.Application(client_max_size=LARGEST_REQUEST, middlewares=[watched(limiter)])
    pages = _Pages(monitor, metrics, gauges)
    application.add_routes(
        [web.get("/metrics", pages.metrics_page), web.get("/livez", pages.livez), web.get("/readyz", pages.readyz)]
    )
    with subscribed(monitor.on_record), subscribed(metrics.on_record):
        async with serving(application, port, host=host, limiter=limiter, log_name="bot.metrics.server") as bound:
            emit(MetricsServed(port=bound))
            yield bound


@dataclass(frozen=True, slots=True)
class _Pages:
    monitor: HealthMonitor
    metrics: Metrics
    gauges: Gauges

    async def metrics_page(self, request: web.Request) -> web.Response:
        await self.gauges.refresh(await self.monitor.health())
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self.metrics.registry), headers={"Content-Type": content_type})

    async def livez(self, _: web.Request) -> web.Response:
        stall = self.monitor.stall()
        return _answer("live", {Check.WATCHDOG: stall} if stall else {}, {})

    async def readyz(self, _: web.Request) -> web.Response:
        health = await self.monitor.health()
        return _answer("ready", health.problems, health.warnings)


def _answer(name: str, problems: Mapping[Check, str], warnings: Mapping[Check, str]) -> web.Response:
    """200 without problems, else 503."""
    body = {name: not problems, "problems": _clean(problems), "warnings": _clean(warnings)}
    return web.json_response(body, status=503 if problems else 200)


def _clean(texts: Mapping[Check, str]) -> dict[str, str]:
    return {check.value: hide_secrets(text, HIDDEN) for check, text in texts.items()}
