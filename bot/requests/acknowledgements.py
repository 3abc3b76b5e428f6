"""Acknowledges failures by their cards. Answers are values; `slack` renders them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from bot.domain.answer import AcknowledgeAllAnswer, AcknowledgeAnswer, AcknowledgeFate, StatusAnswer
from bot.domain.audit_entries import action_entries
from bot.domain.card import Card, PostedCard, SyncCard
from bot.domain.catalogue import Pipeline
from bot.domain.delivery import Message, Priority, in_slack
from bot.domain.episode import Acknowledgement, Episode, EpisodeOutcome
from bot.domain.observation import PipelineId
from bot.domain.page_plan import plan_acknowledgement, plan_resolved
from bot.domain.plan import Plan, Record
from bot.domain.routing import Routing
from bot.domain.silence import SilenceNote
from bot.domain.watch import ChannelId, UserId
from bot.ports.alias_store import AliasStore
from bot.ports.cards import Cards
from bot.ports.clock import Clock
from bot.ports.outbox import Outbox
from bot.requests.answer_terms import NO_TERMS, Terms
from bot.requests.audit_log import emit_changes
from bot.requests.pipeline_views import FRESH_SECONDS, PipelineViews
from bot.requests.takeover_notices import TakeoverNotices
from bot.state.repository import MakePlan, Repository

ACKNOWLEDGED_AT_ONCE = 20  # these share a step of the store


class Acknowledgements:
    """Acknowledges one failure, or all failures in a group's message."""

    def __init__(
        self,
        *,
        repository: Repository,
        cards: Cards,
        aliases: AliasStore,
        outbox: Outbox,
        views: PipelineViews,
        takeovers: TakeoverNotices,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._cards = cards
        self._aliases = aliases
        self._outbox = outbox
        self._views = views
        self._takeovers = takeovers
        self._clock = clock

    @property
    def now(self) -> datetime:
        return self._clock.now()

    async def holds(self, channel: ChannelId, card_keys: Sequence[str]) -> bool:
        """True if these cards are in this conversation. Anyone can replay a button's value from elsewhere.

        Also true for an unknown card: to acknowledge it changes nothing, and the answer says so.
        """
        cards = await self._cards.cards(card_keys)
        return all([await self._is_in(channel, card) for card in cards.values()])

    async def holds_group(self, channel: ChannelId, group_key: str) -> bool:
        """As `holds`, for the cards of a group."""
        cards = await self._cards.group(group_key)
        return all([await self._is_in(channel, card) for card in cards])

    async def _is_in(self, channel: ChannelId, card: PostedCard) -> bool:
        """The bot may have posted the card under another id of the channel."""
        posted_in = card.content.channel
        return posted_in == channel or (await self._aliases.aliases()).stable(posted_in) == channel

    def open_failure_in(self, channel: ChannelId, pipeline_id: PipelineId) -> str | None:
        """The key of the card that shows the pipeline's open failure, or what else pages, in this conversation."""
        episode = self._repository.record(pipeline_id).episode
        if episode is None or not episode.open or not (episode.answerable or episode.resolved):
            return None
        return episode.card_in(channel)

    def held_back_in(self, channel: ChannelId, pipeline: Pipeline) -> SilenceNote | None:
        """The silence because of which an open failure has no card in this conversation."""
        episode, at = self._repository.record(pipeline.id).episode, self._clock.now()
        if episode is None or not episode.answerable or episode.card_in(channel):
            return None
        silence = self._repository.routing(pipeline).silence_in(channel, episode.kind, at)
        return silence.note(at) if silence else None

    async def acknowledge(
        self,
        channel: ChannelId,
        pipeline_id: PipelineId,
        card_key: str,
        by: UserId,
        *,
        name: str = "",
        place: str = "",
        terms: Terms = NO_TERMS,
    ) -> AcknowledgeAnswer:
        """Acknowledges, snoozes or takes over the failure that this card shows. An earlier failure changes nothing."""
        answer = Acknowledgement(
            by=by,
            at=self._clock.now(),
            name=name,
            place=place,
            channel=channel,
            until=terms.until,
            snoozed=terms.snoozed,
            remark=terms.remark,
        )

        def make(record: Record, routing: Routing) -> Plan | None:
            return plan_acknowledgement(record, routing, answer, takes_over=terms.takes_over)

        return await self._answered(channel, pipeline_id, card_key, make, by)

    async def resolve(
        self, channel: ChannelId, card_key: str, by: UserId, *, name: str = "", place: str = "", remark: str = ""
    ) -> AcknowledgeAnswer:
        """Ends the paging for the failure that this card shows, even if it goes on."""
        answer = Acknowledgement(by=by, at=self._clock.now(), name=name, place=place, channel=channel, remark=remark)

        def make(record: Record, routing: Routing) -> Plan | None:
            return plan_resolved(record, routing, answer)

        return await self._answered(channel, await self.pipeline_of(card_key), card_key, make, by)

    async def card(self, card_key: str) -> Card | None:
        """The latest content of a card. None if the store does not know it."""
        card = (await self._cards.cards([card_key])).get(card_key)
        return card.content if card else None

    async def pipeline_of(self, card_key: str) -> PipelineId:
        """Empty if the store does not know the card."""
        card = await self.card(card_key)
        return card.pipeline.id if card else PipelineId("")

    async def _answered(
        self, channel: ChannelId, pipeline_id: PipelineId, card_key: str, make_answer: MakePlan, by: UserId
    ) -> AcknowledgeAnswer:
        before: Acknowledgement | None = None

        def make(record: Record, routing: Routing) -> Plan | None:
            """Checks again at each attempt: a new, unseen failure may have begun."""
            nonlocal before
            if record.episode is None or card_key not in record.episode.cards:
                return None
            before = record.episode.acknowledged
            return make_answer(record, routing)

        card = (await self._cards.cards([card_key])).get(card_key)
        if card and not self._covers(card.content.pipeline):
            # A bot ended the last watch, and stopped before it ended the episode.
            await self._repository.forget([pipeline_id], self._clock.now())
        plan = await self._repository.write(pipeline_id, make)
        emit_changes(action_entries(plan) if plan else ())
        episode = self._repository.record(pipeline_id).episode
        current = episode if episode and episode.open and card_key in episode.cards else None
        found = (current.resolved or current.acknowledged) if current else None
        if current is None or found is None:
            return await self._stale(channel, pipeline_id, card_key)
        if plan is None:
            await self._draw_again(channel, card_key)
        elif before:
            await self._takeovers.tell(before, current, self._repository.pipeline(pipeline_id), card_key)
        return _answer(self._repository.pipeline(pipeline_id), current, found, by, changed=plan is not None)

    async def acknowledge_group(
        self,
        channel: ChannelId,
        group_key: str,
        by: UserId,
        *,
        name: str = "",
        place: str = "",
        terms: Terms = NO_TERMS,
    ) -> AcknowledgeAllAnswer:
        """Acknowledges or snoozes the failures of one message. Those that somebody else has stay with that person."""

        async def act(card: Card) -> AcknowledgeAnswer:
            return await self.acknowledge(channel, card.pipeline.id, card.key, by, name=name, place=place, terms=terms)

        answers = await self._of_each(await self._cards.group(group_key), act)
        elsewhere = [answer for answer in answers if answer.fate is AcknowledgeFate.ALREADY_ACKNOWLEDGED]
        return AcknowledgeAllAnswer(
            acknowledged=sum(answer.fate is AcknowledgeFate.ACKNOWLEDGED for answer in answers),
            known=len(answers),
            until=terms.until,
            snoozed=terms.snoozed,
            others=tuple(answer.by_name for answer in elsewhere if answer.by != by),
        )

    async def resolve_group(
        self, channel: ChannelId, group_key: str, by: UserId, *, name: str = "", place: str = "", remark: str = ""
    ) -> AcknowledgeAllAnswer:
        """Ends the paging for each open failure of one message, also for those that somebody has."""

        async def act(card: Card) -> AcknowledgeAnswer:
            return await self.resolve(channel, card.key, by, name=name, place=place, remark=remark)

        answers = await self._of_each(await self._cards.group(group_key), act)
        ended = sum(answer.fate is AcknowledgeFate.RESOLVED and answer.changed for answer in answers)
        return AcknowledgeAllAnswer(acknowledged=ended, known=len(answers), resolved=True)

    async def acknowledge_called(
        self, channel: ChannelId, card_keys: Sequence[str], by: UserId, *, name: str = "", place: str = ""
    ) -> AcknowledgeAllAnswer:
        """Acknowledges the failures that a call names. The answer names those that nobody had."""

        async def act(card: Card) -> AcknowledgeAnswer:
            return await self.acknowledge(channel, card.pipeline.id, card.key, by, name=name, place=place)

        answers = await self._of_each(tuple((await self._cards.cards(card_keys)).values()), act)
        names = [answer.pipeline.name for answer in answers if answer.fate is AcknowledgeFate.ACKNOWLEDGED]
        return AcknowledgeAllAnswer(acknowledged=len(names), known=len(answers), names=tuple(sorted(names)))

    async def _of_each(
        self, posted: Sequence[PostedCard], act: Callable[[Card], Awaitable[AcknowledgeAnswer]]
    ) -> list[AcknowledgeAnswer]:
        """Acts on each of these failures, several at a time."""
        cards = [card.content for card in posted]
        answers: list[AcknowledgeAnswer] = []
        for first in range(0, len(cards), ACKNOWLEDGED_AT_ONCE):
            answers += await asyncio.gather(*map(act, cards[first : first + ACKNOWLEDGED_AT_ONCE]))
        return answers

    async def members(self, channel: ChannelId, group_key: str) -> tuple[Card, ...] | None:
        """The cards of a group in this conversation. None if it is a group of another one."""
        cards = await self._cards.group(group_key)
        return tuple(card.content for card in cards) if await self.holds_group(channel, group_key) else None

    async def group_of(self, card_key: str) -> str:
        """The key of the group whose message shows the card; empty if the store knows none."""
        card = (await self._cards.cards([card_key])).get(card_key)
        return card.group or "" if card else ""

    async def acknowledge_member(
        self,
        channel: ChannelId,
        card_key: str,
        by: UserId,
        *,
        name: str = "",
        place: str = "",
        terms: Terms = NO_TERMS,
    ) -> AcknowledgeAnswer | AcknowledgeAllAnswer:
        """As `acknowledge`, by the card alone."""
        pipeline_id = await self.pipeline_of(card_key)
        if not pipeline_id:
            return AcknowledgeAllAnswer(acknowledged=0, known=0)
        return await self.acknowledge(channel, pipeline_id, card_key, by, name=name, place=place, terms=terms)

    async def described(self, channel: ChannelId, card_key: str, by: UserId) -> AcknowledgeAnswer:
        """Who ended the paging of a failure, or how it ended. Changes nothing."""

        def make(_record: Record, _routing: Routing) -> Plan | None:
            return None

        return await self._answered(channel, await self.pipeline_of(card_key), card_key, make, by)

    async def _stale(self, channel: ChannelId, pipeline_id: PipelineId, card_key: str) -> AcknowledgeAnswer:
        """The fate of an old card's failure, as far as the store knows it."""
        card = (await self._cards.cards([card_key])).get(card_key)
        if card is None:
            return await self._forgotten(channel, self._repository.pipeline(pipeline_id))
        await self._draw_again(channel, card_key)
        pipeline, episode = card.content.pipeline, card.content.episode
        fate = (
            AcknowledgeFate.UNWATCHED
            if episode.open or episode.outcome is EpisodeOutcome.UNWATCHED
            else AcknowledgeFate.OVER
        )
        return AcknowledgeAnswer(
            pipeline=pipeline, fate=fate, watched=self._covers(pipeline), ended=None if episode.open else episode
        )

    async def _forgotten(self, channel: ChannelId, pipeline: Pipeline) -> AcknowledgeAnswer:
        """The store lacks the card: answers with the pipeline's current state. Reads it if a listing has it."""
        listed = [self._repository.listed[pipeline.id]] if pipeline.id in self._repository.listed else []
        views = await self._views.refreshed(listed, channel, older_than=FRESH_SECONDS)
        current = StatusAnswer(views=views, channel=channel, at=self._clock.now()) if views else None
        return AcknowledgeAnswer(
            pipeline=pipeline, fate=AcknowledgeFate.UNKNOWN, watched=self._covers(pipeline), current=current
        )

    def _covers(self, pipeline: Pipeline) -> bool:
        """True if a watch covers the pipeline, even if no listing has it any more."""
        return bool(self._repository.watches_of(pipeline))

    async def _draw_again(self, channel: ChannelId, card_key: str) -> None:
        """Updates the card: a stale button suggests a stale card."""
        row = Message(
            id=card_key,
            receiver=in_slack(self._repository.team, channel),
            priority=Priority.UPDATE,
            body=SyncCard(card_key),
            made_at=self._clock.now(),
        )
        await self._outbox.enqueue([row], redrawn=[card_key])


def _answer(
    pipeline: Pipeline, episode: Episode, found: Acknowledgement, by: UserId, *, changed: bool
) -> AcknowledgeAnswer:
    """`found`: who acknowledged or resolved the failure. `by`: who clicked now."""
    fate = AcknowledgeFate.ACKNOWLEDGED if changed else AcknowledgeFate.ALREADY_ACKNOWLEDGED
    return AcknowledgeAnswer(
        pipeline=pipeline,
        fate=AcknowledgeFate.RESOLVED if episode.resolved else fate,
        by=found.by,
        by_name=found.name,
        at=found.at,
        until=found.until,
        snoozed=found.snoozed,
        changed=changed,
        own=found.by == by,
        taken_from=episode.timeline[-1].instead_of if changed else "",
        remark=found.remark,
    )
