"""Submitted modals, as Slack describes them. Pure.

Source: https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
"""

import json
from collections.abc import Iterator, Mapping

from bot.slack.inbound.payloads import encodable

_CHANNEL = "selected_conversation"
_FIELDS = ("value", "selected_option", "selected_options", "selected_users", _CHANNEL)


def read_submission(body: Mapping[str, object]) -> tuple[str, dict[str, str]] | None:
    """An id that is the same each time Slack delivers this submission, and the payload to keep.

    `first` is the block that shows a problem of the whole modal. None if Slack cannot have sent this.
    """
    view, user = _object(body.get("view")), _object(body.get("user"))
    state = _object(_object(view.get("state")).get("values"))
    values = {block: list(_values(of_block)) for block, of_block in state.items()}
    payload = {
        "modal": view.get("callback_id"),
        "channel": view.get("private_metadata"),
        "user": user.get("id"),
        "team": user.get("team_id"),
        "handle": user.get("name") or user.get("username"),
        "values": json.dumps(values),
        "first": next(iter(values), ""),
        "direct": "yes",
    }
    texts = {name: encodable(value) for name, value in payload.items()}
    which = encodable(body.get("trigger_id"))
    return (which, texts) if which and texts["channel"] and texts["user"] else None


def _values(of_block: object) -> Iterator[str]:
    """What a block's elements hold: texts, people's ids, and the values of chosen options.

    A channel is a mention, whose id the inbox translates if the channel got another one.
    """
    for element in _object(of_block).values():
        for name in _FIELDS:
            held = _object(element).get(name)
            for option in held if isinstance(held, list) else [held]:
                if text := encodable(_object(option).get("value") if isinstance(option, dict) else option):
                    yield f"<#{text}>" if name == _CHANNEL else text


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
