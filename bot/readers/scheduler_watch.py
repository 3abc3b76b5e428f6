"""Tells a reader whether it can get reads: whether a scheduler of its workspace lives and reads the same source."""

from bot.domain.presence import ABSENT_SECONDS, READER, ReadingSource, UnbrokenView, is_silent, reader_obstacle
from bot.domain.watch import TeamId
from bot.ports.clock import Clock
from bot.ports.presence import Presence
from bot.ports.telemetry import emit
from bot.ports.telemetry.process import ReaderIdle, ReaderServing


class SchedulerWatch:
    """`check` runs every few seconds. Announces the role reader only while this reader can get reads."""

    def __init__(self, *, presence: Presence, source: ReadingSource, team: TeamId, clock: Clock) -> None:
        self._presence = presence
        self._source = source
        self._team = team
        self._clock = clock
        self._view = UnbrokenView()
        self._kind: str | None = ""
        """The problem at the last check, without its numbers: None if there was none. Empty before the first check."""
        self.problem: str | None = None
        """Why this reader gets no reads, in words for the operator."""

    async def check(self) -> None:
        """
        Raises:
            StoreAway: the next check tries again.
        """
        announced = await self._presence.announce((READER,) if self._kind is None else ())
        now, at = self._clock.monotonic(), self._clock.now()
        self._view.renew(now)
        is_new_here = self._kind == "" and announced.source is None  # probably a wrong setting: no reason to wait
        if is_silent(announced, at) and now - self._view.since <= ABSENT_SECONDS and not is_new_here:
            return
        self.problem = reader_obstacle(self._source, announced, self._team, at)
        kind = self.problem and "".join(char for char in self.problem if not char.isdigit())
        if kind != self._kind and self.problem:
            emit(ReaderIdle(problem=self.problem))
        elif kind != self._kind:
            emit(ReaderServing())
        self._kind = kind
