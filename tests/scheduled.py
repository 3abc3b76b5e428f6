"""An in-memory Slack for scheduled messages, with its rules."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

from bot.domain.backup import ORPHAN, BackupContent, ScheduledRow
from bot.domain.watch import ChannelId
from bot.ports.scheduled_messages import NotScheduled, ScheduledAs
from tests.fakes import FakeClock


class FakeScheduled:
    """`post_due` posts what is due. `refusals` are the next outcomes of `schedule`; an unknown one still takes it."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._ids = count(1)
        self.pending: dict[str, tuple[ScheduledRow, BackupContent]] = {}
        self.posted: list[tuple[ScheduledRow, BackupContent]] = []
        self.calls: list[str] = []
        self.refusals: list[NotScheduled] = []

    async def schedule(
        self, channel: ChannelId, content: BackupContent, post_at: datetime
    ) -> ScheduledAs | NotScheduled:
        self.calls.append("schedule")
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal and not refusal.unknown:
            return refusal
        assert post_at > self._clock.now()
        message_id = f"Q{next(self._ids)}"
        at = post_at.replace(microsecond=0)
        row = ScheduledRow(id=message_id, key=ORPHAN, channel=channel, post_at=at, made_at=self._clock.now())
        self.pending[message_id] = (row, content)
        return refusal or ScheduledAs(message_id)

    async def delete(self, channel: ChannelId, message_id: str) -> NotScheduled | None:
        self.calls.append("delete")
        found = self.pending.get(message_id)
        if found and found[0].post_at - self._clock.now() > timedelta(seconds=60):
            del self.pending[message_id]
        return None

    async def listed(self, now: datetime) -> Sequence[ScheduledRow] | NotScheduled:
        self.calls.append("list")
        return [row for row, _ in self.pending.values()]

    def postpone(self, seconds: float) -> None:
        """Only the bot's time jumps: as seen from it, Slack posts later."""
        for message_id, (row, content) in self.pending.items():
            self.pending[message_id] = (replace(row, post_at=row.post_at + timedelta(seconds=seconds)), content)

    def post_due(self) -> None:
        for message_id, found in list(self.pending.items()):
            if found[0].post_at <= self._clock.now():
                self.posted.append(self.pending.pop(message_id))
