"""Slack rejects the token of a running bot. The bot logs how to fix it, loses nothing, and does not spin."""

import asyncio
import json
from functools import partial
from pathlib import Path

import pytest

from bot.slack.outbound.token_monitor import REINSTALL
from sandbox.slack.installation import Loss
from tests.journey.rig import ALERTS, PATIENCE, TEAM, Rig, rigged
from tests.journey.valkey import Valkey

pytestmark = pytest.mark.journey

NAMES = ("orders-eu", "orders-us", "hypercore-fills")
WATCHED = 20.0


def logged(rig: Rig, event: str) -> list[dict[str, object]]:
    entries = [json.loads(line) for line in rig.log.read_text().splitlines()]
    return [entry for entry in entries if entry["event"] == event]


@pytest.mark.parametrize(("loss", "error"), [(Loss.REVOKED, "token_revoked"), (Loss.UNINSTALLED, "account_inactive")])
async def test_deliveries_wait_for_a_valid_token_and_then_go_out(tmp_path: Path, loss: Loss, error: str) -> None:
    settings = {"PIPELINE_BOT_TRANSIENT_SECONDS": "0.5"}
    async with (
        Valkey(tmp_path / "valkey") as valkey,
        rigged(tmp_path, settings=settings | {"REDIS_URL": valkey.url}) as rig,
    ):
        for name in NAMES:
            await rig.ask(f"watch {name}")
            await rig.ask(f"watch {name}", channel=TEAM)
        await rig.card("added a watch", NAMES[-1])
        await rig.reads(6)
        rig.sandbox.slack.lose(loss)
        before = len(rig.sandbox.slack.calls)
        for name in NAMES:
            rig.set_phase(name, "FAILED")
        await asyncio.sleep(WATCHED)
        calls = rig.sandbox.slack.calls[before:]
        assert len(calls) < WATCHED * 2, len(calls)
        refusals = logged(rig, "slack_token_refused")
        assert {(entry["level"], entry["error"], entry["fix"]) for entry in refusals} == {("error", error, REINSTALL)}
        await rig.stop()
        rig.sandbox.slack.regain(loss)  # somebody reinstalled the app and set the new token
        await rig.start()
        for channel in (ALERTS, TEAM):
            await rig.sandbox.until(partial(all_told, rig, channel), PATIENCE)


def all_told(rig: Rig, channel: str) -> bool:
    texts = "\n".join(message.text for message in rig.sandbox.slack.messages(channel))
    return all(f"{name} failed" in texts for name in NAMES)
