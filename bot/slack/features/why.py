"""The command `why`: each change of a pipeline, when it was read, who was notified of it, and who was not, and why."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.episode import Episode, TimelineEntry
from bot.domain.phase import Phase
from bot.domain.receipt import MessageForm, Receipt, Skip, SkipReason
from bot.domain.transition import Event, Reach
from bot.domain.watch import ChannelId, UserId
from bot.domain.why import Explained
from bot.ports.chat import ChatAway
from bot.ports.conversations import DirectConversations
from bot.requests.past import WhyAnswer
from bot.requests.references import NotOnePipeline
from bot.slack.feature import Command, CommandWord, Feature, Reply, Request
from bot.slack.grammar.command_text import CommandText
from bot.slack.grammar.one_pipeline import one_pipeline
from bot.slack.mrkdwn import NO_BREAK, date, duration, in_one_minute, outside, outside_with_times, time_of_day
from bot.slack.permissions import Asker
from bot.slack.render import phrases
from bot.slack.render.blocks import Block, context, section
from bot.slack.render.diagnosis import short_cause
from bot.slack.render.entry_words import entry_words
from bot.slack.render.help import HelpPage
from bot.slack.render.pagination import answer_buttons, on_existing_page, page_number
from bot.slack.render.render_context import RenderContext
from bot.slack.render.rows import command_for, unresolved
from bot.slack.visible_channels import VisibleChannels

MOMENTS_SHOWN = 8
LINES_SHOWN = 12  # for one moment: a phone shows about 20 lines
REASON_SHOWN = 160
INDENT = NO_BREAK * 4

# --- parse -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WhyCommand(Command):
    """A parsed `why`."""

    reference: str

    @property
    def repeatable(self) -> bool:
        return True

    @property
    def pipelines(self) -> Sequence[str]:
        return (self.reference,)

    async def run(self, request: Request) -> Reply:
        """Only the person who asks gets the answer: it names what this person may see."""
        services, asker = request.services, request.asker
        answer = await services.requests.past.why(asker.channel, self.reference, request.names)
        if isinstance(answer, NotOnePipeline):
            return Reply(blocks=unresolved(answer.unresolved, "why", services.render_context))
        question = replace(request.question, shareable=False, shared=False)
        question = on_existing_page(question, len(answer.moments), MOMENTS_SHOWN)
        first = (question.page - 1) * MOMENTS_SHOWN
        moments = answer.moments[first : first + MOMENTS_SHOWN]
        visible = VisibleChannels(asker, services.permissions)
        places = await _visible_places(moments, answer, visible, asker, services.directory)
        buttons = answer_buttons(question, len(answer.moments), "", MOMENTS_SHOWN)
        number = page_number(question, len(answer.moments), MOMENTS_SHOWN)
        return Reply(blocks=[*why_blocks(answer, moments, places, number, services.render_context), *buttons])


def _parse(command_text: CommandText) -> Command:
    return WhyCommand(one_pipeline(command_text, "why"))


# --- permissions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The conversations that the reader may see, in words. `here`: the reader's own conversation."""

    here: ChannelId
    names: dict[str, str] = field(default_factory=dict)
    complete: bool = True
    """False if Slack did not say of each channel whether the reader may see it."""


async def _visible_places(
    moments: Iterable[Explained],
    answer: WhyAnswer,
    visible: VisibleChannels,
    asker: Asker,
    conversations_with: DirectConversations,
) -> Places:
    conversations = dict.fromkeys(
        conversation for moment in moments for conversation in (*_notified(moment), *_left_out(moment))
    )
    names: dict[str, str] = {}
    for conversation in conversations:
        if name := await _place(conversation, answer, visible, asker):
            names[conversation] = name
    if any(_is_direct(conversation) for conversation in conversations if conversation not in names):
        with suppress(ChatAway):  # then the reader is one of the other people
            if own := await conversations_with.direct(asker.user):
                names[own] = "your direct messages"  # a policy or a schedule paged the reader
    return Places(here=asker.channel, names=names, complete=visible.complete)


