"""The draft of a postmortem, as a message in the thread of its card. Pure."""

import re
from collections.abc import Sequence
from operator import itemgetter

from bot.domain.causes import UNKNOWN, cause_named
from bot.domain.configuration import BEFORE_A_FAILURE
from bot.domain.delivery import Delivery
from bot.domain.episode import Episode, EpisodeOutcome, TimelineEntry
from bot.domain.postmortem import GroupMember, OpenQuestion, Postmortem, first_answer_at, open_questions
from bot.domain.transition import Event
from bot.domain.watch import ChannelId
from bot.slack.mrkdwn import date, duration, escape, outside, span, time_of_day
from bot.slack.render import phrases
from bot.slack.render.action_words import answer_line
from bot.slack.render.background_words import change_words, seen_words
from bot.slack.render.blocks import RenderedMessage, context, message, sections
from bot.slack.render.cards import possible_repeat
from bot.slack.render.diagnosis import error_context
from bot.slack.render.entry_words import entry_words
from bot.slack.render.flap_words import downtime, number_of_times
from bot.slack.render.headline_facts import failed_words
from bot.slack.render.headlines import recovery_words
from bot.slack.render.note_words import guidance_lines
from bot.slack.render.thread_words import MENTION

_SYMBOL = re.compile(r"^:\w+: ")
NAME_LIMIT = 40
UNCOMPARED = "I couldn't read {of} right after the failure, so an edit just before it may be missing"
TIMELINE_LIMIT = 4_000  # characters: Slack limits all blocks of a message together


Parts = list[tuple[str, Sequence[str]]]


def render_postmortem(postmortem: Postmortem, delivery: Delivery) -> RenderedMessage:
    """The draft, or where it is. Long parts are cut: the whole message has room for a long timeline."""
    title = f":memo: *Postmortem draft: {outside(draft_subject(postmortem))}*"
    if postmortem.canvas:
        place = f"<{escape(postmortem.canvas)}|It is a canvas> in this channel's tabs, and everyone here may edit it."
        return message([*sections([title, place]), *context(_origin(postmortem)), *possible_repeat(delivery)])
    (_, happened), *others = postmortem_parts(postmortem, ChannelId(delivery.receiver.id))
    diagnosis = postmortem.diagnosis
    return message(
        [
            *sections([title, *happened]),
            *(error_context(diagnosis) if diagnosis else []),
            *(block for name, lines in others for block in sections([f"*{name}*", *lines])),
            *context(f"{_origin(postmortem)} Check it, then copy it to where your postmortems are."),
            *possible_repeat(delivery),
        ]
    )


def draft_subject(postmortem: Postmortem) -> str:
    """The pipeline's name, or how many pipelines the draft is about. Text from outside."""
    return phrases.pipelines(postmortem.total) if postmortem.members else postmortem.pipeline.name


def postmortem_parts(postmortem: Postmortem, conversation: ChannelId) -> Parts:
    """Each with its title and lines, without the empty ones. The first one says what happened."""
    parts: Parts = [
        ("What happened", _what(postmortem)),
        ("Pipelines", _members(postmortem)),
        ("When and who", _who(postmortem, conversation)),
        ("What changed", _changes(postmortem)),
        ("Notes", guidance_lines(postmortem.guidance)),
        ("Calls and answers" if postmortem.members else "Timeline", _timeline(postmortem, conversation)),
        ("Open questions", [f"• {_QUESTIONS[question]}" for question in open_questions(postmortem)]),
    ]
    return [(title, lines) for title, lines in parts if lines]


def _what(postmortem: Postmortem) -> list[str]:
    episode, diagnosis = postmortem.episode, postmortem.diagnosis
    when = span(episode.opened_at, episode.closed_at, or_earlier=episode.first_seen) if episode.closed_at else ""
    subject = draft_subject(postmortem)
    failed = f"{subject} failed" if postmortem.members else f"It {_failed_and_recovered(episode)}"
    lines = [f"{failed} · {when}"]
    if diagnosis and diagnosis.cause and cause_named(diagnosis.cause) is not UNKNOWN:
        some = f" for {postmortem.alike:,} of {postmortem.total:,}" if postmortem.alike < postmortem.total else ""
        lines.append(f"Cause{some}: {cause_named(diagnosis.cause).words}")
    else:
        lines.append("Cause: unknown")
    if diagnosis and diagnosis.seen:
        lines.append(phrases.sentence(seen_words(diagnosis.seen)))
    return lines


def _failed_and_recovered(episode: Episode) -> str:
    """A failure that came back: how long it took in all stands apart from how long it failed last."""
    if episode.times > 1 and episode.closed_at:
        within = duration((episode.closed_at - episode.opened_at).total_seconds())
        often = f"failed {number_of_times(episode.times)} within {within}"
        return f"{often}, the last time for {downtime(episode)}, and {phrases.RECOVERED}"
    return f"{failed_words(episode)} and {recovery_words(episode)}"


