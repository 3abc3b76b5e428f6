"""The past of each pipeline: written with its record, capped by age and number."""

from datetime import timedelta

import pytest
import redis.asyncio
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.history import History, HistoryLimits
from bot.domain.observation import PipelineId
from bot.domain.phase import Phase
from bot.domain.plan import Plan, Record
from bot.domain.transition import Event, Reach, Transition
from bot.ports.store_errors import StoreAway, StoreNewer
from bot.store.history import packed, unpacked
from bot.store.versions import VERSION
from tests.builders import ORDERS, TEAM, at
from tests.fakes import FakeClock
from tests.stores import WholeStore

KEY = f"pipeline-bot:{{{TEAM}}}:history:{ORDERS}"


@pytest.fixture
def store(any_redis: redis.asyncio.Redis) -> WholeStore:
    return WholeStore(any_redis, TEAM, FakeClock())


def a_transition(seconds: float, event: Event = Event.FAILED, *, reason: str = "") -> Transition:
    return Transition(
        event=event,
        pipeline_id=ORDERS,
        at=at(seconds),
        after=at(seconds - 15),
        phase=Phase.FAILED,
        previous=Phase.RUNNING,
        reason=reason,
    )


async def commit(store: WholeStore, *transitions: Transition) -> bool:
    record = await store.record(ORDERS)
    return await store.commit(Plan(record=record, transitions=transitions), 0)


MOMENTS = st.integers(0, 10**9).map(lambda number: at(number / 1000))
TRANSITIONS = st.builds(
    Transition,
    event=st.sampled_from(Event),
    pipeline_id=st.just(ORDERS),
    at=MOMENTS,
    phase=st.none() | st.sampled_from(Phase),
    after=st.none() | MOMENTS,
    previous=st.none() | st.sampled_from(Phase) | st.just(Phase("HIBERNATING")),
    live=st.booleans(),
    reach=st.sampled_from(Reach),
    reason=st.text(),
    until=st.none() | MOMENTS,
    first_seen=st.booleans(),
    began_at=st.none() | MOMENTS,
)


@given(st.lists(TRANSITIONS))
def test_each_transition_comes_back_as_it_was(transitions: list[Transition]) -> None:
    assert unpacked(ORDERS, f"{VERSION}\n{packed(transitions)}").transitions == tuple(transitions)


async def test_a_transition_is_there_with_its_record_or_not_at_all(store: WholeStore) -> None:
    assert await store.history(ORDERS) == History()
    assert await commit(store, a_transition(1), a_transition(2, Event.RECOVERED))
    stale = Plan(record=Record(pipeline_id=ORDERS), transitions=(a_transition(3),))
    assert not await store.commit(stale, 0)
    assert not await store.commit(Plan(record=await store.record(ORDERS), transitions=(a_transition(3),)), 7)
    assert await commit(store)
    assert (await store.history(ORDERS)).transitions == (a_transition(1), a_transition(2, Event.RECOVERED))
    assert await store.history(PipelineId("pipe_other")) == History()


async def test_only_the_newest_transitions_are_kept(store: WholeStore) -> None:
    store.history_limits = HistoryLimits(transitions=3)
    for second in range(5):
        await commit(store, a_transition(second))
    await commit(store, a_transition(5), a_transition(6))
    assert [transition.at for transition in (await store.history(ORDERS)).transitions] == [at(4), at(5), at(6)]


async def test_old_transitions_go_with_the_next_one_and_all_when_none_comes(store: WholeStore) -> None:
    day = timedelta(days=1).total_seconds()
    for days in (0, 1, 90, 90.5):
        await commit(store, a_transition(days * day))
    assert [transition.at for transition in (await store.history(ORDERS)).transitions] == [
        at(day),
        at(90 * day),
        at(90.5 * day),
    ]
    assert 89 * day < await store._redis.ttl(KEY) <= 90 * day


async def test_a_newer_row_stops_the_commit_and_a_damaged_one_does_not(store: WholeStore) -> None:
    await store._redis.set(KEY, f"{VERSION + 1}\n[]\n")
    with pytest.raises(StoreNewer):
        await commit(store, a_transition(1))
    with pytest.raises(StoreNewer, match="history"):
        await store.history(ORDERS)
    assert (await store.record(ORDERS)).version == 0
    for damaged in ("nonsense", f"{VERSION}\nnonsense\n", f"{VERSION}\nnonsense"):
        await store._redis.set(KEY, damaged)
        with pytest.raises(StoreAway):
            await store.history(ORDERS)
        assert await commit(store, a_transition(2))
        assert (await store.history(ORDERS)).transitions == (a_transition(2),)


async def test_a_pipeline_with_500_transitions_takes_less_than_30_kb(store: WholeStore) -> None:
    events = (Event.FAILED, Event.DEPLOYING, Event.RUNNING, Event.LIVE, Event.RECOVERED)
    for number in range(120):
        times = (300.0 * number + 60 * step for step in range(5))
        await commit(store, *(a_transition(time, event) for time, event in zip(times, events, strict=True)))
    assert len((await store.history(ORDERS)).transitions) == 500
    size = await store._redis.strlen(KEY)
    assert size < 30_000
