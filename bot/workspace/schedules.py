"""Builds what keeps the schedules of a workspace up to date. It runs in the bot that leads."""

from bot.calendars.client import CalendarClient
from bot.calendars.reader import CalendarReader
from bot.jobs import PeriodicJob
from bot.requests.calendar_reads import CalendarReads
from bot.requests.setup_changes import SetupChanges
from bot.slack.outbound.members import Members
from bot.workspace.base import Base

CALENDARS_SECONDS = 30.0  # how soon a new calendar is read; each one has its own 15 minutes


def build_calendar_reads(base: Base) -> CalendarReads:
    return CalendarReads(
        changes=SetupChanges(repository=base.repository, setup_store=base.store, clock=base.clock),
        feed=CalendarReader(CalendarClient()),
        people=Members(base.slack, base.clock, base.identity.team),
        conversations=base.directory,
        clock=base.clock,
    )


def schedule_jobs(base: Base) -> list[PeriodicJob]:
    """A calendar may take long, so the watchdog gives its read more time."""
    refresh = base.leadership.only_as_leader(build_calendar_reads(base).refresh)
    return [PeriodicJob("calendars", refresh, CALENDARS_SECONDS, hangs_after=3600.0)]
