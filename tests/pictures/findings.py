"""Scenes of pipelines that lag or stand still, of a late deployment, and of phases that nobody wants."""

import asyncio
from collections.abc import Iterable

from tests.journey.rig import ALERTS, BOB, PATIENCE
from tests.pictures.cards import FILLS, ORDERS, ORDERS_US, SWAPS, TRANSFERS
from tests.pictures.stage import Stage

LEARNED = 26  # hours: from then on the bot knows how a pipeline usually moves
BEHIND = 40 * 60  # seconds
CHAIN, CHAIN_LATE = "solana-mainnet", 30 * 60  # the chain of TRANSFERS
BETWEEN_MEASUREMENTS = 20 / 60  # hours: longer than the shortest standstill that counts
KNOWN_DEPLOYMENTS = 5
USUAL, OVERDUE, STUCK = 3, 2.5, 10  # minutes: a usual deployment; then later than that; then stuck
DRIFTED = 6  # minutes: past the grace period
LONGER_THAN_A_MEASUREMENT = 2 * PATIENCE


async def lag_and_standstill(stage: Stage) -> None:
    """Four pipelines: behind, behind as its chain is, at a standstill, and both. Then they catch up."""
    lagging, both = (ORDERS, TRANSFERS), FILLS
    names = (*lagging, both, SWAPS)
    await stage.ask(f'watch {ORDERS} "{TRANSFERS}" {FILLS} on lagging:5m,stalled page @bob for lagging:5m')
    await stage.ask(f'watch "{SWAPS}" on stalled')
    await _measured(stage, names)
    await stage.skip(hours=LEARNED)
    await _measured(stage, names)
    _fall_behind(stage)
    await _measured(stage, names)
    await stage.skip(hours=BETWEEN_MEASUREMENTS)
    await _measured(stage, names)
    cards = {"lagging": await stage.rig.card(ORDERS, "behind")}
    await stage.camera.message("lagging-status", await stage.ask(f"status {ORDERS}"))
    cards["lagging-chain"] = await stage.rig.card(TRANSFERS, "behind")
    await stage.skip(hours=BETWEEN_MEASUREMENTS)
    await _measured(stage, names)
    cards["stalled"] = await stage.rig.card(SWAPS, "stalled")
    cards["stalled-and-lagging"] = await stage.rig.card(both, "stalled")
    for picture, card in cards.items():
        await stage.camera.message(f"{picture}-card", card)
    await stage.camera.screen("lagging-screen")
    direct = await stage.rig.card(ORDERS, channel=await stage.rig.direct(BOB))
    await stage.camera.message("lagging-direct", direct, user=BOB)
    await stage.camera.message("stalled-status", await stage.ask(f'status "{SWAPS}"'))
    await stage.camera.message("lagging-status-all", await stage.ask("status"))
    _catch_up(stage)
    await _measured(stage, names)
    await _measured(stage, names)
    await _measured(stage, names)
    for picture, card in cards.items():
        await stage.camera.message(f"{picture}-over", card)
        await stage.camera.thread(f"{picture}-thread", card)


def _fall_behind(stage: Stage) -> None:
    goldrush = stage.sandbox.goldrush
    source = goldrush.source(goldrush.named(ORDERS))
    height = source.head - int(BEHIND / source.block_seconds)
    goldrush.set_work(stage.rig.pipeline(ORDERS), height=height, pace=0.5)
    goldrush.chains.set_late(CHAIN, CHAIN_LATE)
    for name in (FILLS, SWAPS):
        goldrush.set_work(stage.rig.pipeline(name), pace=0)


def _catch_up(stage: Stage) -> None:
    goldrush = stage.sandbox.goldrush
    goldrush.chains.set_late(CHAIN, 0)
    for name in (ORDERS, FILLS, SWAPS):
        pipeline = goldrush.named(name)
        goldrush.set_work(pipeline.id, pace=1, height=goldrush.source(pipeline).head)


async def _measured(stage: Stage, names: Iterable[str]) -> None:
    """Waits until each pipeline is measured once more, and the bot has written what that means."""
    first = len(stage.sandbox.goldrush.requests)
    wanted = {f"/platform/pipeline-api/{stage.rig.pipeline(name)}/metrics/" for name in names}
    async with asyncio.timeout(LONGER_THAN_A_MEASUREMENT):
        while not wanted <= {request.path for request in stage.sandbox.goldrush.requests[first:]}:
            await asyncio.sleep(0.2)
    await stage.let_read()


async def deployments(stage: Stage) -> None:
    """A deployment with a known time to live; it is overdue, then stuck, then live."""
    await stage.ask(f"watch {ORDERS_US} on all page @bob for stuck")
    for _ in range(KNOWN_DEPLOYMENTS):
        await _deploys(stage, ORDERS_US)
    await stage.let_read()
    card = await stage.card_after(lambda: stage.rig.set_phase(ORDERS_US, "DEPLOYING"), ORDERS_US)
    await stage.shows(card, "Usually live")
    await stage.camera.message("deployment-expected", card)
    await stage.pass_time(minutes=USUAL + OVERDUE)
    await stage.shows(card, "overdue")
    await stage.camera.message("deployment-overdue", card)
    await stage.camera.message("deployment-overdue-status", await stage.ask(f"status {ORDERS_US}"))
    await stage.pass_time(minutes=STUCK)
    await stage.shows(card, "stuck")
    await stage.camera.message("stuck-card", card)
    await stage.camera.screen("stuck-screen")
    await stage.camera.message("stuck-status", await stage.ask(f"status {ORDERS_US}"))
    direct = await stage.rig.card(ORDERS_US, channel=await stage.rig.direct(BOB))
    await stage.camera.message("stuck-direct", direct, user=BOB)
    stage.rig.set_phase(ORDERS_US, "RUNNING")
    await stage.shows(card, "live")
    await stage.let_read()
    await stage.camera.message("stuck-over", card)
    await stage.camera.thread("stuck-thread", card)


async def _deploys(stage: Stage, name: str) -> None:
    stage.rig.set_phase(name, "DEPLOYING")
    await stage.let_read()
    await stage.pass_time(minutes=USUAL)
    stage.rig.set_phase(name, "RUNNING")
    await stage.let_read()
    await stage.skip(hours=2)


async def drift(stage: Stage) -> None:
    """One stands still although it should run; another one runs although it should be paused."""
    await stage.ask(f'watch {ORDERS} "{SWAPS}" on all page @bob for drift')
    await stage.let_read()
    stage.rig.set_phase(ORDERS, "STOPPED")
    stage.sandbox.goldrush.named(SWAPS).intent = "paused"
    await stage.let_read()
    await stage.pass_time(minutes=DRIFTED)
    cards = {
        "drift-stopped": await stage.rig.card(ORDERS, "drifted", "please take a look"),
        "drift-running": await stage.rig.card(SWAPS, "drifted", "please take a look"),
    }
    for picture, card in cards.items():
        await stage.camera.message(f"{picture}-card", card)
    await stage.camera.screen("drift-screen", channel=ALERTS)
    await stage.camera.message("drift-status", await stage.ask(f"status {ORDERS}"))
    stage.rig.set_phase(ORDERS, "RUNNING")
    stage.sandbox.goldrush.named(SWAPS).intent = "running"
    await stage.let_read()
    await stage.pass_time(minutes=1)
    await stage.let_read()
    for picture, card in cards.items():
        await stage.camera.message(f"{picture}-over", card)
        await stage.camera.thread(f"{picture}-thread", card)
