"""Takes each picture twice: on a phone and on a wide screen."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from playwright.async_api import Locator, Page, Playwright

from sandbox.clock import Clock
from sandbox.slack.messages import Message
from tests.journey.rig import ALERTS, ANN
from tests.sandbox.test_sandbox_page import QUIET

WIDTHS = {390: 844, 1440: 900}
"""Width and height of a phone and of a laptop, in pixels."""
TALL = 6000
"""So high is the window while one message is pictured: a message is never cut at the window's edge."""
STILL = "window.EventSource = class { addEventListener() {} };"
"""The page then draws the state of its start only: nothing moves while the picture is taken."""
PATIENCE = 15_000.0  # milliseconds, the unit of Playwright


class Camera:
    """The demo's page at both widths, loaded again for each picture."""

    def __init__(self, pages: dict[int, Page], url: str, into: Path, clock: Clock) -> None:
        self._pages = pages
        self._url = url
        self._into = into
        self._clock = clock
        self.taken: list[str] = []

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, playwright: Playwright, browser_path: str, url: str, into: Path, clock: Clock
    ) -> AsyncIterator[Self]:
        browser = await playwright.chromium.launch(executable_path=browser_path, args=QUIET)
        pages: dict[int, Page] = {}
        for width, height in WIDTHS.items():
            page = await browser.new_page(viewport={"width": width, "height": height}, timezone_id="Europe/Berlin")
            page.set_default_timeout(PATIENCE)
            await page.add_init_script(STILL)
            pages[width] = page
        try:
            yield cls(pages, url, into, clock)
        finally:
            await browser.close()

    async def message(self, name: str, message: Message, *, user: str = ANN, press: str | None = None) -> None:
        """One message. `press`: the action id of a menu of it that is open in the picture."""
        for width, page in self._pages.items():
            await page.set_viewport_size({"width": width, "height": TALL})
            await self._go(page, user, message.channel)
            shown = page.locator(f'#conversation article[data-ts="{message.ts}"]').first
            await shown.wait_for()
            if press is None:
                await self._save(shown, name, width)
            else:
                # A real mouse would stay there, and the message would look pointed at.
                await shown.locator(f'[data-action-id="{press}"]').first.evaluate("element => element.click()")
                await page.locator(".menu").wait_for()
                await self._save_around(page, shown, page.locator(".menu"), name, width)
        self.taken.append(name)

    async def thread(self, name: str, message: Message, *, user: str = ANN) -> None:
        """A message with all its replies."""
        for width, page in self._pages.items():
            await page.set_viewport_size({"width": width, "height": TALL})
            await self._go(page, user, message.channel)
            await page.locator(f'#conversation article[data-ts="{message.ts}"] [data-testid="thread-open"]').click()
            replies = page.locator("#thread .scroller > div")
            await replies.last.wait_for()
            bottom = await replies.last.bounding_box() or {"y": 0, "height": 0}
            panel = await page.locator("#thread").bounding_box()
            assert panel is not None
            clip = {**panel, "height": bottom["y"] + bottom["height"] - panel["y"] + 8}
            await page.screenshot(path=self._path(name, width), clip=clip)  # type: ignore[arg-type]  # a rectangle
        self.taken.append(name)

    async def screen(
        self,
        name: str,
        *,
        user: str = ANN,
        channel: str = ALERTS,
        before: Callable[[Page], Awaitable[None]] | None = None,
    ) -> None:
        """The window as a person sees it. `before` presses something first."""
        for width, page in self._pages.items():
            await page.set_viewport_size({"width": width, "height": WIDTHS[width]})
            await self._go(page, user, channel)
            if before is not None:
                await before(page)
            await page.screenshot(path=self._path(name, width))
        self.taken.append(name)

    async def form(self, name: str, *, user: str = ANN) -> None:
        """The open modal, as far as one can scroll it."""
        for width, page in self._pages.items():
            await page.set_viewport_size({"width": width, "height": WIDTHS[width]})
            await self._go(page, user, ALERTS)
            await page.locator("#modal[open]").wait_for()
            await page.screenshot(path=self._path(name, width))
            await page.locator("#modal .modal").evaluate("form => { form.style.maxHeight = 'none'; }")
            await page.set_viewport_size({"width": width, "height": TALL})
            await self._save(page.locator("#modal"), f"{name}-whole", width)
        self.taken += [name, f"{name}-whole"]

    async def home(self, name: str, *, user: str = ANN) -> None:
        """The App Home, whole."""
        for width, page in self._pages.items():
            await page.set_viewport_size({"width": width, "height": WIDTHS[width]})
            await self._go(page, user, ALERTS)
            await page.locator("#sidebar").get_by_text("Pipeline Bot", exact=True).click()
            await page.get_by_role("tab", name="Home").click()
            await page.locator(".home .block").first.wait_for()
            await page.screenshot(path=self._path(name, width))
            await page.set_viewport_size({"width": width, "height": TALL})
            await self._save(page.locator(".home"), f"{name}-whole", width)
        self.taken += [name, f"{name}-whole"]

    async def _go(self, page: Page, user: str, channel: str) -> None:
        await page.clock.set_fixed_time(datetime.fromtimestamp(self._clock.now(), UTC))
        await page.goto(f"{self._url}/?user={user}&channel={channel}")
        await page.locator("#channel-header h2").wait_for()

    async def _save(self, shown: Locator, name: str, width: int) -> None:
        await shown.screenshot(path=self._path(name, width))

    async def _save_around(self, page: Page, one: Locator, other: Locator, name: str, width: int) -> None:
        """Both rectangles together."""
        boxes = [box for box in (await one.bounding_box(), await other.bounding_box()) if box]
        left, top = min(box["x"] for box in boxes), min(box["y"] for box in boxes)
        right = max(box["x"] + box["width"] for box in boxes)
        bottom = max(box["y"] + box["height"] for box in boxes)
        await page.screenshot(
            path=self._path(name, width),
            clip={"x": left, "y": top, "width": right - left, "height": bottom - top + 8},
        )

    def _path(self, name: str, width: int) -> Path:
        return self._into / f"{name}-{width}.png"
