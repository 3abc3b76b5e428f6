"""The card as a console: snooze, takeover, promise, resolve, and what a stale click answers."""

from datetime import UTC, datetime, timedelta

import pytest
import redis.asyncio

from bot.domain.episode import Episode
from bot.domain.notice import Notice, NoticeKind
from bot.domain.watch import ChannelId, UserId
from bot.slack.render import action_ids
from tests.contract.office import ALERTS, ANN, BOB, CAROL, QUIET, Office, office
from tests.contract.test_card_buttons import NOT_HERE, failing
from tests.service.test_poller import ONE

HALF_HOUR = {"do": "30m"}


async def failed_card(it: Office) -> str:
    return (await failing(it, ALERTS))[ALERTS]


def episode_of(it: Office) -> Episode:
    episode = it.bot.repository.record(ONE).episode
    assert episode is not None
    return episode


@pytest.mark.parametrize(
    ("choice", "length"),
    [("30m", timedelta(minutes=30)), ("1h", timedelta(hours=1)), ("4h", timedelta(hours=4))],
)
async def test_a_snooze_stops_the_paging_until_then(
    fake_redis: redis.asyncio.Redis, choice: str, length: timedelta
) -> None:
    async with office(fake_redis) as it:
        card = await failed_card(it)
        now = it.bot.clock.now()
        answer = await it.click(action_ids.SNOOZE, {"card": card, "do": choice}, BOB, ALERTS)
        assert "You snoozed" in answer
        acknowledged = episode_of(it).acknowledged
        assert acknowledged is not None
        assert acknowledged.snoozed
        assert acknowledged.until is not None
        assert timedelta() <= acknowledged.until - (now + length) < timedelta(seconds=30)
        assert it.bot.repository.record(ONE).next_at == acknowledged.until


