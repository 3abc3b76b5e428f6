"""A second kind of receiver, known only to these tests: a pager that appends each message to a file."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import redis.asyncio

from bot.coordination.leadership import Leadership
from bot.delivery.carrier import Carrier
from bot.delivery.dispatcher import Dispatcher
from bot.delivery.doubt import Doubt
from bot.delivery.lane_services import LaneServices
from bot.delivery.rate_limiter import RateLimiter
from bot.domain.body import Content
from bot.domain.delivery import (
    Absent,
    Delivery,
    Found,
    Lane,
    LaneKind,
    Lookup,
    LookupResult,
    Outcome,
    Posted,
    Receiver,
    ReceiverKind,
    RefusalKind,
    Refused,
    in_slack,
)
from bot.domain.watch import SuspendReason
from bot.ports.lease_store import ACTIVE_SENDER
from bot.ports.rate_limits import Method, RateLimits
from bot.ports.telemetry import EventRecord, subscribed
from bot.ports.telemetry.delivery import LaneInterrupted
from tests.builders import ALERTS, TEAM
from tests.carriers import by_slack
from tests.contract.test_store import an_announcement
from tests.fakes import FakeChat, FakeClock
from tests.stores import WholeStore

LIMITS = RateLimits(per_minute=dict.fromkeys(Method, 6000), spacing_seconds=0.0, call_seconds=6.0)


FILE = ReceiverKind("file")


@dataclass
class FilePager:
    """All that a new pager implements. Message ids are line numbers."""

    directory: Path
    refuses: list[Refused] = field(default_factory=list)

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:
        if self.refuses:
            return self.refuses.pop()
        with self._path(delivery.receiver).open("a") as file:
            file.write(f"{delivery.id} {type(content).__name__}\n")
        return Posted(f"{len(self.lines(delivery.receiver))}")

    async def update(self, delivery: Delivery, content: Content, *, message_id: str, now: datetime) -> Outcome:
        return await self.post(delivery, content, parent_id=None, now=now)

    async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
        return [self._found(lookup) for lookup in lookups]

    def _found(self, lookup: Lookup) -> LookupResult:
        numbers = [f"{n}" for n, line in enumerate(self.lines(lookup.receiver), 1) if line.startswith(lookup.key)]
        return Found(tuple(numbers)) if numbers else Absent()

    async def delete(self, receiver: Receiver, message_id: str) -> bool:
        return False

    def lines(self, receiver: Receiver) -> list[str]:
        path = self._path(receiver)
        return path.read_text().splitlines() if path.exists() else []

    def _path(self, receiver: Receiver) -> Path:
        return self.directory / receiver.id


@dataclass
class Suspended:
    """Records the receivers to suspend."""

    receivers: list[tuple[Receiver, SuspendReason]] = field(default_factory=list)

    async def suspend(self, receiver: Receiver, reason: SuspendReason) -> None:
        self.receivers.append((receiver, reason))


class Yard:
    """A dispatcher to Slack and to files."""

    def __init__(self, client: redis.asyncio.Redis, directory: Path, kind: ReceiverKind) -> None:
        self.clock, self.kind = FakeClock(), kind
        self.store = WholeStore(client, TEAM, self.clock)
        self.chat, self.pager, self.suspended = FakeChat(), FilePager(directory), Suspended()
        self.log = Receiver(TEAM, kind, "pages.log")

    @property
    def carriers(self) -> Mapping[ReceiverKind, Carrier]:
        limiter = RateLimiter(self.clock, LIMITS)
        file = Carrier(chat=self.pager, limiter=limiter, suspender=self.suspended)
        return {**by_slack(self.chat, self.clock, Suspended()), self.kind: file}

    async def enqueue(self, key: str, receiver: Receiver) -> None:
        await self.store.enqueue([replace(an_announcement(key), receiver=receiver)])

    @asynccontextmanager
    async def sending(self, carriers: Mapping[ReceiverKind, Carrier] | None = None) -> AsyncIterator[None]:
        services = LaneServices(
            store=self.store,
            carriers=carriers or self.carriers,
            clock=self.clock,
            doubt=Doubt(self.clock),
            sending_right=Leadership(self.store, self.clock, ACTIVE_SENDER),
        )
        dispatcher = Dispatcher(services, asyncio.Event())
        task = asyncio.create_task(dispatcher.run())
        yield
        dispatcher.stop()
        while not task.done():
            await self.clock.pass_time(1)
        await task


@pytest.fixture
def yard(fake_redis: redis.asyncio.Redis, tmp_path: Path) -> Yard:
    return Yard(fake_redis, tmp_path, FILE)


async def test_each_delivery_goes_out_by_the_carrier_of_its_kind(yard: Yard) -> None:
    await yard.enqueue("a", yard.log)
    await yard.enqueue("b", in_slack(TEAM, ALERTS))
    assert await yard.store.lanes_with_work() == (
        Lane(LaneKind.FEED, in_slack(TEAM, ALERTS)),
        Lane(LaneKind.FEED, yard.log),
    )
    async with yard.sending():
        await yard.clock.pass_time(5)
    assert yard.pager.lines(yard.log) == ["a Notice"]
    assert [delivery.id for delivery, _, _ in yard.chat.posts] == ["b"]
    assert await yard.store.lanes_with_work() == ()


async def test_a_pause_of_one_kind_delays_no_other_even_after_a_restart(yard: Yard) -> None:
    yard.pager.refuses = [Refused(kind=RefusalKind.RATE_LIMITED, error="slow", retry_after=timedelta(minutes=5))]
    await yard.enqueue("a", yard.log)
    async with yard.sending():
        await yard.clock.pass_time(5)
    await yard.enqueue("b", yard.log)
    await yard.enqueue("c", in_slack(TEAM, ALERTS))
    async with yard.sending():
        await yard.clock.pass_time(60)
        assert [delivery.id for delivery, _, _ in yard.chat.posts] == ["c"]
        assert yard.pager.lines(yard.log) == []
        await yard.clock.pass_time(300)
    assert yard.pager.lines(yard.log) == ["a Notice", "b Notice"]


async def test_a_refusing_receiver_is_suspended_by_its_own_kind(yard: Yard) -> None:
    yard.pager.refuses = [Refused(kind=RefusalKind.CHANNEL, error="full", suspend=SuspendReason.RESTRICTED)]
    await yard.enqueue("a", yard.log)
    async with yard.sending():
        await yard.clock.pass_time(1)
    assert yard.suspended.receivers == [(yard.log, SuspendReason.RESTRICTED)]


async def test_without_its_carrier_a_delivery_waits_and_delays_no_other(yard: Yard) -> None:
    records: list[EventRecord] = []
    await yard.enqueue("a", yard.log)
    await yard.enqueue("b", in_slack(TEAM, ALERTS))
    with subscribed(records.append):
        async with yard.sending(by_slack(yard.chat, yard.clock, Suspended())):
            await yard.clock.pass_time(20)
    assert [delivery.id for delivery, _, _ in yard.chat.posts] == ["b"]
    reports = [record for record in records if isinstance(record, LaneInterrupted)]
    assert [report.lane for report in reports] == ["feed:file:pages.log"]
    async with yard.sending():
        await yard.clock.pass_time(5)
    assert yard.pager.lines(yard.log) == ["a Notice"]
