"""Faults around the calls: lagging history, lost tokens and scopes, changed channels."""

from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.server import Sandbox
from sandbox.slack.directory import ChannelKind
from sandbox.slack.faults import Fault, FaultKind, Moment
from sandbox.slack.installation import Loss
from sandbox.slack.wire import Refused
from tests.contract.slack_rig import START, HandClock, web_client

ALERTS, OPS = "C0ALERTS", "G0OPS"
CARD = {"event_type": "card", "event_payload": {}}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def sandbox(clock: HandClock) -> AsyncIterator[Sandbox]:
    async with Sandbox.start(clock=clock) as started:
        started.slack.limits.enabled = False
        started.slack.delivery.event_retry_seconds = ()
        yield started


@pytest.fixture
def client(sandbox: Sandbox) -> AsyncWebClient:
    return web_client(sandbox)


async def refusal(call: Any) -> Any:
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


async def post(client: AsyncWebClient, text: str = "Failed", channel: str = ALERTS, **more: Any) -> str:
    reply = await client.chat_postMessage(channel=channel, text=text, metadata=CARD, **more)
    return str(reply["ts"])


async def texts(client: AsyncWebClient) -> list[str]:
    reply = await client.conversations_history(channel=ALERTS)
    return [message["text"] for message in reply["messages"]]


async def event(sandbox: Sandbox) -> Any:
    await sandbox.until(lambda: sandbox.slack.delivery.log)
    return [entry.payload["event"] for entry in sandbox.slack.delivery.log]


# --- answers


@pytest.mark.parametrize("retry_after", [0, 1, 30, 3600, "0", "soon", "-5", "1.5", ""])
async def test_retry_after_has_the_requested_value(
    sandbox: Sandbox, client: AsyncWebClient, retry_after: int | str
) -> None:
    sandbox.slack.set_fault("*", Fault(kind=FaultKind.THROTTLED, retry_after=retry_after))
    reply = await refusal(post(client))
    assert (reply.status_code, reply.headers["Retry-After"]) == (429, str(retry_after))


async def test_retry_after_may_be_missing_or_a_date(sandbox: Sandbox, client: AsyncWebClient) -> None:
    sandbox.slack.set_fault("*", Fault(kind=FaultKind.THROTTLED, retry_after=None))
    assert "Retry-After" not in (await refusal(post(client))).headers
    sandbox.slack.set_fault("*", Fault(kind=FaultKind.THROTTLED, retry_after="date+30"))
    value = (await refusal(post(client))).headers["Retry-After"]
    assert parsedate_to_datetime(value).timestamp() == START + 30


@pytest.mark.parametrize("when", Moment)
async def test_503_may_come_before_or_after_the_post_landed(
    sandbox: Sandbox, client: AsyncWebClient, when: Moment
) -> None:
    sandbox.slack.set_fault("chat.postMessage", Fault(kind=FaultKind.UNAVAILABLE, when=when))
    assert (await refusal(post(client))).status_code == 503
    assert len(sandbox.slack.accepted) == (1 if when is Moment.AFTER else 0)


# --- history


async def test_history_lags_behind_by_so_many_seconds(
    sandbox: Sandbox, client: AsyncWebClient, clock: HandClock
) -> None:
    sandbox.slack.set_fault("conversations.history", Fault(kind=FaultKind.STALE, seconds=5))
    await post(client, "old")
    clock.advance(10)
    await post(client, "new")
    assert await texts(client) == ["old"]
    clock.advance(4.9)
    assert await texts(client) == ["old"]
    clock.advance(0.2)
    assert await texts(client) == ["new", "old"]
    sandbox.slack.set_fault("conversations.history", None)
    await post(client, "newest")
    assert await texts(client) == ["newest", "new", "old"]


async def test_a_thread_lags_behind_too_and_writes_do_not(
    sandbox: Sandbox, client: AsyncWebClient, clock: HandClock
) -> None:
    sandbox.slack.set_fault("*", Fault(kind=FaultKind.STALE, seconds=5))
    ts = await post(client, "root")
    assert (await refusal(client.conversations_replies(channel=ALERTS, ts=ts)))["error"] == "thread_not_found"
    clock.advance(10)
    await post(client, "reply", thread_ts=ts)
    reply = await client.conversations_replies(channel=ALERTS, ts=ts)
    assert [message["text"] for message in reply["messages"]] == ["root"]
    assert len(sandbox.slack.messages(ALERTS)[0].replies) == 1


async def test_a_deleted_message_is_no_event_without_a_subscription(sandbox: Sandbox, client: AsyncWebClient) -> None:
    ts = await post(client)
    sandbox.slack.delete_message(ALERTS, ts)
    assert await texts(client) == []
    assert (await refusal(client.chat_update(channel=ALERTS, ts=ts, text="x")))["error"] == "message_not_found"
    assert sandbox.slack.delivery.log == []
    with pytest.raises(Refused):
        sandbox.slack.delete_message(ALERTS, ts)


# --- tokens and scopes


