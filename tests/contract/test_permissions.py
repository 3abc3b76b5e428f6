"""Who may change and see what a channel watches, with Slack's own word on people and channels (issue 8, A1, A2, H9)."""

import pytest
import redis.asyncio

from bot.domain.permission import WhoMayWatch
from bot.domain.watch import ChannelId, UserId
from bot.slack.render import action_ids
from sandbox.slack.directory import BOT_USER
from sandbox.slack.faults import Fault, FaultKind
from tests.contract.office import ALERTS, ANN, BOB, CAROL, GUEST, OPS, PARTNER, QUIET, SHARED, Office, office
from tests.service.test_poller import ONE

CHANGING = ["watch pipe_0001 page channel in {}", "unwatch all in {}", "unwatch pipe_0001 in {}", "watch nosuch in {}"]
FORGED = ["<#G0OPS>", "<#G0OPS|>", "<#C0GENERAL>", "<#C0NOSUCH>", "<#G0NOSUCH|>"]


def unnamed(answer: str, *names: str) -> str:
    for name in names:
        answer = answer.replace(name, "NAME")
    return answer


async def a_watch_in_ops(office: Office) -> None:
    office.sandbox.slack.invite_bot(OPS)
    assert "now watches orders-1" in await office.type("watch pipe_0001 page @bob", ANN, OPS)


@pytest.mark.parametrize("command", CHANGING)
async def test_an_outsider_changes_and_learns_nothing(fake_redis: redis.asyncio.Redis, command: str) -> None:
    """A private channel that is watched, one that is not, one without the bot, a public one and none at all."""
    async with office(fake_redis) as it:
        await a_watch_in_ops(it)
        answers = {
            unnamed(await it.type(command.format(f"#{name}"), CAROL), name)
            for name in ("ops-private", "quiet", "nosuch-channel")
        }
        it.sandbox.slack.kick_bot(OPS)
        answers.add(unnamed(await it.type(command.format("#ops-private"), CAROL), "ops-private"))
        (answer,) = answers
        assert answer.startswith("I can't find a channel #NAME that you're in. Nothing was changed.")
        assert len(await it.watches(OPS)) == 1
        assert BOT_USER not in it.sandbox.slack.directory.channels[QUIET].members
        assert it.call_count("conversations.join") == 0


@pytest.mark.parametrize("command", CHANGING)
async def test_an_id_in_a_forged_payload_is_answered_like_one_that_does_not_exist(
    fake_redis: redis.asyncio.Redis, command: str
) -> None:
    async with office(fake_redis) as it:
        await a_watch_in_ops(it)
        it.sandbox.slack.leave("C0GENERAL", CAROL)
        answers = {
            unnamed(await it.send(command.format(form), CAROL), "G0OPS", "C0GENERAL", "C0NOSUCH", "G0NOSUCH")
            for form in FORGED
        }
        assert len(answers) == 1
        assert "that you're in. Nothing was changed." in answers.pop()
        assert len(await it.watches(OPS)) == 1
        assert BOT_USER not in it.sandbox.slack.directory.channels["C0GENERAL"].members


@pytest.mark.parametrize("form", ["<#G0OPS>", "<#G0OPS|ops-private>", "&lt;#G0OPS&gt;"])
async def test_a_reference_typed_by_hand_names_no_channel_even_for_its_members(
    fake_redis: redis.asyncio.Redis, form: str
) -> None:
    async with office(fake_redis) as it:
        await a_watch_in_ops(it)
        for user in (CAROL, ANN):
            assert "find a channel in" in await it.type(f"unwatch all in {form}", user)
        assert len(await it.watches(OPS)) == 1


