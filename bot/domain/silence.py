"""Silences: mutes, maintenance windows and quiet hours. Each one holds back a channel's messages for a time. Pure.

A silence changes no record and no episode: the bot evaluates all the time, and answers show the true state.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import chain
from typing import ClassVar
from zoneinfo import ZoneInfo

from bot.domain.catalogue import Pipeline, is_pattern, matches
from bot.domain.episode import EpisodeKind, stable_key
from bot.domain.setup import NO_SETUP, Setup, SetupKind, SetupRow
from bot.domain.wall_clock import DAY_NAMES, WeeklyWindow
from bot.domain.watch import API_PIPELINE_ID, Audience, ChannelId, UserId

WHOLE_CHANNEL = "*"
"""The reference of a silence for everything that a channel watches."""
LONGEST_WHY = 200
MOST_SILENCES = 100
"""Of one channel."""
LONGEST_MUTE = timedelta(days=30)
LONGEST_UNTIL_LIVE = timedelta(days=7)
"""A mute *until live* ends by then in any case: nobody mutes a pipeline for ever by accident."""
EVERY_DAY, WEEKDAYS, WEEKEND = tuple(range(7)), tuple(range(5)), (5, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyHours:
    """A weekly window, as its row holds it. `WeeklyWindow` decides."""

    days: tuple[int, ...]
    """Weekdays on which the window starts. 0 is Monday."""
    start: time
    end: time
    zone: str
    """An IANA name, such as Europe/Berlin."""

    @property
    def window(self) -> WeeklyWindow:
        return WeeklyWindow(days=self.days, start=self.start, end=self.end, zone=ZoneInfo(self.zone))

    @property
    def text(self) -> str:
        """`weekdays 20:00-08:00 in Europe/Berlin`: as people type it."""
        return f"{days_text(self.days)}{self.start:%H:%M}-{self.end:%H:%M} in {self.zone}"


def days_text(days: Iterable[int]) -> str:
    """`weekdays `, `sat,sun `. Empty for every day."""
    chosen = tuple(sorted(days))
    if chosen == EVERY_DAY:
        return ""
    return "weekdays " if chosen == WEEKDAYS else f"{','.join(DAY_NAMES[day][:3] for day in chosen)} "


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceNote:
    """A silence as messages and answers show it: who made it, until when, and why."""

    kind: SetupKind
    reference: str
    name: str
    """Of the pipeline when the silence was made, or the pattern."""
    by: UserId
    by_name: str
    at: datetime
    """When it was made."""
    start: datetime | None = None
    """Only if it begins later."""
    until: datetime | None = None
    live_for: timedelta | None = None
    hours: WeeklyHours | None = None
    why: str = ""

    @property
    def whole_channel(self) -> bool:
        return self.reference == WHOLE_CHANNEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence(SetupRow):
    """Holds back messages about the pipelines that it covers, in the channel where somebody made it."""

    made_in: ChannelId
    reference: str = WHOLE_CHANNEL
    """A pipeline's id or a pattern."""
    name: str = ""
    """The pipeline's name when the silence was made, or the pattern."""
    why: str = ""

    @property
    def channel(self) -> ChannelId | None:
        return self.made_in

    @property
    def label(self) -> str:
        return "channel" if self.reference == WHOLE_CHANNEL else self.name or self.reference

    def covers(self, pipeline: Pipeline) -> bool:
        return matches(self.reference, pipeline)

    def holds(self, kind: EpisodeKind) -> bool:  # noqa: ARG002 (quiet hours decide by it)
        """True if it holds back messages about episodes of this kind."""
        return True

    @abstractmethod
    def end_at(self, at: datetime) -> datetime | None:
        """The end of the silence at this moment. None: it is not silent then."""

    @abstractmethod
    def next_start(self, at: datetime) -> datetime | None:
        """The next begin after this moment."""

    @abstractmethod
    def is_over(self, at: datetime) -> bool:
        """True if it is not silent at this moment, and never will be."""

    @abstractmethod
    def note(self, at: datetime) -> SilenceNote:
        """The silence in words. `until`: its end at this moment, or the end of its next time."""

    def _note(
        self,
        *,
        start: datetime | None = None,
        until: datetime | None,
        live_for: timedelta | None = None,
        hours: WeeklyHours | None = None,
    ) -> SilenceNote:
        return SilenceNote(
            kind=self.kind,
            reference=self.reference,
            name=self.name,
            by=self.made_by,
            by_name=self.made_by_name,
            at=self.made_at,
            start=start,
            until=until,
            live_for=live_for,
            hours=hours,
            why=self.why,
        )

    def _note_of_window(self, at: datetime, hours: WeeklyHours | None) -> SilenceNote:
        start = None if self.end_at(at) else self.next_start(at)
        return self._note(start=start, until=self.end_at(start or at), hours=hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute(Silence):
    """Begins when a person makes it."""

    kind: ClassVar = SetupKind.MUTE
    until: datetime
    live_for: timedelta | None = None
    """Ends earlier, once all its pipelines have been live for so long."""

    @property
    def id(self) -> str:
        return f"{self.made_in}|{self.reference.lower()}"

    @property
    def summary(self) -> str:
        live = f" or live for {round(self.live_for.total_seconds() / 60)} min" if self.live_for else ""
        return f"until {self.until:%Y-%m-%d %H:%M} UTC{live}{_because(self.why)}"

    @property
    def pattern(self) -> bool:
        return is_pattern(self.reference)

    def end_at(self, at: datetime) -> datetime | None:
        """A reading that came before the mute counts as muted too: its message would come after it."""
        return self.until if at < self.until else None

    def next_start(self, at: datetime) -> datetime | None:  # noqa: ARG002
        return None

    def is_over(self, at: datetime) -> bool:
        return at >= self.until

    def note(self, at: datetime) -> SilenceNote:  # noqa: ARG002
        return self._note(until=self.until, live_for=self.live_for)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance(Silence):
    """A planned silence: once, from `start` to `until`, or weekly."""

    kind: ClassVar = SetupKind.MAINTENANCE
    start: datetime | None = None
    until: datetime | None = None
    hours: WeeklyHours | None = None

    @property
    def id(self) -> str:
        when = self.hours.text if self.hours else f"{self.start}"
        return stable_key(self.made_in, self.reference.lower(), when)[:16]

    @property
    def summary(self) -> str:
        if self.hours:
            return f"{self.hours.text} weekly{_because(self.why)}"
        return f"from {self.start:%Y-%m-%d %H:%M} until {self.until:%Y-%m-%d %H:%M} UTC{_because(self.why)}"

    def end_at(self, at: datetime) -> datetime | None:
        if self.hours:
            return self.hours.window.end_of(at)
        return self.until if self.start and self.until and self.start <= at < self.until else None

    def next_start(self, at: datetime) -> datetime | None:
        if self.hours:
            return self.hours.window.next_start(at)
        return self.start if self.start and self.start > at else None

    def is_over(self, at: datetime) -> bool:
        return self.until is not None and at >= self.until

    def note(self, at: datetime) -> SilenceNote:
        return self._note_of_window(at, self.hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours(Silence):
    """Hours in which a channel hears only about failures, from their begin to their end."""

    kind: ClassVar = SetupKind.QUIET_HOURS
    hours: WeeklyHours

    @property
    def id(self) -> str:
        return self.made_in

    @property
    def summary(self) -> str:
        return self.hours.text

    def holds(self, kind: EpisodeKind) -> bool:
        return kind is not EpisodeKind.FAILURE

    def end_at(self, at: datetime) -> datetime | None:
        return self.hours.window.end_of(at)

    def next_start(self, at: datetime) -> datetime | None:
        return self.hours.window.next_start(at)

    def is_over(self, at: datetime) -> bool:  # noqa: ARG002
        return False

    def note(self, at: datetime) -> SilenceNote:
        return self._note_of_window(at, self.hours)


def _because(why: str) -> str:
    return f" because {why}" if why else ""


def latest_silence(silences: Iterable[Silence], kind: EpisodeKind, at: datetime) -> Silence | None:
    """Of those that hold back such episodes at this moment, the one that ends last. None: nothing is held back."""
    ends = [(end, silence) for silence in silences if silence.holds(kind) and (end := silence.end_at(at))]
    return max(ends, key=lambda item: (item[0], item[1].key))[1] if ends else None


class Silences:
    """All silences of the workspace, by channel."""

    def __init__(self, setup: Setup) -> None:
        by_channel: dict[ChannelId, list[Silence]] = {}
        for silence in (*setup.all(Mute), *setup.all(Maintenance), *setup.all(QuietHours)):
            by_channel.setdefault(silence.made_in, []).append(silence)
        self._by_channel = {channel: tuple(silences) for channel, silences in by_channel.items()}

    @property
    def all(self) -> Iterator[Silence]:
        return chain(*self._by_channel.values())

    def in_channel(self, channel: ChannelId) -> tuple[Silence, ...]:
        """Those that were made in this channel."""
        return self._by_channel.get(channel, ())

    def of(self, pipeline: Pipeline, audiences: Iterable[Audience]) -> tuple[Silence, ...]:
        """Those that cover the pipeline in a channel of these watches. None covers GoldRush's API as a whole."""
        if not self._by_channel or pipeline.id == API_PIPELINE_ID:
            return ()
        homes = {watch.stands_in_for or watch.channel for audience in audiences for watch in audience.watches}
        return tuple(silence for home in sorted(homes) for silence in self.in_channel(home) if silence.covers(pipeline))


NO_SILENCES = Silences(NO_SETUP)
