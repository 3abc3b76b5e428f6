"""Builds the monitoring of one workspace. Data flows one way: scheduler → readers → recorder."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from bot.domain.cadence import Cadence
from bot.domain.watch import ChannelId
from bot.monitoring.api_trouble import ApiTrouble
from bot.monitoring.breaker import CircuitBreaker
from bot.monitoring.budget import Budget
from bot.monitoring.catalogue import CatalogueSync
from bot.monitoring.configurations import Configurations
from bot.monitoring.details_reader import DetailsReader, InThread
from bot.monitoring.diagnoses import Diagnoses
from bot.monitoring.diagnosis_reader import DiagnosisReader
from bot.monitoring.follower_reads import FollowerReads
from bot.monitoring.intents import Intents
from bot.monitoring.leader_or_follower_reads import LeaderOrFollowerReads
from bot.monitoring.local_leader import LocalLeader
from bot.monitoring.local_readers import LocalReaders
from bot.monitoring.log_findings import LogFindings
from bot.monitoring.outage import OutageNotices
from bot.monitoring.peoples_logs import LocalLogs
from bot.monitoring.promise import Promise
from bot.monitoring.recorder import Recorder
from bot.monitoring.scheduler import Scheduler
from bot.monitoring.staleness import Staleness
from bot.ports.clock import Clock
from bot.ports.diagnosis_facts import AddFacts, EarlierMeasurement
from bot.ports.leadership import LeadershipStatus
from bot.ports.pipeline_api import PipelineApi
from bot.ports.pipeline_details import PipelineDetails
from bot.ports.reads import Readers
from bot.state.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """The parts of monitoring that other packages use."""

    catalogue: CatalogueSync
    recorder: Recorder
    scheduler: Scheduler
    api_trouble: ApiTrouble
    staleness: Staleness
    local_leader: LocalLeader
    configurations: Configurations | None = None
    diagnoses: Diagnoses
    logs: LocalLogs

    def reads(self, leadership: LeadershipStatus, follower: FollowerReads) -> LeaderOrFollowerReads:
        """Reads for people who ask this process. `follower` calls another bot while that one leads."""
        return LeaderOrFollowerReads(
            leadership=leadership, scheduler=self.scheduler, catalogue=self.catalogue, follower=follower
        )

    @classmethod
    def build(
        cls,
        *,
        api: PipelineApi,
        details: PipelineDetails,
        repository: Repository,
        budget: Budget,
        clock: Clock,
        cadence: Cadence,
        leadership: LeadershipStatus,
        slots: int,
        operator: ChannelId | None = None,
        readers: Readers | None = None,
        configurations: Configurations | None = None,
        earlier: EarlierMeasurement | None = None,
        add_facts: Sequence[AddFacts] = (),
        in_thread: InThread[LogFindings] = asyncio.to_thread,
    ) -> Self:
        """Wires all parts. `slots` limits the polling's reads at once. `operator` hears of a rejected key.

        `readers` poll; without them, this process does. It always reads for people, if it leads. `configurations` get
        the pages of each listing.
        """
        breaker = CircuitBreaker()
        outage = OutageNotices(
            repository=repository, breaker=breaker, leadership=leadership, clock=clock, operator=operator
        )
        own_readers = LocalReaders(api=api, clock=clock)
        promise = Promise(repository=repository, budget=budget, cadence=cadence)
        catalogue = CatalogueSync(
            api=api,
            repository=repository,
            budget=budget,
            clock=clock,
            leadership=leadership,
            configurations=configurations,
        )
        recorder = Recorder(
            repository=repository,
            breaker=breaker,
            outage=outage,
            intents=Intents(api=api, repository=repository, budget=budget, clock=clock),
            catalogue=catalogue,
            budget=budget,
            promise=promise,
            clock=clock,
            leadership=leadership,
        )
        scheduler = Scheduler(
            repository=repository,
            readers=readers or own_readers,
            people_readers=own_readers,
            recorder=recorder,
            breaker=breaker,
            outage=outage,
            promise=promise,
            catalogue=catalogue,
            budget=budget,
            clock=clock,
            cadence=cadence,
            leadership=leadership,
            slots=slots,
        )
        staleness = Staleness(
            repository=repository,
            reads=scheduler,
            promise=promise,
            unrecorded=recorder.unrecorded,
            leadership=leadership,
            clock=clock,
        )
        details_reader = DetailsReader(api=details, budget=budget, clock=clock, in_thread=in_thread)
        diagnoses = Diagnoses(
            repository=repository,
            reader=DiagnosisReader(details_reader, clock, earlier=earlier, add_facts=add_facts),
            breaker=breaker,
            leadership=leadership,
            clock=clock,
        )
        recorder.followers.append(diagnoses.notice)
        logs = LocalLogs(details_reader, clock)
        return cls(
            catalogue=catalogue,
            recorder=recorder,
            scheduler=scheduler,
            api_trouble=ApiTrouble(repository=repository, breaker=breaker, leadership=leadership),
            staleness=staleness,
            local_leader=LocalLeader(
                scheduler=scheduler,
                catalogue=catalogue,
                repository=repository,
                unrecorded=recorder.unrecorded,
                logs=logs,
                clock=clock,
            ),
            configurations=configurations,
            diagnoses=diagnoses,
            logs=logs,
        )