async def test_members_watch_from_elsewhere_by_reference_and_by_typed_name(fake_redis: redis.asyncio.Redis) -> None:
    """The bot joins a public channel for its members (D4: a private channel is found by its typed name)."""
    async with office(fake_redis) as it:
        it.sandbox.slack.invite_bot(OPS)
        assert "now watches orders-1" in await it.type("watch pipe_0001 in #ops-private")
        assert "now watches orders-2" in await it.send("watch pipe_0002 in #ops-private")
        assert "already watches" in await it.send("watch pipe_0002 in #OPS-Private,", BOB)
        assert "now watches orders-1" in await it.type("watch pipe_0001 in #quiet", BOB)
        assert BOT_USER in it.sandbox.slack.directory.channels[QUIET].members
        assert "no longer watches orders-1" in await it.type("unwatch all in #ops-private", BOB)


async def test_a_new_guest_or_former_member_is_refused_at_once(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await a_watch_in_ops(it)
        assert "already watches" in await it.type("watch pipe_0001 page @bob in #ops-private", BOB)
        it.sandbox.slack.leave(OPS, BOB)
        assert "I can't find a channel #ops-private that you're in." in await it.send(
            "unwatch all in <#G0OPS|ops-private>", BOB
        )
        users = it.sandbox.slack.directory.users
        users[ANN] = type(users[ANN])(id=ANN, name="ann", real_name="Ann Araya", is_restricted=True)
        assert "Only full members" in await it.type("unwatch all", ANN, OPS)
        assert len(await it.watches(OPS)) == 1


@pytest.mark.parametrize(
    "typed",
    [
        "watch pipe_0001",
        "unwatch all",
        "unwatch all in #partner-data",
        'note pipe_0001 "Restart it"',
        "runbook pipe_0001 https://wiki.example.com/orders",
        "note pipe_0001 none",
    ],
)
async def test_a_guest_changes_no_watches_unless_the_setting_says_so(
    fake_redis: redis.asyncio.Redis, typed: str
) -> None:
    async with office(fake_redis) as it:
        it.sandbox.slack.invite_bot(SHARED)
        await it.type("watch pipe_0002", ANN, SHARED)
        before = await it.watches(SHARED)
        answer = await it.type(typed, GUEST, SHARED)
        assert answer.startswith("Only full members of this workspace can change my settings. Nothing was")
        assert await it.watches(SHARED) == before
    async with office(fake_redis, who_may_watch=WhoMayWatch.EVERYONE) as it:
        it.sandbox.slack.invite_bot(SHARED)
        assert "Only full members" not in await it.type(typed, GUEST, SHARED)


async def test_the_setting_lets_guests_and_other_companies_change_the_watches_of_their_channels(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with office(fake_redis, who_may_watch=WhoMayWatch.EVERYONE) as it:
        await a_watch_in_ops(it)
        it.sandbox.slack.invite_bot(SHARED)
        assert "now watches orders-1" in await it.type("watch pipe_0001", GUEST, SHARED)
        assert "no longer" in await it.click(action_ids.UNWATCH, {"pipeline": ONE}, PARTNER, SHARED, "T0PARTNER")
        assert await it.watches(SHARED) == []
        for user in (GUEST, CAROL):
            assert "I can't find a channel" in await it.type("unwatch all in #ops-private", user)
        assert "Only people in this channel" in await it.click(action_ids.UNWATCH, {"pipeline": ONE}, PARTNER, OPS)
        assert len(await it.watches(OPS)) == 1


async def test_a_guest_learns_of_no_channel_either(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await a_watch_in_ops(it)
        for setting in ("#ops-private", "#nosuch-channel", "#quiet", "#partner-data"):
            assert "Only full members" in await it.type(f"unwatch all in {setting}", GUEST)


@pytest.mark.parametrize(
    ("user", "team", "words"),
    [
        (GUEST, "T0SANDBOX", "Only full members of this workspace"),
        (PARTNER, "T0PARTNER", "Only full members of this workspace"),
        (PARTNER, "", "Only full members of this workspace"),
        (ANN, "T0PARTNER", "Only full members of this workspace"),  # whoever it is, Slack says they came from elsewhere
        (UserId("U0NOSUCH"), "", "Only full members of this workspace"),
        (CAROL, "T0SANDBOX", "Only people in this channel"),
        (ANN, "T0SANDBOX", "no longer watches"),
        (ANN, "", "no longer watches"),
    ],
)
async def test_the_unwatch_button_is_for_full_members_in_the_channel(
    fake_redis: redis.asyncio.Redis, user: UserId, team: str, words: str
) -> None:
    async with office(fake_redis) as it:
        it.sandbox.slack.invite_bot(SHARED)
        await it.type("watch pipe_0001", ANN, SHARED)
        answer = await it.click(action_ids.UNWATCH, {"pipeline": ONE}, user, SHARED, team)
        assert words in answer
        assert (len(await it.watches(SHARED)) == 0) == ("no longer" in words)


@pytest.mark.parametrize("method", ["conversations.members", "users.info"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=FaultKind.THROTTLED, retry_after=30),
        Fault(kind=FaultKind.SERVER_ERROR),
        Fault(kind=FaultKind.ERROR, error="internal_error"),
        Fault(kind=FaultKind.ERROR, error="fetch_members_failed"),
        Fault(kind=FaultKind.RESET),
    ],
    ids=lambda fault: f"{fault.kind} {fault.error}",
)
async def test_an_unknown_fact_is_neither_permission_nor_denial(
    fake_redis: redis.asyncio.Redis, method: str, fault: Fault
) -> None:
    async with office(fake_redis) as it:
        await a_watch_in_ops(it)
        it.sandbox.slack.set_fault(method, fault)
        answers = [
            unnamed(await it.type(f"unwatch all in {channel}", user), "ops-private", "nosuch")
            for channel, user in (("#ops-private", ANN), ("#ops-private", CAROL), ("#nosuch", CAROL))
        ]
        assert len(set(answers)) == 1
        assert answers[0].startswith("Slack isn't answering right now, so I can't check")
        assert "Nothing was changed." in answers[0]
        assert len(await it.watches(OPS)) == 1


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        ({"users:read"}, "users:read"),
        ({"channels:read", "groups:read"}, "`channels:read` and `groups:read`"),
        ({"groups:read"}, "`channels:read` and `groups:read`"),
    ],
)
async def test_a_missing_scope_is_named_and_nothing_is_changed(
    fake_redis: redis.asyncio.Redis, scopes: set[str], missing: str
) -> None:
    async with office(fake_redis) as it:
        await a_watch_in_ops(it)
        it.sandbox.slack.scopes -= scopes
        answers = [unnamed(await it.send(f"unwatch all in <#{channel}>"), channel) for channel in ("G0OPS", "G0NOSUCH")]
        assert len(set(answers)) == 1
        assert "I can't check" in answers[0]
        assert missing in answers[0]
        assert len(await it.watches(OPS)) == 1


