"""The bot as several processes, each with its own role."""

import json
from pathlib import Path

import pytest

from tests.journey.rig import BOB, Rig
from tests.journey.roles import split

pytestmark = pytest.mark.journey


def events(rig: Rig) -> list[dict[str, object]]:
    return [json.loads(line) for line in rig.log.read_text().splitlines() if line.startswith("{")]


async def test_processes_with_one_role_each_do_together_what_one_does(tmp_path: Path) -> None:
    async with split(tmp_path) as processes:
        slack = processes["slack"]
        assert "1 of 1 ready" in await slack.ask("status orders-eu")
        await slack.ask("watch orders-eu page @bob")
        await slack.card("added a watch", "orders-eu")
        slack.set_phase("orders-eu", "FAILED")
        card = await slack.card("orders-eu failed", "Since")
        await slack.click(card, "acknowledge", user=BOB)
        await slack.thread(card, "Acknowledged by")
        slack.set_phase("orders-eu", "RUNNING")
        await slack.thread(card, "recovered after")
        for name, rig in processes.rigs.items():
            assert [event["role"] for event in events(rig) if event["event"] == "ready"] == [name]
        leaders = [name for name, rig in processes.rigs.items() if "polling_started" in rig.log.read_text()]
        assert leaders == ["scheduler"]
        for rig in processes.rigs.values():
            assert await rig.stop() == 0
