"""One sentence for each action of a person in a timeline: an acknowledgement, a snooze, a takeover, an end. Pure."""

from bot.domain.catalogue import Pipeline
from bot.domain.episode import Acknowledgement, Episode, TimelineEntry
from bot.domain.silence import LONGEST_WHY
from bot.domain.transition import Event
from bot.domain.watch import BY_PEOPLE, ChannelId
from bot.slack.mrkdwn import NAME_LIMIT, date, outside
from bot.slack.render import phrases

REMARK_SHOWN = 2 * LONGEST_WHY  # escapes make it longer


def is_persons_action(entry: TimelineEntry) -> bool:
    """True if a person made this entry, or if the time is over that a person asked for."""
    return any(event in BY_PEOPLE for event in entry.events)


def action_words(entry: TimelineEntry, conversation: ChannelId, pipeline: Pipeline | None) -> str:
    """`pipeline`: as in `entry_words`."""
    name = f"*{outside(pipeline.name)}* " if pipeline else ""
    by = phrases.acknowledged_by(entry, conversation)
    remark = _remark(entry.remark)
    until = date(entry.promised_until) if entry.promised_until else ""
    if Event.RESOLVED in entry.events:
        ended = f"The paging for {name.strip()} was ended" if name else "Paging ended"
        return f":no_bell: {ended} by {by}, although it hasn't recovered{remark}"
    if Event.PROMISE_MISSED in entry.events:
        ended = "The snooze of" if entry.snoozed else "The time that was promised by"
        return f":hourglass: {ended} {by} is over, and {name or 'the pipeline '}still needs somebody"
    if entry.snoozed:
        return f":zzz: {phrases.sentence(f'{name}snoozed')} by {by} until {until}{remark}"
    promise = f", back by {until}" if until else ""
    if entry.instead_of:
        taken = f"{name}was taken over" if name else "Taken over"
        return f":eyes: {taken} by {by} from {phrases.person(entry.instead_of)}{promise}{remark}"
    return f":eyes: {phrases.sentence(f'{name}acknowledged')} by {by}{promise}{remark}"


def joint_action(entry: TimelineEntry, number: int) -> str:
    """What a person did to several failures at once."""
    who = phrases.sentence(phrases.person(entry.name))
    until = date(entry.promised_until) if entry.promised_until else ""
    remark = f" (“{outside(entry.remark, REMARK_SHOWN)}”)" if entry.remark else ""
    if Event.RESOLVED in entry.events:
        return f":no_bell: {who} ended the paging for {number}{remark}"
    if Event.PROMISE_MISSED in entry.events:
        kind = "snooze" if entry.snoozed else "promise"
        return f":hourglass: The {kind} of {phrases.person(entry.name)} is over for {number}"
    if entry.snoozed:
        return f":zzz: {who} snoozed {number} until {until}{remark}"
    promise = f", back by {until}" if until else ""
    if entry.instead_of:
        return f":eyes: {who} took over {number} from {phrases.person(entry.instead_of)}{promise}{remark}"
    return f":eyes: {who} acknowledged {number}{promise}{remark}"


def _remark(words: str, limit: int = REMARK_SHOWN) -> str:
    return f": “{outside(words, limit)}”" if words else ""


def answer_line(episode: Episode, conversation: ChannelId) -> str:
    """Who has the failure, and until when. Empty: nobody."""
    return answer_words(episode.acknowledged, episode.resolved, conversation)


def answer_words(
    acknowledged: Acknowledgement | None, resolved: Acknowledgement | None, conversation: ChannelId | None
) -> str:
    """As `answer_line`."""
    if resolved:
        by, remark = phrases.acknowledged_by(resolved, conversation), _remark(resolved.remark)
        return f":no_bell: Paging ended by {by} at {date(resolved.at)}{remark}"
    if acknowledged is None:
        return ""
    by, until = phrases.acknowledged_by(acknowledged, conversation), acknowledged.until and date(acknowledged.until)
    if acknowledged.snoozed:
        return f":zzz: Snoozed by {by} until {until}{_remark(acknowledged.remark)}"
    promise = f", back by {until}" if until else ""
    return f":eyes: Acknowledged by {by} at {date(acknowledged.at)}{promise}{_remark(acknowledged.remark)}"


def answered_words(acknowledged: Acknowledgement | None, resolved: Acknowledgement | None) -> str:
    """`acknowledged by Ann`, `snoozed by Ann until 10:00 today`, for a pipeline's line. Empty: nobody has it."""
    if resolved:
        return f"paging ended by {phrases.person(resolved.name)}"
    if acknowledged is None:
        return ""
    if acknowledged.snoozed and acknowledged.until:
        return f"snoozed by {phrases.person(acknowledged.name)} until {date(acknowledged.until)}"
    return f"acknowledged by {phrases.person(acknowledged.name)}"


def member_answer(episode: Episode, conversation: ChannelId) -> str:
    """Who has the failure, in the line of a group's member. Empty: nobody."""
    if answer := episode.resolved:
        return f":no_bell: paging ended by {phrases.acknowledged_by(answer, conversation)}"
    if (answer := episode.acknowledged) is None:
        return ""
    by, remark = phrases.acknowledged_by(answer, conversation), _remark(answer.remark, NAME_LIMIT)
    if answer.until is None:
        return f":eyes: {by}{remark}"
    until = f" until {date(answer.until)}" if answer.snoozed else f", back by {date(answer.until)}"
    return f"{':zzz:' if answer.snoozed else ':eyes:'} {by}{until}{remark}"
