"""The buttons of a card or group: at most three in sight, the rest in a menu. Pure.

The value of an option may have 150 characters, so it holds the card and one word.
"""

from collections.abc import Sequence
from enum import StrEnum

from bot.domain.card import Card, Group
from bot.domain.episode import EpisodeKind, EpisodeOutcome
from bot.domain.postmortem import is_due, is_group_due
from bot.domain.watch import API_PIPELINE_ID
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import Block, actions, button, confirmation, overflow, select, value
from bot.slack.render.diagnosis_batch import has_lines
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
    LOGS = "logs"
    MUTE = "mute"
    RESOLVE = "resolve"
    UNWATCH = "unwatch"


MENU_LABELS = {
    CardAction.PROMISE: "I'm looking, back in 20 min",
    CardAction.REFRESH: "Refresh",
    CardAction.LOGS: "Logs",
    CardAction.MUTE: "Mute …",
    CardAction.RESOLVE: "Resolve: end the paging",
    CardAction.UNWATCH: "Unwatch",
}


class MemberAction(StrEnum):
    """The entries of the menu of a group's member. The values are part of buttons that people may click days later."""

    ACKNOWLEDGE = "acknowledge"
    TAKE_OVER = "take_over"
    SNOOZE = "snooze"
    MUTE = "mute"
    RESOLVE = "resolve"
    UNWATCH = "unwatch"
    POSTMORTEM = "postmortem"


MEMBER_LABELS = {
    MemberAction.ACKNOWLEDGE: "Acknowledge",
    MemberAction.TAKE_OVER: "Take over",
    MemberAction.SNOOZE: "Snooze …",
    MemberAction.MUTE: "Mute …",
    MemberAction.RESOLVE: "Resolve: end the paging",
    MemberAction.UNWATCH: "Unwatch",
    MemberAction.POSTMORTEM: "Draft postmortem",
}


def member_menu(card: Card) -> Block | None:
    """What a person can do about one member of a group. At most five entries: Slack takes no more."""
    if card.is_copy:
        return None
    entries: list[MemberAction] = []
    if card.episode.answerable:
        answer = MemberAction.ACKNOWLEDGE if card.episode.unanswered else MemberAction.TAKE_OVER
        entries += [answer, MemberAction.SNOOZE, MemberAction.RESOLVE]
    if _is_watched(card):
        entries += [MemberAction.MUTE] if card.episode.open else []
        entries += [MemberAction.UNWATCH]
    entries += [MemberAction.POSTMORTEM] if is_due(card) else []
    options = [(MEMBER_LABELS[entry], value(card=card.key, do=entry.value)) for entry in entries]
    return overflow(action_ids.MEMBER_ACTION, options)


class GroupAction(StrEnum):
    """The entries of a group's menu. The values are part of buttons that people may click days later."""

    PROMISE = "promise"
    RESOLVE = "resolve"
    MEMBERS = "members"
    LOGS = "logs"


def group_console(group: Group) -> list[Block]:
    """The buttons of a group's message. They act on all members that nobody else has."""
    data = value(group=group.key)
    answerable = [card for card in group.cards if card.episode.answerable]
    unanswered = [card for card in answerable if card.episode.unanswered]
    everyone = button(action_ids.ACKNOWLEDGE_ALL, "Acknowledge all", data, style="primary") if unanswered else None
    members = button(action_ids.SHOW_MEMBERS, _show_all(group), data)
    with_logs = any(_has_logs(card) or has_lines(card) for card in group.cards)
    logs = button(action_ids.GROUP_LOGS, "Logs", data) if with_logs else None
    block_id = f"{group.key}-{group.revision}"
    if all(card.is_copy for card in group.cards):
        return actions(block_id, members, logs)
    if not answerable:
        draft = button(action_ids.GROUP_POSTMORTEM, "Draft postmortem", data) if is_group_due(group.cards) else None
        return actions(block_id, members, logs, draft)
    stop = stop_button(group.channel, [origin for card in unanswered for origin in card.origins], group=group.key)
    entries = {
        GroupAction.PROMISE: MENU_LABELS[CardAction.PROMISE],
        GroupAction.RESOLVE: "Resolve all: end the paging",
    }
    if logs:
        entries[GroupAction.LOGS] = MENU_LABELS[CardAction.LOGS]
    if stop:
        entries[GroupAction.MEMBERS] = _show_all(group)
    options = [(label, value(group=group.key, do=entry.value)) for entry, label in entries.items()]
    return actions(
        block_id,
        everyone,
        group_snooze_menu(group.key),
        stop or members,
        overflow(action_ids.GROUP_MENU, options),
    )


def member_logs(cards: Sequence[Card]) -> Block | None:
    """Chooses one of these members to see its log. A member's own menu has no room left."""
    failing = [card for card in cards if _has_logs(card)]
    return select(action_ids.MEMBER_LOGS, "Logs of …", [(card.pipeline.name, value(card=card.key)) for card in failing])


def _has_logs(card: Card) -> bool:
    is_failure = card.episode.open and card.episode.kind is EpisodeKind.FAILURE
    return is_failure and card.pipeline.id != API_PIPELINE_ID


def _show_all(group: Group) -> str:
    return f"Show all {len(group.cards):,}"


def group_snooze_menu(group_key: str) -> Block | None:
    return _snooze_select(action_ids.SNOOZE_ALL, "Snooze all", group=group_key)


def console(card: Card) -> list[Block]:
    """The buttons of one card."""
    episode, data = card.episode, value(pipeline=card.pipeline.id, card=card.key)
    refresh = button(action_ids.REFRESH, "Refresh", data)
    logs = button(action_ids.LOGS, "Logs", data) if _has_logs(card) else None
    block_id = f"{card.key}-{card.revision}"
    if card.is_copy:
        return actions(block_id, logs, refresh)
    if not episode.answerable:
        watched = _is_watched(card)
        return actions(
            block_id,
            logs,
            refresh,
            button(action_ids.POSTMORTEM, "Draft postmortem", data) if is_due(card) else None,
            button(action_ids.UNWATCH, "Unwatch", data, confirm=_unwatch_dialog()) if watched else None,
            _menu(card, CardAction.MUTE) if watched and episode.open else None,
        )
    if card.pipeline.id == API_PIPELINE_ID:
        return actions(block_id, _answer_button(card, data), snooze_menu(card.key), _menu(card, CardAction.RESOLVE))
    stop = stop_button(card.channel, card.origins, pipeline=card.pipeline.id)
    third = stop or logs or refresh
    entries = [CardAction.PROMISE, CardAction.RESOLVE]
    entries += [CardAction.MUTE, CardAction.UNWATCH] if _is_watched(card) else []
    entries += [CardAction.LOGS] if logs and third is not logs else []
    entries += [CardAction.REFRESH] if third is not refresh else []
    return actions(block_id, _answer_button(card, data), snooze_menu(card.key), third, _menu(card, *entries))


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
    return _snooze_select(action_ids.SNOOZE, "Snooze", card=card_key)


def _snooze_select(action_id: str, placeholder: str, **shown: str) -> Block | None:
    options = [(label, value(**shown, do=snooze.value)) for snooze, label in SNOOZE_LABELS.items()]
    return select(action_id, placeholder, options)


def _menu(card: Card, *entries: CardAction) -> Block | None:
    options = [(MENU_LABELS[entry], value(card=card.key, do=entry.value)) for entry in entries]
    return overflow(action_ids.CARD_MENU, options)


def _is_watched(card: Card) -> bool:
    """True if this conversation has watches of its own."""
    return not phrases.is_direct(card.channel) and card.episode.outcome is not EpisodeOutcome.UNWATCHED
