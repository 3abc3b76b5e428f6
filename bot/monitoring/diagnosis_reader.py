"""Reads what one failure's diagnosis needs, side by side, and puts it together within a deadline."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from bot.domain.configuration import ConfigurationRead
from bot.domain.diagnosis import Diagnosis, LeftOut, LogFault, LogOutcome
from bot.domain.episode import Episode
from bot.domain.measurement import DestinationHealth, Measurement
from bot.domain.observation import PipelineId
from bot.monitoring.configurations import Configurations
from bot.monitoring.details_reader import DetailFault, DetailsReader
from bot.monitoring.log_findings import LogFindings, named_cause
from bot.monitoring.within import within
from bot.ports.clock import Clock
from bot.ports.diagnosis_facts import AddFacts, EarlierMeasurement
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.diagnoses import DiagnosisCrashed
from bot.ports.telemetry.store import Component, StoreUnreachable

GATHER_SECONDS = 7.0  # for the reads
SPARE_WAIT_SECONDS = 4.0  # of these, for a request that nobody else needs: GoldRush gets the others for its answer
FACTS_SECONDS = 1.0  # for what other parts add
TOO_SLOW = "GoldRush didn't answer in time."


@dataclass(frozen=True, slots=True)
class ReadAgain:
    """The outcome of a further read for a stored diagnosis."""

    diagnosis: Diagnosis
    log_asked: bool
    """False: nobody asked GoldRush for the log."""
    changes_unread: bool
    """GoldRush gave no configuration."""


class DiagnosisReader:
    """Answers within 8 s, with what has come by then.

    `earlier` finds a measurement from before the failure. `add_facts` add what other parts of the bot know.
    """

    def __init__(
        self,
        details: DetailsReader,
        clock: Clock,
        *,
        configurations: Configurations | None = None,
        earlier: EarlierMeasurement | None = None,
        add_facts: Sequence[AddFacts] = (),
    ) -> None:
        self._details = details
        self._clock = clock
        self._configurations = configurations
        self._earlier = earlier
        self._add_facts = tuple(add_facts)

    async def close(self) -> None:
        await self._details.close()

    def log_read_at(self, pipeline_id: PipelineId) -> datetime | None:
        """When somebody read the log that is at hand without a request."""
        return self._details.log_read_at(pipeline_id)

    async def read_all(self, episode: Episode) -> Diagnosis:
        found, probe, measured, shown = await asyncio.gather(
            self._read_log(episode, newer_than=episode.began_at),
            self._read_health(episode),
            self._read_metrics(episode),
            self._read_configuration(episode),
        )
        nothing = Diagnosis(at=self._clock.now(), began_at=episode.began_at, log=LogOutcome.UNREADABLE)
        around = self._with_state(nothing, probe, measured, shown, episode.diagnosis)
        diagnosis = _with_cause(_with_log(around, found or self._too_slow()))
        return await self._with_facts(episode.pipeline_id, diagnosis, shown)

    async def read_again(self, episode: Episode, *, log: bool) -> ReadAgain:
        """Reads the parts that the stored diagnosis lacks. `log`: reads the log too."""
        known = episode.diagnosis
        assert known is not None  # noqa: S101 (a part of it is missing)
        newer = known.read_log_at + timedelta.resolution if known.log is LogOutcome.NOT_YET else episode.began_at
        found, probe, measured, shown = await asyncio.gather(
            self._read_log(episode, newer_than=newer) if log else _nothing(),
            self._read_health(episode) if LeftOut.HEALTH in known.left_out else _nothing(),
            self._read_metrics(episode) if LeftOut.METRICS in known.left_out else _nothing(),
            self._read_configuration(episode) if LeftOut.CHANGES in known.left_out else _nothing(),
        )
        around = self._with_state(known, probe, measured, shown, known)
        around = replace(around, at=self._clock.now(), log_at=known.read_log_at)
        again = _with_log(around, found) if found else around
        diagnosis = _with_cause(again if again.adds_log_to(known) else around)
        is_shown = isinstance(shown, ConfigurationRead)
        if is_shown or diagnosis.fingerprint != known.fingerprint or LeftOut.PAST in known.left_out:
            diagnosis = await self._with_facts(episode.pipeline_id, diagnosis, shown)
        return ReadAgain(
            diagnosis,
            log_asked=log and not (found and found.unread is LogFault.NOT_ASKED),
            changes_unread=shown is DetailFault.FAILED,
        )

    async def _read_log(self, episode: Episode, *, newer_than: datetime) -> LogFindings | None:
        until = self._clock.monotonic() + SPARE_WAIT_SECONDS
        read = self._details.logs(episode.pipeline_id, spare_until=until, newer_than=newer_than)
        return await within(self._clock, GATHER_SECONDS, read)

    async def _read_health(self, episode: Episode) -> DestinationHealth | DetailFault | None:
        until = self._clock.monotonic() + SPARE_WAIT_SECONDS
        read = self._details.health(episode.pipeline_id, spare_until=until, newer_than=episode.began_at)
        return await within(self._clock, GATHER_SECONDS, read)

    async def _read_metrics(self, episode: Episode) -> Measurement | DetailFault | None:
        until = self._clock.monotonic() + SPARE_WAIT_SECONDS
        read = self._details.metrics(episode.pipeline_id, spare_until=until, newer_than=episode.began_at)
        return await within(self._clock, GATHER_SECONDS, read)

    async def _read_configuration(self, episode: Episode) -> ConfigurationRead | DetailFault | None:
        if self._configurations is None:
            return None
        until = self._clock.monotonic() + SPARE_WAIT_SECONDS
        read = self._details.configuration(episode.pipeline_id, spare_until=until, newer_than=episode.began_at)
        return await within(self._clock, GATHER_SECONDS, read) or DetailFault.FAILED

    def _with_state(
        self,
        diagnosis: Diagnosis,
        probe: DestinationHealth | DetailFault | None,
        measured: Measurement | DetailFault | None,
        shown: ConfigurationRead | DetailFault | None,
        before: Diagnosis | None,
    ) -> Diagnosis:
        """The diagnosis with the metrics, destination health and missing parts of these reads."""
        lacks = {
            LeftOut.METRICS: measured is DetailFault.NOT_ASKED,
            LeftOut.HEALTH: probe is DetailFault.NOT_ASKED,
            LeftOut.CHANGES: isinstance(shown, DetailFault),
        }
        left_out = [part for part in LeftOut if lacks.get(part, part in diagnosis.left_out)]
        health = probe if isinstance(probe, DestinationHealth) else diagnosis.health
        return replace(
            diagnosis,
            measured=measured if isinstance(measured, Measurement) else diagnosis.measured,
            health=health,
            unhealthy_since=_unhealthy_since(health, before),
            left_out=tuple(left_out),
        )

    async def _with_facts(
        self, pipeline_id: PipelineId, diagnosis: Diagnosis, shown: ConfigurationRead | DetailFault | None
    ) -> Diagnosis:
        """Leaves out a part that fails or takes too long. What Redis did not answer is asked again later."""
        until = self._clock.monotonic() + FACTS_SECONDS
        left_out: list[LeftOut] = [part for part in diagnosis.left_out if part is not LeftOut.PAST]
        read = shown if isinstance(shown, ConfigurationRead) else None
        add_changes: list[AddFacts] = []
        if self._configurations:
            add_changes = [partial(self._configurations.add_changes, read=read)]
        for add in (self._add_earlier, *self._add_facts, *add_changes):
            try:
                added = await within(self._clock, until - self._clock.monotonic(), add(pipeline_id, diagnosis))
            except StoreAway as exc:
                emit(StoreUnreachable(component=Component.MONITORING, problem=str(exc), pipeline=pipeline_id))
                added = None
            except Exception as exc:  # noqa: BLE001 (the diagnosis is worth more than this part)
                emit(DiagnosisCrashed(pipeline=pipeline_id, exception=exc))
                continue
            if added is None:
                left_out += [LeftOut.PAST, *([LeftOut.CHANGES] if read else [])]
                break
            diagnosis = added
        return replace(diagnosis, left_out=tuple(left_out))

    async def _add_earlier(self, pipeline_id: PipelineId, diagnosis: Diagnosis) -> Diagnosis:
        if self._earlier is None or diagnosis.earlier is not None:
            return diagnosis
        return replace(diagnosis, earlier=await self._earlier(pipeline_id, diagnosis.began_at))

    def _too_slow(self) -> LogFindings:
        return LogFindings(at=self._clock.now(), outcome=LogOutcome.UNREADABLE, problem=TOO_SLOW)


async def _nothing() -> None:
    """In place of a read that nobody needs."""


def _with_log(diagnosis: Diagnosis, found: LogFindings) -> Diagnosis:
    return replace(
        diagnosis,
        log=found.outcome,
        log_at=None,
        problem=found.problem,
        unread=found.unread,
        excerpt=found.excerpt,
        pods=len(found.pods),
        pods_alike=found.pods_alike,
    )


def _with_cause(diagnosis: Diagnosis) -> Diagnosis:
    health = diagnosis.health
    probe_error = health.last_error if health and health.healthy is False else ""
    named = named_cause(diagnosis.excerpt, probe_error)
    return replace(diagnosis, cause=named.cause, fingerprint=named.fingerprint)


def _unhealthy_since(probe: DestinationHealth | None, before: Diagnosis | None) -> datetime | None:
    """When the probes began to fail, as far as the bot read them."""
    if probe is None or probe.healthy is not False:
        return None
    failed_before = before is not None and before.health is not None and before.health.healthy is False
    return (before.unhealthy_since if before and failed_before else None) or probe.checked_at
