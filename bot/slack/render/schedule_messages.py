"""Messages about the problems of a schedule. Pure."""

from collections.abc import Mapping, Sequence

from bot.domain.calendar import CalendarProblem
from bot.domain.delivery import Delivery
from bot.domain.schedule_messages import GroupRefusal, ScheduleProblem, ScheduleReport
from bot.domain.watch import Target
from bot.slack.mrkdwn import date, outside
from bot.slack.render import phrases
from bot.slack.render.blocks import RenderedMessage, message, section, sections
from bot.slack.render.cards import possible_repeat

CALENDAR_PROBLEMS: Mapping[CalendarProblem, str] = {
    CalendarProblem.NO_CONNECTION: "I can't connect to it",
    CalendarProblem.TOO_SLOW: "it doesn't answer in time",
    CalendarProblem.NOT_FOUND: "it no longer exists (404)",
    CalendarProblem.REFUSED: "it refuses me (401 or 403), so its address may have changed",
    CalendarProblem.BAD_STATUS: "it answers with an error",
    CalendarProblem.INSECURE_REDIRECT: "it redirects to something other than a valid https address",
    CalendarProblem.REDIRECTS: "it redirects too often",
    CalendarProblem.EMPTY: "it's empty",
    CalendarProblem.NO_CALENDAR: "it answers with a web page or something else that is no calendar",
    CalendarProblem.TOO_LONG: "it's larger than 2 MB",
    CalendarProblem.BROKEN: "it breaks the rules of the calendar format",
    CalendarProblem.TOO_MUCH: "it has too many events or people, or rules that never end",
    CalendarProblem.PEOPLE_AWAY: "Slack didn't say who its people are",
}
GROUP_REFUSALS: Mapping[GroupRefusal, str] = {
    GroupRefusal.AWAY: "Slack doesn't answer right now",
    GroupRefusal.NO_SCOPE: "the app lacks the scope `usergroups:write`: add it and reinstall the app",
    GroupRefusal.FORBIDDEN: (
        "this workspace doesn't let apps change user groups. An owner can allow everyone to manage them"
    ),
    GroupRefusal.UNPAID: "this workspace's Slack plan has no user groups",
    GroupRefusal.MISSING: "the group is disabled or missing",
    GroupRefusal.STRANGERS: "someone on call can't be in a user group, such as a guest or a deactivated account",
    GroupRefusal.OTHER: "Slack refused it",
}


def names(people: Sequence[Target]) -> str:
    """People as plain text: `Ann`, `Ann and Bob`, `Ann, Bob and Carol`."""
    shown = [outside(person.label or person.id) for person in people]
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def render_schedule_report(report: ScheduleReport, delivery: Delivery) -> RenderedMessage:
    head = f":warning: The schedule *{outside(report.schedule)}* needs attention."
    lines = [f"• {problem_words(report, problem)}" for problem in report.problems]
    return message([section(head), *sections(lines), *possible_repeat(delivery)])


def problem_words(report: ScheduleReport, problem: ScheduleProblem) -> str:
    """A problem and its fix."""
    match problem:
        case ScheduleProblem.STALE:
            why = CALENDAR_PROBLEMS[report.calendar_problem] if report.calendar_problem else "I didn't read it"
            copied = f"My last copy is from {date(report.copy_at)}." if report.copy_at else "I never read it."
            nobody = "Until I can read it again, nobody is on call by it."
            return f"I can't read its calendar at {outside(report.host)}: {why}. {copied} {nobody}"
        case ScheduleProblem.GAP:
            start = date(report.gap_start) if report.gap_start else "now"
            end = f" to {date(report.gap_end)}" if report.gap_end else " on"
            return f"Nobody is on call from {start}{end}. A page then goes to the next step at once."
        case ScheduleProblem.NAMELESS:
            return f"{_events(report)} nobody that I can find. Invite people, or write `<@U…>` into the title."
        case ScheduleProblem.NO_SCOPE:
            return (
                f"{_events(report)} people by e-mail only, and I may not look e-mails up. Add the scope "
                "`users:read.email` and reinstall the app, or write `<@U…>` into the titles."
            )
        case ScheduleProblem.MISSING:
            verb = "is on call, and the account is" if len(report.missing) == 1 else "are on call, and the accounts are"
            left = f"{names(report.missing)} {verb} deactivated or gone"
            return f"{left}. I page the others, or the next step at once. Take the shift, or change the schedule."
        case ScheduleProblem.GROUP:
            group = phrases.target_words(report.group) if report.group else "its user group"
            refusal = GROUP_REFUSALS[report.group_refusal or GroupRefusal.OTHER]
            return f"I can't update {group}: {refusal}."


def _events(report: ScheduleReport) -> str:
    """`The event of 09:00 tomorrow names`, `3 events, the first at 09:00 tomorrow, name`."""
    first = date(report.nameless[0])
    return (
        f"The event at {first} names"
        if len(report.nameless) == 1
        else f"{len(report.nameless):,} events, the first at {first}, name"
    )
