"""Answers about mutes, maintenance windows and quiet hours: values for `slack` to render."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.answer import UnresolvedReference
from bot.domain.catalogue import Pipeline
from bot.domain.silence import SilenceNote
from bot.domain.watch import ChannelId


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceAnswer:
    """The answer to a change of silences. Nothing was changed if a name is `unresolved` or `unwatched`."""

    channel: ChannelId
    made: tuple[SilenceNote, ...] = ()
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
