"""`history`: episodes, the share of time live, and how fast failures ended; with a chart where Slack takes it."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import redis.asyncio

from bot.requests.past import HistoryAnswer
from bot.slack.mrkdwn import NO_BREAK
from bot.slack.render import action_ids
from sandbox.slack.faults import Fault, FaultKind
from tests.contract.office import ALERTS, ANN, Office, listening, office
from tests.contract.test_messages import Talk
from tests.contract.test_why import LIVE
from tests.service.test_poller import FAILED, ONE

DAY = timedelta(days=1).total_seconds()


@asynccontextmanager
async def remembering(fake_redis: redis.asyncio.Redis) -> AsyncIterator[Office]:
    """`orders-1` is live. Two days later it fails for a while, and somebody acknowledges that."""
    async with office(fake_redis) as it:
        await it.bot.watch(ONE)
        it.bot.api.statuses[ONE] = LIVE
        await it.bot.poll(20)
        it.bot.clock.seconds += 2 * DAY
        await it.bot.poll(20)
        it.bot.api.statuses[ONE] = FAILED
        await it.bot.poll(60)
        episode = it.bot.repository.record(ONE).episode
        assert episode
        card = episode.card_in(ALERTS)
        assert card
        await it.bot.requests.acknowledgements.acknowledge(ALERTS, ONE, card, ANN, name="Ann", place="#data-alerts")
        it.bot.api.statuses[ONE] = LIVE
        await it.bot.poll(60)
        yield it


def plain(text: str) -> str:
    return text.replace(NO_BREAK, " ")


async def test_it_lists_episodes_and_the_share_of_time_live(fake_redis: redis.asyncio.Redis) -> None:
    async with remembering(fake_redis) as it:
        answer = plain(await it.type("history orders-1"))
        assert "orders-1 — history" in answer
        assert "• 24 hours: " in answer
        assert re.search(r"• 24 hours: \*?[\d.]+ %\*? live in the \d+ (s|min) that I know\n", answer), "it read little"
        assert "• 1 failure in 30 days\n• 1 of 1 acknowledged, after" in answer
        assert "\n• 1 of 1 recovered, after" in answer
        assert "failed" in answer
        assert "acknowledged by Ann after" in answer
        assert "· recovered" in answer


async def test_a_mean_names_the_failures_that_it_leaves_out(fake_redis: redis.asyncio.Redis) -> None:
    async with remembering(fake_redis) as it:
        for status in (FAILED, LIVE, FAILED):
            it.bot.clock.seconds += DAY
            it.bot.api.statuses[ONE] = status
            await it.bot.poll(60)
        answer = plain(await it.type("history orders-1"))
        assert "• 3 failures in 30 days\n• 1 of 3 acknowledged, after" in answer
        assert "• 2 of 3 recovered, on average after" in answer
        assert "· 1 still open" in answer
        assert "in 30 days\n• On average" not in answer


async def test_a_failure_ends_where_nobody_watches_it_any_more(fake_redis: redis.asyncio.Redis) -> None:
    async with remembering(fake_redis) as it:
        it.bot.api.statuses[ONE] = FAILED
        await it.bot.poll(60)
        await it.type("unwatch orders-1")
        it.bot.clock.seconds += DAY
        it.bot.api.statuses[ONE] = LIVE
        await it.bot.watch(ONE)
        await it.bot.poll(60)
        it.bot.api.statuses[ONE] = FAILED
        await it.bot.poll(60)
        answer = plain(await it.type("history orders-1"))
        assert "• 3 failures in 30 days\n• 1 of 3 acknowledged, after" in answer
        assert "\n• 1 of 3 recovered, after" in answer
        assert "· 1 still open" in answer
        assert answer.count("then nobody watched it") == 1
        assert "\nno longer watched · " in plain(await it.type("why orders-1"))


async def test_a_shared_answer_goes_to_the_channel(fake_redis: redis.asyncio.Redis) -> None:
    async with remembering(fake_redis) as it:
        shared = plain(await it.click(action_ids.SHARE, {"asked": "history orders-1"}))
        assert "1 failure in 30 days" in shared
        assert "Shared by" in shared


@pytest.mark.parametrize("refused", [False, True])
async def test_a_workspace_without_charts_gets_text_bars_and_is_not_asked_again(
    fake_redis: redis.asyncio.Redis, *, refused: bool
) -> None:
    async with remembering(fake_redis) as it, listening(it):
        talk = Talk(it)
        if refused:
            once = Fault(kind=FaultKind.ERROR, error="invalid_blocks", times=1)
            it.sandbox.slack.faults.set("chat.postEphemeral", once)
        for _ in range(2):
            answer = await talk.mention("history orders-1")
            drawn = json.dumps(list(answer.blocks), ensure_ascii=False)
            assert ("data_visualization" in drawn) is not refused
            assert ("█" in drawn) is refused
        assert it.call_count("chat.postEphemeral") == (3 if refused else 2)


async def test_an_unwatched_pipeline_has_no_history(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        assert "nobody watches it" in await it.type("history orders-1")
        assert "couldn't find a pipeline called" in await it.type("history nonsense")
        await it.bot.watch(ONE)
        assert "haven't read it yet" in await it.type("history orders-1")


async def test_the_time_since_a_fresh_reading_is_known_and_that_since_an_old_one_is_not(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with remembering(fake_redis) as it:
        it.bot.clock.seconds += 3
        fresh = await it.bot.requests.past.history(ALERTS, "orders-1", None)
        assert isinstance(fresh, HistoryAnswer)
        assert fresh.stretches[-1].until == fresh.at
        it.bot.clock.seconds += DAY
        old = await it.bot.requests.past.history(ALERTS, "orders-1", None)
        assert isinstance(old, HistoryAnswer)
        assert old.stretches[-1].until < fresh.at
