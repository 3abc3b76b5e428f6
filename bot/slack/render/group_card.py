"""Renders the message of a group: many failures, the most important ones first. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import MappingProxyType

from bot.domain.card import Card, Group
from bot.domain.causes import UNKNOWN
from bot.domain.delivery import Delivery
from bot.domain.episode import Episode, EpisodeOutcome
from bot.domain.phase import Phase
from bot.domain.shared_cause import SharedCause
from bot.slack.mrkdwn import outside
from bot.slack.render import phrases
from bot.slack.render.action_words import member_answer
from bot.slack.render.blocks import (
    ROW_LINK,
    Block,
    RenderedMessage,
    context,
    message,
    section,
)
from bot.slack.render.call_words import group_page_lines
from bot.slack.render.cards import footnotes
from bot.slack.render.console import group_console
from bot.slack.render.credit_words import limit_line
from bot.slack.render.diagnosis import short_cause
from bot.slack.render.flap_words import counted_times, how_often
from bot.slack.render.group_headline import LaterFailures, ending_symbol, endings, group_headline, is_unwatched
from bot.slack.render.headlines import recovery_words
from bot.slack.render.note_words import guidance_lines
from bot.slack.render.paging import COPY, origins_context
from bot.slack.render.render_context import RenderContext
from bot.slack.render.shared_words import cause_shared_by, cause_when_over, first_steps, shared_error, with_shared_cause
from bot.slack.render.silence_words import silence_symbol, silence_words

NAME_LIMIT = 40
MOST_ROWS = 8  # with the headline and the buttons, they fill the screen of a phone
NAMES_SHOWN = 12  # of the pipelines without a row
RECOVERED_SHOWN = 10
GUIDANCE_SHOWN = 3


def render_group(
    group: Group,
    delivery: Delivery,
    now: datetime,
    render_context: RenderContext,
    failed_again: LaterFailures = MappingProxyType({}),
) -> RenderedMessage:
    """One message for many failures: what they share, who is paged, then the pipelines."""
    group = _without_earlier_failures(group)
    open_cards = [card for card in group.cards if card.episode.open]
    unanswered = [card for card in open_cards if card.episode.unanswered]
    causes = with_shared_cause(group.cards)
    blocks: list[Block] = [section(group_headline(group, open_cards, failed_again))]
    blocks += [] if open_cards else context(cause_when_over(group.cards))
    blocks += shared_error(causes)
    if limit := limit_line(open_cards, render_context.command):
        blocks.append(section(limit))
    loud = [card for card in unanswered if not card.silence]  # a silence puts off the next call
    mentions = phrases.mentions(target for card in loud for target in card.targets)
    if mentions:
        blocks.append(section(f":rotating_light: {mentions} please take a look and acknowledge."))
    if open_cards and all(card.is_copy for card in open_cards):
        blocks += context(COPY)
    blocks += origins_context((origin for card in unanswered for origin in card.origins), group.channel)
    blocks += context(*group_page_lines([card.episode for card in loud], group.channel))
    if open_cards and (todo := _todo(open_cards, first_steps(causes))):
        blocks.append(section("\n".join(todo)))
    elif not open_cards:
        blocks += context("\n".join(_todo([card for card in group.cards if not is_unwatched(card)], [])))
    blocks += [section("\n".join(lines)) for lines in _listed(group, render_context, failed_again) if lines]
    blocks += context(phrases.stands_in_for(channel for card in group.cards for channel in card.stands_in_for))
    if not render_context.knows_pipelines:
        blocks += context(render_context.link(""))
    blocks += footnotes(delivery, now)
    return message([*blocks, *group_console(group)])


def _without_earlier_failures(group: Group) -> Group:
    """The group with the latest card of each pipeline: each may fail repeatedly."""
    in_order = sorted(group.cards, key=lambda card: card.episode.opened_at)
    latest = {card.pipeline.id: card for card in in_order}
    return replace(group, cards=tuple(card for card in group.cards if latest[card.pipeline.id] is card))


# --- what to do -----------------------------------------------------------------------------------------------------


def _todo(cards: Sequence[Card], steps: Sequence[str]) -> list[str]:
    """The few runbooks and notes that most pipelines share, then the first steps.

    A line names its pipelines, unless it applies to all. `steps`: the first steps against the causes.
    """
    names: dict[str, list[str]] = {}
    for card in cards:
        for line in guidance_lines(card.guidance):
            names.setdefault(line, []).append(card.pipeline.name)
    shared = sorted(names.items(), key=lambda item: -len(item[1]))[:GUIDANCE_SHOWN]
    lines = [
        line if len(pipelines) == len(cards) else f"{line} · {_named_scope(pipelines, len(cards))}"
        for line, pipelines in shared
    ]
    return [*lines, *steps]


def _named_scope(names: list[str], total: int) -> str:
    return f"for *{outside(names[0])}*" if len(names) == 1 else f"for {len(names):,} of {total:,} pipelines"


# --- the pipelines ---------------------------------------------------------------------------------------------------


def by_importance(cards: Iterable[Card]) -> list[Card]:
    """Failures that nobody has acknowledged come first, then the others, then those that are over. Each by name."""
    return sorted(cards, key=lambda card: (_rank(card), card.pipeline.name.lower()))


def _rank(card: Card) -> int:
    if card.episode.open:
        return 0 if card.episode.unanswered else 1
    return 2 if is_unwatched(card) else 3


def _listed(group: Group, render_context: RenderContext, failed_again: LaterFailures) -> list[list[str]]:
    """Sections of lines. A large group has rows for some pipelines, and names the others."""
    cards = by_importance(group.cards)
    shared = cause_shared_by(with_shared_cause(cards))
    row = partial(member_row, render_context=render_context, shared=shared)
    if len(cards) <= MOST_ROWS:
        return [[row(card, failed_again=failed_again.get(card.pipeline.id)) for card in cards]]
    open_cards = [card for card in cards if card.episode.open]
    unwatched = [card for card in cards if is_unwatched(card)]
    rows = [row(card) for card in open_cards[:MOST_ROWS]]
    rest = open_cards[MOST_ROWS:]
    more = [f"and {len(rest):,} more: {_names(rest, NAMES_SHOWN)}"] if rest else []
    ended = [
        f"{ending_symbol(over)} {len(over):,} {words}: {_names(over, RECOVERED_SHOWN)}"
        for words, over in endings(cards)
    ]
    if again := [card for card in cards if card.pipeline.id in failed_again]:
        ended.append(f"{phrases.LATE_NEWS} {len(again):,} failed again: {_names(again, RECOVERED_SHOWN)}")
    if unwatched:
        ended.append(f":no_bell: {len(unwatched):,} no longer watched: {_names(unwatched, RECOVERED_SHOWN)}")
    return [rows, more, ended]


def _names(cards: Sequence[Card], most: int) -> str:
    named = ", ".join(outside(card.pipeline.name, NAME_LIMIT) for card in cards[:most])
    return f"{named} … and {len(cards) - most:,} more" if len(cards) > most else named


def member_row(
    card: Card,
    render_context: RenderContext,
    failed_again: datetime | None = None,
    *,
    shared: SharedCause | None = None,
) -> str:
    """One pipeline of a group, with its state.

    `failed_again`: as in `render_card`. `shared`: the cause in the group's headline.
    """
    name = f"*{outside(card.pipeline.name, NAME_LIMIT)}*"
    if card.episode.outcome is EpisodeOutcome.RECOVERED:
        gap = card.episode.timeline[-1].gap if card.episode.timeline else None
        unread = f" ({phrases.not_read(gap)})" if gap else ""
        sign = phrases.LATE_NEWS if failed_again else phrases.phase_symbol(Phase.RUNNING)
        again = phrases.but_failed(failed_again) if failed_again else ""
        return f"{sign} {name} {recovery_words(card.episode)}{unread}{again}{how_often(card.episode)}"
    if is_unwatched(card):
        stopped = ": you're no longer paged" if card.continues_in else " is no longer watched"
        return f":no_bell: {name}{stopped}, last seen {phrases.phase_word(card.state.phase)}"
    flapping = f", is *flapping*: {counted_times(card.episode)}" if card.episode.flapping else ""
    answered = f" · {who}" if (who := member_answer(card.episode, card.channel)) else ""
    silence = card.silence if card.episode.open else None
    silenced = f" · {silence_symbol(silence)} {silence_words(silence)}" if silence else ""
    address = render_context.address(card.pipeline.id) if render_context.knows_pipelines else ""
    link = f" · <{address}|{ROW_LINK}>" if address else ""
    state = f"{phrases.state_symbol(card.state)} {name} {phrases.state_clause(card.state)}"
    words = _cause_besides(shared, card.episode) if card.episode.open else ""
    cause = f" · {words}" if words else ""
    return f"{state}{flapping}{cause}{answered}{silenced}{link}"


def _cause_besides(shared: SharedCause | None, episode: Episode) -> str:
    """The cause of a row. Empty if the group's headline has it already."""
    words = short_cause(episode)
    if shared is None or shared.cause is UNKNOWN:
        return words
    return "" if words == shared.cause.words else words or "cause unknown"
