"""The sandbox's Web API, used by slack_sdk."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.server import Sandbox
from tests.contract.slack_rig import HandClock, web_client

ALERTS = "C0ALERTS"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def sandbox(clock: HandClock) -> AsyncIterator[Sandbox]:
    async with Sandbox.start(clock=clock) as started:
        yield started


@pytest.fixture
def client(sandbox: Sandbox) -> AsyncWebClient:
    return web_client(sandbox)


async def refusal(call: Any) -> dict[str, Any]:
    """The answer of a method that must refuse."""
    with pytest.raises(SlackApiError) as caught:
        await call
    response: dict[str, Any] = caught.value.response.data
    return response


# --- who calls


def test_it_grants_the_scopes_of_the_manifest_and_no_other(sandbox: Sandbox) -> None:
    manifest = yaml.safe_load((Path(__file__).parents[2] / "app_manifest.yaml").read_text())
    assert sandbox.slack.scopes == set(manifest["oauth_config"]["scopes"]["bot"])


async def test_auth_test_names_the_bot_and_every_reply_names_the_scopes(client: AsyncWebClient) -> None:
    reply = await client.auth_test()
    assert (reply["user_id"], reply["bot_id"], reply["team_id"]) == ("U0BOT", "B0PIPELINE", "T0SANDBOX")
    assert "chat:write" in reply.headers["x-oauth-scopes"].split(",")


@pytest.mark.parametrize(
    ("token", "error"),
    [("xoxb-other", "invalid_auth"), ("xapp-sandbox", "not_allowed_token_type"), (None, "not_authed")],
)
async def test_other_tokens_are_refused(sandbox: Sandbox, token: str | None, error: str) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{sandbox.url}/api/auth.test", headers=headers) as reply,
    ):
        assert await reply.json() == {"ok": False, "error": error}


async def test_a_missing_scope_says_which(sandbox: Sandbox, client: AsyncWebClient) -> None:
    sandbox.slack.scopes.discard("channels:history")
    answer = await refusal(client.conversations_history(channel=ALERTS))
    assert (answer["error"], answer["needed"]) == ("missing_scope", "channels:history")
    assert "channels:history" not in answer["provided"].split(",")


async def test_an_unknown_method_is_refused_by_name(client: AsyncWebClient) -> None:
    assert (await refusal(client.api_call("chat.shout")))["error"] == "unknown_method"


async def test_forms_and_json_mean_the_same(sandbox: Sandbox) -> None:
    arguments = {"token": "xoxb-sandbox", "channel": ALERTS, "blocks": '[{"type":"divider"}]', "text": "by form"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{sandbox.url}/api/chat.postMessage", data=arguments) as reply,
    ):
        assert (await reply.json())["ok"] is True
    assert sandbox.slack.messages(ALERTS)[0].blocks[0]["type"] == "divider"


async def test_api_test_echoes_and_needs_no_token(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as session:
        url = f"{sandbox.url}/api/api.test"
        async with session.post(url, data={"foo": "bar", "token": "secret"}) as reply:
            assert await reply.json() == {"ok": True, "args": {"foo": "bar"}}
        async with session.post(url, data={"error": "my_error"}) as reply:
            assert (await reply.json())["error"] == "my_error"


async def test_a_missing_argument_is_named(client: AsyncWebClient) -> None:
    answer = await refusal(client.api_call("chat.update", json={"channel": ALERTS, "text": "x"}))
    assert answer["error"] == "invalid_arguments"
    assert answer["response_metadata"]["messages"] == ["[ERROR] missing required field: ts"]
    answer = await refusal(client.api_call("chat.update", json={"channel": ALERTS, "ts": 17, "text": "x"}))
    assert answer["response_metadata"]["messages"] == ["[ERROR] must be a string [json-pointer:/ts]"]


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        (b"{", "application/json", "invalid_json"),
        (b"[]", "application/json", "json_not_object"),
        (b"\xff", "application/json", "invalid_json"),
        (b"<xml/>", "application/xml", "invalid_post_type"),
    ],
)
async def test_bodies_that_cannot_be_read(sandbox: Sandbox, body: bytes, content_type: str, error: str) -> None:
    headers = {"Authorization": "Bearer xoxb-sandbox", "Content-Type": content_type}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{sandbox.url}/api/auth.test", data=body, headers=headers) as reply,
    ):
        assert await reply.json() == {"ok": False, "error": error}


# --- posting and reading


async def test_a_post_can_be_read_back_with_its_metadata_only_when_asked_for(client: AsyncWebClient) -> None:
    metadata = {"event_type": "pipeline_card", "event_payload": {"key": "one"}}
    posted = await client.chat_postMessage(channel=ALERTS, text="Failed", metadata=metadata)
    bare = (await client.conversations_history(channel=ALERTS))["messages"][0]
    full = (await client.conversations_history(channel=ALERTS, include_all_metadata=True))["messages"][0]
    assert bare["ts"] == posted["ts"]
    assert "metadata" not in bare
    assert full["metadata"] == metadata
    assert (full["user"], full["bot_id"], full["app_id"]) == ("U0BOT", "B0PIPELINE", "A0PIPELINE")


async def test_metadata_stays_hidden_without_its_scope(sandbox: Sandbox, client: AsyncWebClient) -> None:
    metadata = {"event_type": "card", "event_payload": {}}
    await client.chat_postMessage(channel=ALERTS, text="Failed", metadata=metadata)
    sandbox.slack.scopes.discard("metadata.message:read")
    history = await client.conversations_history(channel=ALERTS, include_all_metadata=True)
    assert "metadata" not in history["messages"][0]


async def test_metadata_with_a_dot_in_its_type_is_dropped_with_a_warning(
    sandbox: Sandbox, client: AsyncWebClient
) -> None:
    metadata = {"event_type": "pipeline.card", "event_payload": {}}
    reply = await client.chat_postMessage(channel=ALERTS, text="Failed", metadata=metadata)
    assert reply["ok"] is True
    assert "invalid_metadata_schema" in reply["response_metadata"]["warnings"]
    assert sandbox.slack.accepted[0].metadata is None


async def test_an_update_without_metadata_loses_it(sandbox: Sandbox, client: AsyncWebClient) -> None:
    metadata = {"event_type": "card", "event_payload": {}}
    posted = await client.chat_postMessage(channel=ALERTS, text="Failed", metadata=metadata)
    await client.chat_update(channel=ALERTS, ts=posted["ts"], text="Running")
    assert [entry.metadata for entry in sandbox.slack.accepted] == [metadata, None]


async def test_an_update_with_text_alone_takes_the_blocks_away_and_shows_as_edited(
    sandbox: Sandbox, client: AsyncWebClient
) -> None:
    posted = await client.chat_postMessage(channel=ALERTS, text="Failed", blocks=[{"type": "divider"}])
    await client.chat_update(channel=ALERTS, ts=posted["ts"], text="Failed", blocks=[{"type": "divider"}])
    message = sandbox.slack.messages(ALERTS)[0]
    assert message.edited_ts is None
    await client.chat_update(channel=ALERTS, ts=posted["ts"], text="Running")
    assert (message.text, message.blocks) == ("Running", [])
    assert message.edited_ts is not None


async def test_the_channel_shows_roots_and_broadcasts_only(client: AsyncWebClient) -> None:
    root = await client.chat_postMessage(channel=ALERTS, text="Failed")
    await client.chat_postMessage(channel=ALERTS, text="quiet reply", thread_ts=root["ts"])
    loud = await client.chat_postMessage(channel=ALERTS, text="loud reply", thread_ts=root["ts"], reply_broadcast=True)
    history = (await client.conversations_history(channel=ALERTS))["messages"]
    assert [message["text"] for message in history] == ["loud reply", "Failed"]
    assert history[0]["subtype"] == "thread_broadcast"
    assert (history[1]["reply_count"], history[1]["reply_users"]) == (2, ["U0BOT"])
    thread = (await client.conversations_replies(channel=ALERTS, ts=root["ts"]))["messages"]
    assert [message["text"] for message in thread] == ["Failed", "quiet reply", "loud reply"]
    by_reply = (await client.conversations_replies(channel=ALERTS, ts=loud["ts"]))["messages"]
    assert by_reply[0]["ts"] == root["ts"]


async def test_a_reply_to_nothing_is_refused(client: AsyncWebClient) -> None:
    answer = await refusal(client.chat_postMessage(channel=ALERTS, text="?", thread_ts="1700000000.000100"))
    assert answer["error"] == "thread_not_found"


async def test_ts_are_unique_and_increase_even_if_the_clock_stops(client: AsyncWebClient) -> None:
    stamps = [(await client.chat_postMessage(channel=ALERTS, text=str(n)))["ts"] for n in range(3)]
    assert stamps == ["1800000000.000000", "1800000000.000100", "1800000000.000200"]


async def test_pages_neither_skip_nor_repeat_when_something_is_posted_meanwhile(
    sandbox: Sandbox, client: AsyncWebClient
) -> None:
    for number in range(3):
        await client.chat_postMessage(channel=ALERTS, text=str(number))
    first = await client.conversations_history(channel=ALERTS, limit=2)
    assert first["has_more"] is True
    sandbox.slack.say("U0ANN", ALERTS, "meanwhile")
    second = await client.conversations_history(
        channel=ALERTS, limit=2, cursor=first["response_metadata"]["next_cursor"]
    )
    texts = [message["text"] for reply in (first, second) for message in reply["messages"]]
    assert texts == ["2", "1", "0"]
    assert second["has_more"] is False


async def test_oldest_and_latest_leave_out_their_own_moment_unless_inclusive(client: AsyncWebClient) -> None:
    stamps = [(await client.chat_postMessage(channel=ALERTS, text=str(n)))["ts"] for n in range(3)]
    bounds = {"oldest": stamps[0], "latest": stamps[2]}
    without = (await client.conversations_history(channel=ALERTS, **bounds))["messages"]
    with_bounds = (await client.conversations_history(channel=ALERTS, inclusive=True, **bounds))["messages"]
    assert [message["text"] for message in without] == ["1"]
    assert [message["text"] for message in with_bounds] == ["2", "1", "0"]


async def test_a_foreign_cursor_is_refused(client: AsyncWebClient) -> None:
    assert (await refusal(client.conversations_history(channel=ALERTS, cursor="bogus")))["error"] == "invalid_cursor"
    assert (await refusal(client.users_list(cursor="bogus")))["error"] == "invalid_cursor"
    well_formed = base64.b64encode(b"team:5").decode()
    assert (await refusal(client.users_list(cursor=well_formed)))["error"] == "invalid_cursor"
    assert (await refusal(client.users_list(limit=-1)))["error"] == "invalid_limit"


async def test_text_is_cut_on_posting_and_refused_on_updating(sandbox: Sandbox, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel=ALERTS, text="x" * 40_001)
    assert len(sandbox.slack.messages(ALERTS)[0].text) == 40_000
    longest = await client.chat_update(channel=ALERTS, ts=posted["ts"], text="x" * 4_000)
    assert longest["ok"] is True
    answer = await refusal(client.chat_update(channel=ALERTS, ts=posted["ts"], text="x" * 4_001))
    assert answer["error"] == "msg_too_long"


async def test_a_message_must_say_something(client: AsyncWebClient) -> None:
    answer = await refusal(client.api_call("chat.postMessage", json={"channel": ALERTS, "text": ""}))
    assert answer["error"] == "no_text"


async def test_blocks_without_text_are_warned_of(client: AsyncWebClient) -> None:
    arguments = {"channel": ALERTS, "blocks": [{"type": "divider"}]}
    reply = await client.api_call("chat.postMessage", json=arguments)
    assert reply["response_metadata"]["warnings"] == ["missing_text_in_message"]


async def test_attachments_are_kept_and_their_blocks_checked(sandbox: Sandbox, client: AsyncWebClient) -> None:
    attachment = {"color": "#d00000", "blocks": [{"type": "divider", "block_id": "line"}]}
    await client.chat_postMessage(channel=ALERTS, text="Failed", attachments=[attachment])
    assert sandbox.slack.messages(ALERTS)[0].attachments == [attachment]
    broken = {"blocks": [{"type": "sparkle"}]}
    for attachments, error in (([broken], "invalid_attachments"), ([attachment] * 101, "too_many_attachments")):
        answer = await refusal(client.chat_postMessage(channel=ALERTS, text="x", attachments=attachments))
        assert answer["error"] == error


async def test_markdown_text_excludes_text_and_blocks(sandbox: Sandbox, client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel=ALERTS, markdown_text="**Failed**")
    assert sandbox.slack.messages(ALERTS)[0].blocks[0]["text"] == "**Failed**"
    both = client.chat_postMessage(channel=ALERTS, markdown_text="x", blocks=[{"type": "divider"}])
    assert (await refusal(both))["error"] == "markdown_text_conflict"
    long = client.chat_postMessage(channel=ALERTS, markdown_text="x" * 12_001)
    assert (await refusal(long))["error"] == "msg_too_long"


async def test_deleting_the_head_of_a_thread_leaves_a_tombstone(client: AsyncWebClient) -> None:
    root = await client.chat_postMessage(channel=ALERTS, text="Failed")
    reply = await client.chat_postMessage(channel=ALERTS, text="why", thread_ts=root["ts"])
    other = await client.chat_postMessage(channel=ALERTS, text="why not", thread_ts=root["ts"])
    await client.chat_delete(channel=ALERTS, ts=root["ts"])
    await client.chat_delete(channel=ALERTS, ts=other["ts"])
    assert (await client.conversations_history(channel=ALERTS))["messages"][0]["subtype"] == "tombstone"
    answer = await refusal(client.chat_update(channel=ALERTS, ts=root["ts"], text="back"))
    assert answer["error"] == "message_not_found"
    await client.chat_delete(channel=ALERTS, ts=reply["ts"])
    assert (await client.conversations_history(channel=ALERTS))["messages"] == []


async def test_one_person_sees_an_ephemeral_and_history_lacks_it(sandbox: Sandbox, client: AsyncWebClient) -> None:
    reply = await client.chat_postEphemeral(channel=ALERTS, user="U0ANN", text="only you")
    assert [message.text for message in sandbox.slack.messages(ALERTS, viewer="U0ANN")] == ["only you"]
    assert sandbox.slack.messages(ALERTS, viewer="U0BOB") == []
    assert (await client.conversations_history(channel=ALERTS))["messages"] == []
    answer = await refusal(client.chat_update(channel=ALERTS, ts=reply["message_ts"], text="changed"))
    assert answer["error"] == "message_not_found"


async def test_an_ephemeral_in_a_thread_shows_there(sandbox: Sandbox, client: AsyncWebClient) -> None:
    root = (await client.chat_postMessage(channel=ALERTS, text="Failed"))["ts"]
    await client.chat_postEphemeral(channel=ALERTS, user="U0ANN", text="only you", thread_ts=root)
    (listed,) = sandbox.slack.messages(ALERTS, viewer="U0ANN")
    assert [reply.text for reply in listed.replies] == ["only you"]
    assert sandbox.slack.messages(ALERTS)[0].replies == []


async def test_an_ephemeral_to_a_non_member_is_refused(client: AsyncWebClient) -> None:
    await client.conversations_join(channel="C0QUIET")
    answer = await refusal(client.chat_postEphemeral(channel="C0QUIET", user="U0CAROL", text="hello"))
    assert answer["error"] == "user_not_in_channel"
    answer = await refusal(client.chat_postEphemeral(channel="C0QUIET", user="U0NOBODY", text="hello"))
    assert answer["error"] == "user_not_found"


# --- where the bot may write


@pytest.mark.parametrize(
    ("channel", "error"),
    [("C0QUIET", "not_in_channel"), ("G0OPS", "channel_not_found"), ("C0NOWHERE", "channel_not_found")],
)
async def test_posting_to_a_channel_without_the_bot_is_refused(
    client: AsyncWebClient, channel: str, error: str
) -> None:
    assert (await refusal(client.chat_postMessage(channel=channel, text="hello")))["error"] == error


async def test_chat_write_public_reaches_public_channels_only(sandbox: Sandbox, client: AsyncWebClient) -> None:
    sandbox.slack.scopes.add("chat:write.public")
    assert (await client.chat_postMessage(channel="C0QUIET", text="hello"))["ok"] is True
    assert (await refusal(client.chat_postMessage(channel="G0OPS", text="hello")))["error"] == "channel_not_found"
    assert (await refusal(client.conversations_history(channel="C0QUIET")))["error"] == "not_in_channel"


async def test_joining_opens_a_public_channel_and_no_private_one(sandbox: Sandbox, client: AsyncWebClient) -> None:
    joined = await client.conversations_join(channel="C0QUIET")
    again = await client.conversations_join(channel="C0QUIET")
    assert (joined.get("warning"), again["warning"]) == (None, "already_in_channel")
    assert sandbox.slack.directory.channels["C0QUIET"].members.count("U0BOT") == 1
    assert (await client.chat_postMessage(channel="C0QUIET", text="hello"))["ok"] is True
    sandbox.slack.invite_bot("G0OPS")
    answer = await refusal(client.conversations_join(channel="G0OPS"))
    assert answer["error"] == "method_not_supported_for_channel_type"


async def test_archived_channels_take_no_posts_and_no_updates(sandbox: Sandbox, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel=ALERTS, text="Failed")
    sandbox.slack.archive(ALERTS)
    assert (await refusal(client.chat_postMessage(channel=ALERTS, text="x")))["error"] == "is_archived"
    assert (await refusal(client.chat_update(channel=ALERTS, ts=posted["ts"], text="x")))["error"] == "is_inactive"
    sandbox.slack.unarchive(ALERTS)
    assert (await client.chat_postMessage(channel=ALERTS, text="x"))["ok"] is True


async def test_messages_of_others_can_be_neither_updated_nor_deleted(sandbox: Sandbox, client: AsyncWebClient) -> None:
    ts = sandbox.slack.say("U0ANN", ALERTS, "mine").ts
    assert (await refusal(client.chat_update(channel=ALERTS, ts=ts, text="x")))["error"] == "cant_update_message"
    assert (await refusal(client.chat_delete(channel=ALERTS, ts=ts)))["error"] == "cant_delete_message"


async def test_a_message_that_an_admin_deleted_is_gone(sandbox: Sandbox, client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel=ALERTS, text="Failed"))["ts"]
    sandbox.slack.delete_message(ALERTS, ts)
    assert (await refusal(client.chat_update(channel=ALERTS, ts=ts, text="x")))["error"] == "message_not_found"


async def test_a_direct_message_is_opened_and_has_the_same_id_each_time(
    sandbox: Sandbox, client: AsyncWebClient
) -> None:
    sandbox.slack.scopes.add("im:read")
    opened = await client.conversations_open(users="U0ANN")
    again = await client.conversations_open(users="U0ANN")
    by_post = await client.chat_postMessage(channel="U0ANN", text="psst")
    assert opened["channel"]["id"] == again["channel"]["id"] == by_post["channel"] == "D0ANN"
    assert (await refusal(client.conversations_open(users="U0NOBODY")))["error"] == "user_not_found"
    (listed,) = (await client.conversations_list(types="im"))["channels"]
    assert (listed["id"], listed["user"], listed["is_im"]) == ("D0ANN", "U0ANN", True)


async def test_archived_channels_can_be_left_out_of_the_list(sandbox: Sandbox, client: AsyncWebClient) -> None:
    sandbox.slack.archive("C0QUIET")
    everything = (await client.conversations_list())["channels"]
    living = (await client.conversations_list(exclude_archived=True))["channels"]
    assert {channel["id"] for channel in everything} - {channel["id"] for channel in living} == {"C0QUIET"}


async def test_the_member_list_of_a_channel(client: AsyncWebClient) -> None:
    assert (await client.conversations_members(channel="C0QUIET"))["members"] == ["U0ANN", "U0BOB"]
    info = await client.conversations_info(channel=ALERTS, include_num_members=True)
    assert info["channel"]["num_members"] == 4
    assert (await refusal(client.conversations_members(channel="G0OPS")))["error"] == "channel_not_found"


async def test_the_lists_have_the_channels_that_the_bot_sees(client: AsyncWebClient) -> None:
    listed = await client.conversations_list(types="public_channel,private_channel")
    public = ["C0GENERAL", "C0ALERTS", "C0TEAM", "C0QUIET", "C0SHARED"]
    assert [channel["id"] for channel in listed["channels"]] == public
    own = await client.users_conversations()
    assert [channel["id"] for channel in own["channels"]] == ["C0ALERTS", "C0TEAM"]
    groups = await client.usergroups_list(include_users=True)
    assert groups["usergroups"][0]["users"] == ["U0ANN", "U0BOB"]
    assert (await client.usergroups_users_list(usergroup="S0ONCALL"))["users"] == ["U0ANN", "U0BOB"]
    info = await client.conversations_info(channel="C0QUIET")
    assert (info["channel"]["is_member"], info["channel"]["is_archived"]) == (False, False)


async def test_lists_come_in_pages(client: AsyncWebClient) -> None:
    first = await client.users_list(limit=3)
    second = await client.users_list(limit=3, cursor=first["response_metadata"]["next_cursor"])
    third = await client.users_list(limit=3, cursor=second["response_metadata"]["next_cursor"])
    everybody = ["U0ANN", "U0BOB", "U0CAROL", "U0BOT", "U0GIL", "U0PAT", "U0DEE"]
    assert [user["id"] for page in (first, second, third) for user in page["members"]] == everybody
    assert third["response_metadata"]["next_cursor"] == ""


async def test_a_permalink_points_into_the_thread(client: AsyncWebClient) -> None:
    root = await client.chat_postMessage(channel=ALERTS, text="Failed")
    reply = await client.chat_postMessage(channel=ALERTS, text="why", thread_ts=root["ts"])
    link = (await client.chat_getPermalink(channel=ALERTS, message_ts=reply["ts"]))["permalink"]
    assert link.endswith(f"/archives/C0ALERTS/p1800000000000100?thread_ts={root['ts']}&cid=C0ALERTS")


# --- how often


async def test_one_channel_takes_three_posts_at_once_then_one_a_second(
    client: AsyncWebClient, clock: HandClock
) -> None:
    for _ in range(3):
        await client.chat_postMessage(channel=ALERTS, text="x")
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="#data-alerts", text="x")
    response = caught.value.response
    assert (response.status_code, response.headers["Retry-After"]) == (429, "1")
    assert "chat:write" in response.headers["x-oauth-scopes"]
    assert response["error"] == "ratelimited"
    assert (await client.chat_postMessage(channel="C0TEAM", text="another channel"))["ok"] is True
    clock.advance(1.0)
    assert (await client.chat_postMessage(channel=ALERTS, text="x"))["ok"] is True


async def test_a_person_and_the_direct_message_with_them_count_as_one_channel(client: AsyncWebClient) -> None:
    await client.conversations_open(users="U0ANN")
    for channel in ("U0ANN", "D0ANN", "U0ANN"):
        await client.chat_postMessage(channel=channel, text="x")
    assert (await refusal(client.chat_postMessage(channel="D0ANN", text="x")))["error"] == "ratelimited"
    assert (await refusal(client.chat_postMessage(channel="U0BOT", text="x")))["error"] == "channel_not_found"


async def test_the_workspace_takes_so_many_posts_a_minute_over_all_channels(
    sandbox: Sandbox, client: AsyncWebClient, clock: HandClock
) -> None:
    sandbox.slack.limits.posts_per_minute = 4
    for number in range(4):
        clock.advance(1.0)
        channel = (ALERTS, "C0TEAM")[number % 2]
        await client.chat_postMessage(channel=channel, text="x")
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(channel="C0TEAM", text="x")
    assert int(caught.value.response.headers["Retry-After"]) > 1


async def test_a_tier_is_a_minutes_quota(client: AsyncWebClient, clock: HandClock) -> None:
    ts = (await client.chat_postMessage(channel=ALERTS, text="x"))["ts"]
    for _ in range(50):
        await client.chat_update(channel=ALERTS, ts=ts, text="y")
    answer = await refusal(client.chat_update(channel=ALERTS, ts=ts, text="z"))
    assert answer["error"] == "ratelimited"
    clock.advance(60 / 50)
    assert (await client.chat_update(channel=ALERTS, ts=ts, text="z"))["ok"] is True


async def test_outside_the_marketplace_history_is_one_call_a_minute_and_fifteen_messages(
    sandbox: Sandbox, client: AsyncWebClient, clock: HandClock
) -> None:
    sandbox.slack.limits.outside_marketplace()
    for number in range(16):
        sandbox.slack.say("U0ANN", ALERTS, str(number))
    history = await client.conversations_history(channel=ALERTS, limit=200)
    assert (len(history["messages"]), history["has_more"]) == (15, True)
    assert (await refusal(client.conversations_history(channel=ALERTS)))["error"] == "ratelimited"
    clock.advance(60)
    assert (await client.conversations_history(channel=ALERTS))["ok"] is True


async def test_limits_can_be_switched_off(sandbox: Sandbox, client: AsyncWebClient) -> None:
    sandbox.slack.limits.enabled = False
    for _ in range(10):
        await client.chat_postMessage(channel=ALERTS, text="x")
    assert len(sandbox.slack.accepted) == 10


# --- the logs


async def test_the_logs_have_accepted_writes_and_refused_calls(sandbox: Sandbox, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel=ALERTS, text="Failed")
    await refusal(client.chat_postMessage(channel="C0QUIET", text="Failed"))
    (accepted,) = sandbox.slack.accepted
    assert (accepted.method, accepted.channel, accepted.ts) == ("chat.postMessage", ALERTS, posted["ts"])
    calls = [(call.channel, call.ok, call.error, call.status) for call in sandbox.slack.calls]
    assert calls == [(ALERTS, True, None, 200), ("C0QUIET", False, "not_in_channel", 200)]
