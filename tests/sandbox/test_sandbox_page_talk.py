"""People talk to the bot on the page: mentions in a channel or thread, and the Messages tab."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page, expect

from sandbox.server import Sandbox
from sandbox.slack.manifest import MessagesTab
from tests.sandbox.test_sandbox_page import ALERTS, bot_posts, opened

pytestmark = pytest.mark.page


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox.start() as running:
        running.slack.limits.enabled = False
        running.slack.delivery.event_retry_seconds = ()
        yield running


@pytest.fixture
async def page(sandbox: Sandbox) -> AsyncIterator[Page]:
    async with opened(sandbox) as page:
        yield page


async def last_event(sandbox: Sandbox) -> dict[str, Any]:
    await sandbox.until(lambda: sandbox.slack.delivery.log)
    event: dict[str, Any] = sandbox.slack.delivery.log[-1].payload["event"]
    return event


async def test_a_typed_mention_reaches_the_bot(sandbox: Sandbox, page: Page) -> None:
    await page.get_by_test_id("composer").fill("@Pipeline Bot status orders-eu")
    await page.get_by_test_id("composer").press("Enter")
    await expect(page.get_by_test_id("message").last).to_contain_text("@Pipeline Bot status orders-eu")
    event = await last_event(sandbox)
    assert (event["type"], event["channel"], event["text"]) == ("app_mention", ALERTS, "<@U0BOT> status orders-eu")


async def test_a_mention_in_a_thread_names_the_thread(sandbox: Sandbox, page: Page) -> None:
    card = await bot_posts(sandbox, text="orders-eu failed")
    message = page.get_by_test_id("message").last
    await message.hover()
    await message.get_by_test_id("reply-in-thread").click()
    await page.get_by_test_id("thread-composer").fill("@Pipeline Bot status")
    await page.get_by_test_id("thread-composer").press("Enter")
    event = await last_event(sandbox)
    assert (event["type"], event["thread_ts"]) == ("app_mention", card)


async def test_the_messages_tab_opens_the_direct_message(sandbox: Sandbox, page: Page) -> None:
    await page.get_by_test_id("app-home").click()
    await page.get_by_test_id("channel-D0ANN").wait_for()
    await page.get_by_test_id("composer").fill("status orders-eu")
    await page.get_by_test_id("composer").press("Enter")
    event = await last_event(sandbox)
    assert (event["type"], event["channel_type"], event["text"]) == ("message", "im", "status orders-eu")


async def test_a_read_only_messages_tab_has_no_message_box(sandbox: Sandbox, page: Page) -> None:
    sandbox.slack.messages_tab = MessagesTab.READ_ONLY
    await page.get_by_test_id("app-home").click()
    await expect(page.get_by_text("Sending messages to this app has been turned off.")).to_be_visible()
    await expect(page.get_by_test_id("composer")).to_be_hidden()
