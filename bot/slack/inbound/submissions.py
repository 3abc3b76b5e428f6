"""Decodes submitted modals from Slack's payload. Pure.

Source: https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
"""

import json
from collections.abc import Iterator, Mapping

from bot.slack.inbound.payloads import encodable

_CHANNEL = "selected_conversation"
_FIELDS = ("value", "selected_option", "selected_options", "selected_users", "selected_time", _CHANNEL)


def read_submission(body: Mapping[str, object]) -> tuple[str, dict[str, str]] | None:
    """The identity of a submission, the same at each delivery by Slack, and the payload to store.

    `first` in the payload: the block that shows a problem of the whole modal. None if Slack cannot have sent this.
    """
    view, user = _object(body.get("view")), _object(body.get("user"))
    channel, _, edited = encodable(view.get("private_metadata")).partition(" ")
    state = _object(_object(view.get("state")).get("values"))
    values = {block: list(_values(elements)) for block, elements in state.items()}
    payload = {
        "modal": view.get("callback_id"),
        "channel": channel,
        "edited": edited,
        "user": user.get("id"),
        "team": user.get("team_id"),
        "handle": user.get("name") or user.get("username"),
        "values": json.dumps(values),
        "first": next(iter(values), ""),
        "direct": "yes",
    }
    texts = {name: encodable(value) for name, value in payload.items()}
    identity = encodable(body.get("trigger_id"))
    return (identity, texts) if identity and texts["channel"] and texts["user"] else None


def _values(elements: object) -> Iterator[str]:
    """The texts, people's ids and chosen options in a block's elements.

    Yields a channel as a mention, so that the inbox translates its id like any other.
    """
    for element in _object(elements).values():
        for name in _FIELDS:
            held = _object(element).get(name)
            for option in held if isinstance(held, list) else [held]:
                if text := encodable(_object(option).get("value") if isinstance(option, dict) else option):
                    yield f"<#{text}>" if name == _CHANNEL else text


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
