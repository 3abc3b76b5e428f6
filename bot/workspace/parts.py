"""Builds the parts of a workspace: reads, heartbeat, messages, answers to people, jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from bot.calendars.client import CalendarClient
from bot.calendars.reader import CalendarReader
from bot.coordination.follower import NoPolling
from bot.coordination.heartbeat import Heartbeat
from bot.coordination.leadership import Leadership
from bot.coordination.role_watch import RoleWatch
from bot.delivery.carrier import Carrier
from bot.delivery.dispatcher import Dispatcher
from bot.delivery.lane_services import LaneServices
from bot.delivery.rate_limiter import RateLimiter
from bot.delivery.suspensions import Suspensions
from bot.domain.cadence import EvenPolling
from bot.domain.delivery import SLACK
from bot.domain.observation import PipelineId
from bot.domain.presence import ANNOUNCE_SECONDS, SENDER
from bot.domain.transition import PipelineState
from bot.goldrush.client import Client
from bot.jobs import Jobs, PeriodicJob
from bot.monitoring.catalogue import NEWLY_WATCHED_SECONDS
from bot.monitoring.diagnoses import SERVE_SECONDS
from bot.monitoring.follower_reads import FollowerReads
from bot.monitoring.leader_or_follower_reads import ReadsAndListings
from bot.monitoring.measurements import Measurements
from bot.monitoring.monitoring import Monitoring
from bot.monitoring.peoples_logs import SharedLogs
from bot.monitoring.scheduler import TICK_SECONDS
from bot.paging.timers import PageTimers
from bot.ports.details_reads import LogReads
from bot.ports.lease_store import ACTIVE_SENDER
from bot.ports.reads import Readers
from bot.requests.services import RequestPorts, RequestServices
from bot.requests.setup_changes import SetupChanges
from bot.requests.silence_ends import SilenceEnds
from bot.settings import Role
from bot.slack.feature import Services
from bot.slack.inbound.bolt_app import Listeners
from bot.slack.inbound.inbox import Inbox
from bot.slack.inbound.person_limits import PersonLimits
from bot.slack.inbound.respond import responses
from bot.slack.outbound.canvases import SlackCanvases
from bot.slack.outbound.channel_monitor import ChannelMonitor
from bot.slack.outbound.chat import SlackChat
from bot.slack.outbound.facts import Facts
from bot.slack.outbound.limits import SLACK_LIMITS
from bot.slack.outbound.members import Members
from bot.slack.outbound.modals import Modals
from bot.slack.outbound.token_monitor import CHECK_SECONDS, TokenMonitor
from bot.slack.outbound.user_groups import SlackUserGroups
from bot.slack.permissions import Permissions
from bot.slack.render.renderer import Renderer
from bot.slack.router import Router
from bot.store.leader_calls import LeaderCalls, RemoteLeader
from bot.workspace.background import background_jobs, build_configurations, build_facts
from bot.workspace.base import Base
from bot.workspace.bounded_runs import bounded_run_jobs
from bot.workspace.credits import credit_jobs
from bot.workspace.deployments import deployment_jobs
from bot.workspace.measuring import MEASURING_SECONDS
from bot.workspace.pager_answers import poll_jobs
from bot.workspace.schedules import schedule_jobs


class DeliveryParts(NamedTuple):
    suspensions: Suspensions
    dispatcher: Dispatcher
    sending_right: Leadership
    chat: SlackChat


class ReadParts(NamedTuple):
    """What reads GoldRush for people."""

    reads: ReadsAndListings
    unrecorded: Mapping[PipelineId, PipelineState]
    leader: RemoteLeader
    """Calls the bot that leads, while another process does."""
    logs: LogReads


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleParts:
    """What answers people."""

    inbox: Inbox
    channels: ChannelMonitor
    listeners: Listeners


def build_monitoring(base: Base, api: Client, measurements: Measurements) -> Monitoring:
    return Monitoring(
        api=api,
        details=api,
        readers=_remote_readers(base) if base.settings.has_remote_readers else None,
        repository=base.repository,
        budget=base.budget,
        clock=base.clock,
        cadence=base.settings.cadence,
        leadership=base.leadership,
        slots=base.shared.read_slots,
        operator=base.operator,
        configurations=build_configurations(base),
        earlier=measurements.earlier,
        add_facts=build_facts(base),
    )


def _remote_readers(base: Base) -> Readers:
    from bot.workspace.reading import remote_readers  # noqa: PLC0415 (Taskiq takes memory, and most bots need none)

    return remote_readers(base)


def build_heartbeat(base: Base, monitoring: Monitoring | None) -> Heartbeat:
    """Without `monitoring`, another process polls and lists."""
    return Heartbeat.build(
        repository=base.repository,
        store=base.store,
        outbox=base.store,
        polling=monitoring.scheduler if monitoring else NoPolling(),
        leadership=base.leadership,
        clock=base.clock,
        doubt=base.doubt,
        memberships=base.directory,
        blind_after=timedelta(seconds=base.settings.blind_seconds),
        operator=base.operator,
        embedded=base.settings.store_url is None,
        is_listing=lambda: monitoring is not None and monitoring.catalogue.still_listing,
    )


def build_reads(base: Base, monitoring: Monitoring | None, heartbeat: Heartbeat) -> ReadParts:
    """Without `monitoring`, the leader is always another process."""
    leader = RemoteLeader(base.scripts, base.clock)
    unrecorded: dict[PipelineId, PipelineState] = monitoring.recorder.unrecorded if monitoring else {}
    follower = FollowerReads(
        leader=leader,
        repository=base.repository,
        unrecorded=unrecorded,
        budget=base.budget,
        cadence=base.settings.cadence,
        clock=base.clock,
        heartbeat=heartbeat,
    )
    reads = monitoring.reads(follower) if monitoring else follower
    logs = SharedLogs(
        own=monitoring.logs if monitoring else None, follower=follower, leadership=base.leadership, clock=base.clock
    )
    return ReadParts(reads, unrecorded, leader, logs)


def build_calls(base: Base, monitoring: Monitoring) -> LeaderCalls:
    """Serves the processes that do not lead."""
    return LeaderCalls(base.scripts, base.clock, monitoring.local_leader, base.leadership)


def _requests(base: Base, reading: ReadParts) -> RequestServices:
    return RequestPorts(
        repository=base.repository,
        store=base.store,
        reads=reading.reads,
        unrecorded=reading.unrecorded,
        catalogue=reading.reads,
        clock=base.clock,
        conversations=base.directory,
        log_reads=reading.logs,
        feed=CalendarReader(CalendarClient()),
        people=Members(base.slack, base.clock, base.identity.team),
        groups=SlackUserGroups(base.slack),
        canvases=SlackCanvases(base.slack, base.identity.team, base.identity.url),
        limits=base.settings.watch_limits,
    ).services()


def build_renderer(base: Base) -> Renderer:
    settings = base.settings
    return Renderer(
        command=settings.command,
        platform_url=settings.platform_url,
        broadcast=settings.broadcast,
        record=base.repository.record,
    )


def build_delivery(base: Base, renderer: Renderer) -> DeliveryParts:
    settings, clock = base.settings, base.clock
    chat = SlackChat(base.slack, renderer.content, base.identity.user)
    suspensions = Suspensions(
        store=base.store,
        repository=base.repository,
        conversations=base.directory,
        clock=clock,
        wake=base.wake,
        fallback=base.fallback,
    )
    slack = Carrier(chat=chat, limiter=RateLimiter(clock, SLACK_LIMITS), suspender=suspensions)
    sending_right = Leadership(base.store, clock, ACTIVE_SENDER)
    services = LaneServices(
        store=base.store,
        carriers={SLACK: slack, **base.pagers.carriers(clock)},
        clock=clock,
        doubt=base.doubt,
        sending_right=sending_right,
        group_rule=settings.group_rule,
        pages_an_hour=settings.pages_per_hour,
    )
    if Role.SENDER in settings.roles:
        base.shared.sources.is_sending = lambda: sending_right.is_leader
    dispatcher = Dispatcher(services, base.wake)
    return DeliveryParts(suspensions=suspensions, dispatcher=dispatcher, sending_right=sending_right, chat=chat)


def build_people(
    base: Base, reading: ReadParts, renderer: Renderer, suspensions: Suspensions, role_watch: RoleWatch
) -> PeopleParts:
    inbox = _inbox(base, reading, renderer, role_watch)
    channels = ChannelMonitor(
        store=base.store,
        repository=base.repository,
        suspensions=suspensions,
        directory=base.directory,
        clock=base.clock,
        user=base.identity.user,
    )
    listeners = Listeners(inbox=inbox, channel_monitor=channels, bot_user=base.identity.user)
    return PeopleParts(inbox=inbox, channels=channels, listeners=listeners)


def _inbox(base: Base, reading: ReadParts, renderer: Renderer, role_watch: RoleWatch) -> Inbox:
    settings = base.settings
    facts = Facts(base.slack, base.clock, base.identity.team)
    services = Services(
        requests=_requests(base, reading),
        directory=base.directory,
        permissions=Permissions(facts, settings.who_may_watch),
        modals=Modals(base.slack),
        render_context=renderer.render_context,
        broadcast=settings.broadcast,
        max_targets=settings.max_targets,
        is_nobody_sending=lambda: role_watch.is_missing(SENDER),
        is_still_listing=lambda: reading.reads.still_listing,
        polling=lambda: EvenPolling(len(base.repository.pollable), base.budget.full_rate),
    )
    return Inbox(
        store=base.store,
        router=Router(services),
        clock=base.clock,
        catch_up=base.repository.catch_up,
        respond=responses(base.slack),
        limits=PersonLimits(base.clock, settings.commands_per_minute),
    )


def build_silence_ends(base: Base) -> SilenceEnds:
    changes = SetupChanges(repository=base.repository, setup_store=base.store, clock=base.clock)
    return SilenceEnds(repository=base.repository, changes=changes, clock=base.clock)


def build_jobs(
    base: Base,
    heartbeat: Heartbeat,
    monitoring: Monitoring | None,
    people: PeopleParts | None,
    role_watch: RoleWatch,
    *,
    measurements: Measurements | None,
    sender: Sequence[PeriodicJob],
) -> Jobs:
    """A listing or a backlog of interactions may take long, so the watchdog gives them more time.

    `sender`: the jobs of a process that sends.
    """

    async def beat() -> None:
        await base.clock.follow()
        await heartbeat.beat()

    timers = PageTimers(base.repository, base.leadership, base.clock)
    loops = [
        PeriodicJob("heartbeat", beat, 2.0),
        PeriodicJob("role_watch", role_watch.check, ANNOUNCE_SECONDS),
        PeriodicJob("page_timers", timers.serve, 1.0),
    ]
    tick = None
    if monitoring:
        tick = PeriodicJob("tick", monitoring.scheduler.tick, TICK_SECONDS, hangs_after=60.0)
        loops += _monitoring_jobs(base, monitoring)
    if monitoring and measurements:
        loops += bounded_run_jobs(base, monitoring, measurements)
        loops.append(PeriodicJob("measurements", base.leadership.only_as_leader(measurements.run), MEASURING_SECONDS))
    if people:
        loops += _people_jobs(base, people)
    if Role.SENDER in base.settings.roles:
        loops += sender
    if people is None and Role.SENDER in base.settings.roles:  # else the channel monitor checks the token
        loops.append(PeriodicJob("token_monitor", TokenMonitor(base.directory, base.clock).check, CHECK_SECONDS))
    return Jobs(tick, loops)


def _monitoring_jobs(base: Base, monitoring: Monitoring) -> list[PeriodicJob]:
    """The jobs of a process that may lead."""
    refresh_catalogue = base.leadership.only_as_leader(monitoring.scheduler.refresh_catalogue)
    list_newly_watched = base.leadership.only_as_leader(monitoring.catalogue.list_newly_watched)
    return [
        PeriodicJob("catalogue", refresh_catalogue, base.settings.catalogue_seconds, hangs_after=3600.0),
        PeriodicJob("newly_watched", list_newly_watched, NEWLY_WATCHED_SECONDS, hangs_after=300.0),
        PeriodicJob("diagnoses", monitoring.diagnoses.serve, SERVE_SECONDS),
        PeriodicJob("silences", base.leadership.only_as_leader(build_silence_ends(base).follow), 1.0),
        *schedule_jobs(base, monitoring.catalogue.owner_emails),
        *poll_jobs(base),
        *deployment_jobs(base, monitoring),
        *background_jobs(base, monitoring.configurations),
        *credit_jobs(base),
    ]


def _people_jobs(base: Base, people: PeopleParts) -> list[PeriodicJob]:
    return [
        PeriodicJob("inbox", people.inbox.recover, 10.0, hangs_after=3600.0),
        PeriodicJob("directory", base.directory.continue_reading, 5.0),
        PeriodicJob("channel_monitor", people.channels.check_channels, CHECK_SECONDS),
    ]
