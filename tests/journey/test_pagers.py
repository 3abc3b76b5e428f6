"""From a failure to PagerDuty and back, with the bot as a process. It dies after each step, and nothing is lost."""

from pathlib import Path

import pytest

from sandbox.demo import pagers
from sandbox.pagerduty import ROUTING_KEY, PagerFault, PagerIncident
from tests.journey.rig import PATIENCE, Rig, rigged

pytestmark = pytest.mark.journey
ORDERS = "orders-eu"


async def an_incident(rig: Rig, status: str) -> PagerIncident:
    """Waits for the one incident to have this status."""
    pagerduty = rig.sandbox.pagerduty
    await rig.sandbox.until(lambda: [incident.status for incident in pagerduty.incidents] == [status], PATIENCE)
    return pagerduty.incidents[0]


async def restart(rig: Rig) -> None:
    await rig.kill()
    await rig.start()
    if rig.http and rig.sandbox.slack.request_url:
        url = rig.sandbox.slack.request_url
        rig.sandbox.pagerduty.webhook_url = url.replace("/slack/events", "/pagerduty/webhook")


async def fail(rig: Rig) -> PagerIncident:
    """PagerDuty refuses the first attempts, and takes one without saying so."""
    await rig.ask(f"watch {ORDERS} page pager:ops pager:flow")
    rig.sandbox.pagerduty.faults = [PagerFault.BUSY, PagerFault.BROKEN, PagerFault.BROKEN_AFTER]
    rig.sandbox.pagerduty.retry_after = 1
    rig.set_phase(ORDERS, "FAILED")
    await rig.card(ORDERS, "failed")
    return await an_incident(rig, "triggered")


async def end(rig: Rig) -> None:
    rig.set_phase(ORDERS, "RUNNING")
    await an_incident(rig, "resolved")
    await rig.card(ORDERS, "recovered")
    titles = [message["body"]["title"] for message in rig.sandbox.pager_sink.taken]
    assert titles == [f"{ORDERS} failed", f"Grace Pager acknowledged: {ORDERS} failed", f"{ORDERS} recovered"]
    assert ROUTING_KEY not in rig.log.read_text()
    assert "/triggers/" not in rig.log.read_text()


async def test_an_incident_stays_equal_on_both_sides_though_the_bot_dies_after_each_step(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        rig.settings |= pagers(rig.sandbox)
        await restart(rig)
        there = await fail(rig)
        await restart(rig)
        rig.sandbox.pagerduty.act(there.key, "acknowledged", "Grace Pager")
        await rig.card(ORDERS, "Acknowledged by Grace Pager in PagerDuty")
        await restart(rig)
        await end(rig)


async def test_in_http_mode_the_webhook_comes_to_the_port_of_slack(tmp_path: Path) -> None:
    async with rigged(tmp_path, http=True) as rig:
        rig.settings |= pagers(rig.sandbox)
        del rig.settings["PIPELINE_BOT_WEBHOOK_PORT"]
        await restart(rig)
        there = await fail(rig)
        rig.sandbox.pagerduty.act(there.key, "acknowledged", "Grace Pager")
        await rig.card(ORDERS, "Acknowledged by Grace Pager in PagerDuty")
        await end(rig)
