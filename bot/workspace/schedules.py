"""Builds what keeps the schedules of a workspace up to date. It runs in the bot that leads."""

from collections.abc import Mapping

from bot.calendars.client import CalendarClient
from bot.calendars.reader import CalendarReader
from bot.jobs import PeriodicJob
from bot.requests.calendar_reads import CalendarReads
from bot.requests.group_members import GroupMembers
from bot.requests.owners import Owners
from bot.requests.reach_checks import ReachChecks
from bot.requests.schedule_news import ScheduleNews
from bot.requests.setup_changes import SetupChanges
from bot.slack.outbound.members import Members
from bot.slack.outbound.user_groups import SlackUserGroups
from bot.workspace.base import Base

CALENDARS_SECONDS = 30.0  # how soon a new calendar is read; each one has its own 15 minutes
NEWS_SECONDS = 1.0
GROUPS_SECONDS = 5.0
REACH_SECONDS = 30.0
OWNERS_SECONDS = 20.0


def _changes(base: Base) -> SetupChanges:
    return SetupChanges(repository=base.repository, setup_store=base.store, clock=base.clock)


def build_calendar_reads(base: Base) -> CalendarReads:
    return CalendarReads(
        changes=_changes(base),
        feed=CalendarReader(CalendarClient()),
        people=Members(base.slack, base.clock, base.identity.team),
        conversations=base.directory,
        clock=base.clock,
    )


def build_schedule_news(base: Base) -> ScheduleNews:
    return ScheduleNews(
        repository=base.repository,
        changes=_changes(base),
        conversations=base.directory,
        people=Members(base.slack, base.clock, base.identity.team),
        clock=base.clock,
        operator=base.operator,
    )


def build_group_members(base: Base) -> GroupMembers:
    return GroupMembers(changes=_changes(base), groups=SlackUserGroups(base.slack), clock=base.clock)


def build_reach_checks(base: Base) -> ReachChecks:
    return ReachChecks(
        repository=base.repository,
        changes=_changes(base),
        people=Members(base.slack, base.clock, base.identity.team),
        groups=base.directory,
        clock=base.clock,
        operator=base.operator,
    )


def build_owners(base: Base, emails: Mapping[str, str]) -> Owners:
    return Owners(
        repository=base.repository,
        changes=_changes(base),
        emails=emails,
        people=Members(base.slack, base.clock, base.identity.team),
        conversations=base.directory,
        clock=base.clock,
    )


def schedule_jobs(base: Base, emails: Mapping[str, str]) -> list[PeriodicJob]:
    """`emails`: of the pipelines' owners. A calendar may take long, so the watchdog gives its read more time."""
    leading = base.leadership.only_as_leader
    return [
        PeriodicJob("calendars", leading(build_calendar_reads(base).refresh), CALENDARS_SECONDS, hangs_after=3600.0),
        PeriodicJob("schedule_news", leading(build_schedule_news(base).follow), NEWS_SECONDS),
        PeriodicJob("user_groups", leading(build_group_members(base).follow), GROUPS_SECONDS),
        PeriodicJob("owners", leading(build_owners(base, emails).follow), OWNERS_SECONDS),
        PeriodicJob("reach_checks", leading(build_reach_checks(base).follow), REACH_SECONDS, hangs_after=600.0),
    ]
