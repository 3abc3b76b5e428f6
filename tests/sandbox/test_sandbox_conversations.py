"""People talk to the bot: mentions, direct messages, and edits of both."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.server import Sandbox
from sandbox.slack.manifest import MessagesTab
from sandbox.slack.wire import Refused

ANN, BOB, BOT = "U0ANN", "U0BOB", "U0BOT"
ALERTS, QUIET, DIRECT = "C0ALERTS", "C0QUIET", "D0ANN"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start() as started:
        started.slack.installation.hear_everything()
        started.slack.delivery.event_retry_seconds = ()
        yield started


@pytest.fixture
def client(sandbox: Sandbox) -> AsyncWebClient:
    return AsyncWebClient(token="xoxb-sandbox", base_url=f"{sandbox.url}/api/")


async def sent(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The events sent so far. An archived channel marks the end, because its event goes out last."""
    log = sandbox.slack.delivery.log
    sandbox.slack.archive("C0TEAM")
    await sandbox.until(lambda: any(entry.payload["event"]["type"] == "channel_archive" for entry in log))
    events = [entry.payload["event"] for entry in log]
    return [event for event in events if event["type"] not in {"channel_archive", "app_home_opened"}]


@pytest.mark.parametrize(
    "typed",
    ["@Pipeline Bot status", "@pipeline bot status", "@pipeline_bot status", f"<@{BOT}> status"],
)
async def test_each_spelling_of_a_mention_is_an_event(sandbox: Sandbox, typed: str) -> None:
    message = sandbox.slack.say(ANN, ALERTS, typed)
    (event,) = await sent(sandbox)
    assert (event["type"], event["text"], event["ts"]) == ("app_mention", f"<@{BOT}> status", message.ts)
    assert (event["user"], event["channel"], "thread_ts" in event) == (ANN, ALERTS, False)


async def test_a_mention_in_a_thread_names_the_thread(sandbox: Sandbox, client: AsyncWebClient) -> None:
    card = await client.chat_postMessage(channel=ALERTS, text="orders-eu failed")
    sandbox.slack.mention(BOB, ALERTS, "status orders-eu", card["ts"])
    (event,) = await sent(sandbox)
    assert (event["thread_ts"], event["parent_user_id"]) == (card["ts"], BOT)


@pytest.mark.parametrize("typed", ["hello", "<@U0NOBODY> hello", "me@Pipeline Bot", "@Pipeline Bots"])
async def test_a_message_that_does_not_name_the_bot_is_no_event(sandbox: Sandbox, typed: str) -> None:
    sandbox.slack.say(ANN, ALERTS, typed)
    assert await sent(sandbox) == []


async def test_a_mention_in_another_channel_is_no_event(sandbox: Sandbox) -> None:
    sandbox.slack.mention(ANN, QUIET, "status")
    assert await sent(sandbox) == []


async def test_a_direct_message_is_a_message_event_and_no_mention(sandbox: Sandbox) -> None:
    message = sandbox.slack.direct_message(ANN, "@Pipeline Bot status")
    (event,) = await sent(sandbox)
    assert (event["type"], event["channel_type"], event["channel"]) == ("message", "im", DIRECT)
    assert (event["user"], event["text"], event["ts"]) == (ANN, f"<@{BOT}> status", message.ts)
    assert "subtype" not in event
    assert "bot_id" not in event


async def test_an_edited_mention_comes_again_with_its_edit(sandbox: Sandbox) -> None:
    message = sandbox.slack.mention(ANN, ALERTS, "statos")
    sandbox.slack.edit_message(ANN, ALERTS, message.ts, "@Pipeline Bot status")
    first, again = await sent(sandbox)
    assert (again["type"], again["ts"], again["text"]) == ("app_mention", first["ts"], f"<@{BOT}> status")
    assert again["edited"]["user"] == ANN
    assert "edited" not in first


async def test_an_edited_direct_message_is_a_message_changed(sandbox: Sandbox) -> None:
    message = sandbox.slack.direct_message(ANN, "statos")
    sandbox.slack.edit_message(ANN, DIRECT, message.ts, "status")
    _, changed = await sent(sandbox)
    assert (changed["subtype"], changed["channel_type"], changed["hidden"]) == ("message_changed", "im", True)
    assert (changed["message"]["text"], changed["previous_message"]["text"]) == ("status", "statos")
    assert "user" not in changed


async def test_the_bots_own_direct_messages_come_back_with_its_bot_id(sandbox: Sandbox, client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel=ANN, text="orders-eu failed")
    await client.chat_update(channel=DIRECT, ts=posted["ts"], text="orders-eu recovered")
    await client.chat_delete(channel=DIRECT, ts=posted["ts"])
    own, changed, deleted = await sent(sandbox)
    assert (own["bot_id"], own["user"]) == ("B0PIPELINE", BOT)
    assert (changed["subtype"], changed["message"]["bot_id"]) == ("message_changed", "B0PIPELINE")
    assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", posted["ts"])


async def test_an_app_cannot_edit_anothers_message(sandbox: Sandbox) -> None:
    message = sandbox.slack.mention(ANN, ALERTS, "status")
    with pytest.raises(Refused, match="no message"):
        sandbox.slack.edit_message(BOB, ALERTS, message.ts, "hello")


async def test_without_the_scope_nothing_arrives(sandbox: Sandbox) -> None:
    sandbox.slack.scopes -= {"app_mentions:read", "im:history"}
    sandbox.slack.mention(ANN, ALERTS, "status")
    sandbox.slack.direct_message(ANN, "status")
    assert await sent(sandbox) == []


async def test_without_the_subscription_nothing_arrives(sandbox: Sandbox) -> None:
    sandbox.slack.event_subscriptions -= {"app_mention", "message.im"}
    sandbox.slack.mention(ANN, ALERTS, "status")
    sandbox.slack.direct_message(ANN, "status")
    assert await sent(sandbox) == []


async def test_a_read_only_messages_tab_has_no_message_box(sandbox: Sandbox, client: AsyncWebClient) -> None:
    sandbox.slack.messages_tab = MessagesTab.READ_ONLY
    with pytest.raises(Refused, match="turned off"):
        sandbox.slack.direct_message(ANN, "status")
    with pytest.raises(Refused, match="turned off"):
        await sandbox.slack.run_command(ANN, DIRECT, "/pipeline")
    assert (await client.chat_postMessage(channel=ANN, text="orders-eu failed"))["ok"]


async def test_without_a_messages_tab_the_bot_cannot_write_to_people(sandbox: Sandbox, client: AsyncWebClient) -> None:
    sandbox.slack.messages_tab = MessagesTab.OFF
    with pytest.raises(Refused, match="no Messages tab"):
        sandbox.slack.direct_message(ANN, "status")
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=ANN, text="orders-eu failed")
    assert refused.value.response["error"] == "messages_tab_disabled"
