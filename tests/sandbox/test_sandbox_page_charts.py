"""The page draws charts, and reads them to people who can't see them."""

import pytest
from playwright.async_api import Page, expect

from sandbox.server import Sandbox
from tests.sandbox.test_sandbox_charts import bars, chart, pie
from tests.sandbox.test_sandbox_page import bot_posts, page, sandbox

__all__ = ["page", "sandbox"]  # fixtures
pytestmark = pytest.mark.page


async def test_a_chart_has_a_column_for_each_category_on_a_phone_too(sandbox: Sandbox, page: Page) -> None:
    days = tuple(f"{day} Nov" for day in range(1, 15))
    shares = chart(bars(labels=days), "Live, % of each day")
    await bot_posts(sandbox, text="fallback", blocks=[shares, chart(pie(1, 2))])
    first = page.locator(".chart").first
    await expect(first).to_contain_text("Live, % of each day")
    await expect(first.locator(".chart-column")).to_have_count(14)
    spoken = f"Live, % of each day. s0: {', '.join(f'{day} 1.5' for day in days)}"
    await expect(first.get_by_role("img")).to_have_attribute("aria-label", spoken)
    await page.set_viewport_size({"width": 390, "height": 844})
    box = await first.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 390
