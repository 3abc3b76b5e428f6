"""Renders messages about many pipelines: a group of failures, its thread, and the digest of an outage. Pure."""

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime

from bot.domain.card import Card, Digest, DigestEntry, Group, ThreadEntry, TimelineBatch
from bot.domain.delivery import Delivery
from bot.domain.episode import EpisodeOutcome, FlapStep
from bot.domain.transition import Event
from bot.domain.watch import ChannelId
from bot.slack.mrkdwn import from_to, outside, span, time_of_day
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import (
    ROW_LINK,
    Block,
    RenderedMessage,
    actions,
    button,
    context,
    message,
    section,
    sections,
    select,
    value,
)
from bot.slack.render.cards import footnotes
from bot.slack.render.entry_words import entry_words
from bot.slack.render.flap_words import counted_times
from bot.slack.render.headlines import recovery_words
from bot.slack.render.note_words import guidance_lines
from bot.slack.render.paging import origins_context, stop_button
from bot.slack.render.render_context import RenderContext

NAME_LIMIT = 40  # thirty lines must fit into the text of a notification
BLOCKS_LIMIT = 12_000  # Slack refuses a message that is much larger
GUIDANCE_SHOWN = 3
ONE_LINE_FROM = 2  # recoveries


def render_group(group: Group, delivery: Delivery, now: datetime, render_context: RenderContext) -> RenderedMessage:
    """One message for many failures, a row each. Drops the rows' links if the message is too large."""
    whole = _blocks(group, delivery, now, render_context, links=True)
    fits = len(json.dumps(whole, ensure_ascii=False)) <= BLOCKS_LIMIT
    return message(whole if fits else _blocks(group, delivery, now, render_context, links=False))


def _blocks(
    group: Group, delivery: Delivery, now: datetime, render_context: RenderContext, *, links: bool
) -> list[Block]:
    open_cards = [card for card in group.cards if card.episode.open]
    unanswered = [card for card in open_cards if card.episode.unanswered]
    blocks: list[Block] = [section(_headline(group, open_cards))]
    mentions = phrases.mentions(target for card in unanswered for target in card.targets)
    if mentions:
        blocks.append(section(f":rotating_light: {mentions} please take a look and acknowledge."))
    blocks += origins_context((origin for card in unanswered for origin in card.origins), group.channel)
    if todo := _todo(open_cards):
        blocks.append(section("\n".join(todo)))
    blocks += sections(_row(card, render_context if links else None) for card in group.cards)
    blocks += context(phrases.stands_in_for(channel for card in group.cards for channel in card.stands_in_for))
    if not render_context.knows_pipelines:
        blocks += context(render_context.link(""))
    blocks += footnotes(delivery, now)
    return [*blocks, *_buttons(group, unanswered)]


def _buttons(group: Group, unanswered: list[Card]) -> list[Block]:
    if not unanswered:
        return []
    everyone = button(action_ids.ACKNOWLEDGE_ALL, "Acknowledge all", value(group=group.key), style="primary")
    one = select(action_ids.ACKNOWLEDGE_ONE, "Acknowledge one", _options(unanswered))
    stop = stop_button(group.channel, [origin for card in unanswered for origin in card.origins], group=group.key)
    return actions(f"{group.key}-{group.revision}", everyone, one, stop)


def _options(cards: list[Card]) -> list[tuple[str, str]]:
    """Pipelines that share a name show their ids."""
    names = Counter(card.pipeline.name for card in cards)
    return [
        (name if names[name] == 1 else f"{name[:NAME_LIMIT]} {card.pipeline.id}", value(card=card.key))
        for card in cards
        for name in [card.pipeline.name]
    ]


def _todo(cards: list[Card]) -> list[str]:
    """The few runbooks and notes that most pipelines share. A line names its pipelines, unless it applies to all."""
    names: dict[str, list[str]] = {}
    for card in cards:
        for line in guidance_lines(card.guidance):
            names.setdefault(line, []).append(card.pipeline.name)
    shared = sorted(names.items(), key=lambda item: -len(item[1]))[:GUIDANCE_SHOWN]
    return [
        line if len(pipelines) == len(cards) else f"{line} · {_named_scope(pipelines, len(cards))}"
        for line, pipelines in shared
    ]


def _named_scope(names: list[str], total: int) -> str:
    return f"for *{outside(names[0])}*" if len(names) == 1 else f"for {len(names)} of {total} pipelines"


def _headline(group: Group, open_cards: list[Card]) -> str:
    group = _without_earlier_failures(group)
    total = len(group.cards)
    already = _already_failed(group)
    since = f"Since {phrases.moment(min(card.episode.opened_at for card in group.cards), first_seen=bool(already))}"
    if not open_cards:
        return "\n".join([_closed_headline(group), *already])
    unwatched = _count(group, EpisodeOutcome.UNWATCHED)
    head = (
        _failed(group, already_failed=bool(already)) if len(open_cards) == total else _in_part(group, len(open_cards))
    )
    moved = sum(bool(card.continues_in) for card in group.cards)
    unwatched_count = unwatched - moved
    more = [f"{unwatched_count} {_are(unwatched_count)} no longer watched"] if unwatched_count else []
    more += [f"You're no longer paged for {moved}"] if moved else []
    return "\n".join([head, since, *more, *already])


