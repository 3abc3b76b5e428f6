"""Scenes of pages that repeat: later calls, nobody answers, a silent bot, PagerDuty, a drill."""

import signal

from playwright.async_api import Page

from tests.journey.rig import ALERTS, ANN, BOB, TEAM
from tests.pictures.cards import ORDERS, ORDERS_US, SWAPS
from tests.pictures.stage import OPS, Stage


async def later_calls(stage: Stage) -> None:
    """Nobody answers: one failure is called again, then two together, then nobody is left to call."""
    await stage.save("policy data = @bob wait 2m then @ann wait 4m; repeat 1", channel=ALERTS)
    await stage.ask(f"watch {ORDERS} {ORDERS_US} page policy:data")
    stage.rig.set_phase(ORDERS, "FAILED")
    card = await stage.rig.card(ORDERS, "please take a look")
    await stage.camera.message("card-policy", card)
    await stage.pass_time(minutes=2.1)
    call = await stage.rig.thread(card, "still need")
    await stage.camera.message("call", call)
    await stage.camera.message("card-called", card)
    page = await stage.rig.card(ORDERS, channel=await stage.rig.direct(ANN))
    await stage.camera.message("call-direct", page)
    stage.rig.set_phase(ORDERS_US, "FAILED")
    await stage.rig.card(ORDERS_US, "please take a look")
    await stage.pass_time(minutes=4)
    await stage.camera.screen("calls-screen")
    await stage.pass_time(minutes=6)
    silence = await stage.anywhere("no one left to page")
    await stage.camera.message("nobody-answered", silence)
    await stage.camera.message("card-exhausted", card)
    await stage.camera.screen("calls-end-screen")
    await stage.camera.message("card-call-direct-end", page)


async def several_at_once(stage: Stage) -> None:
    """Three failures of one moment are called together."""
    await stage.ask(f'watch {ORDERS} {ORDERS_US} "{SWAPS}" page @bob @ann')
    for name in (ORDERS, ORDERS_US, SWAPS):
        stage.rig.set_phase(name, "FAILED")
    for name in (ORDERS, ORDERS_US, SWAPS):
        await stage.rig.card(name, "please take a look")
    await stage.pass_time(minutes=5.2)
    call = await stage.rig.card("3 pipelines still need")
    await stage.camera.message("call-of-several", call)
    await stage.camera.screen("call-of-several-screen")


async def silent_bot(stage: Stage) -> None:
    """The bot freezes during an open page: Slack itself posts what it had scheduled."""
    await stage.ask(f"watch {ORDERS} page @bob")
    stage.rig.set_phase(ORDERS, "FAILED")
    await stage.rig.card(ORDERS, "please take a look")
    slack = stage.sandbox.slack
    await stage.sandbox.until(lambda: slack.scheduled.pending(ALERTS) and slack.scheduled.pending(OPS), 60)
    await stage.camera.screen("scheduled-screen", before=unfold_scheduled)
    process = stage.rig.process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    try:
        stage.clock.jump(12 * 60)
        backup = await stage.rig.card("Backup page")
        await stage.camera.message("backup", backup)
        silence = await stage.rig.card("I have been silent", channel=OPS)
        await stage.camera.message("silence", silence)
    finally:
        process.send_signal(signal.SIGCONT)
    back = await stage.rig.card("I read and deliver again", channel=OPS)
    await stage.camera.message("back", back)
    await stage.camera.screen("silent-bot-screen")


async def unfold_scheduled(page: Page) -> None:
    await page.get_by_test_id("scheduled").locator("summary").click()


async def outside_pagers(stage: Stage) -> None:
    """PagerDuty gets the failure, and a person there acknowledges it."""
    await stage.ask(f"watch {ORDERS} page @bob pager:ops pager:flow", channel=TEAM)
    stage.rig.set_phase(ORDERS, "FAILED")
    card = await stage.rig.card(ORDERS, "failed", channel=TEAM)
    incidents = stage.sandbox.pagerduty.incidents
    count = len(incidents)
    await stage.sandbox.until(lambda: incidents and incidents[-1].status == "triggered", 60)
    await stage.camera.message("card-with-pager", card)
    await stage.camera.screen("pagers-screen", channel=TEAM)
    stage.sandbox.pagerduty.act(incidents[-1].key, "acknowledged", "Grace Pager")
    await stage.shows(card, "in PagerDuty")
    assert len(incidents) == count
    await stage.camera.message("card-acknowledged-in-pagerduty", card)
    await stage.camera.screen("pagers-acknowledged-screen", channel=TEAM, before=unfold_drawer)


async def unfold_drawer(page: Page) -> None:
    """On a phone, the drawer is folded."""
    if await page.locator("#goldrush.folded").count():
        await page.locator("#goldrush .fold").click()
        await page.get_by_test_id("pagers").scroll_into_view_if_needed()


async def drill(stage: Stage) -> None:
    await stage.ask(f"watch {ORDERS} page @bob pager:ops", channel=TEAM)
    question = await stage.ask("drill", channel=TEAM)
    await stage.camera.message("drill-question", question)
    await stage.rig.click(question, "confirm")
    report = await stage.rig.card("tests whether", channel=TEAM)
    await stage.camera.message("drill-running", report)
    direct = await stage.rig.card("DRILL", channel=await stage.rig.direct(BOB))
    await stage.camera.message("drill-direct", direct, user=BOB)
    await stage.sandbox.until(lambda: "assed" in report.text or "ailed" in report.text, 150)
    await stage.camera.message("drill-report", report)
