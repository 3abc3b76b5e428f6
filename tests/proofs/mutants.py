"""Removes one safeguard from the bot, for `test_sabotage`: SABOTAGE=name python -m pytest -p tests.proofs.mutants …"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from slack_sdk.http_retry.builtin_async_handlers import async_default_handlers

from bot.coordination.scheduled import ScheduledBackups
from bot.coordination.vital_signs import VitalSigns
from bot.delivery.choose_next import LaneSnapshot
from bot.delivery.doubt import Doubt
from bot.delivery.handover import Handover
from bot.delivery.lane_services import LaneServices
from bot.delivery.lane_worker import LaneWorker
from bot.delivery.pending import PendingDelivery
from bot.domain import escalation, grouping, protocol
from bot.domain.backlog import Backlog, Grouping, with_changes
from bot.domain.backup import ScheduledRow
from bot.domain.card import ThreadEntry
from bot.domain.delivery import Delivery, ReceiverKind
from bot.domain.episode import EpisodeKind
from bot.domain.escalation import Page, PageAcknowledged, PageDecision, PageReason, Reaches
from bot.domain.plan import Plan
from bot.domain.protocol import as_sending
from bot.domain.routing import Routing
from bot.domain.schedule_state import ScheduleState
from bot.domain.setup import RowT, Setup
from bot.domain.silence import Silence
from bot.domain.watch import ChannelId
from bot.goldrush.client import Client
from bot.paging.timers import PageTimers
from bot.ports.lease_store import ACTIVE_SENDER, Lease
from bot.requests.silence_ends import SilenceEnds
from bot.slack.outbound.calls import SlackClient
from bot.slack.outbound.channel_ids import ChannelIds
from bot.store import scripts
from bot.store.rate_limits import RedisRateLimits
from tests.proofs import world
from tests.proofs.crash_points import run_bot
from tests.proofs.memory import MemoryStore

FENCE = "if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end\n"


def _fence() -> None:
    """Redis accepts writes from an owner whose lease has expired."""
    whole = scripts._source
    scripts._source = lambda name: whole(name).replace(FENCE, "")


def _wait() -> None:
    """The bot looks up a message at once, twice in a row, even if a request may still be under way."""
    for name in ("LANDS_WITHIN", "STRAGGLES_FOR", "LOOKUP_INTERVAL", "BACKOFF"):
        assert hasattr(protocol, name)  # patching a missing name would change nothing
        setattr(protocol, name, timedelta())


def _mark() -> None:
    """The bot does not record an attempt before it calls Slack."""

    async def unmarked(self: LaneWorker, pending: PendingDelivery) -> Delivery:
        return as_sending(pending.delivery, self._clock.now(), self._ownership)

    LaneWorker._record_sending = unmarked  # type: ignore[method-assign]


def _retry_handlers() -> None:
    """slack_sdk retries requests that it considers lost."""

    begin = SlackClient.__init__

    def retrying(self: SlackClient, token: str | None, api_url: str, channel_ids: ChannelIds) -> None:
        begin(self, token, api_url, channel_ids)
        self.retry_handlers.extend(async_default_handlers())

    SlackClient.__init__ = retrying  # type: ignore[method-assign]


class _NoSlots:
    def try_take(self) -> bool:
        return True

    def release(self) -> None:
        return None


def _semaphore() -> None:
    """The number of concurrent reads has no limit."""
    begin = Client.__init__

    def unbounded(self: Client, **given: Any) -> None:
        begin(self, **given)
        self._slots = _NoSlots()  # type: ignore[assignment]

    Client.__init__ = unbounded  # type: ignore[method-assign]


def _order() -> None:
    """The store writes the state first and its deliveries in a second step."""
    whole = MemoryStore.commit

    async def torn(self: MemoryStore, plan: Plan, watches_version: int, lease: Lease | None = None) -> bool:
        done = await whole(self, replace(plan, messages=()), watches_version, lease)
        if done:
            await self.enqueue(plan.messages)
        return done

    MemoryStore.commit = torn  # type: ignore[method-assign]


def _doubt() -> None:
    """The bot ignores that Redis went back in time and sends open deliveries without a lookup."""

    def ignore(self: Doubt, since: datetime) -> None:
        return None

    Doubt.begin = ignore  # type: ignore[method-assign]


def _broadcast() -> None:
    """The bot broadcasts no end, even if its card was posted while the episode was open."""

    def every_end(backlog: Backlog, rows: list[Delivery]) -> Grouping | None:
        entries = [(row, row.body) for row in rows if isinstance(row.body, ThreadEntry) and row.body.broadcast]
        for row, entry in entries:
            return Grouping(row=with_changes(row, body=replace(entry, broadcast=False)), replaced=(), merges=True)
        return None

    grouping._quiet_end = every_end


def run_bot_without_stored_throttles(*given: Any) -> None:
    async def unstored(self: RedisRateLimits, kind: ReceiverKind, method: str, until: datetime) -> None:
        return None

    RedisRateLimits.save_throttle = unstored  # type: ignore[method-assign]
    run_bot(*given)


def _throttle() -> None:
    """The bot does not store Slack's Retry-After, so the next life does not know it."""
    vars(world)["run_bot"] = run_bot_without_stored_throttles


