"""Reports the drills that run: updates each one's message, and ends it with a verdict."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.delivery import Delivery, Found, Lookup, Posted, Receiver, Unreadable, in_slack
from bot.domain.drill import PAUSE, Drill, with_receipts
from bot.domain.drill_messages import channel_message, drill_notice, pager_message
from bot.domain.episode import stable_key
from bot.domain.pager import PagerAction
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
            if not drill.is_reported:
                await self._report(drill)
            elif self._clock.now() >= drill.started_at + PAUSE:
                await self._store.remove_drill(drill.channel)

    async def _report(self, before: Drill) -> None:
        now = self._clock.now()
        drill = with_receipts(before, await self._store.receipts(before.pipeline_id))
        drill = await self._with_ended_pages(drill, now)
        is_posted = drill.hops[0].seconds is not None
        unreadable = False
        if is_posted and not drill.message_id:
            drill, unreadable = await self._located(drill)
        if drill != before:
            drill = replace(drill, is_shown=False)
        if drill.message_id and (not drill.is_shown or drill.is_over(now)):
            drill = replace(drill, is_shown=await self._update(drill))
        if not drill.is_over(now):
            if drill != before:
                await self._store.save_drill(drill)
        elif drill.message_id and drill.is_shown:
            await self._store.save_drill(replace(drill, is_reported=True))
        elif unreadable or not is_posted or now >= drill.ends_at + GIVE_UP_AFTER:
            verdict = channel_message(drill, self._team, now, stable_key(drill.delivery, "end"))
            await self._store.enqueue([verdict])
            await self._store.save_drill(replace(drill, is_reported=True))
        elif drill != before:
            await self._store.save_drill(drill)

    async def _with_ended_pages(self, drill: Drill, now: datetime) -> Drill:
        """Ends the test at the pagers that have it. A crash before the row is saved only repeats that."""
        ending = drill.hops_to_end(now)
        if ending:
            receivers = [Receiver.from_name(self._team, hop.receiver) for hop in ending]
            await self._store.enqueue(
                [pager_message(drill, receiver, PagerAction.RESOLVE, now) for receiver in receivers]
            )
        return replace(drill, hops=tuple(replace(hop, ended=hop.ended or hop in ending) for hop in drill.hops))

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
        now = self._clock.now()
        outcome = await self._chat.update(
            Delivery(message=channel_message(drill, self._team, now)),
            drill_notice(drill, now),
            message_id=drill.message_id,
            now=now,
        )
        return isinstance(outcome, Posted)
