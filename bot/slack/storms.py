"""Many failures told in one message, and what becomes of them. Pure."""

from datetime import datetime

from bot.domain.card import Card, Storm, StormLines
from bot.domain.delivery import Delivery
from bot.domain.episode import Outcome
from bot.slack import action_ids, phrases
from bot.slack.cards import POSSIBLE_REPEAT, lateness, line_words
from bot.slack.message import Block, Message, actions, button, context, message, section, sections, value
from bot.slack.text import date, duration, outside

NAME_LIMIT = 40  # thirty lines must fit into what a notification tells


def render_storm(storm: Storm, delivery: Delivery, now: datetime) -> Message:
    still = [card for card in storm.cards if card.episode.open]
    unanswered = [card for card in still if not card.episode.acknowledged]
    blocks: list[Block] = [section(_headline(storm, still))]
    who = phrases.calling(target for card in unanswered for target in card.targets)
    if who:
        blocks.append(section(f":rotating_light: {who} please look at them, and acknowledge."))
    blocks += sections(_row(card) for card in storm.cards)
    blocks += context(lateness(delivery, now))
    if delivery.possible_repeat:
        blocks += context(POSSIBLE_REPEAT)
    if unanswered:
        answer = button(action_ids.ACKNOWLEDGE_ALL, "Acknowledge all", value(storm=storm.key), style="primary")
        blocks += actions(f"{storm.key}-{storm.revision}", answer)
    return message(blocks)


def _headline(storm: Storm, still: list[Card]) -> str:
    total = len(storm.cards)
    since = f"since {date(min(card.episode.opened_at for card in storm.cards))}"
    if len(still) == total:
        return f":red_circle: *{total} pipelines FAILED* at once\n{since}"
    if still:
        return f":red_circle: *{len(still)} of {total} pipelines* still not well after failing at once\n{since}"
    longest = max(card.episode.downtime_seconds or 0 for card in storm.cards)
    return f":large_green_circle: *All {total} pipelines* that failed at once are over it, after {duration(longest)}"


def _row(card: Card) -> str:
    name = f"*{outside(card.pipeline.name, NAME_LIMIT)}*"
    if card.episode.outcome is Outcome.RECOVERED:
        return f":large_green_circle: {name} recovered after {duration(card.episode.downtime_seconds or 0)}"
    answered = f" · :eyes: <@{card.episode.acknowledged.by}>" if card.episode.acknowledged else ""
    return f"{phrases.standing_symbol(card.standing)} {name} {phrases.state_words(card.standing)}{answered}"


def render_storm_lines(told: StormLines, delivery: Delivery, now: datetime) -> Message:
    blocks = sections(line_words(each.line, each.pipeline) for each in told.lines)
    blocks += context(lateness(delivery, now))
    if delivery.possible_repeat:
        blocks += context(POSSIBLE_REPEAT)
    return message(blocks)
