"""Renders the message of a group: many failures, the most important ones first. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.card import Card, Group
from bot.domain.delivery import Delivery
from bot.domain.episode import EpisodeOutcome
from bot.domain.transition import Reach
from bot.slack.mrkdwn import outside, span
from bot.slack.render import action_ids, phrases
from bot.slack.render.action_words import member_answer
from bot.slack.render.blocks import (
    ROW_LINK,
    Block,
    RenderedMessage,
    actions,
    button,
    context,
    message,
    section,
    value,
)
from bot.slack.render.cards import footnotes
from bot.slack.render.flap_words import counted_times
from bot.slack.render.headlines import recovery_words
from bot.slack.render.note_words import guidance_lines
from bot.slack.render.paging import origins_context, stop_button
from bot.slack.render.render_context import RenderContext

NAME_LIMIT = 40
MOST_ROWS = 8  # with the headline and the buttons, they fill the screen of a phone
NAMES_SHOWN = 12  # of the pipelines without a row
RECOVERED_SHOWN = 10
GUIDANCE_SHOWN = 3
SHARED_FROM = 0.8  # of the pipelines; fewer may share it by chance


def render_group(group: Group, delivery: Delivery, now: datetime, render_context: RenderContext) -> RenderedMessage:
    """One message for many failures: what they share, who is paged, then the pipelines."""
    group = _without_earlier_failures(group)
    open_cards = [card for card in group.cards if card.episode.open]
    unanswered = [card for card in open_cards if card.episode.unanswered]
    blocks: list[Block] = [section(_headline(group, open_cards))]
    mentions = phrases.mentions(target for card in unanswered for target in card.targets)
    if mentions:
        blocks.append(section(f":rotating_light: {mentions} please take a look and acknowledge."))
    blocks += origins_context((origin for card in unanswered for origin in card.origins), group.channel)
    if todo := _todo(open_cards):
        blocks.append(section("\n".join(todo)))
    blocks += [section("\n".join(lines)) for lines in _listed(group, render_context) if lines]
    blocks += context(phrases.stands_in_for(channel for card in group.cards for channel in card.stands_in_for))
    if not render_context.knows_pipelines:
        blocks += context(render_context.link(""))
    blocks += footnotes(delivery, now)
    return message([*blocks, *_buttons(group, unanswered)])


def _buttons(group: Group, unanswered: Sequence[Card]) -> list[Block]:
    everyone = button(action_ids.ACKNOWLEDGE_ALL, "Acknowledge all", value(group=group.key), style="primary")
    members = button(action_ids.SHOW_MEMBERS, f"Show all {len(group.cards)}", value(group=group.key))
    stop = stop_button(group.channel, [origin for card in unanswered for origin in card.origins], group=group.key)
    return actions(f"{group.key}-{group.revision}", everyone if unanswered else None, members, stop)


# --- what they share -------------------------------------------------------------------------------------------------


def in_common(cards: Sequence[Card]) -> str:
    """What most of the failures share: a hint, and no proof. Empty if there is nothing."""
    if len(cards) < 2:
        return ""
    facts = [_shared(cards, lambda card: card.pipeline.destination, lambda _: "write to one destination")]
    facts.append(
        _shared(cards, lambda card: card.pipeline.project, lambda name: f"are in project *{outside(name, 60)}*")
    )
    if all(card.state.reach is not Reach.REACHABLE for card in cards):
        facts.append("I can't read any of them now: the GoldRush API may be down")
    named = [fact for fact in facts if fact]
    return f"*In common:* {', '.join(named)}" if named else ""


def _shared(cards: Sequence[Card], of: Callable[[Card], str], words: Callable[[str], str]) -> str:
    ((most, number),) = Counter(map(of, cards)).most_common(1)
    if not most or number < SHARED_FROM * len(cards) or number < 2:
        return ""
    who = "all" if number == len(cards) else f"{number} of {len(cards)}"
    return f"{who} {words(most)}"


def _todo(cards: Sequence[Card]) -> list[str]:
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


# --- headline --------------------------------------------------------------------------------------------------------


def _headline(group: Group, open_cards: Sequence[Card]) -> str:
    already = _already_failed(group)
    if not open_cards:
        return "\n".join([_closed_headline(group), *already])
    total = len(group.cards)
    since = f"Since {phrases.moment(min(card.episode.opened_at for card in group.cards), first_seen=bool(already))}"
    counts = [since, *_counts(group, open_cards)]
    lines = [_failed(total, len(open_cards)), in_common(open_cards), " · ".join(counts), *already]
    return "\n".join(line for line in lines if line)


def _failed(total: int, still: int) -> str:
    if still == total:
        return f":red_circle: *{_pipelines(total)} failed*" if total > 1 else ":red_circle: *1 pipeline failed*"
    return f":red_circle: *{still} of {_pipelines(total)}* {_are(still)} still failing"


def _counts(group: Group, open_cards: Sequence[Card]) -> list[str]:
    over = [card for card in group.cards if _is_over(card)]
    ended = sum(card.episode.resolved is not None for card in open_cards)
    acknowledged = sum(card.episode.acknowledged is not None and not card.episode.resolved for card in open_cards)
    moved = sum(bool(card.continues_in) for card in group.cards)
    unwatched = _count(group, EpisodeOutcome.UNWATCHED) - moved
    counts = [
        f"{acknowledged} acknowledged" if acknowledged else "",
        f"paging ended for {ended}" if ended else "",
        f"{len(over)} {_over_words(over)}" if over else "",
        f"{unwatched} no longer watched" if unwatched else "",
        f"you're no longer paged for {moved}" if moved else "",
    ]
    return [count for count in counts if count]


def _is_over(card: Card) -> bool:
    return not card.episode.open and card.episode.outcome is not EpisodeOutcome.UNWATCHED


def _over_words(cards: Sequence[Card]) -> str:
    return (
        "recovered" if all(card.episode.outcome is EpisodeOutcome.RECOVERED for card in cards) else "no longer failing"
    )


def _without_earlier_failures(group: Group) -> Group:
    """The group with the latest card of each pipeline: each may fail repeatedly."""
    in_order = sorted(group.cards, key=lambda card: card.episode.opened_at)
    latest = {card.pipeline.id: card for card in in_order}
    return replace(group, cards=tuple(card for card in group.cards if latest[card.pipeline.id] is card))


def _closed_headline(group: Group) -> str:
    """The headline of a group without open cards. Unwatched pipelines may still be failing."""
    total, unwatched = len(group.cards), _count(group, EpisodeOutcome.UNWATCHED)
    if all(card.continues_in for card in group.cards):
        updates = phrases.where_updates_continue(channel for card in group.cards for channel in card.continues_in)
        pipelines = "this pipeline" if total == 1 else f"these {total} pipelines"
        return f":no_bell: *You're no longer paged* for {pipelines}.{updates}"
    if unwatched == total:
        receiver = "You get" if phrases.is_direct(group.channel) else "This channel gets"
        them = "it" if total == 1 else "them"
        head = f":no_bell: *{_pipelines(total)}* that failed {_are(total)} *no longer watched here*"
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


def _pipelines(number: int) -> str:
    return "1 pipeline" if number == 1 else f"{number} pipelines"


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


# --- the pipelines ---------------------------------------------------------------------------------------------------


def by_importance(cards: Iterable[Card]) -> list[Card]:
    """Failures that nobody has acknowledged come first, then the others, then those that are over. Each by name."""
    return sorted(cards, key=lambda card: (_rank(card), card.pipeline.name.lower()))


def _rank(card: Card) -> int:
    if card.episode.open:
        return 0 if card.episode.unanswered else 1
    return 2 if card.episode.outcome is EpisodeOutcome.UNWATCHED else 3


def _listed(group: Group, render_context: RenderContext) -> list[list[str]]:
    """Sections of lines. A large group has rows for some pipelines, and names the others."""
    cards = by_importance(group.cards)
    if len(cards) <= MOST_ROWS:
        return [[member_row(card, render_context) for card in cards]]
    open_cards = [card for card in cards if card.episode.open]
    over = [card for card in cards if _is_over(card)]
    unwatched = [card for card in cards if card.episode.outcome is EpisodeOutcome.UNWATCHED]
    rows = [member_row(card, render_context) for card in open_cards[:MOST_ROWS]]
    rest = open_cards[MOST_ROWS:]
    more = [f"and {len(rest)} more: {_names(rest, NAMES_SHOWN)}"] if rest else []
    words = f":large_green_circle: {len(over)} {_over_words(over)}: {_names(over, RECOVERED_SHOWN)}"
    ended = [words] if over else []
    if unwatched:
        ended.append(f":no_bell: {len(unwatched)} no longer watched: {_names(unwatched, RECOVERED_SHOWN)}")
    return [rows, more, ended]


def _names(cards: Sequence[Card], most: int) -> str:
    named = ", ".join(outside(card.pipeline.name, NAME_LIMIT) for card in cards[:most])
    return f"{named} … and {len(cards) - most} more" if len(cards) > most else named


def member_row(card: Card, render_context: RenderContext) -> str:
    """One pipeline of a group, with its state."""
    name = f"*{outside(card.pipeline.name, NAME_LIMIT)}*"
    if card.episode.outcome is EpisodeOutcome.RECOVERED:
        gap = card.episode.timeline[-1].gap if card.episode.timeline else None
        unread = f" ({phrases.not_read(gap)})" if gap else ""
        return f":large_green_circle: {name} {recovery_words(card.episode)}{unread}"
    if card.episode.outcome is EpisodeOutcome.UNWATCHED:
        stopped = ": you're no longer paged" if card.continues_in else " is no longer watched"
        return f":no_bell: {name}{stopped}, last seen {phrases.phase_word(card.state.phase)}"
    flapping = f", is *flapping*: {counted_times(card.episode)}" if card.episode.flapping else ""
    answered = f" · {who}" if (who := member_answer(card.episode, card.channel)) else ""
    address = render_context.address(card.pipeline.id) if render_context.knows_pipelines else ""
    link = f" · <{address}|{ROW_LINK}>" if address else ""
    return f"{phrases.state_symbol(card.state)} {name} {phrases.state_clause(card.state)}{flapping}{answered}{link}"
