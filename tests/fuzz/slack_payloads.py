"""Slack's payloads, both valid and malformed."""

import json
from itertools import count
from random import Random
from urllib.parse import urlencode

from bot.slack.outbound.channel_monitor import EVENTS
from bot.slack.routes import ROUTES
from tests.fuzz.command_text import a_text
from tests.fuzz.mangle import NASTY, bent, mangled, written

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
# None of these addresses may exist: no fuzz input may reach anybody.
RESPONSE_URLS = ("", "", "", "x", "//", "http://", "http://127.0.0.1:99999/", "http://[::1", "ftp://127.0.0.1/", "\x00")

Json = dict[str, object]
_numbers = count(1)


def a_command(text: str) -> Json:
    """https://docs.slack.dev/interactivity/implementing-slash-commands"""
    return {
        "token": "deprecated",
        "team_id": "T0SANDBOX",
        "team_domain": "sandbox",
        "channel_id": "C0ALERTS",
        "channel_name": "alerts",
        "user_id": "U0ANN",
        "user_name": "ann",
        "command": "/pipeline",
        "text": text,
        "api_app_id": "A0SANDBOX",
        "is_enterprise_install": "false",
        "response_url": "",
        "trigger_id": f"{next(_numbers)}.1.x",
    }


_MESSAGE: Json = {
    "container": {"type": "message", "message_ts": "1.1", "channel_id": "C0ALERTS", "is_ephemeral": False},
    "channel": {"id": "C0ALERTS", "name": "alerts"},
    "message": {"ts": "1.1", "text": "x", "blocks": []},
}
_HOME: Json = {
    "container": {"type": "view", "view_id": "V1"},
    "view": {"id": "V1", "type": "home", "private_metadata": "D0ANN", "blocks": []},
}


def a_click(rng: Random) -> Json:
    """https://docs.slack.dev/reference/interaction-payloads/block_actions-payload"""
    facts: object = {"pipeline": "pipe_0001", "card": "k" * 32, "group": "s", "asked": "status a", "page": 2}
    if rng.random() < 0.3:
        facts = bent(rng, facts)
    action = {
        "type": "button",
        "action_id": rng.choice((*ROUTES.buttons, "unheard-of")),
        "block_id": "b",
        "value": written(rng, facts),
        "action_ts": f"{next(_numbers)}.000100",
    }
    place = rng.choice((_MESSAGE, _HOME))
    return {
        "type": "block_actions",
        "team": {"id": "T0SANDBOX", "domain": "sandbox"},
        "user": {"id": "U0ANN", "username": "ann", "team_id": "T0SANDBOX"},
        "api_app_id": "A0SANDBOX",
        **place,
        "state": {"values": {}},
        "response_url": "",
        "trigger_id": f"{next(_numbers)}.1.x",
        "actions": [action],
    }


def a_submission(rng: Random) -> Json:
    """https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload"""
    values: object = {
        "pipelines": {"pipelines": {"type": "plain_text_input", "value": a_text(rng)}},
        "channel": {"channel": {"type": "conversations_select", "selected_conversation": "C0ALERTS"}},
        "events": {"events": {"type": "multi_static_select", "selected_options": [{"value": "failed"}]}},
        "targets": {"targets": {"type": "multi_users_select", "selected_users": ["U0ANN"]}},
    }
    if rng.random() < 0.3:
        values = bent(rng, values)
    return {
        "type": "view_submission",
        "team": {"id": "T0SANDBOX", "domain": "sandbox"},
        "user": {"id": "U0ANN", "username": "ann", "team_id": "T0SANDBOX"},
        "api_app_id": "A0SANDBOX",
        "trigger_id": f"{next(_numbers)}.1.x",
        "view": {
            "id": "V1",
            "type": "modal",
            "callback_id": rng.choice((*ROUTES.modals, "unheard-of")),
            "private_metadata": "D0ANN",
            "state": {"values": values},
            "blocks": [],
        },
        "response_urls": [],
    }


def an_event(rng: Random) -> Json:
    """https://docs.slack.dev/apis/events-api/#event-type-structure"""
    event = {
        "type": rng.choice((*EVENTS, "app_mention", "message", "app_home_opened")),
        "channel": rng.choice(("C0ALERTS", "D0ANN")),
        "channel_type": rng.choice(("channel", "im")),
        "text": a_text(rng),
        "ts": f"{next(_numbers)}.1",
        "event_ts": f"{next(_numbers)}.1",
        "tab": rng.choice(("home", "messages")),
        "old_channel_id": "C0OLD",
        "new_channel_id": "C0NEW",
        "user": rng.choice(("U0BOT", "U0ANN")),
        "team": "T0SANDBOX",
    }
    return {
        "type": "event_callback",
        "token": "deprecated",
        "team_id": "T0SANDBOX",
        "api_app_id": "A0SANDBOX",
        "event": event,
        "event_id": f"Ev{next(_numbers)}",
        "authorizations": [{"team_id": "T0SANDBOX", "user_id": "U0BOT", "is_bot": True, "enterprise_id": None}],
        "is_ext_shared_channel": False,
    }


def a_payload(rng: Random) -> tuple[str, object]:
    """Returns the envelope's name for the kind, and a valid or malformed payload."""
    kind = rng.choice(("slash_commands", "interactive", "events_api"))
    payload: object = {
        "slash_commands": lambda: a_command(a_text(rng)),
        "interactive": lambda: rng.choice((a_click, a_submission))(rng),
        "events_api": lambda: an_event(rng),
    }[kind]()
    if rng.random() < 0.6:
        payload = bent(rng, payload)
    if isinstance(payload, dict) and rng.random() < 0.9:
        payload = {**payload, "response_url": rng.choice(RESPONSE_URLS)}
    return kind, payload


def a_body(rng: Random) -> tuple[str, bytes]:
    """Returns the content type and body of `a_payload` over HTTP, sometimes garbled."""
    kind, payload = a_payload(rng)
    if kind == "events_api":
        content_type, text = JSON, written(rng, payload)
    elif kind == "interactive" or not isinstance(payload, dict):
        content_type, text = FORM, urlencode({"payload": written(rng, payload)}, errors="replace")
    else:
        fields = {key: value if isinstance(value, str) else json.dumps(value) for key, value in payload.items()}
        content_type, text = FORM, urlencode(fields, errors="replace")
    if rng.random() < 0.1:
        text = mangled(rng, text) if rng.random() < 0.7 else f"{text}&payload={rng.choice(NASTY)}"
    return content_type, text.encode(errors="replace")
