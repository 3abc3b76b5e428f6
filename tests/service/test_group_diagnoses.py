"""Diagnoses of a group's failures come one by one. They cost a few updates, however many failures there are."""

import pytest
import redis.asyncio

from bot.domain.card import Group, TimelineBatch
from bot.domain.diagnosis import Diagnosis, LogOutcome
from bot.domain.diagnosis_plan import plan_diagnosed
from bot.domain.episode import Acknowledgement
from bot.domain.grouping import CARD_WAIT, THREAD_WAIT
from bot.domain.log_lines import Excerpt
from bot.domain.observation import PipelineId
from bot.domain.page_plan import plan_acknowledgement
from tests.builders import ANN, TEAM, a_pipeline, a_routing, a_watch, at
from tests.fakes import FakeChat, FakeClock
from tests.service.test_dispatcher import group, sending
from tests.service.test_groups import text
from tests.stores import WholeStore

ERROR = "ERROR dial tcp 10.0.3.17:5432: connect: connection refused"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def chat() -> FakeChat:
    return FakeChat()


@pytest.fixture
def store(fake_redis: redis.asyncio.Redis, clock: FakeClock) -> WholeStore:
    return WholeStore(fake_redis, TEAM, clock)


async def diagnose(store: WholeStore, number: int) -> None:
    pipeline = a_pipeline(f"orders-{number}", pipeline_id=PipelineId(f"pipe_{number:04}"))
    record = await store.record(pipeline.id)
    assert record.episode
    diagnosis = Diagnosis(
        at=at(100 + number),
        began_at=record.episode.began_at,
        log=LogOutcome.READ,
        cause="unreachable",
        fingerprint="f1",
        excerpt=Excerpt(pod="p", lines=(ERROR,), error=ERROR),
    )
    plan = plan_diagnosed(record, a_routing(a_watch(pipeline.id), pipeline=pipeline), diagnosis)
    assert plan
    assert await store.commit(plan, 0)


def latest(chat: FakeChat) -> str:
    _, content, _ = chat.updates[-1]
    assert isinstance(content, Group)
    return text(content)


@pytest.mark.parametrize(("failures", "apart"), [(7, 1.0), (20, 0.5), (20, 0.0), (50, 1.5)])
async def test_diagnoses_of_a_group_are_coalesced(
    store: WholeStore, chat: FakeChat, clock: FakeClock, failures: int, apart: float
) -> None:
    async with sending(store, chat, clock):
        await group(store, failures)
        await clock.pass_time(10)
        posts, updates = len(chat.posts), len(chat.updates)
        for number in range(1, failures + 1):
            await diagnose(store, number)
            await clock.pass_time(apart)
        await clock.pass_time(20)
    lasted = failures * apart
    assert len(chat.updates) - updates <= 1 + lasted / CARD_WAIT.total_seconds()
    assert len(chat.posts) - posts <= 1 + lasted / THREAD_WAIT.total_seconds()
    assert latest(chat).startswith(f"{failures} pipelines failed, all in project shop: the destination cannot")
    batches = [content for _, content, _ in chat.posts[posts:] if isinstance(content, TimelineBatch)]
    named = {entry.pipeline.name for batch in batches for entry in batch.entries if entry.diagnosis}
    assert len(named) == failures, "each diagnosis is in the thread"
    assert await store.lanes_with_work() == ()


async def test_the_card_says_how_many_it_knows_of(store: WholeStore, chat: FakeChat, clock: FakeClock) -> None:
    async with sending(store, chat, clock):
        await group(store, 7)
        await clock.pass_time(10)
        for number in range(1, 6):
            await diagnose(store, number)
        await clock.pass_time(10)
        assert "Cause for 5 of 7: the destination cannot be reached" in latest(chat)
        assert "2 not known yet" in latest(chat)


@pytest.mark.parametrize("answered", [1, 2])
async def test_an_answer_does_not_wait_for_diagnoses(
    store: WholeStore, chat: FakeChat, clock: FakeClock, answered: int
) -> None:
    """Neither to a failure that has its diagnosis, nor to one that waits for it."""
    async with sending(store, chat, clock):
        await group(store, 7)
        await clock.pass_time(10)
        await diagnose(store, 1)
        await clock.pass_time(0.5)
        pipeline = a_pipeline(f"orders-{answered}", pipeline_id=PipelineId(f"pipe_{answered:04}"))
        routing = a_routing(a_watch(pipeline.id), pipeline=pipeline)
        plan = plan_acknowledgement(await store.record(pipeline.id), routing, Acknowledgement(by=ANN, at=at(150)))
        assert plan
        assert await store.commit(plan, 0)
        await clock.pass_time(1)
        assert "1 acknowledged" in latest(chat)
