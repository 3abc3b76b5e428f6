"""Builds what speaks when the bot cannot: the scheduled messages, and the pings of an outside watchdog."""

from functools import partial

from bot.coordination.drill_reports import REPORT_SECONDS, DrillReports
from bot.coordination.scheduled import CHECK_SECONDS, ScheduledBackups
from bot.coordination.sign_of_life import PING_EVERY_SECONDS, SignOfLife
from bot.coordination.silence import DeadMansSwitch
from bot.coordination.vital_signs import VitalSigns
from bot.jobs import PeriodicJob
from bot.outside_watchdog import HttpWatchdog
from bot.paging.backups import PageBackups
from bot.ports.chat import Chat
from bot.ports.leadership import LeadershipStatus
from bot.slack.outbound.scheduled import SlackScheduledMessages
from bot.slack.render.backups import render_backup
from bot.slack.render.render_context import RenderContext
from bot.workspace.base import Base


def build_sender_jobs(
    base: Base, sending_right: LeadershipStatus, chat: Chat, render_context: RenderContext
) -> list[PeriodicJob]:
    """The jobs of a process that sends. Slack may keep the first waiting, so the watchdog gives it more time."""
    vital_signs = VitalSigns(heartbeats=base.store, outbox=base.store.outbox_figures, clock=base.clock)
    render = partial(render_backup, render_context=render_context, broadcast=base.settings.broadcast)
    backups = ScheduledBackups(
        chat=SlackScheduledMessages(base.slack, render),
        store=base.store,
        clock=base.clock,
        sending_right=sending_right,
        switch=DeadMansSwitch(
            operator=base.operator, vital_signs=vital_signs, clock=base.clock, team=base.identity.team
        ),
        pages=PageBackups(base.repository, base.clock).wanted,
        lanes=base.store,
    )
    drills = DrillReports(
        store=base.store, chat=chat, sending_right=sending_right, clock=base.clock, team=base.identity.team
    )
    jobs = [
        PeriodicJob("scheduled_messages", backups.check, CHECK_SECONDS, hangs_after=600.0),
        PeriodicJob("drills", drills.report, REPORT_SECONDS, hangs_after=600.0),
    ]
    if url := base.settings.watchdog_url:
        sign_of_life = SignOfLife(watchdog=HttpWatchdog(url), vital_signs=vital_signs, sending_right=sending_right)
        jobs.append(PeriodicJob("sign_of_life", sign_of_life.give, PING_EVERY_SECONDS))
    return jobs