async def _place(conversation: str, answer: WhyAnswer, visible: VisibleChannels, asker: Asker) -> str:
    """Words for a conversation. Empty if this person may not know of it."""
    channel = ChannelId(conversation)
    if channel == asker.channel:
        return "your direct messages" if phrases.is_direct(channel) else "this channel"
    if not _is_slack(conversation):  # a pager
        return outside(conversation.replace(":", " "))
    if not phrases.is_direct(channel):
        return phrases.conversation(channel, "their") if await visible.sees(channel) else ""
    person = answer.people.get(conversation)
    if person is None:
        return ""
    if UserId(person.target.id) == asker.user:
        return "your direct messages"
    seen = await visible.first_visible(person.channels)
    return f"{phrases.someones(person.target.label)} direct messages" if seen else ""


def _is_slack(conversation: str) -> bool:
    return ":" not in conversation


def _is_direct(conversation: str) -> bool:
    return _is_slack(conversation) and phrases.is_direct(ChannelId(conversation))


def _notified(moment: Explained) -> Iterable[str]:
    return (*(receipt.conversation for receipt in moment.receipts), *moment.waiting)


def _left_out(moment: Explained) -> Iterable[str]:
    return (skip.conversation for skip in moment.skips)


# --- render ----------------------------------------------------------------------------------------------------------


def why_blocks(
    answer: WhyAnswer, moments: Sequence[Explained], places: Places, page: str, render_context: RenderContext
) -> list[Block]:
    name = f"*{outside(answer.pipeline.name)}*"
    if not moments:
        return [section(f"{name}: {_nothing(answer, render_context)}")]
    blocks: list[Block] = [section(f"{name} — who was notified, latest change first{page}")]
    blocks += [section("\n".join(_moment_lines(moment, answer, places))) for moment in moments]
    incomplete = "" if places.complete else "I couldn't check all channels, so some are not named."
    hides_channels = any(
        conversation not in places.names and not _is_direct(conversation)
        for moment in moments
        for conversation in (*_notified(moment), *_left_out(moment))
    )
    hidden = "“Another channel” is one that you can't see." if hides_channels and places.complete else incomplete
    return [*blocks, *context(hidden, render_context.link(answer.pipeline.id))]


def _nothing(answer: WhyAnswer, render_context: RenderContext) -> str:
    if answer.is_watched:
        return "nothing has changed since I began to watch it, so there was nothing to say."
    watch = command_for("watch", answer.pipeline, render_context)
    return f"nobody watches it, so I know nothing of its past. To watch it here: {watch}"


def _moment_lines(moment: Explained, answer: WhyAnswer, places: Places) -> list[str]:
    receipts = (receipt for receipt in _new_messages(moment) if receipt.conversation in places.names)
    lines = [
        *(_receipt_line(receipt, moment, places) for receipt in receipts),
        *(_waiting_line(name, moment, answer, places) for name in moment.waiting if name in places.names),
        *(_skip_line(skip, moment, places) for skip in moment.skips if skip.conversation in places.names),
        *_hidden_lines(moment, answer, places),
    ]
    if not lines:
        lines = ["nobody to notify" if moment.recorded else "I kept no receipts then"]
    more = [f"… and {len(lines) - LINES_SHOWN:,} more"] if len(lines) > LINES_SHOWN else []
    return [_head(moment, places.here, answer.episode), *(f"{INDENT}{line}" for line in [*lines[:LINES_SHOWN], *more])]


def _new_messages(moment: Explained) -> Iterable[Receipt]:
    """Without the changed cards of conversations that have a line for what was left out: that line says it."""
    left_out = {skip.conversation for skip in moment.skips if not skip.target}
    return (
        receipt
        for receipt in moment.receipts
        if receipt.form is not MessageForm.UPDATE or receipt.conversation not in left_out
    )


