"""The account's credits, from GoldRush to Slack. The bot runs as a process, over real sockets."""

from pathlib import Path

import pytest

from tests.journey.rig import TEAM, Rig, rigged

pytestmark = pytest.mark.journey


class NearTheEnd(Rig):
    """Most of the credits are used before the bot first asks for the usage: it asks once an hour."""

    async def start(self, *, until_ready: bool = True) -> None:
        self.sandbox.goldrush.usage.consumed = 280_000
        await super().start(until_ready=until_ready)


async def test_the_operator_is_warned_once_and_the_card_names_the_limit(tmp_path: Path) -> None:
    settings = {"OPERATOR_CHANNEL": TEAM, "PIPELINE_BOT_CATALOGUE_SECONDS": "1"}
    async with rigged(tmp_path, settings=settings, kind=NearTheEnd) as rig:
        account = rig.sandbox.goldrush.usage
        await rig.card("The GoldRush credits run out in", "20,000 left", channel=TEAM)
        answer = await rig.ask("credits")
        assert "280,000 of 300,000 used (93 %)" in answer.replace("\xa0", " ")
        await rig.kill()
        await rig.start()

        await rig.ask("watch orders-eu")
        await rig.card("added a watch")
        rig.set_phase("orders-eu", "FAILED")
        await rig.card("orders-eu failed")
        account.consumed = 300_000
        await rig.card("orders-eu failed", "This GoldRush group is over its limit")
        usage_reads = [
            request for request in rig.sandbox.goldrush.requests if request.path.startswith("/platform/usage/")
        ]
        assert len(usage_reads) == 1, "the next bot goes on with what the first one read"
        warnings = [one for one in rig.sandbox.slack.messages(TEAM) if "credits run out" in one.text]
        assert len(warnings) == 1
        assert [call for call in rig.sandbox.slack.calls if call.error] == []
