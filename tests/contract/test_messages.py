"""Mentions and direct messages, from the message box of Slack's sandbox to the answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import redis.asyncio

from sandbox.slack.directory import BOT_USER
from sandbox.slack.messages import Message
from tests.contract.office import ALERTS, ANN, BOB, CAROL, GUEST, PARTNER, SHARED, Office, listening, office

DIRECT = "D0ANN"


@dataclass
class Talk:
    """People write in the sandbox; the bot listens down a real socket."""

    office: Office

    async def answer(self, channel: str, user: str, earlier: int) -> Message:
        """The next answer that this person sees there."""
        await self.office.sandbox.until(lambda: len(self.shown(channel, user)) > earlier)
        return self.shown(channel, user)[-1]

    def shown(self, channel: str, user: str) -> list[Message]:
        roots = self.office.sandbox.slack.messages(channel, user)
        messages = [message for root in roots for message in (root, *root.replies)]
        own = [message for message in messages if message.user == BOT_USER]
        return sorted(own, key=lambda message: float(message.ts))  # a thread has those for one person last

    async def mention(self, text: str, user: str = ANN, channel: str = ALERTS, thread: str | None = None) -> Message:
        earlier = len(self.shown(channel, user))
        self.office.sandbox.slack.mention(user, channel, text, thread)
        return await self.answer(channel, user, earlier)

    async def write(self, text: str, user: str = ANN, channel: str = DIRECT) -> Message:
        earlier = len(self.shown(channel, user))
        self.office.sandbox.slack.direct_message(user, text)
        return await self.answer(channel, user, earlier)


@asynccontextmanager
async def talking(fake_redis: redis.asyncio.Redis) -> AsyncIterator[Talk]:
    async with office(fake_redis) as it, listening(it):
        yield Talk(it)


async def test_a_mention_is_answered_to_its_author_alone(fake_redis: redis.asyncio.Redis) -> None:
    async with talking(fake_redis) as talk:
        answer = await talk.mention("status orders-1")
        assert "orders-1" in answer.text
        assert answer.thread_ts is None
        assert talk.shown(ALERTS, BOB) == []


async def test_a_mention_in_a_thread_is_answered_there(fake_redis: redis.asyncio.Redis) -> None:
    async with talking(fake_redis) as talk:
        root = talk.office.sandbox.slack.say(BOB, ALERTS, "orders-1 looks slow")
        answer = await talk.mention("status orders-1", thread=root.ts)
        assert "orders-1" in answer.text
        assert answer.thread_ts == root.ts


async def test_a_direct_message_is_answered_in_its_thread(fake_redis: redis.asyncio.Redis) -> None:
    async with talking(fake_redis) as talk:
        answer = await talk.write("status orders-1")
        (question,) = [message for message in talk.office.sandbox.slack.messages(DIRECT, ANN) if message.user == ANN]
        assert "orders-1" in answer.text
        assert answer.thread_ts == question.ts


@pytest.mark.parametrize("text", ["", "hello", "Hi!"])
async def test_a_greeting_is_answered_with_short_help(fake_redis: redis.asyncio.Redis, text: str) -> None:
    async with talking(fake_redis) as talk:
        answer = await talk.mention(text)
        assert answer.text.startswith("I watch GoldRush pipelines. Ask me for example:")
        assert answer.text.count("\n") == 2


@pytest.mark.parametrize("text", ["what is failing?", "anything failing", "status what's failing"])
async def test_a_plain_question_is_answered(fake_redis: redis.asyncio.Redis, text: str) -> None:
    async with talking(fake_redis) as talk:
        await talk.mention("watch orders-1")
        answer = await talk.mention(text)
        assert answer.text.startswith("No pipeline is FAILED · 1 watched here")


async def test_a_slash_command_with_a_plain_question_gets_the_command_to_type(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await it.type("watch orders-1")
        answer = await it.type("status what is failing")
        assert answer.startswith(
            "I couldn't find a pipeline called what is failing. Nothing was changed. To see what has failed:"
        )
        assert "/pipeline status failed" in answer
        assert "orders-1" in await it.type("status orders-1 failing")


async def test_a_misspelled_state_gets_the_state_that_it_may_mean(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await it.type("watch orders-1")
        answer = await it.type("status FAILD")
        assert "Did you mean failed?" in answer.replace("*", "")
        assert "/pipeline status failed" in answer


async def test_a_message_without_a_command_is_answered_with_one_to_type(fake_redis: redis.asyncio.Redis) -> None:
    async with talking(fake_redis) as talk:
        answer = await talk.mention("is broken again")
        assert "I only understand commands, and “is” isn't one." in answer.text
        assert answer.text.count("\n") == 1


async def test_a_mention_has_the_permissions_of_a_command(fake_redis: redis.asyncio.Redis) -> None:
    async with talking(fake_redis) as talk:
        assert "now watches orders-1" in (await talk.mention("watch orders-1 page me")).text
        talk.office.sandbox.slack.invite_bot(SHARED)
        guest = await talk.mention("watch orders-1", GUEST, SHARED)
        assert "Only full members of this workspace can change my settings." in guest.text
        assert await talk.office.watches(SHARED) == []
        assert len(await talk.office.watches(ALERTS)) == 1
        hidden = await talk.mention("watches in #ops-private", CAROL)
        assert "I can't find a channel #ops-private that you're in." in hidden.text


async def test_all_or_nothing_holds_for_a_mention(fake_redis: redis.asyncio.Redis) -> None:
    async with talking(fake_redis) as talk:
        answer = await talk.mention("watch orders-1 nosuch")
        assert "Nothing was changed." in answer.text
        assert await talk.office.watches(ALERTS) == []


async def test_another_company_gets_no_answer_about_pipelines(fake_redis: redis.asyncio.Redis) -> None:
    async with talking(fake_redis) as talk:
        talk.office.sandbox.slack.invite_bot(SHARED)
        for text in ("list", "hello", "status orders-1"):
            answer = await talk.mention(text, PARTNER, SHARED)
            assert answer.text == "I only answer people of this workspace. Nothing was changed.\nUse a card's buttons."


async def test_a_message_delivered_twice_is_answered_once(fake_redis: redis.asyncio.Redis) -> None:
    async with talking(fake_redis) as talk:
        await talk.mention("status orders-1")
        (entry,) = [delivered for delivered in talk.office.sandbox.slack.delivery.log if "event" in delivered.payload]
        talk.office.sandbox.slack.delivery.emit(entry.payload)
        await talk.mention("list")
        assert len(talk.shown(ALERTS, ANN)) == 2


async def test_an_edit_is_not_answered(fake_redis: redis.asyncio.Redis) -> None:
    async with talking(fake_redis) as talk:
        sandbox = talk.office.sandbox
        message = sandbox.slack.mention(ANN, ALERTS, "status orders-1")
        await talk.answer(ALERTS, ANN, 0)
        sandbox.slack.edit_message(ANN, ALERTS, message.ts, "@Pipeline Bot list")
        await talk.mention("watches")
        assert len(talk.shown(ALERTS, ANN)) == 2
