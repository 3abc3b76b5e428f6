"""A watch: one channel's subscription to one pipeline or pattern."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import NewType

from bot.domain.catalogue import Pipeline, is_pattern, matches
from bot.domain.observation import PipelineId
from bot.domain.transition import END_OF_FINDING, FINDINGS, Event

ChannelId = NewType("ChannelId", str)
TeamId = NewType("TeamId", str)
UserId = NewType("UserId", str)

API_PIPELINE_ID = PipelineId("goldrush-api")  # the API as a whole, for its outages

PAGING_EVENTS = frozenset({Event.FAILED, Event.DEGRADED, Event.UNREACHABLE, Event.GONE, *FINDINGS})
"""The events that may page people."""
# The actions of people: every channel with the card hears about them.
BY_PEOPLE = frozenset({Event.ACKNOWLEDGED, Event.RESOLVED, Event.PROMISE_MISSED})
# They open no card, and every channel that has the card hears about them.
ONLY_BELOW_CARDS = BY_PEOPLE | {Event.DIAGNOSED}
# A channel that heard of a problem also hears of its end. One that hears that a pipeline stopped also hears that it had
# finished.
_FOLLOWS = {
    Event.BACK: {Event.UNREACHABLE, Event.GONE, Event.RECOVERED},
    Event.FINISHED: {Event.FINISHED, Event.STOPPED},
    **{end: {event} for event, end in END_OF_FINDING.items() if end},
}
USUAL_LAG = timedelta(minutes=5)  # a watch that names no other hears of a lag from here on


def lagging_word(lag_from: timedelta | None) -> str:
    """The event LAGGING with a lag, as people type it: `lagging:5m`, `lagging:1h`."""
    if lag_from is None:
        return Event.LAGGING.value
    minutes = int(lag_from.total_seconds()) // 60
    return f"{Event.LAGGING}:{f'{minutes // 60}h' if minutes % 60 == 0 else f'{minutes}m'}"


class Every(Enum):
    """All events, including those that nobody can select, such as a future phase."""

    EVENT = "all"


class TargetKind(StrEnum):
    """The kinds of target. HERE pages everyone in the channel who is online, CHANNEL everyone in it.

    PAGER is a service outside Slack. ON_CALL is the person on call by a schedule, and OWNER the one who made the
    pipeline: a page finds out who that is. POLICY notifies its own targets, step by step.
    """

    USER = "user"
    USERGROUP = "usergroup"
    HERE = "here"
    CHANNEL = "channel"
    PAGER = "pager"
    ON_CALL = "oncall"
    POLICY = "policy"
    OWNER = "owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A person, group or pager to page."""

    kind: TargetKind
    id: str = ""
    """Of the user or user group, or the name of the pager, schedule or policy. Empty for the other kinds."""
    direct: ChannelId | None = None
    """The user's direct-message conversation with the bot, if there is one."""
    label: str = field(default="", compare=False)
    """The name that people saw at setup. Outside a page it replaces the mention. Empty in rows of earlier versions."""

    @property
    def identity(self) -> str:
        return f"{self.kind}:{self.id}"

    @property
    def is_broadcast(self) -> bool:
        """True for `here` and `channel`, which ping everyone in the channel."""
        return self.kind in {TargetKind.HERE, TargetKind.CHANNEL}


