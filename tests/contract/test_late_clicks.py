"""A button outlives what its reader may do: who left the channel, or became a guest, changes and learns nothing."""

from dataclasses import replace

import pytest
import redis.asyncio

from bot.domain.watch import UserId
from bot.slack.permissions import Asker
from bot.slack.render import action_ids
from sandbox.slack.directory import PARTNER_TEAM_ID
from tests.contract.office import ALERTS, ANN, BOB, CAROL, OPS, Office, office
from tests.service.test_poller import ONE

ASKED = ["watch nosuch-*", "unwatch all", "unwatch pipe_0001", "watch pipe_0001 page @bob", "unwatch pipe_0001 in {}"]


async def a_watch_in_ops(it: Office) -> None:
    it.sandbox.slack.invite_bot(OPS)
    assert "now watches orders-1" in await it.type("watch pipe_0001 page @bob", ANN, OPS)


@pytest.mark.parametrize("command", ASKED)
@pytest.mark.parametrize("user", [ANN, CAROL])
async def test_a_confirmation_counts_from_people_in_the_channel(
    fake_redis: redis.asyncio.Redis, command: str, user: UserId
) -> None:
    """Ann left after she was asked; Carol never was there."""
    async with office(fake_redis) as it:
        await a_watch_in_ops(it)
        before = await it.watches(OPS)
        it.sandbox.slack.leave(OPS, ANN)
        answer = await it.click(action_ids.CONFIRM, {"asked": command.format("<#G0OPS>")}, user, OPS)
        assert answer.startswith("Only people in this channel can change my settings. Nothing was changed.")
        assert await it.watches(OPS) == before


@pytest.mark.parametrize("command", ["watch nosuch-*", "unwatch pipe_0001"])
async def test_a_new_guest_can_neither_confirm_nor_undo(fake_redis: redis.asyncio.Redis, command: str) -> None:
    async with office(fake_redis) as it:
        await a_watch_in_ops(it)
        undo = await undo_in(it)
        before = await it.watches(OPS)
        users = it.sandbox.slack.directory.users
        users[ANN] = replace(users[ANN], is_restricted=True)
        for action, value in ((action_ids.CONFIRM, {"asked": command}), (action_ids.UNDO, {"undo": undo})):
            assert "Only full members" in await it.click(action, value, ANN, OPS)
        assert await it.watches(OPS) == before


async def undo_in(it: Office) -> str:
    found = [getattr(row.body, "undo", "") for row in await it.bot.store.owed(OPS)]
    return next(text for text in found if text)


async def test_undo_works_once_in_its_channel_for_its_people(fake_redis: redis.asyncio.Redis) -> None:
    async with office(fake_redis) as it:
        await a_watch_in_ops(it)
        undo = await undo_in(it)
        assert "nothing to undo" in await it.click(action_ids.UNDO, {"undo": undo}, ANN, ALERTS)
        assert "Only people in this channel" in await it.click(action_ids.UNDO, {"undo": undo}, CAROL, OPS)
        it.sandbox.slack.leave(OPS, ANN)
        assert "Only people in this channel" in await it.click(action_ids.UNDO, {"undo": undo}, ANN, OPS)
        assert len(await it.watches(OPS)) == 1
        assert "Undone" in await it.click(action_ids.UNDO, {"undo": undo}, BOB, OPS)
        assert "nothing to undo" in await it.click(action_ids.UNDO, {"undo": undo}, BOB, OPS)


@pytest.mark.parametrize(
    "command", ["watches", 'note pipe_0001 "x"', "runbook pipe_0001 none", "status", "help", "", "x"]
)
async def test_a_confirmation_runs_only_commands_that_ask_for_one(
    fake_redis: redis.asyncio.Redis, command: str
) -> None:
    async with office(fake_redis) as it:
        await a_watch_in_ops(it)
        answer = await it.click(action_ids.CONFIRM, {"asked": command}, ANN, OPS)
        assert answer.startswith("This question is too old. Nothing was changed.")


@pytest.mark.parametrize("command", ["", "status", "status failed", "status running"])
@pytest.mark.parametrize("action", [action_ids.NEXT, action_ids.PREVIOUS, action_ids.SHARE])
async def test_only_members_page_through_and_share_a_channels_watches(
    fake_redis: redis.asyncio.Redis, action: str, command: str
) -> None:
    async with office(fake_redis) as it:
        await a_watch_in_ops(it)
        it.sandbox.slack.leave(OPS, ANN)
        answer = await it.click(action, {"asked": command, "page": 1}, ANN, OPS)
        assert answer.startswith("Only people in this channel can see what it watches.")
        assert "orders-1" in await it.click(action, {"asked": "status pipe_0001", "page": 1}, BOB, OPS)


async def test_a_command_from_another_workspace_changes_nothing(fake_redis: redis.asyncio.Redis) -> None:
    """Whoever it says it is: the payload's own workspace settles it, as with a click."""
    async with office(fake_redis) as it:
        text = await it.answered(
            it.router.typed("watch pipe_0001", Asker(user=ANN, channel=ALERTS, team=PARTNER_TEAM_ID))
        )
        assert "Only full members" in text
        assert await it.watches(ALERTS) == []


async def test_a_click_in_ones_own_conversation_with_the_bot_needs_no_membership(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with office(fake_redis) as it:
        channel, _ = it.sandbox.slack.directory.open_im(ANN)
        direct = type(ALERTS)(channel.id)
        assert "You now watch" in await it.click(action_ids.CONFIRM, {"asked": "watch nosuch-*"}, ANN, direct)
        assert "no longer watch" in await it.click(action_ids.CONFIRM, {"asked": "unwatch nosuch-*"}, ANN, direct)
        assert it.call_count("conversations.members") == 0
        assert "don't watch" in await it.click(action_ids.UNWATCH, {"pipeline": ONE}, ANN, direct)
