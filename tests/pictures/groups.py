"""Scenes of many failures at once: one card for all of them."""

import asyncio
from collections.abc import Callable

from sandbox.goldrush_faults import Fault, FaultKind
from sandbox.slack.messages import Message
from tests.journey.rig import ALERTS, PATIENCE, TEAM
from tests.pictures.stage import Stage

SINKS = [f"sink-{number:02}" for number in range(1, 31)]
SMALL = SINKS[:6]
LISTED_BY = 6  # requests for pages of the listing: by then one listing has all of them


async def watch_sinks(stage: Stage, pattern: str, names: list[str], channel: str) -> None:
    goldrush = stage.sandbox.goldrush
    known = {pipeline.name for pipeline in goldrush.pipelines.values()}
    for name in SINKS:
        if name not in known:
            goldrush.add(name=name, project="storefront", destination_type="postgres")
    await watch_new(stage, pattern, names, channel)


async def watch_new(stage: Stage, pattern: str, names: list[str], channel: str) -> None:
    """Waits until the bot has read each of them: at a first reading it reports a failure as an old one."""
    goldrush = stage.sandbox.goldrush
    first = len(goldrush.requests)
    await _until_requests(stage, first, lambda ids: ids.count(None) > LISTED_BY)
    await stage.ask(f"watch {pattern} page @bob", channel=channel)
    watched = {stage.rig.pipeline(name) for name in names}
    await _until_requests(stage, first, lambda ids: watched <= set(ids))
    await stage.let_read()


async def _until_requests(stage: Stage, first: int, enough: Callable[[list[str | None]], bool]) -> None:
    """Waits for requests to GoldRush, each given by its pipeline's id."""
    async with asyncio.timeout(PATIENCE):
        while not enough([request.pipeline_id for request in stage.sandbox.goldrush.requests[first:]]):
            await asyncio.sleep(0.1)


async def small_group(stage: Stage) -> None:
    """Six pipelines: each has a line."""
    await watch_sinks(stage, "sink-0*", SINKS[:9], TEAM)
    for name in SMALL:
        stage.rig.set_phase(name, "FAILED")
    card = await stage.rig.card("6 pipelines failed", channel=TEAM)
    await stage.camera.message("group-small", card)
    await stage.camera.screen("group-small-screen", channel=TEAM)
    await stage.pass_time(minutes=5.2)
    await stage.camera.screen("group-call-screen", channel=TEAM)
    await stage.rig.click(card, "acknowledge_all")
    await stage.shows(card, "cknowledged")
    await stage.camera.message("group-small-acknowledged", card)
    for name in SMALL:
        stage.rig.set_phase(name, "RUNNING")
    await stage.shows(card, "have recovered")
    await stage.camera.message("group-small-recovered", card)


async def shared_cause(stage: Stage) -> None:
    """Seven pipelines of one Postgres: first some logs name the cause, then all of them."""
    names = [f"ledger-{number}" for number in range(1, 8)]
    goldrush = stage.sandbox.goldrush
    for name in names:
        goldrush.add(name=name, project="ledger", destination_type="postgres")
    await watch_new(stage, "ledger-*", names, TEAM)
    for name in names[5:]:  # nothing names their cause
        for route in ("logs", "destination-health"):
            goldrush.set_fault(Fault(kind=FaultKind.UNAVAILABLE, route=route), stage.rig.pipeline(name))
    for name in names:
        goldrush.set_phase(stage.rig.pipeline(name), "FAILED", cause="unreachable")
    card = await stage.rig.card("7 pipelines failed", channel=TEAM)
    await stage.shows(card, "Cause for 5 of 7")
    await stage.camera.message("group-cause-of-most", card)
    for name in names[5:]:
        goldrush.set_fault(None, stage.rig.pipeline(name))
    await stage.shows(card, "all writing to the same Postgres")
    await stage.camera.message("group-cause", card)
    await stage.camera.screen("group-cause-screen", channel=TEAM)
    await stage.rig.thread(card, "cannot be reached")
    await stage.camera.thread("group-cause-thread", card)
    for name in names:
        stage.rig.set_phase(name, "RUNNING")
    await stage.shows(card, "have recovered")


async def large_group(stage: Stage) -> None:
    """Thirty pipelines: the card names some and counts the rest."""
    await watch_sinks(stage, "sink-*", SINKS, ALERTS)
    for name in SINKS:
        stage.rig.set_phase(name, "FAILED")
    card = await stage.rig.card("30 pipelines failed")
    await stage.shows(card, "all writing to the same Postgres: ")
    await stage.camera.message("group-large", card)
    await stage.camera.screen("group-large-screen")
    await _members(stage, card)
    for name in SINKS[:3]:
        stage.rig.set_phase(name, "RUNNING")
    await stage.shows(card, "27 of")
    await stage.camera.message("group-partly-recovered", card)
    await stage.rig.click(card, "acknowledge_all")
    await stage.shows(card, "27 acknowledged")
    await stage.camera.message("group-acknowledged", card)
    for name in SINKS:
        stage.rig.set_phase(name, "RUNNING")
    await stage.shows(card, "have recovered")
    await stage.camera.message("group-recovered", card)
    await stage.camera.screen("group-recovered-screen")
    if card.replies:
        await stage.camera.thread("group-thread", card)


async def _members(stage: Stage, card: Message) -> None:
    members = await stage.answered(lambda: stage.rig.click(card, "show_members"), channel=ALERTS)
    await stage.camera.message("group-members", members)
    await stage.camera.message("group-member-menu", members, press="member_action")
