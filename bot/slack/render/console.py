"""The buttons of a card: at most three in sight, the rest in a menu. Pure.

The value of an option may have 150 characters, so it holds the card and one word.
"""

from enum import StrEnum

from bot.domain.card import Card
from bot.domain.episode import EpisodeOutcome
from bot.domain.watch import API_PIPELINE_ID
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import Block, actions, button, confirmation, overflow, select, value
from bot.slack.render.paging import stop_button


class SnoozeTime(StrEnum):
    """How long a snooze lasts. The values are part of buttons that people may click days later."""

    HALF_HOUR = "30m"
    HOUR = "1h"
    FOUR_HOURS = "4h"
    MORNING = "morning"
    PICK = "pick"


SNOOZE_LABELS = {
    SnoozeTime.HALF_HOUR: "30 min",
    SnoozeTime.HOUR: "1 h",
    SnoozeTime.FOUR_HOURS: "4 h",
    SnoozeTime.MORNING: "until 09:00 (your time)",
    SnoozeTime.PICK: "until another time …",
}


class CardAction(StrEnum):
    """The entries of a card's menu. The values are part of buttons that people may click days later."""

    PROMISE = "promise"
    REFRESH = "refresh"
    MUTE = "mute"
    RESOLVE = "resolve"
    UNWATCH = "unwatch"


MENU_LABELS = {
    CardAction.PROMISE: "I'm looking, back in 20 min",
    CardAction.REFRESH: "Refresh",
    CardAction.MUTE: "Mute …",
    CardAction.RESOLVE: "Resolve: end the paging",
    CardAction.UNWATCH: "Unwatch",
}


def console(card: Card) -> list[Block]:
    """The buttons of one card."""
    episode, data = card.episode, value(pipeline=card.pipeline.id, card=card.key)
    refresh = button(action_ids.REFRESH, "Refresh", data)
    block_id = f"{card.key}-{card.revision}"
    if not episode.answerable:
        watched = _is_watched(card)
        return actions(
            block_id,
            refresh,
            button(action_ids.UNWATCH, "Unwatch", data, confirm=_unwatch_dialog()) if watched else None,
            _menu(card, CardAction.MUTE) if watched and episode.open else None,
        )
    if card.pipeline.id == API_PIPELINE_ID:
        return actions(block_id, _answer_button(card, data), snooze_menu(card.key), _menu(card, CardAction.RESOLVE))
    stop = stop_button(card.channel, card.origins, pipeline=card.pipeline.id)
    entries = [CardAction.PROMISE, CardAction.RESOLVE]
    entries += [CardAction.MUTE, CardAction.UNWATCH] if _is_watched(card) else []
    entries += [CardAction.REFRESH] if stop else []
    return actions(
        block_id,
        _answer_button(card, data),
        snooze_menu(card.key),
        stop or refresh,
        _menu(card, *entries),
    )


def _answer_button(card: Card, data: str) -> Block:
    if card.episode.acknowledged:
        return button(action_ids.TAKE_OVER, "Take over", data)
    return button(action_ids.ACKNOWLEDGE, "Acknowledge", data, style="primary")


def _unwatch_dialog() -> Block:
    return confirmation(
        "Unwatch this pipeline?",
        "This removes the channel's own watch on this pipeline. If a pattern covers it too, updates continue, and I'll "
        "name the pattern. You can undo this for 1 h.",
        "Unwatch",
    )


def snooze_menu(card_key: str) -> Block | None:
    options = [(label, value(card=card_key, do=snooze.value)) for snooze, label in SNOOZE_LABELS.items()]
    return select(action_ids.SNOOZE, "Snooze", options)


def _menu(card: Card, *entries: CardAction) -> Block | None:
    options = [(MENU_LABELS[entry], value(card=card.key, do=entry.value)) for entry in entries]
    return overflow(action_ids.CARD_MENU, options)


def _is_watched(card: Card) -> bool:
    """True if this conversation has watches of its own."""
    return not phrases.is_direct(card.channel) and card.episode.outcome is not EpisodeOutcome.UNWATCHED
