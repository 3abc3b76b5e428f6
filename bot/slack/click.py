"""A click on a button, as Slack describes it and as features use it.

Source: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from bot.domain.watch import ChannelId, UserId
from bot.slack.inbound.payloads import readable
from bot.slack.permissions import Asker
from bot.slack.render import action_ids
from bot.slack.render.asked import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """`facts` is the button's value. Anyone can forge it, so features check every fact again."""

    action: str
    channel: ChannelId
    user: UserId
    ephemeral: bool
    team: str = ""
    handle: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, payload: Mapping[str, str]) -> Self:
        """From the payload that `read_click` made."""
        return cls(
            action=payload["action"],
            channel=ChannelId(payload["channel"]),
            user=UserId(payload["user"]),
            ephemeral=bool(payload["ephemeral"]),
            team=payload.get("team", ""),
            handle=payload.get("handle", ""),
            facts=_facts(payload["value"]),
        )

    @property
    def asker(self) -> Asker:
        return Asker(user=self.user, channel=self.channel, team=self.team, handle=self.handle, clicked=True)

    def text(self, name: str) -> str:
        fact = self.facts.get(name)
        return fact if isinstance(fact, str) else ""

    @property
    def group(self) -> str:
        """The message that tells of many failures. Buttons posted by earlier versions call it a storm."""
        return self.text("group") or self.text("storm")

    @property
    def asked(self) -> Asked:
        page = self.facts.get("page")
        return Asked(text=self.text("asked"), page=max(1, page) if isinstance(page, int) else 1)


def read_click(body: Mapping[str, object]) -> tuple[str, dict[str, str]]:
    """An id that is the same each time Slack delivers this click, and the payload to keep."""
    action, user, place = _first(body.get("actions")), _object(body.get("user")), _object(body.get("container"))
    channel = _object(body.get("channel")).get("id") or place.get("channel_id")
    payload = {
        "action": action.get("action_id"),
        "channel": channel,
        "user": user.get("id"),
        "team": user.get("team_id"),
        "workspace": _object(body.get("team")).get("id"),
        "handle": user.get("name") or user.get("username"),
        "ephemeral": "yes" if place.get("is_ephemeral") else "",
        "value": action.get("value") or _object(action.get("selected_option")).get("value"),
        "response_url": body.get("response_url"),
    }
    which = f"{action.get('action_ts')} {action.get('action_id')} {user.get('id')} {place.get('message_ts')}"
    if action.get("action_id") == action_ids.CONFIRM:  # each question is answered once, however often it is clicked
        which = f"{action_ids.CONFIRM} {user.get('id')} {channel} {action.get('value')}"
    return readable(which), {name: readable(value) for name, value in payload.items()}


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _first(value: object) -> Mapping[str, object]:
    return _object(value[0]) if isinstance(value, list) and value else {}


def _facts(value: object) -> Mapping[str, object]:
    try:
        return _object(json.loads(value)) if isinstance(value, str) else {}
    except (ValueError, RecursionError):
        return {}
