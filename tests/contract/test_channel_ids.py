"""Slack gives a channel another id, and refuses the old one. Every call and every answer still finds the channel."""

from dataclasses import replace
from datetime import UTC, datetime

import redis.asyncio

from bot.domain.alias import NO_ALIASES, Aliases, IdChange
from bot.domain.delivery import Absent, Delivery, Found, Lookup, Posted, RefusalKind, Refused, Unreadable
from bot.domain.permission import Membership
from bot.domain.watch import ChannelId
from bot.slack.outbound.calls import call, web_client
from bot.slack.outbound.channel_ids import ChannelIds
from bot.slack.outbound.chat import SlackChat
from bot.slack.outbound.directory import Admission
from bot.slack.render import action_ids
from sandbox.slack.directory import BOT_USER
from sandbox.slack.messages import Message
from tests.builders import a_card, a_delivery
from tests.contract.office import ALERTS, ANN, BOB, CAROL, LOOK, OPS, QUIET, Office, office
from tests.contract.test_card_buttons import acknowledged, failing
from tests.contract.test_messages import Talk, talking


def changes_id(it: Office, channel: ChannelId = ALERTS) -> IdChange:
    """Slack knows the new id; the bot does not know it yet."""
    before = set(it.sandbox.slack.directory.channels)
    it.sandbox.slack.change_id(channel)
    (new,) = set(it.sandbox.slack.directory.channels) - before
    return IdChange(channel, ChannelId(new), "1.0")


async def moves(it: Office, channel: ChannelId = ALERTS) -> ChannelId:
    change = changes_id(it, channel)
    assert await it.bot.store.change_ids([change])
    return change.new


async def asks(talk: Talk, text: str, channel: ChannelId) -> str:
    slack = talk.office.sandbox.slack
    before = len(slack.ephemerals(channel, ANN))
    assert (await slack.run_command(ANN, channel, "/pipeline", text)).ok
    await talk.office.sandbox.until(lambda: len(slack.ephemerals(channel, ANN)) > before)
    return slack.ephemerals(channel, ANN)[-1].text


async def test_a_command_under_the_new_id_is_about_the_same_channel(fake_redis: redis.asyncio.Redis) -> None:
    async with talking(fake_redis) as talk:
        assert "now watches" in await asks(talk, "watch pipe_0001", ALERTS)
        new = await moves(talk.office)
        assert "orders-1" in await asks(talk, "watches", new)
        assert "now watches" in await asks(talk, "watch pipe_0002", new)
        watches = await talk.office.bot.store.watches()
        assert {watch.channel for watch in watches.all} == {ALERTS}
        assert "no longer watches" in await asks(talk, "unwatch all", new)


