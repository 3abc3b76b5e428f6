"""`owner` pages the person who made the pipeline. Their e-mail goes to Slack and nowhere else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
import redis.asyncio

from bot.domain.answer import OwnersView
from bot.domain.escalation import Policy, PolicyStep
from bot.domain.notice import Notice, NoticeKind
from bot.domain.on_call_setup import SavedPolicy
from bot.domain.owners import Owner
from bot.domain.permission import UnknownFact
from bot.domain.policy_preview import DEFAULT_WAIT
from bot.domain.routing import Routing
from bot.domain.setup import Setup
from bot.domain.watch import ChannelId, Target, TargetKind
from bot.ports.pipeline_api import ListingPage
from bot.requests.owners import Owners
from bot.requests.setup_changes import SetupChanges
from tests.builders import ALERTS, ANN, TEAM, a_person, a_setup_change, at
from tests.fake_schedules import FakePeople
from tests.service.test_poller import Bot, pipelines, running, watch

OWNER = Target(kind=TargetKind.OWNER)
EMAIL = "dana@acme.example"
DANA = Target(kind=TargetKind.USER, id="U0DANA", label="dana")
PIPELINE = replace(pipelines(1)[0], owner="user_1")


@dataclass
class Workspace:
    bot: Bot
    people: FakePeople = field(default_factory=lambda: FakePeople({EMAIL: DANA}))
    emails: dict[str, str] = field(default_factory=lambda: {"user_1": EMAIL})

    def __post_init__(self) -> None:
        changes = SetupChanges(repository=self.bot.repository, setup_store=self.bot.store, clock=self.bot.clock)
        self.owners = Owners(
            repository=self.bot.repository,
            changes=changes,
            emails=self.emails,
            people=self.people,
            conversations=self.people,
            clock=self.bot.clock,
        )

    async def setup(self) -> Setup:
        return (await self.bot.store.watches()).setup

    async def reached(self) -> tuple[Target, ...]:
        routing = Routing(team=TEAM, pipeline=PIPELINE, audiences=(), setup=await self.setup())
        return routing.reached(OWNER, at(0))

    async def lines(self) -> list[str]:
        rows = await self.bot.store.owed(ALERTS)
        notices = [row.body for row in rows if isinstance(row.body, Notice)]
        return [line for notice in notices if notice.kind is NoticeKind.UNREACHED for line in notice.setup]


@asynccontextmanager
async def owning(fake_redis: redis.asyncio.Redis, *targets: Target) -> AsyncIterator[Workspace]:
    async with running(fake_redis, PIPELINE) as bot:
        await watch(bot, PIPELINE.id, targets=targets)
        yield Workspace(bot)


async def test_owner_reaches_the_person_with_a_direct_conversation(fake_redis: redis.asyncio.Redis) -> None:
    async with owning(fake_redis, OWNER) as it:
        assert await it.reached() == ()
        await it.owners.follow()
        assert await it.reached() == (replace(DANA, direct=ChannelId("D0DANA")),)
        assert await it.lines() == []


async def test_a_policy_can_name_the_owner(fake_redis: redis.asyncio.Redis) -> None:
    steps = (PolicyStep(targets=(OWNER,), wait=DEFAULT_WAIT),)
    policy = SavedPolicy(policy=Policy(name="data", steps=steps), made_by=ANN, made_at=at(0))
    async with owning(fake_redis, Target(kind=TargetKind.POLICY, id="data")) as it:
        version = (await it.bot.store.watches()).version
        assert await it.bot.store.change_setup(a_setup_change(version, policy))
        await it.bot.repository.refresh_watches()
        await it.owners.follow()
        assert await it.reached()


async def test_no_owner_is_looked_up_without_need(fake_redis: redis.asyncio.Redis) -> None:
    async with owning(fake_redis, a_person()) as it:
        await it.owners.follow()
        assert (await it.setup()).all(Owner) == ()


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (None, "watch orders-1: owner reaches nobody for orders-1: nobody here has the e-mail of its maker"),
        (
            UnknownFact.NO_SCOPE,
            "watch orders-1: owner reaches nobody: I need the scope users:read.email to find people by e-mail",
        ),
    ],
)
async def test_the_channel_hears_once_of_an_owner_who_is_nobody(
    fake_redis: redis.asyncio.Redis, found: UnknownFact | None, line: str
) -> None:
    async with owning(fake_redis, OWNER) as it:
        it.people.known = {EMAIL: found}
        await it.owners.follow()
        assert await it.reached() == ()
        assert await it.lines() == [line]
        it.bot.clock.seconds += 3600
        await it.owners.follow()
        assert await it.lines() == [line]
        it.people.known = {EMAIL: DANA}
        it.bot.clock.seconds += 3600
        await it.owners.follow()
        assert await it.reached()


async def test_while_slack_does_not_answer_the_known_owner_stays(fake_redis: redis.asyncio.Redis) -> None:
    async with owning(fake_redis, OWNER) as it:
        await it.owners.follow()
        it.people.known = {EMAIL: UnknownFact.AWAY}
        it.bot.clock.seconds += 3 * 24 * 3600
        await it.owners.follow()
        assert await it.reached()
        assert await it.lines() == []


async def test_an_owner_without_a_watch_is_forgotten(fake_redis: redis.asyncio.Redis) -> None:
    async with owning(fake_redis, OWNER) as it:
        await it.owners.follow()
        await watch(it.bot, PIPELINE.id, targets=(a_person(),))
        await it.owners.follow()
        assert (await it.setup()).all(Owner) == ()


async def test_no_e_mail_is_stored(fake_redis: redis.asyncio.Redis) -> None:
    async with owning(fake_redis, OWNER) as it:
        await it.owners.follow()
        for key in await fake_redis.keys():
            dump = await fake_redis.dump(key)
            assert dump, key
            assert EMAIL.encode() not in dump, key


async def test_the_answer_says_what_is_known_about_the_owner(fake_redis: redis.asyncio.Redis) -> None:
    async with owning(fake_redis, OWNER) as it:
        it.people.known = {EMAIL: None}
        owners = it.bot.requests.queries.owners
        watches = it.bot.repository.watches.all
        assert owners(watches) == OwnersView(unknown=True)
        await it.owners.follow()
        problem = "owner reaches nobody for orders-1: nobody here has the e-mail of its maker"
        assert owners(watches) == OwnersView(problems=(problem,))
        await watch(it.bot, PIPELINE.id, targets=(a_person(),))
        assert owners(it.bot.repository.watches.all) is None


async def test_the_listing_brings_the_e_mails(fake_redis: redis.asyncio.Redis) -> None:
    page = ListingPage(pipelines=(PIPELINE,), more=False, emails={"user_1": EMAIL})
    async with owning(fake_redis, OWNER) as it:
        it.bot.api.listing = page
        await it.bot.catalogue.refresh()
        assert it.bot.catalogue.owner_emails == {"user_1": EMAIL}
    assert EMAIL not in repr(page)
