"""Scenes of a bounded pipeline: its progress, its end, and a stop before the end."""

import asyncio

from sandbox.goldrush_pipelines import FIRST_BLOCK, LAST_BLOCK
from tests.journey.rig import BOB, PATIENCE
from tests.pictures.stage import Stage

BACKFILL = "ETH backfill 2024"
MEASURED = 4  # times: the time left needs three, and nine minutes between them
LONGER_THAN_A_MEASUREMENT = 2 * PATIENCE


async def bounded_runs(stage: Stage) -> None:
    """A run makes progress and finishes; the next one stops before its last block."""
    await stage.ask(f'watch "{BACKFILL}" page @bob')
    await _starts(stage)
    live = await stage.rig.card(f"{BACKFILL} is live")
    await _is_measured(stage)
    await stage.shows(live, " left")
    await stage.camera.message("run-card", live)
    await stage.camera.message("run-status", await stage.ask(f'status "{BACKFILL}"'))
    await stage.camera.message("run-list", await stage.ask("list backfill"))
    stage.sandbox.goldrush.finish(stage.rig.pipeline(BACKFILL))
    finished = await stage.rig.card(f"{BACKFILL} finished at block")
    await stage.camera.message("run-finished", finished)
    await stage.camera.message("run-finished-status", await stage.ask(f'status "{BACKFILL}"'))
    await _starts(stage)
    await stage.let_read()
    stage.rig.set_phase(BACKFILL, "STOPPED")
    short = await stage.rig.card(f"{BACKFILL} stopped at block", "please take a look")
    await stage.camera.message("run-short", short)
    await stage.camera.screen("run-short-screen")
    direct = await stage.rig.card(f"{BACKFILL} stopped at block", channel=await stage.rig.direct(BOB))
    await stage.camera.message("run-short-direct", direct, user=BOB)
    await stage.camera.message("run-short-status", await stage.ask("status failed"))
    stage.rig.set_phase(BACKFILL, "RUNNING")
    await stage.shows(short, "recovered after")
    await stage.camera.message("run-short-recovered", short)
    await stage.camera.thread("run-short-thread", short)
    stage.sandbox.goldrush.finish(stage.rig.pipeline(BACKFILL))
    await stage.let_read()


async def _starts(stage: Stage) -> None:
    """At six tenths, where a run of two days is after one."""
    stage.rig.set_phase(BACKFILL, "DEPLOYING")
    height = FIRST_BLOCK + (LAST_BLOCK - FIRST_BLOCK) * 6 // 10
    stage.sandbox.goldrush.set_work(stage.rig.pipeline(BACKFILL), height=height)
    await stage.let_read()
    stage.rig.set_phase(BACKFILL, "RUNNING")


async def _is_measured(stage: Stage) -> None:
    path = f"/platform/pipeline-api/{stage.rig.pipeline(BACKFILL)}/metrics/"

    def measurements() -> int:
        return sum(request.path == path for request in stage.sandbox.goldrush.requests)

    for _ in range(MEASURED):
        before = measurements()
        async with asyncio.timeout(LONGER_THAN_A_MEASUREMENT):
            while measurements() == before:
                await asyncio.sleep(0.2)
        await stage.pass_time(minutes=10)
