"""Records of people's requests and changes."""

from bot.ports.telemetry import EventRecord, Level, event


@event("note_changed", Level.INFO)
class NoteChanged(EventRecord):
    """A person changed a runbook or note. `done`: `set` or `removed`."""

    kind: str
    reference: str
    by: str
    done: str


@event("pager_answered", Level.INFO)
class PagerAnswered(EventRecord):
    """A person acknowledged or resolved an incident at an outside pager. It changed so many failures."""

    status: str
    by: str
    failures: int


@event("pager_not_read", Level.WARNING)
class PagerNotRead(EventRecord):
    """PagerDuty did not say what people did to an incident. The bot asks again every 15 s."""

    problem: str


@event("maker_not_reached", Level.WARNING)
class MakerNotReached(EventRecord):
    """The maker of a watch got no direct message about it. The channel still got the announcement."""

    problem: str


@event("shift_change_not_told", Level.WARNING)
class ShiftChangeNotTold(EventRecord):
    """A person got no direct message about an override that changes their shift. The override counts all the same."""

    person: str
    problem: str


@event("takeover_not_told", Level.WARNING)
class TakeoverNotTold(EventRecord):
    """A person got no direct message that somebody else took over their failure. The card says it all the same."""

    person: str
    problem: str


@event("setting_changed", Level.INFO)
class SettingChanged(EventRecord):
    """A person changed a watch, a policy, a schedule or another setting.

    `before` empty: it is new; `after` empty: it ended.
    """

    subject: str
    label: str
    reference: str
    by: str
    channel: str
    before: str
    after: str


@event("calendar_not_read", Level.WARNING)
class CalendarNotRead(EventRecord):
    """A read of a schedule's calendar failed. The last good copy counts, until it is a day old."""

    schedule: str
    host: str
    problem: str


@event("user_group_not_updated", Level.WARNING)
class UserGroupNotUpdated(EventRecord):
    """Slack did not make the people on call the members of a schedule's user group."""

    schedule: str
    problem: str
