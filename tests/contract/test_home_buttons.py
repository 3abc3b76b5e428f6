"""The Home tab as a place to act: what is assigned to the person, who is on call, and what is muted."""

import json
from collections.abc import Mapping

import pytest
import redis.asyncio

from bot.domain.silence import Mute
from bot.domain.watch import ChannelId, UserId
from bot.ports.interaction_store import Interaction
from bot.slack.mrkdwn import NO_BREAK
from bot.slack.render import action_ids
from bot.slack.router import CLICK
from sandbox.slack.interactions import Choice
from tests.builders import TEAM
from tests.contract.office import ALERTS, ANN, BOB, CAROL, OPS, Office, listening, office
from tests.contract.test_home import failing, opened, shown
from tests.contract.test_policies import save, setup_of
from tests.service.test_poller import FAILED, ONE

WEEKLY = "schedule data = rotate @ann @bob every 1 week at 09:00 on monday in Europe/Berlin"


async def pressed(
    it: Office, action: str, value: Mapping[str, object], user: UserId = ANN, channel: str = "D0ANN"
) -> str:
    """The tab after a click with this value, which anyone can forge."""
    payload = {"action": action, "channel": channel, "user": user, "ephemeral": "", "team": TEAM, "direct": "yes"}
    payload["value"] = json.dumps(value)
    click = Interaction(team=TEAM, id="click", kind=CLICK, at=it.bot.clock.now(), payload=payload)
    reply = await it.router.parse(click).run()
    assert reply
    assert reply.blocks == ()  # the answer is part of the tab
    return json.dumps(reply.home, ensure_ascii=False).replace(NO_BREAK, " ")


def card_of(it: Office, channel: ChannelId) -> str:
    episode = it.bot.repository.record(ONE).episode
    card = episode.card_in(channel) if episode else None
    assert card
    return card


async def test_a_failure_is_acknowledged_in_the_tab(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis, ALERTS) as it:
        assert "Assigned to you" not in await opened(it, ANN)
        ack = await it.sandbox.slack.click_in_view(ANN, Choice(action_id=action_ids.HOME_ACKNOWLEDGE))
        assert ack.ok
        await it.sandbox.until(lambda: "Assigned to you" in shown(it, ANN))
        home = shown(it, ANN)
        assert "You acknowledged *orders-1*." in home
        assert ":eyes: *orders-1* · you acknowledged it" in home
        episode = it.bot.repository.record(ONE).episode
        assert episode
        assert episode.acknowledged
        assert episode.acknowledged.by == ANN
        assert "Take over" not in home
        others = await opened(it, BOB)
        assert "Take over" in others
        assert "Assigned to you" not in others


async def test_a_takeover_moves_the_acknowledgement(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis, ALERTS) as it:
        await it.type("ack orders-1", BOB)
        await opened(it, ANN)
        await it.sandbox.slack.click_in_view(ANN, Choice(action_id=action_ids.HOME_TAKE_OVER))
        await it.sandbox.until(lambda: "Assigned to you" in shown(it, ANN))


async def test_a_snooze_is_shown_with_its_end(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis, ALERTS) as it:
        await it.click(action_ids.SNOOZE, {"card": card_of(it, ALERTS), "do": "1h"}, ANN, ALERTS)
        assert ":zzz: *orders-1* · snoozed by you until " in await opened(it, ANN)


async def test_a_called_person_sees_the_unanswered_page(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it, listening(it):
        it.sandbox.slack.invite_bot(ALERTS)
        await it.type("watch orders-1 page @ann")
        it.bot.api.statuses[ONE] = FAILED
        await it.bot.poll(20)
        assert ":bell: *orders-1* called you, and nobody has answered yet · next step at " in await opened(it, ANN)
        assert "called you" not in await opened(it, BOB)
        await it.type("ack orders-1", BOB)
        assert "called you" not in await opened(it, ANN)


@pytest.mark.parametrize("action", [action_ids.HOME_ACKNOWLEDGE, action_ids.HOME_TAKE_OVER])
async def test_a_forged_button_acknowledges_nothing_in_a_hidden_channel(
    fake_redis: redis.asyncio.Redis, action: str
) -> None:
    async with failing(fake_redis, OPS, ALERTS) as it:
        hidden = {"pipeline": ONE, "card": card_of(it, OPS), "channel": f"<#{OPS}>"}
        assert "You acknowledged" not in await pressed(it, action, hidden, CAROL, "D0CAROL")
        elsewhere = {**hidden, "channel": f"<#{ALERTS}>"}
        assert "belongs to a card in another conversation" in await pressed(it, action, elsewhere, CAROL, "D0CAROL")
        episode = it.bot.repository.record(ONE).episode
        assert episode
        assert episode.acknowledged is None


async def test_mutes_of_own_channels_have_a_button_that_ends_them(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis, ALERTS, OPS) as it:
        await it.type("mute orders-1 for 2h because we deploy", BOB, ALERTS)
        await it.type("mute orders-2 for 2h", ANN, OPS)
        carols = await opened(it, CAROL)
        assert "orders-2* until" not in carols
        home = await opened(it, ANN)
        assert ":no_bell: *orders-1* until " in home
        assert "we deploy · by bob · <#C0ALERTS>" in home
        assert "orders-2* until" in home
        await it.sandbox.slack.click_in_view(ANN, Choice(action_id=action_ids.HOME_UNSILENCE))
        await it.sandbox.until(lambda: "No longer muted" in shown(it, ANN))
        assert [row.made_in for row in (await setup_of(it)).all(Mute)] in ([OPS], [ALERTS])


async def test_only_members_unmute_a_channel(fake_redis: redis.asyncio.Redis) -> None:
    async with failing(fake_redis, OPS, ChannelId("D0BOB")) as it:
        await it.type("mute orders-2 for 2h", ANN, OPS)
        await it.type("mute orders-2 for 2h", BOB, ChannelId("D0BOB"))
        for channel in (OPS, "D0BOB"):
            forged = {"asked": "unmute orders-2", "channel": f"<#{channel}>"}
            assert "No longer muted" not in await pressed(it, action_ids.HOME_UNSILENCE, forged, CAROL, "D0CAROL")
        assert len((await setup_of(it)).all(Mute)) == 2


async def test_it_says_who_is_on_call(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it, listening(it):
        assert "There is no schedule yet." in await opened(it, ANN)
        await save(it, WEEKLY)
        home = await opened(it, ANN)
        assert "• *data*: ann until " in home
        assert ", then bob · *you are on call*" in home
        assert "`/pipeline oncall take data until 18:00` takes the shift." in home
        assert "you are on call" not in await opened(it, BOB)
