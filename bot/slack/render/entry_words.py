"""One sentence for each entry of a timeline, by its most important event. Pure."""

from datetime import datetime

from bot.domain.catalogue import Pipeline
from bot.domain.episode import TimelineEntry
from bot.domain.phase import Phase
from bot.domain.transition import FINDINGS, Event
from bot.domain.watch import ChannelId
from bot.slack.mrkdwn import REASON_LIMIT, outside
from bot.slack.render import finding_words, phrases, run_words
from bot.slack.render.action_words import action_words, is_persons_action
from bot.slack.render.flap_words import flap_entry

_FORMS: tuple[tuple[Event, str], ...] = (
    (Event.RECOVERED, f"{{sign}} {{name}}{phrases.RECOVERED}{{took}}{{but_failed}}"),
    (Event.LIVE, "{sign} {name}{be}*live*{took}{counted}"),
    (Event.DEGRADED, f"{phrases.DEGRADED} {{name}}{{be}}*degraded*{{counted}}"),
    (Event.RESTARTED, ":arrows_counterclockwise: {name}*restarted*, now {phase}{counted}"),
    (Event.FINISHED, f"{run_words.FINISHED} {{name}}*{{reason}}*"),
    (Event.BACK, "{readable} {name}*can be read again*{took}"),
    (Event.GONE, f"{phrases.UNKNOWN_STATE} {{name}}{{be}}*{phrases.GONE}*"),
    (Event.DIAGNOSED, ":mag: I looked for the cause{of_name}"),
    (Event.UNWATCHED, ":no_bell: {name}{be}*no longer watched*"),
    (Event.UNREACHABLE, f"{phrases.UNKNOWN_STATE} {{name}}*can't be read*: {{reason}}"),
    (Event.STUCK, f"{phrases.NEEDS_A_LOOK} {{name}}{{be}}*stuck*{{stuck}}"),
    (Event.DRIFT, f"{phrases.NEEDS_A_LOOK} {{name}}{{has}}*drifted*{{drift}}"),
    (Event.STALLED, f"{phrases.DEGRADED} {{name}}{{has}}{finding_words.STALLED}"),
    (Event.LAGGING, f"{phrases.DEGRADED} {{name}}{{be}}{finding_words.LAGGING}{{lagging}}"),
    (Event.CAUGHT_UP, "{sign} {name}{has}*caught up*{took}"),
    (Event.MOVING, "{sign} {name}{be}*moving* again{took}"),
    (Event.ALIGNED, "{sign} {name}*no longer drifts*{took}"),
)

_STOPPED_SHORT = f"{phrases.phase_symbol(Phase.FAILED)} {{name}}*{{reason}}*"


def entry_words(
    entry: TimelineEntry,
    conversation: ChannelId,
    pipeline: Pipeline | None = None,
    *,
    failed_again: datetime | None = None,
) -> str:
    """One sentence for one timeline entry, about its most important event.

    `conversation`: the conversation of the thread. `pipeline`: the one that the sentence names. None if only readers
    of the card's thread see it, because the card has the name. `failed_again`: when a newer failure began, after the
    recovery in this entry.
    """
    if is_persons_action(entry):
        return action_words(entry, conversation, pipeline)
    bold_name = f"*{outside(pipeline.name)}* " if pipeline else ""
    if words := flap_entry(entry, bold_name):
        return words
    ready = phrases.replicas(entry.phase, entry.ready, entry.replicas)
    sign = phrases.LATE_NEWS if failed_again else phrases.readiness_symbol(entry.phase, entry.ready, entry.replicas)
    # A reading with a change also shows that the bot can read the pipeline again.
    events = [event for event in entry.events if event is not Event.BACK] or entry.events
    if Event.FAILED in events and entry.reason:
        return _STOPPED_SHORT.format(name=bold_name, reason=outside(entry.reason, REASON_LIMIT))
    form = next((form for event, form in _FORMS if event in events), "{sign} {name}{clause}{counted}")
    return form.format(
        name=bold_name,
        be="is " if pipeline else "",
        of_name=f" of *{outside(pipeline.name)}*" if pipeline else "",
        has="has " if pipeline else "",
        sign=sign,
        readable=":large_green_circle:" if sign == phrases.NOT_READ_YET else sign,
        phase=phrases.phase_in_a_sentence(entry.phase),
        clause=phrases.phase_clause(entry.phase) if pipeline else f"*{phrases.phase_in_a_sentence(entry.phase)}*",
        counted=f": {ready}" if ready else "",
        took=_took(entry),
        but_failed=phrases.but_failed(failed_again) if failed_again else "",
        reason=outside(entry.reason, REASON_LIMIT) if entry.reason else "",
        **{event.value: finding_words.entry_detail(event, entry.findings, entry.phase) for event in FINDINGS},
    )


def _took(entry: TimelineEntry) -> str:
    """How long the episode lasted, in the entry that ends it."""
    if not entry.ends:
        return ""
    unread = f" ({phrases.not_read(entry.gap)})" if entry.gap else ""
    return f" after {phrases.lasted(entry.downtime_seconds, first_seen=entry.at_least)}{unread}"
