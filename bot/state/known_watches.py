"""The watches that one process knows, indexed by channel, pipeline and pattern. A change costs what it changes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from itertools import chain, takewhile

from bot.domain.catalogue import comparable
from bot.domain.note import Note
from bot.domain.observation import PipelineId
from bot.domain.setup import NO_SETUP, Setup
from bot.domain.silence import NO_SILENCES, Silences
from bot.domain.watch import ChannelId, SuspendReason, Watch
from bot.ports.watch_store import WatchChanges, Watches


class KnownWatches:
    """The workspace's watches, suspended channels, notes and setup. `version` counts the changes to all four."""

    def __init__(self) -> None:
        self.version = 0
        self.position = ""
        """Of the store's log: later changes are not known yet."""
        self.suspended: Mapping[ChannelId, SuspendReason] = {}
        self.notes: tuple[Note, ...] = ()
        self.setup: Setup = NO_SETUP
        self.silences: Silences = NO_SILENCES
        """The part of the setup that holds back messages."""
        self._by_channel: dict[ChannelId, tuple[Watch, ...]] = {}
        self._by_pipeline: dict[PipelineId, Watch | tuple[Watch, ...]] = {}
        """A single watch stands by itself: a tuple for each would take 48 bytes."""
        self._by_pattern: dict[str, tuple[Watch, ...]] = {}
        self._pattern_channels: Counter[ChannelId] = Counter()
        """How many patterns each channel watches."""

    @property
    def all(self) -> tuple[Watch, ...]:
        """Oldest first."""
        return oldest_first(chain(*self._by_channel.values()))

    def __iter__(self) -> Iterator[Watch]:
        """In no order."""
        return chain(*self._by_channel.values())

    @property
    def channels(self) -> AbstractSet[ChannelId]:
        """The channels that watch anything."""
        return self._by_channel.keys()

    def in_channel(self, channel: ChannelId) -> tuple[Watch, ...]:
        """The watches of one channel, oldest first."""
        return self._by_channel.get(channel, ())

    def made_after(self, moment: datetime) -> Iterator[Watch]:
        """The watches made after that moment. A channel's older watches cost nothing."""
        for watches in self._by_channel.values():
            yield from takewhile(lambda watch: watch.made_at > moment, reversed(watches))

    @property
    def pipelines(self) -> AbstractSet[PipelineId]:
        """The pipelines that a watch names by id."""
        return self._by_pipeline.keys()

    @property
    def patterns(self) -> AbstractSet[str]:
        """The watched patterns, in the form of `comparable`."""
        return self._by_pattern.keys()

    def of_pipeline(self, pipeline_id: PipelineId) -> tuple[Watch, ...]:
        """The watches that name a pipeline by id, oldest first."""
        found = self._by_pipeline.get(pipeline_id, ())
        return found if isinstance(found, tuple) else (found,)

    def of_patterns(self, patterns: Iterable[str]) -> tuple[Watch, ...]:
        """The watches of these patterns."""
        return tuple(chain(*(self._by_pattern.get(pattern, ()) for pattern in patterns)))

    @property
    def channels_with_patterns(self) -> AbstractSet[ChannelId]:
        return self._pattern_channels.keys()

    def replace(self, watches: Watches) -> None:
        """Forgets all watches, and takes these."""
        self.version, self.position = watches.version, watches.position
        self.suspended, self.notes = watches.suspended, watches.notes
        self._take_setup(watches.setup)
        self._by_pipeline, self._by_pattern, self._pattern_channels = {}, {}, Counter()
        by_channel: dict[ChannelId, list[Watch]] = {}
        for watch in watches.all:
            by_channel.setdefault(watch.channel, []).append(watch)
            self._add(watch)
        self._by_channel = {channel: tuple(its_watches) for channel, its_watches in by_channel.items()}

    def apply(self, changes: WatchChanges) -> tuple[Watch, ...]:
        """Takes the changes. Returns the changed watches, as before and as now."""
        self.version, self.position = changes.version, changes.position
        self.suspended, self.notes = changes.suspended, changes.notes
        self._take_setup(changes.setup)
        touched: list[Watch] = []
        for channel, changed in changes.watches.items():
            touched += self._apply_in(channel, changed)
        return tuple(touched)

    def _take_setup(self, setup: Setup) -> None:
        if setup != self.setup:
            self.setup, self.silences = setup, Silences(setup)

    def _apply_in(self, channel: ChannelId, changed: Mapping[str, Watch | None]) -> list[Watch]:
        before = self.in_channel(channel)
        ended = [watch for watch in before if watch.id in changed]
        begun = [watch for watch in changed.values() if watch]
        for watch in ended:
            self._remove(watch)
        for watch in begun:
            self._add(watch)
        staying = before if not ended else (watch for watch in before if watch not in ended)
        if now := oldest_first([*staying, *begun]):
            self._by_channel[channel] = now
        else:
            self._by_channel.pop(channel, None)
        return [*ended, *begun]

    def _add(self, watch: Watch) -> None:
        if watch.pattern:
            pattern = comparable(watch.reference)
            self._by_pattern[pattern] = (*self._by_pattern.get(pattern, ()), watch)
            self._pattern_channels[watch.channel] += 1
        else:
            pipeline_id = PipelineId(watch.reference)
            before = self.of_pipeline(pipeline_id)
            self._by_pipeline[pipeline_id] = (*before, watch) if before else watch

    def _remove(self, watch: Watch) -> None:
        if watch.pattern:
            pattern = comparable(watch.reference)
            self._pattern_channels -= Counter([watch.channel])
            if remaining := _without(watch, self._by_pattern.get(pattern, ())):
                self._by_pattern[pattern] = remaining
            else:
                self._by_pattern.pop(pattern, None)
        else:
            pipeline_id = PipelineId(watch.reference)
            if remaining := _without(watch, self.of_pipeline(pipeline_id)):
                self._by_pipeline[pipeline_id] = remaining if len(remaining) > 1 else remaining[0]
            else:
                self._by_pipeline.pop(pipeline_id, None)


def _without(watch: Watch, watches: tuple[Watch, ...]) -> tuple[Watch, ...]:
    return tuple(other for other in watches if other is not watch)


def oldest_first(watches: Iterable[Watch]) -> tuple[Watch, ...]:
    """Compares times as numbers, because comparing zoned times is slow. The id decides between equal times."""
    return tuple(sorted(watches, key=lambda watch: (watch.made_at.timestamp(), watch.id)))
