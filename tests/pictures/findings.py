"""Scenes of pipelines that lag or stand still, of a late deployment, and of phases that nobody wants."""

import asyncio
from collections.abc import Iterable

from tests.journey.rig import ALERTS, BOB, PATIENCE
from tests.pictures.cards import FILLS, ORDERS, ORDERS_US, SWAPS, TRANSFERS
from tests.pictures.stage import Stage

LEARNED = 26  # hours: from then on the bot knows how a pipeline usually moves
BEHIND = 40 * 60  # seconds
CHAIN, CHAIN_LATE = "solana-mainnet", 30 * 60  # the chain of TRANSFERS
ROUNDS = 3  # of measurements: two teach the pace of a chain, and two in a row make a lag
BETWEEN_MEASUREMENTS = 20 / 60  # hours: longer than the shortest standstill that counts
KNOWN_DEPLOYMENTS = 5
USUAL, OVERDUE, STUCK = 3, 2.5, 10  # minutes: a usual deployment; then later than that; then stuck
DRIFTED = 12  # minutes: the bot lists the intents every few seconds, and then comes the grace period
LONGER_THAN_A_MEASUREMENT = 2 * PATIENCE


async def lag(stage: Stage) -> None:
    """One pipeline is behind; another one is, because GoldRush is behind with its chain. Then both catch up."""
    names = (SWAPS, TRANSFERS)
    await stage.ask(f'watch "{SWAPS}" "{TRANSFERS}" on lagging:5m page @bob for lagging:5m')
    for _ in range(ROUNDS):
        await _measured(stage, names)
    goldrush = stage.sandbox.goldrush
    source = goldrush.source(goldrush.named(SWAPS))
    height = source.head - int(BEHIND / source.block_seconds)
    goldrush.set_work(stage.rig.pipeline(SWAPS), height=height, pace=0.5)
    goldrush.chains.set_late(CHAIN, CHAIN_LATE)
    for _ in range(ROUNDS):
        await _measured(stage, names)
    cards = {
        "lagging": await stage.rig.card(SWAPS, "behind", "Base itself is on time"),
        "lagging-chain": await stage.rig.card(TRANSFERS, "behind", "nothing to do here"),
    }
    for picture, card in cards.items():
        await stage.camera.message(f"{picture}-card", card)
    await stage.camera.screen("lagging-screen")
    await stage.camera.message("lagging-status", await stage.ask(f'status "{SWAPS}"'))
    await stage.camera.message("lagging-chain-status", await stage.ask(f'status "{TRANSFERS}"'))
    direct = await stage.rig.card(SWAPS, channel=await stage.rig.direct(BOB))
    await stage.camera.message("lagging-direct", direct, user=BOB)
    goldrush.chains.set_late(CHAIN, 0)
    _catch_up(stage, SWAPS)
    for _ in range(ROUNDS):
        await _measured(stage, names)
    for picture, card in cards.items():
        await stage.shows(card, "caught up")
        await stage.camera.message(f"{picture}-over", card)
        await stage.camera.thread(f"{picture}-thread", card)


async def standstill(stage: Stage) -> None:
    """Two pipelines stand still; the channel also wants to hear of the lag of one of them. Then they move."""
    names = (SWAPS, FILLS)
    await stage.ask(f'watch "{SWAPS}" on stalled')
    await stage.ask(f"watch {FILLS} on lagging:5m,stalled")
    await _measured(stage, names)
    await stage.skip(hours=LEARNED)
    await _measured(stage, names)
    for name in names:
        stage.sandbox.goldrush.set_work(stage.rig.pipeline(name), pace=0)
    await _measured(stage, names)
    for _ in range(2):
        await stage.skip(hours=BETWEEN_MEASUREMENTS)
        await _measured(stage, names)
    cards = {
        "stalled": await stage.rig.card(SWAPS, "no new blocks"),
        "stalled-and-lagging": await stage.rig.card(FILLS, "no new blocks"),
    }
    for picture, card in cards.items():
        await stage.camera.message(f"{picture}-card", card)
    await stage.camera.message("stalled-status", await stage.ask(f'status "{SWAPS}"'))
    await stage.camera.message("stalled-status-all", await stage.ask("status"))
    _catch_up(stage, *names)
    await _measured(stage, names)
    await _measured(stage, names)
    for picture, card in cards.items():
        await stage.camera.message(f"{picture}-over", card)
        await stage.camera.thread(f"{picture}-thread", card)


def _catch_up(stage: Stage, *names: str) -> None:
    goldrush = stage.sandbox.goldrush
    for name in names:
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
