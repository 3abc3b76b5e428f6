"""The sandbox's scheduled messages, used by slack_sdk: it refuses what Slack refuses, and posts in time."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.server import Sandbox
from tests.contract.slack_rig import START, HandClock, web_client

OPS, ALERTS = "C0TEAM", "C0ALERTS"


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


async def schedule(client: AsyncWebClient, seconds: float, channel: str = OPS, **arguments: Any) -> str:
    answer = await client.chat_scheduleMessage(channel=channel, post_at=int(START + seconds), text="Later", **arguments)
    return str(answer["scheduled_message_id"])


async def error_of(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def pending(client: AsyncWebClient, **arguments: Any) -> list[dict[str, Any]]:
    answer = await client.api_call("chat.scheduledMessages.list", data=arguments)
    return list(answer["scheduled_messages"])


def texts(sandbox: Sandbox, channel: str = OPS) -> list[str]:
    return [message.text for message in sandbox.slack.messages(channel)]


async def test_a_message_is_listed_until_its_time_and_posted_then(
    sandbox: Sandbox, client: AsyncWebClient, clock: HandClock
) -> None:
    message_id = await schedule(client, 600)
    assert await pending(client) == [
        {
            "id": message_id,
            "channel_id": OPS,
            "post_at": int(START) + 600,
            "date_created": int(START),
            "text": "Later",
        }
    ]
    clock.advance(599)
    sandbox.slack.post_due()
    assert texts(sandbox) == []
    clock.advance(1)
    await sandbox.until(lambda: texts(sandbox) == ["Later"])  # by itself: no call of the app
    assert await pending(client) == []
    assert sandbox.slack.accepted[-1].method == "chat.scheduleMessage"


async def test_a_deleted_message_is_not_posted(sandbox: Sandbox, client: AsyncWebClient, clock: HandClock) -> None:
    message_id = await schedule(client, 600)
    await client.chat_deleteScheduledMessage(channel=OPS, scheduled_message_id=message_id)
    clock.advance(700)
    sandbox.slack.post_due()
    assert texts(sandbox) == []


async def test_slack_deletes_nothing_within_a_minute_of_its_time(client: AsyncWebClient, clock: HandClock) -> None:
    message_id = await schedule(client, 600)
    clock.advance(540)
    delete = client.chat_deleteScheduledMessage(channel=OPS, scheduled_message_id=message_id)
    assert await error_of(delete) == "invalid_scheduled_message_id"


async def test_another_channel_or_id_is_not_found(client: AsyncWebClient) -> None:
    message_id = await schedule(client, 600)
    for channel, given in ((ALERTS, message_id), (OPS, "Q1")):
        delete = client.chat_deleteScheduledMessage(channel=channel, scheduled_message_id=given)
        assert await error_of(delete) == "invalid_scheduled_message_id"


@pytest.mark.parametrize(
    ("seconds", "error"), [(0, "time_in_past"), (-5, "time_in_past"), (120 * 86_400 + 60, "time_too_far")]
)
async def test_times_in_the_past_or_far_away_are_refused(client: AsyncWebClient, seconds: float, error: str) -> None:
    assert await error_of(schedule(client, seconds)) == error


async def test_a_channel_takes_thirty_messages_for_the_same_five_minutes(
    sandbox: Sandbox, client: AsyncWebClient
) -> None:
    sandbox.slack.limits.enabled = False
    for number in range(30):
        await schedule(client, 600 + number)
    assert await error_of(schedule(client, 890)) == "restricted_too_many"
    await schedule(client, 930)
    await schedule(client, 890, channel=ALERTS)


async def test_a_message_with_metadata_is_never_posted(
    sandbox: Sandbox, client: AsyncWebClient, clock: HandClock
) -> None:
    await schedule(client, 600, metadata={"event_type": "one", "event_payload": {}})
    clock.advance(600)
    sandbox.slack.post_due()
    assert texts(sandbox) == []
    assert await pending(client) == []


async def test_scheduling_needs_a_channel_that_the_bot_may_write_in(sandbox: Sandbox, client: AsyncWebClient) -> None:
    sandbox.slack.kick_bot(OPS)
    assert await error_of(schedule(client, 600)) == "not_in_channel"


async def test_a_channel_that_is_archived_meanwhile_gets_nothing(
    sandbox: Sandbox, client: AsyncWebClient, clock: HandClock
) -> None:
    await schedule(client, 600)
    sandbox.slack.archive(OPS)
    clock.advance(600)
    sandbox.slack.post_due()
    assert "Later" not in texts(sandbox)


async def test_a_scheduled_message_follows_its_channel_to_a_new_id(
    sandbox: Sandbox, client: AsyncWebClient, clock: HandClock
) -> None:
    await schedule(client, 600)
    sandbox.slack.change_id(OPS)
    (moved,) = await pending(client)
    clock.advance(600)
    sandbox.slack.post_due()
    assert texts(sandbox, moved["channel_id"]) == ["Later"]


async def test_the_list_can_be_limited_to_a_channel_and_has_pages(client: AsyncWebClient) -> None:
    await schedule(client, 600, channel=ALERTS)
    ids = [await schedule(client, 700 + number) for number in range(3)]
    answer = await client.api_call("chat.scheduledMessages.list", data={"channel": OPS, "limit": "2"})
    cursor = answer["response_metadata"]["next_cursor"]
    rest = await pending(client, channel=OPS, limit="2", cursor=cursor)
    assert [row["id"] for row in [*answer["scheduled_messages"], *rest]] == ids


async def test_the_page_knows_what_is_scheduled_in_the_shown_channel(sandbox: Sandbox, client: AsyncWebClient) -> None:
    message_id = await schedule(client, 600)
    async with aiohttp.ClientSession() as session:
        for channel, shown in ((OPS, [message_id]), (ALERTS, [])):
            async with session.get(f"{sandbox.url}/sandbox/state", params={"channel": channel}) as reply:
                state = await reply.json()
            assert [row["id"] for row in state["scheduled"]] == shown
