"""A submitted modal, as features use it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from bot.domain.watch import ChannelId, UserId
from bot.slack.permissions import Asker


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One submitted modal: who filled in what."""

    modal: str
    """The modal's callback id."""
    user: UserId
    channel: ChannelId
    """The person's direct conversation with the bot."""
    team: str = ""
    handle: str = ""
    edited: str = ""
    """The name of what the modal was opened to edit. Empty if it makes something new."""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The texts that the person entered or chose, by block id."""

    @classmethod
    def from_payload(cls, payload: Mapping[str, str]) -> Self:
        """From the payload that `inbound/submissions.py` made."""
        values: dict[str, list[str]] = json.loads(payload["values"])
        return cls(
            modal=payload["modal"],
            user=UserId(payload["user"]),
            channel=ChannelId(payload["channel"]),
            team=payload["team"],
            handle=payload["handle"],
            edited=payload.get("edited", ""),
            values={block: tuple(texts) for block, texts in values.items()},
        )

    @property
    def asker(self) -> Asker:
        return Asker(user=self.user, channel=self.channel, team=self.team, handle=self.handle)

    def texts_in(self, block: str) -> tuple[str, ...]:
        return self.values.get(block, ())

    def text_in(self, block: str) -> str:
        return next(iter(self.texts_in(block)), "")
