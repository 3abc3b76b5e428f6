"""Changes what a channel watches. Answers are values; `slack` renders them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from bot.domain.answer import PipelineView, Refusal, UnwatchAnswer, WatchAnswer
from bot.domain.card import Notice, NoticeKind
from bot.domain.delivery import Delivery, Priority
from bot.domain.episode import digest
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, Target, UserId, Watch
from bot.ports import Clock
from bot.watching.references import References
from bot.watching.roster import Roster
from bot.watching.views import FRESH_SECONDS, Views

Closed = Callable[[], Awaitable[Refusal | None]]
"""Why no message gets to a channel; None where they do. It may be joined by asking."""


class Subscriptions:
    def __init__(self, *, roster: Roster, references: References, views: Views, clock: Clock) -> None:
        self._roster = roster
        self._references = references
        self._views = views
        self._clock = clock

    async def watch(
        self,
        channel: ChannelId,
        references: Sequence[str],
        *,
        events: frozenset[Event] | None,
        targets: tuple[Target, ...],
        by: UserId,
        by_name: str = "",
        closed: Closed,
    ) -> WatchAnswer | Refusal:
        """Subscribes a channel, says how everything stands, and opens the cards of what is wrong already.

        `closed` is asked right before that, once it is known that there is something to watch.
        """
        meant = await self._references.meant(references, channel)
        labels = {str(each.id): each.name for each in meant.pipelines} | {each: each for each in meant.patterns}
        if labels and (refusal := await closed()):
            return refusal
        form = Watch(
            channel=channel,
            reference="",
            events=events,
            targets=targets,
            made_by=by,
            made_by_name=by_name,
            made_at=self._clock.now(),
        )
        wanted = [replace(form, reference=reference, label=label) for reference, label in labels.items()]
        there = {watch.id: watch for watch in self._roster.watches.of(channel)}
        same = tuple(there[each.id] for each in wanted if each.id in there and _same(each, there[each.id]))
        added = tuple(each for each in wanted if each.id not in {watch.id for watch in same})
        matched = await self._begin(channel, added, same) if labels else ()
        at, unresolved = self._clock.now(), meant.unresolved
        return WatchAnswer(channel=channel, added=added, unchanged=same, matched=matched, unresolved=unresolved, at=at)

    async def _begin(
        self, channel: ChannelId, added: tuple[Watch, ...], same: tuple[Watch, ...]
    ) -> tuple[PipelineView, ...]:
        """How what is watched stands now."""
        if added:
            maker, name = added[0].made_by, added[0].made_by_name
            notice = Notice(kind=NoticeKind.WATCHING, at=added[0].made_at, by=maker, by_name=name, watches=added)
            await self._roster.store.add_watches(added, self._announcement(channel, notice))
            await self._roster.refresh_watches()
        await self._roster.store.unpark(channel)  # whoever says it again wants to hear again
        covered = [self._roster.pipeline(each) for each in self._roster.in_order((*added, *same))]
        fresh = FRESH_SECONDS if len(covered) <= 5 else self._views.recent_seconds
        matched = await self._views.of(covered, channel, older_than=fresh)
        await self._roster.welcome([channel])
        return matched

    async def unwatch(
        self, channel: ChannelId, references: Sequence[str] | None, by: UserId, by_name: str = ""
    ) -> UnwatchAnswer:
        """`references` None means all that the channel watches."""
        there = self._roster.watches.of(channel)
        if references is None:
            return UnwatchAnswer(channel=channel, removed=await self._remove(there, by, by_name))
        meant = await self._references.meant(references, channel)
        wanted = {str(each.id) for each in meant.pipelines} | {each.lower() for each in meant.patterns}
        going = tuple(watch for watch in there if watch.reference in wanted or watch.reference.lower() in wanted)
        gone = {watch.reference for watch in going} | {watch.reference.lower() for watch in going}
        left = [each for each in meant.pipelines if each.id not in gone]
        staying = [watch for watch in there if watch not in going]
        named = (each.id for each in meant.pipelines)
        await self._roster.forget(named, self._clock.now(), [channel])  # if that was cut short
        return UnwatchAnswer(
            channel=channel,
            removed=await self._remove(going, by, by_name),
            not_watched=(*(each.name for each in left), *(each for each in meant.patterns if each.lower() not in gone)),
            unresolved=meant.unresolved,
            still_covered_by=tuple(watch for watch in staying if any(watch.covers(each) for each in meant.pipelines)),
        )

    async def _remove(self, watches: tuple[Watch, ...], by: UserId, by_name: str) -> tuple[Watch, ...]:
        if not watches:
            return ()
        covered = self._roster.covered_by(watches)
        if any(watch.pattern for watch in watches):
            covered |= self._roster.stories_in(watches[0].channel)  # also of what the pattern took in before a rename
        notice = Notice(kind=NoticeKind.UNWATCHED, at=self._clock.now(), by=by, by_name=by_name, watches=watches)
        announcement = self._announcement(watches[0].channel, notice)
        await self._roster.store.remove_watches([watch.id for watch in watches], announcement)
        await self._roster.refresh_watches()
        paged = (target.direct for watch in watches for target in watch.targets if target.direct)
        await self._roster.forget(covered, notice.at, {watches[0].channel, *paged})
        return watches

    def _announcement(self, channel: ChannelId, notice: Notice) -> Delivery:
        those = "|".join(watch.id for watch in notice.watches)
        key = digest(self._roster.store.team, channel, notice.kind, those, notice.at.isoformat())
        return Delivery(id=key, channel=channel, priority=Priority.UPDATE, body=notice, made_at=notice.at)


def _same(one: Watch, other: Watch) -> bool:
    return (one.events, one.targets) == (other.events, other.targets)
