"""Buttons that change watches, from Slack into Redis: each acts once, and only for who may (issue 8, B3 and H6)."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import redis.asyncio

from bot.domain.notice import Notice
from bot.domain.permission import Broadcast
from bot.domain.watch import ChannelId, UserId
from bot.slack.inbound.clicks import read_click
from bot.slack.inbound.inbox import Inbox
from bot.slack.outbound.modals import Modals
from bot.slack.render import action_ids
from bot.slack.render.blocks import Block
from bot.slack.render.notices import render_notice
from bot.slack.router import CLICK, COMMAND
from bot.store.codec import WATCH
from sandbox.slack import markup
from sandbox.slack.directory import PARTNER_TEAM_ID, TEAM_ID
from tests.contract.office import (
    ALERTS,
    ANN,
    BOB,
    CAROL,
    GUEST,
    LOOK,
    OPS,
    PARTNER,
    QUIET,
    SHARED,
    Office,
    office,
    router_for,
)
from tests.contract.test_inbox import hearing
from tests.service.test_poller import pipelines, running

GONE = "There's nothing to undo: it was already undone, or it's older than 1 h."
SINCE = "Someone changed these watches since, so I can't undo this. Nothing was changed."
OUTSIDER = "Only people in this channel can change my settings. Nothing was changed."
NOT_FULL = "Only full members of this workspace can change my settings. Nothing was changed."


async def _acknowledged() -> None:
    """Slack hears at once that a click arrived."""


@dataclass
class Room:
    """One bot's office with its inbox. `replies`: what Slack was given as answers."""

    office: Office
    inbox: Inbox
    url: str
    replies: list[dict[str, object]] = field(default_factory=list)
    clicks: int = 0

    async def type(self, text: str, user: UserId = ANN, channel: ChannelId = ALERTS) -> str:
        self.office.bot.clock.seconds += 1  # two changes of one watch at the same time would be one announcement
        raw = markup.for_command(text, self.office.sandbox.slack.directory, user)
        facts = {"text": raw, "channel": channel, "user": user, "response_url": self.url}
        self.clicks += 1
        await self.inbox.handle(_acknowledged, COMMAND, str(self.clicks), facts)  # type: ignore[arg-type]
        return str(self.replies[-1]["text"])

    async def button(self, action: str, channel: ChannelId = ALERTS) -> str:
        """The value of a button: in the last announcement for *Undo*, otherwise in the last answer."""
        blocks = await self.announced(channel) if action == action_ids.UNDO else self.replies[-1]["blocks"]
        return _values(blocks, action)[-1]

    def direct(self, user: UserId = ANN) -> ChannelId:
        """Opens the person's direct messages with the bot."""
        opened, _ = self.office.sandbox.slack.directory.open_im(user)
        return ChannelId(opened.id)

    async def announced(self, channel: ChannelId = ALERTS) -> list[Block]:
        """The blocks of the channel's last announcement of a change."""
        *_, last = [
            delivery for delivery in await self.office.bot.store.owed(channel) if isinstance(delivery.body, Notice)
        ]
        assert isinstance(last.body, Notice)
        return list(render_notice(last.body, last, LOOK.render_context).blocks)

    async def click(
        self,
        action: str,
        value: str,
        user: UserId = ANN,
        channel: ChannelId = ALERTS,
        team: str = TEAM_ID,
        *,
        at: str = "",
        shown: Sequence[Block] | None = None,
    ) -> str:
        """Empty where nothing was answered. `at`: when it was clicked; the same once more is Slack's repetition.

        `shown`: the blocks of the message with the button, which Slack sends unless the message is ephemeral.
        """
        self.clicks += 1
        body: dict[str, object] = {
            "actions": [{"action_id": action, "value": value, "action_ts": at or f"{self.clicks}.0"}],
            "user": {"id": user, "team_id": team, "name": user.lower()},
            "channel": {"id": channel},
            "container": {"channel_id": channel, "message_ts": "1.0", "is_ephemeral": shown is None},
            "response_url": self.url,
            **({} if shown is None else {"message": {"ts": "1.0", "blocks": list(shown)}}),
        }
        before = len(self.replies)
        await self.inbox.handle(_acknowledged, CLICK, *read_click(body))  # type: ignore[arg-type]
        return str(self.replies[-1]["text"]) if len(self.replies) > before else ""

    async def watches(self, channel: ChannelId = ALERTS) -> list[str]:
        """To the last byte: also who made each, when, and what it was called."""
        return sorted(WATCH.encode(watch) for watch in await self.office.watches(channel))

    async def changes(self) -> int:
        return await self.office.bot.store.watches_version()


