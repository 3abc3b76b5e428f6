"""Scenes of services that are away: Slack takes no messages for a while, GoldRush can't be read."""

from sandbox.goldrush_faults import Fault as GoldRushFault
from sandbox.goldrush_faults import FaultKind as GoldRushFaultKind
from sandbox.slack.faults import Fault, FaultKind
from tests.journey.rig import TEAM
from tests.pictures.cards import ORDERS, ORDERS_US
from tests.pictures.groups import SINKS, watch_sinks
from tests.pictures.stage import Stage


async def slack_outage(stage: Stage) -> None:
    """Much happens while Slack is away. Afterwards: the open failure first, and the rest as one digest."""
    await watch_sinks(stage, "sink-*", SINKS, TEAM)
    await stage.ask(f"watch {ORDERS} {ORDERS_US} page @bob", channel=TEAM)
    await stage.rig.card("added 2 watches", channel=TEAM)
    stage.sandbox.slack.set_fault("*", Fault(kind=FaultKind.UNAVAILABLE))
    stage.rig.set_phase(ORDERS_US, "FAILED")
    for name in SINKS[:14]:
        stage.rig.set_phase(name, "PAUSED")
    await stage.let_read()
    await stage.pass_time(minutes=2)
    stage.rig.set_phase(ORDERS, "FAILED")
    for name in [ORDERS_US, *SINKS[:12]]:
        stage.rig.set_phase(name, "RUNNING")
    await stage.let_read()
    stage.sandbox.slack.set_fault("*", None)
    digest = await stage.rig.card("Catching up", channel=TEAM)
    await stage.camera.message("catch-up-digest", digest)
    await stage.camera.screen("catch-up-screen", channel=TEAM)


async def goldrush_outage(stage: Stage) -> None:
    await stage.ask(f"watch {ORDERS} {ORDERS_US}", channel=TEAM)
    stage.sandbox.goldrush.set_fault(GoldRushFault(kind=GoldRushFaultKind.UNAVAILABLE))
    card = await stage.rig.card("GoldRush", "can't be read", channel=TEAM)
    await stage.camera.message("goldrush-away", card)
    await stage.camera.message("goldrush-away-status", await stage.ask(f"status {ORDERS}", channel=TEAM))
    stage.sandbox.goldrush.set_fault(None)
    await stage.shows(card, "can be read again")
    await stage.camera.message("goldrush-back", card)
