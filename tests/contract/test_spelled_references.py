"""People and channels as people write them in a sentence, and names that could mean several (issue 8, D)."""

import pytest
import redis.asyncio

from bot.domain.watch import ChannelId
from sandbox.slack.directory import BOT_USER, Channel, ChannelKind, User, Usergroup
from tests.contract.office import ALERTS, ANN, BOB, CAROL, QUIET, Office, office

OTHER = ChannelId("G0QUIET2")


@pytest.mark.parametrize(
    "page",
    [
        "@bob!",
        "@Bob.",
        "@@bob",
        "@bob:",
        "<@U0BOB|bob>.",
        "<@U0BOB|bob>!",
        "(<@U0BOB|bob>)",
        "<@U0BOB|bob>?",
        "<@U0BOB>…",
    ],
)
async def test_punctuation_around_a_person_is_no_part_of_the_name(fake_redis: redis.asyncio.Redis, page: str) -> None:
    async with office(fake_redis) as it:
        assert "pages @bob on failure" in await it.send(f"watch pipe_0001 page {page}")


async def test_a_name_that_ends_in_a_full_stop_is_found_as_it_is(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        it.sandbox.slack.directory.users["U0ABB"] = User(id="U0ABB", name="annb", real_name="X", display_name="Ann B.")
        assert "pages @Ann B. on" in await it.send('watch pipe_0001 page "@Ann B."')


@pytest.mark.parametrize(
    "form", ["#quiet.", "#Quiet!", "#QUIET", "#quiet)", "<#C0QUIET|quiet>.", "<#C0QUIET|quiet>?", "(<#C0QUIET|quiet>)"]
)
async def test_punctuation_around_a_channel_is_no_part_of_the_name(fake_redis: redis.asyncio.Redis, form: str) -> None:
    async with office(fake_redis) as it:
        assert "<#C0QUIET> now watches" in await it.send(f"watch pipe_0001 in {form}")
        assert "<#C0QUIET> watches" in await it.send(f"watches in {form}")
        assert "<#C0QUIET> no longer watches" in await it.send(f"unwatch all in {form}")


@pytest.mark.parametrize("form", ["#.", "#!?", "#..."])
async def test_punctuation_alone_is_no_channel(fake_redis: redis.asyncio.Redis, form: str) -> None:
    async with office(fake_redis) as it:
        assert "nothing was changed" in (await it.send(f"watch pipe_0001 in {form}")).lower()
        assert await it.watches(ALERTS) == []


@pytest.mark.parametrize("form", ["everyone", "@everyone", "@Everyone", "<!everyone>", "<!everyone|everyone>"])
async def test_everyone_is_refused_with_an_alternative(fake_redis: redis.asyncio.Redis, form: str) -> None:
    async with office(fake_redis) as it:
        answer = await it.send(f"watch pipe_0001 on failed page {form}")
        assert answer.startswith("I can't page everyone. Nothing was changed.")
        assert "`/pipeline watch pipe_0001 on failed page channel`" in answer


async def twins(it: Office) -> None:
    """A private channel that is called like a public one, as one shared by another company may be."""
    channels = it.sandbox.slack.directory.channels
    channels[OTHER] = Channel(id=OTHER, name="quiet", kind=ChannelKind.PRIVATE, members=[CAROL, ANN, BOT_USER])


async def test_a_name_of_two_channels_means_the_one_that_its_asker_is_in(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await twins(it)
        assert "<#C0QUIET> now watches" in await it.send("watch pipe_0001 in #quiet", BOB)
        assert "<#G0QUIET2> now watches" in await it.send("watch pipe_0001 in #quiet", CAROL)


@pytest.mark.parametrize("command", ["unwatch all in #quiet", "watch pipe_0002 in #quiet", "watches in #quiet"])
async def test_a_name_of_two_channels_that_its_asker_is_in_is_refused(
    fake_redis: redis.asyncio.Redis, command: str
) -> None:
    async with office(fake_redis) as it:
        await twins(it)
        await it.send("watch pipe_0001 in <#G0QUIET2|quiet>", ANN)
        await it.send("watch pipe_0001 in <#C0QUIET|quiet>", ANN)
        answer = await it.send(command, ANN)
        assert answer.startswith("quiet could mean 2 channels: <#C0QUIET>, <#G0QUIET2>.")
        assert [len(await it.watches(channel)) for channel in (QUIET, OTHER)] == [1, 1]


async def test_no_group_of_another_company_and_no_workflow_is_paged(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        there = it.sandbox.slack.directory
        there.usergroups["S0ELSE"] = Usergroup(id="S0ELSE", handle="else", name="Else", users=(), external=True)
        there.users["U0FLOW"] = User(id="U0FLOW", name="flow", real_name="Flow", is_bot=True)
        for page in ("@else", "<!subteam^S0ELSE|@else>", "<!subteam^S0NOSUCH>", "<@U0FLOW>", "@flow", "<@USLACKBOT>"):
            answer = await it.send(f"watch pipe_0001 page {page}")
            assert answer.startswith("I can't page @")
            assert "Nothing was changed." in answer
        assert await it.watches(ALERTS) == []


async def test_a_member_of_a_large_channel_is_found(fake_redis: redis.asyncio.Redis) -> None:
    """As many pages as Tier 4 lets through at once, on a machine of any speed."""
    async with office(fake_redis) as it:
        it.sandbox.slack.directory.channels[QUIET].members[:0] = [f"U1{number:06}" for number in range(60_000)]
        assert "now watches" in await it.send("watch pipe_0001 in <#C0QUIET|quiet>", BOB)
