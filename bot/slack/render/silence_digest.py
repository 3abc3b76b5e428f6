"""Renders the digest at the end of a silence: what began and ended meanwhile, open problems first. Pure."""

from collections.abc import Mapping
from datetime import datetime

from bot.domain.attention import trouble, urgency
from bot.domain.delivery import Delivery
from bot.domain.episode import open_failure
from bot.domain.observation import PipelineId
from bot.domain.plan import Record
from bot.domain.setup import SetupKind
from bot.domain.summary import Digest, DigestEntry
from bot.domain.transition import PipelineState
from bot.slack.mrkdwn import date, outside
from bot.slack.render import phrases
from bot.slack.render.action_words import answered_words
from bot.slack.render.blocks import RenderedMessage, message, section, sections
from bot.slack.render.cards import possible_repeat
from bot.slack.render.diagnosis import short_cause
from bot.slack.render.group_card import NAME_LIMIT
from bot.slack.render.groups import event_counts

_OVER = {
    SetupKind.MUTE: "The mute is over",
    SetupKind.MAINTENANCE: "The maintenance is over",
    SetupKind.QUIET_HOURS: "The quiet hours are over",
}


def render_silence_digest(
    digest: Digest,
    silence: SetupKind,
    records: Mapping[PipelineId, Record],
    delivery: Delivery,
    now: datetime,
) -> RenderedMessage:
    """`records`: the latest ones. A digest may wait for long, and must not show an older state as the last."""
    entries = sorted(digest.entries, key=lambda entry: _order(entry, records[entry.pipeline.id], now))
    open_problems = sum(trouble(records[entry.pipeline.id].state, now) is not None for entry in entries)
    head = f":bell: *{_OVER[silence]}.* {_summary(open_problems, len(entries) - open_problems)}"
    rows = [_row(entry, records[entry.pipeline.id].state) + _answer(records[entry.pipeline.id]) for entry in entries]
    return message([section(head), *sections(rows), *possible_repeat(delivery)])


def _order(entry: DigestEntry, record: Record, now: datetime) -> tuple[object, ...]:
    """Open problems first, the worst on top; of those, the ones that nobody has; of those, the oldest."""
    failure = open_failure(record.episode)
    answered = failure is not None and not failure.unanswered
    return (*urgency(trouble(record.state, now), record.state, answered=answered), entry.pipeline.name.lower())


def _answer(record: Record) -> str:
    """Who has the failure that is still open, and why it failed."""
    failure = open_failure(record.episode)
    if failure is None:
        return ""
    cause = f" · {short_cause(failure)}" if short_cause(failure) else ""
    return f"{cause} · {answered_words(failure.acknowledged, failure.resolved) or 'not acknowledged'}"


def _summary(open_problems: int, others: int) -> str:
    """An open failure has a card of its own, so the words are about the listed pipelines only."""
    if open_problems == 0:
        return f"{phrases.pipelines(others)} changed meanwhile, and {'needs' if others == 1 else 'need'} nothing now:"
    needs = f"{phrases.pipelines(open_problems)} {'needs' if open_problems == 1 else 'need'} attention now"
    return f"{needs}, {others} changed meanwhile:" if others else f"{needs}:"


def _row(entry: DigestEntry, state: PipelineState) -> str:
    """`orders-eu failed 2×, recovered · RUNNING, live since 10:40 today`."""
    name = f"*{outside(entry.pipeline.name, NAME_LIMIT)}*"
    if state.observation is None:
        return f"{phrases.phase_symbol(entry.last.phase)} {name} {event_counts(entry) or 'changed'}"
    since = date(state.since or entry.until)
    counts = event_counts(entry)
    if not counts:
        return f"{phrases.state_symbol(state)} {name} is still {phrases.state_words(state)} since {since}"
    return f"{phrases.state_symbol(state)} {name} {counts} · now {phrases.state_words(state)} since {since}"