def _without_earlier_failures(group: Group) -> Group:
    """The group with the latest card of each pipeline. The headline counts pipelines, and each may fail repeatedly."""
    in_order = sorted(group.cards, key=lambda card: card.episode.opened_at)
    latest = {card.pipeline.id: card for card in in_order}
    cards = tuple(card for card in group.cards if latest[card.pipeline.id] is card)
    repeated = len(group.cards) - len(cards)
    return replace(group, cards=cards, burst=replace(group.burst, total=max(0, group.burst.total - repeated)))


def _failed(group: Group, *, already_failed: bool) -> str:
    """The headline while every card is open. A group of several messages says how many pipelines there are in all.

    `already_failed`: the first reading of at least one pipeline already showed the failure. So nobody knows whether
    they failed at once.
    """
    number, failed = len(group.cards), "have failed*" if already_failed else "failed* at once"
    if group.burst.total <= number:
        one = ":red_circle: *1 pipeline has failed*"  # it alone fails again and again
        return one if number == 1 else f":red_circle: *{number} pipelines {failed}"
    if group.burst.first:
        return f":red_circle: *{group.burst.total} pipelines {failed}, {number} of them in this message"
    pipelines = "1 more pipeline" if number == 1 else f"{number} more pipelines"
    return f":red_circle: *{pipelines} failed*, {group.burst.total} in all"


def _in_part(group: Group, open_count: int) -> str:
    in_all = f", {group.burst.total} failed in all" if group.burst.total > len(group.cards) else ""
    have = "has" if open_count == 1 else "have"
    return f":red_circle: *{open_count} of {len(group.cards)} pipelines* {have} not recovered yet{in_all}"


def _closed_headline(group: Group) -> str:
    """The headline of a group without open cards. Unwatched pipelines may still be failing."""
    total, unwatched = len(group.cards), _count(group, EpisodeOutcome.UNWATCHED)
    if all(card.continues_in for card in group.cards):
        updates = phrases.where_updates_continue(channel for card in group.cards for channel in card.continues_in)
        pipelines = "this pipeline" if total == 1 else f"these {total} pipelines"
        return f":no_bell: *You're no longer paged* for {pipelines}.{updates}"
    if unwatched == total:
        receiver = "You get" if phrases.is_direct(group.channel) else "This channel gets"
        pipelines, them = ("1 pipeline", "it") if total == 1 else (f"{total} pipelines", "them")
        head = f":no_bell: *{pipelines}* that failed {_are(total)} *no longer watched here*"
        return f"{head}. {receiver} no further updates on {them}."
    ended = total - unwatched
    when = span(
        min(card.episode.opened_at for card in group.cards), _ended(group), or_earlier=bool(_already_failed(group))
    )
    if unwatched:
        head = f":no_bell: *{ended} of {total} pipelines* {_are(ended)} no longer failing"
        moved = any(card.continues_in for card in group.cards)
        rest = (
            f"you're no longer paged for {unwatched}" if moved else f"{unwatched} {_are(unwatched)} no longer watched"
        )
        return f"{head}, {rest} · {when}"
    seconds = max(card.episode.downtime_seconds or 0 for card in group.cards)
    longest = phrases.lasted(seconds, first_seen=bool(_already_failed(group)))
    return f":large_green_circle: {phrases.all_recovered(total)}, the last after {longest} · {when}"


def _ended(group: Group) -> datetime:
    return max(card.episode.closed_at or card.episode.opened_at for card in group.cards)


def _count(group: Group, outcome: EpisodeOutcome) -> int:
    return sum(card.episode.outcome is outcome for card in group.cards)


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _already_failed(group: Group) -> list[str]:
    """Says which failures the first reading already showed: nobody knows when they began."""
    number = sum(card.episode.first_seen for card in group.cards)
    if number == 0:
        return []
    everyone = "It" if number == 1 else "They"
    subject = everyone if number == len(group.cards) else f"{number} of them"
    return [f"{subject} had already failed when I first read {'it' if number == 1 else 'them'}."]


def _row(card: Card, render_context: RenderContext | None) -> str:
    name = f"*{outside(card.pipeline.name, NAME_LIMIT)}*"
    if card.episode.outcome is EpisodeOutcome.RECOVERED:
        gap = card.episode.timeline[-1].gap if card.episode.timeline else None
        unread = f" ({phrases.not_read(gap)})" if gap else ""
        return f":large_green_circle: {name} {recovery_words(card.episode)}{unread}"
    if card.episode.outcome is EpisodeOutcome.UNWATCHED:
        stopped = ": you're no longer paged" if card.continues_in else " is no longer watched"
        return f":no_bell: {name}{stopped}, last seen {phrases.phase_word(card.state.phase)}"
    flapping = f", is *flapping*: {counted_times(card.episode)}" if card.episode.flapping else ""
    answer = card.episode.acknowledged
    answered = f" · :eyes: {phrases.acknowledged_by(answer, card.channel)}" if answer else ""
    link = (
        f" · <{render_context.address(card.pipeline.id)}|{ROW_LINK}>"
        if render_context and render_context.knows_pipelines
        else ""
    )
    return f"{phrases.state_symbol(card.state)} {name} {phrases.state_clause(card.state)}{flapping}{answered}{link}"


