"""Builds and owns everything that belongs to one Slack team: its data, reads, messages, people and channels."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from bot.coordination.leadership import Leadership
from bot.delivery.dispatcher import Dispatcher
from bot.domain.watch import TeamId
from bot.jobs import Jobs
from bot.monitoring.diagnoses import Diagnoses
from bot.monitoring.scheduler import Scheduler
from bot.pagers.listener import WebhookListener
from bot.pagers.pagers import Pagers
from bot.settings import Role
from bot.slack.inbound.bolt_app import Identity, Listeners
from bot.slack.inbound.inbox import Inbox
from bot.slack.outbound.calls import SlackClient, kept_connections
from bot.store.leader_calls import LeaderCalls, RemoteLeader
from bot.workspace.backups import build_sender_jobs
from bot.workspace.base import Shared, open_base
from bot.workspace.figures import offer_figures
from bot.workspace.measuring import build_measurements
from bot.workspace.pager_answers import build_webhook
from bot.workspace.parts import (
    build_calls,
    build_delivery,
    build_heartbeat,
    build_jobs,
    build_monitoring,
    build_people,
    build_reads,
    build_renderer,
)
from bot.workspace.presence import build_role_watch

__all__ = ["Shared", "Workspace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """One Slack team. `open` builds it, `running` runs it, `stop` lets its current work finish, `close` hands over.

    A part is None if the roles of this process don't need it.
    """

    team: TeamId
    slack: SlackClient
    leadership: Leadership
    jobs: Jobs
    scheduler: Scheduler | None
    diagnoses: Diagnoses | None
    calls: LeaderCalls | None
    """Serves the processes that do not lead, while this one does."""
    leader: RemoteLeader
    """Calls the process that leads, while another one does."""
    dispatcher: Dispatcher | None
    inbox: Inbox | None
    listeners: Listeners | None
    pagers: Pagers
    webhook: WebhookListener | None
    """Takes PagerDuty's answers."""

    @classmethod
    async def open(cls, shared: Shared, slack: SlackClient, identity: Identity) -> Self:
        """
        Raises:
            StoreAway: the store went away meanwhile.
        """
        roles = shared.settings.roles
        base = await open_base(shared, slack, identity)
        monitoring, measurements = None, None
        if shared.api and Role.SCHEDULER in roles:
            measurements = build_measurements(base, shared.api)
            monitoring = build_monitoring(base, shared.api, measurements)
        heartbeat = build_heartbeat(base, monitoring)
        await heartbeat.beat()
        renderer = build_renderer(base)
        delivery = build_delivery(base, renderer)
        reading = build_reads(base, monitoring, heartbeat)
        role_watch = build_role_watch(base)
        await role_watch.check()
        people = None
        if Role.SLACK in roles:
            people = build_people(base, reading, renderer, delivery.suspensions, role_watch)
        sender = build_sender_jobs(base, delivery.sending_right, delivery.chat, renderer.render_context)
        jobs = build_jobs(base, heartbeat, monitoring, people, role_watch, measurements=measurements, sender=sender)
        offer_figures(base, monitoring, heartbeat, jobs)
        return cls(
            team=identity.team,
            slack=base.slack,
            leadership=base.leadership,
            jobs=jobs,
            scheduler=monitoring.scheduler if monitoring else None,
            diagnoses=monitoring.diagnoses if monitoring else None,
            calls=build_calls(base, monitoring) if monitoring else None,
            leader=reading.leader,
            dispatcher=delivery.dispatcher if Role.SENDER in roles else None,
            inbox=people.inbox if people else None,
            listeners=people.listeners if people else None,
            pagers=base.pagers,
            webhook=build_webhook(base) if Role.SLACK in roles else None,
        )

    @asynccontextmanager
    async def running(self, stopped: asyncio.Event) -> AsyncIterator[None]:
        """Reads, sends and runs periodic jobs. At the end, it waits for the work in progress; call `stop` before."""
        async with kept_connections(self.slack), self.pagers, asyncio.TaskGroup() as tasks:
            if self.scheduler:
                tasks.create_task(self.scheduler.run(stopped), name="scheduler")
            if self.diagnoses:
                tasks.create_task(self.diagnoses.run(stopped), name="diagnoses")
            if self.calls:
                tasks.create_task(self.calls.run(stopped), name="calls")
            if self.dispatcher:
                tasks.create_task(self.dispatcher.run(), name="dispatcher")
            async with self.leader.running():
                async with self.jobs.running():
                    yield
                if self.inbox:
                    await self.inbox.settled()

    def stop(self) -> None:
        """Sends nothing more after the messages that are on their way."""
        if self.dispatcher:
            self.dispatcher.stop()

    async def close(self) -> None:
        """Gives up leadership, so that another bot need not wait for its end.

        Raises:
            StoreAway: the other bot has to wait.
        """
        await self.leadership.release()
