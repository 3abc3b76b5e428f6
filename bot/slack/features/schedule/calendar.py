"""`schedule NAME = calendar https://…`: reads the calendar, shows its effect, and saves it after a click.

The address is a secret. So no button holds it: the store keeps it, and *Save* names it by a token.
"""

from dataclasses import dataclass

from bot.domain.answer import RefusalAnswer
from bot.domain.calendar import CalendarAddress, CalendarUnreadable, PendingCalendar, SavedCalendar, calendar_address
from bot.slack.feature import ConfirmableChange, Reply, Request
from bot.slack.features.schedule.replies import asking, editor_of, reply_of
from bot.slack.grammar.schedule_words import SAVED_PREFIX, UNCHANGED, CalendarWords
from bot.slack.mrkdwn import outside
from bot.slack.render.schedule_messages import CALENDAR_PROBLEMS


@dataclass(frozen=True, slots=True)
class SaveCalendarCommand(ConfirmableChange):
    """Asks before it saves. Its text never appears in an answer."""

    name: str
    words: CalendarWords

    @property
    def check(self) -> str:
        return f"schedule {self.name}"

    async def run(self, request: Request) -> Reply:
        if refusal := await request.services.permissions.to_change(request.asker, request.asker.channel):
            return request.refused(refusal)
        pending = self._saved(request) if request.confirmed else await self.proposed(request)
        if isinstance(pending, RefusalAnswer):
            return request.refused(pending)
        return await self.answered(pending, request)

    async def answered(self, pending: PendingCalendar, request: Request) -> Reply:
        """Asks, or saves after the click."""
        answer = await request.services.requests.schedules.follow(pending, await editor_of(request))
        return reply_of(answer, asking(request, f"schedule {self.name} = calendar {SAVED_PREFIX}{pending.token}"))

    def _saved(self, request: Request) -> PendingCalendar | RefusalAnswer:
        token = self.words.address.removeprefix(SAVED_PREFIX)
        pending = request.services.requests.calendars.proposed(request.asker.user, token)
        if pending is None:
            return RefusalAnswer(reason=f"This question is too old. {UNCHANGED}", command=self.check)
        return pending

    async def proposed(self, request: Request) -> PendingCalendar | RefusalAnswer:
        """The calendar, after a read of it. Stores nothing."""
        services = request.services
        address = calendar_address(self.words.address)
        if not isinstance(address, CalendarAddress):
            reason = f"I can't follow that calendar: {address}. {UNCHANGED}"
            return RefusalAnswer(reason=reason, command="help schedule")
        zone = self.words.zone or (await services.permissions.facts.zone(request.asker.user)).key
        calendar, editor = SavedCalendar(address=address, zone=zone), await editor_of(request)
        try:
            return await services.requests.calendars.propose(self.name, calendar, editor.by, editor.name)
        except CalendarUnreadable as exc:
            problem = CALENDAR_PROBLEMS[exc.problem]
            reason = f"I can't follow the calendar at {outside(address.host)}: {problem}. {UNCHANGED}"
            return RefusalAnswer(reason=reason, hint="Copy its secret address in iCalendar format again.")
