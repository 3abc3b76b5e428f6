"""The buttons below a change of watches: *Undo*, and a confirmation. Pure."""

from datetime import datetime

from bot.domain.subscription import UNDO_FOR
from bot.slack.render import action_ids
from bot.slack.render.blocks import Block, actions, button, context, value
from bot.slack.render.mrkdwn import duration, plain_cut

WATCHES_SHOWN = 40
UNCHANGED = "Nothing was changed."


def undo_blocks(undo: str) -> list[Block]:
    """The button that reverts a change, and until when it works."""
    if not undo:
        return []
    until = f"Undo works for {duration(UNDO_FOR.total_seconds())}, unless someone changes this again."
    undoing = button(action_ids.UNDO, "Undo", value(undo=undo))
    return [*actions(f"undo-{undo[:12]}", undoing), *context(until)]


def confirm_blocks(words: str, command: str, at: datetime) -> list[Block]:
    """A button that runs `command`. `at` distinguishes two questions with the same words."""
    packed = value(asked=command, at=at.isoformat())
    return actions("confirm", button(action_ids.CONFIRM, plain_cut(words, 75), packed)) if packed else []
