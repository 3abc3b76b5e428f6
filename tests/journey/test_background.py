"""An edit before the failure, a restart, and a postmortem in a canvas. The bot runs as a process."""

import asyncio
from pathlib import Path

import pytest

from tests.journey.rig import ALERTS, BOB, PATIENCE, Rig, rigged

pytestmark = pytest.mark.journey


def listings(rig: Rig) -> int:
    return sum(request.pipeline_id is None for request in rig.sandbox.goldrush.requests)


async def listed_twice(rig: Rig) -> None:
    """The first of these listings may have begun before the watch."""
    wanted = listings(rig) + 3
    while listings(rig) < wanted:
        await rig.reads(1)


async def test_the_card_names_the_edit_and_the_draft_becomes_one_canvas(tmp_path: Path) -> None:
    async with rigged(tmp_path, settings={"PIPELINE_BOT_CATALOGUE_SECONDS": "1"}) as rig:
        rig.sandbox.slack.canvases.enabled = True
        await rig.ask("watch orders-eu page @bob")
        await rig.card("ann added a watch")
        await listed_twice(rig)
        await rig.kill()
        rig.sandbox.goldrush.edit(rig.pipeline("orders-eu"), "SELECT 1 / 0 FROM source")
        await rig.start()
        rig.set_phase("orders-eu", "FAILED")
        card = await rig.card("orders-eu failed", "Transform `logs` edited")
        await rig.thread(card, "transform `logs` edited")
        rig.set_phase("orders-eu", "RUNNING")
        await rig.card("orders-eu recovered after")
        for user in (BOB, "U0CAROL"):
            await rig.click(card, "postmortem", user=user)
        await rig.thread(card, "Postmortem draft: orders-eu", "It is a canvas")
        await rig.kill()
        await rig.start()
        await rig.click(card, "postmortem")
        slack = rig.sandbox.slack
        await rig.sandbox.until(lambda: any("already" in it.text for it in slack.ephemerals(ALERTS, "U0ANN")), PATIENCE)
        (canvas,) = slack.canvases.made
        assert "## What changed" in canvas.markdown
        assert "edited" in canvas.markdown
        assert sum("Postmortem draft" in reply.text for reply in card.replies) == 1


async def test_an_edit_of_just_now_is_named_although_the_budget_is_small_and_the_watch_is_new(tmp_path: Path) -> None:
    busy = {"PIPELINE_BOT_REQUESTS_PER_SECOND": "2"}  # the polling alone needs more
    async with rigged(tmp_path, settings=busy) as rig:
        before = listings(rig)
        await rig.ask("watch *")
        await rig.card("ann added a watch")
        async with asyncio.timeout(PATIENCE):
            while listings(rig) < before + 2:  # the command's own, and one that compares
                await rig.reads(1)
        await rig.reads(2)
        rig.sandbox.goldrush.edit(rig.pipeline("orders-us"), "SELECT 1 / 0 FROM source")
        rig.set_phase("orders-us", "FAILED")
        await rig.card("orders-us failed", "Transform `logs` edited")
