"""Changes a channel's watches. Answers are values; `slack` renders them."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.answer import (
    RefusalAnswer,
    UndoAnswer,
    UndoFate,
    UnmatchedAnswer,
    UnwatchAnswer,
    WatchAnswer,
)
from bot.domain.audit_entries import watch_entries
from bot.domain.catalogue import Pipeline, comparable, matches
from bot.domain.episode import open_failure
from bot.domain.names import Names
from bot.domain.notice import NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.subscription import (
    Edit,
    Excess,
    Undo,
    WatchChange,
    WatchLimits,
    Wish,
    edited_watch,
    excess,
    is_same,
    undone,
)
from bot.domain.watch import ChannelId, UserId, Watch
from bot.ports.channel_store import ChannelStore
from bot.ports.clock import Clock
from bot.ports.store_errors import StoreAway
from bot.ports.watch_store import WatchStore
from bot.requests.announcements import Announcements
from bot.requests.audit_log import emit_changes
from bot.requests.pipeline_views import FRESH_SECONDS, MADE_AT_ONCE, PipelineViews
from bot.requests.references import References, ResolvedReferences
from bot.state.repository import ATTEMPTS, Repository


class Subscriptions:
    """Adds, changes, ends and restores watches, and announces it.

    Plans every change on the known watches, and writes it only if nobody changed them since.
    """

    def __init__(
        self,
        *,
        repository: Repository,
        watch_store: WatchStore,
        channels: ChannelStore,
        references: References,
        views: PipelineViews,
        clock: Clock,
        limits: WatchLimits,
    ) -> None:
        self._repository = repository
        self._watch_store = watch_store
        self._channels = channels
        self._references = references
        self._views = views
        self._clock = clock
        self._limits = limits
        self._announcements = Announcements(repository)

    # --- watch -----------------------------------------------------------------------------------------------------

    async def prepare(
        self, channel: ChannelId, references: Sequence[str], *, confirmed: bool = False, names: Names | None = None
    ) -> ResolvedReferences | WatchAnswer | UnmatchedAnswer:
        """Resolves the references for `watch`, and changes nothing. Returns an answer if there is nothing to watch yet.

        `confirmed` accepts patterns that match nothing now. `names`: the names at the time of parsing.
        """
        resolved = await self._references.resolve(references, channel, names=names)
        if resolved.unresolved:
            return WatchAnswer(channel=channel, unresolved=resolved.unresolved, at=self._clock.now())
        unmatched = None if confirmed else await self._unmatched(channel, resolved.patterns)
        return unmatched or resolved

    async def watch(self, channel: ChannelId, resolved: ResolvedReferences, wish: Wish) -> WatchAnswer | RefusalAnswer:
        """Subscribes a channel, and opens the cards of its open failures. Returns the pipelines' states."""
        answer = await self._subscribe(channel, resolved, wish)
        return answer if isinstance(answer, RefusalAnswer) else await self._with_states(answer)

    async def _unmatched(self, channel: ChannelId, patterns: Sequence[str]) -> UnmatchedAnswer | None:
        current = {watch.reference.lower() for watch in self._repository.watches.in_channel(channel)}
        new = [pattern for pattern in patterns if pattern.lower() not in current]
        empty = [pattern for pattern in new if not await self._matches_any(pattern)]
        if not empty:
            return None
        names = await self._references.fresh_names(channel)
        empty = [pattern for pattern in empty if not await self._matches_any(pattern)]
        nearest = dict.fromkeys(
            near for pattern in empty for near in names.nearest(comparable(pattern).replace("*", ""))
        )
        return UnmatchedAnswer(patterns=tuple(empty), nearest=tuple(nearest), at=self._clock.now()) if empty else None

    async def _matches_any(self, pattern: str) -> bool:
        await asyncio.sleep(0)  # matching a pattern is slow: let reads and alerts run in between
        return self._repository.matches_any(pattern)

    async def _subscribe(
        self, channel: ChannelId, resolved: ResolvedReferences, wish: Wish
    ) -> WatchAnswer | RefusalAnswer:
        labels = {str(pipeline.id): pipeline.name for pipeline in resolved.pipelines} | {
            pattern: pattern for pattern in resolved.patterns
        }
        for _ in range(ATTEMPTS):
            at, watches = self._clock.now(), self._repository.watches
            current = {watch.id: watch for watch in watches.in_channel(channel)}
            edits, unchanged = _edits(channel, labels, wish, current, at)
            if too_many := excess(current.values(), edits, self._limits):
                return self._refuse(too_many)
            undo = self._announcements.undo(channel, wish.by, wish.by_name, at, edits)
            answer = WatchAnswer(
                channel=channel, edits=edits, unchanged=unchanged, undo=undo.id if edits else "", at=at
            )
            if not edits:
                await self._channels.resume(channel)  # a new watch means that the channel wants messages again
                return answer
            messages = self._announcements.messages(NoticeKind.WATCHING, undo)
            change = WatchChange(
                version=watches.version,
                channel=channel,
                edits=edits,
                announcements=messages,
                undo=undo,
                by=wish.by,
                by_name=wish.by_name,
            )
            if await self._write(change):
                return answer
        raise StoreAway(f"other bots changed the watches of {channel} first, {ATTEMPTS} times in a row")

    async def _with_states(self, answer: WatchAnswer) -> WatchAnswer:
        """Adds the current state of the watched pipelines."""
        watched = (*answer.added, *answer.unchanged)
        covered = self._repository.in_order(watched)
        fresh = FRESH_SECONDS if len(covered) <= 5 else self._views.recent_seconds
        if len(covered) > MADE_AT_ONCE:
            matched, _ = await self._views.answered(covered, answer.channel, older_than=fresh)
        else:
            pipelines = list(map(self._repository.pipeline, covered))
            matched = await self._views.refreshed(pipelines, answer.channel, older_than=fresh)
        await self._repository.welcome([answer.channel])
        return replace(answer, matched=matched, at=self._clock.now())

    def _refuse(self, too_many: Excess) -> RefusalAnswer:
        if too_many is Excess.PATTERNS:
            reason = f"A channel can watch {self._limits.patterns} patterns at most. Nothing was changed."
            return RefusalAnswer(reason=reason, hint="Remove one that nobody needs, or use a wider pattern.")
        reason = f"A channel can have {self._limits.watches} watches at most. Nothing was changed."
        return RefusalAnswer(reason=reason, hint="Remove some that nobody needs, or use a pattern for many pipelines.")

    # --- unwatch ---------------------------------------------------------------------------------------------------

    async def unwatch(
        self,
        channel: ChannelId,
        references: Sequence[str] | None,
        by: UserId,
        by_name: str = "",
        *,
        names: Names | None = None,
    ) -> UnwatchAnswer:
        """Ends watches and the cards that nobody else watches.

        `references` None: all of the channel's watches. `names`: the names at the time of parsing.
        """
        at = self._clock.now()
        if references is None:
            return await self._end(channel, None, by, by_name)
        resolved = await self._references.resolve(references, channel, ending=True, names=names)
        if resolved.unresolved:
            return UnwatchAnswer(channel=channel, unresolved=resolved.unresolved, at=at)
        current = self._repository.watches.in_channel(channel)
        current_references = {watch.reference.lower() for watch in current}
        unwatched = [pattern for pattern in resolved.patterns if pattern.lower() not in current_references]
        if covered := [watch for watch in current if any(self._is_within(watch, pattern) for pattern in unwatched)]:
            named = [watch for watch in current if _is_named(watch, resolved)]
            ending = {watch.id: self._repository.named(watch) for watch in (*named, *covered)}
            return UnwatchAnswer(channel=channel, would_end=tuple(ending.values()), at=at)
        # An earlier unwatch may have stopped before this step.
        await self._repository.forget((pipeline.id for pipeline in resolved.pipelines), at, [channel])
        return await self._end(channel, resolved, by, by_name)

    async def _end(
        self, channel: ChannelId, resolved: ResolvedReferences | None, by: UserId, by_name: str
    ) -> UnwatchAnswer:
        for _ in range(ATTEMPTS):
            at, watches = self._clock.now(), self._repository.watches
            current = watches.in_channel(channel)
            ending = tuple(watch for watch in current if resolved is None or _is_named(watch, resolved))
            answer = self._ended(channel, current, ending, resolved, at)
            if not ending:
                return answer
            edits = tuple(Edit(before=watch) for watch in ending)
            undo = self._announcements.undo(channel, by, by_name, at, edits)
            left = self._failing(channel, [watch for watch in current if watch not in ending])
            staying = self._staying(current, ending)
            messages = self._announcements.messages(NoticeKind.UNWATCHED, undo, staying, left)
            change = WatchChange(
                version=watches.version,
                channel=channel,
                edits=edits,
                announcements=messages,
                undo=undo,
                by=by,
                by_name=by_name,
            )
            covered = self._covered(channel, ending)
            if await self._write(change):
                await self._forget(channel, ending, covered, at)
                return replace(answer, undo=undo.id, failing=left)
        raise StoreAway(f"other bots changed the watches of {channel} first, {ATTEMPTS} times in a row")

    def _failing(self, channel: ChannelId, staying: Sequence[Watch]) -> int:
        """How many failures go on and have a card in the channel that no watch of `staying` updates."""
        episodes = (episode for episode in self._repository.open_episodes if open_failure(episode))
        failing = [self._repository.pipeline(it.pipeline_id) for it in episodes if it.card_in(channel)]
        return sum(not any(watch.covers(pipeline) for watch in staying) for pipeline in failing)

    def _ended(
        self,
        channel: ChannelId,
        current: Sequence[Watch],
        ending: Sequence[Watch],
        resolved: ResolvedReferences | None,
        at: datetime,
    ) -> UnwatchAnswer:
        ended = {watch.reference.lower() for watch in ending}
        named = resolved or ResolvedReferences((), (), ())
        staying = [watch for watch in current if watch not in ending]
        covered = {pipeline.name for pipeline in named.pipelines if any(watch.covers(pipeline) for watch in staying)}
        uncovered = [
            pipeline.name
            for pipeline in named.pipelines
            if pipeline.id.lower() not in ended and pipeline.name not in covered
        ]
        patterns = tuple(watch for watch in staying if any(watch.covers(pipeline) for pipeline in named.pipelines))
        return UnwatchAnswer(
            channel=channel,
            removed=tuple(self._repository.named(watch) for watch in ending),
            not_watched=(*uncovered, *(pattern for pattern in named.patterns if pattern.lower() not in ended)),
            covered=tuple(sorted(covered)),
            still_covered_by=patterns,
            still_watched=tuple(
                watch
                for watch in self._staying(current, ending)
                if watch.id not in {pattern.id for pattern in patterns}
            ),
            at=at,
        )

    def _staying(self, current: Sequence[Watch], ending: Sequence[Watch]) -> tuple[Watch, ...]:
        """The watches that still cover a part of the ended ones."""
        pipelines = self._repository.covered_by(ending)
        staying = (watch for watch in current if watch not in ending)
        return tuple(
            self._repository.named(watch) for watch in staying if pipelines & set(self._repository.covered_by([watch]))
        )

    def _is_within(self, watch: Watch, pattern: str) -> bool:
        """True if a pattern covers the watch's pipeline. If the watch has a pattern too, compares its text."""
        by_text = Pipeline(id=PipelineId(watch.reference), name=watch.reference)
        return matches(pattern, by_text if watch.pattern else self._repository.pipeline(PipelineId(watch.reference)))

    def _covered(self, channel: ChannelId, ending: Sequence[Watch]) -> frozenset[PipelineId]:
        covered = self._repository.covered_by(ending)
        if any(watch.pattern for watch in ending):
            covered |= self._repository.open_episodes_in(channel)  # a rename may have taken one out of the pattern
        return covered

    async def _forget(
        self, channel: ChannelId, ending: Iterable[Watch], covered: Iterable[PipelineId], at: datetime
    ) -> None:
        paged = (target.direct for watch in ending for target in watch.targets if target.direct)
        await self._repository.forget(covered, at, {channel, *paged})

    # --- undo ------------------------------------------------------------------------------------------------------

    async def undo(self, channel: ChannelId, undo_id: str, by: UserId, by_name: str = "") -> UndoAnswer:
        """Restores the watches from before a change, if nobody changed them since."""
        for _ in range(ATTEMPTS):
            undo, watches = await self._watch_store.undo(undo_id), self._repository.watches
            if undo is None or undo.channel != channel:
                return UndoAnswer(channel=channel, fate=UndoFate.GONE)
            edits = undone(undo, {watch.id: watch for watch in watches.in_channel(channel)})
            if edits is None:
                return UndoAnswer(channel=channel, fate=UndoFate.CHANGED_SINCE)
            at, ended = self._clock.now(), tuple(edit.before for edit in edits if edit.before and not edit.after)
            reverse = Undo(id="", channel=channel, by=by, by_name=by_name, at=at, edits=edits)
            messages = self._announcements.messages(NoticeKind.UNDONE, reverse)
            covered = self._covered(channel, ended)
            change = WatchChange(
                version=watches.version,
                channel=channel,
                edits=edits,
                announcements=messages,
                uses=undo_id,
                by=by,
                by_name=by_name,
            )
            if await self._write(change):
                await self._forget(channel, ended, covered, at)
                await self._repository.welcome([channel])
                return UndoAnswer(channel=channel, fate=UndoFate.DONE, edits=edits)
        raise StoreAway(f"other bots changed the watches of {channel} first, {ATTEMPTS} times in a row")

    async def _write(self, change: WatchChange) -> bool:
        written = await self._watch_store.change_watches(change)
        await self._repository.refresh_watches()
        if written:
            emit_changes(watch_entries(change, self._clock.now()))
        return written


def _edits(
    channel: ChannelId, labels: dict[str, str], wish: Wish, current: dict[str, Watch], at: datetime
) -> tuple[tuple[Edit, ...], tuple[Watch, ...]]:
    """The edits, and the watches that need none."""
    edits: dict[str, Edit] = {}
    unchanged: list[Watch] = []
    for reference, label in labels.items():
        key = edited_watch(wish, channel, reference, None, label=label, at=at).id
        before = current.get(key)
        after = edited_watch(wish, channel, reference, before, label=label, at=at)
        if before and is_same(before, after):
            unchanged.append(before)
        else:
            edits[key] = Edit(before=before, after=after)
    return tuple(edits.values()), tuple(unchanged)


def _is_named(watch: Watch, resolved: ResolvedReferences) -> bool:
    wanted = {str(pipeline.id) for pipeline in resolved.pipelines} | {pattern.lower() for pattern in resolved.patterns}
    return watch.reference in wanted or watch.reference.lower() in wanted
