"""Scenes of the account's credits: the command, the warning, the weekly figures, and a group over its limit."""

import asyncio

from sandbox.goldrush_usage import PATH
from tests.journey.rig import PATIENCE
from tests.pictures.cards import ORDERS
from tests.pictures.stage import OPS, Stage

READ_AGAIN = 1.1  # hours
FIVE_DAYS_LEFT = 270_000  # used, of 300,000
USED_UP = 300_000
DAYS = 8  # until a Monday has come


async def account_credits(stage: Stage) -> None:
    usage = stage.sandbox.goldrush.usage
    used = usage.consumed
    await _read(stage)
    await stage.camera.message("credits", await stage.ask("credits"))
    usage.consumed = FIVE_DAYS_LEFT
    await _read(stage)
    await stage.camera.message("credits-low", await stage.rig.card("credits run out", channel=OPS))
    await stage.camera.message("credits-low-answer", await stage.ask("credits"))
    await stage.ask(f"watch {ORDERS} page @bob")
    usage.consumed = USED_UP
    await _read(stage)
    await stage.camera.message("credits-used-up", await stage.ask("credits"))
    stage.rig.set_phase(ORDERS, "FAILED")
    card = await stage.rig.card(ORDERS, "over its limit")
    await stage.shows(card, "Cause")
    await stage.camera.message("credits-over-limit-card", card)
    stage.rig.set_phase(ORDERS, "RUNNING")
    await stage.shows(card, "recovered after")
    usage.consumed = used
    for _ in range(DAYS):
        await stage.skip(hours=24)
    await stage.camera.message("credits-weekly", await stage.rig.card("weekly figures", channel=OPS))
    await stage.camera.screen("credits-screen", channel=OPS)


async def _read(stage: Stage) -> None:
    """Waits until the bot has read the usage again."""
    requests = stage.sandbox.goldrush.requests
    before = len(requests)
    await stage.skip(hours=READ_AGAIN)
    async with asyncio.timeout(PATIENCE):
        while not any(request.path.startswith(PATH) for request in requests[before:]):
            await asyncio.sleep(0.1)
    await stage.let_read()
