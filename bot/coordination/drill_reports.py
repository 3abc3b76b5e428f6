"""Reports the drills that run: updates each one's message, and ends it with a verdict."""

from dataclasses import replace
from datetime import timedelta

from bot.domain.card import Notice, NoticeKind
from bot.domain.delivery import Delivery, Found, Lookup, Message, Posted, Priority, Unreadable, in_slack
from bot.domain.drill import Drill, with_receipts
from bot.domain.episode import stable_key
from bot.domain.watch import TeamId
from bot.ports.chat import Chat
from bot.ports.clock import Clock
from bot.ports.drill_store import DrillStore
from bot.ports.leadership import LeadershipStatus

REPORT_SECONDS = 2.0
GIVE_UP_AFTER = timedelta(seconds=30)
"""After the end: a message that can't be updated by then gets a second one with the verdict."""
LOOK_BACK = timedelta(minutes=10)  # Slack's clock may differ from Redis'


class DrillReports:
    """`report` runs every few seconds. A drill's row stays until its verdict is out, so a crash only delays it."""

    def __init__(
        self, *, store: DrillStore, chat: Chat, sending_right: LeadershipStatus, clock: Clock, team: TeamId
    ) -> None:
        self._store = store
        self._chat = chat
        self._sending_right = sending_right
        self._clock = clock
        self._team = team

    async def report(self) -> None:
        """
        Raises:
            StoreAway: the next call tries again.
        """
        if not self._sending_right.is_leader:
            return
        for drill in await self._store.drills():
            await self._report(drill)

    async def _report(self, before: Drill) -> None:
        now = self._clock.now()
        drill = with_receipts(before, await self._store.receipts(before.pipeline_id))
        is_posted = drill.hops[0].seconds is not None
        unreadable = False
        if is_posted and not drill.message_id:
            drill, unreadable = await self._located(drill)
        is_updated = True
        if drill.message_id and (drill != before or drill.is_over(now)):
            is_updated = await self._update(drill)
        if drill.is_over(now):
            if drill.message_id and is_updated:
                await self._store.end_drill(drill.channel)
            elif unreadable or not is_posted or now >= drill.ends_at + GIVE_UP_AFTER:
                await self._store.end_drill(drill.channel, [self._message(drill, stable_key(drill.delivery, "end"))])
        elif drill != before and is_updated:
            await self._store.save_drill(drill)

    async def _located(self, drill: Drill) -> tuple[Drill, bool]:
        """The drill with the id of its message, by the key that the message carries. True: nothing can find it."""
        lookup = Lookup(
            receiver=in_slack(self._team, drill.channel),
            key=drill.delivery,
            oldest=f"{(drill.started_at - LOOK_BACK).timestamp():.6f}",
        )
        (result,) = await self._chat.find([lookup])
        if isinstance(result, Found):
            return replace(drill, message_id=result.message_ids[0]), False
        return drill, isinstance(result, Unreadable) and not result.lost and result.retry_after is None

    async def _update(self, drill: Drill) -> bool:
        outcome = await self._chat.update(
            Delivery(message=self._message(drill, drill.delivery)),
            self._notice(drill),
            message_id=drill.message_id,
            now=self._clock.now(),
        )
        return isinstance(outcome, Posted)

    def _message(self, drill: Drill, message_id: str) -> Message:
        return Message(
            id=message_id,
            receiver=in_slack(self._team, drill.channel),
            priority=Priority.FAILURE,
            body=self._notice(drill),
            made_at=self._clock.now(),
        )

    def _notice(self, drill: Drill) -> Notice:
        return Notice(
            kind=NoticeKind.DRILL,
            at=self._clock.now(),
            by=drill.by,
            by_name=drill.by_name,
            channel=drill.channel,
            drill=drill,
        )
