"""Builds the services that answer people and change watches."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

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

    @classmethod
    def build(
        cls,
        *,
        repository: Repository,
        store: RequestsStore,
        reads: StatusReads,
        unrecorded: Mapping[PipelineId, PipelineState],
        catalogue: FreshCatalogue,
        clock: Clock,
        conversations: DirectConversations,
        log_reads: LogReads,
        feed: CalendarFeed,
        people: PeopleLookup,
        groups: UserGroups,
        canvases: PostmortemCanvases,
        limits: WatchLimits = DEFAULT_LIMITS,
    ) -> Self:
        views = PipelineViews(repository=repository, reads=reads, unrecorded=unrecorded, clock=clock)
        changes = SetupChanges(repository=repository, setup_store=store, clock=clock)
        references = References(repository=repository, catalogue=catalogue)
        return cls(
            references=references,
            queries=Queries(
                repository=repository,
                channels=store,
                references=references,
                catalogue=catalogue,
                views=views,
                measurements=store,
                clock=clock,
            ),
            subscriptions=Subscriptions(
                repository=repository,
                watch_store=store,
                channels=store,
                references=references,
                views=views,
                clock=clock,
                limits=limits,
            ),
            acknowledgements=Acknowledgements(
                repository=repository,
                cards=store,
                aliases=store,
                outbox=store,
                views=views,
                takeovers=TakeoverNotices(conversations=conversations, outbox=store, team=repository.team),
                clock=clock,
            ),
            mutes=Mutes(
                repository=repository,
                references=references,
                changes=SetupChanges(repository=repository, setup_store=store, clock=clock),
                clock=clock,
            ),
            notes=Notes(repository=repository, watch_store=store, references=references, clock=clock),
            stops=PagingStops(
                repository=repository,
                watch_store=store,
                cards=store,
                outbox=store,
                conversations=conversations,
                clock=clock,
            ),
            audit_log=AuditLog(store),
            policies=Policies(repository=repository, changes=changes, clock=clock),
            drills=Drills(repository=repository, store=store, conversations=conversations, clock=clock),
            past=Past(repository=repository, store=store, lanes=store, references=references, views=views, clock=clock),
            logs=Logs(repository=repository, references=references, reads=log_reads),
            schedules=Schedules(repository=repository, changes=changes, conversations=conversations, clock=clock),
            threads=Threads(repository=repository, cards=store, threads=store),
            calendars=CalendarReads(
                changes=changes, feed=feed, people=people, conversations=conversations, clock=clock
            ),
            follow_ups=FollowUpStyles(repository=repository, changes=changes),
            credits=Credits(store=store, clock=clock),
            error_notes=ErrorNotes(repository=repository, cards=store, changes=changes),
            postmortems=Postmortems(
                repository=repository,
                cards=store,
                configurations=store,
                store=store,
                leases=store,
                canvases=canvases,
                clock=clock,
            ),
            group_members=GroupMembers(changes=changes, groups=groups, clock=clock),
        )
