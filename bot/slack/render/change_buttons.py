"""The buttons below a change of watches: *Undo*, and a confirmation. Pure."""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

from bot.domain.setup import SetupRow
from bot.domain.subscription import UNDO_FOR
from bot.domain.watch import ChannelId
from bot.slack.mrkdwn import date, duration, plain_cut
from bot.slack.render import action_ids, phrases
from bot.slack.render.blocks import Block, actions, button, context, value

WATCHES_SHOWN = 40
UNCHANGED = "Nothing was changed."


def undo_blocks(undo: str) -> list[Block]:
    """The button that reverts a change, and until when it works. Comes last in a message."""
    if not undo:
        return []
    until = f"Undo works for {duration(UNDO_FOR.total_seconds())}, unless someone changes this again."
    undoing = button(action_ids.UNDO, "Undo", value(undo=undo))
    return [*actions(f"undo-{undo[:12]}", undoing), *context(until)]


def answer_undo_blocks(undo: str, channel: ChannelId) -> list[Block]:
    """The button in an answer. In a channel, the announcement has the only one, so that none stays after its use."""
    return undo_blocks(undo) if phrases.is_direct(channel) else []


def without_buttons(shown: Sequence[Block]) -> list[Block]:
    """The blocks of a message, without its buttons and the lines below them."""
    return list(takewhile(lambda block: block.get("type") != "actions", shown))


def save_blocks(command: str, at: datetime, *, exists: bool) -> list[Block]:
    """*Save* runs `command`; *Cancel* changes nothing. A text too long for a button has to be shorter.

    `exists`: the question is about a change, so *Save* asks again if somebody removed the same first.
    """
    packed = value(asked=command, at=at.isoformat(), **({"existed": True} if exists else {}))
    if not packed:
        return context(f"That's too long to save. {UNCHANGED} Name fewer people, or a user group.")
    return [
        *actions(
            "save",
            button(action_ids.CONFIRM, "Save", packed, style="primary"),
            button(action_ids.CANCEL, "Cancel", value(at=at.isoformat())),
        ),
        *context("Nothing is saved yet."),
    ]


def overtaken_line(saved: SetupRow | None) -> str:
    """Somebody changed the same after the person saw the effect of their own change. None: they removed it."""
    if saved is None:
        return ":warning: Somebody removed it after you began to change it. *Save* creates it again."
    by, at = phrases.person(saved.made_by_name), date(saved.made_at)
    return f":warning: {by} changed it at {at}, after I asked you. *Save* replaces that."


def confirm_blocks(words: str, command: str, at: datetime) -> list[Block]:
    """A button that runs `command`. `at` distinguishes two questions with the same words."""
    packed = value(asked=command, at=at.isoformat())
    return actions("confirm", button(action_ids.CONFIRM, plain_cut(words, 75), packed)) if packed else []
