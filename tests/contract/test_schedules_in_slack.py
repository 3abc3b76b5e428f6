"""Handovers, reports and user groups against the sandbox's Slack, over a real socket."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import redis.asyncio

from bot.domain.delivery import Posted
from bot.domain.schedule_messages import ScheduleProblem, ScheduleReport, ShiftHandover
from bot.domain.schedule_state import ScheduleState, pageable_on_call
from bot.domain.setup import Setup
from bot.domain.watch import ChannelId, TeamId, UserId
from bot.requests.group_members import GroupMembers
from bot.requests.schedule_news import ScheduleNews
from bot.requests.setup_changes import SetupChanges
from bot.slack.outbound.chat import SlackChat
from bot.slack.outbound.members import Members
from bot.slack.outbound.user_groups import SlackUserGroups
from sandbox.slack.directory import BOT_USER, TEAM_ID
from tests.contract.office import ALERTS, ANN, BOB, LOOK, Office, office
from tests.contract.test_policies import save

DAY_SECONDS = 24 * 3600
BOB_DIRECT = ChannelId("D0BOB")


@dataclass
class Desk:
    office: Office
    news: ScheduleNews
    groups: GroupMembers

    async def pass_time(self, seconds: float) -> None:
        await self.office.bot.clock.pass_time(seconds)
        await self.news.follow()
        await self.groups.follow()
        await self.news.follow()

    async def setup(self) -> Setup:
        return (await self.office.bot.store.watches()).setup

    async def post(self, channel: ChannelId) -> list[str]:
        """Sends what the channel is owed, and returns the texts that people then see there."""
        chat = SlackChat(self.office.slack, LOOK.content, UserId(BOT_USER))
        for row in await self.office.bot.store.owed(channel):
            assert isinstance(row.body, ShiftHandover | ScheduleReport)
            outcome = await chat.post(row, row.body, parent_id=None, now=self.office.bot.clock.now())
            assert isinstance(outcome, Posted)
        return [json.dumps(message.blocks) for message in self.office.sandbox.slack.messages(channel)]


@asynccontextmanager
async def desk(fake_redis: redis.asyncio.Redis) -> AsyncIterator[Desk]:
    async with office(fake_redis) as it:
        it.sandbox.slack.limits.enabled = False
        bot = it.bot
        changes = SetupChanges(repository=bot.repository, setup_store=bot.store, clock=bot.clock)
        people = Members(it.slack, bot.clock, TeamId(TEAM_ID))
        news = ScheduleNews(
            repository=bot.repository,
            changes=changes,
            conversations=it.directory,
            people=people,
            clock=bot.clock,
            operator=None,
        )
        yield Desk(it, news, GroupMembers(changes=changes, groups=SlackUserGroups(it.slack), clock=bot.clock))


async def test_the_next_person_reads_the_handover_and_the_group_follows(fake_redis: redis.asyncio.Redis) -> None:
    async with desk(fake_redis) as it:
        await save(it.office, "schedule data = rotate @ann @bob every day at 09:00 in UTC")
        await save(it.office, "schedule data group @data-oncall")
        await it.pass_time(1)
        group = it.office.sandbox.slack.directory.usergroups["S0ONCALL"]
        assert group.users == (ANN,)
        await it.pass_time(DAY_SECONDS)
        assert group.users == (BOB,)
        (direct,) = await it.post(BOB_DIRECT)
        assert "You're on call for *data* until" in direct
        assert "ann handed over at" in direct
        (here,) = [text for text in await it.post(ALERTS) if "handed over" in text]
        assert "*data*: bob is on call until" in here
        assert "<@" not in here + direct


async def test_a_person_removed_from_the_workspace_is_reported_and_passed_over(fake_redis: redis.asyncio.Redis) -> None:
    async with desk(fake_redis) as it:
        users = it.office.sandbox.slack.directory.users
        await save(it.office, "schedule data = rotate @ann @bob every day at 09:00 in UTC")
        await save(it.office, "schedule data group @data-oncall")
        await it.pass_time(1)
        users[BOB] = replace(users[BOB], deleted=True)
        await it.pass_time(DAY_SECONDS)
        setup, now = await it.setup(), it.office.bot.clock.now()
        state = setup.get(ScheduleState, "data")
        assert state is not None
        assert (state.on_call, state.missing) == ((BOB,), (BOB,))
        assert pageable_on_call(setup, "data", now) == ()
        assert it.office.sandbox.slack.directory.usergroups["S0ONCALL"].users == (ANN,), "a group is never empty"
        reports = [row.body for row in await it.office.bot.store.owed(ALERTS) if isinstance(row.body, ScheduleReport)]
        assert [report.problems for report in reports] == [(ScheduleProblem.MISSING,)]
        assert await it.office.bot.store.owed(BOB_DIRECT) == ()
        texts = await it.post(ALERTS)
        assert any("bob is on call, and the account is deactivated or gone." in text for text in texts)
        users[BOB] = replace(users[BOB], deleted=False)
        await it.pass_time(700)
        assert [person.id for person in pageable_on_call(await it.setup(), "data", now)] == [BOB]


async def test_a_workspace_that_forbids_group_changes_hears_of_it(fake_redis: redis.asyncio.Redis) -> None:
    async with desk(fake_redis) as it:
        directory = it.office.sandbox.slack.directory
        await save(it.office, "schedule data = rotate @ann @bob every day at 09:00 in UTC")
        await save(it.office, "schedule data group @data-oncall")
        await it.pass_time(1)
        directory.apps_manage_groups = False
        await it.pass_time(DAY_SECONDS)
        assert directory.usergroups["S0ONCALL"].users == (ANN,)
        texts = await it.post(ALERTS)
        assert any("I can't update @data-oncall: this workspace doesn't let apps change" in text for text in texts)
