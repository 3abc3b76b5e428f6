"""200 pipelines of one destination fail within 5 s: one card and one page in the channel, one direct message."""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from sandbox.slack.messages import Message
from tests.journey.rig import ALERTS, BOB, Rig, rigged
from tests.sandbox.test_sandbox_page import BROWSER, QUIET

pytestmark = pytest.mark.journey

PIPELINES = 200
NAMES = [f"sink-{number:03}" for number in range(PIPELINES)]
SECONDS = 60.0
LISTED_BY = 12  # requests for pages of the listing: by then one listing has all of them
SENDS = ("chat.postMessage", "chat.update")


def sent(rig: Rig) -> Counter[str]:
    return Counter(call.method for call in rig.sandbox.slack.calls if call.method in SENDS)


async def shows(rig: Rig, message: Message, words: str) -> None:
    await rig.sandbox.until(lambda: words in message.text, SECONDS)


async def test_a_broken_destination_is_one_card_and_one_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with rigged(tmp_path, settings={"PIPELINE_BOT_CATALOGUE_SECONDS": "1"}) as rig:
        for name in NAMES:
            rig.sandbox.goldrush.add(name=name, project="storefront", destination_type="postgres")
        await _until_requests(rig, lambda ids: ids.count(None) > LISTED_BY)
        await rig.ask("watch sink-* page @bob")
        watched = {rig.pipeline(name) for name in NAMES}
        await _until_requests(rig, lambda ids: watched <= set(ids))
        before, roots = sent(rig), len(rig.sandbox.slack.messages(ALERTS))
        for first in range(0, PIPELINES, 20):
            for name in NAMES[first : first + 20]:
                rig.set_phase(name, "FAILED")
            await asyncio.sleep(0.5)
        card = await rig.card("In common: all write to one destination")
        await shows(rig, card, f"{PIPELINES} pipelines failed")
        added = rig.sandbox.slack.messages(ALERTS)[roots:]
        assert added == [card]
        direct = await rig.direct(BOB)
        assert len(rig.sandbox.slack.messages(direct)) == 1
        failed = sent(rig) - before
        assert failed["chat.postMessage"] == 2
        await _picture(rig, "failed")
        for name in NAMES[:3]:
            rig.set_phase(name, "RUNNING")
        await shows(rig, card, f"{PIPELINES - 3} of {PIPELINES} pipelines are still failing")
        await shows(rig, card, "3 recovered: sink-000, sink-001, sink-002")
        await _picture(rig, "three")
        await rig.click(card, "show_members")
        await rig.sandbox.until(lambda: "page 1 of 14" in _last_answer(rig), SECONDS)
        await _picture(rig, "members")
        await rig.click(card, "acknowledge_all")
        await shows(rig, card, f"{PIPELINES - 3} acknowledged")
        await _picture(rig, "acknowledged")
    with capsys.disabled():
        singly = f"one message per failure: {2 * PIPELINES} posts"
        print(f"\n{PIPELINES} failures, a channel and a person: {dict(failed)}; {singly}")  # noqa: T201


async def test_a_group_leads_with_the_cause_in_its_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with rigged(tmp_path, settings={"PIPELINE_BOT_CATALOGUE_SECONDS": "1"}) as rig:
        for name in NAMES[:7]:
            rig.sandbox.goldrush.add(name=name, project="storefront", destination_type="postgres")
        await _until_requests(rig, lambda ids: ids.count(None) > LISTED_BY)
        await rig.ask("watch sink-* page @bob")
        watched = {rig.pipeline(name) for name in NAMES[:7]}
        await _until_requests(rig, lambda ids: watched <= set(ids))
        before = sent(rig)
        for name in NAMES[:7]:
            rig.sandbox.goldrush.set_phase(rig.pipeline(name), "FAILED", cause="unreachable")
        card = await rig.card("7 pipelines failed")
        await shows(rig, card, "all writing to the same Postgres: the destination cannot be reached")
        await rig.thread(card, "the destination cannot be reached")
        cost = sent(rig) - before
        one_by_one = 2 * 7  # in two conversations
        assert cost["chat.postMessage"] - 2 < one_by_one
        assert cost["chat.update"] < one_by_one
    with capsys.disabled():
        print(f"\n7 failures with a diagnosis, a channel and a person: {dict(cost)}")  # noqa: T201


async def _until_requests(rig: Rig, enough: Callable[[list[str | None]], bool]) -> None:
    """Waits for requests to GoldRush, each given by its pipeline's id. The sandbox reports no event for a read."""
    async with asyncio.timeout(SECONDS):
        while not enough([request.pipeline_id for request in rig.sandbox.goldrush.requests]):
            await asyncio.sleep(0.05)


def _last_answer(rig: Rig) -> str:
    answers = rig.sandbox.slack.ephemerals(ALERTS, "U0ANN")
    return answers[-1].text if answers else ""


async def _picture(rig: Rig, name: str) -> None:
    """Takes pictures for a person to look at, into the directory that PICTURES names."""
    if not (directory := os.environ.get("PICTURES")) or BROWSER is None:
        return
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=BROWSER, args=QUIET)
        for width in (390, 1440):
            page = await browser.new_page(viewport={"width": width, "height": 900})
            await page.goto(f"{rig.sandbox.url}/#{ALERTS}")
            await page.get_by_test_id(f"channel-{ALERTS}").click(force=True, timeout=5000)
            await page.wait_for_timeout(800)
            await page.screenshot(path=f"{directory}/{name}-{width}.png")
        await browser.close()