def _values(blocks: object, action: str) -> list[str]:
    assert isinstance(blocks, list)
    elements = [element for block in blocks for element in block.get("elements", ())]
    return [element["value"] for element in elements if element.get("action_id") == action]


@asynccontextmanager
async def room(fake_redis: redis.asyncio.Redis) -> AsyncIterator[Room]:
    meanwhile: list[Callable[[], Awaitable[None]]] = []
    async with hearing(meanwhile) as (url, replies), office(fake_redis) as it:
        yield Room(it, _inbox(it), url, replies)


def _inbox(it: Office) -> Inbox:
    bot = it.bot
    return Inbox(
        store=bot.store,
        router=it.router,
        clock=bot.clock,
        catch_up=bot.repository.catch_up,
    )


# --- confirm ---------------------------------------------------------------------------------------------------------


async def test_a_confirmation_acts_once_under_repeated_clicks(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with room(fake_redis) as it:
        assert "No pipeline matches `nosuch-*` yet. Nothing was changed." in await it.type("watch nosuch-* page @bob")
        assert await it.watches() == []
        value = await it.button(action_ids.CONFIRM)
        assert "now watches `nosuch-*`" in await it.click(action_ids.CONFIRM, value, at="9.0")
        changes, watches = await it.changes(), await it.watches()
        assert await it.click(action_ids.CONFIRM, value, at="9.0") == ""  # Slack's repetition
        assert await it.click(action_ids.CONFIRM, value, at="9.9") == ""  # a second click
        assert (await it.changes(), await it.watches()) == (changes, watches)
        assert len(watches) == 1
        assert "bob" in watches[0]


async def test_a_confirmed_unwatch_ends_the_listed_watches_once(fake_redis: redis.asyncio.Redis) -> None:
    async with room(fake_redis) as it:
        await it.type("watch orders-2 orders-1 page @bob")
        assert "Nothing was changed. It matches 2 watches" in await it.type("unwatch orders-*")
        value = await it.button(action_ids.CONFIRM)
        assert "no longer watches" in await it.click(action_ids.CONFIRM, value)
        assert await it.watches() == []
        await it.type("watch orders-1")
        assert await it.click(action_ids.CONFIRM, value) == ""
        assert len(await it.watches()) == 1


REFUSED = [
    (CAROL, QUIET, TEAM_ID, OUTSIDER),
    (GUEST, SHARED, TEAM_ID, NOT_FULL),
    (PARTNER, SHARED, PARTNER_TEAM_ID, NOT_FULL),
    (UserId("U0STRANGER"), SHARED, "T0ELSEWHERE", NOT_FULL),
    (UserId("U0DEE"), ALERTS, TEAM_ID, NOT_FULL),
]


@pytest.mark.parametrize(("user", "channel", "team", "why"), REFUSED)
async def test_confirm_needs_the_permission_of_its_command(
    fake_redis: redis.asyncio.Redis, user: UserId, channel: ChannelId, team: str, why: str
) -> None:
    async with room(fake_redis) as it:
        it.office.sandbox.slack.invite_bot(channel)
        await it.type("watch nosuch-* page @bob", channel=channel)
        changes = await it.changes()
        assert why in await it.click(action_ids.CONFIRM, await it.button(action_ids.CONFIRM), user, channel, team)
        assert (await it.changes(), await it.watches(channel)) == (changes, [])


@pytest.mark.parametrize(("user", "channel", "team", "why"), REFUSED)
async def test_undo_needs_the_permission_of_its_command(
    fake_redis: redis.asyncio.Redis, user: UserId, channel: ChannelId, team: str, why: str
) -> None:
    async with room(fake_redis) as it:
        it.office.sandbox.slack.invite_bot(channel)
        await it.type("watch orders-1 page @bob", channel=channel)
        before, changes = await it.watches(channel), await it.changes()
        value = await it.button(action_ids.UNDO, channel)
        assert why in await it.click(action_ids.UNDO, value, user, channel, team)
        assert (await it.changes(), await it.watches(channel)) == (changes, before)
        assert "Undone" in await it.click(action_ids.UNDO, value, channel=channel)


@pytest.mark.parametrize("action", [action_ids.CONFIRM, action_ids.UNDO])
async def test_a_former_member_changes_nothing(fake_redis: redis.asyncio.Redis, action: str) -> None:
    async with room(fake_redis) as it:
        await it.type("watch orders-1")
        if action == action_ids.CONFIRM:
            await it.type("unwatch orders-*")
        before, value = await it.watches(), await it.button(action)
        it.office.sandbox.slack.leave(ALERTS, ANN)
        assert OUTSIDER in await it.click(action, value)
        assert await it.watches() == before


@pytest.mark.parametrize("elsewhere", [OPS, QUIET, ChannelId("D0ANN")])
async def test_undo_works_only_in_the_channel_of_the_change(
    fake_redis: redis.asyncio.Redis, elsewhere: ChannelId
) -> None:
    async with room(fake_redis) as it:
        it.office.sandbox.slack.invite_bot(OPS)
        it.office.sandbox.slack.invite_bot(QUIET)
        await it.type("watch orders-1 page @bob")
        before, value = await it.watches(), await it.button(action_ids.UNDO)
        assert GONE in await it.click(action_ids.UNDO, value, channel=elsewhere)
        assert await it.watches() == before


async def test_a_confirmation_for_another_channel_checks_permission_again(fake_redis: redis.asyncio.Redis) -> None:
    async with room(fake_redis) as it:
        it.office.sandbox.slack.invite_bot(OPS)
        await it.type("watch orders-1", channel=OPS)
        value = json.dumps({"asked": f"unwatch pipe_0001 in <#{OPS}>", "at": "now"})
        assert "I can't find a channel" in await it.click(action_ids.CONFIRM, value, CAROL)
        assert len(await it.watches(OPS)) == 1


# --- undo ------------------------------------------------------------------------------------------------------------


async def test_an_undo_acts_once_under_repeated_clicks(fake_redis: redis.asyncio.Redis) -> None:
    async with room(fake_redis) as it:
        await it.type("watch orders-1 page @bob")
        value = await it.button(action_ids.UNDO)
        assert "Undone" in await it.click(action_ids.UNDO, value, BOB, at="9.0")
        assert await it.watches() == []
        changes = await it.changes()
        assert await it.click(action_ids.UNDO, value, BOB, at="9.0") == ""
        assert GONE in await it.click(action_ids.UNDO, value)
        assert await it.changes() == changes


async def test_undo_of_unwatch_all_restores_every_watch_to_the_last_byte(fake_redis: redis.asyncio.Redis) -> None:
    async with room(fake_redis) as it:
        await it.type("watch orders-1 on failed,recovered page @bob @data-oncall here")
        await it.type("watch orders-* on paused", BOB)
        await it.type("watch orders-2 page channel", CAROL)
        before = await it.watches()
        assert len(before) == 3
        it.office.bot.clock.seconds += 60
        await it.type("unwatch all", CAROL)
        assert await it.watches() == []
        assert "Undone" in await it.click(action_ids.UNDO, await it.button(action_ids.UNDO), BOB)
        assert await it.watches() == before


async def test_undo_restores_events_targets_and_maker(fake_redis: redis.asyncio.Redis) -> None:
    async with room(fake_redis) as it:
        await it.type("watch orders-1 on failed page @bob")
        before = await it.watches()
        await it.type("watch orders-1 on all page none", CAROL)
        assert await it.watches() != before
        await it.click(action_ids.UNDO, await it.button(action_ids.UNDO))
        assert await it.watches() == before


@pytest.mark.parametrize("text", ["watch orders-1 page @carol", "unwatch orders-1", "unwatch all"])
async def test_undo_refuses_after_a_later_change(fake_redis: redis.asyncio.Redis, text: str) -> None:
    async with room(fake_redis) as it:
        await it.type("watch orders-1 page @bob")
        value = await it.button(action_ids.UNDO)
        await it.type(text, BOB)
        before = await it.watches()
        assert SINCE in await it.click(action_ids.UNDO, value)
        assert await it.watches() == before


async def test_undo_works_after_a_change_of_other_watches(fake_redis: redis.asyncio.Redis) -> None:
    async with room(fake_redis) as it:
        await it.type("watch orders-1")
        value = await it.button(action_ids.UNDO)
        await it.type("watch orders-2", BOB)
        assert "Undone" in await it.click(action_ids.UNDO, value)
        assert len(await it.watches()) == 1


async def test_an_undo_is_kept_for_an_hour_and_says_so_when_it_is_gone(fake_redis: redis.asyncio.Redis) -> None:
    async with room(fake_redis) as it:
        await it.type("watch orders-1")
        value = await it.button(action_ids.UNDO)
        (key,) = [name async for name in fake_redis.scan_iter("*:undo:*") if not name.endswith(b":")]
        assert 3500 < await fake_redis.ttl(key) <= 3600
        await fake_redis.delete(key)
        before = await it.watches()
        assert GONE in await it.click(action_ids.UNDO, value)
        assert await it.watches() == before


async def test_undo_works_after_a_restart(fake_redis: redis.asyncio.Redis) -> None:
    async with room(fake_redis) as it:
        await it.type("watch orders-1 page @bob")
        value = await it.button(action_ids.UNDO)
        old = it.office
        async with running(fake_redis, *pipelines(2), clock=old.bot.clock) as bot:
            router = router_for(bot, old.directory, old.permissions, Modals(old.slack), Broadcast.MEMBERS)
            new = Office(old.sandbox, old.slack, bot, old.directory, old.permissions, router)
            later = Room(new, _inbox(new), it.url, it.replies, clicks=50)
            assert "Undone" in await later.click(action_ids.UNDO, value)
            assert await later.watches() == []


async def test_a_used_undo_takes_its_button_off_the_announcement(fake_redis: redis.asyncio.Redis) -> None:
    async with room(fake_redis) as it:
        await it.type("watch orders-1 page @bob")
        shown, value = await it.announced(), await it.button(action_ids.UNDO)
        assert "Undone by bob" in await it.click(action_ids.UNDO, value, BOB, shown=shown)
        assert await it.watches() == []
        assert it.replies[-1]["replace_original"] is True
        assert _values(it.replies[-1]["blocks"], action_ids.UNDO) == []
        assert "Undo works for" not in str(it.replies[-1])
        assert "added a watch" in str(it.replies[-1]["text"])
        assert "orders-1" in str(it.replies[-1]["text"])


@pytest.mark.parametrize(("text", "why"), [("watch orders-1 page @carol", SINCE), ("", GONE)])
async def test_an_undo_that_is_impossible_takes_its_button_off_the_announcement(
    fake_redis: redis.asyncio.Redis, text: str, why: str
) -> None:
    async with room(fake_redis) as it:
        await it.type("watch orders-1 page @bob")
        shown, value = await it.announced(), await it.button(action_ids.UNDO)
        if text:
            await it.type(text)
        else:
            await it.click(action_ids.UNDO, value, shown=shown)
        before = await it.watches()
        answer = await it.click(action_ids.UNDO, value, BOB, shown=shown)
        assert "added a watch" in answer
        assert why in answer
        assert it.replies[-1]["replace_original"] is True
        assert _values(it.replies[-1]["blocks"], action_ids.UNDO) == []
        assert await it.watches() == before


async def test_a_refused_undo_leaves_the_announcement_as_it_is(fake_redis: redis.asyncio.Redis) -> None:
    async with room(fake_redis) as it:
        await it.type("watch orders-1")
        shown, value = await it.announced(), await it.button(action_ids.UNDO)
        assert NOT_FULL in await it.click(action_ids.UNDO, value, UserId("U0DEE"), shown=shown)
        assert it.replies[-1]["replace_original"] is False


async def test_a_change_has_one_undo_button(fake_redis: redis.asyncio.Redis) -> None:
    """In a channel, the announcement has it. In a direct message, the answer has it: nothing is announced there."""
    async with room(fake_redis) as it:
        direct = it.direct()
        for text in ("watch orders-1", "unwatch orders-1"):
            await it.type(text)
            assert _values(it.replies[-1]["blocks"], action_ids.UNDO) == []
            assert _values(await it.announced(), action_ids.UNDO) != []
            await it.type(text, channel=direct)
            assert len(_values(it.replies[-1]["blocks"], action_ids.UNDO)) == 1


async def test_undo_in_a_direct_message_names_the_restored_watches(fake_redis: redis.asyncio.Redis) -> None:
    async with room(fake_redis) as it:
        direct = it.direct()
        await it.type("watch orders-1", channel=direct)
        shown = it.replies[-1]["blocks"]
        assert isinstance(shown, list)
        (value,) = _values(shown, action_ids.UNDO)
        answer = await it.click(action_ids.UNDO, value, channel=direct, shown=shown)
        assert "You now watch" in answer
        assert "No longer watched: orders-1" in answer
        assert _values(it.replies[-1]["blocks"], action_ids.UNDO) == []
