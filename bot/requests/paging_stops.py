"""Stops the pages to one person: for some pipelines, or for all. Tells the people who set them up."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.answer import StopPagingAnswer
from bot.domain.audit_entries import watch_entries
from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import stable_key
from bot.domain.notice import Notice, NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.on_call_setup import SavedPolicy, SavedSchedule, SavedShadow
from bot.domain.schedule_state import policy_targets
from bot.domain.setup import Setup
from bot.domain.subscription import Edit, WatchChange
from bot.domain.watch import ChannelId, Target, TargetKind, UserId, Watch
from bot.ports.cards import Cards
from bot.ports.chat import ChatAway
from bot.ports.clock import Clock
from bot.ports.conversations import DirectConversations
from bot.ports.outbox import Outbox
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.requests import MakerNotReached
from bot.ports.watch_store import WatchStore
from bot.requests.audit_log import emit_changes
from bot.state.repository import ATTEMPTS, Repository


class PagingStops:
    """Removes a person from watches. Anyone may stop their own pages, even in a channel that they are not in."""

    def __init__(
        self,
        *,
        repository: Repository,
        watch_store: WatchStore,
        cards: Cards,
        outbox: Outbox,
        conversations: DirectConversations,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._watch_store = watch_store
        self._cards = cards
        self._outbox = outbox
        self._conversations = conversations
        self._clock = clock

    async def pipelines_of(self, group_key: str) -> tuple[PipelineId, ...]:
        """The pipelines of a group's message."""
        return tuple(card.content.pipeline.id for card in await self._cards.group(group_key))

    async def stop(self, person: UserId, pipeline_ids: Collection[PipelineId] | None) -> StopPagingAnswer:
        """Removes the person from every watch that pages them for one of these pipelines; None: from every watch."""
        await self._repository.refresh_watches()
        paging = [watch for watch in self._repository.watches.all if _pages(watch, person)]
        pipelines = [self._repository.pipeline(pipeline_id) for pipeline_id in pipeline_ids or ()]
        affected = [
            watch for watch in paging if pipeline_ids is None or any(watch.covers(pipeline) for pipeline in pipelines)
        ]
        for channel in dict.fromkeys(watch.channel for watch in affected):
            await self._edit(channel, person, [watch for watch in affected if watch.channel == channel])
        await self._end_direct_cards(person, affected)
        await self._repository.redraw(self._repository.covered_by(affected))
        setup, at = self._repository.watches.setup, self._clock.now()
        return StopPagingAnswer(
            by=person,
            pipelines=tuple(pipelines),
            stopped=tuple(affected),
            covers=self._covers(affected),
            others=len(paging) - len(affected),
            policies=_policies(setup, person),
            schedules=_schedules(setup, person),
            shadows=_shadows(setup, person, at),
            at=at,
        )

    async def _edit(self, channel: ChannelId, person: UserId, watches: Sequence[Watch]) -> None:
        """Changes and announces the watches in one step. Then tells their makers by direct message.

        The person's own direct messages get no announcement, because the person reads the answer to the click.
        """
        own = any(
            target.direct == channel for watch in watches for target in watch.targets if _is_person(target, person)
        )
        ids = {watch.id for watch in watches}
        for _ in range(ATTEMPTS):
            at, known = self._clock.now(), self._repository.watches
            now = [watch for watch in known.in_channel(channel) if watch.id in ids and _pages(watch, person)]
            edited = tuple(replace(watch, targets=_without(watch.targets, person)) for watch in now)
            if not edited:
                return
            notice = Notice(
                kind=NoticeKind.PAGING_STOPPED,
                at=at,
                by=person,
                by_name=_name(now, person),
                watches=edited,
                covers=self._covers(edited),
            )
            change = WatchChange(
                version=known.version,
                channel=channel,
                edits=tuple(Edit(before=before, after=after) for before, after in zip(now, edited, strict=True)),
                announcements=() if own else (self._delivery(channel, channel, notice),),
                by=person,
                by_name=notice.by_name,
                resumes=False,
            )
            done = await self._watch_store.change_watches(change)
            await self._repository.refresh_watches()
            if done:
                emit_changes(watch_entries(change, at))
                break
        else:
            raise StoreAway(f"other bots changed the watches of {channel} first, {ATTEMPTS} times in a row")
        await self._tell_makers(channel, notice)

    async def _tell_makers(self, channel: ChannelId, notice: Notice) -> None:
        """Each maker hears of their own watches, except the person who stopped the pages."""
        for maker in dict.fromkeys(watch.made_by for watch in notice.watches if watch.made_by != notice.by):
            made = tuple(watch for watch in notice.watches if watch.made_by == maker)
            await self._tell(maker, replace(notice, watches=made, covers=self._covers(made), channel=channel))

    def _covers(self, watches: Iterable[Watch]) -> tuple[int, ...]:
        return tuple(len(self._repository.covered_by([watch])) for watch in watches)

    async def _tell(self, maker: UserId, notice: Notice) -> None:
        try:
            conversation = await self._conversations.direct(maker)
        except ChatAway as exc:
            emit(MakerNotReached(problem=str(exc)))  # the announcement in the channel has to do
            return
        if conversation:
            await self._outbox.enqueue([self._delivery(conversation, notice.channel or conversation, notice)])

    def _delivery(self, receiver: ChannelId, channel: ChannelId, notice: Notice) -> Message:
        watch_ids = "|".join(watch.id for watch in notice.watches)
        parts = (receiver, channel, notice.kind, str(notice.by), watch_ids, notice.at.isoformat())
        key = stable_key(self._repository.team, *parts)
        return Message(
            id=key,
            receiver=in_slack(self._repository.team, receiver),
            priority=Priority.UPDATE,
            body=notice,
            made_at=notice.at,
        )

    async def _end_direct_cards(self, person: UserId, watches: Iterable[Watch]) -> None:
        """Ends the open cards in the person's direct messages, unless another watch still pages them."""
        watches = tuple(watches)
        directs = {target.direct for watch in watches for target in watch.targets if _is_person(target, person)}
        leaving = {direct for direct in directs if direct}
        await self._repository.forget(self._repository.covered_by(watches), self._clock.now(), leaving)


def _policies(setup: Setup, person: UserId) -> tuple[str, ...]:
    """The policies that name this person. Only people change those: others rely on them."""
    return tuple(
        saved.policy.name
        for saved in setup.all(SavedPolicy)
        if any(_is_person(target, person) for target in policy_targets(saved))
    )


def _schedules(setup: Setup, person: UserId) -> tuple[str, ...]:
    return tuple(
        saved.name for saved in setup.all(SavedSchedule) if any(_is_person(target, person) for target in saved.people)
    )


def _shadows(setup: Setup, person: UserId, at: datetime) -> tuple[SavedShadow, ...]:
    return tuple(row for row in setup.all(SavedShadow) if row.person.id == person and row.end > at)


def _is_person(target: Target, person: UserId) -> bool:
    return target.kind is TargetKind.USER and target.id == person


def _pages(watch: Watch, person: UserId) -> bool:
    return any(_is_person(target, person) for target in watch.targets)


def _without(targets: Sequence[Target], person: UserId) -> tuple[Target, ...]:
    return tuple(target for target in targets if not _is_person(target, person))


def _name(watches: Sequence[Watch], person: UserId) -> str:
    return next(
        (target.label for watch in watches for target in watch.targets if _is_person(target, person) and target.label),
        "",
    )
