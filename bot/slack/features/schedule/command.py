"""The command `schedule`: who takes turns, or whose calendar counts. Every change shows its effect first."""

from dataclasses import dataclass

from bot.domain.answer import RefusalAnswer
from bot.domain.rotation import TurnUnit
from bot.domain.rotation_plan import RotationWish
from bot.domain.setup_names import name_problem
from bot.domain.wall_clock import zone_named
from bot.requests.schedules import refused_rotation
from bot.slack.feature import Command, ConfirmableChange, Reply, Request
from bot.slack.features.policy import refuse_spaced_name, without_equals
from bot.slack.features.schedule.calendar import SaveCalendarCommand
from bot.slack.features.schedule.links import read_link
from bot.slack.features.schedule.replies import editor_of, reply_of
from bot.slack.features.watch.targets import resolve_targets
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.schedule_words import EXAMPLE, UNCHANGED, CalendarWords, RotationWords, ScheduleReader
from bot.slack.grammar.tokens import NONE, ParseError
from bot.slack.mrkdwn import outside
from bot.slack.render.schedules import schedule_blocks, schedules_blocks

# --- parse -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShowScheduleCommand(Command):
    """`schedule` or `oncall`, alone or with a name."""

    name: str = ""

    async def run(self, request: Request) -> Reply:
        schedules, context = request.services.requests.schedules, request.services.render_context
        if not self.name:
            return Reply(blocks=schedules_blocks(schedules.all(), context))
        answer = schedules.show(self.name)
        if isinstance(answer, RefusalAnswer):
            return request.refused(answer)
        return Reply(blocks=schedule_blocks(answer, context))


@dataclass(frozen=True, slots=True)
class SaveScheduleCommand(ConfirmableChange):
    """`schedule NAME = …`: asks before it saves."""

    name: str
    words: RotationWords

    @property
    def check(self) -> str:
        return f"schedule {self.name}"

    async def run(self, request: Request) -> Reply:
        services, asker = request.services, request.asker
        if refusal := await services.permissions.to_change(asker, asker.channel):
            return request.refused(refusal)
        editor = await editor_of(request)
        schedules = services.requests.schedules
        wish = await self.wish(request)
        if isinstance(wish, RefusalAnswer):
            return request.refused(wish)
        return reply_of(await schedules.rotate(self.name, wish, editor), request)

    async def wish(self, request: Request) -> RotationWish | RefusalAnswer:
        """Looks up every person."""
        asker, services, words = request.asker, request.services, self.words
        if refusal := refused_rotation(len(words.people)):
            return refusal
        people = await resolve_targets(words.people, asker, services.directory, services.permissions)
        if isinstance(people, RefusalAnswer):
            return people
        zone = zone_named(words.zone) or await services.permissions.facts.zone(asker.user)
        first_day = None
        if words.start is not None:
            first_day = words.start.resolve(services.requests.schedules.now, zone).astimezone(zone).date()
        by_week = words.unit is TurnUnit.WEEKS
        weekday = first_day.weekday() if by_week and first_day and words.weekday is None else words.weekday
        if by_week and first_day and weekday != first_day.weekday():
            return RefusalAnswer(
                reason=f"The first day is not on the weekday of the handover. {UNCHANGED}", command="help schedule"
            )
        return RotationWish(
            people=people,
            every=words.every,
            unit=words.unit,
            handover=words.handover,
            weekday=weekday,
            first_day=first_day,
            zone=zone.key,
        )


@dataclass(frozen=True, slots=True)
class RemoveScheduleCommand(Command):
    """`schedule remove NAME`."""

    name: str

    @property
    def changes(self) -> bool:
        return True

    @property
    def check(self) -> str:
        return "schedule"

    async def run(self, request: Request) -> Reply:
        if refusal := await request.services.permissions.to_change(request.asker, request.asker.channel):
            return request.refused(refusal)
        editor = await editor_of(request)
        return reply_of(await request.services.requests.schedules.remove(self.name, editor), request)


def parse_schedule(command_text: CommandText) -> Command:
    refuse_spaced_name(command_text, "schedule")
    words = without_equals(command_text.words)
    if not words:
        return ShowScheduleCommand()
    first, *rest = words
    if first.means("remove") or first.means("delete"):
        if len(rest) != 1:
            raise ParseError(f"Name one schedule. {UNCHANGED}", "schedule remove data", "schedule")
        return RemoveScheduleCommand(rest[0].text.strip(",;:"))
    name = first.text.strip(",;:")
    if not rest:
        return ShowScheduleCommand(name)
    if len(rest) == 1 and (rest[0].means(NONE) or rest[0].means("remove")):
        return RemoveScheduleCommand(name)
    if problem := name_problem(name):
        raise ParseError(f"“{outside(name)}” can't be the name of a schedule: {problem}. {UNCHANGED}", EXAMPLE)
    if link := read_link(name, rest):
        return link
    source = ScheduleReader(command_text.text).read(rest)
    return SaveCalendarCommand(name, source) if isinstance(source, CalendarWords) else SaveScheduleCommand(name, source)
