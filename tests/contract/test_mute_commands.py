"""Mutes from Slack: who may make them, what is asked, and what the buttons do."""

from datetime import timedelta

import pytest
import redis.asyncio

from bot.domain.catalogue import Pipeline
from bot.domain.notice import Notice
from bot.slack.render import action_ids
from bot.slack.render.silence_words import replaced_lines
from tests.contract.office import ALERTS, ANN, BOB, CAROL, GUEST, QUIET, Office, office
from tests.service.test_poller import FAILED, ONE


def plain(answer: str) -> str:
    """Without the marks of code and the signs that keep Slack from finding emoji."""
    return answer.replace("`", "").replace("\u2060", "")


def muted(desk: Office) -> list[str]:
    return sorted(silence.label for silence in desk.bot.repository.watches.silences.in_channel(ALERTS))


async def test_without_a_time_the_answer_asks_and_a_button_mutes(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as desk:
        await desk.type("watch orders-*")
        assert "For how long should I mute orders-1 here?" in await desk.type("mute orders-1 because we deploy")
        assert muted(desk) == []
        button = {"asked": f"mute {ONE} for 1h because we deploy", "at": "now"}
        answer = await desk.click(action_ids.MUTE_1H, button)
        assert "Muted in this channel:" in answer
        assert "we deploy" in answer
        (silence,) = desk.bot.repository.watches.silences.in_channel(ALERTS)
        assert silence.end_at(desk.bot.clock.now()) == desk.bot.clock.now() + timedelta(hours=1)
        assert "muted by" in await desk.type("status orders-1 orders-2")
        assert "unmute orders-1" in await desk.type("watches")
        assert "No longer muted:" in await desk.type("unmute orders-1")
        assert muted(desk) == []


async def test_the_button_of_a_card_asks_for_how_long(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as desk:
        await desk.type("watch orders-*")
        assert "For how long should I mute orders-1 here?" in await desk.click(action_ids.MUTE, {"pipeline": ONE})


@pytest.mark.parametrize("command", ["mute orders-1 for 1h", "maintenance orders-1 daily 01:00-02:00", "quiet 1am-2am"])
async def test_only_full_members_in_the_channel_may(fake_redis: redis.asyncio.Redis, command: str) -> None:
    async with office(fake_redis) as desk:
        await desk.type("watch orders-*")
        assert "Only full members" in await desk.type(command, user=GUEST)
        assert muted(desk) == []
        assert "Nothing was changed" not in await desk.type(command, user=BOB)
        assert len(muted(desk)) == 1


async def test_a_replayed_button_mutes_nothing_for_someone_outside(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as desk:
        await desk.type("watch orders-*", user=BOB, channel=QUIET)
        button = {"asked": f"mute {ONE} for 1h", "at": "now"}
        for user in (GUEST, CAROL):
            answer = await desk.click(action_ids.MUTE_1H, button, user=user, channel=QUIET)
            assert "Only" in answer
        assert desk.bot.repository.watches.silences.in_channel(QUIET) == ()


async def test_a_channel_that_does_not_watch_has_nothing_to_mute(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as desk:
        assert "Nothing was changed" in await desk.type("mute orders-1 for 1h")
        assert "nothing to end" in await desk.type("unmute all", user=ANN)
        assert "isn't muted here" in await desk.type("unmute orders-1")
        assert "has no maintenance window here" in await desk.type("maintenance orders-1 none")
        assert "no quiet hours" in await desk.type("quiet")
        assert "Nothing is muted here" in await desk.type("mute")


@pytest.mark.parametrize(
    ("command", "silent"),
    [
        ("mute orders-* for 1h", True),
        ("maintenance orders-* 2026-11-23 05:00-13:00", True),
        ("maintenance orders-* sat 22:00-02:00 weekly", False),
        ("maintenance orders-* 2026-11-24 11:00-13:00", False),
    ],
)
async def test_only_a_silence_that_has_begun_mutes_what_is_failed_now(
    fake_redis: redis.asyncio.Redis, command: str, silent: bool
) -> None:
    async with office(fake_redis) as desk:
        await desk.type("watch orders-*")
        one, two = list(desk.bot.repository.listed)[:2]
        desk.bot.api.statuses |= dict.fromkeys((one, two), FAILED)
        await desk.bot.poll(60)
        renamed = [Pipeline(id=one, name="orders-b"), Pipeline(id=two, name="orders-a")]
        await desk.bot.repository.save_page(renamed)
        answer = await desk.type(command)
        assert "orders-*" in answer
        assert ("Failed now, and muted with it: orders-a, orders-b" in answer) is silent
        assert ("muted with it" in answer) is silent


@pytest.mark.parametrize(
    ("first", "second", "before"),
    [
        ("quiet 8pm to 8am", "quiet 9pm to 7am", "Before: 20:00-08:00 in"),
        ("mute orders-1 for 1h", "mute orders-1 for 2h", "Before: orders-1 until <!date^1795438800^"),
        ("quiet 8pm to 8am", "quiet 8pm to 8am", ""),
        ("mute orders-1 for 1h", "mute orders-2 for 1h", ""),
    ],
)
async def test_a_silence_in_place_of_another_names_the_earlier_one(
    fake_redis: redis.asyncio.Redis, first: str, second: str, before: str
) -> None:
    async with office(fake_redis) as desk:
        await desk.type("watch orders-*")
        assert "Before:" not in await desk.type(first)
        await desk.bot.clock.pass_time(1)
        answer = plain(await desk.type(second))
        assert before in answer
        assert ("Before:" in answer) == bool(before)
        notices = [row.body for row in await desk.bot.store.owed(ALERTS) if isinstance(row.body, Notice)]
        latest = max(notices, key=lambda notice: notice.at)
        assert bool(replaced_lines(latest.replaced, latest.silences)) == bool(before)


async def test_a_second_window_names_the_first_one_which_stays(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as desk:
        await desk.type("watch orders-*")
        await desk.type("maintenance orders-* sat 22:00-02:00 weekly")
        await desk.type("maintenance orders-1 fri 22:00-02:00 weekly")
        answer = plain(await desk.type("maintenance orders-* sun 20:00-22:00 weekly"))
        assert answer.count("This window stays too: ") == 1
        assert "This window stays too: orders-* weekly sat 22:00-02:00 in" in answer


async def test_a_wider_mute_is_named(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as desk:
        await desk.type("watch orders-*")
        await desk.type("mute orders-* for 1h")
        answer = await desk.type("unmute orders-1")
        assert "isn't muted here by itself" in answer
        assert "unmute orders-*" in answer
        assert muted(desk) == ["orders-*"]
