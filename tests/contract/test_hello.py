"""Invited to a channel, the bot says hello there once, with the next step."""

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from bot.domain.delivery import in_slack
from bot.domain.notice import Notice, NoticeKind
from bot.domain.watch import ChannelId
from bot.store.channels import HELLO_SECONDS
from tests.builders import TEAM, at
from tests.contract.test_channel_monitor import BOT, ROOM, Yard, yard
from tests.unit.rendering import shown, tells_all, valid

__all__ = ["yard"]  # the fixture

ALERTS = ChannelId("C0ALERTS")


def joined(channel: ChannelId = ALERTS, *, user: str = BOT, inviter: str = "U0ANN") -> dict[str, str]:
    event = {"type": "member_joined_channel", "user": user, "channel": channel, "team": TEAM}
    return event | ({"inviter": inviter} if inviter else {})


async def hellos(yard: Yard, channel: ChannelId = ALERTS) -> int:
    rows = await yard.store.owed(channel)
    return sum(isinstance(row.body, Notice) and row.body.kind is NoticeKind.HELLO for row in rows)


async def test_a_repeated_invitation_gets_one_greeting(yard: Yard) -> None:
    for _ in range(3):
        await yard.channel_monitor.check_event(joined())
    assert await hellos(yard) == 1


async def test_invited_again_within_a_month_it_says_nothing(yard: Yard, fake_redis: redis.asyncio.Redis) -> None:
    await yard.channel_monitor.check_event(joined())
    await yard.channel_monitor.check_event({"type": "channel_left", "channel": ALERTS})
    await yard.channel_monitor.check_event(joined(inviter="U0BOB"))
    assert await hellos(yard) == 1
    assert await fake_redis.ttl(yard.store._keys.hello(in_slack(TEAM, ALERTS))) in range(
        HELLO_SECONDS - 60, HELLO_SECONDS + 1
    )


@pytest.mark.parametrize(
    "event",
    [
        joined(inviter=""),  # it joined by itself, since somebody made a watch there
        joined(user="U0BOB"),
        joined(ROOM),  # which watches something already
        {"type": "member_left_channel", "user": BOT, "channel": ALERTS},
    ],
)
async def test_otherwise_it_says_nothing(yard: Yard, event: dict[str, str]) -> None:
    await yard.channel_monitor.check_event(event)
    assert await hellos(yard) == 0
    assert await hellos(yard, ROOM) == 0


def test_the_greeting_shows_the_next_command() -> None:
    text = tells_all(valid(shown(Notice(kind=NoticeKind.HELLO, at=at(0))))).text
    assert "`/pipeline list`" in text
    assert "`/pipeline watch NAME page me`" in text


async def test_when_the_app_is_uninstalled_the_log_says_how_to_delete_its_data(yard: Yard) -> None:
    with capture_logs() as logs:
        await yard.channel_monitor.check_event({"type": "app_uninstalled"})
    (record,) = [entry for entry in logs if entry["event"] == "app_uninstalled"]
    assert f"pipeline-bot forget {TEAM}" in record["fix"]
