"""A bad day for GoldRush and its gateway. The bot runs as a process, over real sockets."""

from pathlib import Path

import pytest

from sandbox.goldrush_faults import Fault, FaultKind
from tests.journey.rig import Rig, rigged

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]


def strike(rig: Rig, kind: FaultKind | None, *, retry_after: str | None = None, route: str | None = None) -> None:
    rig.sandbox.goldrush.set_fault(Fault(kind=kind, retry_after=retry_after, route=route) if kind else None)


async def test_a_bad_day_in_front_of_goldrush(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.ask("watch orders-eu")
        await rig.card("added a watch")

        rig.set_phase("orders-eu", "FAILED")
        card = await rig.card("orders-eu failed", "Since")
        strike(rig, FaultKind.MISSING_READY)
        rig.set_phase("orders-eu", "RUNNING")
        still = await rig.card("orders-eu failed, now running, readiness not reported")
        assert still.ts == card.ts
        strike(rig, None)
        await rig.thread(card, "orders-eu recovered after")

        rig.set_phase("orders-eu", "PAUSED")
        await rig.card("orders-eu is paused")
        rig.set_phase("orders-eu", "RUNNING")
        resumed = await rig.card("orders-eu is live")
        assert "should be" not in resumed.text
        assert "should be" not in await rig.ask("status orders-eu")

        strike(rig, FaultKind.NO_ROUTE)
        await rig.ask("status orders-us")  # two pipelines that cannot be read are an outage
        await rig.ask("status usdc-approvals")
        await rig.card("GoldRush API can't be read", "gateway or proxy")
        strike(rig, None)
        await rig.card("GoldRush API can be read again")
        assert "no longer visible" not in await rig.ask("status orders-eu")

        strike(rig, FaultKind.THROTTLED, retry_after="600", route="status")
        await rig.card("GoldRush API can't be read", "Rate limit exceeded", "I'll try again at")
        assert "GoldRush asked me to slow down (429)" in await rig.ask("status orders-eu")
        assert "orders-eu" in await rig.ask("list")
