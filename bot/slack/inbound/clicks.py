"""Decodes clicks on buttons from Slack's payload. Pure.

Source: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

import json
from collections.abc import Mapping

from bot.slack.inbound.payloads import encodable
from bot.slack.render import action_ids


def read_click(body: Mapping[str, object]) -> tuple[str, dict[str, str]]:
    """The identity of a click, and the payload to store.

    A click that Slack delivers twice has the same identity both times, so the bot acts on it once. `direct`: the answer
    goes to the person's direct conversation, because a view has no `response_url`.
    """
    action, user, container = _first(body.get("actions")), _object(body.get("user")), _object(body.get("container"))
    in_view = container.get("type") == "view"
    channel = _object(body.get("channel")).get("id") or container.get("channel_id")
    if in_view:  # a view belongs to no channel; its metadata holds the person's direct conversation with the bot
        channel = _object(body.get("view")).get("private_metadata")
    payload = {
        "action": action.get("action_id"),
        "channel": channel,
        "user": user.get("id"),
        "team": user.get("team_id"),
        "handle": user.get("name") or user.get("username"),
        "ephemeral": "yes" if container.get("is_ephemeral") else "",
        "direct": "yes" if in_view else "",
        "trigger": body.get("trigger_id"),
        "value": action.get("value") or _object(action.get("selected_option")).get("value") or _picked(action),
        "response_url": body.get("response_url"),
        "shown": _shown(body) if action.get("action_id") == action_ids.UNDO else "",
    }
    identity = f"{action.get('action_ts')} {action.get('action_id')} {user.get('id')} {container.get('message_ts')}"
    if action.get("action_id") == action_ids.CONFIRM:  # all clicks that confirm the same question count as one
        identity = f"{action_ids.CONFIRM} {user.get('id')} {channel} {action.get('value')}"
    return encodable(identity), {name: encodable(value) for name, value in payload.items()}


def _picked(action: Mapping[str, object]) -> str:
    """A picker holds no value of its own, so the id of its block names the card."""
    moment = action.get("selected_date_time")
    return json.dumps({"card": str(action.get("block_id", "")), "at": moment}) if isinstance(moment, int) else ""


def _shown(body: Mapping[str, object]) -> str:
    """The blocks of the message with the button, as JSON. Slack leaves out an ephemeral message."""
    blocks = _object(body.get("message")).get("blocks")
    return json.dumps(blocks) if isinstance(blocks, list) else ""


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _first(value: object) -> Mapping[str, object]:
    return _object(value[0]) if isinstance(value, list) and value else {}
