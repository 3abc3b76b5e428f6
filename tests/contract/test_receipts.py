"""Who was notified and who was not: written with the state or with the end of a delivery, capped by age and number."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import redis.asyncio
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.delivery import Delivery
from bot.domain.history import History, HistoryLimits, Stretch
from bot.domain.observation import PipelineId
from bot.domain.plan import Plan
from bot.domain.receipt import Addressed, MessageForm, Receipt, ReceiptRow, Skip, SkipReason
from bot.ports.outbox import DeliveryResult, ResultKind
from bot.ports.store_errors import StoreAway, StoreNewer
from bot.store.receipts import ROWS_PER_TRANSITION, decode_receipt, encode_receipt
from bot.store.versions import VERSION
from tests.builders import ALERTS, ORDERS, TEAM, a_delivery, a_message, at
from tests.contract.test_history import a_transition
from tests.fakes import FakeClock
from tests.stores import WholeStore

KEY = f"pipeline-bot:{{{TEAM}}}:receipts:{ORDERS}"
MOMENTS = st.integers(0, 10**9).map(lambda number: at(number / 1000))
SKIPS = st.builds(
    Skip,
    conversation=st.text(),
    revision=st.integers(0, 1000),
    at=MOMENTS,
    reason=st.sampled_from(SkipReason),
    words=st.text(),
    target=st.text(),
)
ROWS = st.builds(
    Addressed, at=MOMENTS, conversations=st.lists(st.text()).map(tuple), skips=st.lists(SKIPS).map(tuple)
) | st.builds(
    Receipt,
    pipeline_id=st.just(ORDERS),
    conversation=st.text(),
    form=st.sampled_from(MessageForm),
    since=MOMENTS,
    until=MOMENTS,
    at=MOMENTS,
    seconds=st.integers(0, 10**6).map(lambda number: number / 1000),
    attempts=st.integers(0, 99),
    paged=st.lists(st.text()).map(tuple),
    refused=st.text(),
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(any_redis: redis.asyncio.Redis, clock: FakeClock) -> WholeStore:
    return WholeStore(any_redis, TEAM, clock)


def a_skip(seconds: float = 1) -> Skip:
    return Skip(conversation=ALERTS, revision=1, at=at(seconds), reason=SkipReason.MUTED, words="by Ann")


def a_receipt(seconds: float, pipeline_id: PipelineId = ORDERS) -> Receipt:
    return Receipt(
        pipeline_id=pipeline_id,
        conversation=ALERTS,
        form=MessageForm.CARD,
        since=at(seconds),
        until=at(seconds),
        at=at(seconds + 0.5),
        seconds=0.5,
        attempts=1,
        paged=("Ann",),
    )


async def fail_at(store: WholeStore, seconds: float) -> None:
    plan = Plan(record=await store.record(ORDERS), transitions=(a_transition(seconds),), skips=(a_skip(seconds),))
    assert await store.commit(plan, 0)


async def settle(store: WholeStore, *receipts: Receipt) -> bool:
    row = a_delivery()
    await store.enqueue([row.message])
    return await store.settle(row, await store.leased(row.lane), result(row, receipts))


def result(row: Delivery, receipts: tuple[Receipt, ...]) -> DeliveryResult:
    return DeliveryResult(
        kind=ResultKind.POSTED, redraw=a_message(row.id), message_id="1.0", shown={row.id: 1}, receipts=receipts
    )


@given(ROWS)
def test_each_row_comes_back_as_it_was(row: ReceiptRow) -> None:
    assert decode_receipt(ORDERS, encode_receipt(row)) == row


def test_a_receipt_of_an_earlier_version_names_no_line_of_the_channel() -> None:
    *fields, broadcast = json.loads(encode_receipt(replace(a_receipt(1), broadcast=True)))
    assert broadcast is True
    assert decode_receipt(ORDERS, json.dumps(fields)) == a_receipt(1)


async def test_a_step_and_its_skips_are_there_together_or_not_at_all(store: WholeStore) -> None:
    assert await store.receipts(ORDERS) == ()
    await fail_at(store, 1)
    assert not await store.commit(Plan(record=await store.record(ORDERS), skips=(a_skip(2),)), 7)
    assert await store.receipts(ORDERS) == (Addressed(at=at(1), skips=(a_skip(1),)),)


async def test_a_plan_without_news_writes_no_receipt(store: WholeStore) -> None:
    assert await store.commit(Plan(record=await store.record(ORDERS)), 0)
    assert await store.receipts(ORDERS) == ()
    assert not await store._redis.exists(KEY)


async def test_the_end_of_a_delivery_writes_a_receipt_for_each_pipeline(store: WholeStore) -> None:
    other = a_receipt(2, PipelineId("pipe_other"))
    assert await settle(store, a_receipt(1), other)
    assert await store.receipts(ORDERS) == (a_receipt(1),)
    assert await store.receipts(PipelineId("pipe_other")) == (other,)


async def test_a_lost_lease_writes_no_receipt(store: WholeStore) -> None:
    row = a_delivery()
    await store.enqueue([row.message])
    lease = replace(await store.leased(row.lane), token="another")
    assert not await store.settle(row, lease, result(row, (a_receipt(1),)))
    assert await store.receipts(ORDERS) == ()


async def test_only_the_newest_rows_are_kept(store: WholeStore) -> None:
    store.history_limits = HistoryLimits(transitions=2)
    for second in range(2 * ROWS_PER_TRANSITION + 3):
        await fail_at(store, second)
    remaining = await store.receipts(ORDERS)
    assert [row.at for row in remaining] == [at(second) for second in range(3, 2 * ROWS_PER_TRANSITION + 3)]


async def test_old_rows_are_never_shown_and_go_in_time(store: WholeStore, clock: FakeClock) -> None:
    day = timedelta(days=1).total_seconds()
    for days in range(16):
        clock.seconds = days * day
        await fail_at(store, days * day)
    assert 89 * day < await store._redis.ttl(KEY) <= 90 * day
    clock.seconds = 100 * day
    assert [row.at for row in await store.receipts(ORDERS)] == [at(days * day) for days in range(10, 16)]
    for _ in range(16):
        await fail_at(store, 100 * day)
    assert await store._redis.llen(KEY) == 6 + 16


async def test_a_newer_or_damaged_row_is_reported(store: WholeStore) -> None:
    await store._redis.rpush(KEY, f'[{10**15},{VERSION + 1},"receipt"]')
    with pytest.raises(StoreNewer, match="receipts"):
        await store.receipts(ORDERS)
    for damaged in ("nonsense", "{}", f'[1,{VERSION},"receipt",3]', f'[1,{VERSION},"addressed",[],[[]]]'):
        await store._redis.delete(KEY)
        await store._redis.rpush(KEY, damaged)
        with pytest.raises(StoreAway):
            await store.receipts(ORDERS)
        await fail_at(store, 1)


def test_500_messages_take_less_than_60_kb() -> None:
    rows = [encode_receipt(a_receipt(60.0 * number)) for number in range(500)]
    assert sum(map(len, rows)) < 60_000


async def test_a_stretch_comes_back_with_a_transition_or_alone(store: WholeStore) -> None:
    live, gap = (Stretch(live=True, since=at(since), until=at(since + 9)) for since in (0, 20))
    transitions = (a_transition(10), a_transition(11))
    assert await store.commit(Plan(record=await store.record(ORDERS), transitions=transitions, stretch=live), 0)
    assert await store.commit(Plan(record=await store.record(ORDERS), stretch=gap), 0)
    assert await store.history(ORDERS) == History(transitions=transitions, stretches=(live, gap))
