"""A submitted modal, as features use it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from bot.domain.watch import ChannelId, UserId
from bot.slack.permissions import Asker


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """`channel`: the person's direct conversation with the bot. `values`: what each block holds, by its id."""

    modal: str
    user: UserId
    channel: ChannelId
    team: str = ""
    handle: str = ""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, payload: Mapping[str, str]) -> Self:
        """From the payload that `inbound/submissions.py` made."""
        values: dict[str, list[str]] = json.loads(payload["values"])
        return cls(
            modal=payload["modal"],
            user=UserId(payload["user"]),
            channel=ChannelId(payload["channel"]),
            team=payload["team"],
            handle=payload["handle"],
            values={block: tuple(of_block) for block, of_block in values.items()},
        )

    @property
    def asker(self) -> Asker:
        return Asker(user=self.user, channel=self.channel, team=self.team, handle=self.handle)

    def all(self, block: str) -> tuple[str, ...]:
        return self.values.get(block, ())

    def one(self, block: str) -> str:
        return next(iter(self.all(block)), "")
