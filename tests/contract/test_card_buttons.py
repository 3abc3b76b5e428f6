"""A button counts where its card stands, and there for everyone who sees it (issue 8, A2 and H5)."""

import pytest
import redis.asyncio

from bot.domain.alias import IdChange
from bot.domain.watch import ChannelId, UserId
from bot.slack.render import action_ids
from tests.builders import a_delivery
from tests.contract.office import ALERTS, ANN, BOB, CAROL, GUEST, LOOK, OPS, PARTNER, QUIET, SHARED, Office, office
from tests.service.test_poller import FAILED, LIVE, ONE, TWO

NOT_HERE = "That button belongs to a card in another conversation. Nothing was changed."


async def failing(it: Office, *channels: ChannelId) -> dict[ChannelId, str]:
    """Both pipelines fail where these watch; the keys of the first one's cards."""
    for channel in channels:
        if channel != ALERTS:
            it.sandbox.slack.invite_bot(channel)
        assert "now watches" in await it.type("watch pipe_0001 pipe_0002 page @bob", ANN, channel)
    it.bot.api.statuses |= dict.fromkeys((ONE, TWO), FAILED)
    await it.bot.poll(20)
    episode = it.bot.repository.record(ONE).episode
    assert episode is not None
    return {channel: key for key, channel in episode.cards.items()}


def a_value(key: str) -> dict[str, str]:
    return {"pipeline": ONE, "card": key}


async def acknowledged(it: Office) -> tuple[str, str] | None:
    episode = it.bot.repository.record(ONE).episode
    answer = episode.acknowledged if episode else None
    return (answer.name, answer.place) if answer else None


@pytest.mark.parametrize("action", [action_ids.ACKNOWLEDGE, action_ids.REFRESH, action_ids.UNWATCH])
@pytest.mark.parametrize("elsewhere", [QUIET, SHARED, ChannelId("D0CAROL")])
async def test_the_value_of_another_conversations_card_changes_and_tells_nothing(
    fake_redis: redis.asyncio.Redis, action: str, elsewhere: ChannelId
) -> None:
    async with office(fake_redis) as it:
        keys = await failing(it, OPS)
        owed, watched = await it.bot.store.owed(OPS), await it.watches(OPS)
        answer = await it.click(action, a_value(keys[OPS]), CAROL, elsewhere)
        assert answer.startswith(NOT_HERE)
        assert "orders" not in answer
        assert await acknowledged(it) is None
        assert await it.bot.store.owed(OPS) == owed
        assert await it.bot.store.owed(elsewhere) == ()
        assert await it.watches(OPS) == watched


