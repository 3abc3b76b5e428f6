"""What people ask of mutes, maintenance windows and quiet hours, and the answers. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.domain.answer import UnresolvedReference
from bot.domain.catalogue import Pipeline
from bot.domain.silence import SilenceNote, WeeklyHours
from bot.domain.wall_clock import NamedMoment
from bot.domain.watch import ChannelId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """The person who changes silences, and the channel of the change."""

    channel: ChannelId
    by: UserId
    name: str
    zone: ZoneInfo
    """The person's time zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MuteWish:
    """How long to mute: `until` a moment, or until it is live for `live_for`."""

    until: NamedMoment | None = None
    live_for: timedelta | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceWish:
    """When the maintenance is: weekly, or once from `start` on for a duration or until a moment."""

    hours: WeeklyHours | None = None
    start: NamedMoment | None = None
    end: NamedMoment | None = None
    """A duration counts from the start."""
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceAnswer:
    """The answer to a change of silences. Nothing was changed if a name is `unresolved` or `unwatched`."""

    channel: ChannelId
    made: tuple[SilenceNote, ...] = ()
    replaced: tuple[SilenceNote, ...] = ()
    """The silences before, in whose place the new ones are."""
    beside: tuple[SilenceNote, ...] = ()
    """Other maintenance windows of the same pipelines and patterns, which stay."""
    ended: tuple[SilenceNote, ...] = ()
    absent: tuple[str, ...] = ()
    """Names and patterns without such a silence of their own."""
    wider: tuple[SilenceNote, ...] = ()
    """Silences that go on, and cover a named pipeline."""
    unresolved: tuple[UnresolvedReference, ...] = ()
    unwatched: tuple[str, ...] = ()
    """Names and patterns that the channel does not watch, so that nothing about them comes here anyway."""
    failed: tuple[Pipeline, ...] = ()
    """The pipelines among those just silenced that are failed now."""
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SilencesAnswer:
    """The answer to `mutes`, `maintenance` and `quiet`: all silences of a channel."""

    channel: ChannelId
    silences: tuple[SilenceNote, ...]
    at: datetime
