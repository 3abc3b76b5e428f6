"""Reads what one failure's diagnosis needs, side by side, and puts it together within a deadline."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.diagnosis import Diagnosis, LogOutcome
from bot.domain.episode import Episode
from bot.domain.measurement import DestinationHealth
from bot.domain.observation import PipelineId
from bot.monitoring.details_reader import DetailsReader
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


class DiagnosisReader:
    """Answers within 8 s, with what has come by then.

    `earlier` finds a measurement from before the failure. `add_facts` add what other parts of the bot know.
    """

    def __init__(
        self,
        details: DetailsReader,
        clock: Clock,
        *,
        earlier: EarlierMeasurement | None = None,
        add_facts: Sequence[AddFacts] = (),
    ) -> None:
        self._details = details
        self._clock = clock
        self._earlier = earlier
        self._add_facts = tuple(add_facts)

    async def close(self) -> None:
        await self._details.close()

    def log_read_at(self, pipeline_id: PipelineId) -> datetime | None:
        """When somebody read the log that is at hand without a request."""
        return self._details.log_read_at(pipeline_id)

    async def read_all(self, episode: Episode) -> Diagnosis:
        pipeline_id, since = episode.pipeline_id, episode.began_at
        until, details = self._clock.monotonic() + SPARE_WAIT_SECONDS, self._details
        found, probe, measured = await asyncio.gather(
            within(self._clock, GATHER_SECONDS, details.logs(pipeline_id, spare_until=until, newer_than=since)),
            within(self._clock, GATHER_SECONDS, details.health(pipeline_id, spare_until=until, newer_than=since)),
            within(self._clock, GATHER_SECONDS, details.metrics(pipeline_id, spare_until=until, newer_than=since)),
        )
        diagnosis = self._explained(found or self._too_slow(), episode, probe)
        since_probe = _unhealthy_since(probe, episode.diagnosis)
        diagnosis = replace(diagnosis, measured=measured, health=probe, unhealthy_since=since_probe)
        return await self._with_facts(pipeline_id, diagnosis)

    async def read_log_again(self, episode: Episode) -> Diagnosis | None:
        """The stored diagnosis with its log. None: the log says no more than before."""
        known, pipeline_id = episode.diagnosis, episode.pipeline_id
        assert known is not None  # noqa: S101 (its log is missing)
        until = self._clock.monotonic() + SPARE_WAIT_SECONDS
        newer = known.at + timedelta.resolution if known.log is LogOutcome.NOT_YET else episode.began_at
        found = await within(
            self._clock, GATHER_SECONDS, self._details.logs(pipeline_id, spare_until=until, newer_than=newer)
        )
        if found is None:
            return None
        again = self._explained(found, episode, known.health)
        if not again.adds_to(known):
            return None
        diagnosis = replace(
            known,
            at=again.at,
            log=again.log,
            problem=again.problem,
            unread=again.unread,
            excerpt=again.excerpt,
            pods=again.pods,
            pods_alike=again.pods_alike,
            cause=again.cause,
            fingerprint=again.fingerprint,
        )
        return await self._with_facts(pipeline_id, diagnosis)

    def _explained(self, found: LogFindings, episode: Episode, probe: DestinationHealth | None) -> Diagnosis:
        probe_error = probe.last_error if probe and probe.healthy is False else ""
        named = named_cause(found.excerpt, probe_error)
        return Diagnosis(
            at=self._clock.now(),
            began_at=episode.began_at,
            log=found.outcome,
            problem=found.problem,
            unread=found.unread,
            cause=named.cause,
            fingerprint=named.fingerprint,
            excerpt=found.excerpt,
            pods=len(found.pods),
            pods_alike=found.pods_alike,
        )

    async def _with_facts(self, pipeline_id: PipelineId, diagnosis: Diagnosis) -> Diagnosis:
        """A part that fails or takes too long is left out."""
        until = self._clock.monotonic() + FACTS_SECONDS
        for add in (self._add_earlier, *self._add_facts):
            try:
                added = await within(self._clock, until - self._clock.monotonic(), add(pipeline_id, diagnosis))
            except StoreAway as exc:
                emit(StoreUnreachable(component=Component.MONITORING, problem=str(exc), pipeline=pipeline_id))
            except Exception as exc:  # noqa: BLE001 (the diagnosis is worth more than this part)
                emit(DiagnosisCrashed(pipeline=pipeline_id, exception=exc))
            else:
                diagnosis = added or diagnosis
        return diagnosis

    async def _add_earlier(self, pipeline_id: PipelineId, diagnosis: Diagnosis) -> Diagnosis:
        if self._earlier is None or diagnosis.earlier is not None:
            return diagnosis
        return replace(diagnosis, earlier=await self._earlier(pipeline_id, diagnosis.began_at))

    def _too_slow(self) -> LogFindings:
        return LogFindings(at=self._clock.now(), outcome=LogOutcome.UNREADABLE, problem=TOO_SLOW)


def _unhealthy_since(probe: DestinationHealth | None, before: Diagnosis | None) -> datetime | None:
    """When the probes began to fail, as far as the bot read them."""
    if probe is None or probe.healthy is not False:
        return None
    failed_before = before is not None and before.health is not None and before.health.healthy is False
    return (before.unhealthy_since if before and failed_before else None) or probe.checked_at
