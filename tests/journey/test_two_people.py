"""Two people, one of them outside the channel: end to end, in both modes, over real sockets."""

from pathlib import Path

import pytest

from sandbox.slack.directory import BOT_USER
from tests.journey.rig import ALERTS, ANN, BOB, QUIET, Rig, rigged

pytestmark = pytest.mark.journey

CAROL, OPS = "U0CAROL", "G0OPS"
NOT_FOUND = "I can't find a channel #{} that you're in. Nothing was changed."


async def an_outsider_gets_nowhere(rig: Rig) -> None:
    for name in ("ops-private", "quiet", "no-such-channel"):
        for command in ("unwatch all", "watch orders-us page channel"):
            assert NOT_FOUND.format(name) in await rig.ask(f"{command} in #{name}", user=CAROL)
    assert "find a channel in" in await rig.ask("unwatch all in <#G0OPS>", user=CAROL)
    assert BOT_USER not in rig.sandbox.slack.directory.channels[QUIET].members


def seen_by(rig: Rig, user: str) -> str:
    """Returns all of the bot's messages that this person can read."""
    directory = rig.sandbox.slack.directory
    channels = [channel.id for channel in directory.channels.values() if directory.sees(user, channel)]
    messages = [message for channel in channels for message in rig.sandbox.slack.messages(channel, user)]
    return "\n".join(message.text for message in messages if message.user == BOT_USER)


@pytest.mark.parametrize("http", [False, True], ids=["socket", "http"])
async def test_only_members_see_what_a_private_channel_watches(tmp_path: Path, *, http: bool) -> None:
    async with rigged(tmp_path, http=http) as rig:
        rig.sandbox.slack.invite_bot(OPS)
        assert "pages @bob on failure" in await rig.ask("watch orders-eu page @bob", channel=OPS)
        announced = await rig.card("ann added a watch", channel=OPS)
        assert "<@" not in announced.text

        await an_outsider_gets_nowhere(rig)

        rig.set_phase("orders-eu", "FAILED")
        card = await rig.card("orders-eu failed", "Since", "<@U0BOB> please take a look", channel=OPS)
        direct = await rig.direct(BOB)
        paged = await rig.card("orders-eu failed", "Since", channel=direct)
        await rig.click(paged, "acknowledge", user=BOB)
        await rig.card("Acknowledged by bob in a direct message", channel=OPS)
        await rig.thread(card, "Acknowledged by bob in a direct message")

        await an_outsider_gets_nowhere(rig)
        assert "orders-eu" not in seen_by(rig, CAROL)
        assert "bob" not in seen_by(rig, CAROL)

        rig.sandbox.slack.join(OPS, CAROL)
        assert "no longer watches orders-eu" in await rig.ask("unwatch all in #ops-private", user=CAROL)
        await rig.card("carol removed a watch", channel=OPS)
        await rig.card("orders-eu is no longer watched here", channel=OPS)
        rig.sandbox.slack.leave(OPS, CAROL)
        assert NOT_FOUND.format("ops-private") in await rig.ask("watch orders-eu in #ops-private", user=CAROL)
        assert [call for call in rig.sandbox.slack.calls if call.method == "conversations.join"] == []
        assert await rig.ask("status orders-eu", user=ANN, channel=ALERTS)
        assert await rig.stop() == 0
