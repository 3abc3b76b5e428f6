"""A click on a button, as features use it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from bot.domain.watch import ChannelId, UserId
from bot.slack.permissions import Asker
from bot.slack.render.blocks import Block
from bot.slack.render.phrases import is_direct
from bot.slack.render.saved_question import SavedQuestion

QUESTION_LASTS = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """One click: who clicked which button in which message."""

    action: str
    """The button's action id."""
    channel: ChannelId
    user: UserId
    ephemeral: bool
    """True if only this person sees the message with the button."""
    team: str = ""
    handle: str = ""
    trigger: str = ""
    """Slack's id that lets the bot open one modal, within 3 s."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """The button's value. Anyone can forge it, so features check every fact again."""
    shown: tuple[Block, ...] = ()
    """The blocks of the message with an *Undo* button. Empty if the message is ephemeral."""

    @classmethod
    def from_payload(cls, payload: Mapping[str, str]) -> Self:
        """From the payload that `inbound/clicks.py` made."""
        return cls(
            action=payload["action"],
            channel=ChannelId(payload["channel"]),
            user=UserId(payload["user"]),
            ephemeral=bool(payload["ephemeral"]),
            team=payload.get("team", ""),
            handle=payload.get("handle", ""),
            trigger=payload.get("trigger", ""),
            facts=_facts(payload["value"]),
            shown=_blocks(payload.get("shown")),
        )

    @property
    def asker(self) -> Asker:
        return Asker(user=self.user, channel=self.channel, team=self.team, handle=self.handle, clicked=True)

    def text(self, name: str) -> str:
        fact = self.facts.get(name)
        return fact if isinstance(fact, str) else ""

    @property
    def group(self) -> str:
        """The group that the message shows. Buttons from earlier versions call it a storm."""
        return self.text("group") or self.text("storm")

    def asked_at(self, now: datetime) -> datetime | None:
        """When the bot asked the question with this button. None: over an hour ago, or unknown."""
        try:
            at = datetime.fromisoformat(self.text("at")).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
        return at if timedelta(0) <= now - at <= QUESTION_LASTS else None

    @property
    def existed(self) -> bool:
        """True if the button's question was about a change of something that existed then."""
        return self.facts.get("existed") is True

    @property
    def question(self) -> SavedQuestion:
        page = self.facts.get("page")
        number = max(1, page) if isinstance(page, int) else 1
        return SavedQuestion(text=self.text("asked"), page=number, shareable=not is_direct(self.channel))


def _facts(value: object) -> Mapping[str, object]:
    facts = _json(value)
    return facts if isinstance(facts, dict) else {}


def _blocks(value: object) -> tuple[Block, ...]:
    blocks = _json(value)
    return tuple(block for block in blocks if isinstance(block, dict)) if isinstance(blocks, list) else ()


def _json(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) and value else None
    except (ValueError, RecursionError):
        return None