async def test_the_card_of_one_channel_does_not_answer_for_another_that_watches_too(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with office(fake_redis) as it:
        keys = await failing(it, ALERTS, OPS)
        assert NOT_HERE in await it.click(action_ids.ACKNOWLEDGE, a_value(keys[OPS]), CAROL, ALERTS)
        assert await acknowledged(it) is None
        assert "You acknowledged" in await it.click(action_ids.ACKNOWLEDGE, a_value(keys[ALERTS]), CAROL, ALERTS)


async def a_group(it: Office, channel: ChannelId) -> str:
    """Two cards of the channel become one message, as a courier would gather them."""
    episodes = [it.bot.repository.record(pipeline).episode for pipeline in (ONE, TWO)]
    keys = [key for episode in episodes if episode for key, there in episode.cards.items() if there == channel]
    name = it.bot.store._keys.group("group-1")
    await it.bot.store._redis.set(name, " ".join(keys))
    return "group-1"


async def test_acknowledge_all_needs_the_groups_channel(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await failing(it, OPS)
        group = await a_group(it, OPS)
        assert len(await it.bot.store.group(group)) == 2
        assert NOT_HERE in await it.click(action_ids.ACKNOWLEDGE_ALL, {"group": group}, CAROL, ALERTS)
        assert await acknowledged(it) is None
        assert "You acknowledged 2 failures" in await it.click(action_ids.ACKNOWLEDGE_ALL, {"group": group}, BOB, OPS)


async def test_a_call_about_several_failures_acknowledges_those_that_nobody_has(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with office(fake_redis) as it:
        await failing(it, OPS)
        episodes = [it.bot.repository.record(pipeline).episode for pipeline in (ONE, TWO)]
        keys = [key for episode in episodes if episode for key, there in episode.cards.items() if there == OPS]
        called = {"cards": " ".join(keys)}
        assert NOT_HERE in await it.click(action_ids.ACKNOWLEDGE_CALLED, called, CAROL, ALERTS)
        assert await acknowledged(it) is None
        await it.click(action_ids.ACKNOWLEDGE, a_value(keys[0]), BOB, OPS)
        answer = await it.click(action_ids.ACKNOWLEDGE_CALLED, called, BOB, OPS)
        assert "You acknowledged 1 failure: orders-2." in answer
        assert "Nothing was changed" in await it.click(action_ids.ACKNOWLEDGE_CALLED, called, BOB, OPS)


@pytest.mark.parametrize(
    ("user", "team", "name"),
    [(GUEST, "T0SANDBOX", "gil"), (PARTNER, "T0PARTNER", "pat"), (ANN, "T0SANDBOX", "ann")],
)
async def test_anyone_in_the_channel_may_acknowledge(
    fake_redis: redis.asyncio.Redis, user: UserId, team: str, name: str
) -> None:
    async with office(fake_redis) as it:
        keys = await failing(it, SHARED)
        answer = await it.click(action_ids.ACKNOWLEDGE, a_value(keys[SHARED]), user, SHARED, team)
        assert "You acknowledged orders-1." in answer
        assert await acknowledged(it) == (name, "#partner-data")


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        (OPS, "Acknowledged by bob in a private channel at"),
        (ALERTS, "Acknowledged by bob in #data-alerts at"),
        (ChannelId("D0BOB"), "Acknowledged by bob in a direct message at"),
    ],
)
async def test_an_acknowledgement_shows_its_person_everywhere_and_its_channel_elsewhere(
    fake_redis: redis.asyncio.Redis, channel: ChannelId, words: str
) -> None:
    async with office(fake_redis) as it:
        keys = await failing(it, ALERTS, OPS)
        assert "You acknowledged" in await it.click(action_ids.ACKNOWLEDGE, a_value(keys[channel]), BOB, channel)
        cards = await it.bot.store.cards(list(keys.values()))
        for card in cards.values():
            text = LOOK.content(card.content, a_delivery(), it.bot.clock.now()).text
            assert ("Acknowledged by bob at" if card.content.channel == channel else words) in text
            assert "ops-private" not in text
            assert "<@" not in text
        answer = await it.click(action_ids.ACKNOWLEDGE, a_value(keys[ALERTS]), ANN, ALERTS)
        assert answer.startswith("Bob already acknowledged orders-1")


async def test_an_acknowledgement_counts_when_slack_names_neither_person_nor_channel(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with office(fake_redis) as it:
        keys = await failing(it, ALERTS)
        it.sandbox.slack.scopes -= {"users:read", "channels:read", "groups:read"}
        assert "You acknowledged" in await it.click(action_ids.ACKNOWLEDGE, a_value(keys[ALERTS]), CAROL, ALERTS)
        assert await acknowledged(it) == ("", "")


async def test_a_card_of_a_renamed_channel_is_found(fake_redis: redis.asyncio.Redis) -> None:
    first = ChannelId("C0FIRST")  # Slack's announcement comes after someone watches under the new id
    async with office(fake_redis) as it:
        keys = await failing(it, ALERTS)
        await it.bot.store.change_ids([IdChange(first, ALERTS, "1.0")])
        await it.bot.repository.catch_up()
        assert "no longer watches" in await it.type("unwatch pipe_0002", ANN, first)
        assert "You acknowledged" in await it.click(action_ids.ACKNOWLEDGE, a_value(keys[ALERTS]), CAROL, first)
        assert NOT_HERE in await it.click(action_ids.ACKNOWLEDGE, a_value(keys[ALERTS]), CAROL, QUIET)


async def test_a_click_on_a_closed_card_says_that_it_is_over(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        keys = await failing(it, ALERTS)
        it.bot.api.statuses |= dict.fromkeys((ONE, TWO), LIVE)
        await it.bot.poll(20)
        assert "is over" in await it.click(action_ids.ACKNOWLEDGE, a_value(keys[ALERTS]), CAROL, ALERTS)
        assert NOT_HERE in await it.click(action_ids.ACKNOWLEDGE, a_value(keys[ALERTS]), CAROL, QUIET)