async def test_a_channel_in_a_command_is_the_same_one_by_its_new_id_or_by_its_name(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with talking(fake_redis) as talk:
        talk.office.sandbox.slack.invite_bot(QUIET)
        new = await moves(talk.office)
        picked = await asks(talk, "watch pipe_0001 in #data-alerts", QUIET)
        assert f"<#{new}>" in picked
        assert ALERTS not in picked
        by_name = await talk.office.directory.channels("data-alerts")
        assert by_name.ids == (ALERTS,)
        assert [watch.channel for watch in (await talk.office.bot.store.watches()).all] == [ALERTS]


async def test_a_mention_under_the_new_id_is_answered_there(fake_redis: redis.asyncio.Redis) -> None:
    async with talking(fake_redis) as talk:
        await asks(talk, "watch pipe_0001", ALERTS)
        new = await moves(talk.office)
        assert "orders-1" in (await talk.mention("watches", channel=new)).text


async def test_a_click_under_the_new_id_counts_on_a_card_from_before(fake_redis: redis.asyncio.Redis) -> None:
    async with talking(fake_redis) as talk:
        it = talk.office
        keys = await failing(it, ALERTS)
        card = (await it.bot.store.cards([keys[ALERTS]]))[keys[ALERTS]].content
        posted = await chat_of(it).post(row(it, keys[ALERTS]), card, parent_id=None, now=now(it))
        assert isinstance(posted, Posted)
        new = await moves(it)
        assert (await it.sandbox.slack.click(CAROL, new, posted.message_id, action_ids.ACKNOWLEDGE)).ok
        await it.sandbox.until(lambda: bool(it.sandbox.slack.ephemerals(new, CAROL)))
        assert await acknowledged(it) == ("carol", "#data-alerts")


async def test_a_message_is_posted_found_updated_and_deleted_under_the_new_id(fake_redis: redis.asyncio.Redis) -> None:
    async with talking(fake_redis) as talk:
        it, chat = talk.office, chat_of(talk.office)
        before, after = row(it, "before"), row(it, "after")
        first = await chat.post(before, a_card(), parent_id=None, now=now(it))
        new = await moves(it)
        second = await chat.post(after, a_card(), parent_id=None, now=now(it))
        assert isinstance(first, Posted)
        assert isinstance(second, Posted)
        assert [message.ts for message in roots(it, new)] == [first.message_id, second.message_id]
        for delivery, posted in ((before, first), (after, second)):
            (found,) = await chat.find([Lookup(receiver=delivery.receiver, key=delivery.id, oldest="0")])
            assert isinstance(found, Found)
            assert found.message_ids == (posted.message_id,)
            updated = await chat.update(delivery, a_card(), message_id=posted.message_id, now=now(it))
            assert isinstance(updated, Posted)
        reply = await chat.post(after, a_card(), parent_id=first.message_id, now=now(it))
        assert isinstance(reply, Posted)
        assert await chat.delete(after.receiver, second.message_id)
        assert [message.ts for message in roots(it, new)] == [first.message_id]


async def test_before_the_announcement_slack_refuses_the_old_id(fake_redis: redis.asyncio.Redis) -> None:
    """The sandbox is honest: without the alias, every call fails."""
    async with office(fake_redis) as it:  # nothing listens, so the announcement does not arrive
        chat = chat_of(it)
        changes_id(it)
        refused = await chat.post(row(it, "a"), a_card(), parent_id=None, now=now(it))
        assert isinstance(refused, Refused)
        assert refused.kind is RefusalKind.CHANNEL
        (found,) = await chat.find([Lookup(receiver=row(it, "a").receiver, key="a", oldest="0")])
        assert isinstance(found, Absent | Unreadable)
        assert await it.directory.admission(ALERTS) is Admission.UNSEEN


async def test_an_id_that_changes_during_a_call_costs_one_more_call(fake_redis: redis.asyncio.Redis) -> None:
    async with talking(fake_redis) as talk:
        it = talk.office
        change = changes_id(it)
        answers = iter([NO_ALIASES])

        async def late() -> Aliases:
            return next(answers, NO_ALIASES.with_changes([change]))

        client = web_client("xoxb-sandbox", f"{it.sandbox.url}/api/", ChannelIds(late))
        answer = await call(client, "chat.postMessage", channel=ALERTS, text="once")
        assert answer.ok
        assert [message.text for message in roots(it, change.new)] == ["once"]
        assert it.call_count("chat.postMessage") == 2


async def test_a_channel_that_is_really_gone_costs_no_second_call(fake_redis: redis.asyncio.Redis) -> None:
    async with talking(fake_redis) as talk:
        it = talk.office
        new = await moves(it)
        it.sandbox.slack.delete_channel(new)
        refused = await chat_of(it).post(row(it, "a"), a_card(), parent_id=None, now=now(it))
        assert isinstance(refused, Refused)
        assert it.call_count("chat.postMessage") == 1


async def test_the_directory_asks_slack_under_the_new_id(
    fake_redis: redis.asyncio.Redis,
) -> None:
    async with talking(fake_redis) as talk:
        it = talk.office
        await moves(it)
        assert await it.directory.admission(ALERTS) is Admission.MEMBER
        assert await it.directory.posting_obstacle(ALERTS) is None
        assert ALERTS in await it.directory.memberships()
        assert (await it.permissions.facts.access(ALERTS, BOB)).membership is Membership.INSIDE
        assert await it.permissions.facts.conversation_name(ALERTS) == "#data-alerts"


async def test_a_text_links_to_the_current_id(fake_redis: redis.asyncio.Redis) -> None:
    async with talking(fake_redis) as talk:
        await asks(talk, "watch pipe_0001", ALERTS)
        talk.office.sandbox.slack.invite_bot(OPS)
        new = await moves(talk.office)
        answer = await asks(talk, "watches in #data-alerts", OPS)
        assert f"<#{new}>" in answer
        assert ALERTS not in answer


def roots(it: Office, channel: ChannelId) -> list[Message]:
    return [message for message in it.sandbox.slack.messages(channel) if message.user == BOT_USER]


def chat_of(it: Office) -> SlackChat:
    return SlackChat(it.slack, LOOK.content, BOT_USER)


def row(it: Office, key: str) -> Delivery:
    delivery = a_delivery(key)
    return replace(delivery, message=replace(delivery.message, made_at=now(it)))


def now(it: Office) -> datetime:
    return datetime.fromtimestamp(it.sandbox.clock.now(), UTC)
