"""Someone watches under a channel's new id before Slack announces it, with the whole bot running."""

import redis.asyncio

from bot.domain.alias import IdChange
from bot.domain.card import Card, ThreadEntry
from bot.domain.watch import ChannelId
from tests.builders import ALERTS
from tests.service.test_heartbeat import whole
from tests.service.test_poller import FAILED, LIVE, ONE

NEW = ChannelId("C0NEW")


async def test_two_cards_under_both_ids_are_updated_and_the_end_is_shown_once(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis) as world:
        await world.bot.watch(ONE)
        await world.bot.poll(20)
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(20)
        await world.bot.watch(ONE, channel=NEW)
        await world.bot.repository.welcome([NEW])
        await world.bot.poll(20)
        cards = {world.chat.there[row.id] for row, content, _ in world.chat.posts if isinstance(content, Card)}
        assert len(cards) == 2
        await world.bot.store.change_ids([IdChange(ALERTS, NEW, "1.0")])
        world.bot.api.statuses[ONE] = LIVE
        await world.bot.poll(60)
        assert {ts for _, card, ts in world.chat.updates if isinstance(card, Card) and not card.episode.open} == cards
        lines = [(line, ts) for _, line, ts in world.chat.posts if isinstance(line, ThreadEntry)]
        assert [line.broadcast for line, _ in lines] == [True]
