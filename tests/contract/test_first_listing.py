"""Answers while the bot lists the pipelines for the first time."""

import pytest
import redis.asyncio

from bot.monitoring.catalogue import CatalogueSync
from tests.contract.office import office

NOTE = "I'm still listing the pipelines, so there may be more."


@pytest.mark.parametrize(
    "text",
    [
        *("list", "list nowhere", "status *", "status orders-*", "status nowhere"),
        *("watches", "watch nowhere", "watch nowhere-*", "unwatch nowhere", "note *"),
    ],
)
async def test_answers_of_the_first_listing_say_that_there_may_be_more(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    async with office(fake_redis) as it:
        assert NOTE not in await it.type(text)
        monkeypatch.setattr(CatalogueSync, "still_listing", True)
        assert NOTE in await it.type(text)


async def test_watch_counts_so_far_and_help_needs_no_listing(
    fake_redis: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CatalogueSync, "still_listing", True)
    async with office(fake_redis) as it:
        answer = await it.type("watch orders-*")
        assert "2 pipelines match so far; I'm still listing them." in answer
        assert NOTE not in answer
        assert NOTE not in await it.type("help")


async def test_watch_of_a_large_fleet_names_the_period_and_a_sufficient_budget(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with office(fake_redis) as it:
        it.bot.budget.full_rate = 0.01
        expected = "2 pipelines at 0.01 requests/s: each is read about every 3 min. A budget of 1 request/s would"
        assert expected in await it.type("watch orders-*")
        assert "requests/s" not in await it.type("watch orders-*")  # nothing changed
