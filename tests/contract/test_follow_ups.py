"""`follow-ups`: where a channel gets the end of a failure and later calls."""

import pytest
import redis.asyncio

from bot.domain.follow_ups import FollowUpStyle, follow_up_style
from bot.domain.notice import Notice
from bot.slack.render.notices import render_notice
from tests.builders import a_delivery
from tests.contract.office import ALERTS, ANN, GUEST, LOOK, Office, office


async def style_of(it: Office) -> FollowUpStyle:
    return follow_up_style((await it.bot.store.watches()).setup, ALERTS)


@pytest.mark.parametrize("style", FollowUpStyle)
async def test_a_channel_chooses_a_style(fake_redis: redis.asyncio.Redis, style: FollowUpStyle) -> None:
    async with office(fake_redis) as it:
        await it.type("watch orders-1")
        await it.type(f"follow-ups {style}")
        assert await style_of(it) is style
        assert f"Follow-ups in <#{ALERTS}>: {style}." in await it.type("follow-ups")
        assert ("Follow-ups: " in await it.type("watches")) is (style is not FollowUpStyle.BROADCAST)


async def test_a_change_is_announced_once_and_in_the_audit_log(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        assert "now thread, formerly broadcast" in await it.type("follow-ups thread")
        assert "thread already. Nothing was changed." in await it.type("follow-ups thread")
        notices = [row.body for row in await it.bot.store.owed(ALERTS) if isinstance(row.body, Notice)]
        audit = await it.type("audit")
    (notice,) = notices
    text = render_notice(notice, a_delivery(), LOOK.render_context).text
    assert "Ann changed this channel's follow-ups from broadcast to thread." in text
    assert "thread" in audit


@pytest.mark.parametrize("typed", ["follow-ups loud", "follow-ups thread please"])
async def test_another_word_is_refused(fake_redis: redis.asyncio.Redis, typed: str) -> None:
    async with office(fake_redis) as it:
        answer = await it.type(typed)
        assert "Choose thread, broadcast or channel. Nothing was changed." in answer
        assert await style_of(it) is FollowUpStyle.BROADCAST


async def test_a_guest_may_not_change_it(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await it.type("follow-ups thread", GUEST)
        assert await style_of(it) is FollowUpStyle.BROADCAST
        await it.type("follow-ups channel in #data-alerts", ANN)
        assert await style_of(it) is FollowUpStyle.CHANNEL