async def test_in_its_own_channel_a_command_needs_no_scope_for_channels(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        it.sandbox.slack.scopes -= {"channels:read", "groups:read"}
        assert "now watches orders-1" in await it.type("watch pipe_0001")


async def test_a_large_channel_is_read_to_its_end(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        members = it.sandbox.slack.directory.channels[QUIET].members
        members[:0] = [f"U1{number:05}" for number in range(2500)]
        assert "now watches orders-1" in await it.type("watch pipe_0001 in #quiet", BOB)
        assert it.call_count("conversations.members") == 3
        assert "I can't find a channel #quiet that you're in" in await it.type("unwatch all in #quiet", CAROL)


async def test_the_bot_joins_and_opens_nothing_for_a_refused_person(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await it.type("watch pipe_0001 page @ann @bob channel in #quiet", CAROL)
        assert (
            it.call_count("conversations.open"),
            it.call_count("conversations.join"),
            it.call_count("users.list"),
        ) == (0, 0, 0)


async def test_the_current_channel_may_be_named(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        assert "now watches orders-1" in await it.type("watch pipe_0001 in #data-alerts")
        assert [watch.channel for watch in await it.watches(ALERTS)] == [ChannelId("C0ALERTS")]


async def test_a_person_has_the_time_zone_that_slack_shows(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        facts = it.permissions.facts
        zones = {str(await facts.zone(person)) for person in (UserId("U0BOB"), UserId("U0NOBODY"))}
    assert zones == {"Europe/Berlin", "UTC"}
