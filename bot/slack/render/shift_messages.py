"""Messages about shifts: handovers, and overrides of other people. Names are plain text: they page nobody. Pure."""

from collections.abc import Sequence

from bot.domain.delivery import Delivery
from bot.domain.schedule_messages import HandoverCause, HandoverItem, ShadowChange, ShiftChange, ShiftHandover
from bot.domain.setup import SetupKind
from bot.domain.watch import Target
from bot.slack.mrkdwn import REASON_LIMIT, code, date, outside
from bot.slack.render import phrases
from bot.slack.render.blocks import Block, RenderedMessage, context, message, section, sections
from bot.slack.render.cards import possible_repeat
from bot.slack.render.render_context import RenderContext
from bot.slack.render.schedule_messages import names
from bot.slack.render.silence_words import silence_row

MOST_ROWS = 20
_DAY = "{time} {date_short_pretty}"


def render_handover(handover: ShiftHandover, delivery: Delivery) -> RenderedMessage:
    rows = [
        *_rows("Open failures", [_failure(item) for item in handover.failures]),
        *_rows("Flapping", [f"• {_name(item)} since {date(item.since)}" for item in handover.flapping]),
        *_rows("Muted", [f"• {silence_row(note)}" for note in handover.muted]),
    ]
    scope = _scope(handover)
    if not rows:
        rows = [section("No failure is open, and nothing is muted.")]
    if scope:
        rows += context(f"I looked at {scope}.")
    return message([section(_head(handover)), *rows, *possible_repeat(delivery)])


def _scope(handover: ShiftHandover) -> str:
    """The pipelines that the lists are about. Empty in rows of earlier versions."""
    number = handover.looked_at
    if number is None:
        return ""
    schedule = f"*{outside(handover.schedule)}*"
    if handover.pages_schedule:
        which = "the one pipeline" if number == 1 else f"the {number:,} pipelines"
        return f"{which} whose watches page {schedule}"
    which = "the one watched pipeline" if number == 1 else f"all {number:,} watched pipelines"
    return f"{which}, since no watch pages {schedule}"


def _head(handover: ShiftHandover) -> str:
    """The first sentence has all that a phone shows."""
    schedule, until = f"*{outside(handover.schedule)}*", f" until {date(handover.until)}" if handover.until else ""
    if not handover.incoming:
        return f":warning: {schedule}: nobody is on call{until or ' from now on'}. {_cause(handover)}"
    if handover.direct:
        others = [target for target in handover.incoming if target.id != _receiver(handover)]
        along = f", with {names(others)}" if others else ""
        return f":telephone_receiver: You're on call for {schedule}{until}{along}. {_cause(handover)}"
    verb = "is" if len(handover.incoming) == 1 else "are"
    return f":telephone_receiver: {schedule}: {names(handover.incoming)} {verb} on call{until}. {_cause(handover)}"


def _receiver(handover: ShiftHandover) -> str:
    """In a person's own copy, that person comes first."""
    return handover.incoming[0].id if handover.direct else ""


def _cause(handover: ShiftHandover) -> str:
    when, outgoing = date(handover.at), names(handover.outgoing)
    match handover.cause:
        case HandoverCause.OVERRIDE if handover.stand_in:
            return _override(handover, handover.stand_in, when)
        case HandoverCause.OVERRIDE_OVER if handover.stand_in:
            return f"{_possessive(names([handover.stand_in]))} override ended at {when}."
        case HandoverCause.CHANGED:
            verb = "was" if len(handover.outgoing) == 1 else "were"
            before = f"{outgoing} {verb} on call before." if outgoing else "Nobody was on call before."
            return f"{_changed(handover)} at {when}. {before}"
        case _:
            return f"{outgoing} handed over at {when}." if outgoing else f"Since {when}."


def _changed(handover: ShiftHandover) -> str:
    """`Ann changed the schedule`, in a message that names the schedule before."""
    match handover.changed:
        case SetupKind.SCHEDULE:
            return f"{phrases.sentence(phrases.person(handover.by_name))} changed the schedule"
        case SetupKind.OVERRIDE:
            return f"{phrases.sentence(phrases.person(handover.by_name))} cancelled an override"
        case SetupKind.CALENDAR_COPY:
            return "The calendar changed"
        case _:
            return "The schedule or an override changed"


