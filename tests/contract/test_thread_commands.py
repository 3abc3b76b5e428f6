"""In the thread of a card, commands imply its pipeline. In the thread of a group, the bot offers its members."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import redis.asyncio

from bot.domain.delivery import in_slack
from bot.slack.mrkdwn import NO_BREAK
from sandbox.slack.messages import Message
from tests.builders import TEAM
from tests.contract.office import ALERTS, BOB, Office, listening, office
from tests.contract.test_messages import Talk
from tests.fakes import FakeChat
from tests.service.test_dispatcher import sending
from tests.service.test_poller import FAILED, ONE, pipelines


@dataclass
class Thread:
    """A message of the sandbox, which the bot takes for the message of its card or group."""

    office: Office
    talk: Talk
    root: Message

    async def asked(self, text: str) -> str:
        answer = await self.talk.mention(text, thread=self.root.ts)
        assert answer.thread_ts == self.root.ts
        return answer.text.replace(NO_BREAK, " ")


@asynccontextmanager
async def thread_of(fake_redis: redis.asyncio.Redis, *, failures: int = 1) -> AsyncIterator[Thread]:
    """So many pipelines have failed, and the channel has the message."""
    known = pipelines(failures + 1)
    async with office(fake_redis, *known) as it, listening(it):
        failing = [pipeline.id for pipeline in known[:failures]]
        await it.bot.watch(*failing)
        it.bot.api.statuses |= dict.fromkeys(failing, FAILED)
        await it.bot.poll(20)
        async with sending(it.bot.store, FakeChat(), it.bot.clock):
            await it.bot.clock.pass_time(10)
        root = it.sandbox.slack.say(BOB, ALERTS, "the card")
        await it.bot.store._redis.set(it.bot.store._keys.thread(in_slack(TEAM, ALERTS), root.ts), await top(it))
        yield Thread(it, Talk(it), root)


async def top(it: Office) -> str:
    """The key in the index, as the delivery wrote it."""
    prefix = it.bot.store._keys.thread(in_slack(TEAM, ALERTS), "")
    (found,) = [name async for name in it.bot.store._redis.scan_iter(match=f"{prefix.replace('{', '[{]')}*")]
    key = await it.bot.store._redis.get(found)
    assert isinstance(key, bytes)
    return key.decode()


async def test_why_history_and_status_mean_the_pipeline_of_the_card(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        assert "orders-1 — who was notified" in await thread.asked("why")
        assert "orders-1 — history" in await thread.asked("history")
        assert "orders-1" in await thread.asked("status")
        assert "orders-2" not in await thread.asked("status")


async def test_ack_acknowledges_the_failure_of_the_card(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        assert "You acknowledged orders-1." in await thread.asked("ack")
        episode = thread.office.bot.repository.record(ONE).episode
        assert episode
        assert episode.acknowledged
        assert "already acknowledged orders-1" in await thread.asked("ack")


async def test_mute_and_runbook_take_their_words_after_the_pipeline(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        assert "orders-1" in await thread.asked("mute for 2h")
        assert "failure cards now show the runbook" in await thread.asked("runbook https://wiki.example.com/x")
        notes = {note.text for note in (await thread.office.bot.store.watches()).notes}
        assert notes == {"https://wiki.example.com/x"}


async def test_a_named_pipeline_counts_rather_than_the_card_s(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        assert "orders-2" in await thread.asked("why orders-2")


@pytest.mark.parametrize("text", ["", "hello", "whatever that means"])
async def test_other_words_are_answered_with_what_the_thread_understands(
    fake_redis: redis.asyncio.Redis, text: str
) -> None:
    async with thread_of(fake_redis) as thread:
        answer = await thread.asked(text)
        assert "This thread is about orders-1." in answer
        assert "`ack` · `why`" in answer


async def test_the_thread_of_a_group_offers_its_members(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis, failures=5) as thread:
        answer = await thread.asked("why")
        assert "This thread is about 5 pipelines. Which one?" in answer
        assert all(f"`@bot why orders-{number}`" in answer for number in range(1, 6))
        assert "orders-2 — who was notified" in await thread.asked("why orders-2")
        assert "card of a group" in await thread.asked("why orders-2")


async def test_another_thread_implies_nothing(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        other = thread.office.sandbox.slack.say(BOB, ALERTS, "lunch?")
        answer = await thread.talk.mention("why", thread=other.ts)
        assert "Which pipeline?" in answer.text


async def test_ack_by_command_needs_an_open_failure_in_this_channel(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        it = thread.office
        assert "orders-2 has no open failure here. Nothing was changed." in (await it.type("ack orders-2"))
        assert "Which pipeline?" in await it.type("ack")
        assert "You acknowledged orders-1." in await it.type("acknowledge orders-1")


@pytest.mark.parametrize("muted", ["orders-1", "orders-*", "channel"])
@pytest.mark.parametrize("typed", ["ack orders-1", "snooze orders-1 1h", "takeover orders-1", "resolve orders-1"])
async def test_an_answer_to_a_failure_that_was_muted_from_its_begin_names_the_mute(
    fake_redis: redis.asyncio.Redis, muted: str, typed: str
) -> None:
    async with office(fake_redis) as it:
        await it.bot.watch("orders-*")
        await it.bot.poll(10)
        await it.type(f"mute {muted} for 1h because we deploy")
        it.bot.api.statuses[ONE] = FAILED
        await it.bot.poll(20)
        answer = (await it.type(typed)).replace(NO_BREAK, " ")
        assert "orders-1 needs somebody, but it has no card here yet: muted by ann until" in answer
        assert "we deploy. Nothing was changed." in answer
        assert f"/pipeline unmute {muted}" in answer
        assert "no open failure" not in answer