class SuspendReason(StrEnum):
    """Why a channel gets no messages for now. Its watches stay."""

    ARCHIVED = "archived"
    NOT_IN_CHANNEL = "not_in_channel"
    NOT_FOUND = "not_found"
    RESTRICTED = "restricted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One channel's subscription to one pipeline, or to all pipelines that match a pattern."""

    channel: ChannelId
    reference: str
    """A pipeline's id or a pattern."""
    events: frozenset[Event] | None = None
    """The events that the channel hears about. None: all."""
    targets: tuple[Target, ...] = ()
    """The people and groups that a failure pages."""
    page_for: frozenset[Event] | None = None
    """The events that page the targets. None: FAILED alone."""
    confirm: int = 1
    """So many readings in a row must show a failure or a degraded pipeline before the channel hears of it."""
    lag_from: timedelta | None = None
    """From this lag on, the pipeline is lagging for this channel. None: from `USUAL_LAG` on."""
    made_by: UserId
    """The person who made the watch, or last changed it."""
    made_at: datetime
    label: str = ""
    """The pipeline's name when the watch was made, or the pattern. Empty in rows of earlier versions."""
    made_by_name: str = ""
    """That person's name, as plain text."""
    stands_in_for: ChannelId | None = None
    """The channel that takes no messages. Set on the copy for the fallback channel, never stored."""

    def redirected_to(self, fallback: ChannelId) -> "Watch":
        """The copy for the fallback channel, without `here` and `channel`: nobody there chose them."""
        targets = tuple(target for target in self.targets if not target.is_broadcast)
        return replace(self, channel=fallback, targets=targets, stands_in_for=self.channel)

    @property
    def id(self) -> str:
        """The same for every watch of this reference in this channel, so a channel has at most one."""
        return hashlib.sha256(f"{self.channel}|{self.reference.lower()}".encode()).hexdigest()[:16]

    @property
    def pattern(self) -> bool:
        return is_pattern(self.reference)

    def covers(self, pipeline: Pipeline) -> bool:
        """True if this is the watched pipeline, or if the pattern matches it."""
        return matches(self.reference, pipeline)

    def wants(self, event: Event, lag: timedelta | None = None) -> bool:
        """True if the channel hears about this event. `lag`: how far a pipeline that lags is, or was, behind."""
        if self._is_lower(lag, event):
            return False
        if self.events is None or event in ONLY_BELOW_CARDS:
            return True
        return bool(self.events & _FOLLOWS.get(event, {event}))

    def pages(self, event: Event, lag: timedelta | None = None) -> bool:
        """True if this event pages the targets. `lag`: as for `wants`."""
        if self._is_lower(lag, event):
            return False
        return event is Event.FAILED if self.page_for is None else event in self.page_for

    @property
    def typed_events(self) -> tuple[str, ...]:
        """The events after *on*, as people type them. Empty: all, with the usual lag."""
        if self.events is None and self.lag_from:
            return (Every.EVENT.value, lagging_word(self.lag_from))
        return self._typed(self.events or ())

    @property
    def typed_paging_events(self) -> tuple[str, ...]:
        """The events after *for*, as people type them. Empty: failed."""
        return self._typed(self.page_for or ())

    def _typed(self, events: Collection[Event]) -> tuple[str, ...]:
        lag = lagging_word(self.lag_from)
        return tuple(lag if event is Event.LAGGING else event.value for event in sorted(events))

    @property
    def least_lag(self) -> timedelta:
        """From this lag on, the pipeline is lagging for this channel."""
        return self.lag_from or USUAL_LAG

    def _is_lower(self, lag: timedelta | None, event: Event) -> bool:
        return event in {Event.LAGGING, Event.CAUGHT_UP} and lag is not None and lag < self.least_lag


@dataclass(frozen=True, slots=True)
class Audience:
    """All watches of one channel that cover one pipeline. The channel gets each message once."""

    channel: ChannelId
    watches: tuple[Watch, ...]

    def wants(self, event: Event, lag: timedelta | None = None) -> bool:
        """True if any of the watches does."""
        return any(watch.wants(event, lag) for watch in self.watches)

    @property
    def targets(self) -> tuple[Target, ...]:
        """The people and groups that the watches page, each once."""
        return tuple(dict.fromkeys(target for watch in self.watches for target in watch.targets))

    @property
    def confirm(self) -> int:
        """How many readings in a row the channel waits for. A watch that waits for fewer delays nothing."""
        return min(watch.confirm for watch in self.watches)

    def pages(self, direct: ChannelId) -> bool:
        """True if a watch pages the person of this direct-message conversation."""
        return any(target.direct == direct for watch in self.watches for target in watch.targets)

    def paged_for(self, event: Event, lag: timedelta | None = None) -> tuple[Target, ...]:
        """The targets that this event pages, each once."""
        paging = (watch for watch in self.watches if watch.pages(event, lag))
        return tuple(dict.fromkeys(target for watch in paging for target in watch.targets))

    @property
    def stands_in_for(self) -> tuple[ChannelId, ...]:
        """The suspended channels whose messages go to this fallback channel."""
        return tuple(dict.fromkeys(watch.stands_in_for for watch in self.watches if watch.stands_in_for))


def share_names(watches: Iterable[Watch], pipelines: Mapping[PipelineId, Pipeline]) -> None:
    """Lets watches and pipelines share the texts of equal names: a text for each watch would take 64 bytes."""
    put = object.__setattr__
    for watch in watches:
        pipeline = pipelines.get(PipelineId(watch.reference))
        if pipeline is not None and pipeline.name == watch.label:
            put(watch, "label", pipeline.name)


def audiences(pipeline: Pipeline, watches: Iterable[Watch]) -> tuple[Audience, ...]:
    """One audience per channel, in the order of `watches`."""
    return grouped(watch for watch in watches if watch.covers(pipeline))


def grouped(watches: Iterable[Watch]) -> tuple[Audience, ...]:
    """The audiences of a pipeline that all these watches cover."""
    by_channel: dict[ChannelId, list[Watch]] = {}
    for watch in watches:
        by_channel.setdefault(watch.channel, []).append(watch)
    return tuple(Audience(channel, tuple(its_watches)) for channel, its_watches in by_channel.items())
