"""Daily: each step reaches somebody. Weekly: each mention still can be paged. Each notice comes once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import redis.asyncio

from bot.domain.escalation import Policy, PolicyStep
from bot.domain.notice import Notice, NoticeKind
from bot.domain.on_call_setup import WORKSPACE, DefaultPolicy, SavedPolicy
from bot.domain.permission import UnknownFact
from bot.domain.policy_preview import DEFAULT_WAIT
from bot.domain.reach_check import ReachCheck
from bot.domain.setup import SetupRow
from bot.domain.watch import Target, TargetKind, UserId
from bot.requests.reach_checks import LOOKED_UP_AT_ONCE, ReachChecks
from bot.requests.setup_changes import SetupChanges
from tests.builders import ALERTS, ANN, a_person, a_setup_change, a_usergroup, at
from tests.service.test_poller import ONE, OPERATOR, Bot, pipelines, running, watch

BOB = a_person("U0BOB", label="bob")
PAGER = Target(kind=TargetKind.PAGER, id="ops")
HOUR = 3600


@dataclass
class FakeSlack:
    lost: set[str] = field(default_factory=set)
    away: bool = False
    asked_for: list[str] = field(default_factory=list)

    async def member(self, user: UserId) -> Target | UnknownFact | None:
        self.asked_for.append(user)
        if self.away:
            return UnknownFact.AWAY
        return None if user in self.lost else a_person(user)

    async def with_email(self, email: str) -> Target | UnknownFact | None:
        raise NotImplementedError

    async def is_missing(self, group: str) -> bool | UnknownFact:
        return UnknownFact.NO_SCOPE if group not in self.lost else True


@dataclass
class Checks:
    bot: Bot
    slack: FakeSlack

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Another bot leads, which knows nothing but the store."""
        changes = SetupChanges(repository=self.bot.repository, setup_store=self.bot.store, clock=self.bot.clock)
        self.checks = ReachChecks(
            repository=self.bot.repository,
            changes=changes,
            people=self.slack,
            groups=self.slack,
            clock=self.bot.clock,
            operator=OPERATOR,
        )

    async def save(self, *rows: SetupRow) -> None:
        version = (await self.bot.store.watches()).version
        assert await self.bot.store.change_setup(a_setup_change(version, *rows))
        await self.bot.repository.refresh_watches()

    async def run(self, hours: float = 0) -> list[tuple[str, str]]:
        """The new lines of notices, each with its channel."""
        self.bot.clock.seconds += hours * HOUR
        before = {row.id for channel in (ALERTS, OPERATOR) for row in await self.bot.store.owed(channel)}
        await self.checks.follow()
        return [
            (channel, line)
            for channel in (ALERTS, OPERATOR)
            for row in await self.bot.store.owed(channel)
            if row.id not in before and isinstance(row.body, Notice) and row.body.kind is NoticeKind.UNREACHED
            for line in row.body.setup
        ]


@asynccontextmanager
async def checking(fake_redis: redis.asyncio.Redis) -> AsyncIterator[Checks]:
    async with running(fake_redis, *pipelines(1)) as bot:
        yield Checks(bot, FakeSlack())


def a_policy(*steps: Target, name: str = "data") -> SavedPolicy:
    made = tuple(PolicyStep(targets=(target,), wait=DEFAULT_WAIT) for target in steps)
    return SavedPolicy(policy=Policy(name=name, steps=made), made_by=ANN, made_at=at(0))


async def test_a_step_that_reaches_nobody_is_reported_daily(fake_redis: redis.asyncio.Redis) -> None:
    async with checking(fake_redis) as it:
        await it.save(a_policy(BOB, PAGER))
        line = (str(OPERATOR), "policy data, step 2: pager:ops reaches nobody")
        assert await it.run() == [line]
        assert await it.run(hours=1) == []
        assert await it.run(hours=23) == [line]
        it.restart()
        assert await it.run() == []


