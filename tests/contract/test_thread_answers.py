"""`@bot ack`, `snooze`, `take over`, `resolve`, `mute` and `unmute` in the thread of a card and of a group."""

from datetime import timedelta

import redis.asyncio

from bot.domain.episode import Acknowledgement
from bot.domain.observation import PipelineId
from bot.domain.silence import Mute
from bot.slack.render import action_ids
from tests.contract.office import ALERTS, BOB, CAROL, QUIET, Office
from tests.contract.test_thread_commands import Thread, thread_of
from tests.service.test_poller import ONE


def answer_to(it: Office, pipeline: PipelineId = ONE) -> Acknowledgement | None:
    episode = it.bot.repository.record(pipeline).episode
    assert episode
    return episode.acknowledged


def card_of(thread: Thread) -> str:
    episode = thread.office.bot.repository.record(ONE).episode
    assert episode
    return next(iter(episode.cards))


def mutes(it: Office) -> set[str]:
    return {silence.reference for silence in it.bot.repository.watches.silences.all if isinstance(silence, Mute)}


async def test_ack_takes_a_promise_and_a_remark(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        it = thread.office
        now = it.bot.clock.now()
        answer = await thread.asked("ack 20m looking")
        assert "You acknowledged orders-1." in answer
        assert "I page again" in answer
        found = answer_to(it)
        assert found
        assert found.remark == "looking"
        assert found.until
        assert timedelta() <= found.until - (now + timedelta(minutes=20)) < timedelta(minutes=1)
        cards = await it.bot.store.cards([card_of(thread)])
        (card,) = cards.values()
        assert card.content.episode.acknowledged == found


async def test_snooze_acts_and_asks_for_a_missing_time(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        assert "For how long should I stop paging for orders-1?" in await thread.asked("snooze")
        assert answer_to(thread.office) is None
        assert "Name a time in the future, within 7 days. Nothing was changed." in await thread.asked("snooze 8d")
        assert "You snoozed orders-1." in await thread.asked("snooze 1h")
        found = answer_to(thread.office)
        assert found
        assert found.snoozed


async def test_take_over_moves_the_failure(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        it = thread.office
        await it.click(action_ids.ACKNOWLEDGE, {"pipeline": ONE, "card": card_of(thread)}, CAROL, ALERTS)
        assert "Carol already acknowledged orders-1" in await thread.asked("ack")
        assert "You took over orders-1 from carol" in await thread.asked("take over")
        found = answer_to(it)
        assert found
        assert found.by != CAROL


async def test_resolve_asks_first_and_says_what_it_ends(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        it = thread.office
        question = await thread.asked("resolve because known")
        assert "End the paging for orders-1, open since" in question
        assert "Nobody is called again, even if the pipeline stays FAILED." in question
        episode = it.bot.repository.record(ONE).episode
        assert episode
        assert episode.resolved is None
        await it.click(action_ids.RESOLVE, {"card": card_of(thread), "remark": "known"}, BOB, ALERTS)
        episode = it.bot.repository.record(ONE).episode
        assert episode
        assert episode.resolved
        assert episode.resolved.remark == "known"
        for text in ("resolve", "ack", "snooze 1h", "take over"):
            answer = await thread.asked(text)
            assert "Bob ended the paging for orders-1" in answer
            assert "Nothing was changed" in answer


async def test_mute_and_unmute_act_in_the_thread(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis) as thread:
        assert "orders-1" in await thread.asked("mute 2h because we deploy")
        assert mutes(thread.office) == {ONE}
        assert "orders-1" in await thread.asked("unmute")
        assert mutes(thread.office) == set()


async def test_in_the_thread_of_a_group_one_names_the_member_or_all(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis, failures=5) as thread:
        it = thread.office
        for text in ("ack", "snooze 1h", "take over", "resolve", "mute 2h", "unmute"):
            answer = await thread.asked(text)
            assert "This thread is about 5 pipelines. Which one? Nothing was changed." in answer
            command, _, rest = text.replace("take over", "takeover").partition(" ")
            assert f"`@bot {command} all {rest}".strip() in answer
        assert "You acknowledged orders-2." in await thread.asked("ack orders-2 20m looking")
        assert "You snoozed 5 failures." in await thread.asked("snooze all 1h")
        found = answer_to(it)
        assert found
        assert found.snoozed
        assert "End the paging for 5 pipelines of this message?" in await thread.asked("resolve all")
        assert "Muted in this channel" in await thread.asked("mute all 2h because we deploy")
        assert len(mutes(it)) == 5
        await thread.asked("unmute all")
        assert mutes(it) == set()


async def test_a_group_of_another_conversation_is_not_answered(fake_redis: redis.asyncio.Redis) -> None:
    async with thread_of(fake_redis, failures=5) as thread:
        it = thread.office
        key = card_of(thread)
        answer = await it.type(f"ack group:{key}", BOB, QUIET)
        assert "another conversation. Nothing was changed" in answer
        assert answer_to(it) is None
        assert "I no longer know" in await it.type("ack group:unknown", BOB, ALERTS)
