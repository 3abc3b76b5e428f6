"""The fallback channel gets the news of a suspended channel, with its origin and without broadcasts (issue 8, H4)."""

import pytest
import redis.asyncio

from bot.domain.card import Card, Group
from bot.domain.delivery import in_slack
from bot.domain.permission import Broadcast
from bot.domain.watch import ChannelId, SuspendReason, Target, TargetKind
from bot.slack.render.renderer import Renderer
from tests.builders import ALERTS, TEAM, a_delivery, a_message, a_person, a_usergroup, a_watch
from tests.fakes import NOON
from tests.service.test_heartbeat import FALLBACK, Whole, whole
from tests.service.test_poller import FAILED, ONE, TWO, pipelines, running

LOOK = Renderer(command="/pipeline", platform_url="https://goldrush.dev/platform/")
HERE, CHANNEL = Target(kind=TargetKind.HERE), Target(kind=TargetKind.CHANNEL)
EVERYBODY = (CHANNEL, HERE, a_usergroup(), a_person("U0BOB"))
MENTIONS = "<!subteam^S0ONCALL> <@U0BOB>"


async def watch(world: Whole, reference: str, channel: ChannelId, targets: tuple[Target, ...]) -> None:
    made = a_watch(reference, channel=channel, targets=targets)
    await world.bot.store.add_watches([made], a_message(f"{channel}{reference}", channel=channel))
    await world.bot.repository.refresh_watches()


def posted_in(world: Whole, channel: ChannelId) -> list[str]:
    posts = [(row, content) for row, content, _ in world.chat.posts if row.receiver.id == channel]
    return [LOOK.content(card, row, row.message.made_at).text for row, card in posts if isinstance(card, Card | Group)]


async def test_the_fallback_pings_only_the_watchs_people(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with whole(fake_redis, fallback=FALLBACK) as world:
        await watch(world, ONE, ALERTS, EVERYBODY)
        await world.bot.poll(20)
        await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.NOT_IN_CHANNEL)
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(20)
        (text,) = posted_in(world, FALLBACK)
        assert MENTIONS in text
        assert "<!" not in text.replace("<!subteam", "").replace("<!date", "")
        assert f"Shown here for <#{ALERTS}>, where I can't post right now." in text


async def test_the_fallbacks_own_watches_page_as_usual(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis, fallback=FALLBACK) as world:
        await watch(world, ONE, ALERTS, (CHANNEL,))
        await watch(world, ONE, FALLBACK, (HERE,))
        await world.bot.poll(20)
        await world.suspensions.suspend(in_slack(TEAM, ALERTS), SuspendReason.ARCHIVED)
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(20)
        (text,) = posted_in(world, FALLBACK)
        assert "<!here> please" in text
        assert "<!channel>" not in text
        assert f"Shown here for <#{ALERTS}>" in text


async def test_a_channel_that_accepts_messages_uses_no_fallback(fake_redis: redis.asyncio.Redis) -> None:
    async with whole(fake_redis, fallback=FALLBACK) as world:
        await watch(world, ONE, ALERTS, (CHANNEL,))
        await world.bot.poll(20)
        world.bot.api.statuses[ONE] = FAILED
        await world.bot.poll(20)
        (text,) = posted_in(world, ALERTS)
        assert "<!channel> please" in text
        assert "Shown here for" not in text


async def test_the_stored_watch_stays_unchanged(fake_redis: redis.asyncio.Redis) -> None:
    async with running(fake_redis, *pipelines(2), fallback=FALLBACK) as bot:
        made = a_watch(ONE, targets=EVERYBODY)
        await bot.store.add_watches([made], a_message("made"))
        await bot.store.suspend(ALERTS, SuspendReason.ARCHIVED, [], [made])
        await bot.repository.refresh_watches()
        bot.api.statuses[ONE] = FAILED
        await bot.poll(20)
        (stored,) = (await bot.store.watches()).all
        assert (stored.channel, stored.targets, stored.stands_in_for) == (ALERTS, EVERYBODY, None)


@pytest.mark.parametrize("rest", [(), (a_usergroup(),)])
async def test_with_broadcasts_off_an_old_watch_pings_no_channel(
    fake_redis: redis.asyncio.Redis, rest: tuple[Target, ...]
) -> None:
    async with whole(fake_redis) as world:
        for pipeline in (ONE, TWO):
            await watch(world, pipeline, ALERTS, (HERE, CHANNEL, *rest))
        await world.bot.poll(20)
        world.bot.api.statuses |= dict.fromkeys((ONE, TWO), FAILED)
        await world.bot.poll(20)
        silent = Renderer(command="/pipeline", platform_url="https://goldrush.dev/", broadcast=Broadcast.NOBODY)
        cards = [content for _, content, _ in world.chat.posts if isinstance(content, Card)]
        contents: list[Card | Group] = [*cards, Group(key="group", channel=ALERTS, cards=tuple(cards))]
        for content in contents:
            loud, text = (look.content(content, a_delivery(), NOON).text for look in (LOOK, silent))
            assert "<!here>" in loud
            assert "<!here>" not in text
            assert "<!channel>" not in text
            assert ("<!subteam^S0ONCALL>" in text) == bool(rest)
            assert ("please take a look" in text) == bool(rest)
