"""Changes what a channel watches. Answers are values; `slack` renders them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.answer import (
    Refusal,
    UndoAnswer,
    UndoFate,
    UnmatchedAnswer,
    UnwatchAnswer,
    WatchAnswer,
)
from bot.domain.card import Notice, NoticeKind
from bot.domain.catalogue import Names, Pipeline, looks, matches
from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.observation import PipelineId
from bot.domain.subscription import (
    Edit,
    Excess,
    Limits,
    Undo,
    WatchChange,
    Wish,
    excess,
    is_same,
    no_longer_paged,
    undone,
    wished,
)
from bot.domain.watch import ChannelId, UserId, Watch
from bot.ports.channel_store import ChannelStore
from bot.ports.clock import Clock
from bot.ports.store_errors import StoreAway
from bot.ports.watch_store import WatchStore
from bot.requests.references import Meant, References
from bot.requests.status_reader import FRESH_SECONDS, StatusReader
from bot.state.repository import ATTEMPTS, Repository

Closed = Callable[[], Awaitable[Refusal | None]]
"""Why the bot can't post in a channel; None if it can. Asking may join the channel."""


class Subscriptions:
    """Every change is planned on the watches that are known, and written only if nobody changed them since."""

    def __init__(
        self,
        *,
        repository: Repository,
        watch_store: WatchStore,
        channels: ChannelStore,
        references: References,
        views: StatusReader,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._repository = repository
        self._watch_store = watch_store
        self._channels = channels
        self._references = references
        self._views = views
        self._clock = clock
        self._limits = limits

    # --- watch -----------------------------------------------------------------------------------------------------

    async def watch(
        self,
        channel: ChannelId,
        references: Sequence[str],
        wish: Wish,
        *,
        closed: Closed,
        confirmed: bool = False,
        names: Names | None = None,
    ) -> WatchAnswer | UnmatchedAnswer | Refusal:
        """Subscribes a channel, says how everything stands, and opens the cards of what is wrong already.

        `closed` is asked right before that, once it is known that there is something to watch. `confirmed`: also
        patterns that match nothing now. `names`: what the references were read with.
        """
        meant = await self._references.meant(references, channel, names=names)
        if meant.unresolved:
            return WatchAnswer(channel=channel, unresolved=meant.unresolved, at=self._clock.now())
        if not confirmed and (unmatched := await self._unmatched(channel, meant.patterns)):
            return unmatched
        if refusal := await closed():
            return refusal
        made = await self._make(channel, meant, wish)
        return made if isinstance(made, Refusal) else await self._begun(made)

    async def _unmatched(self, channel: ChannelId, patterns: Sequence[str]) -> UnmatchedAnswer | None:
        there = {watch.reference.lower() for watch in self._repository.watches.of(channel)}
        new = [each for each in patterns if each.lower() not in there]
        empty = [each for each in new if not await self._takes_in_any(each)]
        if not empty:
            return None
        names = await self._references.fresh_names(channel)
        empty = [each for each in empty if not await self._takes_in_any(each)]
        nearest = dict.fromkeys(near for each in empty for near in names.nearest(looks(each).replace("*", "")))
        return UnmatchedAnswer(patterns=tuple(empty), nearest=tuple(nearest), at=self._clock.now()) if empty else None

    async def _takes_in_any(self, pattern: str) -> bool:
        await asyncio.sleep(0)  # each pattern looks at every pipeline: reads and alerts go in between
        return self._repository.takes_in_any(pattern)

    async def _make(self, channel: ChannelId, meant: Meant, wish: Wish) -> WatchAnswer | Refusal:
        labels = {str(each.id): each.name for each in meant.pipelines} | {each: each for each in meant.patterns}
        for _ in range(ATTEMPTS):
            at, watches = self._clock.now(), self._repository.watches
            there = {watch.id: watch for watch in watches.of(channel)}
            edits, same = _edits(channel, labels, wish, there, at)
            if too_many := excess(there.values(), edits, self._limits):
                return self._refuse(too_many)
            undo = self._undo(channel, wish.by, wish.by_name, at, edits)
            answer = WatchAnswer(channel=channel, edits=edits, unchanged=same, undo=undo.id if edits else "", at=at)
            if not edits:
                await self._channels.resume(channel)  # a new watch means that the channel wants messages again
                return answer
            told = (*self._announced(NoticeKind.WATCHING, undo), *self._not_paged(undo))
            if await self._write(
                WatchChange(version=watches.version, channel=channel, edits=edits, told=told, undo=undo)
            ):
                return answer
        raise StoreAway(f"the watches of {channel} were changed by others {ATTEMPTS} times in a row")

    async def _begun(self, answer: WatchAnswer) -> WatchAnswer:
        """With the current state of the watched pipelines."""
        watched = (*answer.added, *answer.unchanged)
        covered = [self._repository.pipeline(each) for each in self._repository.in_order(watched)]
        fresh = FRESH_SECONDS if len(covered) <= 5 else self._views.recent_seconds
        matched = await self._views.of(covered, answer.channel, older_than=fresh)
        await self._repository.welcome([answer.channel])
        return replace(answer, matched=matched, at=self._clock.now())

    def _refuse(self, too_many: Excess) -> Refusal:
        if too_many is Excess.PATTERNS:
            reason = f"A channel can watch {self._limits.patterns} patterns at most. Nothing was changed."
            return Refusal(reason=reason, hint="Remove one that nobody needs, or use a wider pattern.")
        reason = f"A channel can have {self._limits.watches} watches at most. Nothing was changed."
        return Refusal(reason=reason, hint="Remove some that nobody needs, or use a pattern for many pipelines.")

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
        """`references` None means all that the channel watches. `names`: what they were read with."""
        at = self._clock.now()
        if references is None:
            return await self._end(channel, None, by, by_name)
        meant = await self._references.meant(references, channel, ending=True, names=names)
        if meant.unresolved:
            return UnwatchAnswer(channel=channel, unresolved=meant.unresolved, at=at)
        there = self._repository.watches.of(channel)
        own = {watch.reference.lower() for watch in there}
        strange = [each for each in meant.patterns if each.lower() not in own]
        if covered := [watch for watch in there if any(self._is_within(watch, each) for each in strange)]:
            named = [watch for watch in there if _is_named(watch, meant)]
            ending = {watch.id: self._repository.named(watch) for watch in (*named, *covered)}
            return UnwatchAnswer(channel=channel, would_end=tuple(ending.values()), at=at)
        await self._repository.forget((each.id for each in meant.pipelines), at, [channel])  # if that was cut short
        return await self._end(channel, meant, by, by_name)

    async def _end(self, channel: ChannelId, meant: Meant | None, by: UserId, by_name: str) -> UnwatchAnswer:
        for _ in range(ATTEMPTS):
            at, watches = self._clock.now(), self._repository.watches
            there = watches.of(channel)
            going = tuple(watch for watch in there if meant is None or _is_named(watch, meant))
            answer = self._ended(channel, there, going, meant, at)
            if not going:
                return answer
            edits = tuple(Edit(before=watch) for watch in going)
            undo = self._undo(channel, by, by_name, at, edits)
            staying = self._staying(there, going)
            told = (*self._announced(NoticeKind.UNWATCHED, undo, staying), *self._not_paged(undo))
            covered = self._covered(channel, going)
            if await self._write(
                WatchChange(version=watches.version, channel=channel, edits=edits, told=told, undo=undo)
            ):
                await self._forget(channel, going, covered, at)
                return replace(answer, undo=undo.id)
        raise StoreAway(f"the watches of {channel} were changed by others {ATTEMPTS} times in a row")

    def _ended(
        self, channel: ChannelId, there: Sequence[Watch], going: Sequence[Watch], meant: Meant | None, at: datetime
    ) -> UnwatchAnswer:
        gone = {watch.reference.lower() for watch in going}
        named = meant or Meant((), (), ())
        staying = [watch for watch in there if watch not in going]
        covered = {each.name for each in named.pipelines if any(watch.covers(each) for watch in staying)}
        left = [each.name for each in named.pipelines if each.id.lower() not in gone and each.name not in covered]
        patterns = tuple(watch for watch in staying if any(watch.covers(each) for each in named.pipelines))
        return UnwatchAnswer(
            channel=channel,
            removed=tuple(self._repository.named(watch) for watch in going),
            not_watched=(*left, *(each for each in named.patterns if each.lower() not in gone)),
            covered=tuple(sorted(covered)),
            still_covered_by=patterns,
            still_watched=tuple(
                each for each in self._staying(there, going) if each.id not in {it.id for it in patterns}
            ),
            at=at,
        )

    def _staying(self, there: Sequence[Watch], going: Sequence[Watch]) -> tuple[Watch, ...]:
        """The watches that go on covering a part of what ends."""
        ending = self._repository.covered_by(going)
        staying = (watch for watch in there if watch not in going)
        return tuple(
            self._repository.named(watch) for watch in staying if ending & set(self._repository.covered_by([watch]))
        )

    def _is_within(self, watch: Watch, pattern: str) -> bool:
        """Whether a pattern takes in what a watch watches. Of another pattern the text counts."""
        of = Pipeline(id=PipelineId(watch.reference), name=watch.reference)
        return matches(pattern, of if watch.pattern else self._repository.pipeline(PipelineId(watch.reference)))

    def _covered(self, channel: ChannelId, going: Sequence[Watch]) -> frozenset[PipelineId]:
        covered = self._repository.covered_by(going)
        if any(watch.pattern for watch in going):
            covered |= self._repository.stories_in(channel)  # also of what the pattern took in before a rename
        return covered

    async def _forget(
        self, channel: ChannelId, going: Iterable[Watch], covered: Iterable[PipelineId], at: datetime
    ) -> None:
        paged = (target.direct for watch in going for target in watch.targets if target.direct)
        await self._repository.forget(covered, at, {channel, *paged})

    # --- undo ------------------------------------------------------------------------------------------------------

    async def undo(self, channel: ChannelId, undo_id: str, by: UserId, by_name: str = "") -> UndoAnswer:
        """Restores the watches from before a change, if nothing else changed them since."""
        for _ in range(ATTEMPTS):
            undo, watches = await self._watch_store.undo(undo_id), self._repository.watches
            if undo is None or undo.channel != channel:
                return UndoAnswer(channel=channel, fate=UndoFate.GONE)
            edits = undone(undo, {watch.id: watch for watch in watches.of(channel)})
            if edits is None:
                return UndoAnswer(channel=channel, fate=UndoFate.CHANGED_SINCE)
            at, ended = self._clock.now(), tuple(edit.before for edit in edits if edit.before and not edit.after)
            back = Undo(id="", channel=channel, by=by, by_name=by_name, at=at, edits=edits)
            told = (*self._announced(NoticeKind.UNDONE, back), *self._not_paged(back))
            covered = self._covered(channel, ended)
            change = WatchChange(version=watches.version, channel=channel, edits=edits, told=told, uses=undo_id)
            if await self._write(change):
                await self._forget(channel, ended, covered, at)
                await self._repository.welcome([channel])
                return UndoAnswer(channel=channel, fate=UndoFate.DONE, edits=edits)
        raise StoreAway(f"the watches of {channel} were changed by others {ATTEMPTS} times in a row")

    # --- announcements ---------------------------------------------------------------------------------------------

    async def _write(self, change: WatchChange) -> bool:
        written = await self._watch_store.change_watches(change)
        await self._repository.refresh_watches()
        return written

    def _undo(self, channel: ChannelId, by: UserId, by_name: str, at: datetime, edits: tuple[Edit, ...]) -> Undo:
        those = "|".join(edit.id for edit in edits)
        key = stable_key(self._repository.team, channel, "undo", by, those, at.isoformat())
        return Undo(id=key, channel=channel, by=by, by_name=by_name, at=at, edits=edits)

    def _announced(self, kind: NoticeKind, undo: Undo, staying: tuple[Watch, ...] = ()) -> tuple[Message, ...]:
        """In the channel. In a person's own conversation with the bot the answer is enough."""
        if undo.channel.startswith("D"):
            return ()
        after = tuple(self._repository.named(edit.after) for edit in undo.edits if edit.after)
        before = tuple(self._repository.named(edit.before) for edit in undo.edits if edit.before)
        ended = kind is NoticeKind.UNWATCHED
        notice = Notice(
            kind=kind,
            at=undo.at,
            by=undo.by,
            by_name=undo.by_name,
            watches=before if ended else after,
            before=() if ended else before,
            staying=staying,
            undo=undo.id,
        )
        return (self._delivery(undo.channel, notice, *(edit.id for edit in undo.edits)),)

    def _not_paged(self, undo: Undo) -> list[Message]:
        """By direct message, to everyone whom a watch no longer pages."""
        told = []
        for target, watches in no_longer_paged(undo.edits, undo.by).items():
            notice = Notice(
                kind=NoticeKind.NOT_PAGED,
                at=undo.at,
                by=undo.by,
                by_name=undo.by_name,
                watches=tuple(self._repository.named(watch) for watch in watches),
                channel=undo.channel,
            )
            if target.direct:
                told.append(self._delivery(target.direct, notice, undo.channel, *(watch.id for watch in watches)))
        return told

    def _delivery(self, channel: ChannelId, notice: Notice, *parts: str) -> Message:
        key = stable_key(self._repository.team, channel, notice.kind, "|".join(parts), notice.at.isoformat())
        return Message(id=key, receiver=in_slack(channel), priority=Priority.UPDATE, body=notice, made_at=notice.at)


def _edits(
    channel: ChannelId, labels: dict[str, str], wish: Wish, there: dict[str, Watch], at: datetime
) -> tuple[tuple[Edit, ...], tuple[Watch, ...]]:
    """The edits to make, and the watches that need none."""
    edits: dict[str, Edit] = {}
    same: list[Watch] = []
    for reference, label in labels.items():
        key = wished(wish, channel, reference, None, label=label, at=at).id
        before = there.get(key)
        after = wished(wish, channel, reference, before, label=label, at=at)
        if before and is_same(before, after):
            same.append(before)
        else:
            edits[key] = Edit(before=before, after=after)
    return tuple(edits.values()), tuple(same)


def _is_named(watch: Watch, meant: Meant) -> bool:
    wanted = {str(each.id) for each in meant.pipelines} | {each.lower() for each in meant.patterns}
    return watch.reference in wanted or watch.reference.lower() in wanted
