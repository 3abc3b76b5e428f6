"""Starts one worker for each lane with due messages, while this bot is the active sender.

A lease of the lane keeps out the sender before it, which may have been frozen.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from bot.delivery.handover import RENEW_SECONDS, Handover
from bot.delivery.lane_reader import LeaseLostError
from bot.delivery.lane_services import LaneServices
from bot.delivery.lane_worker import LaneWorker
from bot.domain.delivery import Lane, LaneKind
from bot.ports.chat import ChatAway
from bot.ports.lanes import Lanes
from bot.ports.store_errors import StoreAway
from bot.ports.telemetry import emit
from bot.ports.telemetry.delivery import LaneCrashed, LaneInterrupted
from bot.ports.telemetry.store import Component, StoreUnreachable

POLL_SECONDS = 0.5
COALESCE_SECONDS = 0.1  # wakes within this time share one poll: a burst of failures wakes dozens of times a second
LANES_SECONDS = 2.0  # a lane without new rows gets work when a channel resumes or another bot stops
CHAT_AWAY_SECONDS = 5.0  # the pause of a lane after each of these
STORE_AWAY_SECONDS = 1.0
CRASHED_SECONDS = 5.0
SHORTEST_SECONDS = 0.001  # a wait of rounding errors alone may be too short to move the clock
REGROUP_SECONDS = 30.0  # between two regroupings of the suspended lanes


class Dispatcher:
    """Finds the lanes with work twice a second, and at once when `wake` is set. Runs one worker for each."""

    def __init__(self, services: LaneServices, wake: asyncio.Event, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._services = services
        self._carriers = services.carriers
        self._poll_seconds = poll_seconds
        self._lanes: Lanes = services.store
        self._handover = Handover(services)
        self._right = services.sending_right
        self._clock = services.clock
        self._wake = wake
        self._polled = asyncio.Event()
        """Set after a poll that found changes: a new page claims its receiver before the feed continues."""
        self._busy: set[Lane] = set()
        self._without_carrier: set[Lane] = set()
        self._stopped = asyncio.Event()
        self._changes = -1
        """`Lanes.changes` at the last poll."""
        self._started_at = float("-inf")
        self._regrouped_at = float("-inf")

    def stop(self) -> None:
        """Starts no new message. `run` returns when the messages in flight are settled."""
        self._stopped.set()
        self._wake.set()
        self._polled.set()

    async def run(self) -> None:
        """Sends while no other bot does. At the end, it hands over to a bot that stands by."""
        async with asyncio.TaskGroup() as lanes:
            while not self._stopped.is_set():
                try:
                    if not await self._handover.hold():
                        await self._sleep(RENEW_SECONDS, self._stopped)
                        continue
                    await self._poll(lanes)
                except StoreAway as exc:
                    emit(StoreUnreachable(component=Component.DELIVERY, problem=str(exc)))
                    await self._clock.sleep(STORE_AWAY_SECONDS)
                    continue
                await self._sleep(min(COALESCE_SECONDS, self._poll_seconds), self._stopped)
                await self._sleep(self._poll_seconds - COALESCE_SECONDS, self._wake)
        await self._handover.hand_over()

    async def _poll(self, lanes: asyncio.TaskGroup) -> None:
        """Asks for the lanes only if one may have work: while nothing happens, a poll is one small command."""
        woken = self._wake.is_set()
        self._wake.clear()
        before, self._changes = self._changes, await self._lanes.changes()
        now = self._clock.monotonic()
        if woken or before != self._changes or now - self._started_at >= LANES_SECONDS:
            self._started_at = now
            self._start(lanes, await self._lanes.lanes_with_work(), suspended=False)
        if woken or before != self._changes:
            previous, self._polled = self._polled, asyncio.Event()
            previous.set()
        if now - self._regrouped_at >= REGROUP_SECONDS:
            self._regrouped_at = now
            self._start(lanes, await self._lanes.suspended_lanes(), suspended=True)

    def _start(self, tasks: asyncio.TaskGroup, lanes: Iterable[Lane], *, suspended: bool) -> None:
        """A lane of pages claims its receiver before the feed starts, even if the feed reads its rows first."""
        for lane in lanes:
            if lane in self._busy:
                continue
            if lane.receiver.kind not in self._carriers:
                self._report_without_carrier(lane)
                continue
            self._busy.add(lane)
            if lane.kind is LaneKind.PAGES and not suspended:
                self._carriers[lane.receiver.kind].limiter.claim(lane.receiver)
            tasks.create_task(
                self._supervise(lane, suspended=suspended), name=f"{'suspended ' if suspended else ''}lane {lane.name}"
            )

    def _report_without_carrier(self, lane: Lane) -> None:
        """Once for each lane: its messages wait until a later start wires a carrier for this kind."""
        if lane not in self._without_carrier:
            self._without_carrier.add(lane)
            problem = f"this bot is not set up to send to a receiver of the kind {lane.receiver.kind}"
            emit(LaneInterrupted(lane=lane.name, channel=lane.receiver.name, problem=problem))

    async def _sleep(self, seconds: float, until: asyncio.Event) -> None:
        """Sleeps, but no longer than until the event is set."""
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        woken = asyncio.ensure_future(until.wait())
        try:
            await asyncio.wait({timer, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            woken.cancel()

    async def _supervise(self, lane: Lane, *, suspended: bool) -> None:
        """Supervises one lane: its errors stop no other lane. A suspended lane is regrouped but not sent."""
        try:
            await self._work_leased(lane, suspended=suspended)
        except (StoreAway, LeaseLostError) as exc:
            emit(LaneInterrupted(lane=lane.name, channel=lane.receiver.name, problem=str(exc)))
            await self._clock.sleep(STORE_AWAY_SECONDS)
        except ChatAway as exc:  # suspends a channel, but cannot reach the makers of its watches
            emit(LaneInterrupted(lane=lane.name, channel=lane.receiver.name, problem=str(exc)))
            await self._clock.sleep(CHAT_AWAY_SECONDS)
        except Exception as exc:  # noqa: BLE001 (a supervisor: the record has the exception)
            emit(LaneCrashed(lane=lane.name, channel=lane.receiver.name, exception=exc))
            await self._clock.sleep(CRASHED_SECONDS)
        finally:
            self._carriers[lane.receiver.kind].limiter.claims.withdraw(lane)
            self._busy.discard(lane)
            self._started_at = float("-inf")  # rows may have come after the worker's last read

    async def _work_leased(self, lane: Lane, *, suspended: bool) -> None:
        lease = await self._lanes.lease(lane)
        if lease is None:
            return
        try:
            last_id, resumed_at = await self._lanes.last_id(lane), await self._lanes.resumed_at(lane.receiver)
            lane_worker = LaneWorker(self._services, lane, lease, last_id, resumed_at)
            await (lane_worker.reader.regrouped(lease) if suspended else self._drain(lane_worker))
        finally:
            # Released after errors too, so that no worker waits for its expiry. `release` leaves another's lease alone.
            with suppress(StoreAway):
                await self._lanes.release(lease)

    async def _drain(self, lane_worker: LaneWorker) -> None:
        """While the lane can't post, nothing wakes it: a burst of failures would wake all lanes again and again."""
        seen = self._changes
        while self._right.is_leader and not self._stopped.is_set():
            polled, changes = self._polled, self._changes  # taken before the worker reads the rows
            seconds = await lane_worker.step(changed=changes != seen)
            seen = changes
            if seconds is None:
                return
            if seconds > 0:
                pause = min(max(seconds, SHORTEST_SECONDS), self._poll_seconds)
                await self._sleep(pause, polled if lane_worker.seconds_until_post < pause else self._stopped)
