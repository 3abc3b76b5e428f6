"""Builds the services that answer people and change watches."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from bot.domain.observation import PipelineId
from bot.domain.subscription import WatchLimits
from bot.domain.transition import PipelineState
from bot.ports.alias_store import AliasStore
from bot.ports.calendar_feed import CalendarFeed
from bot.ports.canvases import PostmortemCanvases
from bot.ports.cards import Cards
from bot.ports.catalogue import FreshCatalogue
from bot.ports.channel_store import ChannelStore
from bot.ports.clock import Clock
from bot.ports.configuration_store import ConfigurationStore
from bot.ports.conversations import DirectConversations
from bot.ports.credits_store import CreditsStore
from bot.ports.details_reads import LogReads
from bot.ports.drill_store import DrillStore
from bot.ports.history_store import HistoryStore
from bot.ports.lanes import Lanes
from bot.ports.lease_store import LeaseStore
from bot.ports.measurement_store import MeasurementStore
from bot.ports.outbox import Outbox
from bot.ports.people import PeopleLookup, UserGroups
from bot.ports.postmortem_store import PostmortemStore
from bot.ports.setup_store import SetupStore
from bot.ports.status_reads import StatusReads
from bot.ports.thread_store import ThreadStore
from bot.ports.watch_store import WatchStore
from bot.requests.acknowledgements import Acknowledgements
from bot.requests.audit_log import AuditLog
from bot.requests.calendar_reads import CalendarReads
from bot.requests.credits import Credits
from bot.requests.drills import Drills
from bot.requests.error_notes import ErrorNotes
from bot.requests.follow_ups import FollowUpStyles
from bot.requests.group_members import GroupMembers
from bot.requests.logs import Logs
from bot.requests.mutes import Mutes
from bot.requests.notes import Notes
from bot.requests.paging_stops import PagingStops
from bot.requests.past import Past
from bot.requests.pipeline_views import PipelineViews
from bot.requests.policies import Policies
from bot.requests.postmortems import Postmortems
from bot.requests.queries import Queries
from bot.requests.references import References
from bot.requests.schedules import Schedules
from bot.requests.setup_changes import SetupChanges
from bot.requests.subscriptions import Subscriptions
from bot.requests.takeover_notices import TakeoverNotices
from bot.requests.threads import Threads
from bot.state.repository import Repository

DEFAULT_LIMITS = WatchLimits()


class RequestsStore(
    WatchStore,
    SetupStore,
    ChannelStore,
    AliasStore,
    Cards,
    Outbox,
    Lanes,
    CreditsStore,
    DrillStore,
    MeasurementStore,
    HistoryStore,
    ThreadStore,
    ConfigurationStore,
    PostmortemStore,
    LeaseStore,
    Protocol,
):
    """The ports of all services. Each service gets only its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestServices:
    """The services that commands and buttons call."""

    references: References
    queries: Queries
    subscriptions: Subscriptions
    acknowledgements: Acknowledgements
    notes: Notes
    mutes: Mutes
    stops: PagingStops
    audit_log: AuditLog
    policies: Policies
    drills: Drills
    past: Past
    logs: Logs
    schedules: Schedules
    threads: Threads
    calendars: CalendarReads
    group_members: GroupMembers
    follow_ups: FollowUpStyles
    error_notes: ErrorNotes
    postmortems: Postmortems
    credits: Credits


@dataclass(frozen=True, kw_only=True)
class RequestPorts:
    """What the services need from other packages."""

    repository: Repository
    store: RequestsStore
    reads: StatusReads
    unrecorded: Mapping[PipelineId, PipelineState]
    catalogue: FreshCatalogue
    clock: Clock
    conversations: DirectConversations
    log_reads: LogReads
    feed: CalendarFeed
    people: PeopleLookup
    groups: UserGroups
    canvases: PostmortemCanvases
    limits: WatchLimits = DEFAULT_LIMITS

    def services(self) -> RequestServices:
        repository, store, clock, conversations = self.repository, self.store, self.clock, self.conversations
        changes, references, views = self._changes, self._references, self._views
        return RequestServices(
            references=references,
            queries=self._queries(),
            subscriptions=self._subscriptions(),
            acknowledgements=self._acknowledgements(),
            mutes=Mutes(repository=repository, references=references, changes=changes, clock=clock),
            notes=Notes(repository=repository, watch_store=store, references=references, clock=clock),
            stops=self._stops(),
            audit_log=AuditLog(store),
            policies=Policies(repository=repository, changes=changes, clock=clock),
            drills=Drills(repository=repository, store=store, conversations=conversations, clock=clock),
            past=Past(repository=repository, store=store, lanes=store, references=references, views=views, clock=clock),
            logs=Logs(repository=repository, references=references, reads=self.log_reads),
            schedules=Schedules(repository=repository, changes=changes, conversations=conversations, clock=clock),
            threads=Threads(repository=repository, cards=store, threads=store),
            calendars=self._calendars(),
            follow_ups=FollowUpStyles(repository=repository, changes=changes),
            credits=Credits(store=store, clock=clock),
            error_notes=ErrorNotes(repository=repository, cards=store, changes=changes),
            postmortems=self._postmortems(),
            group_members=GroupMembers(changes=changes, groups=self.groups, clock=clock),
        )

    @cached_property
    def _references(self) -> References:
        return References(repository=self.repository, catalogue=self.catalogue)

    @cached_property
    def _views(self) -> PipelineViews:
        return PipelineViews(repository=self.repository, reads=self.reads, unrecorded=self.unrecorded, clock=self.clock)

    @cached_property
    def _changes(self) -> SetupChanges:
        return SetupChanges(repository=self.repository, setup_store=self.store, clock=self.clock)

    def _queries(self) -> Queries:
        return Queries(
            repository=self.repository,
            channels=self.store,
            references=self._references,
            catalogue=self.catalogue,
            views=self._views,
            measurements=self.store,
            clock=self.clock,
        )

    def _subscriptions(self) -> Subscriptions:
        return Subscriptions(
            repository=self.repository,
            watch_store=self.store,
            channels=self.store,
            references=self._references,
            views=self._views,
            clock=self.clock,
            limits=self.limits,
        )

    def _acknowledgements(self) -> Acknowledgements:
        takeovers = TakeoverNotices(conversations=self.conversations, outbox=self.store, team=self.repository.team)
        return Acknowledgements(
            repository=self.repository,
            cards=self.store,
            aliases=self.store,
            outbox=self.store,
            views=self._views,
            takeovers=takeovers,
            clock=self.clock,
        )

    def _stops(self) -> PagingStops:
        return PagingStops(
            repository=self.repository,
            watch_store=self.store,
            cards=self.store,
            outbox=self.store,
            conversations=self.conversations,
            clock=self.clock,
        )

    def _calendars(self) -> CalendarReads:
        return CalendarReads(
            changes=self._changes,
            feed=self.feed,
            people=self.people,
            conversations=self.conversations,
            clock=self.clock,
        )

    def _postmortems(self) -> Postmortems:
        return Postmortems(
            repository=self.repository,
            cards=self.store,
            configurations=self.store,
            history=self.store,
            store=self.store,
            leases=self.store,
            canvases=self.canvases,
            clock=self.clock,
        )