def render_batch(batch: TimelineBatch, delivery: Delivery, now: datetime) -> RenderedMessage:
    """Several timeline entries in one message, a line each.

    A line names its pipeline in a group's thread, or if the channel sees it too. Many recoveries share one line, and
    the last recoveries of a group become "All … have recovered".
    """
    names_pipelines = batch.of_group or batch.broadcast
    recoveries = [
        entry
        for entry in batch.entries
        if batch.of_group and Event.RECOVERED in entry.entry.events and entry.entry.flap is not FlapStep.ENTERED
    ]
    in_one = len(recoveries) >= ONE_LINE_FROM or (batch.all_recovered > 0 and len(recoveries) > 0)
    shown_alone = [entry for entry in batch.entries if not in_one or entry not in recoveries]
    conversation = ChannelId(delivery.receiver.id)
    words = [
        entry_words(entry.entry, conversation, entry.pipeline if names_pipelines else None) for entry in shown_alone
    ]
    if batch.left_out:
        words.insert(len(words) // 2, f"… {batch.left_out} more changes …")
    if in_one:
        words.append(_recovered(recoveries, batch.all_recovered))
    return message([*sections(words), *footnotes(delivery, now)])


def _recovered(recoveries: list[ThreadEntry], everyone: int) -> str:
    """Many recoveries in one line, with their names."""
    names = ", ".join(f"*{outside(entry.pipeline.name, NAME_LIMIT)}*" for entry in recoveries)
    last = max(recoveries, key=lambda entry: entry.entry.downtime_seconds or 0).entry
    lasted = phrases.lasted(last.downtime_seconds, first_seen=any(entry.entry.at_least for entry in recoveries))
    if everyone:
        few = len(recoveries) if 1 < len(recoveries) < everyone else 0
        last_ones = f"the last {few} after up to" if few else "the last after"
        return f":large_green_circle: {phrases.all_recovered(everyone)}, {last_ones} {lasted}: {names}"
    return f":large_green_circle: {names} {phrases.RECOVERED}, the last after {lasted}"


def render_digest(digest: Digest, delivery: Delivery, now: datetime) -> RenderedMessage:
    """What happened to each pipeline during an outage.

    Rows have no symbol: it would look like the current state, which only the cards show.
    """
    since = min(entry.since for entry in digest.entries)
    until = max(entry.until for entry in digest.entries)
    pipelines = "1 pipeline" if len(digest.entries) == 1 else f"{len(digest.entries)} pipelines"
    head = f"{phrases.LATE_NEWS} *Catching up* on {pipelines}, {from_to(since, until)}"
    explanation = "This is what happened in between. Pipelines that are failed now have their own messages."
    rows = [f"• {_history(entry)}" for entry in sorted(digest.entries, key=lambda entry: entry.pipeline.name.lower())]
    return message([section(f"{head}\n{explanation}"), *sections(rows), *footnotes(delivery, now)])


def digest_row(entry: DigestEntry) -> str:
    """One row, with the symbol of the last phase. An acknowledgement says nothing about the phase."""
    return f"{':eyes:' if entry.last.by else phrases.phase_symbol(entry.last.phase)} {_history(entry)}"


def _history(entry: DigestEntry) -> str:
    name = f"*{outside(entry.pipeline.name, NAME_LIMIT)}*"
    counts = event_counts(entry)
    last = "last change" if entry.last.by else f"last seen {phrases.phase_word(entry.last.phase)}"
    return f"{name} {counts or 'changed'} · {last} at {time_of_day(entry.until)}"


def event_counts(entry: DigestEntry) -> str:
    """`failed 2×, recovered`. Empty without events."""
    events = [event for event in _COUNTED if entry.counts.get(event) and not _goes_without_saying(event, entry)]
    return ", ".join(
        f"{event.value} {entry.counts[event]}×" if entry.counts[event] > 1 else event.value for event in events
    )


def _goes_without_saying(event: Event, entry: DigestEntry) -> bool:
    """A pipeline that recovered is live."""
    return event is Event.LIVE and entry.counts[event] <= entry.counts.get(Event.RECOVERED, 0)


_FIRST = (Event.FAILED, Event.RECOVERED, Event.DEGRADED, Event.DEPLOYING, Event.LIVE, Event.RESTARTED)
_UNCOUNTED = {Event.RUNNING}  # DEPLOYING or LIVE says more
_COUNTED = (*_FIRST, *(event for event in Event if event not in {*_FIRST, *_UNCOUNTED}))
