"""The workspace's people: members, guests, other companies, deactivated accounts."""

from collections.abc import AsyncIterator

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.server import Sandbox
from sandbox.slack import markup
from sandbox.slack.directory import Directory
from sandbox.slack.wire import Refused
from tests.contract.slack_rig import web_client

ALERTS, QUIET, OPS, SHARED = "C0ALERTS", "C0QUIET", "G0OPS", "C0SHARED"
ANN, CAROL, GUEST, PARTNER, DEPARTED = "U0ANN", "U0CAROL", "U0GIL", "U0PAT", "U0DEE"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start() as started:
        yield started


@pytest.fixture
def client(sandbox: Sandbox) -> AsyncWebClient:
    return web_client(sandbox)


@pytest.mark.parametrize(
    ("user", "typed", "sent"),
    [
        (ANN, "watches in #ops-private", "watches in <#G0OPS|ops-private>"),
        (CAROL, "watches in #ops-private", "watches in #ops-private"),
        (CAROL, "watches in #quiet", "watches in <#C0QUIET|quiet>"),
        (GUEST, "watches in #quiet", "watches in #quiet"),
        (GUEST, "watches in #partner-data", "watches in <#C0SHARED|partner-data>"),
        (ANN, "watches in <#G0OPS>", "watches in &lt;#G0OPS&gt;"),
        (ANN, "watches in &lt;#G0OPS&gt;", "watches in &amp;lt;#G0OPS&amp;gt;"),
        (ANN, "watch x page @dee", "watch x page @dee"),
    ],
)
def test_a_command_carries_only_what_its_author_can_pick(user: str, typed: str, sent: str) -> None:
    assert markup.for_command(typed, Directory(), user) == sent


async def test_users_info_tells_guests_companies_and_deactivated_accounts(client: AsyncWebClient) -> None:
    guest, partner, departed, ann = [
        (await client.users_info(user=user))["user"] for user in (GUEST, PARTNER, DEPARTED, ANN)
    ]
    assert (guest["is_restricted"], guest["is_ultra_restricted"], guest["team_id"]) == (True, False, "T0SANDBOX")
    assert (partner["team_id"], partner["is_restricted"]) == ("T0PARTNER", False)
    assert departed["deleted"] is True
    assert "is_restricted" not in departed
    assert (ann["deleted"], ann["is_restricted"], ann["is_ultra_restricted"]) == (False, False, False)


@pytest.mark.parametrize("typed", ["@Pipeline Bot", "@pipeline_bot", "Pipeline Bot", " @pipeline bot "])
@pytest.mark.parametrize("channel", [QUIET, OPS])
async def test_a_member_of_a_channel_invites_the_bot(sandbox: Sandbox, channel: str, typed: str) -> None:
    assert (await sandbox.slack.run_command(ANN, channel, "/invite", typed)).ok
    assert "U0BOT" in sandbox.slack.directory.channels[channel].members
    await sandbox.until(lambda: sandbox.slack.delivery.log)
    event = sandbox.slack.delivery.log[0].payload["event"]
    assert (event["channel"], event["user"], event["inviter"]) == (channel, "U0BOT", ANN)


async def test_an_invitation_may_name_another_channel(sandbox: Sandbox) -> None:
    await sandbox.slack.run_command(ANN, ALERTS, "/invite", "@Pipeline Bot #quiet")
    assert "U0BOT" in sandbox.slack.directory.channels[QUIET].members


@pytest.mark.parametrize(
    ("user", "channel", "typed", "why"),
    [
        (ANN, ALERTS, "@Pipeline Bot", "already in #data-alerts"),
        (ANN, QUIET, "", "Name someone to invite"),
        (ANN, QUIET, "@", "nobody here"),
        (ANN, QUIET, "@nobody", "nobody here"),
        (ANN, QUIET, "@dee", "nobody here"),
        (ANN, QUIET, "@Pipeline Bot #nowhere", "no channel #nowhere"),
        (CAROL, ALERTS, "@Pipeline Bot #quiet", "not in #quiet"),
        (CAROL, ALERTS, "@Pipeline Bot #ops-private", "no channel #ops-private"),
        (CAROL, QUIET, "@Pipeline Bot", "is not in #quiet"),
        (CAROL, OPS, "@Pipeline Bot", "sees no channel"),
        (ANN, "D0ANN", "@Pipeline Bot", "direct message"),
        (GUEST, SHARED, "@Pipeline Bot", "Only full members"),
        (PARTNER, SHARED, "@Pipeline Bot", "Only full members"),
    ],
)
async def test_an_invitation_that_slack_refuses_invites_nobody(
    sandbox: Sandbox, user: str, channel: str, typed: str, why: str
) -> None:
    sandbox.slack.directory.open_im(ANN)
    before = {joined.id: list(joined.members) for joined in sandbox.slack.directory.channels.values()}
    with pytest.raises(Refused, match=why):
        await sandbox.slack.run_command(user, channel, "/invite", typed)
    assert {joined.id: joined.members for joined in sandbox.slack.directory.channels.values()} == before


async def test_slack_sends_only_what_the_manifest_subscribes_to(sandbox: Sandbox) -> None:
    sandbox.slack.rename(ALERTS, "alerts")
    sandbox.slack.archive(ALERTS)
    await sandbox.until(lambda: sandbox.slack.delivery.log)
    assert sandbox.slack.delivery.log[0].payload["event"]["type"] == "channel_archive"


@pytest.mark.parametrize(
    ("user", "error"),
    [(DEPARTED, "user_disabled"), (PARTNER, "user_not_visible"), ("U0BOT", "cannot_dm_bot")],
)
async def test_a_direct_message_to_a_bot_an_outsider_or_a_former_member_is_refused(
    client: AsyncWebClient, user: str, error: str
) -> None:
    with pytest.raises(SlackApiError) as refused:
        await client.conversations_open(users=user)
    assert refused.value.response["error"] == error


async def test_only_members_can_write_in_a_channel(sandbox: Sandbox) -> None:
    with pytest.raises(Refused, match="is not in #quiet"):
        await sandbox.slack.run_command(CAROL, QUIET, "/pipeline")
    with pytest.raises(Refused, match="sees no channel"):
        await sandbox.slack.run_command(GUEST, QUIET, "/pipeline")
    with pytest.raises(Refused, match="no person"):
        await sandbox.slack.run_command(DEPARTED, ALERTS, "/pipeline")


async def test_another_company_has_none_of_our_commands(sandbox: Sandbox) -> None:
    with pytest.raises(Refused, match="not a valid command"):
        await sandbox.slack.run_command(PARTNER, SHARED, "/pipeline")


async def test_people_come_and_go(sandbox: Sandbox, client: AsyncWebClient) -> None:
    sandbox.slack.join(QUIET, CAROL)
    assert CAROL in (await client.conversations_members(channel=QUIET))["members"]
    sandbox.slack.leave(QUIET, CAROL)
    assert CAROL not in (await client.conversations_members(channel=QUIET))["members"]


async def test_a_disabled_group_is_listed_only_when_asked_for(sandbox: Sandbox, client: AsyncWebClient) -> None:
    sandbox.slack.directory.usergroups["S0ONCALL"].disabled = True
    assert (await client.usergroups_list())["usergroups"] == []
    (group,) = (await client.usergroups_list(include_disabled=True))["usergroups"]
    assert group["date_delete"] > 0
