"""Typical mistakes in the thread of a card or group: nothing changes, and each suggestion works when pasted there."""

import re

import redis.asyncio

from bot.domain.observation import PipelineId
from tests.contract.test_thread_commands import Thread, thread_of
from tests.service.test_poller import ONE, TWO

SUGGESTED = re.compile(r"`@bot ([^`]+)`")


async def is_refused(thread: Thread, typed: str, *names: str, suggests: str) -> str:
    answer = await thread.asked(typed)
    assert "Nothing was changed." in answer, (typed, answer)
    assert all(name in answer for name in names), (typed, answer)
    assert suggests in SUGGESTED.findall(answer), (typed, answer)
    assert "/pipeline" not in answer, "slash commands don't work in threads"
    assert not any(acknowledged(thread, pipeline) for pipeline in (ONE, TWO))
    return answer


def acknowledged(thread: Thread, pipeline: PipelineId) -> bool:
    episode = thread.office.bot.repository.record(pipeline).episode
    return bool(episode and episode.acknowledged)


async def test_a_name_outside_the_thread_is_no_remark(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis, failures=5) as thread:
        for typed in ("ack orders-9", "ack 20m orders-9", "ack ordres-1", "mute orders-9 for 2h", "why orders-9"):
            answer = await thread.asked(typed)
            assert "isn't in this thread" in answer, (typed, answer)
            assert "Nothing was changed." in answer
            suggestions = SUGGESTED.findall(answer)
            assert len(suggestions) == 5
            assert not any("all" in suggestion or "orders-9" in suggestion for suggestion in suggestions)
        await is_refused(thread, "ack 20m orders-9", "“orders-9”", suggests="ack orders-1 20m")
        await is_refused(thread, "mute orders-9 for 2h", "“orders-9”", suggests="mute orders-1 for 2h")


async def test_a_name_in_the_thread_of_one_card_is_no_remark_either(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        await is_refused(thread, "ack orders-9 20m", "“orders-9”", suggests="ack orders-1 20m")


async def test_a_group_offers_a_remark_in_quotes(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis, failures=5) as thread:
        suggestions = SUGGESTED.findall(await thread.asked("ack 20m looking into it"))
        assert 'ack all 20m "looking into it"' in suggestions
        assert 'ack orders-1 20m "looking into it"' in suggestions
        assert "You acknowledged orders-1." in await thread.asked('ack orders-1 20m "looking into it"')


async def test_several_names_keep_the_time(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis, failures=5) as thread:
        await is_refused(thread, "snooze orders-1 orders-2 1h", "one pipeline at a time", suggests="snooze orders-1 1h")


async def test_a_time_before_the_name_moves_behind_it(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis, failures=5) as thread:
        await is_refused(thread, "snooze 1h orders-2", "“1h”", suggests="snooze orders-2 1h")
        assert "You snoozed orders-2." in await thread.asked("@bot snooze orders-2 1h")


async def test_an_unknown_word_is_named(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        await is_refused(thread, "akc 20m", "“akc 20m”", suggests="ack 20m")
        await is_refused(thread, "I am on it", "“I am on it”", suggests='ack "I am on it"')
        await is_refused(thread, "hand over to @carol", "change a shift", suggests="help oncall")
        await is_refused(thread, "take my shift", "change a shift", suggests="oncall take until 18:00")
        await is_refused(thread, "unack", "Nobody can take back an acknowledgement", suggests="status")
        await is_refused(thread, "done", "“done”", suggests="resolve")


async def test_a_person_is_no_remark(fake_redis: redis.asyncio.Redis) -> None:
    """`takeover @bob` must not take the failure over for the person who typed it."""
    for failures in (1, 5):
        async with thread_of(fake_redis, failures=failures) as thread:
            for typed in ("takeover @bob", "ack @bob", "assign @bob", "reassign to @bob"):
                await is_refused(thread, typed, "The other person can type `takeover`", suggests="help takeover")
        await fake_redis.flushall()


async def test_a_postmortem_is_drafted_by_a_button(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        for typed in ("postmortem", "draft a postmortem", "draft postmortem for orders-1"):
            await is_refused(
                thread,
                typed,
                "Draft postmortem",
                "on the card",
                suggests=f"{'history orders-1' if 'orders' in typed else 'status failed'}",
            )
