"""The buttons that open the forms for policies and schedules. Pure."""

from collections.abc import Sequence

from bot.slack.mrkdwn import outside
from bot.slack.render import action_ids
from bot.slack.render.blocks import Block, actions, button, select, value
from bot.slack.render.change_buttons import UNCHANGED


def policy_form_buttons(names: Sequence[str]) -> list[Block]:
    """*New policy*, and a menu of those to edit."""
    return actions("policies", *_buttons(action_ids.OPEN_POLICY_FORM, action_ids.EDIT_POLICY, "policy", names))


def schedule_form_buttons(names: Sequence[str]) -> list[Block]:
    """*New schedule*, and a menu of those to edit."""
    return actions("schedules", *_buttons(action_ids.OPEN_SCHEDULE_FORM, action_ids.EDIT_SCHEDULE, "schedule", names))


def _buttons(new: str, edit: str, noun: str, names: Sequence[str]) -> tuple[Block | None, ...]:
    options = [(name, value(name=name)) for name in names]
    return button(new, f"New {noun}", ""), select(edit, f"Edit a {noun}", options)


def name_taken(noun: str, name: str) -> str:
    """The error in a form whose name another policy or schedule has. It must not turn into a change of that one."""
    reason = f"There is a {noun} called {outside(name)} already."
    return f"{reason} Choose another name, or change it with Edit a {noun}. {UNCHANGED}"
