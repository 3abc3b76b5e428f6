"""Finding people, groups and channels by name in a large, slow workspace full of look-alikes (issue 8, D and H7)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import redis.asyncio

from bot.domain.permission import Broadcast, WhoMayWatch
from bot.domain.watch import Target, TargetKind
from sandbox.slack.directory import Channel, User, Usergroup
from sandbox.slack.faults import Fault, FaultKind
from tests.contract.office import ALERTS, ANN, OPS, SHARED, Office, office

THROTTLED = Fault(kind=FaultKind.THROTTLED, retry_after=30)


def add(it: Office, user: str, name: str, real_name: str = "", **more: object) -> None:
    added = User(id=user, name=name, real_name=real_name or name, **more)  # type: ignore[arg-type]
    it.sandbox.slack.directory.users[user] = added


async def paged(it: Office, who: str) -> list[Target]:
    """Who is paged after `watch … page WHO`; none where it was refused."""
    await it.type(f"watch pipe_0001 page {who}")
    return [target for watch in await it.watches(ALERTS) for target in watch.targets]


async def test_display_name_and_handle_come_before_the_full_name(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        it.sandbox.slack.directory.users = {}
        add(it, "U0FULL", "annette", "ann", display_name="Nettie")
        add(it, "U0SHOWN", "a.araya", "Ann Araya", display_name="ann")
        add(it, ANN, "typist")
        assert [target.id for target in await paged(it, "@ann")] == ["U0SHOWN"]


@pytest.mark.parametrize("who", ["me", "@me"])
async def test_me_means_the_person_who_types(who: str, fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        (target,) = await paged(it, who)
    assert (target.kind, target.id) == (TargetKind.USER, ANN)


async def test_a_person_named_me_can_be_paged(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        add(it, "U0MELANIE", "me")
        assert [target.id for target in await paged(it, "@me")] == ["U0MELANIE"]
        assert [target.id for target in await paged(it, "me")] == [ANN]


async def test_several_of_one_name_are_listed_and_none_is_paged(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        add(it, "U0SAM1", "sam.a", "Sam Able", display_name="Sam")
        add(it, "U0SAM2", "sam.b", "Sam Baker", display_name="Sam")
        answer = await it.type("watch pipe_0001 page @Sam")
        assert "@Sam could mean 2" in answer
        assert "Nothing was changed." in answer
        assert "(@sam.a, person)" in answer
        assert "(@sam.b, person)" in answer
        assert "<@" not in answer
        assert await it.watches(ALERTS) == []


@pytest.mark.parametrize("names", [{"real_name": "Data on call"}, {"display_name": "Data on call"}])
async def test_a_person_never_replaces_a_group_of_the_same_name(
    fake_redis: redis.asyncio.Redis, names: dict[str, str]
) -> None:
    async with office(fake_redis) as it:
        add(it, "U0EVE", "eve", **names)
        answer = await it.type('watch pipe_0001 page "@Data on call"')
        assert "@Data on call could mean 2" in answer
        assert "data-oncall (@data-oncall, user group)" in answer
        assert await it.watches(ALERTS) == []
        (group,) = await paged(it, "@data-oncall")
        assert (group.kind, group.id) == (TargetKind.USERGROUP, "S0ONCALL")


@pytest.mark.parametrize(
    "more", [{"is_restricted": True}, {"is_ultra_restricted": True}, {"team_id": "T0PARTNER"}, {"deleted": True}]
)
async def test_guests_strangers_and_deactivated_people_are_never_meant_by_a_name(
    fake_redis: redis.asyncio.Redis, more: dict[str, object]
) -> None:
    async with office(fake_redis) as it:
        add(it, "U0ZOE", "zoe.z", "Zoe Zimmer", display_name="Zoe", **more)
        for name in ("@Zoe", '"@Zoe Zimmer"'):
            answer = await it.type(f"watch pipe_0001 page {name}")
            assert "no person or user group of this workspace has that name. Nothing was changed." in answer
        assert await it.watches(ALERTS) == []


@pytest.mark.parametrize(
    ("mention", "why"),
    [
        ("<@U0NOSUCH|zoe>", "I can't page @zoe: that account is unknown to Slack."),
        ("<@U0NOSUCH>", "I can't page @U0NOSUCH: that account is unknown to Slack."),
        ("<@U0DEE|dee>", "I can't page @dee: that account is deactivated."),
        ("<@U0PAT|pat>", "I can't page @pat: that account belongs to another company."),
        ("<@U0BOT|pipeline_bot>", "I can't page @pipeline_bot: that account is a bot."),
        ("<!subteam^S0NOSUCH|@gone>", "I can't page @gone: that user group is disabled or missing."),
        ("<!subteam^S0OFF|@off>", "I can't page @off: that user group is disabled or missing."),
    ],
)
async def test_an_id_that_cannot_be_paged_is_refused(fake_redis: redis.asyncio.Redis, mention: str, why: str) -> None:
    async with office(fake_redis) as it:
        off = Usergroup(id="S0OFF", handle="off", name="Off", users=(), disabled=True)
        it.sandbox.slack.directory.usergroups["S0OFF"] = off
        answer = await it.send(f"watch pipe_0001 page @bob {mention}")
        assert f"{why} Nothing was changed." in answer
        assert await it.watches(ALERTS) == []


async def test_an_unreachable_id_is_refused_without_users_read(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis, who_may_watch=WhoMayWatch.EVERYONE) as it:
        it.sandbox.slack.scopes.discard("users:read")
        for mention in ("<@U0NOSUCH>", "<@U0DEE>", "<@U0PAT>"):
            assert "Slack can't reach that account" in await it.send(f"watch pipe_0001 page {mention}")
        assert "now watches" in await it.send("watch pipe_0001 page <@U0BOB|bob>")
        ((target,),) = [watch.targets for watch in await it.watches(ALERTS)]
        assert target.label == "bob"  # as Slack spelled it


async def test_a_picked_guest_is_paged(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        assert "now watches" in await it.send("watch pipe_0001 page <@U0GIL|gil>")


@asynccontextmanager
async def crowded(fake_redis: redis.asyncio.Redis, *, calls: int) -> AsyncIterator[Office]:
    """6,000 people, @ann among the first thousand and @zoe the last. Slack takes so many calls of users.list."""
    async with office(fake_redis) as it:
        for number in range(5992):
            add(it, f"U2{number:05}", f"person{number}")
        add(it, "U2ZOE", "zoe", "Zoe Zimmer")
        limits = it.sandbox.slack.limits
        limits.burst["users.list"], limits.per_minute["users.list"] = float(calls), 0.001
        yield it


async def test_in_a_large_workspace_the_last_person_is_found(fake_redis: redis.asyncio.Redis) -> None:
    async with crowded(fake_redis, calls=20) as it:
        assert "pages @zoe" in await it.type('watch pipe_0001 page "@Zoe Zimmer"')
        assert it.call_count("users.list") == 6


async def test_a_throttled_directory_finds_known_people_and_calls_nobody_missing(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with crowded(fake_redis, calls=1) as it:
        assert "pages @bob" in await it.send("watch pipe_0001 page @bob")
        for name in ("@zoe", '"@Bob Berg"', "@nobody"):  # of a full name somebody else may be called so better
            answer = await it.send(f"watch pipe_0002 page {name}")
            assert answer.startswith(f"Slack isn't answering right now, so I can't look up {name.strip(chr(34))}.")
            assert "Nothing was changed." in answer
        assert (
            it.call_count("users.list") == 2
        )  # the page, and one refusal: Slack is left alone for as long as it asked


async def test_an_interrupted_listing_continues_in_the_background(fake_redis: redis.asyncio.Redis) -> None:
    async with crowded(fake_redis, calls=3) as it:
        assert "Slack isn't answering" in await it.send("watch pipe_0001 page @zoe")
        assert it.call_count("users.list") == 4
        it.sandbox.slack.limits.enabled = False
        await it.bot.clock.pass_time(100_000)
        await it.directory.continue_reading()
        assert it.call_count("users.list") == 7  # three pages more, none of them again
        assert "pages @zoe" in await it.send("watch pipe_0001 page @zoe")
        assert it.call_count("users.list") == 7


async def test_a_refused_listing_is_retried_in_the_background(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        it.sandbox.slack.set_fault("users.list", THROTTLED)
        assert "Slack isn't answering" in await it.send("watch pipe_0001 page @bob")
        it.sandbox.slack.set_fault("users.list", None)
        await it.directory.continue_reading()
        assert it.call_count("users.list") == 1  # Slack asked for 30 s
        await it.bot.clock.pass_time(31)
        await it.directory.continue_reading()
        await it.directory.continue_reading()
        assert it.call_count("users.list") == 2
        assert "pages @bob" in await it.send("watch pipe_0001 page @bob")
        assert it.call_count("users.list") == 2


async def test_a_cursor_that_slack_no_longer_knows_begins_the_list_again(fake_redis: redis.asyncio.Redis) -> None:
    async with crowded(fake_redis, calls=1) as it:
        assert "Slack isn't answering" in await it.send("watch pipe_0001 page @zoe")
        it.sandbox.slack.limits.enabled = False
        await it.bot.clock.pass_time(100_000)
        it.sandbox.slack.set_fault("users.list", Fault(kind=FaultKind.ERROR, error="invalid_cursor", times=1))
        assert "pages @zoe" in await it.send("watch pipe_0001 page @zoe")


async def test_a_name_that_is_new_since_the_list_was_read_is_found(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        assert "I can't page @zoe" in await it.send("watch pipe_0001 page @zoe")
        add(it, "U2ZOE", "zoe")
        await it.bot.clock.pass_time(61)
        assert "pages @zoe" in await it.send("watch pipe_0001 page @zoe")


async def test_names_are_asked_for_once_and_again_when_they_are_old(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        for name in ("ann", "bob", "ann"):
            await it.send(f"watch pipe_0001 page @{name}")
        assert it.call_count("users.list") == 1
        await it.bot.clock.pass_time(601)
        await it.send("watch pipe_0001 page @ann")
        assert it.call_count("users.list") == 2


async def test_while_groups_cannot_be_read_a_name_might_be_a_groups(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        add(it, "U0EVE", "eve", display_name="data-oncall")
        it.sandbox.slack.set_fault("usergroups.list", THROTTLED)
        assert "Slack isn't answering right now" in await it.send("watch pipe_0001 page @data-oncall")
        assert "Slack isn't answering right now" in await it.send(
            "watch pipe_0001 page <!subteam^S0ONCALL|@data-oncall>"
        )
        assert await it.watches(ALERTS) == []


async def test_without_scopes_a_typed_name_is_refused_and_the_scope_named(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        it.sandbox.slack.scopes.discard("usergroups:read")
        assert "usergroups:read" in await it.send("watch pipe_0001 page @data-oncall")
        assert "usergroups:read" in await it.send('watch pipe_0001 page "@Bob Berg"')  # a group may be called so too
        assert "pages @bob" in await it.send("watch pipe_0001 page @bob")
        assert "pages @data-oncall" in await it.send("watch pipe_0001 page <!subteam^S0ONCALL|@data-oncall>")


async def test_a_private_channel_is_found_by_its_typed_name_with_and_without_its_scope(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with office(fake_redis) as it:
        it.sandbox.slack.invite_bot(OPS)
        assert "now watches" in await it.send("watch pipe_0001 in #ops-private")
        it.sandbox.slack.scopes.discard("groups:read")
        await it.bot.clock.pass_time(601)
        answers = {await it.send(f"watch pipe_0002 in #{name}") for name in ("ops-private", "nosuch")}
        assert len(answers) == 1
        assert "the app lacks a scope. Nothing was changed." in answers.pop()
        assert "now watches" in await it.send("watch pipe_0002 in #data-team")
        it.sandbox.slack.scopes.add("groups:read")
        await it.bot.clock.pass_time(61)
        assert "now watches" in await it.send("watch pipe_0002 in #ops-private")


async def test_an_incomplete_channel_list_hides_forbidden_channels(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with office(fake_redis) as it:
        for number in range(1500):
            name = f"room-{number}"
            it.sandbox.slack.directory.channels[f"C1{number:05}"] = Channel(id=f"C1{number:05}", name=name)
        limits = it.sandbox.slack.limits
        limits.burst["conversations.list"], limits.per_minute["conversations.list"] = 1.0, 0.001
        answers = {
            (await it.send(f"unwatch all in #{name}", ANN)).replace(name, "NAME") for name in ("room-7", "nosuch")
        }
        assert len(answers) == 1
        assert "Slack isn't answering right now, so I can't look up the channel NAME." in answers.pop()
        assert "watches nothing" in await it.send("unwatch all in #data-team", ANN)  # it was read, and she is in it


@pytest.mark.parametrize("word", ["here", "channel", "@here", "<!channel>"])
async def test_broadcasts_are_refused_when_switched_off(fake_redis: redis.asyncio.Redis, word: str) -> None:
    async with office(fake_redis, broadcast=Broadcast.NOBODY) as it:
        answer = await it.send(f"watch pipe_0001 page {word}")
        assert "the person who runs this bot turned that off. Nothing was changed." in answer
        assert await it.watches(ALERTS) == []


async def test_an_announcement_names_people_without_pinging_them(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        answer = await it.type("watch pipe_0001 page @ann @data-oncall here")
        assert "pages @ann @data-oncall @here on failure" in answer
        assert not any(sign in answer for sign in ("<@", "<!subteam", "<!here"))
        (watch,) = await it.watches(ALERTS)
        assert watch.made_by_name == "ann"
        assert [target.label for target in watch.targets] == ["ann", "data-oncall", ""]
        assert SHARED not in answer
