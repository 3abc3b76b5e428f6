"""The dead man's switch: a scheduled message in the operator channel, postponed while the bot reads and delivers."""

from collections.abc import Sequence
from datetime import datetime

from bot.coordination.vital_signs import VitalSigns
from bot.domain.backup import SILENCE, ScheduledRow, Wanted, silence_warning
from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.notice import Notice, NoticeKind
from bot.domain.watch import ChannelId, TeamId
from bot.ports.clock import Clock
from bot.ports.telemetry import emit
from bot.ports.telemetry.scheduled import SwitchHeld, SwitchPostponed


class DeadMansSwitch:
    """Without an operator channel, it wants nothing, so an earlier switch is deleted."""

    def __init__(self, *, operator: ChannelId | None, vital_signs: VitalSigns, clock: Clock, team: TeamId) -> None:
        self._operator = operator
        self._vital_signs = vital_signs
        self._clock = clock
        self._team = team
        self._problem: str | None = None

    async def wanted(self) -> Wanted:
        """
        Raises:
            StoreAway: the switch stays as it is.
        """
        if self._operator is None:
            return Wanted()
        problem = await self._vital_signs.problem()
        if problem and self._problem is None:
            emit(SwitchHeld(problem=problem))
        elif self._problem and problem is None:
            emit(SwitchPostponed())
        self._problem = problem
        if problem:
            return Wanted(held=frozenset({SILENCE}))
        return Wanted(messages=(silence_warning(self._operator, self._clock.now()),))

    @property
    def is_held(self) -> bool:
        """True while the bot can't confirm that it reads and delivers, so its silence goes on."""
        return self._problem is not None

    def ended(self, posted: Sequence[ScheduledRow]) -> list[Message]:
        """The notice that the silence is over. Empty if a report of the gap says so."""
        if self._operator is None or not posted:
            return []
        since, now = min(row.made_at for row in posted), self._clock.now()
        heartbeat = self._vital_signs.heartbeat
        if heartbeat and heartbeat.gap_reported and heartbeat.gap_reported >= since:
            return []
        return [self._notice(self._operator, since, now)]

    def _notice(self, operator: ChannelId, since: datetime, now: datetime) -> Message:
        return Message(
            id=stable_key(self._team, NoticeKind.HEARD, operator, since.isoformat()),
            receiver=in_slack(self._team, operator),
            priority=Priority.FAILURE,
            body=Notice(kind=NoticeKind.HEARD, at=now, since=since),
            made_at=now,
        )