async def test_the_channels_that_use_a_policy_hear_of_it(fake_redis: redis.asyncio.Redis) -> None:
    async with checking(fake_redis) as it:
        await watch(it.bot, ONE, targets=(Target(kind=TargetKind.POLICY, id="data"),))
        await it.save(a_policy(PAGER), a_policy(PAGER, name="other"))
        assert await it.run() == [
            (ALERTS, "policy data, step 1: pager:ops reaches nobody"),
            (OPERATOR, "policy other, step 1: pager:ops reaches nobody"),
        ]


async def test_a_mention_that_is_gone_is_reported_weekly(fake_redis: redis.asyncio.Redis) -> None:
    async with checking(fake_redis) as it:
        group = a_usergroup("S0GONE", label="old-team")
        await watch(it.bot, ONE, targets=(BOB, group, a_person("U0CAROL", label="carol")))
        it.slack.lost = {"U0BOB", "S0GONE"}
        lines = await it.run()
        assert lines == [
            (ALERTS, "watch orders-1: @bob: that account is deactivated or gone"),
            (ALERTS, "watch orders-1: @old-team: that user group is disabled"),
        ]
        for _ in range(6):
            assert await it.run(hours=24) == []
        assert await it.run(hours=24) == lines


async def test_a_step_of_people_who_are_gone_is_reported_daily(fake_redis: redis.asyncio.Redis) -> None:
    async with checking(fake_redis) as it:
        await it.save(a_policy(BOB), DefaultPolicy(scope=WORKSPACE, policy="data", made_by=ANN, made_at=at(0)))
        it.slack.lost = {"U0BOB"}
        empty = (str(OPERATOR), "policy data, step 1: @bob reaches nobody")
        deactivated = (str(OPERATOR), "policy data: @bob: that account is deactivated or gone")
        assert await it.run() == [empty, deactivated]
        assert await it.run(hours=24) == [empty]


async def test_a_default_policy_that_is_lost_is_reported(fake_redis: redis.asyncio.Redis) -> None:
    async with checking(fake_redis) as it:
        await it.save(DefaultPolicy(scope=ALERTS, policy="lost", made_by=ANN, made_at=at(0)))
        assert await it.run() == [(ALERTS, "default policy of the channel: there is no policy lost")]


async def test_slack_away_delays_the_check_and_reports_nobody(fake_redis: redis.asyncio.Redis) -> None:
    async with checking(fake_redis) as it:
        await watch(it.bot, ONE, targets=(BOB,))
        it.slack.away, it.slack.lost = True, {"U0BOB"}
        assert await it.run() == []
        assert it.bot.repository.watches.setup.all(ReachCheck) == ()
        it.slack.away = False
        assert (ALERTS, "watch orders-1: @bob: that account is deactivated or gone") in await it.run()
        assert len(it.bot.repository.watches.setup.all(ReachCheck)) == 1


async def test_many_mentions_take_several_calls(fake_redis: redis.asyncio.Redis) -> None:
    async with checking(fake_redis) as it:
        people = [a_person(f"U0{number:04}") for number in range(LOOKED_UP_AT_ONCE + 5)]
        await it.save(a_policy(*people[:LOOKED_UP_AT_ONCE]), a_policy(*people[LOOKED_UP_AT_ONCE:], name="other"))
        await it.run()
        assert len(it.slack.asked_for) == LOOKED_UP_AT_ONCE
        await it.run()
        assert sorted(it.slack.asked_for) == sorted(person.id for person in people)
        await it.run()
        assert len(it.slack.asked_for) == len(people)


async def test_nothing_is_written_where_nobody_set_anything_up(fake_redis: redis.asyncio.Redis) -> None:
    async with checking(fake_redis) as it:
        await watch(it.bot, ONE)
        version = it.bot.repository.watches.version
        assert await it.run() == []
        assert it.bot.repository.watches.version == version
