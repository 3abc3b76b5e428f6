"""A bounded pipeline finishes, or stops before its end. The bot runs as a process, over real sockets."""

from pathlib import Path

import pytest

from tests.journey.rig import ALERTS, BOB, Rig, rigged

pytestmark = pytest.mark.journey


BACKFILL = "ETH backfill 2024"


async def watched_run(rig: Rig) -> None:
    rig.set_phase(BACKFILL, "RUNNING")
    await rig.ask(f'watch "{BACKFILL}" page @bob')
    await rig.card("added a watch")
    assert "RUNNING, live" in await rig.ask(f'status "{BACKFILL}"')


async def test_a_run_finishes_and_the_channel_hears_it_once(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await watched_run(rig)
        rig.sandbox.goldrush.finish(rig.pipeline(BACKFILL))
        card = await rig.card(f"{BACKFILL} finished at block 21,525,890")
        await rig.kill()
        await rig.start()
        await rig.reads(20)
        assert "STOPPED, finished at block 21,525,890" in await rig.ask(f'status "{BACKFILL}"')
        roots = [message.text for message in rig.sandbox.slack.messages(ALERTS) if "finished" in message.text]
        assert len(roots) == 1
        assert not card.replies
        assert "please take a look" not in card.text


async def test_a_run_that_stops_short_pages_and_recovers(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await watched_run(rig)
        rig.set_phase(BACKFILL, "STOPPED")
        words = f"{BACKFILL} stopped at block 18,9"
        card = await rig.card(words, " of 21,525,890", "<@U0BOB> please take a look", "nobody asked for the stop")
        await rig.card(words, channel=await rig.direct(BOB))
        await rig.click(card, "acknowledge", user=BOB)
        await rig.card(words, "Acknowledged by bob")
        assert "STOPPED at block 18,9" in await rig.ask("status failed")
        rig.set_phase(BACKFILL, "RUNNING")
        assert (await rig.card(f"{BACKFILL} recovered after")).ts == card.ts
        assert not [message.text for message in rig.sandbox.slack.messages(ALERTS) if "possibly" in message.text]
        assert await rig.stop() == 0
