"""The parts of one workspace's monitoring. Data flows one way: scheduler → readers → recorder."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

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
from bot.monitoring.polled_fleet import PolledFleet
from bot.monitoring.promise import Promise
from bot.monitoring.recorder import Recorder
from bot.monitoring.scheduler import Scheduler
from bot.monitoring.staleness import Staleness
from bot.ports.clock import Clock
from bot.ports.diagnosis_facts import AddFacts, EarlierMeasurement
from bot.ports.leadership import LeadershipStatus
from bot.ports.pipeline_api import PipelineApi
from bot.ports.pipeline_details import FailureDetails
from bot.ports.reads import Readers
from bot.state.repository import Repository


@dataclass(frozen=True, kw_only=True)
class Monitoring:
    """What monitoring gets from other packages, and the parts that it makes of it, each at its first use."""

    api: PipelineApi
    details: FailureDetails
    repository: Repository
    budget: Budget
    clock: Clock
    cadence: Cadence
    leadership: LeadershipStatus
    slots: int
    """How many reads of the polling may run at once."""
    operator: ChannelId | None = None
    """Hears of a rejected key."""
    readers: Readers | None = None
    """They poll; without them, this process does. It always reads for people, if it leads."""
    configurations: Configurations | None = None
    """Get the pages of each listing, and the configuration of a pipeline that failed."""
    earlier: EarlierMeasurement | None = None
    add_facts: Sequence[AddFacts] = ()
    in_thread: InThread[LogFindings] = asyncio.to_thread

    def reads(self, follower: FollowerReads) -> LeaderOrFollowerReads:
        """Reads for people who ask this process. `follower` calls another bot while that one leads."""
        return LeaderOrFollowerReads(
            leadership=self.leadership, scheduler=self.scheduler, catalogue=self.catalogue, follower=follower
        )

    @cached_property
    def breaker(self) -> CircuitBreaker:
        return CircuitBreaker()

    @cached_property
    def outage(self) -> OutageNotices:
        return OutageNotices(
            repository=self.repository,
            breaker=self.breaker,
            leadership=self.leadership,
            clock=self.clock,
            operator=self.operator,
        )

    @cached_property
    def promise(self) -> Promise:
        return Promise(repository=self.repository, budget=self.budget, cadence=self.cadence)

    @cached_property
    def catalogue(self) -> CatalogueSync:
        return CatalogueSync(
            api=self.api,
            repository=self.repository,
            budget=self.budget,
            clock=self.clock,
            leadership=self.leadership,
            configurations=self.configurations,
        )

    @cached_property
    def recorder(self) -> Recorder:
        return Recorder(
            repository=self.repository,
            breaker=self.breaker,
            outage=self.outage,
            intents=Intents(api=self.api, repository=self.repository, budget=self.budget, clock=self.clock),
            catalogue=self.catalogue,
            budget=self.budget,
            promise=self.promise,
            clock=self.clock,
            leadership=self.leadership,
            follow=self.diagnoses.notice,
        )

    @cached_property
    def scheduler(self) -> Scheduler:
        own_readers = LocalReaders(api=self.api, clock=self.clock)
        return Scheduler(
            repository=self.repository,
            readers=self.readers or own_readers,
            people_readers=own_readers,
            recorder=self.recorder,
            breaker=self.breaker,
            outage=self.outage,
            promise=self.promise,
            catalogue=self.catalogue,
            budget=self.budget,
            clock=self.clock,
            fleet=PolledFleet(
                repository=self.repository,
                budget=self.budget,
                promise=self.promise,
                clock=self.clock,
                cadence=self.cadence,
                forget=self.recorder.forget,
            ),
            leadership=self.leadership,
            slots=self.slots,
        )

    @cached_property
    def diagnoses(self) -> Diagnoses:
        return Diagnoses(
            repository=self.repository,
            reader=DiagnosisReader(
                self._details_reader,
                self.clock,
                configurations=self.configurations,
                earlier=self.earlier,
                add_facts=self.add_facts,
            ),
            breaker=self.breaker,
            leadership=self.leadership,
            clock=self.clock,
        )

    @cached_property
    def logs(self) -> LocalLogs:
        return LocalLogs(self._details_reader, self.clock)

    @cached_property
    def _details_reader(self) -> DetailsReader:
        """One for diagnoses and people: who asks while a read is under way gets its answer."""
        return DetailsReader(api=self.details, budget=self.budget, clock=self.clock, in_thread=self.in_thread)

    @cached_property
    def staleness(self) -> Staleness:
        return Staleness(
            repository=self.repository,
            reads=self.scheduler,
            promise=self.promise,
            unrecorded=self.recorder.unrecorded,
            leadership=self.leadership,
            clock=self.clock,
        )

    @cached_property
    def api_trouble(self) -> ApiTrouble:
        return ApiTrouble(repository=self.repository, breaker=self.breaker, leadership=self.leadership)

    @cached_property
    def local_leader(self) -> LocalLeader:
        return LocalLeader(
            scheduler=self.scheduler,
            catalogue=self.catalogue,
            repository=self.repository,
            unrecorded=self.recorder.unrecorded,
            logs=self.logs,
            clock=self.clock,
        )