def _head(moment: Explained, here: ChannelId, episode: Episode | None) -> str:
    if not moment.transitions:
        return _log_words(moment, episode) if _is_log(moment, episode) else f":bell: *page* · {date(moment.at)}"
    last = moment.transitions[-1]
    entry = TimelineEntry(
        revision=0,
        at=moment.at,
        events=tuple(transition.event for transition in moment.transitions),
        phase=last.phase,
        reason=next((change.reason for change in moment.transitions if change.reason), ""),
    )
    if actor := last.actor:
        channel = ChannelId(actor.channel) if actor.channel else None
        entry = replace(entry, by=UserId(actor.id), name=actor.name, place=actor.place, channel=channel)
        return f"{entry_words(entry, here)} · {_second(moment)}"
    words = entry_words(entry, here)
    if last.event is Event.UNWATCHED:
        return f"{words} · {_second(moment)}"
    if last.live and last.reach is Reach.REACHABLE:  # the history has no counts of replicas
        words = words.replace(phrases.UNKNOWN_STATE, phrases.phase_symbol(Phase.RUNNING), 1)
    return f"{words} · read {_second(moment)}{_since_last_reading(moment)}"


def _is_log(moment: Explained, episode: Episode | None) -> bool:
    """True if the bot read the log of a failure then. The history has pages and changes, and no logs."""
    entries = episode.timeline if episode else ()
    known = any(Event.DIAGNOSED in entry.events and _is_at(entry.at, moment) for entry in entries)
    forms = {receipt.form for receipt in moment.receipts}
    return known or (bool(forms) and forms <= {MessageForm.THREAD, MessageForm.UPDATE})


def _is_at(at: datetime, moment: Explained) -> bool:
    """The receipts keep milliseconds."""
    return abs(at - moment.at) < timedelta(milliseconds=2)


def _log_words(moment: Explained, episode: Episode | None) -> str:
    """With the cause that this read named. An entry of an older bot has no cause, so the latest diagnosis helps out."""
    entries = [entry for entry in (episode.timeline if episode else ()) if Event.DIAGNOSED in entry.events]
    cause = next((entry.reason for entry in entries if _is_at(entry.at, moment)), "")
    if not cause and episode and episode.diagnosis and _is_at(episode.diagnosis.at, moment):
        cause = short_cause(episode)
    return f":mag: *looked for the cause* · {_second(moment)}{f' · {cause}' if cause else ''}"


def _second(moment: Explained) -> str:
    return date(moment.at, "{time_secs} {date_short_pretty}")


def _since_last_reading(moment: Explained) -> str:
    after = moment.transitions[0].after
    seconds = (moment.at - after).total_seconds() if after else None
    if seconds is None:
        return ""
    return f", {duration(seconds) if seconds >= 1 else 'less than 1 s'} after the reading before"


_FORMS = {
    MessageForm.CARD: "card",
    MessageForm.GROUP: "card of a group",
    MessageForm.JOINED: "the group's card changed",
    MessageForm.UPDATE: "card changed",
    MessageForm.THREAD: "thread",
    MessageForm.DIGEST: "digest",
    MessageForm.SUMMARY: "summary of pages",
    MessageForm.PAGE: "page",
    MessageForm.PAGER: "pager",
}


def _receipt_line(receipt: Receipt, moment: Explained, places: Places) -> str:
    """Names the time of the message only if the head has another minute."""
    place = places.names[receipt.conversation]
    form = "line" if receipt.broadcast else _FORMS[receipt.form]
    paged = f" · paged {', '.join(f'@{outside(name)}' for name in receipt.paged)}" if receipt.paged else ""
    if receipt.refused:
        return f"✗ {place} · {form} refused: {outside(receipt.refused, REASON_SHOWN)}"
    at = "" if in_one_minute(receipt.at, moment.at) else f" at {time_of_day(receipt.at)}"
    return f"✓ {place} · {form}{at}, {_took(receipt)}{paged}"


def _took(receipt: Receipt) -> str:
    took = "at once" if receipt.seconds < 1 else f"after {duration(receipt.seconds)}"
    return f"{took}, attempt {receipt.attempts:,}" if receipt.attempts > 1 else took


