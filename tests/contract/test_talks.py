"""Commands typed in direct messages between people, where no app can be invited (issue 8, C4)."""

import pytest
import redis.asyncio

from bot.domain.watch import ChannelId
from bot.slack.permissions import Asker
from sandbox.slack.directory import ChannelKind
from tests.contract.office import ANN, Office, office


async def ask(it: Office, text: str, people: tuple[str, ...]) -> str:
    talk = it.sandbox.slack.directory.open_talk(*people)
    name = "directmessage" if talk.kind is ChannelKind.IM else talk.name
    asker = Asker(user=ANN, channel=ChannelId(talk.id), channel_name=name)
    return await it.answered(it.router.typed(text, asker))


TALKS = [("U0ANN", "U0BOB"), ("U0ANN", "U0BOB", "U0CAROL")]


@pytest.mark.parametrize("people", TALKS)
@pytest.mark.parametrize("text", ["watch orders-1", "watch orders-*", "watch orders-1 page <@U0BOB|bob>"])
async def test_advice_for_direct_messages_is_possible(
    fake_redis: redis.asyncio.Redis, people: tuple[str, ...], text: str
) -> None:
    async with office(fake_redis) as it:
        answer = await ask(it, text, people)
        assert "I can't be added to a direct message between people" in answer
        assert "Nothing was changed." in answer
        assert "/invite" not in answer
        assert (await it.bot.store.watches()).all == ()


@pytest.mark.parametrize("people", TALKS)
async def test_questions_are_answered_there(fake_redis: redis.asyncio.Redis, people: tuple[str, ...]) -> None:
    async with office(fake_redis) as it:
        assert "orders-1" in await ask(it, "status orders-1", people)
        answers = [await ask(it, text, people) for text in ("watches", "status", "unwatch orders-1", "unwatch all")]
        assert not any("#directmessage" in text or "/invite" in text for text in answers)
        assert (await it.bot.store.watches()).all == ()
