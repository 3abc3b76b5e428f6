"""After an answer, the messages of the calls before it say so, each once, and ping nobody."""

import pytest
import redis.asyncio

from bot.domain.card import ThreadEntry
from bot.domain.delivery import RefusalKind, Refused, in_slack
from bot.domain.episode import Acknowledgement
from bot.domain.notice import CallEndKind, Notice, NoticeKind
from bot.domain.observation import PipelineId
from bot.domain.page_plan import plan_acknowledgement
from bot.domain.phase import Phase
from tests.builders import ALERTS, ANN, TEAM, a_person, a_pipeline, a_routing, a_watch
from tests.service.test_held_pages import DIRECT, Rig

STEP = 300.0


@pytest.fixture
def rig(fake_redis: redis.asyncio.Redis) -> Rig:
    return Rig(fake_redis)


async def acknowledge(rig: Rig, number: int) -> None:
    pipeline = a_pipeline(f"orders-{number}", pipeline_id=PipelineId(f"pipe_{number:04}"))
    record = await rig.store.record(pipeline.id)
    routing = a_routing(a_watch(pipeline.id, targets=(a_person(f"U{DIRECT}", direct=DIRECT),)), pipeline=pipeline)
    plan = plan_acknowledgement(record, routing, Acknowledgement(by=ANN, at=rig.clock.now(), name="Ann"))
    assert plan
    assert await rig.store.commit(plan, 0)


def calls(rig: Rig) -> list[str]:
    """The posted messages of calls in the channel."""
    return [
        rig.chat.there[row.id]
        for row, content in rig.posts(ALERTS)
        if isinstance(content, Notice) and content.kind is NoticeKind.CALL_AGAIN
    ]


def edits(rig: Rig) -> list[tuple[str, list[CallEndKind | None]]]:
    """The edited message, and how each of its failures ended."""
    return [
        (message_id, [failure.end.kind if failure.end else None for failure in content.failures])
        for row, content, message_id in rig.chat.updates
        if row.receiver.id == ALERTS and isinstance(content, Notice)
    ]


def whole_messages(rig: Rig) -> int:
    """How many messages were posted outside the threads."""
    return sum(not isinstance(content, ThreadEntry) for _, content, _ in rig.chat.posts)


async def test_an_acknowledgement_ends_each_call_once(rig: Rig) -> None:
    async with rig.sending():
        await rig.reads(Phase.FAILED)
        for _ in range(2):
            await rig.jump(STEP)
            await rig.calls_again(1)
            await rig.clock.pass_time(10)
        assert edits(rig) == []
        await acknowledge(rig, 1)
        await rig.clock.pass_time(30)
        assert sorted(edits(rig)) == [(call, [CallEndKind.ACKNOWLEDGED]) for call in calls(rig)]
        await rig.reads(Phase.RUNNING)
        await rig.clock.pass_time(30)
    assert len(edits(rig)) == len(calls(rig)) == 2
    for channel in (ALERTS, DIRECT):
        assert await rig.store.calls(in_slack(TEAM, channel)) == ()
    assert await rig.idle()


async def test_a_recovery_ends_a_call_too(rig: Rig) -> None:
    async with rig.sending():
        await rig.reads(Phase.FAILED)
        await rig.jump(STEP)
        await rig.calls_again(1)
        await rig.clock.pass_time(10)
        await rig.reads(Phase.RUNNING)
        await rig.clock.pass_time(30)
    assert [ends for _, ends in edits(rig)] == [[CallEndKind.RECOVERED]]


async def test_a_call_about_several_failures_ends_with_the_last_of_them(rig: Rig) -> None:
    async with rig.sending():
        for number in (1, 2):
            await rig.reads(Phase.FAILED, number)
        await rig.jump(STEP)
        await rig.calls_again(1, 2)
        await rig.clock.pass_time(10)
        assert rig.repeated_calls(ALERTS) == [2]
        await acknowledge(rig, 1)
        await rig.clock.pass_time(30)
        assert edits(rig) == []
        await acknowledge(rig, 2)
        await rig.clock.pass_time(30)
    assert [ends for _, ends in edits(rig)] == [[CallEndKind.ACKNOWLEDGED] * 2]


async def test_an_answer_while_the_call_is_under_way_ends_it_too(rig: Rig) -> None:
    async def answered() -> None:
        del rig.store.first["save_call"]
        await acknowledge(rig, 1)

    async with rig.sending():
        await rig.reads(Phase.FAILED)
        await rig.jump(STEP)
        rig.store.first["save_call"] = answered
        await rig.calls_again(1)
        await rig.clock.pass_time(60)
    assert [ends for _, ends in edits(rig)] == [[CallEndKind.ACKNOWLEDGED]]


async def test_a_deleted_call_does_not_come_back(rig: Rig) -> None:
    async def deleted() -> None:
        del rig.store.first["end_calls"]
        rig.chat.answers = [(Refused(kind=RefusalKind.CARD_GONE, error="message_not_found"), False)]

    async with rig.sending():
        await rig.reads(Phase.FAILED)
        await rig.jump(STEP)
        await rig.calls_again(1)
        await rig.clock.pass_time(10)
        posts = whole_messages(rig)
        rig.store.first["end_calls"] = deleted
        await acknowledge(rig, 1)
        await rig.clock.pass_time(60)
    assert not edits(rig)
    assert whole_messages(rig) == posts
    assert await rig.idle()
