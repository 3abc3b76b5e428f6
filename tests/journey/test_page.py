"""The main job by hand: in the demo page, with a keyboard and a mouse."""

from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.journey.rig import rigged
from tests.sandbox.test_sandbox_page import BROWSER, QUIET

pytestmark = [pytest.mark.journey, pytest.mark.page]

SECONDS = 20_000.0  # milliseconds, the unit of Playwright


async def type_command(page: Page, text: str) -> None:
    await page.get_by_test_id("composer").fill(text)
    await page.get_by_test_id("composer").press("Enter")


async def test_ask_watch_fail_acknowledge_recover(tmp_path: Path) -> None:
    if BROWSER is None:
        pytest.skip("no Chromium is installed (set CHROMIUM to its path)")
    async with rigged(tmp_path) as rig, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=BROWSER, args=QUIET)
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(SECONDS)
        await page.goto(rig.sandbox.url)
        await page.get_by_test_id("channel-C0TEAM").click()
        messages = page.get_by_test_id("message")

        await type_command(page, "/pipeline list")
        await expect(messages.last).to_contain_text("hypercore-fills — RUNNING, live", timeout=SECONDS)
        await type_command(page, "/pipeline status hypercore-fills")
        await expect(messages.last).to_contain_text("read just now", timeout=SECONDS)
        await type_command(page, "/pipeline watch hypercore-fills page @bob")
        await expect(messages.filter(has_text="added a watch")).to_have_count(1, timeout=SECONDS)

        row = page.locator('li[data-name="hypercore-fills"]')
        await row.get_by_test_id("set-FAILED").click()
        card = messages.filter(has_text="hypercore-fills failed")
        await expect(card).to_contain_text("@Bob Berg please take a look", timeout=SECONDS)
        await card.locator('[data-action-id="acknowledge"]').click()
        await expect(card).to_contain_text("Acknowledged by ann", timeout=SECONDS)
        await expect(card.locator('[data-action-id="acknowledge"]')).to_have_count(0)

        await row.get_by_test_id("set-RUNNING").click()
        turned = messages.filter(has_text="hypercore-fills recovered", has_not_text="replied to a thread")
        await expect(turned).to_contain_text("recovered after", timeout=SECONDS)
        await turned.get_by_test_id("thread-open").click()
        thread = page.get_by_test_id("thread")
        await expect(thread).to_contain_text("Acknowledged by ann")
        await expect(thread).to_contain_text("recovered after")
        await browser.close()
