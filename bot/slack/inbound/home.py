"""Decodes the event that a person opened the Home tab. Pure.

Source: https://docs.slack.dev/reference/events/app_home_opened
"""

from collections.abc import Mapping

from bot.slack.inbound.payloads import encodable

EVENT = "app_home_opened"


def read_opening(body: Mapping[str, object]) -> tuple[str, dict[str, str]] | None:
    """The identity of an opening, the same at each delivery by Slack, and the payload to store.

    None for an opening of the Messages tab, which is the same event.
    """
    event = body.get("event")
    if not isinstance(event, dict) or event.get("tab") != "home":
        return None
    user, channel, at = (encodable(event.get(name)) for name in ("user", "channel", "event_ts"))
    if not (user and channel):
        return None
    return f"{user} {at}", {"user": user, "channel": channel}