def _one_sender() -> None:
    """Every bot sends at the same time as the others."""
    begin = Handover.__init__

    def unshared(self: Handover, services: LaneServices) -> None:
        begin(self, services)
        vars(self._right)["_name"] = f"{ACTIVE_SENDER}-{id(self)}"

    Handover.__init__ = unshared  # type: ignore[method-assign]


def _listing() -> None:
    """The bot never looks for scheduled messages whose id it does not know."""

    async def believed(self: ScheduledBackups, rows: Sequence[ScheduledRow]) -> tuple[ScheduledRow, ...]:
        return tuple(rows)

    ScheduledBackups._compare_with_slack = believed  # type: ignore[method-assign]


def _vital_signs() -> None:
    """The bot postpones its dead man's switch although it neither reads nor delivers."""

    async def well(self: VitalSigns) -> str | None:
        return None

    VitalSigns.problem = well  # type: ignore[method-assign]


def _joins() -> None:
    """The bot does not notice that failures join a group during an update of its message."""
    whole = LaneSnapshot._pending

    def unaware(self: LaneSnapshot, row: Delivery) -> PendingDelivery:
        return replace(whole(self, row), size=0)

    LaneSnapshot._pending = unaware  # type: ignore[method-assign]


def _timers() -> None:
    """The bot serves no timer of a page."""

    async def idle(self: PageTimers) -> None:
        return None

    PageTimers.serve = idle  # type: ignore[method-assign]


def _answered_page() -> None:
    """An acknowledged page escalates as if nobody had answered."""

    def ignored(page: Page, event: PageAcknowledged) -> PageDecision:
        return PageDecision(page=page, reason=PageReason.ALREADY_ACKNOWLEDGED)

    assert "_acknowledged" in vars(escalation)
    vars(escalation)["_acknowledged"] = ignored


def _step_twice() -> None:
    """A step of a page is served once more before its wait is over."""
    once = escalation._escalated

    def twice(page: Page, at: datetime, reaches: Reaches, reason: PageReason) -> PageDecision:
        decision = once(page, at, reaches, reason)
        again = decision.page.position == 1 and decision.page.next_at is not None
        return replace(decision, page=replace(decision.page, next_at=at)) if again else decision

    vars(escalation)["_escalated"] = twice


def _mutes() -> None:
    """A mute holds back nothing."""

    def unheard(self: Routing, channel: ChannelId, kind: EpisodeKind, at: datetime) -> Silence | None:
        return None

    Routing.silence_in = unheard  # type: ignore[method-assign]


def _mute_ends() -> None:
    """Nobody carries out the end of a mute."""

    async def idle(self: SilenceEnds) -> None:
        return None

    SilenceEnds.follow = idle  # type: ignore[method-assign]


def _handover() -> None:
    """The bot does not note who was on call when it looked last."""
    whole = Setup.get

    def forgetful(self: Setup, kind: type[RowT], row_id: str) -> RowT | None:
        return None if kind is ScheduleState else whole(self, kind, row_id)

    Setup.get = forgetful  # type: ignore[method-assign]


SABOTAGES: dict[str, Callable[[], None]] = {
    "fence": _fence,
    "wait": _wait,
    "mark": _mark,
    "retry_handlers": _retry_handlers,
    "semaphore": _semaphore,
    "order": _order,
    "doubt": _doubt,
    "broadcast": _broadcast,
    "throttle": _throttle,
    "one_sender": _one_sender,
    "joins": _joins,
    "listing": _listing,
    "vital_signs": _vital_signs,
    "timers": _timers,
    "answered_page": _answered_page,
    "step_twice": _step_twice,
    "mutes": _mutes,
    "mute_ends": _mute_ends,
    "handover": _handover,
}


def pytest_configure() -> None:
    SABOTAGES[os.environ["SABOTAGE"]]()