async def test_a_snooze_until_morning_follows_the_time_zone_of_the_person(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        card = await failed_card(it)
        await it.click(action_ids.SNOOZE, {"card": card, "do": "morning"}, BOB, ALERTS)
        acknowledged = episode_of(it).acknowledged
        assert acknowledged is not None
        assert acknowledged.until is not None
        zone = await it.permissions.facts.zone(BOB)
        assert zone.key == "Europe/Berlin"
        assert acknowledged.until.astimezone(zone).strftime("%H:%M") == "09:00"


async def test_a_picked_time_counts_if_it_is_near_enough(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        card = await failed_card(it)
        assert "Until when" in await it.click(action_ids.SNOOZE, {"card": card, "do": "pick"}, BOB, ALERTS)
        assert episode_of(it).acknowledged is None
        now = it.bot.clock.now()
        for odd in (now - timedelta(minutes=1), now + timedelta(days=8)):
            answer = await it.click(action_ids.SNOOZE_UNTIL, {"card": card, "at": int(odd.timestamp())}, BOB, ALERTS)
            assert "Nothing was changed" in answer
        moment = int((now + timedelta(hours=5)).timestamp())
        assert "You snoozed" in await it.click(action_ids.SNOOZE_UNTIL, {"card": card, "at": moment}, BOB, ALERTS)
        acknowledged = episode_of(it).acknowledged
        assert acknowledged is not None
        assert acknowledged.until == datetime.fromtimestamp(moment, UTC)


async def test_a_takeover_moves_the_acknowledgement(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        card = await failed_card(it)
        facts = {"pipeline": ONE, "card": card}
        await it.click(action_ids.ACKNOWLEDGE, facts, BOB, ALERTS)
        assert "already acknowledged" in await it.click(action_ids.ACKNOWLEDGE, facts, CAROL, ALERTS)
        assert "You took over" in await it.click(action_ids.TAKE_OVER, facts, CAROL, ALERTS)
        episode = episode_of(it)
        assert episode.acknowledged is not None
        assert episode.acknowledged.by == CAROL
        assert episode.timeline[-1].instead_of != ""


@pytest.mark.parametrize(
    ("action", "facts"),
    [
        (action_ids.SNOOZE, HALF_HOUR),
        (action_ids.CARD_MENU, {"do": "promise"}),
        (action_ids.ACKNOWLEDGE, {"pipeline": ONE}),
        (None, {}),
    ],
)
async def test_only_a_takeover_takes_a_failure_from_the_person_who_has_it(
    fake_redis: redis.asyncio.Redis, action: str | None, facts: dict[str, object]
) -> None:
    async with office(fake_redis) as it:
        card = await failed_card(it)
        await it.click(action_ids.ACKNOWLEDGE, {"pipeline": ONE, "card": card}, CAROL, ALERTS)
        before = episode_of(it)
        if action:
            answer = await it.click(action, {"card": card, **facts}, BOB, ALERTS)
        else:
            answer = await it.type(f"snooze {ONE} 1h", BOB, ALERTS)
        assert "Carol already acknowledged orders-1" in answer
        assert "Nothing was changed. Take over on its card makes it yours" in answer
        assert episode_of(it) == before


async def test_a_person_hears_who_took_their_failure(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        card = await failed_card(it)
        direct = ChannelId(f"D{CAROL}")
        await it.click(action_ids.ACKNOWLEDGE, {"pipeline": ONE, "card": card}, CAROL, ALERTS)
        await it.click(action_ids.TAKE_OVER, {"card": card}, CAROL, ALERTS)
        assert await it.bot.store.owed(direct) == ()
        answer = await it.click(action_ids.TAKE_OVER, {"card": card}, BOB, ALERTS)
        assert "You took over orders-1 from carol" in answer
        bodies = [row.body for row in await it.bot.store.owed(direct)]
        (notice,) = [body for body in bodies if isinstance(body, Notice)]
        assert (notice.kind, notice.by, notice.by_name) == (NoticeKind.TAKEN_OVER, BOB, "bob")
        assert [failure.pipeline.id for failure in notice.failures] == [ONE]


async def test_a_resolve_ends_the_paging_and_a_late_acknowledgement_changes_nothing(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with office(fake_redis) as it:
        card = await failed_card(it)
        question = await it.click(action_ids.CARD_MENU, {"card": card, "do": "resolve"}, BOB, ALERTS)
        assert "End the paging for orders-1, open since" in question
        assert "Acknowledged by" not in question
        await it.click(action_ids.ACKNOWLEDGE, {"pipeline": ONE, "card": card}, CAROL, ALERTS)
        question = await it.click(action_ids.CARD_MENU, {"card": card, "do": "resolve"}, BOB, ALERTS)
        assert "Acknowledged by carol." in question
        assert episode_of(it).resolved is None
        answer = await it.click(action_ids.RESOLVE, {"card": card}, BOB, ALERTS)
        assert "You ended the paging" in answer
        assert it.bot.repository.record(ONE).next_at is None
        late = await it.click(action_ids.ACKNOWLEDGE, {"pipeline": ONE, "card": card}, ANN, ALERTS)
        assert "ended the paging" in late
        acknowledged = episode_of(it).acknowledged
        assert acknowledged
        assert acknowledged.by == CAROL


async def test_the_menu_promises_mutes_refreshes_and_unwatches(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        card = await failed_card(it)
        promised = await it.click(action_ids.CARD_MENU, {"card": card, "do": "promise"}, BOB, ALERTS)
        assert "I page again" in promised
        assert "For how long" in await it.click(action_ids.CARD_MENU, {"card": card, "do": "mute"}, BOB, ALERTS)
        assert "orders" in await it.click(action_ids.CARD_MENU, {"card": card, "do": "refresh"}, BOB, ALERTS)
        assert "no longer watches" in await it.click(action_ids.CARD_MENU, {"card": card, "do": "unwatch"}, ANN, ALERTS)


@pytest.mark.parametrize("action", [action_ids.SNOOZE, action_ids.TAKE_OVER, action_ids.RESOLVE])
@pytest.mark.parametrize("facts", [{}, {"do": "30m"}, {"do": "resolve"}, {"do": 7}])
async def test_a_forged_or_foreign_click_changes_nothing(
    fake_redis: redis.asyncio.Redis, action: str, facts: dict[str, object]
) -> None:
    async with office(fake_redis) as it:
        card = await failed_card(it)
        before = episode_of(it)
        answer = await it.click(action, {"card": card, **facts}, UserId("U0CAROL"), QUIET)
        assert answer.startswith(NOT_HERE) or "Nothing was changed" in answer
        assert episode_of(it) == before
