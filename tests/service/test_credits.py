"""The account's usage: read once an hour by the leader, stored, and told to the operator, each notice once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from bot.domain.credits import CreditsState, Usage, own_requests
from bot.domain.notice import Notice, NoticeKind
from bot.monitoring.budget import Route
from bot.monitoring.credit_reads import CreditReads
from bot.ports.pipeline_api import ApiError, Forbidden, Throttled, Unavailable
from bot.requests.credit_notices import CreditNotices
from bot.requests.credits import Credits
from bot.requests.setup_changes import SetupChanges
from bot.slack.render.blocks import message
from bot.slack.render.credit_words import credit_blocks
from tests.builders import TEAM
from tests.service.test_poller import OPERATOR, Bot, pipelines, running
from tests.unit.rendering import says, valid

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
KEY = f"pipeline-bot:{{{TEAM}}}:credits"


@dataclass
class FakeAccount:
    """`days_left` at a pace of 100 a day."""

    days_left: float = 20.0
    error: ApiError | None = None
    asked_at: list[datetime] = field(default_factory=list)

    async def usage(self, at: datetime) -> Usage:
        self.asked_at.append(at)
        if self.error:
            raise self.error
        by_day = {at.date() - timedelta(days=back): 100.0 for back in range(20)}
        return Usage(at=at, consumed=10_000 - 100 * self.days_left, maximum=10_000, by_day=by_day)


@dataclass
class Account:
    bot: Bot
    api: FakeAccount = field(default_factory=FakeAccount)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Another bot leads, which knows nothing but the store."""
        bot = self.bot
        self.reads = CreditReads(
            api=self.api, store=bot.store, budget=bot.budget, clock=bot.clock, leadership=bot.leadership
        )
        self.notices = CreditNotices(
            repository=bot.repository,
            changes=SetupChanges(repository=bot.repository, setup_store=bot.store, clock=bot.clock),
            store=bot.store,
            clock=bot.clock,
            operator=OPERATOR,
        )

    async def run(self, seconds: float = 0.0) -> list[NoticeKind]:
        """The kinds of the new notices."""
        self.bot.clock.seconds += seconds
        before = {row.id for row in await self.bot.store.owed(OPERATOR)}
        await self.bot.leadership.acquire()
        await self.reads.run()
        await self.notices.follow()
        owed = await self.bot.store.owed(OPERATOR)
        return [row.body.kind for row in owed if row.id not in before and isinstance(row.body, Notice)]

    async def text(self) -> str:
        answer = await Credits(store=self.bot.store, clock=self.bot.clock).answer()
        return "\n".join(says(valid(message(credit_blocks(answer.state, answer.at, "/pipeline")))))


@asynccontextmanager
async def following(fake_redis: redis.asyncio.Redis) -> AsyncIterator[Account]:
    async with running(fake_redis, *pipelines(1)) as bot:
        yield Account(bot)


async def test_it_asks_once_an_hour_also_after_a_restart(fake_redis: redis.asyncio.Redis) -> None:
    async with following(fake_redis) as account:
        for _ in range(59):
            await account.run(MINUTE)
        account.restart()
        assert len(account.api.asked_at) == 1
        await account.run(MINUTE)
        await account.run(MINUTE)
        assert len(account.api.asked_at) == 2


@pytest.mark.parametrize(
    ("error", "minutes"), [(Forbidden("no"), 60), (Unavailable("away"), 10), (Throttled("slow", retry_after=1800), 30)]
)
async def test_an_error_keeps_the_last_usage_and_is_logged_once(
    fake_redis: redis.asyncio.Redis, error: ApiError, minutes: int
) -> None:
    async with following(fake_redis) as account:
        await account.run()
        account.api.error = error
        with capture_logs() as lines:
            await account.run(HOUR)
            for _ in range(minutes - 1):
                await account.run(MINUTE)
            assert len(account.api.asked_at) == 2
            await account.run(MINUTE)
            assert len(account.api.asked_at) == 3
        assert [line["event"] for line in lines if line["event"] == "usage_unknown"] == ["usage_unknown"]
        text = await account.text()
        assert "8,000 of 10,000 used" in text
        assert str(error) in text


async def test_one_warning_at_seven_days_although_the_pace_hovers(fake_redis: redis.asyncio.Redis) -> None:
    async with following(fake_redis) as account:
        kinds = []
        for days_left in (20.0, 7.1, 6.9, 7.2, 6.5, 8.5, 6.0):
            account.api.days_left = days_left
            account.restart()
            kinds += await account.run(HOUR)
        assert kinds == [NoticeKind.CREDITS_LOW]
        account.api.days_left = 25.0
        assert await account.run(HOUR) == []
        account.api.days_left = 5.0
        assert await account.run(HOUR) == [NoticeKind.CREDITS_LOW]


async def test_a_first_usage_that_is_low_warns_at_once(fake_redis: redis.asyncio.Redis) -> None:
    async with following(fake_redis) as account:
        account.api.days_left = 0.0
        assert await account.run() == [NoticeKind.CREDITS_LOW]


async def test_the_weekly_notice_comes_once_a_week(fake_redis: redis.asyncio.Redis) -> None:
    async with following(fake_redis) as account:
        kinds = []
        for _ in range(21 * 24):
            kinds += await account.run(HOUR)
        assert kinds == [NoticeKind.CREDITS] * 3


async def test_an_old_usage_is_no_reason_for_a_notice(fake_redis: redis.asyncio.Redis) -> None:
    async with following(fake_redis) as account:
        await account.run()
        account.api.error = Unavailable("away")
        kinds = []
        for _ in range(8 * 24):
            kinds += await account.run(HOUR)
        assert kinds == []


async def test_the_bots_own_requests_are_counted_by_day(fake_redis: redis.asyncio.Redis) -> None:
    async with following(fake_redis) as account:
        await account.run()
        for _ in range(3):
            assert account.bot.budget.try_take_spare(Route.METRICS)
            await account.run(10 * MINUTE)
        state = await account.bot.store.credits()
        count = own_requests(state, account.bot.clock.now())
        assert count is not None
        assert count.number == 4, "one of them was for the usage"
        assert "4 requests to GoldRush since" in (text := await account.text())
        assert "GoldRush doesn't say how many credits they cost." in text
        await account.run(2 * DAY)
        assert "to GoldRush yesterday" in await account.text()


@pytest.mark.parametrize("damaged", [None, b"{", b'{"v": 1, "usage": 3}', b'{"v": 99}'])
async def test_the_next_reading_replaces_a_lost_or_damaged_row(
    fake_redis: redis.asyncio.Redis, damaged: bytes | None
) -> None:
    async with following(fake_redis) as account:
        await account.run()
        await (fake_redis.delete(KEY) if damaged is None else fake_redis.set(KEY, damaged))
        assert await account.bot.store.credits() == CreditsState()
        assert "once an hour" in await account.text()
        account.restart()
        await account.run()
        assert (await account.bot.store.credits()).usage is not None


async def test_without_the_right_to_read_it_the_answer_says_so(fake_redis: redis.asyncio.Redis) -> None:
    async with following(fake_redis) as account:
        account.api.error = Forbidden("GoldRush answered 403: this key may not read the account's usage.")
        assert await account.run() == []
        text = await account.text()
        assert "may not read the account's usage" in text
        assert "Pipelines are watched as always." in text
