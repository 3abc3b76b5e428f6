"""Starts a process of each kind, reports it, and waits until `test_outlives` kills it."""

import asyncio
from pathlib import Path

from playwright.async_api import async_playwright

from bot.store.connect import connect
from bot.store.embedded import embedded
from tests.journey.rig import rigged
from tests.journey.valkey import Valkey
from tests.sandbox.test_sandbox_page import BROWSER


async def test_starts_everything(tmp_path: Path) -> None:
    async with (
        embedded(tmp_path / "mine") as url,
        Valkey(tmp_path / "valkey"),
        rigged(tmp_path),
        async_playwright() as on,
    ):
        client = connect(url)
        await client.set("watch", "orders-eu")
        if BROWSER:
            await on.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        (tmp_path / "all-started").touch()
        await asyncio.Event().wait()
