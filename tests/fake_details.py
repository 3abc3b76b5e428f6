"""An in-memory GoldRush's logs, metrics and destination health."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from bot.domain.configuration import Configuration
from bot.domain.log_lines import PodLog
from bot.domain.measurement import DestinationHealth, Measurement
from bot.domain.observation import PipelineId
from bot.monitoring.log_findings import LogFindings

NO_TABLE = 'ERROR: relation "trades" does not exist (SQLSTATE 42P01)'
A_LOG = (PodLog(pod="pod-a", text=f"INFO block 100 written\n{NO_TABLE}\n"),)
NO_LOG = (PodLog(pod="pod-a", text="unable to upgrade connection: container not found"),)
HEALTHY = DestinationHealth(healthy=True, latency_ms=4.0)
PENDING = 48_000


class FakeDetails:
    """Implements `FailureDetails`. An answer that is an exception is raised; one that is an event never comes
    before the event is set."""

    def __init__(self) -> None:
        self.log: tuple[PodLog, ...] | Exception | asyncio.Event = A_LOG
        self.logs_of: Mapping[PipelineId, tuple[PodLog, ...]] = {}
        self.measured: Measurement | Exception | asyncio.Event | None = None
        """None: measurements of now."""
        self.probe: DestinationHealth | Exception | asyncio.Event = HEALTHY
        self.configurations: Mapping[PipelineId, Configuration] = {}
        self.no_configuration: Exception | asyncio.Event | None = None
        """In place of the configuration."""
        self.asked: list[tuple[str, PipelineId]] = []
        self.under_way = 0

    def times(self, endpoint: str) -> int:
        return sum(name == endpoint for name, _ in self.asked)

    async def logs(self, pipeline_id: PipelineId) -> tuple[PodLog, ...]:
        self.asked.append(("logs", pipeline_id))
        await self._wait(self.log)
        if isinstance(self.log, Exception):
            raise self.log
        return self.logs_of.get(pipeline_id) or (A_LOG if isinstance(self.log, asyncio.Event) else self.log)

    async def metrics(self, pipeline_id: PipelineId, at: datetime) -> Measurement:
        self.asked.append(("metrics", pipeline_id))
        await self._wait(self.measured)
        if isinstance(self.measured, Exception):
            raise self.measured
        known = self.measured if isinstance(self.measured, Measurement) else Measurement(at=at, pending_records=PENDING)
        return replace(known, at=at)

    async def destination_health(self, pipeline_id: PipelineId) -> DestinationHealth:
        self.asked.append(("health", pipeline_id))
        await self._wait(self.probe)
        if isinstance(self.probe, Exception):
            raise self.probe
        return HEALTHY if isinstance(self.probe, asyncio.Event) else self.probe

    async def configuration(self, pipeline_id: PipelineId) -> Configuration:
        self.asked.append(("configuration", pipeline_id))
        await self._wait(self.no_configuration)
        if isinstance(self.no_configuration, Exception):
            raise self.no_configuration
        return self.configurations.get(pipeline_id) or Configuration(hashes={})

    async def _wait(self, answer: object) -> None:
        if isinstance(answer, asyncio.Event):
            self.under_way += 1
            try:
                await answer.wait()
            finally:
                self.under_way -= 1


async def at_once(work: Callable[[], LogFindings]) -> LogFindings:
    """In place of a thread, whose end no fake clock waits for."""
    return work()
