"""Schedules: who is on call, until when, who is next, and why. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.on_call import OnCallReason
from bot.domain.on_call_setup import SavedOverride, SavedSchedule, SavedShadow
from bot.domain.schedule_answer import ScheduleAnswer, ScheduleFate
from bot.domain.schedule_view import ScheduleView, TurnAhead
from bot.domain.watch import Target
from bot.slack.mrkdwn import REASON_LIMIT, ago, code, date, outside
from bot.slack.render import phrases
from bot.slack.render.blocks import Block, context, sections
from bot.slack.render.change_buttons import UNCHANGED, overtaken_line, save_blocks
from bot.slack.render.on_call_forms import schedule_form_buttons
from bot.slack.render.policies import people_words
from bot.slack.render.render_context import RenderContext
from bot.slack.render.schedule_messages import CALENDAR_PROBLEMS

TURNS_SHOWN = 5
ROWS_SHOWN = 10
_DAY = "{time} {date_short_pretty}"


def schedules_blocks(views: Sequence[ScheduleView], render_context: RenderContext) -> list[Block]:
    command = render_context.command
    if not views:
        example = f"{command} schedule data = rotate @ann @bob every 1 week at 09:00 on monday"
        lines = ["There is no schedule yet. A schedule says who is on call when:", code(example, 150)]
        return [*sections(lines), *schedule_form_buttons(())]
    lines = ["*On call*"]
    for view in views:
        lines.append(f"• *{outside(view.saved.name)}*: {now_words(view)}")
        lines += [f"    {warning}" for warning in _warnings(view)]
    lines.append(f"{code(f'{command} oncall NAME')} shows more of one.")
    return [*sections(lines), *schedule_form_buttons([view.saved.name for view in views])]


def schedule_blocks(answer: ScheduleAnswer, render_context: RenderContext) -> list[Block]:
    """One schedule in full, for `oncall NAME` and `schedule NAME`."""
    view, command = answer.view, render_context.command
    name = outside(view.saved.name)
    lines = [f"*{name}*: {now_words(view)}", *_reason_lines(view), *turn_lines(view), *_warnings(view)]
    lines += [f"Override: {override_words(row)}" for row in view.overrides[:ROWS_SHOWN]]
    lines += [f"Shadow: {shadow_words(row)}" for row in view.shadows[:ROWS_SHOWN]]
    if answer.policies:
        noun = "policy" if len(answer.policies) == 1 else "policies"
        lines.append(f"Used by the {noun} {', '.join(map(outside, answer.policies))}.")
    made = f"Set by {phrases.person(view.saved.made_by_name)} at {date(view.saved.made_at)}."
    text = code(f"{command} schedule {view.saved.name} = {view.saved.summary}", 2 * REASON_LIMIT)
    take = code(f"{command} oncall take {view.saved.name} until 18:00")
    source = [text] if view.saved.rotation else [f"Source: {outside(view.saved.summary, REASON_LIMIT)}"]
    return [*sections([*lines, *_link_lines(view.saved), *source]), *context(f"{take} takes the shift.", made)]


def schedule_answer_blocks(answer: ScheduleAnswer, command_text: str) -> list[Block]:
    """After a change, or before it. `command_text`: the command to run again when the person saves."""
    view, name = answer.view, outside(answer.view.saved.name)
    changed = [_changed_words(row) for row in answer.changed]
    shadows_only = bool(changed) and all(isinstance(row, SavedShadow) for row in answer.changed)
    effect = [] if shadows_only else [f"From now on: {now_words(view)}", *turn_lines(view), *_warnings(view)]
    effect += _without_effect(answer)
    match answer.fate:
        case ScheduleFate.WOULD_SAVE | ScheduleFate.OVERTAKEN:
            verb = "Change" if answer.before else "Create"
            head = f"Save this for *{name}*?" if changed else f"{verb} the schedule *{name}*?"
            before = [f"Until now: {now_words(answer.before)}"] if answer.before and not shadows_only else []
            handovers = [] if changed else _handover_lines(view.saved)
            lines = [*_overtaken(answer), head, *changed, *effect, *before, *handovers]
            return [*sections(lines), *save_blocks(command_text, view.at, exists=answer.before is not None)]
        case ScheduleFate.SAVED:
            return sections([f"Saved for *{name}*.", *changed, *effect])
        case ScheduleFate.UNCHANGED:
            return sections([f"The schedule *{name}* is like that already. {UNCHANGED}", *effect])
        case ScheduleFate.REMOVED if changed:
            return sections([f"Cancelled for *{name}*:", *changed, *effect])
        case ScheduleFate.REMOVED:
            return sections([f"The schedule *{name}* is removed. It was {code(view.saved.summary, REASON_LIMIT)}"])
        case ScheduleFate.ABSENT:
            rows = [f"Override: {override_words(row)}" for row in view.overrides[:ROWS_SHOWN]]
            rows += [f"Shadow: {shadow_words(row)}" for row in view.shadows[:ROWS_SHOWN]]
            return sections(
                [f"*{name}* has no such override or copies, so there is nothing to cancel. {UNCHANGED}", *rows]
            )
        case ScheduleFate.USED:
            used = [f"• the policy *{outside(policy)}*" for policy in answer.policies]
            used += [
                f"• {phrases.watch_words(watch)} in {phrases.conversation(watch.channel, 'their')}"
                for watch in answer.watches[:ROWS_SHOWN]
            ]
            head = f":information_source: The schedule *{name}* is in use. {UNCHANGED}"
            return sections([head, "Used by:", *used, "First let these page somebody else, then remove it."])


def _overtaken(answer: ScheduleAnswer) -> list[str]:
    if answer.fate is not ScheduleFate.OVERTAKEN:
        return []
    return [overtaken_line(answer.before.saved if answer.before else None)]


def _without_effect(answer: ScheduleAnswer) -> list[str]:
    """`answer.changed` has one override then."""
    rows = [row for row in answer.changed if isinstance(row, SavedOverride)]
    if not answer.changes_nothing or not rows:
        return []
    if rows[0].instead_of is None:
        return [f":warning: {_name(rows[0].person)} is on call in that time already, so this changes nothing."]
    return [f":warning: {_name(rows[0].instead_of)} isn't on call in that time, so this changes nothing."]


def now_words(view: ScheduleView) -> str:
    """`ann until 09:00 tomorrow, then bob`."""
    people = people_words(view.people) or "nobody"
    if view.on_call.until is None:
        return people
    following = people_words(view.turns[1].people) if len(view.turns) > 1 else ""
    return f"{people} until {date(view.on_call.until)}, then {following or 'nobody'}"


def turn_lines(view: ScheduleView) -> list[str]:
    """The turns after the current one."""
    return [f"• from {date(turn.start, _DAY)}: {_turn_words(turn)}" for turn in view.turns[1:TURNS_SHOWN]]


def _turn_words(turn: TurnAhead) -> str:
    return people_words(turn.people) or ":warning: nobody"


def _reason_lines(view: ScheduleView) -> list[str]:
    match view.reason:
        case OnCallReason.OVERRIDE:
            return [f"Why: {_applied_words(view)}"]
        case OnCallReason.ROTATION:
            return ["Why: the rotation."]
        case OnCallReason.CALENDAR:
            return ["Why: the calendar."]
        case OnCallReason.NOBODY:
            return []


def _applied_words(view: ScheduleView) -> str:
    applied = {(override.person, override.start) for override in view.on_call.overrides}
    rows = [row for row in view.overrides if (row.person.id, row.start) in applied]
    return "; ".join(override_words(row) for row in rows) or "an override."


def override_words(row: SavedOverride) -> str:
    instead = f" instead of {_name(row.instead_of)}" if row.instead_of else ""
    why = f", because {outside(row.why, REASON_LIMIT)}" if row.why else ""
    by = f", set by {phrases.person(row.made_by_name)}" if row.made_by != row.person.id else ""
    return f"{_name(row.person)}{instead}, {_span_words(row.start, row.end)}{why}{by}"


def shadow_words(row: SavedShadow) -> str:
    return f"{_name(row.person)} gets copies, {_span_words(row.start, row.end)}"


def _changed_words(row: SavedOverride | SavedShadow) -> str:
    return override_words(row) if isinstance(row, SavedOverride) else shadow_words(row)


def _span_words(start: datetime, end: datetime) -> str:
    return f"from {date(start, _DAY)} until {date(end, _DAY)}"


def _name(person: Target) -> str:
    return outside(person.label or person.id)


def _handover_lines(saved: SavedSchedule) -> list[str]:
    rotation = saved.rotation
    source = "I read the calendar every 15 minutes. Its address stays secret."
    if rotation:
        source = f"Handover at {rotation.handover:%H:%M} in the time zone {rotation.zone}."
    return [source, *_link_lines(saved)]


def _link_lines(saved: SavedSchedule) -> list[str]:
    lines = []
    if saved.posts_in:
        lines.append(f"Handovers and problems go to {phrases.conversation(saved.posts_in, 'direct')} too.")
    if saved.group:
        lines.append(f"{phrases.target_words(saved.group)} has exactly the people on call. Others lose their place.")
    return lines


def _warnings(view: ScheduleView) -> list[str]:
    """Gaps ahead, and a calendar that can't be read."""
    lines = []
    if view.saved.calendar:
        lines += _calendar_lines(view)
    gaps = view.gaps
    if gaps and gaps[0] is view.turns[0]:
        lines.append(":warning: Nobody is on call now. A page goes to the next step at once.")
    elif gaps:
        lines.append(f":warning: Nobody is on call from {date(gaps[0].start)}.")
    return lines


def _calendar_lines(view: ScheduleView) -> list[str]:
    copy = view.copy
    if copy is None:
        return ["I have not read its calendar yet."]
    read = f"Calendar read {ago(copy.read_at, view.at)}" if copy.read_at else "Calendar never read"
    if copy.problem:
        return [f":warning: {read}. The last try failed: {CALENDAR_PROBLEMS[copy.problem]}."]
    unknown = [start for start in copy.nameless if start >= view.at]
    return [f"{read}.", *([_unknown_words(unknown[0], len(unknown), lacks_scope=copy.lacks_scope)] if unknown else [])]


def _unknown_words(first: datetime, number: int, *, lacks_scope: bool) -> str:
    at = date(first)
    events = f"The event at {at} names" if number == 1 else f"{number:,} events, the first at {at}, name"
    if lacks_scope:
        need = "I need the scope `users:read.email`, or `<@U…>` in the title"
        return f":warning: {events} people by e-mail only. {need}."
    return f":warning: {events} nobody that I can find."
