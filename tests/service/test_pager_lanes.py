"""The lanes of outside pagers under the dispatcher: their order, and that they wait for nobody else."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

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
    AttemptState,
    Delivery,
    Lane,
    LaneKind,
    Lookup,
    LookupResult,
    Outcome,
    Posted,
    Receiver,
    RefusalKind,
    Refused,
    Unknown,
)
from bot.domain.pager import PagerAction, PagerEvent
from bot.pagers.pagerduty import PAGERDUTY_LIMITS
from bot.pagers.pagers import NoSuspensions
from bot.ports.lease_store import ACTIVE_SENDER
from bot.ports.telemetry import EventRecord, subscribed
from bot.ports.telemetry.delivery import DeliverySettled
from tests.builders import ALERTS, TEAM
from tests.carriers import by_slack
from tests.contract.test_store import an_announcement
from tests.fakes import FakeChat, FakeClock
from tests.stores import WholeStore
from tests.unit.test_pager_lane import OPS, rows_of

PAGES = Lane(LaneKind.PAGES, OPS)
TRIGGER, ACKNOWLEDGE, RESOLVE = PagerAction.TRIGGER, PagerAction.ACKNOWLEDGE, PagerAction.RESOLVE


@dataclass
class ScriptedPager:
    """A pager whose next outcomes are given. `got` holds what it was asked for: action and key."""

    outcomes: list[Outcome] = field(default_factory=list)
    got: list[tuple[PagerAction, str]] = field(default_factory=list)

    async def post(self, delivery: Delivery, content: Content, *, parent_id: str | None, now: datetime) -> Outcome:
        assert isinstance(content, PagerEvent)
        self.got.append((content.action, content.key))
        return self.outcomes.pop(0) if self.outcomes else Posted(f"{now.timestamp():.6f}")

    async def update(self, delivery: Delivery, content: Content, *, message_id: str, now: datetime) -> Outcome:
        raise AssertionError("a pager's message is never updated")

    async def find(self, lookups: Sequence[Lookup]) -> Sequence[LookupResult]:
        raise AssertionError("a pager's message is never looked up")

    async def delete(self, receiver: Receiver, message_id: str) -> bool:
        return False


class Yard:
    """A dispatcher to Slack and to one pager."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self.clock = FakeClock()
        self.store = WholeStore(client, TEAM, self.clock)
        self.chat, self.pager = FakeChat(), ScriptedPager()

    async def enqueue(self, rows: Iterable[Delivery]) -> None:
        await self.store.enqueue([row.message for row in rows])

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        pager = Carrier(chat=self.pager, limiter=RateLimiter(self.clock, PAGERDUTY_LIMITS), suspender=NoSuspensions())
        services = LaneServices(
            store=self.store,
            carriers={**by_slack(self.chat, self.clock, NoSuspensions()), OPS.kind: pager},
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
def yard(fake_redis: redis.asyncio.Redis) -> Yard:
    return Yard(fake_redis)


REFUSALS = [
    Refused(kind=RefusalKind.RATE_LIMITED, error="429", retry_after=timedelta(seconds=7)),
    Refused(kind=RefusalKind.OTHER, error="400", retry_after=timedelta(seconds=9)),
    Refused(kind=RefusalKind.NOT_SENT, error="not reached"),
    Unknown("503"),
]


@pytest.mark.parametrize("outcome", REFUSALS)
async def test_a_page_goes_out_again_without_a_lookup(yard: Yard, outcome: Outcome) -> None:
    yard.pager.outcomes = [outcome, outcome]
    await yard.enqueue(rows_of(TRIGGER, "a"))
    async with yard.sending():
        await yard.clock.pass_time(60)
    assert yard.pager.got == [(TRIGGER, "key-a")] * 3
    assert await yard.store.deliveries(PAGES) == ()


async def test_an_end_never_overtakes_a_page_of_unknown_fate(yard: Yard) -> None:
    yard.pager.outcomes = [Unknown("no answer")]
    await yard.enqueue(rows_of(TRIGGER, "a"))
    async with yard.sending():
        await yard.clock.pass_time(1)
        await yard.enqueue(rows_of(RESOLVE, "a"))
        await yard.clock.pass_time(30)
    assert yard.pager.got == [(TRIGGER, "key-a"), (RESOLVE, "key-a")]


async def test_a_refused_page_holds_up_no_other(yard: Yard) -> None:
    yard.pager.outcomes = [Refused(kind=RefusalKind.OTHER, error="400", retry_after=timedelta(minutes=5))]
    await yard.enqueue(rows_of(TRIGGER, "a"))
    async with yard.sending():
        await yard.clock.pass_time(1)
        await yard.enqueue(rows_of(TRIGGER, "b"))
        await yard.clock.pass_time(30)
    assert yard.pager.got == [(TRIGGER, "key-a"), (TRIGGER, "key-b")]


async def test_pages_wait_neither_for_a_silent_slack_nor_for_a_refused_token(yard: Yard) -> None:
    refused = Refused(kind=RefusalKind.WORKSPACE, error="token_revoked")
    for outcome in (Unknown("no answer"), refused):
        yard.pager.got.clear()
        yard.chat.answers = [(outcome, False)] * 50
        name = type(outcome).__name__
        await yard.store.enqueue([an_announcement(name, ALERTS)])
        async with yard.sending():
            await yard.clock.pass_time(20)
            await yard.enqueue(rows_of(TRIGGER, name))
            await yard.clock.pass_time(2)
            assert yard.pager.got == [(TRIGGER, f"key-{name}")]


async def test_a_sender_that_died_in_the_call_costs_one_repeat_with_the_same_key(yard: Yard) -> None:
    await yard.enqueue(rows_of(TRIGGER, "a"))
    lease = await yard.store.leased(PAGES)
    (row,) = await yard.store.deliveries(PAGES)
    sending = row.with_attempt(
        type(row.attempt)(state=AttemptState.SENDING, count=1, sent_at=yard.clock.now(), lease="dead")
    )
    assert await yard.store.write(sending, lease)
    await yard.store.release(lease)
    async with yard.sending():
        await yard.clock.pass_time(3)
    assert yard.pager.got == [(TRIGGER, "key-a")]


async def test_two_hundred_failures_are_two_incidents(yard: Yard) -> None:
    names = [f"p{number:03}" for number in range(200)]
    async with yard.sending():
        for first in range(0, 200, 20):
            await yard.enqueue(rows_of(TRIGGER, *names[first : first + 20]))
            await yard.clock.pass_time(0.5)
        await yard.clock.pass_time(10)
        keys = {key for _, key in yard.pager.got}
        await yard.enqueue(rows_of(RESOLVE, *names))
        await yard.clock.pass_time(60)
    assert len(keys) <= 3
    assert {key for action, key in yard.pager.got if action is RESOLVE} == keys
    assert await yard.store.incidents(OPS) == {}


async def test_a_page_that_became_pointless_is_reported(yard: Yard) -> None:
    records: list[EventRecord] = []
    await yard.enqueue([*rows_of(TRIGGER, "a"), *rows_of(RESOLVE, "a")])
    with subscribed(records.append):
        async with yard.sending():
            await yard.clock.pass_time(3)
    settled = [record for record in records if isinstance(record, DeliverySettled)]
    assert yard.pager.got == []
    assert {record.outcome for record in settled} == {"dropped"}
    assert await yard.store.deliveries(PAGES) == ()