def _override(handover: ShiftHandover, stand_in: Target, when: str) -> str:
    """`Carl took Ann's shift at 14:00: dentist.`, `Bob put you on call instead of Ann at 14:00.`"""
    before = [handover.instead_of] if handover.instead_of else handover.outgoing
    why = f": {outside(handover.why, REASON_LIMIT)}" if handover.why else ""
    person = "you" if stand_in.id == _receiver(handover) else names([stand_in])
    if handover.by == stand_in.id:
        shift = f"{_possessive(names(before))} shift" if before else "the shift"
        return f"{phrases.sentence(person)} took {shift} at {when}{why}."
    instead = f" instead of {names(before)}" if before else ""
    return f"{phrases.sentence(phrases.person(handover.by_name))} put {person} on call{instead} at {when}{why}."


def _possessive(name: str) -> str:
    return f"{name}'s"


def _name(item: HandoverItem) -> str:
    return f"*{outside(item.pipeline.name)}*"


def _failure(item: HandoverItem) -> str:
    taken = f", acknowledged by {outside(item.acknowledged_by)}" if item.acknowledged_by else ", not acknowledged"
    happened = f"{outside(item.end_of_run)}," if item.end_of_run else "failed"
    when = phrases.moment(item.since, first_seen=item.first_seen)
    return f"• :red_circle: {_name(item)} {happened} at {when}{taken}"


def _rows(title: str, rows: Sequence[str]) -> list[Block]:
    more = [f"… and {len(rows) - MOST_ROWS:,} more"] if len(rows) > MOST_ROWS else []
    return sections([f"*{title}*", *rows[:MOST_ROWS], *more]) if rows else []


def render_shift_change(change: ShiftChange, delivery: Delivery, render_context: RenderContext) -> RenderedMessage:
    """To the person who lost the shift, or got it: who did it, from when, until when and why; and how to undo it."""
    schedule, by = f"*{outside(change.schedule)}*", phrases.person(change.by_name)
    stand_in = names([change.person])
    span = f"from {date(change.start, _DAY)} until {date(change.end, _DAY)}"
    why = f": {outside(change.why, REASON_LIMIT)}" if change.why else ""
    if change.cancelled and change.gains:
        head = f"You're on call for {schedule} again {span}. {by} cancelled {_possessive(stand_in)} override."
    elif change.cancelled:
        head = f"You're not on call for {schedule} {span}. {by} cancelled {_possessive(stand_in)} override."
    elif change.gains:
        head = f"You're on call for {schedule} {span}. {by} put you on call{why}."
    elif change.by == change.person.id:
        head = f"{stand_in} takes your shift in {schedule} {span}{why}."
    else:
        head = f"{by} gave your shift in {schedule} to {stand_in} {span}{why}."
    command = f"{render_context.command} oncall {change.schedule}"
    undo = f"{code(command, REASON_LIMIT)} shows who is on call when."
    return message([section(f":telephone_receiver: {head}"), *context(undo), *possible_repeat(delivery)])


def render_shadow_change(change: ShadowChange, delivery: Delivery, render_context: RenderContext) -> RenderedMessage:
    """To a learner: who made them a shadow, until when, and how to end it."""
    schedule, by = f"*{outside(change.schedule)}*", phrases.person(change.by_name)
    if change.ended:
        head, end = f"{by} ended your shadow of {schedule}. You get no more copies of its pages.", ""
    else:
        span = f"from {date(change.start, _DAY)} until {date(change.end, _DAY)}"
        head = f"{by} made you a shadow of {schedule} {span}."
        head = f"{head} You get copies of its pages as a learner, and need not answer them."
        command = f"{render_context.command} shadow {change.schedule} me none"
        end = f"{code(command, REASON_LIMIT)} ends the copies."
    return message([section(f":telephone_receiver: {head}"), *context(end), *possible_repeat(delivery)])
