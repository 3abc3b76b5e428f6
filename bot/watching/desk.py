"""Answers people: what stands how, and changes of what is watched. Answers are values; `slack` renders them."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from bot.domain.answer import (
    AcknowledgeAllAnswer,
    AcknowledgeAnswer,
    Fate,
    ListAnswer,
    PipelineView,
    Refusal,
    StatusAnswer,
    UnresolvedReference,
    UnwatchAnswer,
    WatchAnswer,
    WatchedView,
    WatchesAnswer,
)
from bot.domain.card import Notice, NoticeKind, SyncCard
from bot.domain.catalogue import Found, Pipeline, Unknown, is_pattern, resolve
from bot.domain.delivery import Delivery, Priority
from bot.domain.episode import Outcome, digest
from bot.domain.observation import PipelineId
from bot.domain.plan import Plan, Record, Scene, plan_acknowledgement, plan_redrawn
from bot.domain.transition import Event
from bot.domain.watch import ChannelId, ParkReason, Target, UserId, Watch
from bot.ports import Clock
from bot.watching.listing import Listing
from bot.watching.poller import Poller
from bot.watching.roster import Roster
from bot.watching.views import FRESH_SECONDS, Views

LISTED_SECONDS = 5.0
UNKNOWN_SECONDS = 1.0  # a name that is not known may be a moment old

Closed = Callable[[], Awaitable[Refusal | None]]
"""Why no message gets to a channel; None where they do. It may be joined by asking."""


@dataclass(frozen=True, slots=True)
class _Meant:
    """What the references of one command mean: patterns stay patterns."""

    pipelines: tuple[Pipeline, ...]
    patterns: tuple[str, ...]
    unresolved: tuple[UnresolvedReference, ...]


class Desk:
    def __init__(self, *, roster: Roster, poller: Poller, listing: Listing, clock: Clock) -> None:
        self._roster = roster
        self._listing = listing
        self._clock = clock
        self._views = Views(roster=roster, poller=poller, clock=clock)

    # --- asking ----------------------------------------------------------------------------------------------------

    async def status(self, channel: ChannelId, references: Sequence[str]) -> StatusAnswer:
        """The pipelines named, read afresh; without a name, what the channel watches."""
        if not references:
            pipelines = [self._roster.pipeline(each) for each in self._covered(self._roster.watches.of(channel))]
            views = await self._views.of(pipelines, channel, older_than=self._views.recent_seconds)
            parked = await self._tried(channel)
            return StatusAnswer(views=views, whole_channel=True, channel=channel, parked=parked, at=self._clock.now())
        meant = await self._meant(references, channel)
        named = {each.id: each for each in meant.pipelines}
        for pattern in meant.patterns:
            named |= {each.id: each for each in _found(pattern, self._roster.catalogue)}
        fresh = FRESH_SECONDS if len(named) <= 5 else self._views.recent_seconds
        views = await self._views.of(named.values(), channel, older_than=fresh)
        return StatusAnswer(views=views, unresolved=meant.unresolved, at=self._clock.now())

    async def browse(self, channel: ChannelId, words: str, first: int, count: int) -> ListAnswer:
        """All pipelines that have every word in name, project or id; of those from `first` on, `count` are read."""
        await self._listing.refresh(older_than=LISTED_SECONDS)
        chosen = _with_words(self._roster.catalogue, words)
        if not chosen:
            await self._listing.refresh()  # somebody looks for what was made a moment ago
            chosen = _with_words(self._roster.catalogue, words)
        page = chosen[first : first + count]
        await self._views.read(page, older_than=self._views.recent_seconds)
        return ListAnswer(
            views=tuple(self._views.known(each, channel) for each in chosen),
            words=words,
            at=self._clock.now(),
            problem=self._listing.problem,
        )

    async def watches(self, channel: ChannelId) -> WatchesAnswer:
        views = []
        for watch in self._roster.watches.of(channel):
            covered = [self._views.known(self._roster.pipeline(each), channel) for each in self._covered([watch])]
            views.append(WatchedView(watch=watch, covers=tuple(covered)))
        await self._roster.refresh_watches()
        parked = await self._tried(channel)
        return WatchesAnswer(channel=channel, watches=tuple(views), parked=parked, at=self._clock.now())

    async def _tried(self, channel: ChannelId) -> ParkReason | None:
        """Why the channel rested until now: whoever asks there may have seen to it, so what it is owed is sent."""
        reason = self._roster.watches.parked.get(channel)
        if reason is not None:
            await self._roster.store.unpark(channel, on_trial=True)
        return reason

    # --- changing --------------------------------------------------------------------------------------------------

    async def watch(
        self,
        channel: ChannelId,
        references: Sequence[str],
        *,
        events: frozenset[Event] | None,
        targets: tuple[Target, ...],
        by: UserId,
        closed: Closed,
    ) -> WatchAnswer | Refusal:
        """Subscribes a channel, says how everything stands, and opens the cards of what is wrong already.

        `closed` is asked right before that, once it is known that there is something to watch.
        """
        meant = await self._meant(references, channel)
        labels = {str(each.id): each.name for each in meant.pipelines} | {each: each for each in meant.patterns}
        if labels and (refusal := await closed()):
            return refusal
        form = Watch(
            channel=channel, reference="", events=events, targets=targets, made_by=by, made_at=self._clock.now()
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
            notice = Notice(kind=NoticeKind.WATCHING, at=added[0].made_at, by=added[0].made_by, watches=added)
            await self._roster.store.add_watches(added, self._announcement(channel, notice))
            await self._roster.refresh_watches()
        await self._roster.store.unpark(channel)  # whoever says it again wants to hear again
        covered = [self._roster.pipeline(each) for each in self._covered((*added, *same))]
        fresh = FRESH_SECONDS if len(covered) <= 5 else self._views.recent_seconds
        matched = await self._views.of(covered, channel, older_than=fresh)
        await self._roster.welcome([channel])
        return matched

    async def unwatch(self, channel: ChannelId, references: Sequence[str] | None, by: UserId) -> UnwatchAnswer:
        """`references` None means all that the channel watches."""
        there = self._roster.watches.of(channel)
        if references is None:
            return UnwatchAnswer(channel=channel, removed=await self._remove(there, by))
        meant = await self._meant(references, channel)
        wanted = {str(each.id) for each in meant.pipelines} | {each.lower() for each in meant.patterns}
        going = tuple(watch for watch in there if watch.reference in wanted or watch.reference.lower() in wanted)
        gone = {watch.reference for watch in going} | {watch.reference.lower() for watch in going}
        left = [each for each in meant.pipelines if each.id not in gone]
        staying = [watch for watch in there if watch not in going]
        named = (each.id for each in meant.pipelines)
        await self._roster.forget(named, self._clock.now(), [channel])  # if that was cut short
        return UnwatchAnswer(
            channel=channel,
            removed=await self._remove(going, by),
            not_watched=(*(each.name for each in left), *(each for each in meant.patterns if each.lower() not in gone)),
            unresolved=meant.unresolved,
            still_covered_by=tuple(watch for watch in staying if any(watch.covers(each) for each in meant.pipelines)),
        )

    async def _remove(self, watches: tuple[Watch, ...], by: UserId) -> tuple[Watch, ...]:
        if not watches:
            return ()
        covered = self._roster.covered_by(watches)
        notice = Notice(kind=NoticeKind.UNWATCHED, at=self._clock.now(), by=by, watches=watches)
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

    # --- buttons ---------------------------------------------------------------------------------------------------

    async def acknowledge(
        self, channel: ChannelId, pipeline_id: PipelineId, card_key: str, by: UserId
    ) -> AcknowledgeAnswer:
        """Answers the failure that this very card shows; a card of an earlier one changes nothing."""
        at = self._clock.now()

        def make(record: Record, scene: Scene) -> Plan | None:
            """Looked at anew at each try: another failure may have begun meanwhile, which nobody has seen."""
            shown = record.episode is not None and card_key in record.episode.told
            return plan_acknowledgement(record, scene, by, at) if shown else None

        card = (await self._roster.store.cards([card_key])).get(card_key)
        if card and not self._covers(card.content.pipeline):
            await self._roster.forget([pipeline_id], at)  # whoever ended the last watch died over it
        plan = await self._roster.write(pipeline_id, make)
        now = self._roster.record(pipeline_id).episode
        answered = now.acknowledged if now and now.open and card_key in now.told else None
        if answered is None:
            return await self._stale(channel, pipeline_id, card_key)
        if plan is None:
            await self._draw_again(channel, card_key)
        return AcknowledgeAnswer(
            pipeline=self._roster.pipeline(pipeline_id),
            fate=Fate.ACKNOWLEDGED if plan else Fate.ANSWERED,
            by=answered.by,
            at=answered.at,
        )

    async def _stale(self, channel: ChannelId, pipeline_id: PipelineId, card_key: str) -> AcknowledgeAnswer:
        """What became of the failure that an old card shows, as far as the store knows."""
        card = (await self._roster.store.cards([card_key])).get(card_key)
        if card is None:
            return await self._forgotten(channel, self._roster.pipeline(pipeline_id))
        await self._draw_again(channel, card_key)
        pipeline, episode = card.content.pipeline, card.content.episode
        fate = Fate.UNWATCHED if episode.open or episode.outcome is Outcome.UNWATCHED else Fate.OVER
        return AcknowledgeAnswer(pipeline=pipeline, fate=fate, watched=self._covers(pipeline))

    async def _forgotten(self, channel: ChannelId, pipeline: Pipeline) -> AcknowledgeAnswer:
        """How it stands now is all that is known: read afresh, where it is listed."""
        listed = [each for each in self._roster.catalogue if each.id == pipeline.id]
        views = await self._views.of(listed, channel, older_than=FRESH_SECONDS)
        stands = StatusAnswer(views=views, at=self._clock.now()) if views else None
        return AcknowledgeAnswer(pipeline=pipeline, fate=Fate.UNKNOWN, watched=self._covers(pipeline), stands=stands)

    def _covers(self, pipeline: Pipeline) -> bool:
        """Whether somebody watches it. By its name, also where no listing has it any more."""
        return any(watch.covers(pipeline) for watch in self._roster.watches.all)

    async def _draw_again(self, channel: ChannelId, card_key: str) -> None:
        """The button was stale, so what the card shows may be too."""
        row = Delivery(
            id=card_key,
            channel=channel,
            priority=Priority.UPDATE,
            body=SyncCard(card_key),
            made_at=self._clock.now(),
        )
        await self._roster.store.tell([row], redrawn=[card_key])

    async def acknowledge_storm(self, channel: ChannelId, storm_key: str, by: UserId) -> AcknowledgeAllAnswer:
        """Answers every failure of one message that nobody has answered yet."""
        cards = [card.content for card in await self._roster.store.storm(storm_key)]
        answers = [await self.acknowledge(channel, card.pipeline.id, card.key, by) for card in cards]
        return AcknowledgeAllAnswer(
            acknowledged=sum(answer.fate is Fate.ACKNOWLEDGED for answer in answers), known=len(cards)
        )

    async def refresh(self, channel: ChannelId, pipeline_id: PipelineId) -> StatusAnswer:
        """Reads afresh and draws the open card anew, so that it says how old its reading is."""
        views = await self._views.of([self._roster.pipeline(pipeline_id)], channel, older_than=FRESH_SECONDS)
        await self._roster.write(pipeline_id, plan_redrawn)
        return StatusAnswer(views=views, at=self._clock.now())

    # --- what is meant ---------------------------------------------------------------------------------------------

    async def _meant(self, references: Sequence[str], channel: ChannelId) -> _Meant:
        """Resolves against what is listed, and where a name is unknown against a fresh listing."""
        known = [*self._roster.catalogue, *self._unlisted(channel)]
        if not known or any(isinstance(resolve(each, known), Unknown) for each in references):
            await self._listing.refresh(older_than=UNKNOWN_SECONDS)
            known = [*self._roster.catalogue, *self._unlisted(channel)]
        patterns = [each for each in references if is_pattern(each)]
        resolved = [resolve(each, known) for each in references if not is_pattern(each)]
        return _Meant(
            pipelines=tuple(each for one in resolved if isinstance(one, Found) for each in one.pipelines),
            patterns=tuple(patterns),
            unresolved=tuple(one for one in resolved if not isinstance(one, Found)),
        )

    def _unlisted(self, channel: ChannelId) -> list[Pipeline]:
        """What the channel watches though no listing shows it: it can still be asked for, and unwatched, by name."""
        listed = {each.id for each in self._roster.catalogue}
        exact = [watch for watch in self._roster.watches.of(channel) if not watch.pattern]
        return [self._roster.pipeline(PipelineId(each.reference)) for each in exact if each.reference not in listed]

    def _covered(self, watches: Iterable[Watch]) -> list[PipelineId]:
        covered = self._roster.covered_by(tuple(watches))
        return sorted(covered, key=lambda each: (self._roster.pipeline(each).name.lower(), each))


def _found(reference: str, catalogue: Iterable[Pipeline]) -> tuple[Pipeline, ...]:
    resolution = resolve(reference, catalogue)
    return resolution.pipelines if isinstance(resolution, Found) else ()


def _with_words(catalogue: Iterable[Pipeline], words: str) -> list[Pipeline]:
    wanted = words.lower().split()
    chosen = [each for each in catalogue if all(word in _spoken(each) for word in wanted)]
    return sorted(chosen, key=lambda each: (each.project.lower(), each.name.lower(), each.id))


def _spoken(pipeline: Pipeline) -> str:
    return f"{pipeline.name} {pipeline.project} {pipeline.id}".lower()


def _same(one: Watch, other: Watch) -> bool:
    return (one.events, one.targets) == (other.events, other.targets)