def _waiting_line(conversation: str, moment: Explained, answer: WhyAnswer, places: Places) -> str:
    reason = answer.suspended.get(ChannelId(conversation))
    if reason:
        return f"✗ {places.names[conversation]} · paused: {phrases.SUSPEND_REASONS[reason]}"
    text = _waiting_words(conversation, moment, answer)
    return f"{_SIGNS.get(text, '✗')} {places.names[conversation]} · {text}"


def _waiting_words(conversation: str, moment: Explained, answer: WhyAnswer) -> str:
    return _NOT_CONFIRMED if answer.may_come(moment, conversation) else _NOTHING_SENT


_NOT_CONFIRMED, _NOTIFIED = "not confirmed yet", "notified"
_NOTHING_SENT = "nothing sent: by then it was answered, over, or in a later message"
_SIGNS = {_NOTIFIED: "✓", _NOT_CONFIRMED: "…"}


_REASONS = {
    SkipReason.FILTERED: "its watches leave this out",
    SkipReason.MUTED: "muted",
    SkipReason.MAINTENANCE: "maintenance window",
    SkipReason.QUIET_HOURS: "quiet hours",
    SkipReason.FLAPPING: "flapping: only its card counts this",
    SkipReason.SUSPENDED: "paused: I can't post there; the fallback channel got it",
    SkipReason.ACKNOWLEDGED: "acknowledged",
    SkipReason.SNOOZED: "snoozed",
    SkipReason.CONFIRMING: "the watch asks for a second reading",
    SkipReason.LATE_CHAIN: "GoldRush itself is late on the chain: one card says so for all its pipelines",
    SkipReason.REACHED_NOBODY: "nobody to page",
}


def _skip_line(skip: Skip, moment: Explained, places: Places) -> str:
    words = f" {outside_with_times(skip.words, REASON_SHOWN)}" if skip.words else ""
    target = f" · {outside(skip.target)} not paged" if skip.target else ""
    redrawn = any(
        receipt.conversation == skip.conversation and receipt.form is MessageForm.UPDATE for receipt in moment.receipts
    )
    shows = "; its card shows it" if redrawn and not skip.target else ""
    return f"✗ {places.names[skip.conversation]}{target} · {_REASONS[skip.reason]}{words}{shows}"


def _hidden_lines(moment: Explained, answer: WhyAnswer, places: Places) -> list[str]:
    """What happened in conversations that the reader may not see, without names and details."""
    kinds = Counter(
        ("person" if phrases.is_direct(ChannelId(conversation)) else "channel", text)
        for conversation, text in _hidden(moment, answer, places)
    )
    return [_hidden_line(kind, text, number) for (kind, text), number in kinds.items()]


def _hidden(moment: Explained, answer: WhyAnswer, places: Places) -> Iterable[tuple[str, str]]:
    for receipt in _new_messages(moment):
        if receipt.conversation not in places.names:
            yield receipt.conversation, "refused" if receipt.refused else _NOTIFIED
    for conversation in moment.waiting:
        if conversation not in places.names:
            yield conversation, _waiting_words(conversation, moment, answer)
    for skip in moment.skips:
        if skip.conversation not in places.names:
            yield skip.conversation, _REASONS[skip.reason]


def _hidden_line(kind: str, text: str, number: int) -> str:
    plural = {"person": "people", "channel": "channels"}[kind]
    return f"{_SIGNS.get(text, '✗')} {f'another {kind}' if number == 1 else f'{number:,} other {plural}'} · {text}"


_HELP = HelpPage(
    overview=("`{c} why orders-eu` — who was notified of each change, who was not, and why",),
    topic=(
        "*`{c} why PIPELINE`* — each change, when I read it, and who was notified of it when.",
        "It also says who was not, and why: filter, mute, paused channel, group, flapping, acknowledgement.",
        "I keep this for 90 days. A channel that you can't see has no name here.",
        "In the thread of a card, `why` alone is enough.",
    ),
)

FEATURE = Feature(
    commands=(CommandWord(name="why", parse=_parse, takes_names=True, in_thread=True, help_order=10, help=_HELP),)
)