@pytest.mark.parametrize(
    ("loss", "error", "events"),
    [
        (Loss.REVOKED, "token_revoked", ["tokens_revoked"]),
        (Loss.UNINSTALLED, "account_inactive", ["app_uninstalled", "tokens_revoked"]),
        (Loss.INVALID, "invalid_auth", []),
    ],
)
async def test_the_token_is_lost_and_given_back(
    sandbox: Sandbox, client: AsyncWebClient, loss: Loss, error: str, events: list[str]
) -> None:
    sandbox.slack.lose(loss)
    for call in (post(client), client.auth_test(), client.conversations_list()):
        assert (await refusal(call))["error"] == error
    assert sandbox.slack.accepted == []
    assert (await client.apps_connections_open(app_token="xapp-sandbox"))["ok"], "the app's own token is another"
    await sandbox.until(lambda: len(sandbox.slack.delivery.log) >= len(events))
    payload = [entry.payload["event"] for entry in sandbox.slack.delivery.log]
    assert [event["type"] for event in payload] == events
    if payload:
        assert payload[-1]["tokens"] == {"oauth": [], "bot": ["U0BOT"]}
    sandbox.slack.regain(loss)
    assert await post(client)


async def test_a_history_without_access_is_unreadable(sandbox: Sandbox, client: AsyncWebClient) -> None:
    await post(client)
    before = set(sandbox.slack.scopes)
    sandbox.slack.lose(Loss.NO_HISTORY_SCOPE)
    reply = await refusal(client.conversations_history(channel=ALERTS))
    assert (reply["error"], reply["needed"]) == ("missing_scope", "channels:history")
    sandbox.slack.regain(Loss.NO_HISTORY_SCOPE)
    assert sandbox.slack.scopes == before


async def test_metadata_may_not_be_read_any_more(sandbox: Sandbox, client: AsyncWebClient) -> None:
    await post(client)

    async def read() -> Any:
        reply = await client.conversations_history(channel=ALERTS, include_all_metadata=True)
        return reply["messages"][0].get("metadata")

    assert await read() == CARD
    sandbox.slack.lose(Loss.NO_METADATA_SCOPE)
    assert await read() is None


# --- channels


async def test_a_channel_made_private_keeps_its_id_and_members_and_no_channel_event_is_sent(
    sandbox: Sandbox, client: AsyncWebClient
) -> None:
    sandbox.slack.convert(ALERTS, ChannelKind.PRIVATE)
    assert (await client.conversations_info(channel=ALERTS))["channel"]["is_private"] is True
    assert await post(client)
    assert sandbox.slack.delivery.log == []
    sandbox.slack.event_subscriptions.add("message.channels")
    sandbox.slack.convert(ALERTS, ChannelKind.PUBLIC)
    (payload,) = await event(sandbox)
    assert (payload["type"], payload["subtype"], payload["channel"]) == ("message", "channel_convert_to_public", ALERTS)


async def test_a_private_channel_without_the_bot_does_not_exist_for_it(
    sandbox: Sandbox, client: AsyncWebClient
) -> None:
    sandbox.slack.kick_bot(ALERTS)
    sandbox.slack.convert(ALERTS, ChannelKind.PRIVATE)
    assert (await refusal(post(client)))["error"] == "channel_not_found"


async def test_events_of_a_private_channel_have_their_own_names(sandbox: Sandbox) -> None:
    sandbox.slack.convert(ALERTS, ChannelKind.PRIVATE)
    sandbox.slack.archive(ALERTS)
    (payload,) = await event(sandbox)
    assert payload["type"] == "group_archive"


@pytest.mark.parametrize(("kind", "name"), [(ChannelKind.PUBLIC, "channel_left"), (ChannelKind.PRIVATE, "group_left")])
async def test_removing_the_bot_sends_two_events(sandbox: Sandbox, kind: ChannelKind, name: str) -> None:
    sandbox.slack.convert(ALERTS, kind)
    sandbox.slack.kick_bot(ALERTS)
    await sandbox.until(lambda: len(sandbox.slack.delivery.log) == 2)
    payload = [entry.payload["event"] for entry in sandbox.slack.delivery.log]
    assert [event["type"] for event in payload] == ["member_left_channel", name]
    assert {event["channel"] for event in payload} == {ALERTS}


async def test_a_channel_moves_to_another_id_with_all_that_is_in_it(sandbox: Sandbox, client: AsyncWebClient) -> None:
    ts = await post(client, "root")
    await post(client, "reply", thread_ts=ts)
    sandbox.slack.change_id(ALERTS)
    (payload,) = await event(sandbox)
    assert (payload["type"], payload["old_channel_id"]) == ("channel_id_changed", ALERTS)
    new = payload["new_channel_id"]
    assert (await refusal(post(client)))["error"] == "channel_not_found"
    assert (await client.conversations_info(channel=new))["channel"]["name"] == "data-alerts"
    assert (await client.conversations_replies(channel=new, ts=ts))["messages"][1]["text"] == "reply"
    assert (await client.chat_update(channel=new, ts=ts, text="Running"))["ok"]
    assert sandbox.slack.accepted[-1].channel == new


async def test_deleting_a_channel_sends_an_event(sandbox: Sandbox, client: AsyncWebClient) -> None:
    sandbox.slack.delete_channel(ALERTS)
    (payload,) = await event(sandbox)
    assert (payload["type"], payload["channel"]) == ("channel_deleted", ALERTS)
    assert (await refusal(post(client)))["error"] == "channel_not_found"


async def test_into_a_read_only_channel_nothing_new_is_posted(sandbox: Sandbox, client: AsyncWebClient) -> None:
    ts = await post(client)
    sandbox.slack.set_read_only(ALERTS, read_only=True)
    assert (await refusal(post(client)))["error"] == "restricted_action_read_only_channel"
    assert (await client.chat_update(channel=ALERTS, ts=ts, text="Running"))["ok"]
    assert sandbox.slack.delivery.log == [], "Slack tells nobody"
    sandbox.slack.set_read_only(ALERTS, read_only=False)
    assert await post(client)