def _members(postmortem: Postmortem) -> list[str]:
    """Each failure of a group. Empty for a single one."""
    lines = [f"• *{outside(member.name, NAME_LIMIT)}* {_ended(member)}" for member in postmortem.members]
    more = postmortem.total - len(postmortem.members)
    return [*lines, *([f"… and {more:,} more. *Show all* on the card lists them."] if more else [])]


def _ended(member: GroupMember) -> str:
    failed = f"failed at {date(member.opened_at)}"
    lasted = duration(((member.closed_at or member.opened_at) - member.opened_at).total_seconds())
    match member.outcome:
        case EpisodeOutcome.RECOVERED:
            return f"{failed}, {phrases.RECOVERED} after {lasted}"
        case EpisodeOutcome.UNWATCHED:
            return f"{failed}, no longer watched after {lasted}"
        case _:
            return f"{failed}, ended by its owner after {lasted}"


def _who(postmortem: Postmortem, conversation: ChannelId) -> list[str]:
    episode, together = postmortem.episode, bool(postmortem.members)
    began = phrases.moment(episode.opened_at, first_seen=episode.first_seen)
    targets = dict.fromkeys(target for page in episode.pages for target in page.notified)
    first_call = f" at {time_of_day(postmortem.calls[0].at)}" if postmortem.calls else ""
    answered = first_answer_at(episode)
    lines = [
        f"{'First failed' if together else 'Failed'} at {began}",
        f"Paged{first_call}: {phrases.target_list(tuple(targets))}" if targets else "Paged: nobody",
        f"First answer after {duration((answered - episode.opened_at).total_seconds())}" if answered else "",
        _SYMBOL.sub("", answer_line(episode, conversation)) or "Nobody acknowledged it",
        f"{'All over' if together else 'Recovered'} at {date(episode.closed_at)}" if episode.closed_at else "",
    ]
    return [f"• {line}" for line in lines if line]


def _changes(postmortem: Postmortem) -> list[str]:
    if postmortem.members:
        found = [
            f"• *{outside(member.name, NAME_LIMIT)}*: {change_words(change, member.opened_at)}"
            for member in postmortem.members
            for change in member.changes
        ]
        if not all(member.is_compared for member in postmortem.members):
            return [*found, UNCOMPARED.format(of="and compare all their configurations")]
        return found or ["Nothing in the configurations of these pipelines, as far as GoldRush shows them"]
    began_at, diagnosis = postmortem.episode.opened_at, postmortem.episode.latest_diagnosis
    changes = [f"• {phrases.sentence(change_words(change, began_at))}" for change in postmortem.changes]
    if diagnosis is None or diagnosis.compared_since is None:
        return [*changes, UNCOMPARED.format(of="and compare the configuration")]
    since = diagnosis.compared_since
    when = f" between {date(since)} and the failure" if since > began_at - BEFORE_A_FAILURE else " in the 24 h before"
    return changes or [f"Nothing in the pipeline's configuration{when}, as far as GoldRush shows it"]


def _timeline(postmortem: Postmortem, conversation: ChannelId) -> list[str]:
    """Its beginning and its end, if it is too long for the message."""
    entries = [(entry.at, _entry(entry, conversation)) for entry in postmortem.episode.timeline]
    entries += [(call.at, f":bell: Paged {phrases.target_list(call.targets)}") for call in postmortem.calls]
    lines = [f"{time_of_day(at)} {words}" for at, words in sorted(entries, key=itemgetter(0)) if words]
    begin, end, length = 0, len(lines), 0
    while begin < end:
        following = lines[begin] if begin <= len(lines) - end else lines[end - 1]
        length += len(following)
        if length > TIMELINE_LIMIT:
            return [*lines[:begin], f"… {end - begin} more in this thread …", *lines[end:]]
        begin, end = (begin + 1, end) if begin <= len(lines) - end else (begin, end - 1)
    return lines


def _entry(entry: TimelineEntry, conversation: ChannelId) -> str:
    """Empty for a diagnosis without a cause."""
    if entry.events == (Event.DIAGNOSED,):
        return f":mag: I found the cause: {entry.reason}" if entry.reason else ""
    return entry_words(entry, conversation)


_QUESTIONS = {
    OpenQuestion.CAUSE: "Why did it fail? I couldn't tell.",
    OpenQuestion.CHANGE: "Did the change before the failure cause it?",
    OpenQuestion.NOBODY: "Why did nobody answer the page?",
    OpenQuestion.SLOW_ANSWER: "What would have made the first answer faster?",
    OpenQuestion.REPEATED: "It failed like this before. What was not fixed then?",
    OpenQuestion.WHAT_HELPED: f'What helped? `{MENTION} note "…"` in this thread keeps it for the next time.',
    OpenQuestion.PREVENTION: "What prevents the next one, and who does it?",
}


def _origin(postmortem: Postmortem) -> str:
    by = f"{outside(postmortem.by_name)} asked for this draft. " if postmortem.by_name else ""
    return f"{by}It holds what I saw."
